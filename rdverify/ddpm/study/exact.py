"""The DDPM's claims that need no network: chain, kernel, SDEs, mixtures, closed form."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import stats

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.schedule import Scaling
from rdverify.ddpm.sde import (
    GaussianMixture,
    VariancePreserving,
    chain_moments,
    solve_probability_flow,
    solve_reverse,
    weak_order,
)
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.trace import FloatArray

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


CHAINS = {
    "forward": (1000, "T = 1000"),
    "control.short_forward": (50, "T = 50"),
}
CHAIN_WORDS = {key: words for key, (_, words) in CHAINS.items()}


@fact(
    "ddpm.{chain}.mean", "mean of a pixel of x_T whose x_0 is 1, exact, {chain}", chain=CHAIN_WORDS
)
def _mean(runs: Runs, chain: str) -> float:
    # x_0 = 1: the pixel that keeps most of itself
    return chain_moments(Schedule.linear(CHAINS[chain][0]), 1.0, 0.0)[0]


@fact(
    "ddpm.{chain}.variance",
    "variance of a pixel of x_T given x_0, exact, {chain}",
    chain=CHAIN_WORDS,
)
def _variance(runs: Runs, chain: str) -> float:
    return chain_moments(Schedule.linear(CHAINS[chain][0]), 1.0, 0.0)[1]


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


@fact(
    "ddpm.kernel.order",
    "slope of log distance to a Gaussian against log beta, two-point data, alpha_bar = 0.5",
)
def _kernel_order(runs: Runs) -> float:
    betas = np.geomspace(1e-4, 0.02, 6)
    distances = [reverse_kernel_distance(beta, 0.5) for beta in betas]
    return float(np.polyfit(np.log(betas), np.log(distances), 1)[0])


def worst_distance(schedule: Schedule, every: int = 1) -> float:
    """The largest :func:`reverse_kernel_distance` over every so many steps of a schedule."""
    return max(
        reverse_kernel_distance(schedule.beta[t], schedule.alpha_bar[t - 1])
        for t in range(1, schedule.T, every)
    )


@fact(
    "ddpm.kernel.worst_distance",
    "largest mean total variation between q(x_{{t-1}} | x_t) and the Gaussian of its moments "
    "over the schedule of T = 1000, two-point data",
)
def _worst_distance(runs: Runs) -> float:
    return worst_distance(Schedule.linear(), every=37)


@fact("ddpm.control.large_beta.worst_distance", "the same for 20 steps with beta up to 0.7")
def _worst_distance_of_large_beta(runs: Runs) -> float:
    return worst_distance(Schedule.linear(20, beta_1=5e-3, beta_T=0.7))


@fact(
    "ddpm.sde.weak_order_mean",
    "order in 1/T at which E[x_T] of Eq. (8) approaches Eq. (9), regression",
)
def _weak_order_mean(runs: Runs) -> float:
    return weak_order(SDE)["mean"]


@fact("ddpm.sde.weak_order_second", "the same for E[x_T^2]")
def _weak_order_second(runs: Runs) -> float:
    return weak_order(SDE)["second"]


@fact(
    "ddpm.control.no_root.weak_order_second",
    "the same order for a chain with 1 - beta in place of sqrt(1 - beta)",
)
def _no_root(runs: Runs) -> float:
    steps, errors = (250, 1000, 4000), []
    for T in steps:
        v = 0.25
        for beta in SDE.schedule(T).beta:
            v = (1 - beta) ** 2 * v + beta  # 1 - beta for its root
        errors.append(abs(v - 1))
    return float(np.polyfit(-np.log(steps), np.log(errors), 1)[0])


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


@cache
def mixture_endpoints() -> dict[str, list[FloatArray]]:
    """Ends of the reverse process by five rules, from the same starts, batch by batch.

    "noise" is Eq. (10); "printed" has the data's own score at every t, as Eq. (10)
    is printed; "silent" leaves the noise out; "flow" is the probability-flow ODE;
    "no score" keeps the forward drift and the noise alone.
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
        }
        for name, end in ends_now.items():
            ends.setdefault(name, []).append(end)
    return ends


def batches(end: str) -> list[FloatArray]:
    """The ends of one rule, named as in facts, batch by batch."""
    return mixture_endpoints()[ENDS[end]]


ENDS = {
    "reverse": "noise",
    "silent": "silent",
    "reverse_printed": "printed",
    "flow": "flow",
    "control.no_score": "no score",
}


@fact(
    "ddpm.{end}.energy_distance",
    "energy distance of the ends ({end}) to the eight-mode mixture, over the data's own mean "
    "distance; 0 for equal laws",
    end={name: ENDS[name] for name in ("reverse", "reverse_printed", "control.no_score")},
)
def _energy_distance(runs: Runs, end: str) -> list[float]:
    fresh = [MIXTURE.sample(POINTS, np.random.default_rng((7, batch))) for batch in range(BATCHES)]
    return [energy_distance(x, y) for x, y in zip(batches(end), fresh, strict=True)]


@fact(
    "ddpm.{end}.largest_mode_share",
    "share of the most frequent mode among the ends ({end}); the data's is 0.30",
    end={name: ENDS[name] for name in ("reverse", "silent", "flow")},
)
def _largest_mode_share(runs: Runs, end: str) -> list[float]:
    return [float(modes(x).max()) for x in batches(end)]


@fact(
    "ddpm.{end}.heaviest_mode_share",
    "share of the mode of weight 0.30, the heaviest, among the ends ({end})",
    end={name: ENDS[name] for name in ("reverse", "silent")},
)
def _heaviest_mode_share(runs: Runs, end: str) -> list[float]:
    return [float(modes(x)[0]) for x in batches(end)]


@fact(
    "ddpm.{end}.modes_covered",
    "share of the eight modes that get over 1 % of the ends ({end})",
    end={name: ENDS[name] for name in ("reverse", "silent")},
)
def _modes_covered(runs: Runs, end: str) -> list[float]:
    return [float(np.mean(modes(x) > 0.01)) for x in batches(end)]


@fact(
    "ddpm.{end}.spread_within",
    "variance of the ends ({end}) about their mode over the data's",
    end={name: ENDS[name] for name in ("reverse", "silent")},
)
def _spread_within(runs: Runs, end: str) -> list[float]:
    return [spread_within(x) for x in batches(end)]


SCALINGS: dict[str, Scaling] = {"endpoints": "endpoints", "inverse_T": "1/T"}


@fact(
    "ddpm.steps.{scaling}.gain",
    "R at T = 4000 minus R at T = 1000, a perfect network by formula, beta {scaling}",
    scaling={"endpoints": "with fixed end points", "inverse_T": "proportional to 1/T"},
)
def _gain(runs: Runs, scaling: str) -> float:
    many, base = (
        expected_balance(Schedule.linear(T, scaling=SCALINGS[scaling]), 1024, 0.5).r
        for T in (4000, 1000)
    )
    return many - base
