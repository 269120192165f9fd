"""Checks of the forward chain and of the two stochastic differential equations."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from rdverify.conformance.expect import expect, expect_true

Equation = Callable[..., Any]


@cache
def ddpm_scheduler(betas: tuple[float, ...]) -> Any:
    """Diffusers' DDPM scheduler with beta_1 .. beta_T, unclipped, sigma_t^2 = beta_t."""
    from diffusers import DDPMScheduler  # slow to import, and only here

    return DDPMScheduler(  # type: ignore[no-untyped-call]
        len(betas), trained_betas=list(betas), clip_sample=False, variance_type="fixed_large"
    )


def check_eq08(eq: Equation) -> None:
    """x_{t+1} of (x_t, beta, t, epsilon_t) with beta[j] = beta_j; beta_0 stands unused."""
    beta = np.array([np.nan, 0.19, 0.36, 0.51, 0.64])
    one, zero = np.ones(2), np.zeros(2)
    expect_true("the chain starts without a beta_0", np.isfinite(eq(one, beta, 0, one)), beta)
    expect("by hand: the last step is 0.6 10 + 0.8 5", eq(10 * one, beta, 3, 5 * one), 10 * one)
    for t in range(4):
        mean, deviation = eq(one, beta, t, zero), eq(zero, beta, t, one)
        expect("q(x_{t+1} | x_t) has variance beta_{t+1}", deviation**2, beta[t + 1] * one)
        expect("signal and noise keep a unit variance", mean**2 + deviation**2, one)
        expect_true("both coefficients are positive", (mean > 0) & (deviation > 0), mean)
    x, noise = np.random.default_rng(5).normal(size=(2, 6))
    whole = eq(x, beta, 1, noise)
    expect("signal and noise add", eq(x, beta, 1, 0 * x) + eq(0 * x, beta, 1, noise), whole)
    expect("both negated: negated", eq(-x, beta, 1, -noise), -whole)

    # the whole chain against diffusers: mean and variance of x_T given x_0 = 1
    mean, variance = one, zero
    for t in range(4):
        slope = eq(one, beta, t, zero)
        mean, variance = slope * mean, slope**2 * variance + eq(zero, beta, t, one) ** 2
    bar = ddpm_scheduler(tuple(beta[1:])).alphas_cumprod[-1].item()  # float32
    expect("all steps leave sqrt(alpha_bar_T) of diffusers", mean, math.sqrt(bar) * one, rtol=1e-6)
    expect("and the variance 1 - alpha_bar_T", variance, (1 - bar) * one, rtol=1e-6)


def drift(x: Any, t: float) -> Any:
    """Some f(x, t), neither even nor symmetric in its arguments."""
    return -x * (1 + 3 * t**2) + 0.4 * t


def rate(t: float) -> float:
    """Some g(t)."""
    return 0.5 + 2 * t


def check_eq09(eq: Equation) -> None:
    """The increment dx of (x, t, dt, f, g, dw)."""
    x, dw = np.array([1.5, -0.5, 0.25]), np.array([0.3, 0.1, -0.2])
    t, dt = 0.5, 0.1
    expect("no time, no noise: no change", eq(x, t, 0.0, drift, rate, 0 * dw), 0 * x)
    expect("without noise f(x, t) dt", eq(x, t, dt, drift, rate, 0 * dw), drift(x, t) * dt)
    expect("in no time g(t) dw", eq(x, t, 0.0, drift, rate, dw), 1.5 * dw)
    still = eq(x, t, dt, lambda x, t: 0 * x, rate, dw)
    expect("without drift g(t) dw, whatever x and dt", still, 1.5 * dw)
    by_hand = eq(np.array([2.0]), t, dt, lambda x, t: -x * t, lambda t: 2 * t, np.array([0.3]))
    expect("by hand: -0.1 + 0.3", by_hand, [0.2])
    whole = eq(x, t, dt, drift, rate, dw)
    expect(
        "noise of the other sign, mean f dt",
        whole + eq(x, t, dt, drift, rate, -dw),
        2 * dt * drift(x, t),
    )
    # Ornstein-Uhlenbeck with dw = +-sqrt(dt): the second moment of one step, exactly
    theta, noise = 0.7, math.sqrt(dt) * np.ones(3)
    ends = [x + eq(x, t, dt, lambda x, t: -theta * x, rate, s * noise) for s in (1, -1)]
    expect(
        "second moment of a step of Ornstein-Uhlenbeck",
        (ends[0] ** 2 + ends[1] ** 2) / 2,
        (1 - theta * dt) ** 2 * x**2 + 1.5**2 * dt,
    )


def check_eq10(eq: Equation) -> None:
    """The increment dx of (x, t, dt, f, g, score, dw), dt < 0."""
    x, dw = np.array([1.5, -0.5, 0.25]), np.array([0.3, 0.1, -0.2])
    t, dt = 0.5, -0.1

    def score(x: Any, t: float) -> Any:
        return -x / (1 + 4 * t)

    silent = eq(x, t, dt, drift, lambda t: 0.0, score, dw)
    expect("with g = 0 the drift alone, backwards", silent, drift(x, t) * dt)
    flat = eq(x, t, dt, drift, rate, lambda x, t: 0 * x, dw)
    expect("with a flat density Eq. (9)", flat, drift(x, t) * dt + 1.5 * dw)
    pull = eq(x, t, dt, lambda x, t: 0 * x, rate, score, 0 * dw)
    expect_true("without drift it climbs the density", pull * score(x, t) > 0, pull)
    expect("the pull is -g^2 score dt, at (x, t)", pull, -(1.5**2) * (-x / 3) * dt)
    by_hand = eq(
        np.array([1.5]),
        0.5,
        -0.1,
        lambda x, t: -x * t,
        lambda t: 2 * t,
        lambda x, t: -x / (1 + t),
        np.array([0.3]),
    )
    expect("by hand: (-0.75 + 1) (-0.1) + 0.3", by_hand, [0.275])

    # Gaussian data of variance s0 under f = -x/2, g = 1: s(t) = 1 + (s0 - 1) e^-t. The step is
    # linear in x, so its slope at x = 1 and its noise give the variance at t = 0 exactly.
    s0, horizon, steps = 0.3, 3.0, 600
    dt = -horizon / steps

    def s(t: float) -> float:
        return 1 + (s0 - 1) * math.exp(-t)

    one, zero, variance, t = np.ones(1), np.zeros(1), s(horizon), horizon
    for _ in range(steps):
        parts = (lambda x, t: -x / 2, lambda t: 1.0, lambda x, t: -x / s(t))
        slope = float(eq(one, t, dt, *parts, zero)[0])
        noise = float(eq(zero, t, dt, *parts, math.sqrt(-dt) * one)[0])
        variance, t = (1 + slope) ** 2 * variance + noise**2, t + dt
    expect("gives back the variance of Gaussian data", variance, s0, rtol=0.02)
