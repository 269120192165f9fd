"""The equations of section 2.3 in single steps, their exact laws, and where arguments end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from rdverify.ddpm.sde import (
    GaussianMixture,
    VariancePreserving,
    chain_moments,
    solve_forward,
    solve_probability_flow,
    solve_reverse,
    weak_order,
)
from rdverify.tools.errors import InputError

SDE = VariancePreserving(0.3, 2.5)
MEANS = np.array([[-1.0, 0.5, 2.0], [0.7, -0.3, 0.1]])
MIXTURE = GaussianMixture(MEANS, 0.3, np.array([0.25, 0.75]), SDE)
X = np.array([[0.2, -0.4, 0.9], [-1.0, 0.6, 1.8], [0.0, 0.0, 0.0], [2.0, -2.0, 1.0]])


def rng() -> np.random.Generator:
    return np.random.default_rng(8)


# --- single steps ---------------------------------------------------------------------------


def test_a_step_forth_is_drift_and_root_dt_of_noise_and_leaves_its_start_alone() -> None:
    start, noise = X.copy(), rng().standard_normal(X.shape)
    found = solve_forward(start, [0.2, 0.45], SDE.f, SDE.g, rng())
    assert found == pytest.approx(X + SDE.f(X, 0.2) * 0.25 + SDE.g(0.2) * 0.5 * noise)
    assert np.array_equal(start, X)


def test_a_step_back_undoes_the_drift_and_follows_the_score() -> None:
    start, noise = X.copy(), rng().standard_normal(X.shape)
    slope = SDE.f(X, 0.45) - SDE.beta(0.45) * MIXTURE.score(X, 0.45)
    silent = solve_reverse(start, [0.45, 0.2], SDE.f, SDE.g, MIXTURE.score, None)
    noisy = solve_reverse(start, [0.45, 0.2], SDE.f, SDE.g, MIXTURE.score, rng())
    assert silent == pytest.approx(X - 0.25 * slope)
    assert noisy - silent == pytest.approx(SDE.g(0.45) * 0.5 * noise)
    assert np.array_equal(start, X)


def test_where_nothing_moves_nothing_does_however_long_it_takes() -> None:
    def nothing(x: np.ndarray, t: float) -> np.ndarray:
        return np.zeros_like(x)

    forth = solve_forward(X, [0, 1e308], nothing, lambda t: 0.0, rng())
    back = solve_reverse(X, [1e308, 0], nothing, lambda t: 0.0, nothing, rng())
    assert np.array_equal(forth, X)
    assert np.array_equal(back, X)


@pytest.mark.parametrize("times", [np.linspace(0.1, 1, 200), np.linspace(1, 0.1, 200)])
def test_the_flow_of_one_gaussian_scales_its_deviation(times: np.ndarray) -> None:
    """Marginals are kept, and of one Gaussian the flow is linear: each x keeps its quantile."""
    one = GaussianMixture(np.array([[1.5]]), 0.16, sde=SDE)
    ends = []
    for t in (times[0], times[-1]):
        bar = SDE.alpha_bar(t)
        ends.append((math.sqrt(bar) * 1.5, math.sqrt(bar * 0.16 + 1 - bar)))
    (mean, deviation), (mean_after, deviation_after) = ends
    x = np.array([[-1.0], [0.3], [2.2]])
    found = solve_probability_flow(x, times, SDE.f, SDE.g, one.score)
    assert found == pytest.approx(mean_after + (x - mean) / deviation * deviation_after, abs=1e-4)
    assert x[0, 0] == -1.0


# --- the variance-preserving process -----------------------------------------------------------


def test_left_out_its_rates_are_a_thousand_times_hos() -> None:
    plain = VariancePreserving()
    assert (plain.beta_min, plain.beta_max) == (0.1, 20.0)
    assert plain.beta(0) == 0.1
    assert plain.beta(1) == pytest.approx(20.0)


@pytest.mark.parametrize("t", [0.0, 0.2, 0.7, 1.0])
def test_alpha_bar_is_the_exponential_of_the_rates_integral(t: float) -> None:
    total, _ = integrate.quad(SDE.beta, 0, t)
    assert SDE.alpha_bar(t) == pytest.approx(math.exp(-total), rel=1e-10)
    assert SDE.beta(t) == pytest.approx((1 - t) * 0.3 + t * 2.5)
    assert SDE.g(t) ** 2 == pytest.approx(SDE.beta(t))
    assert SDE.f(X, t) == pytest.approx(-SDE.beta(t) / 2 * X)


def test_its_chain_has_the_rate_at_the_end_of_each_step() -> None:
    schedule = SDE.schedule(4)
    assert schedule.beta * 4 == pytest.approx([SDE.beta(t) for t in (0.25, 0.5, 0.75, 1.0)])
    assert SDE.schedule(50_000).alpha_bar[-1] == pytest.approx(SDE.alpha_bar(1), rel=1e-3)


def test_the_weak_order_is_that_of_the_exact_moments_errors() -> None:
    """From two chains by hand; mean and second moment have errors of their own."""
    mean, variance, steps, errors = 2.0, 0.5, (40, 160), []
    bar = SDE.alpha_bar(1)
    for T in steps:
        m, v = chain_moments(SDE.schedule(T), mean, variance)
        exact = math.sqrt(bar) * mean, bar * variance + 1 - bar
        errors.append((abs(m - exact[0]), abs(m**2 + v - exact[0] ** 2 - exact[1])))
    orders = weak_order(SDE, mean, variance, steps)
    for name, coarse, fine in zip(("mean", "second"), *errors, strict=True):
        assert orders[name] == pytest.approx(math.log(coarse / fine) / math.log(4), rel=1e-9)
        assert orders[name] == pytest.approx(1, abs=0.1)
    assert orders["mean"] != pytest.approx(orders["second"], rel=1e-6)


def test_left_out_the_weak_order_is_that_of_five_doublings() -> None:
    told = weak_order(VariancePreserving(), 1.0, 0.25, (250, 500, 1000, 2000, 4000))
    assert weak_order(VariancePreserving()) == told


# --- the mixture -------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [0.0, 0.4, 1.0])
def test_the_posterior_of_a_component_is_bayes_rule(t: float) -> None:
    bar = SDE.alpha_bar(t)
    spread = bar * 0.3 + 1 - bar
    odds = np.array(
        [
            w * np.exp(-np.sum((X - math.sqrt(bar) * m) ** 2, axis=1) / (2 * spread))
            for w, m in zip((0.25, 0.75), MEANS, strict=True)
        ]
    ).T
    assert MIXTURE.posterior(X, t) == pytest.approx(odds / odds.sum(axis=1)[:, None], rel=1e-9)
    if t == 0:
        assert np.array_equal(MIXTURE.posterior(X), MIXTURE.posterior(X, 0.0))
    pull = (odds[:, :, None] * (math.sqrt(bar) * MEANS - X[:, None])).sum(axis=1)
    assert MIXTURE.score(X, t) == pytest.approx(pull / odds.sum(axis=1)[:, None] / spread, rel=1e-9)


def test_far_from_all_components_the_posterior_is_still_one() -> None:
    found = MIXTURE.posterior(1e4 * np.ones((1, 3)))
    assert found.sum() == pytest.approx(1)
    assert np.isfinite(found).all()


def test_moments_are_those_of_weighted_points_and_of_the_samples() -> None:
    mean, covariance = MIXTURE.moments()
    weights = np.array([0.25, 0.75])
    assert mean == pytest.approx(np.average(MEANS, axis=0, weights=weights))
    between = np.cov(MEANS.T, aweights=weights, ddof=0)
    assert covariance == pytest.approx(between + 0.3 * np.eye(3))
    drawn = MIXTURE.sample(40_000, rng())
    assert drawn.shape == (40_000, 3)
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.03)


def test_left_out_components_weigh_the_same_and_variance_may_be_nothing() -> None:
    points = GaussianMixture(MEANS, 0.0)
    assert points.weights == pytest.approx([0.5, 0.5])
    assert set(map(tuple, points.sample(50, rng()))) == set(map(tuple, MEANS))
    assert GaussianMixture(np.array([1.0, 2.0]), 0.5).means.shape == (1, 2)


# --- where arguments end -------------------------------------------------------------------------


def forth(times: Any) -> object:
    return solve_forward(X, times, SDE.f, SDE.g, rng())


def back(times: Any) -> object:
    return solve_reverse(X, times, SDE.f, SDE.g, MIXTURE.score, None)


def flow(times: Any) -> object:
    return solve_probability_flow(X, times, SDE.f, SDE.g, MIXTURE.score)


def mixture(weights: Any = None, variance: float = 0.1) -> object:
    return GaussianMixture(MEANS, variance, weights)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "one time": (lambda: forth([0.0]), "strictly increasing, two or more"),
    "no axis": (lambda: forth(0.5), "times"),
    "two axes": (lambda: forth([[0.0, 0.1], [0.2, 0.3]]), "times"),
    "a pause": (lambda: forth([0.0, 0.5, 0.5]), "strictly increasing"),
    "a little way back": (lambda: forth([0.0, 0.5, 0.4]), "strictly increasing"),
    "forth for back": (lambda: back([0.1, 0.5]), "strictly decreasing"),
    "a little way forth": (lambda: back([0.5, 0.1, 0.2]), "strictly decreasing"),
    "a flow that turns": (lambda: flow([0.0, 0.9, 0.5]), "strictly increasing"),
    "a flow that turns later": (lambda: flow([0.5, 0.9, 0.0]), "strictly decreasing"),
    "a flow that stands": (lambda: flow([0.5, 0.5]), "strictly"),
    "no least rate": (lambda: VariancePreserving(0.0, 1.0), r"beta_min = 0\.0"),
    "a negative least rate": (lambda: VariancePreserving(-0.5, 1.0), r"beta_min = -0\.5"),
    "no greatest rate": (lambda: VariancePreserving(0.1, 0.0), r"beta_max = 0\.0"),
    "too few weights": (lambda: mixture([1.0]), "weights"),
    "too many weights": (lambda: mixture([0.5, 0.25, 0.25]), "weights"),
    "weights in a row of their own": (lambda: mixture([[0.5, 0.5]]), "weights"),
    "a negative weight": (lambda: mixture([1.5, -0.5]), "weights"),
    "a weight of nothing": (lambda: mixture([1.0, 0.0]), "weights"),
    "half the weight": (lambda: mixture([0.25, 0.25]), "weights"),
    "negative variance": (lambda: mixture(variance=-1e-9), "variance = -1e-09"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_lies_beyond_an_end_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()
