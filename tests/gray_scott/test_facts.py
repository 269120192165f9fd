"""The Gray-Scott facts against what can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rdverify.balance import balance_of
from rdverify.gray_scott import GrayScottConfig, Simulation, all_states, initial_state, simulate
from rdverify.gray_scott.study.extremes import largest_gains, octaves
from rdverify.gray_scott.study.facts import growth_of, last_above, when_balanced
from rdverify.gray_scott.study.feed_rates import turing
from rdverify.gray_scott.study.feedback import RUNAWAY, reach, unchecked
from rdverify.gray_scott.study.runs import FEED_RATES, RATIOS, Runs, died, heated_plate
from rdverify.tools.errors import InputError
from rdverify.trace import Trace

SETTING = {
    "n": 16,
    "dx": 0.01,
    "dt": 1.0,
    "steps": 60,
    "square": 8,
    "noise": 0.01,
    "noise_kind": "normal",
    "square_u": 0.5,
    "square_v": 0.25,
}


def test_the_time_from_which_on_a_bound_holds_is_read_off_the_last_step_above_it() -> None:
    series = np.array(
        [
            [9.0, 1.0, 9.0, 1.0, 1.0],  # above for the last time at the third of five
            [1.0, 1.0, 1.0, 1.0, 1.0],  # never
            [1.0, 1.0, 1.0, 1.0, 9.0],  # to the end
            [1.0, 1.0, 1.0, np.nan, 1.0],  # no number is not below
        ]
    )
    assert_allclose(last_above(series, 2.0, 5), [0.6, 0.0, 1.0, 0.8])
    assert_allclose(last_above(series, 2.0, 10), [0.3, 0.0, 0.5, 0.4])
    assert_allclose(last_above(series, 0.5, 5), np.ones(4))


def test_the_change_when_balanced_is_the_largest_in_the_band_or_nearest_to_it() -> None:
    off = np.array([[0.5, 0.03, 0.02, 0.0], [0.5, 0.2, 0.1, np.nan]])  # in the band, never in it
    change = np.array([[9.0, 3.0, 4.0, 1.0], [9.0, 8.0, 7.0, np.nan]])
    assert_allclose(when_balanced(off, change), [4.0, 7.0])


def test_the_heated_plate_solves_its_own_equation() -> None:
    decay, steps = 0.02, 500
    trace = heated_plate(decay, steps)
    v, taken = 0.0, []
    for _ in range(steps):  # v' = v + 1 - decay v, from v = 0
        v += 1 - decay * v
        taken.append(decay * v)
    assert_allclose(trace.diff[0], taken)
    assert_allclose(trace.react - trace.diff, trace.extras["change"])
    balance = balance_of(trace)
    assert balance.r_t[0, -1] == pytest.approx(1, abs=1e-4)
    assert balance.r > 1, "it comes to rest from above, as a spreading pattern does"


def test_feed_rates_are_section_41s_range_in_equal_steps() -> None:
    assert (FEED_RATES[0], FEED_RATES[-1]) == (0.029, 0.055)
    assert_allclose(np.diff(FEED_RATES), 0.002)


def test_only_the_upper_end_of_the_range_has_a_turing_instability() -> None:
    runs = Runs(SETTING, (1,), None, {}, {}, None)  # type: ignore[arg-type]  # nothing is run
    assert [rate for rate in FEED_RATES if turing(runs, rate)] == [0.055]
    assert not any(turing(runs, rate, exchanged=True) for rate in FEED_RATES)
    # below F = 4 (F + k)^2 there is no uniform state but (1, 0)
    k = 0.062
    edge = min(np.roots([4, 8 * k - 1, 4 * k**2]))
    assert edge == pytest.approx(0.0518, abs=1e-4)
    for rate, states in ((edge - 1e-5, 1), (edge + 1e-5, 3)):
        assert len(all_states(float(rate), k, 1e-5, 0.5e-5)) == states


def test_v_runs_away_only_where_it_has_enough_and_nothing_is_used_up() -> None:
    config = GrayScottConfig(0.029, rows=16, cols=16, square=16, noise=0.0, steps=400)
    # uniform: dv/dt = v^2 - (F + k) v, unstable at v = F + k = 0.091
    assert unchecked(config) == RUNAWAY
    low = GrayScottConfig(0.029, rows=16, cols=16, square=16, square_v=0.08, noise=0.0, steps=400)
    assert unchecked(low) < 0.08
    assert simulate(config).v.max() < 1, "the same start with u used up"


def test_reach_is_the_difference_of_radii() -> None:
    n = 200
    y, x = np.mgrid[:n, :n] - n / 2
    distance = np.hypot(x, y) / n
    v, u = np.where(distance < 0.1, 0.3, 0.0), np.where(distance < 0.25, 0.5, 1.0)
    trace = Trace(np.ones((1, 1)), np.ones((1, 1)))
    assert reach(Simulation(trace, u, v)) == pytest.approx(0.15, abs=0.003)
    assert reach(Simulation(trace, np.where(v > 0, 0.5, 1.0), v)) == 0


def test_growth_is_over_the_runs_own_start() -> None:
    config = GrayScottConfig(0.029, rows=32, cols=32, square=0, noise=1e-3, steps=1, seed=3)
    run = simulate(config)
    start = initial_state(config)[1]
    assert growth_of(replace(run, v=start)) == 1
    assert growth_of(replace(run, v=-7 * start)) == pytest.approx(7)


def test_a_wave_shows_in_its_own_octave_alone() -> None:
    n = 32
    y, x = np.mgrid[:n, :n] * 2 * np.pi / n
    for number_x, number_y, octave in ((1, 0, 0), (1, 1, 0), (0, 2, 1), (5, 5, 2), (16, 16, 4)):
        for v in (np.cos(number_x * x + number_y * y), 3 + 0 * x):
            found = octaves(v) > 1e-9
            assert len(found) == 5
            assert list(np.flatnonzero(found)) == ([octave] if np.ptp(v) > 1 else [])


def test_gains_are_those_of_the_linear_law_around_the_empty_state() -> None:
    # around (1, 0) a wave of v loses F + k + D_v q a step, so the first step leaves it largest
    config = GrayScottConfig(0.029, rows=32, cols=32, square=0, noise=1e-9, steps=5)
    gains = largest_gains(simulate(config).trace)
    loss = config.feed_rate + config.kill_rate
    finest = 1 - loss - 8 * config.d_v / config.dx**2
    assert np.all(np.diff(gains) < 0), "the shorter the wave, the more diffusion takes"
    assert finest < gains[-1] < gains[0] < 1 - loss
    assert gains[0] == pytest.approx(1 - loss, rel=0.01)


@pytest.mark.once
def test_a_wave_that_grows_first_and_dies_later_counts_at_its_largest() -> None:
    # uniform at v = 0.25, u = 0.5 v doubles and dies: the long waves grow, the finest never do
    config = GrayScottConfig(
        0.029,
        rows=64,
        cols=64,
        square=0,
        background_u=0.5,
        background_v=0.25,
        noise=1e-3,
        steps=600,
    )
    run = simulate(config)
    assert growth_of(run) < 1e-3
    gains = largest_gains(run.trace)
    assert gains[0] > 1 > gains[-1]


@pytest.mark.once
def test_a_run_that_is_gone_goes_on_by_its_linear_law() -> None:
    config = GrayScottConfig(
        0.029, kill_rate=0.08, rows=32, cols=32, square=8, inner_products=True, steps=500
    )
    short, long = simulate(config), simulate(replace(config, steps=901)).trace
    later = died(short, 400)
    for mine, whole in (
        (later.react / later.diff, long.react / long.diff),
        (later.extras["change"] / later.diff, long.extras["change"] / long.diff),
    ):
        assert mine[0, 0] == pytest.approx(whole[0, 900], rel=1e-9)
        assert mine[0, 0] != pytest.approx(whole[0, 500], rel=1e-2)
    with pytest.raises(InputError, match="largest v"):
        died(simulate(replace(config, steps=5)), 400)


def test_the_ratios_tried_lie_on_both_sides_of_the_papers() -> None:
    assert min(RATIOS) < 0.5 < max(RATIOS) == 1
    assert {0.8, 0.9, 1.0} <= set(RATIOS)
