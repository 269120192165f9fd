"""The DDPM's claims that need no network: chain, kernel, SDEs, mixtures, closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.sde import (
    FloatArray,
    GaussianMixture,
    VariancePreserving,
    chain_moments,
    solve_probability_flow,
    solve_reverse,
    weak_order,
)
from rdverify.study import Metric, Metrics

SDE = VariancePreserving()
DOWN = np.linspace(1, 0, 1001)  # the DDPM's 1000 steps
# eight modes on a circle of radius 2, unequal weights: one is dominant, none negligible
ANGLES = 2 * np.pi * np.arange(8) / 8
MIXTURE = GaussianMixture(
    2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1),
    0.01,
    np.array([0.30, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.10]),
    SDE,
)
BATCHES, POINTS = 8, 250  # independent batches of trajectories, for the intervals
STEPS = (50, 100, 200, 500, 1000, 2000, 4000)


def exact_metrics(metrics: Metrics) -> None:
    """Everything of this module, into ``metrics``."""
    _forward(metrics)
    _kernel(metrics)
    _discretisation(metrics)
    _mixture(metrics)
    _steps(metrics)


def _forward(metrics: Metrics) -> None:
    """The end of the forward chain, for the pixel that keeps most of itself: x_0 = 1."""
    for name, schedule in (
        ("forward", Schedule.linear()),
        ("control.short_forward", Schedule.linear(50)),
    ):
        mean, variance = chain_moments(schedule, 1.0, 0.0)
        metrics[f"ddpm.{name}.mean"] = Metric(
            mean, f"mean of a pixel of x_T whose x_0 is 1, exact, T = {schedule.T}"
        )
        metrics[f"ddpm.{name}.variance"] = Metric(
            variance, f"variance of a pixel of x_T given x_0, exact, T = {schedule.T}"
        )
    decreasing = chain_moments(Schedule.linear(direction="decreasing"), 1.0, 0.0)
    metrics["ddpm.forward.mean_decreasing"] = Metric(
        decreasing[0], "the same mean with beta decreasing: alpha_bar_T does not depend on order"
    )


def reverse_kernel_distance(beta: float, bar: float, m: float = 1.0, v: float = 1e-3) -> float:
    """Mean total variation between q(x_{t-1} | x_t) and the Gaussian of its own moments.

    One pixel with data 0.5 N(-m, v) + 0.5 N(m, v). Given x_t each component k
    contributes N(mu_k, s) with weight p_k: the kernel is a mixture of two Gaussians,
    and its distance to one Gaussian is integrated numerically, then averaged over
    x_t by quadrature.

    Args:
        beta: of the step.
        bar: alpha_bar before the step.
        m: half the distance of the two modes.
        v: variance of each mode.
    """
    prior = bar * v + 1 - bar  # variance of each component before the step
    centre = math.sqrt(bar) * m
    after = (1 - beta) * prior + beta
    kernel = prior * beta / after  # variance of each component given x_t
    x_t = np.linspace(-1, 1, 201) * (math.sqrt(1 - beta) * centre + 5 * math.sqrt(after))
    odds, density, means = [], [], []
    for sign in (-1, 1):
        density.append(
            0.5 * stats.norm.pdf(x_t, sign * math.sqrt(1 - beta) * centre, math.sqrt(after))
        )
        means.append(
            sign * centre
            + math.sqrt(1 - beta) * prior / after * (x_t - sign * math.sqrt(1 - beta) * centre)
        )
    total = density[0] + density[1]
    odds = [d / np.maximum(total, 1e-300) for d in density]
    mean = odds[0] * means[0] + odds[1] * means[1]
    variance = kernel + odds[0] * (means[0] - mean) ** 2 + odds[1] * (means[1] - mean) ** 2
    y = np.linspace(-1, 1, 1201)[:, None]
    y = mean + 8 * np.sqrt(variance) * y  # (1201, 201), each x_t with its own range
    exact = sum(
        o * stats.norm.pdf(y, mu, math.sqrt(kernel)) for o, mu in zip(odds, means, strict=True)
    )
    gap = 0.5 * np.trapezoid(np.abs(exact - stats.norm.pdf(y, mean, np.sqrt(variance))), y, axis=0)
    return float(np.sum(gap * total) / np.sum(total))


def _kernel(metrics: Metrics) -> None:
    """How far from Gaussian the reverse kernel is, at the same noise level, for several beta."""
    betas = np.geomspace(1e-4, 0.02, 6)
    distances = [reverse_kernel_distance(b, 0.5) for b in betas]
    metrics["ddpm.kernel.order"] = Metric(
        float(np.polyfit(np.log(betas), np.log(distances), 1)[0]),
        "slope of log distance to a Gaussian against log beta, two-point data, alpha_bar = 0.5",
    )
    schedule = Schedule.linear()
    places = range(1, 1000, 37)
    metrics["ddpm.kernel.worst_distance"] = Metric(
        max(reverse_kernel_distance(schedule.beta[t], schedule.alpha_bar[t - 1]) for t in places),
        "largest mean total variation between q(x_{t-1} | x_t) and the Gaussian of its moments "
        "over the schedule of T = 1000, two-point data",
    )
    short = Schedule.linear(1000 // 50, scaling="endpoints", beta_1=5e-3, beta_T=0.7)
    metrics["ddpm.control.large_beta.worst_distance"] = Metric(
        max(
            reverse_kernel_distance(short.beta[t], short.alpha_bar[t - 1])
            for t in range(1, short.T)
        ),
        "the same for 20 steps with beta up to 0.7",
    )


def _discretisation(metrics: Metrics) -> None:
    orders = weak_order(SDE)
    metrics["ddpm.sde.weak_order_mean"] = Metric(
        orders["mean"], "order in 1/T at which E[x_T] of Eq. (8) approaches Eq. (9), regression"
    )
    metrics["ddpm.sde.weak_order_second"] = Metric(orders["second"], "the same for E[x_T^2]")
    # beta(t) without its division by T: the chain then runs to another process
    errors = []
    for T in (250, 1000, 4000):
        m, v = 1.0, 0.25
        for beta in SDE.schedule(T).beta:
            m, v = (1 - beta) * m, (1 - beta) ** 2 * v + beta  # 1 - beta for its root
        errors.append(abs(v - 1))
    metrics["ddpm.control.no_root.weak_order_second"] = Metric(
        float(np.polyfit(-np.log([250, 1000, 4000]), np.log(errors), 1)[0]),
        "the same order for a chain with 1 - beta in place of sqrt(1 - beta)",
    )


def energy_distance(x: FloatArray, y: FloatArray) -> float:
    """Energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'| over E|Y-Y'|, unbiased, x and y (n, d)."""

    def mean(a: FloatArray, b: FloatArray, same: bool) -> float:
        d = np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0))  # (n, n)
        return float(d.sum() / (len(a) * (len(b) - same)))

    own = mean(y, y, True)
    return (2 * mean(x, y, False) - mean(x, x, True) - own) / own


def modes(x: FloatArray) -> FloatArray:
    """Share of each mode of MIXTURE among the points x, shape (8,)."""
    return np.bincount(MIXTURE.posterior(x).argmax(1), minlength=8) / len(x)


def spread_within(x: FloatArray) -> float:
    """Variance within the modes over the data's, 1 where the spread is kept."""
    centre = MIXTURE.means[MIXTURE.posterior(x).argmax(1)]
    return float(np.mean((x - centre) ** 2) / MIXTURE.variance)


def mixture_endpoints() -> dict[str, list[FloatArray]]:
    """Ends of the reverse process by five rules, from the same starts, batch by batch.

    "noise" is Eq. (10); "printed" has the data's own score at every t, as Eq. (10)
    is printed; "silent" leaves the noise out; "flow" is the probability-flow ODE;
    "no score" keeps the forward drift and the noise alone. "data" are fresh draws.
    """
    ends: dict[str, list[FloatArray]] = {}
    for batch in range(BATCHES):
        start = np.random.default_rng((4, batch)).standard_normal((POINTS, 2))

        def rng(batch: int = batch) -> np.random.Generator:
            return np.random.default_rng((5, batch))

        coarse = DOWN[::5]
        ends_now = {
            "noise": solve_reverse(start, DOWN, SDE.f, SDE.g, MIXTURE.score, rng()),
            "silent": solve_reverse(start, DOWN, SDE.f, SDE.g, MIXTURE.score, None),
            "printed": np.clip(
                solve_reverse(start, DOWN, SDE.f, SDE.g, lambda x, t: MIXTURE.score(x, 0.0), rng()),
                -1e6,
                1e6,
            ),
            "no score": solve_reverse(start, DOWN, SDE.f, SDE.g, lambda x, t: 0 * x, rng()),
            "flow": solve_probability_flow(start, coarse, SDE.f, SDE.g, MIXTURE.score),
            "data": MIXTURE.sample(POINTS, np.random.default_rng((6, batch))),
        }
        for name, end in ends_now.items():
            ends.setdefault(name, []).append(end)
    return ends


def _mixture(metrics: Metrics) -> None:
    ends = mixture_endpoints()
    fresh = [MIXTURE.sample(POINTS, np.random.default_rng((7, batch))) for batch in range(BATCHES)]
    keys = {
        "noise": "reverse",
        "silent": "silent",
        "printed": "reverse_printed",
        "flow": "flow",
        "no score": "control.no_score",
        "data": "control.data",
    }
    for name, key in keys.items():
        batches = ends[name]
        metrics[f"ddpm.{key}.energy_distance"] = Metric.of(
            [energy_distance(x, y) for x, y in zip(batches, fresh, strict=True)],
            f"energy distance of the ends ({name}) to the eight-mode mixture, over the data's "
            "own mean distance; 0 for equal laws",
        )
        metrics[f"ddpm.{key}.largest_mode_share"] = Metric.of(
            [modes(x).max() for x in batches],
            f"share of the most frequent mode among the ends ({name}); the data's is 0.30",
        )
        metrics[f"ddpm.{key}.modes_covered"] = Metric.of(
            [np.mean(modes(x) > 0.01) for x in batches],
            f"share of the eight modes that get over 1 % of the ends ({name})",
        )
        metrics[f"ddpm.{key}.spread_within"] = Metric.of(
            [spread_within(x) for x in batches],
            f"variance of the ends ({name}) about their mode over the data's",
        )


def _steps(metrics: Metrics) -> None:
    """R against T in closed form, d = 1024, pixels of mean square 0.5."""
    for scaling, key in (("endpoints", "endpoints"), ("1/T", "inverse_T")):
        r = {
            T: expected_balance(Schedule.linear(T, scaling=scaling), 1024, 0.5).r  # type: ignore[arg-type]
            for T in STEPS
        }
        metrics[f"ddpm.steps.{key}.gain"] = Metric(
            r[4000] - r[1000],
            "R at T = 4000 minus R at T = 1000, closed form, "
            f"beta {'with fixed end points' if key == 'endpoints' else 'proportional to 1/T'}",
        )
        metrics[f"ddpm.steps.{key}.slope"] = Metric(
            float(np.polyfit(np.log(STEPS), np.log([r[T] for T in STEPS]), 1)[0]),
            "exponent of R in T from T = 50 to 4000, closed form",
        )


def expected_curve(
    schedule: Schedule, d: int, m2: float, points: int = 250
) -> tuple[Sequence[float], Sequence[float]]:
    """R_t in closed form on at most ``points`` values of normalised time."""
    r_t = expected_balance(schedule, d, m2).r_t
    at = np.unique(np.linspace(0, schedule.T - 1, points).round().astype(int))
    return ((at + 1) / schedule.T).tolist(), r_t[at].tolist()
