"""Shares of runs: what counts as a run, and the exact interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rdverify.metric import labels, runs
from rdverify.metric.runs import Model
from rdverify.trace import Trace

NOTHING = runs.Runs(Path(), {})


def trace(*levels: float) -> Trace:
    """One run for each level, R_t constant there."""
    react = np.repeat(np.array(levels)[:, None], 100, axis=1)
    return Trace(react, np.ones_like(react))


@pytest.mark.parametrize(
    ("unit", "value", "n", "low", "high"),
    # Clopper and Pearson's ends of 2 of 3 and of 5 of 9
    [("trace", 2 / 3, 3, 0.094, 0.992), ("run", 5 / 9, 9, 0.212, 0.863)],
)
def test_a_share_counts_what_was_run_independently(
    monkeypatch: pytest.MonkeyPatch, unit: str, value: float, n: int, low: float, high: float
) -> None:
    made = [trace(1, 1, 5), trace(1, 1, 5), trace(1, 5, 5)]  # two of three have most runs at 1
    name = f"made up by {unit}"
    model = Model("made up", "static", lambda _: made, unit)  # type: ignore[arg-type]
    monkeypatch.setattr(runs, "MODELS", {**runs.MODELS, name: model})
    monkeypatch.setattr(labels, "MODELS", runs.MODELS)
    found = labels.shares(NOTHING, name)
    assert (found.value, found.n, found.how) == (pytest.approx(value), n, "clopper-pearson")
    assert found.ends == pytest.approx((low, high), abs=1e-3)


def test_by_unit_keeps_runs_or_takes_their_mean() -> None:
    values = [[1.0, 3.0], [5.0, 7.0]]
    assert runs.by_unit("lstm.sine", values) == [2.0, 6.0]
    assert runs.by_unit("ddpm", values) == [1.0, 3.0, 5.0, 7.0]


def test_forty_of_forty_decide_what_four_of_four_do_not() -> None:
    assert labels.share(len(runs.SEEDS), len(runs.SEEDS)).ends[0] > 0.9
    assert labels.share(4, 4).ends[0] < 0.4
