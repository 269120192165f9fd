"""How a layer is read: by which way, and that its states are those of torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rdverify.lstm import reading
from rdverify.lstm.probing import cell_of
from rdverify.lstm.reading import Cell, Reading, read, way_for
from rdverify.lstm.stepwise import sums


@pytest.mark.parametrize("hidden", [1, 5, 40])
@pytest.mark.parametrize("batch", [3, 40])
def test_the_states_that_are_kept_are_those_of_torch(hidden: int, batch: int) -> None:
    torch.manual_seed(hidden)
    lstm = torch.nn.LSTM(2, hidden, batch_first=True, dtype=torch.float64)
    x = torch.randn(batch, 7, 2, dtype=torch.float64)
    h_0, c_0 = torch.randn(2, batch, hidden, dtype=torch.float64)
    with torch.no_grad():
        expected = lstm(x, (h_0[None], c_0[None]))[0]
    cell = cell_of(lstm)
    assert cell.hidden == hidden
    kept = read(cell, x, h_0, c_0, keep=True)
    assert kept.states is not None
    torch.testing.assert_close(kept.states, expected, rtol=1e-12, atol=1e-14)
    assert read(cell, x, h_0, c_0).states is None


@pytest.mark.parametrize(
    ("batch", "hidden", "way"),
    [
        (32, 32, "sequences"),
        (32, 1, "sequences"),
        (500, 32, "sequences"),
        (31, 32, "units"),
        (32, 33, "units"),
        (1, 33, "units"),
    ],
)
def test_sequences_fill_the_lanes_from_half_of_them_on_with_up_to_32_units(
    batch: int, hidden: int, way: str
) -> None:
    x = torch.zeros(batch, 3, 200)
    assert way_for(x, hidden, keep=False) == way
    assert way_for(x, hidden, keep=True) == "units"  # which alone hands on the states
    for keep in (False, True):  # no CPU can read what lies elsewhere
        assert way_for(x.to("meta"), hidden, keep) == "steps"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("way", ["sequences", "units", "steps"])
def test_the_way_that_is_chosen_is_taken(
    way: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, str]] = []
    ways = (("sequences", reading.kernel), ("units", reading.wide_kernel))
    for name, module in ways:
        for kind in ("float32", "float64"):
            note = (name, kind)
            run = lambda *_, note=note: taken.append(note)  # noqa: E731
            monkeypatch.setitem(module.KERNELS, kind, run)
    monkeypatch.setattr(reading, "way_for", lambda *_: way)
    cell = cell_of(torch.nn.LSTM(2, 3, dtype=dtype))
    zero = torch.zeros(4, 3, dtype=dtype)
    found = read(cell, torch.zeros(4, 5, 2, dtype=dtype), zero, zero)
    assert taken == ([] if way == "steps" else [(way, str(dtype).removeprefix("torch."))])
    assert found.states is None
    assert {name: series.shape for name, series in found.series.items()} == dict.fromkeys(
        reading.kernel.SERIES, (4, 5)
    )


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 64, 70])
def test_steps_that_are_summed_together_are_those_of_each_alone(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(steps)
    cell = cell_of(torch.nn.LSTM(2, 4, dtype=torch.float64))
    x, zero = torch.randn(3, steps, 2, dtype=torch.float64), torch.zeros(3, 4).double()
    expected = read(cell, x, zero, zero, detail=True)
    monkeypatch.setattr(reading, "way_for", lambda *_: "steps")
    found = read(cell, x, zero, zero, detail=True, keep=True)
    assert found.states is not None
    assert found.states.shape == (3, steps, 4)
    for name, series in expected.series.items():
        assert found.series[name] == pytest.approx(series, rel=1e-9, abs=1e-12)


def test_where_a_device_has_no_float64_sums_are_of_float32() -> None:
    class Elsewhere(torch.Tensor):
        device: Any = SimpleNamespace(type="mps")

    term = torch.ones(2, 3)
    assert sums([(term, term)]).dtype == torch.float64
    there = term.as_subclass(Elsewhere)
    assert sums([(there, there)]).dtype == torch.float32


def test_cells_and_readings_are_known_by_themselves_and_not_by_their_arrays() -> None:
    w = torch.ones(4, 1)
    for make in (lambda: Cell(w, w, w[:, 0]), lambda: Reading({})):
        one, other = make(), make()
        assert one != other
        assert len({one, other}) == 2
