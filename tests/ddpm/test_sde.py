"""Eqs. (9) and (10) and the exact denoisers, where everything is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import spec
from rdverify.ddpm import Schedule, q_sample, sample
from rdverify.ddpm.denoisers import GaussianDenoiser, MixtureDenoiser, Remapped, TrueNoise, zero
from rdverify.ddpm.sde import (
    GaussianMixture,
    VariancePreserving,
    chain_moments,
    forward_increment,
    reverse_increment,
    solve_forward,
    solve_probability_flow,
    solve_reverse,
    weak_order,
)
from rdverify.tools.errors import InputError

SDE = VariancePreserving()
DOWN = np.linspace(1, 0, 401)
MIXTURE = GaussianMixture(
    np.array([[-2.0, 0.0], [2.0, 1.0], [0.0, -2.0]]), 0.04, np.array([0.5, 0.3, 0.2])
)
GAUSS = GaussianMixture(np.array([[1.5]]), 0.16)
finite = st.floats(-3, 3)


# --- agreement with the specification ----------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(finite, st.floats(0, 1), st.floats(1e-4, 0.1), finite)
def test_eq09_increment_is_the_specified_one(x, t, dt, w):
    x, dw = np.array([[x]]), np.array([[w * math.sqrt(dt)]])
    ours = forward_increment(x, t, dt, SDE.f, SDE.g, dw)
    assert ours == pytest.approx(spec.EQUATIONS[9].corrected(x, t, dt, SDE.f, SDE.g, dw))


@settings(max_examples=40, deadline=None)
@given(finite, st.floats(0.01, 1), st.floats(1e-4, 0.1), finite)
def test_eq10_increment_is_the_corrected_one_and_not_the_printed(x, t, dt, w):
    x, dw = np.array([[x]]), np.array([[w * math.sqrt(dt)]])
    arguments = (x, t, -dt, SDE.f, SDE.g, GAUSS.score, dw)
    ours = reverse_increment(*arguments)
    assert ours == pytest.approx(spec.EQUATIONS[10].corrected(*arguments))
    if t > 0.1 and abs(float(x[0, 0]) - 1.5) > 0.5:  # print has the data's score at every t
        assert abs(float((ours - spec.EQUATIONS[10].printed(*arguments))[0, 0])) > 1e-6


# --- exact Gaussian moments ---------------------------------------------------------------


def test_eq09_moments_are_those_of_the_ornstein_uhlenbeck_process():
    n = 20_000
    x = solve_forward(
        GAUSS.sample(n, np.random.default_rng(1)),
        np.linspace(0, 0.3, 301),
        SDE.f,
        SDE.g,
        np.random.default_rng(2),
    )[:, 0]
    bar = SDE.alpha_bar(0.3)
    mean, variance = math.sqrt(bar) * 1.5, bar * 0.16 + 1 - bar
    assert abs(x.mean() - mean) < 4 * math.sqrt(variance / n) + 0.01  # 0.01: Euler, order 1
    assert abs(x.var() - variance) < 4 * variance * math.sqrt(2 / n) + 0.01


def test_eq09_with_other_drift_and_diffusion_than_the_ddpms():
    """f = 0 and g(t) = t is Brownian motion in a changed clock: variance t^3/3."""
    n = 20_000
    x = solve_forward(
        np.zeros((n, 1)),
        np.linspace(0, 2, 401),
        lambda x, t: 0 * x,
        lambda t: t,
        np.random.default_rng(3),
    )
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], n - 1) / (n - 1)
    assert low * 0.98 < x.var(ddof=1) / (8 / 3) < high * 1.02


def test_eq08_is_a_weak_first_order_discretisation_of_eq09():
    orders = weak_order(SDE)
    assert orders["mean"] == pytest.approx(1, abs=0.05)
    assert orders["second"] == pytest.approx(1, abs=0.05)


def test_eq08_chain_moments_are_alpha_bar():
    schedule = Schedule.linear(100)
    mean, variance = chain_moments(schedule, 2.0, 0.5)
    bar = schedule.alpha_bar[-1]
    assert mean == pytest.approx(2 * math.sqrt(bar))
    assert variance == pytest.approx(0.5 * bar + 1 - bar)


def test_eq08_ends_in_standard_normal_noise():
    for schedule in (Schedule.linear(), Schedule.linear(direction="decreasing")):
        mean, variance = chain_moments(schedule, 1.0, 0.0)
        assert mean == pytest.approx(0, abs=0.01)
        assert variance == pytest.approx(1, abs=1e-4)


# --- Eq. 10 gives back the data -------------------------------------------------------------


def test_eq10_with_the_exact_score_gives_back_gaussian_data():
    rng = np.random.default_rng(4)
    x = solve_reverse(rng.standard_normal((8000, 1)), DOWN, SDE.f, SDE.g, GAUSS.score, rng)[:, 0]
    assert x.mean() == pytest.approx(1.5, abs=0.03)
    assert x.var() == pytest.approx(0.16, rel=0.12)


def test_eq10_error_falls_with_order_one():
    """Exact variance of Euler's reverse chain for Gaussian data: it is linear in x."""
    steps, errors = (400, 800, 1600, 3200), []
    for n in steps:
        grid = np.linspace(1, 0, n + 1)
        bar = SDE.alpha_bar(1.0)
        variance = bar * 0.16 + 1 - bar
        for t, dt in zip(grid[:-1], np.diff(grid), strict=True):
            b, a = SDE.beta(t), SDE.alpha_bar(t)
            gain = 1 + (-0.5 * b + b / (a * 0.16 + 1 - a)) * dt
            variance = gain**2 * variance + b * -dt
        errors.append(abs(variance - 0.16))
    slope = np.polyfit(-np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(1, abs=0.1)


def test_eq10_with_the_exact_score_gives_back_a_mixture():
    rng = np.random.default_rng(5)
    n = 3000
    x = solve_reverse(rng.standard_normal((n, 2)), DOWN, SDE.f, SDE.g, MIXTURE.score, rng)
    mean, covariance = MIXTURE.moments()
    assert x.mean(axis=0) == pytest.approx(mean, abs=5 * math.sqrt(covariance.max() / n))
    assert np.cov(x.T) == pytest.approx(covariance, abs=0.25)
    share = np.bincount(MIXTURE.posterior(x).argmax(1), minlength=3) / n
    assert share == pytest.approx([0.5, 0.3, 0.2], abs=5 * math.sqrt(0.25 / n))


@pytest.mark.once
def test_probability_flow_gives_back_the_mixture_without_noise():
    n = 2000
    x_1 = np.random.default_rng(6).standard_normal((n, 2))
    x = solve_probability_flow(x_1, DOWN, SDE.f, SDE.g, MIXTURE.score)
    share = np.bincount(MIXTURE.posterior(x).argmax(1), minlength=3) / n
    assert share == pytest.approx([0.5, 0.3, 0.2], abs=5 * math.sqrt(0.25 / n))
    back = solve_probability_flow(x, DOWN[::-1], SDE.f, SDE.g, MIXTURE.score)
    assert back == pytest.approx(x_1, abs=0.05)  # the flow is invertible


def test_eq10_without_its_noise_is_not_the_probability_flow():
    """Without noise the spread inside each mode is lost; the flow keeps it."""
    x_1 = np.random.default_rng(7).standard_normal((1500, 2))
    silent = solve_reverse(x_1, DOWN, SDE.f, SDE.g, MIXTURE.score, None)
    flow = solve_probability_flow(x_1, DOWN, SDE.f, SDE.g, MIXTURE.score)

    def spread(x):
        return np.mean((x - MIXTURE.means[MIXTURE.posterior(x).argmax(1)]) ** 2)

    assert spread(silent) < 0.2 * MIXTURE.variance
    assert spread(flow) == pytest.approx(MIXTURE.variance, rel=0.15)


def test_score_is_the_gradient_of_the_log_density():
    def log_density(x, t):
        bar = SDE.alpha_bar(t)
        s = bar * MIXTURE.variance + 1 - bar
        return math.log(
            sum(
                w * math.exp(-np.sum((x - math.sqrt(bar) * m) ** 2) / (2 * s))
                for w, m in zip(MIXTURE.weights, MIXTURE.means, strict=True)
            )
        )

    h = 1e-6
    for x, t in ((np.array([0.3, -0.4]), 0.2), (np.array([-1.9, 0.1]), 0.01)):
        numeric = [
            (log_density(x + h * e, t) - log_density(x - h * e, t)) / (2 * h) for e in np.eye(2)
        ]
        assert MIXTURE.score(x[None], t)[0] == pytest.approx(numeric, rel=1e-5)


# --- the exact denoisers ---------------------------------------------------------------------


SCHEDULE = Schedule.linear(200)


def at(t: int, n: int = 1) -> torch.Tensor:
    return torch.full((n,), t)


def test_true_noise_is_the_noise_and_leads_to_its_image():
    generator = torch.Generator().manual_seed(1)
    x_0, eps = torch.randn((2, 3, 4, 4), generator=generator, dtype=torch.float64)
    denoiser = TrueNoise(SCHEDULE, x_0)
    for t in (0, 50, 199):
        x = q_sample(x_0, t, SCHEDULE, eps)[None]
        assert torch.allclose(denoiser(x, at(t))[0], eps, atol=1e-9)
    images, _ = sample(denoiser, SCHEDULE, (3, 4, 4), images=4, dtype=torch.float64)
    assert torch.allclose(images, x_0.expand(4, -1, -1, -1), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.floats(-2, 2), st.floats(0.01, 4), st.integers(0, 199), st.floats(-4, 4))
def test_gaussian_denoiser_is_the_conditional_mean_by_quadrature(m, v, t, x):
    bar = SCHEDULE.alpha_bar[t]
    e = np.linspace(-9, 9, 20001)
    # given x, eps decides x_0 = (x - sqrt(1 - bar) eps)/sqrt(bar)
    log_w = -0.5 * e**2 - ((x - math.sqrt(1 - bar) * e) / math.sqrt(bar) - m) ** 2 / (2 * v)
    w = np.exp(log_w - log_w.max())
    exact = float(np.sum(w * e) / np.sum(w))
    x_t = torch.full((1, 1, 1, 1), x, dtype=torch.float64)
    assert float(GaussianDenoiser(SCHEDULE, m, v)(x_t, at(t))) == pytest.approx(exact, abs=1e-3)


def test_mixture_denoiser_is_minus_the_score_times_its_standard_deviation():
    """eps = -sqrt(1 - alpha_bar) score: the network of a mixture and its score are one thing."""
    sde = VariancePreserving()
    T = 1000
    schedule = sde.schedule(T)
    means = torch.tensor(MIXTURE.means).reshape(3, 1, 1, 2)
    denoiser = MixtureDenoiser(schedule, means, MIXTURE.variance, torch.tensor(MIXTURE.weights))
    x = np.array([[0.2, -0.3], [1.0, 1.0]])
    for t in (100, 600):
        eps = denoiser(torch.tensor(x).reshape(2, 1, 1, 2), at(t, 2)).reshape(2, 2).numpy()
        score = MIXTURE.score(x, (t + 1) / T)
        assert eps == pytest.approx(-math.sqrt(1 - schedule.alpha_bar[t]) * score, rel=0.05)


def test_mixture_of_one_point_is_the_true_noise_and_of_one_gaussian_the_gaussian():
    generator = torch.Generator().manual_seed(2)
    m, x = torch.randn((2, 1, 1, 3, 3), generator=generator, dtype=torch.float64)
    assert torch.allclose(
        MixtureDenoiser(SCHEDULE, m)(x, at(70)), TrueNoise(SCHEDULE, m)(x, at(70))
    )
    assert torch.allclose(
        MixtureDenoiser(SCHEDULE, m, 0.3)(x, at(70)), GaussianDenoiser(SCHEDULE, m, 0.3)(x, at(70))
    )


def test_chain_with_the_denoiser_of_a_set_ends_in_the_set():
    """And reaches several members: noise and start decide which."""
    generator = torch.Generator().manual_seed(3)
    points = torch.randn((5, 1, 4, 4), generator=generator)
    images, _ = sample(MixtureDenoiser(SCHEDULE, points), SCHEDULE, (1, 4, 4), images=40, seed=2)
    distance = torch.cdist(images.flatten(1).double(), points.flatten(1).double())
    assert float(distance.min(1).values.max()) < 1e-3
    assert len(set(distance.argmin(1).tolist())) == 5


def test_chain_with_the_gaussian_denoiser_has_the_datas_moments():
    images, _ = sample(
        GaussianDenoiser(SCHEDULE, 0.7, 0.25), SCHEDULE, (1, 4, 4), images=300, seed=1
    )
    assert float(images.mean()) == pytest.approx(0.7, abs=0.04)
    assert float(images.var()) == pytest.approx(0.25, rel=0.12)


def test_gaussian_mmse_is_the_error_that_it_makes():
    generator = torch.Generator().manual_seed(4)
    x_0, eps = torch.randn((2, 20_000, 1, 1, 1), generator=generator, dtype=torch.float64)
    denoiser = GaussianDenoiser(SCHEDULE, 0.0, 0.5)
    for t in (0, 20, 150):
        x = q_sample(math.sqrt(0.5) * x_0, t, SCHEDULE, eps)
        error = float((eps - denoiser(x, at(t, len(x)))).square().mean())
        assert error == pytest.approx(float(denoiser.mmse(t)), rel=0.05)


class FractionalGaussian:
    """The exact denoiser of N(m, v) at a fractional index of its schedule."""

    def __init__(self, own: Schedule, m: float, v: float) -> None:
        self.own, self.m, self.v = own, m, v

    def __call__(self, x, t):
        levels = np.log(self.own.alpha_bar / self.own.one_minus_alpha_bar)
        level = np.interp(float(t[0]), np.arange(self.own.T), levels)
        bar = 1 / (1 + math.exp(-level))
        spread = bar * self.v + 1 - bar
        return math.sqrt(1 - bar) * (x - math.sqrt(bar) * self.m) / spread


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.floats(-2, 2), st.sampled_from([(1.0, 0.0), (0.5, 0.5)]))
def test_remapped_network_is_the_exact_denoiser_of_the_other_schedule_and_scale(t, x, affine):
    """A Gaussian's denoiser carried over equals the denoiser of the carried Gaussian."""
    scale, shift = affine
    own, other = Schedule.linear(1000), Schedule.linear(100, 1e-3, 0.1, "decreasing")
    carried = Remapped(FractionalGaussian(own, 0.3, 0.4), own, other, scale, shift)
    exact = GaussianDenoiser(other, scale * 0.3 + shift, scale**2 * 0.4)
    x_t = torch.full((1, 1, 1, 1), x, dtype=torch.float64)
    assert float(carried(x_t, at(t))) == pytest.approx(float(exact(x_t, at(t))), abs=2e-3)


def test_remapped_network_is_not_asked_beyond_its_noisiest_step():
    """T = 4000 with fixed end points has far noisier steps: there eps is the state itself."""
    own, other = Schedule.linear(1000), Schedule.linear(4000)
    asked: list[float] = []

    def network(x, t):
        asked.append(float(t[0]))
        return GaussianDenoiser(own, 0.3, 0.4)(x, t.round().long())

    carried, exact = Remapped(network, own, other), GaussianDenoiser(other, 0.3, 0.4)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(1, 1, 3, 3)
    beyond = np.flatnonzero(other.alpha_bar < own.alpha_bar[-1])
    assert 1000 < len(beyond) < 3000
    for t in (int(beyond[0]) + 1, 3999):
        assert torch.allclose(carried(x, at(t)), exact(x, at(t)), atol=0.01)
    assert not asked
    carried(x, at(int(beyond[0]) - 1))
    assert len(asked) == 1


def test_zero_denoiser_is_zero():
    x = torch.ones((2, 1, 2, 2))
    assert torch.equal(zero(x, at(3, 2)), torch.zeros_like(x))


@pytest.mark.parametrize(
    "call",
    [
        lambda: VariancePreserving(beta_min=0.0),
        lambda: VariancePreserving(beta_max=math.inf),
        lambda: GaussianMixture(np.zeros((2, 1)), 0.1, np.array([0.7, 0.7])),
        lambda: GaussianMixture(np.zeros((2, 1)), -0.1),
        lambda: GaussianDenoiser(SCHEDULE, 0.0, -1.0),
        lambda: MixtureDenoiser(SCHEDULE, torch.zeros(2, 1, 2, 2), math.nan),
        lambda: MixtureDenoiser(SCHEDULE, torch.zeros(2, 1, 2, 2), 0.0, torch.ones(3)),
        lambda: solve_forward(np.zeros(1), [0, 1, 1], SDE.f, SDE.g, np.random.default_rng()),
        lambda: solve_reverse(np.zeros(1), [0, 1], SDE.f, SDE.g, GAUSS.score, None),
    ],
)
def test_bad_input_is_named(call):
    with pytest.raises(InputError, match="is not allowed: must be"):
        call()


def test_times_as_far_apart_as_floats_can_be_are_no_overflow():
    def still(x, _):
        return np.zeros_like(x)

    ways = np.random.default_rng(0), np.random.default_rng(0)
    assert solve_forward(np.ones(1), [0, 1e308], still, lambda _: 0.0, ways[0]) == 1
    assert solve_reverse(np.ones(1), [1e308, 0], still, lambda _: 0.0, still, ways[1]) == 1
