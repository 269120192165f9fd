"""Lyapunov exponents of the systems that the data come from: which of them are chaotic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rdverify.lstm.sequences import LorenzConfig, lorenz_slope, van_der_pol_slope
from rdverify.trace import FloatArray


def lyapunov(
    system: str,
    mu: float = 0.0,
    seed: int = 0,
    trajectories: int = 16,
    time: float = 100.0,
    dt: float = 0.01,
) -> FloatArray:
    """Largest Lyapunov exponents over a finite time, shape (trajectories,), per unit of time.

    Runge-Kutta of order 4 for a trajectory and a neighbour at distance 1e-7 that is drawn
    back after every 20 steps (Benettin et al. 1980), after a burn-in of a fifth of the time.

    Args:
        system: "lorenz", "van_der_pol" or "sine" (the harmonic oscillator x'' = -x).
        mu: of Van der Pol.
        seed: of the initial values.
        trajectories: how many.
        time: over which they are averaged.
        dt: step.
    """
    rng = np.random.default_rng(seed)
    size = 3 if system == "lorenz" else 2
    slope = (
        lorenz_slope(LorenzConfig())
        if system == "lorenz"
        else van_der_pol_slope(mu if system == "van_der_pol" else 0.0)
    )
    # each with its neighbour: (size, 2 * trajectories)
    state = np.tile(rng.uniform(0.5, 2.0, (size, trajectories)), 2)
    offset = 1e-7
    state[0, trajectories:] += offset
    total = np.zeros(trajectories)
    block, burn_in = 20, int(0.2 * time / dt / 20)
    for turn in range(burn_in + int(time / dt / block)):
        for _ in range(block):
            state = _runge_kutta(slope, state, dt)
        apart = state[:, trajectories:] - state[:, :trajectories]
        distance = np.linalg.norm(apart, axis=0)
        if turn >= burn_in:
            total += np.log(distance / offset)
        state[:, trajectories:] = state[:, :trajectories] + apart * (offset / distance)
    return total / (int(time / dt / block) * block * dt)


def _runge_kutta(
    slope: Callable[[float, FloatArray], FloatArray], state: FloatArray, dt: float
) -> FloatArray:
    y = state.ravel()
    k1 = slope(0.0, y)
    k2 = slope(0.0, y + dt / 2 * k1)
    k3 = slope(0.0, y + dt / 2 * k2)
    k4 = slope(0.0, y + dt * k3)
    return (y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)).reshape(state.shape)
