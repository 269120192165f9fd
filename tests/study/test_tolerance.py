"""Intervals cover as often as they say; tolerances add up and carry a reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from rdverify import InputError
from rdverify.study.tolerance import (
    CONFIDENCE,
    LEVEL,
    Interval,
    Part,
    Tolerance,
    interval_of,
    rounding_half_width,
)


def test_intervals_are_student_t_intervals_of_scipy() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    interval = interval_of(values)
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert_allclose((interval.low, interval.high), (low, high))


@pytest.mark.parametrize("n", [2, 3, 10])
def test_a_mean_s_interval_and_one_run_s_are_student_s_at_n_minus_1_degrees(n: int) -> None:
    values = np.random.default_rng(n).normal(3, 2, n)
    found, error = interval_of(values), stats.sem(values)
    of_one = error * np.sqrt(n + 1)  # s sqrt(1 + 1/n)
    for ends, scale in (
        ((found.low, found.high), error),
        ((found.predicted_low, found.predicted_high), of_one),
    ):
        assert_allclose(ends, stats.t.interval(0.95, n - 1, loc=values.mean(), scale=scale))
    assert (found.mean, found.n) == (values.mean(), n)


def test_a_test_rejects_what_its_interval_leaves_out() -> None:
    assert CONFIDENCE == 0.95
    assert CONFIDENCE + LEVEL == 1


@pytest.mark.once
def test_the_interval_for_one_run_covers_one_run_in_95_of_100() -> None:
    rng = np.random.default_rng(5)
    draws = rng.normal(3, 2, (4000, 11))
    hits = 0
    for *seen, unseen in draws:
        interval = interval_of(seen)
        hits += interval.predicted_low <= unseen <= interval.predicted_high
    # binomial standard error 0.0034: four of them
    assert abs(hits / 4000 - 0.95) < 0.014


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20),
    st.floats(-100, 100),
    st.floats(0.01, 100),
)
def test_intervals_move_and_scale_with_the_data(
    values: list[float], shift: float, scale: float
) -> None:
    base, moved = interval_of(values), interval_of(np.array(values) * scale + shift)
    for name in ("mean", "low", "high", "predicted_low", "predicted_high"):
        assert_allclose(
            getattr(moved, name), getattr(base, name) * scale + shift, rtol=1e-7, atol=1e-7
        )


def test_one_value_has_no_width_and_none_is_refused() -> None:
    assert interval_of([2.0]) == Interval(2.0, 2.0, 2.0, 2.0, 2.0, 1)
    with pytest.raises(InputError, match="at least one finite number"):
        interval_of([])
    with pytest.raises(InputError, match="at least one finite number"):
        interval_of([1.0, np.nan])


@pytest.mark.parametrize(("printed", "half"), [("0.3589", 5e-5), ("14", 0.5), (" 1.00 ", 5e-3)])
def test_rounding_is_half_a_unit_of_the_last_digit(printed: str, half: float) -> None:
    assert rounding_half_width(printed) == half


def test_parts_add_up_and_need_a_reason() -> None:
    tolerance = Tolerance((Part("rounding", 0.1, "digits"), Part("seeds", 0.2, "ten runs")))
    assert_allclose(tolerance.half_width, 0.3)
    assert tolerance.of("seeds") == 0.2
    assert_allclose(tolerance.of("seeds", "rounding"), 0.3)
    assert tolerance.of("settings") == tolerance.of() == Tolerance(()).half_width == 0
    with pytest.raises(InputError, match="reason of seeds"):
        Part("seeds", 0.2, " ")
    assert Part("seeds", 0.0, "none moves it").half_width == 0
    for size in (-5e-324, -0.2, np.nan, np.inf):
        with pytest.raises(InputError, match=r"half_width of seeds = .*finite and >= 0"):
            Part("seeds", size, "a reason")
