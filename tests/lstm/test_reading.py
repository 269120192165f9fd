"""How a layer is read: by which way, and that its states are those of torch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.lstm import reading
from rdverify.lstm.probing import cell_of, gates
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


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("way", ["sequences", "units", "steps"])
def test_every_series_is_its_definition_whichever_way_it_is_read(
    way: str, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(11)
    lstm = torch.nn.LSTM(2, 5, batch_first=True, dtype=dtype)
    x, (h_0, c_0) = torch.randn(3, 4, 2, dtype=dtype), torch.randn(2, 3, 5, dtype=dtype)
    inside = gates(lstm, x, (h_0[None], c_0[None]))
    a, b = inside.i * inside.c_tilde, inside.one_minus_f * inside.c_prev
    expected = {
        "react": np.linalg.norm(a, axis=2),
        "diff": np.linalg.norm(b, axis=2),
        "change": np.linalg.norm(inside.c - inside.c_prev, axis=2),
        "inner": np.sum(a**2 - b**2, axis=2),
        "cell": np.linalg.norm(inside.c, axis=2),
        "i": inside.i.mean(axis=2),
        "one_minus_f": inside.one_minus_f.mean(axis=2),
        "abs_cell": np.abs(inside.c).mean(axis=2),
        "aligned": (np.sign(inside.c_tilde) * np.sign(inside.c_prev)).mean(axis=2),
    }
    monkeypatch.setattr(reading, "way_for", lambda *_: way)
    found = read(cell_of(lstm), x, h_0, c_0, detail=True).series
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=tolerance, abs=tolerance), name


@pytest.mark.parametrize("module", [reading.kernel, reading.wide_kernel])
def test_without_a_folder_for_a_cache_a_kernel_is_compiled_all_the_same(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def njit(*, cache: bool, **_: Any) -> Any:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda run: run

    monkeypatch.setattr(module.numba, "njit", njit)
    assert callable(module._kernel(np.float32, None, 88.0))
    assert asked == [True, False]


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
