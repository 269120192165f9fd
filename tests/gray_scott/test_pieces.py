"""A run of a sweep is made in pieces: where they end, which of them counts, and what is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rdverify.gray_scott import GrayScottConfig, classify, simulate, target
from rdverify.gray_scott.target import GONE, TARGET, relaxation

LIVING = {"feed_rate": 0.04, "kill_rate": 0.06, "rows": 16, "cols": 12, "square": 6}
DYING = {"feed_rate": 0.03, "kill_rate": 0.08, "rows": 16, "cols": 16, "square": 8}


def seen(
    setting: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], list[int], list[np.ndarray]]:
    """A run's numbers, the lengths of its pieces, and the fields whose patterns are told."""
    lengths: list[int] = []
    fields: list[np.ndarray] = []

    def piece(config: GrayScottConfig, initial: Any = None) -> Any:
        lengths.append(config.steps)
        return simulate(config, initial)

    def told(field: np.ndarray) -> Any:
        fields.append(field)
        return classify(field)

    monkeypatch.setattr(target, "simulate", piece)
    monkeypatch.setattr(target, "classify", told)
    return dict(TARGET.run(setting)), lengths, fields


@pytest.mark.parametrize(
    ("steps", "lengths"),
    [
        (1, [1]),
        (2, [1, 1]),
        (7, [3, 4]),
        (4_000, [2_000, 2_000]),
        (9_001, [2_000, 2_000, 500, 2_000, 2_000, 501]),
    ],
)
def test_pieces_end_every_2000_steps_at_the_half_and_at_the_end(steps, lengths, monkeypatch):
    found, made, (last, half) = seen(LIVING | {"steps": steps}, monkeypatch)
    assert made == lengths
    end = simulate(GrayScottConfig(**LIVING, steps=steps))
    assert np.array_equal(last, end.v)
    before = simulate(GrayScottConfig(**LIVING, steps=max(1, steps // 2)))
    assert np.array_equal(half, before.v)
    assert found["contrast"] == np.ptp(end.v)
    assert found["supply"] == pytest.approx((end.u * end.v).max() / 0.1)
    assert math.isfinite(found["final_ratio"])


def test_a_run_is_left_at_the_first_look_at_which_v_is_gone(monkeypatch):
    monkeypatch.setattr(target, "LOOK", 40)
    _, made, (last, half) = seen(DYING | {"steps": 6_000}, monkeypatch)
    assert len(made) > 3
    assert set(made) == {40}
    config = GrayScottConfig(**DYING, steps=sum(made), snapshots=(sum(made) - 40,))
    whole = simulate(config)
    assert np.abs(whole.v).max() <= GONE < np.abs(whole.snapshots[sum(made) - 40][1]).max()
    # before the half: what is left stands for the half, too
    assert np.array_equal(last, whole.v)
    assert np.array_equal(half, whole.v)


@pytest.mark.parametrize("look", [1, 2, 3, 2_000])
@pytest.mark.once
def test_a_divergence_is_told_with_all_the_steps_before_it(look, monkeypatch):
    wild = LIVING | {"kinetics": "u2v", "seed": 1}
    steps = simulate(GrayScottConfig(**wild, steps=60)).diverged_at
    assert steps is not None
    assert steps > 3
    monkeypatch.setattr(target, "LOOK", look)
    for length in (steps + 1, 2 * steps - 1, 2 * steps + 2):  # in the second half, in the first
        with pytest.raises(FloatingPointError, match=f"^diverged after {steps} steps$"):
            TARGET.run(wild | {"steps": length})


def test_a_contrast_that_counts_as_uniform_leaves_no_residual(monkeypatch):
    setting = LIVING | {"steps": 50}
    found = TARGET.run(setting)
    contrast = float(found["contrast"])
    assert math.isfinite(float(found["residual"]))
    for border, told in ((contrast, False), (math.nextafter(contrast, 0), True)):
        monkeypatch.setattr(target, "UNIFORM_BELOW", border)
        assert math.isfinite(float(TARGET.run(setting)["residual"])) == told


def test_the_last_step_counts_as_late_however_short_the_run() -> None:
    for steps, late in ((1, 1), (2, 1), (3, 1), (4, 2)):
        assert relaxation(GrayScottConfig(feed_rate=0.03, steps=steps)) == late


def test_a_pattern_can_be_told_on_four_cells_a_side() -> None:
    TARGET.check({"feed_rate": 0.03, "rows": 4, "cols": 4, "square": 2})
