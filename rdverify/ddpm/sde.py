"""The stochastic differential equations of section 2.3 (eq09, eq10) by Euler-Maruyama."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.ddpm.schedule import BETA_1, BETA_T, T_REFERENCE, Schedule
from rdverify.tools.errors import own_fields, require, require_number
from rdverify.trace import FloatArray

Drift = Callable[[FloatArray, float], FloatArray]
Diffusion = Callable[[float], float]
Score = Callable[[FloatArray, float], FloatArray]


def forward_increment(
    x: FloatArray, t: float, dt: float, f: Drift, g: Diffusion, dw: FloatArray
) -> FloatArray:
    """Return dx = f(x, t) dt + g(t) dw (eq09).

    Args:
        x: state, any shape.
        t: time.
        dt: time step, > 0.
        f: drift, (x, t) -> x's shape.
        g: diffusion coefficient, t -> number.
        dw: increment of Brownian motion, N(0, dt Id), x's shape.
    """
    return f(x, t) * dt + g(t) * dw


def reverse_increment(
    x: FloatArray, t: float, dt: float, f: Drift, g: Diffusion, score: Score, dw: FloatArray
) -> FloatArray:
    """Return dx = [f(x, t) - g(t)^2 grad ln p_t(x)] dt + g(t) dw with dt < 0 (eq10).

    Args:
        x: state, any shape.
        t: time.
        dt: time step, < 0: the process runs from T to 0.
        f: drift of the forward process.
        g: diffusion coefficient.
        score: grad_x ln p_t(x), (x, t) -> x's shape.
        dw: increment of Brownian motion, N(0, |dt| Id), x's shape.
    """
    return (f(x, t) - g(t) ** 2 * score(x, t)) * dt + g(t) * dw


def solve_forward(
    x_0: FloatArray, times: npt.ArrayLike, f: Drift, g: Diffusion, rng: np.random.Generator
) -> FloatArray:
    """Eq. (9) by Euler-Maruyama from times[0] to times[-1] (eq09).

    Args:
        x_0: initial state, any shape; not changed.
        times: shape (steps + 1,), strictly increasing.
        f: drift, (x, t) -> x's shape.
        g: diffusion coefficient.
        rng: where the noise comes from.

    Returns:
        the state at times[-1]. Weak order 1 in the time step.
    """
    grid = _grid(times, 1)
    x = np.array(x_0, dtype=float)
    for t, dt in zip(grid[:-1], np.diff(grid), strict=True):
        dw = math.sqrt(dt) * rng.standard_normal(x.shape)
        x += forward_increment(x, float(t), float(dt), f, g, dw)
    return x


def solve_reverse(
    x_T: FloatArray,
    times: npt.ArrayLike,
    f: Drift,
    g: Diffusion,
    score: Score,
    rng: np.random.Generator | None,
) -> FloatArray:
    """Eq. (10) by Euler-Maruyama from times[0] down to times[-1] (eq10).

    Args:
        x_T: state at times[0], any shape; not changed.
        times: shape (steps + 1,), strictly decreasing.
        f: drift of the forward process.
        g: diffusion coefficient.
        score: grad_x ln p_t(x).
        rng: where the noise comes from; None leaves the term g dw out. What is
            left is *not* the probability-flow ODE: its score term is twice as large.

    Returns:
        the state at times[-1].
    """
    grid = _grid(times, -1)
    x = np.array(x_T, dtype=float)
    for t, dt in zip(grid[:-1], np.diff(grid), strict=True):
        dw = np.zeros_like(x) if rng is None else math.sqrt(-dt) * rng.standard_normal(x.shape)
        x += reverse_increment(x, float(t), float(dt), f, g, score, dw)
    return x


def solve_probability_flow(
    x_T: FloatArray, times: npt.ArrayLike, f: Drift, g: Diffusion, score: Score
) -> FloatArray:
    """Solve dx = [f(x, t) - g(t)^2/2 grad ln p_t(x)] dt, by Heun's method.

    Its marginals are those of Eq. (9) at every t, without any noise.

    Args:
        x_T: state at times[0], any shape; not changed.
        times: shape (steps + 1,), strictly monotone, either way.
        f: drift of the forward process.
        g: diffusion coefficient.
        score: grad_x ln p_t(x).

    Source: Song et al. 2021, section 4.3.
    """
    grid = _grid(times, -1 if np.asarray(times)[0] > np.asarray(times)[-1] else 1)
    x = np.array(x_T, dtype=float)

    def slope(x: FloatArray, t: float) -> FloatArray:
        return f(x, t) - 0.5 * g(t) ** 2 * score(x, t)

    for start, end in itertools.pairwise(grid):
        first = slope(x, float(start))
        second = slope(x + (end - start) * first, float(end))
        x += 0.5 * (end - start) * (first + second)
    return x


@dataclass(frozen=True)
class VariancePreserving:
    """The SDE whose discretisation is Eq. (8): f = -beta(t) x / 2, g = sqrt(beta(t)), t in [0, 1].

    beta(t) = beta_min + t (beta_max - beta_min). Forward step t of a schedule of T
    steps is the time step 1/T with beta_t = beta(t/T) / T.

    Args:
        beta_min: rate at t = 0, > 0.
        beta_max: rate at t = 1, > 0.

    Source: Song et al. 2021, appendix C; 0.1 and 20 are Ho et al.'s 1e-4 and 0.02 times T.
    """

    beta_min: float = BETA_1 * T_REFERENCE
    beta_max: float = BETA_T * T_REFERENCE

    def __post_init__(self) -> None:
        own_fields(self)
        for name in ("beta_min", "beta_max"):
            require_number(name, getattr(self, name), "positive and finite", lambda x: x > 0)

    def beta(self, t: float) -> float:
        """Rate at time t."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def f(self, x: FloatArray, t: float) -> FloatArray:
        """Drift -beta(t) x / 2."""
        return -0.5 * self.beta(t) * x

    def g(self, t: float) -> float:
        """Diffusion coefficient sqrt(beta(t))."""
        return math.sqrt(self.beta(t))

    def alpha_bar(self, t: float) -> float:
        """exp(-int_0^t beta): x_t given x_0 is N(sqrt(alpha_bar) x_0, (1 - alpha_bar) Id)."""
        return math.exp(-(self.beta_min * t + 0.5 * t**2 * (self.beta_max - self.beta_min)))

    def schedule(self, T: int) -> Schedule:
        """The chain of Eq. (8) with T steps that approximates this SDE."""
        beta = np.array([self.beta((t + 1) / T) / T for t in range(T)])
        return Schedule(beta, f"VP-SDE, T = {T}")


def chain_moments(schedule: Schedule, mean: float, variance: float) -> tuple[float, float]:
    """Mean and variance of a pixel after all steps of Eq. (8), without sampling (eq08).

    Args:
        schedule: beta_t.
        mean: mean of x_0.
        variance: variance of x_0, >= 0.
    """
    for beta in schedule.beta:
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
    return mean, variance


def weak_order(
    sde: VariancePreserving,
    mean: float = 1.0,
    variance: float = 0.25,
    steps: tuple[int, ...] = (250, 500, 1000, 2000, 4000),
) -> dict[str, float]:
    """Order at which Eq. (8) approaches Eq. (9) at t = 1, from exact moments (eq08, eq09).

    Regression of log |error| on log(1/T) for E[x] and E[x^2]: the process is
    Gaussian, so both are known on either side and no sampling error enters.

    Args:
        sde: the continuous process.
        mean: mean of x_0.
        variance: variance of x_0.
        steps: values of T, at least two.

    Returns:
        {"mean": order, "second": order}.
    """
    bar = sde.alpha_bar(1.0)
    exact = np.array([math.sqrt(bar) * mean, bar * (mean**2 + variance) + 1 - bar])
    errors = []
    for T in steps:
        m, v = chain_moments(sde.schedule(T), mean, variance)
        errors.append(np.abs(np.array([m, m**2 + v]) - exact))
    slopes = np.polyfit(-np.log(np.array(steps, float)), np.log(np.array(errors)), 1)[0]
    return {"mean": float(slopes[0]), "second": float(slopes[1])}


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Data sum_k w_k N(m_k, v Id) under a variance-preserving SDE: all marginals are known.

    Args:
        means: m_k, shape (K, d).
        variance: v >= 0 (> 0 where the score at t = 0 is needed).
        weights: w_k > 0, shape (K,), sum 1; default equal.
        sde: the forward process.
    """

    means: FloatArray
    variance: float
    weights: FloatArray | None = None
    sde: VariancePreserving = VariancePreserving()

    def __post_init__(self) -> None:
        means = np.atleast_2d(np.asarray(self.means, dtype=float))
        k = means.shape[0]
        weights = np.full(k, 1 / k) if self.weights is None else np.asarray(self.weights, float)
        require(
            weights.shape == (k,) and bool(np.all(weights > 0)) and math.isclose(weights.sum(), 1),
            "weights",
            self.weights,
            "one positive number for each mean, sum 1",
        )
        require(self.variance >= 0, "variance", self.variance, ">= 0")
        object.__setattr__(self, "means", means)
        object.__setattr__(self, "weights", weights)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n independent data points, shape (n, d)."""
        component = rng.choice(len(self.means), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return np.asarray(self.means[component] + math.sqrt(self.variance) * noise)

    def score(self, x: FloatArray, t: float) -> FloatArray:
        """grad_x ln p_t(x), x of shape (n, d), exact."""
        bar = self.sde.alpha_bar(t)
        centres, spread = math.sqrt(bar) * self.means, bar * self.variance + 1 - bar
        posterior = self.posterior(x, t)  # (n, K)
        return np.asarray((posterior @ centres - x) / spread)

    def posterior(self, x: FloatArray, t: float = 0.0) -> FloatArray:
        """Probability of each component given x_t, shape (n, K)."""
        bar = self.sde.alpha_bar(t)
        centres, spread = math.sqrt(bar) * self.means, bar * self.variance + 1 - bar
        square = np.sum((x[:, None, :] - centres) ** 2, axis=2)  # (n, K)
        weights: Any = self.weights
        logits = np.log(weights) - square / (2 * spread)
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean (d,) and covariance (d, d) of the data."""
        weights: Any = self.weights
        mean = weights @ self.means
        centred = self.means - mean
        return mean, (weights * centred.T) @ centred + self.variance * np.eye(mean.size)


def _grid(times: npt.ArrayLike, direction: int) -> FloatArray:
    grid = np.asarray(times, dtype=float)
    require(
        grid.ndim == 1 and grid.size >= 2 and bool(np.all(direction * np.diff(grid) > 0)),
        "times",
        times,
        f"strictly {'in' if direction > 0 else 'de'}creasing, two or more",
    )
    return grid
