"""Checks of the metrics and their ratio, Eqs. (12) to (20)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage, special

from rdverify.conformance.diffusion_model import ddpm_scheduler
from rdverify.conformance.expect import expect, expect_true

Array = Any
Equation = Callable[..., Any]


def length(values: Array) -> float:
    """L2 norm by exact summation over every entry."""
    return math.sqrt(math.fsum(float(value) ** 2 for value in np.ravel(values)))


def is_mean_over_time_of_undivided_norms(
    metric: Callable[[list[Array]], Any], series: list[Array], tiled: list[Array], factor: float
) -> None:
    """What Eqs. (12) to (17) share.

    Args:
        metric: the metric as a function of a list of arrays, time first in each.
        series: such a list, T >= 3 steps.
        tiled: the same with every field repeated ``factor`` ** 2 times side by side.
        factor: by which the norms of ``tiled`` are longer.
    """
    steps = [float(metric([values[t : t + 1] for values in series])) for t in range(len(series[0]))]
    whole = float(metric(series))
    expect("the mean over time of the norms at each step", whole, math.fsum(steps) / len(steps))
    expect("the order of the steps does not matter", metric([v[::-1] for v in series]), whole)
    twice = metric([np.concatenate([values, values]) for values in series])
    expect("the run twice over has the same mean", twice, whole)
    expect("the norm is not divided by the number of entries", metric(tiled), factor * whole)


def check_eq12(eq: Equation) -> None:
    """M_react of (u, v, F, k); u, v of shape (T, n, m)."""
    feed, kill = 0.03, 0.1
    u, v = np.random.default_rng(6).uniform(0.1, 1, (2, 4, 5, 3))
    expect("without v there is no reaction", eq(u, 0 * v, feed, kill), 0.0)
    expect("zero on the nullcline u v = F + k", eq(u, (feed + kill) / u, feed, kill), 0.0)
    half, fifth = np.full((1, 2, 2), 0.5), np.full((1, 2, 2), 0.2)
    expect("by hand: 2 |0.02 - 0.026|", eq(half, fifth, feed, kill), 0.012)
    expect(
        "without u only decay: (F + k) ||v||", eq(0 * u[:1], v[:1], feed, kill), 0.13 * length(v[0])
    )
    is_mean_over_time_of_undivided_norms(
        lambda a: eq(*a, feed, kill), [u, v], [np.tile(a, (1, 2, 2)) for a in (u, v)], 2
    )
    want = np.mean([length(a * b * b - 0.13 * b) for a, b in zip(u, v, strict=True)])
    expect("exact summation over all cells", eq(u, v, feed, kill), want)


def check_eq13(eq: Equation) -> None:
    """M_react of (i_t, C~_t), both (T, h)."""
    rng = np.random.default_rng(7)
    i, c = rng.uniform(0, 1, (4, 6)), rng.uniform(-1, 1, (4, 6))
    expect("a closed input gate: 0", eq(0 * i, c), 0.0)
    expect("no candidate: 0", eq(i, 0 * c), 0.0)
    by_hand = eq(np.array([[1.0, 0.5], [0.0, 1.0]]), np.array([[0.3, 0.8], [0.9, -0.2]]))
    expect("by hand: (0.5 + 0.2) / 2", by_hand, 0.35)
    expect("an open gate: the norm of the candidate", eq(0 * i[:1] + 1, c[:1]), length(c[0]))
    expect("proportional to i", eq(i / 2, c), eq(i, c) / 2)
    is_mean_over_time_of_undivided_norms(
        lambda a: eq(*a), [i, c], [np.tile(a, (1, 4)) for a in (i, c)], 2
    )
    want = np.mean([length(a * b) for a, b in zip(i, c, strict=True)])
    expect("exact summation over all units", eq(i, c), want)


def check_eq14(eq: Equation) -> None:
    """M_react of (x, epsilon, beta_t, alpha_bar_t) as corrected: the drift of a reverse step."""
    import torch  # slow to import, hence not for every check

    # alpha_bar_t < 1 - beta_t throughout: no entry is the first step of a chain
    beta, bar = np.array([0.19, 0.36, 0.51]), np.array([0.7, 0.36, 0.1])
    x, eps = np.random.default_rng(8).normal(size=(2, 3, 1, 2, 3))
    one = np.ones((1, 1, 1, 1))
    first = (beta[1:2], bar[1:2])  # beta = 0.36, alpha_bar = 0.36
    expect("no noise predicted: (1/0.8 - 1) ||x||", eq(4 * one, 0 * one, *first), 1.0)
    expect("from x = 0: 0.36 / (0.8 0.8) ||epsilon||", eq(0 * one, 16 * one, *first), 9.0)
    expect("by hand: |(3 - 0.36/0.8) / 0.8 - 3|", eq(3 * one, one, *first), 0.1875)
    expect("mu = x where epsilon balances", eq(4 * one, 16 / 9 * one, *first), 0.0)
    # of points at 0: epsilon = x / sqrt(1 - alpha_bar), mu = x (1 - beta/(1 - bar)) / sqrt(1-beta)
    best = x / np.sqrt(1 - bar)[:, None, None, None]
    shrink = np.abs((1 - beta / (1 - bar)) / np.sqrt(1 - beta) - 1)
    want = np.mean([s * length(a) for s, a in zip(shrink, x, strict=True)])
    expect("the known drift to data at 0", eq(x, best, beta, bar), want)
    schedule = [beta, bar]
    is_mean_over_time_of_undivided_norms(
        lambda a: eq(*a),
        [x, eps, *schedule],
        [np.tile(a, (1, 1, 2, 2)) for a in (x, eps)] + schedule,
        2,
    )

    scheduler = ddpm_scheduler((0.1, 0.2, 0.3, 0.4))
    chain = np.array([0.2, 0.3, 0.4])  # its steps 1, 2, 3 counted from 0
    drifts = []
    for step in (1, 2, 3):
        sample, output = (torch.from_numpy(a[step - 1]) for a in (x, eps))
        out = scheduler.step(output, step, sample, generator=torch.Generator().manual_seed(step))
        noise = torch.randn(
            sample.shape, generator=torch.Generator().manual_seed(step), dtype=torch.float64
        )
        mean = out.prev_sample - math.sqrt(chain[step - 1]) * noise
        drifts.append(length(mean - sample))
    got = eq(x, eps, chain, 0.9 * np.cumprod(1 - chain))
    expect(
        "the step of diffusers' DDPMScheduler without its noise", got, np.mean(drifts), rtol=1e-5
    )


def check_eq15(eq: Equation) -> None:
    """M_diff of (v, D_v, dx); v of shape (T, n, m)."""
    v = np.random.default_rng(9).uniform(0, 1, (4, 5, 3))
    d_v, dx = 0.3, 0.5
    whole = eq(v, d_v, dx)
    expect("a uniform field does not diffuse", eq(0 * v + 0.7, d_v, dx), 0.0)
    point = np.zeros((1, 4, 4))
    point[0, 0, 0] = 1  # its Laplacian: -4 and four ones over dx^2, across the edges
    expect("by hand: 0.3 sqrt(16 + 4) / 0.25", eq(point, d_v, dx), 1.2 * math.sqrt(20))
    expect("proportional to D_v", eq(v, 2 * d_v, dx), 2 * whole)
    expect("falls as 1/dx^2", eq(v, d_v, 2 * dx), whole / 4)
    expect("blind to an added constant", eq(v + 3, d_v, dx), whole)
    expect("periodic: blind to a shift along n", eq(np.roll(v, 2, 1), d_v, dx), whole)
    expect("periodic: blind to a shift along m", eq(np.roll(v, 1, 2), d_v, dx), whole)
    y = np.arange(8)[None, :, None] * np.ones((1, 1, 6))
    wave = np.cos(2 * np.pi * y / 8)
    eigenvalue = (2 - math.sqrt(2)) / dx**2
    expect(
        "a plane wave: D_v times its eigenvalue times its norm",
        eq(wave, d_v, dx),
        d_v * eigenvalue * length(wave),
    )
    is_mean_over_time_of_undivided_norms(lambda a: eq(*a, d_v, dx), [v], [np.tile(v, (1, 2, 2))], 2)
    want = np.mean([d_v * length(ndimage.laplace(a, mode="wrap")) / dx**2 for a in v])
    expect("the norm of SciPy's Laplacian", whole, want)


def check_eq16(eq: Equation) -> None:
    """M_diff of (f_t, C_{t-1}), both (T, h)."""
    rng = np.random.default_rng(10)
    f, c = rng.uniform(0, 1, (4, 6)), 2 * rng.normal(size=(4, 6))
    expect("f = 1 forgets nothing: 0", eq(0 * f + 1, c), 0.0)
    expect("f = 0 forgets all: the norm of the cell", eq(0 * f[:1], c[:1]), length(c[0]))
    by_hand = eq(np.array([[0.0, 0.5], [1.0, 0.8]]), np.array([[0.3, 0.8], [9.0, -1.0]]))
    expect("by hand: (0.5 + 0.2) / 2", by_hand, 0.35)
    expect("proportional to C", eq(f, 3 * c), 3 * eq(f, c))
    expect("proportional to 1 - f", eq((1 + f) / 2, c), eq(f, c) / 2)
    is_mean_over_time_of_undivided_norms(
        lambda a: eq(*a), [f, c], [np.tile(a, (1, 4)) for a in (f, c)], 2
    )
    want = np.mean([length((1 - a) * b) for a, b in zip(f, c, strict=True)])
    expect("exact summation over all units", eq(f, c), want)


def check_eq17(eq: Equation) -> None:
    """M_diff of (sigma_t, z); sigma_t of shape (T,), in (0, 1) here, z of shape (T, ...)."""
    sigma = np.array([0.1, 0.5, 0.9])
    z = np.random.default_rng(11).normal(size=(3, 2, 4, 6))
    by_hand = eq(np.array([0.5, 0.25]), np.array([[[[3.0, -4.0]]], [[[0.0, 2.0]]]]))
    expect("by hand: (2.5 + 0.5) / 2", by_hand, 1.5)
    expect("no noise: 0", eq(sigma, 0 * z), 0.0)
    expect("proportional to sigma", eq(sigma / 2, z), eq(sigma, z) / 2)
    expect("proportional to z", eq(sigma, 3 * z), 3 * eq(sigma, z))
    is_mean_over_time_of_undivided_norms(
        lambda a: eq(*a), [sigma, z], [sigma, np.tile(z, (1, 1, 2, 2))], 2
    )
    want = np.mean([s * length(a) for s, a in zip(sigma, z, strict=True)])
    expect("exact summation over all pixels", eq(sigma, z), want)
    # a chi distribution: mean sqrt(2) Gamma((d + 1)/2) / Gamma(d/2), variance below 1/2
    many, d = np.random.default_rng(12).normal(size=(400, 1, 8, 8)), 64
    mean = math.sqrt(2) * math.exp(special.gammaln((d + 1) / 2) - special.gammaln(d / 2))
    expect("the mean of a chi distribution", eq(np.full(400, 0.5), many), 0.5 * mean, rtol=0.015)


def check_eq18(eq: Equation) -> None:
    """R of (M_react, M_diff)."""
    expect("equal metrics: 1", eq(0.3, 0.3), 1.0)
    expect("without a unit: both scaled alike", eq(30.0, 40.0), 0.75)
    expect("exchanged: the inverse", eq(3.0, 4.0) * eq(4.0, 3.0), 1.0)
    expect("without an upper bound", eq(1e6, 1.0), 1e6)
    expect("proportional to M_react", eq(6.0, 4.0), 2 * eq(3.0, 4.0))
    expect("by hand: 3/4", eq(3.0, 4.0), 0.75)
    expect("no reaction: 0", eq(0.0, 2.0), 0.0)


def check_eq19(eq: Equation) -> None:
    """M_i of (M_{i,t}), its values at each step, shape (T,)."""
    values = np.array([1.0, 2.0, 6.0, 0.5, 3.0])
    expect("of one step that step", eq(values[2:3]), 6.0)
    expect("of a constant the constant", eq(np.full(7, 0.3)), 0.3)
    expect("the order does not matter", eq(values[[3, 1, 4, 0, 2]]), eq(values))
    expect("the run twice over has the same mean", eq(np.tile(values, 2)), eq(values))
    expect("proportional to its values", eq(3 * values), 3 * eq(values))
    expect("moves with an added constant", eq(values + 2), eq(values) + 2)
    expect("each step weighs 1/T", eq(values + np.eye(5)[4]), 2.5 + 0.2)
    expect("by hand: (1 + 2 + 6) / 3", eq(values[:3]), 3.0)


def check_eq20(eq: Equation) -> None:
    """R_t of (M_{react,t}, M_{diff,t}), the norms of both terms at each step, each (T,)."""
    react, diff = np.array([1.0, 3.0, 0.0, 2.0]), np.array([2.0, 2.0, 5.0, 0.5])
    expect("equal terms: 1", eq(diff, diff), np.ones(4))
    expect("without a unit: both scaled alike", eq(3 * react, 3 * diff), [0.5, 1.5, 0.0, 4.0])
    expect("proportional to the reaction", eq(2 * react, diff), [1.0, 3.0, 0.0, 8.0])
    later = eq(react + np.eye(4)[3], diff)
    expect("a step knows nothing of the others", later[:3], [0.5, 1.5, 0.0])
    ratio = eq(react, diff)
    expect_true("never negative", ratio >= 0, ratio)
    expect("by hand, step by step", eq(react, diff), [0.5, 1.5, 0.0, 4.0])
