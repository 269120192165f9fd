"""What a network can do, against the same worked out by hand, and how a frequency is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, free_run
from rdverify.lstm.sequences import SineConfig, frequencies, generate
from rdverify.lstm.skill import (
    _fourier,
    free_run_errors,
    frequency_errors,
    frequency_of,
    one_step,
    predictions,
)
from rdverify.tools.errors import InputError

MODEL = build(LSTMConfig(hidden=3, seed=5))
ROWS = np.random.default_rng(2).normal(size=(2, 24))


class Last(SequenceModel):
    """It says that the next value is the one that it reads."""

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        return x, state


def rms(values: np.ndarray, axis: int | None = None) -> Any:
    return np.sqrt(np.mean(np.square(values), axis=axis))


@pytest.mark.parametrize("skip", [2, 3, 10, 23])
def test_errors_are_those_of_the_values_that_are_not_only_read(skip: int) -> None:
    found = one_step(MODEL, ROWS, skip)
    made = predictions(MODEL, ROWS)
    gaps = np.array(
        [
            [made[row, t - 1], ROWS[row, t - 1], 2 * ROWS[row, t - 1] - ROWS[row, t - 2]]
            - ROWS[row, t]
            for row in range(2)
            for t in range(skip, 24)
        ]
    )
    network, last, linear = rms(gaps, axis=0)
    assert (found.model, found.last_value, found.linear) == pytest.approx((network, last, linear))
    assert found.factor == pytest.approx(min(last, linear) / network)
    assert one_step(MODEL, ROWS) == one_step(MODEL, ROWS, 20)


@pytest.mark.parametrize("skip", [-1, 0, 1, 24, 25])
def test_a_prediction_needs_two_values_before_it_and_one_to_hold_it_against(skip: int) -> None:
    with pytest.raises(InputError, match=rf"^skip = {skip} is not allowed: must be in \[2, 24\)$"):
        one_step(MODEL, ROWS, skip)
    with pytest.raises(InputError, match=rf"^warm_up = {skip} .* must be in \[2, 24\)$"):
        free_run_errors(MODEL, ROWS, skip)


@pytest.mark.parametrize("warm_up", [2, 7, 23])
def test_free_runs_are_held_against_the_rest_of_each_sequence(warm_up: int) -> None:
    made = free_run(MODEL, as_input(ROWS[:, :warm_up], MODEL), 24 - warm_up)
    assert free_run_errors(MODEL, ROWS, warm_up) == pytest.approx(rms(made - ROWS[:, warm_up:], 0))


def test_a_network_that_repeats_is_wrong_by_how_far_the_rest_lies_from_its_last_value() -> None:
    gap = ROWS[:, 6:] - ROWS[:, 5:6]
    assert free_run_errors(Last(1), ROWS, 6) == pytest.approx(rms(gap, 0), rel=1e-6)


def test_frequencies_are_of_64_unseen_sines_continued_for_200_steps_after_100() -> None:
    data = SineConfig(seed=3)
    made = free_run(MODEL, as_input(generate(data, "unseen", 64)[:, :100], MODEL), 200)
    expected = np.abs(frequency_of(made) / frequencies(data, "unseen", 64) - 1)
    assert np.array_equal(frequency_errors(MODEL, data), expected)


def test_the_grid_is_of_50_frequencies_per_cycle_from_a_quarter_to_nyquist() -> None:
    for steps in (8, 40):
        grid, bases = _fourier(steps)
        assert grid[0] == 0.25 / steps
        assert np.diff(grid) == pytest.approx(1 / (50 * steps))
        assert 0.5 - 1 / (50 * steps) <= grid[-1] < 0.5
        assert bases.shape == (len(grid), steps, 3)


def test_the_size_and_the_offset_of_a_signal_say_nothing_of_its_frequency() -> None:
    rows = np.random.default_rng(4).normal(size=(30, 40))
    found = frequency_of(rows)
    for factor, offset in ((1e-4, 0.0), (1e3, 0.0), (1.0, 5.0), (-1.0, 0.0)):
        assert frequency_of(factor * rows + offset) == pytest.approx(found, abs=1e-9)


def test_a_frequency_leaves_the_least_squares_of_all_that_are_tried() -> None:
    """By a solver of its own: the best of the grid, or between it and its neighbours."""
    rows = np.random.default_rng(7).normal(size=(20, 16))
    grid, _ = _fourier(16)
    t = np.arange(16)
    left = []
    for f in grid:
        base = np.stack([np.ones(16), np.cos(2 * np.pi * f * t), np.sin(2 * np.pi * f * t)], 1)
        left.append(((rows.T - base @ np.linalg.lstsq(base, rows.T, rcond=None)[0]) ** 2).sum(0))
    best = grid[np.argmin(left, axis=0)]
    assert np.abs(frequency_of(rows) - best).max() <= 1.01 * (grid[1] - grid[0])


@pytest.mark.parametrize("shape", [(16,), (2, 7), (2, 16, 2), (16, 2, 2)])
def test_a_frequency_is_of_rows_of_at_least_8_steps(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^x\.shape = .* \(rows, T\), T >= 8$"):
        frequency_of(np.zeros(shape))
    assert frequency_of(np.sin(np.arange(8.0))[None]).shape == (1,)


def test_where_nothing_bends_down_the_middle_of_the_three_is_told() -> None:
    """A row of zeros; and one that is fitted best beyond the slowest, more so the further."""
    first = _fourier(8)[0]
    rows = np.array([[0] * 8, [-89, -23, -22, 78, 8, 99, 50, -101]])
    assert frequency_of(rows).tolist() == [first[1], first[1]]


def test_slow_and_fast_sines_are_found_up_to_the_ends_of_the_grid() -> None:
    t, grid = np.arange(40.0), _fourier(40)[0]
    true = np.array([0.256, 0.262, 0.27, 0.28, 19.9]) / 40
    found = frequency_of(np.cos(2 * np.pi * true[:, None] * t + 1))
    assert found == pytest.approx(true, abs=0.1 * (grid[1] - grid[0]))
    beyond = np.array([np.exp(t / 9), np.exp(t / 9) * (-1) ** t, t, t**2, t * (-1) ** t])
    assert frequency_of(beyond).min() >= grid[0]
    assert frequency_of(beyond).max() <= grid[-1]
