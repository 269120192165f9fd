"""The features of R_t on drawn series whose mode is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.metric.modes import Mode, features, oscillates
from rdverify.tools.errors import InputError

TIME = (np.arange(1000) + 1) / 1000


def share(curves: np.ndarray, mode: Mode) -> float:
    return float(np.mean([features(curve).mode == mode for curve in curves]))


def oscillation(periods: float, size: float, centre: float = 1.0) -> np.ndarray:
    return centre * np.exp(size * np.sin(2 * np.pi * periods * TIME))


def transition(low: float, at: float, width: float) -> np.ndarray:
    return low ** (1 / (1 + np.exp((TIME - at) / width)))


@pytest.mark.parametrize("size", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("rate", [5.0, 20.0, 60.0])
def test_a_transient_that_dies_out_is_static(size: float, rate: float) -> None:
    decaying = 1 + size * np.exp(-rate * TIME) * np.cos(40 * TIME)
    assert features(decaying).mode == "static"


def test_a_constant_one_is_static_and_other_constants_are_nothing() -> None:
    assert features(np.ones(200)).mode == "static"
    assert features(np.full(200, 1.5)).mode == "none"
    assert features(np.full(200, 0.07)).mode == "none"


@pytest.mark.parametrize("periods", [4, 10, 50])
@pytest.mark.parametrize("size", [0.02, 0.2, 1.0])
def test_an_oscillation_around_one_is_dynamic(periods: float, size: float) -> None:
    assert features(oscillation(periods, size)).mode == "dynamic"


def test_an_oscillation_away_from_one_is_not_dynamic() -> None:
    assert features(oscillation(10, 0.2, centre=2.0)).mode == "none"


@pytest.mark.parametrize("low", [0.02, 0.07, 0.3])
@pytest.mark.parametrize("width", [0.01, 0.03])
def test_a_late_rise_from_low_values_is_a_phase_transition(low: float, width: float) -> None:
    assert features(transition(low, 0.93, width)).mode == "phase transition"


def test_an_early_rise_or_a_steady_one_is_no_late_transition() -> None:
    assert features(transition(0.07, 0.3, 0.02)).mode == "static"
    assert features(0.07 ** (1 - TIME)).mode == "none"


def test_white_noise_has_no_mode() -> None:
    rng = np.random.default_rng(1)
    noise = np.exp(0.2 * rng.standard_normal((50, 1000)))
    assert share(noise, "none") == 1.0


def test_what_oscillates_may_be_jagged_and_what_is_dynamic_oscillates() -> None:
    noise = np.exp(0.2 * np.random.default_rng(3).standard_normal((20, 1000)))
    assert all(oscillates(features(curve)) for curve in noise)
    assert oscillates(features(oscillation(10, 0.2)))
    for still in (np.ones(200), 1 + 0.5 * np.exp(-20 * TIME), oscillation(10, 0.2, centre=2.0)):
        assert not oscillates(features(still))


def test_a_random_walk_of_the_logarithm_is_seldom_dynamic() -> None:
    rng = np.random.default_rng(2)
    walks = np.exp(0.05 * np.cumsum(rng.standard_normal((200, 1000)), axis=1))
    # it crosses 1 again and again when it does at all: the features can't exclude it
    assert 0.2 < share(walks, "dynamic") < 0.95


@given(st.floats(0.02, 1), st.floats(3, 60), st.floats(0, 1))
def test_crossings_count_two_for_each_period(size: float, periods: float, phase: float) -> None:
    curve = np.exp(size * np.sin(2 * np.pi * (periods * TIME + phase)))
    assert abs(features(curve).crossings - 2 * periods * 0.8) <= 1.01


@given(st.floats(0.02, 1), st.floats(4, 60))
def test_the_mode_is_the_same_for_the_inverse_ratio_unless_it_is_about_low_values(
    size: float, periods: float
) -> None:
    curve = oscillation(periods, size)
    one, other = features(curve), features(1 / curve)
    assert one.mode == other.mode == "dynamic"
    assert one.spread == pytest.approx(other.spread)


def test_the_number_of_steps_does_not_decide() -> None:
    for steps in (100, 200, 1000, 10_000):
        time = (np.arange(steps) + 1) / steps
        assert features(np.exp(0.3 * np.sin(2 * np.pi * 8 * time))).mode == "dynamic"
        assert features(1 + 0.5 * np.exp(-20 * time)).mode == "static"
        assert features(0.07 ** (1 / (1 + np.exp((time - 0.93) / 0.02)))).mode == "phase transition"


def test_zero_infinity_and_undefined_steps_are_taken_as_stated() -> None:
    curve = np.ones(300)
    curve[0], curve[1], curve[2] = np.inf, 0.0, np.nan
    assert features(curve).mode == "static"


@pytest.mark.parametrize(
    "bad", [np.ones(5), np.ones((3, 100)), -np.ones(100), np.full(100, np.nan)]
)
def test_bad_series_are_refused_in_one_line(bad: np.ndarray) -> None:
    with pytest.raises(InputError, match="r_t") as caught:
        features(bad)
    assert "\n" not in str(caught.value)
