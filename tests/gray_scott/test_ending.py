"""How a run ends that diverges, is interrupted or can't begin, alone and among others."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rdverify.gray_scott import GrayScottConfig, model, run_many, simulate
from rdverify.tools.progress import Task

SMALL = GrayScottConfig(0.03, 0.06, rows=7, cols=5, square=2, steps=3)


@pytest.mark.parametrize("dt", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("nudge", [-1e-9, 1e-9])
def test_a_step_that_would_move_the_cells_by_more_than_a_million_is_a_divergence(dt, nudge):
    """Without u, v only decays: each of the cells is about to lose dt (F + k) v."""
    v = 1e6 / (dt * 0.09) * (1 + nudge)
    found = simulate(replace(SMALL, dt=dt, steps=1), (np.zeros((7, 5)), np.full((7, 5), v)))
    assert found.diverged_at == (0 if nudge > 0 else None)
    assert np.isnan(found.trace.react[0, 0]) == (nudge > 0)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_last_step_that_leaves_no_number_is_told(steps):
    """Of u alone, whose terms no bound watches; v is 0 and stays so for a step."""
    board = 1.7e308 * (-1.0) ** np.add.outer(np.arange(8), np.arange(6))
    config = replace(SMALL, rows=8, cols=6, steps=steps)
    found = simulate(config, (board, np.zeros((8, 6))))
    assert found.diverged_at == 1
    assert not np.isfinite(found.u).all()
    assert found.trace.config["diverged_at"] == 1


def test_a_run_that_is_told_to_stop_takes_no_step():
    stop = threading.Event()
    assert simulate(SMALL, stop=stop).trace.steps == 3
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        simulate(SMALL, stop=stop)


def test_every_run_that_ends_is_told():
    task = Task("runs", 4)
    told: list[int] = []
    task.advance = lambda steps=1, note="": told.append(steps)  # type: ignore[method-assign]
    run_many([replace(SMALL, seed=seed) for seed in range(4)], 2, task)
    assert told == [1, 1, 1, 1]


def test_the_others_are_stopped_where_one_run_fails(monkeypatch):
    stopped: list[bool] = []

    def failing(config: GrayScottConfig, _initial: Any, stop: threading.Event) -> Any:
        if config.seed == 1:
            raise ArithmeticError("the first to fail")
        stopped.append(stop.wait(20))

    monkeypatch.setattr(model, "simulate", failing)
    with pytest.raises(ArithmeticError, match="the first to fail"):
        run_many([SMALL, replace(SMALL, seed=1)], 2)
    assert stopped == [True]
