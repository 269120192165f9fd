"""What one LSTM does over time: oscillation, gates, growth, gradients, and its controls."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of, ratio
from rdverify.lstm import Gates, SequenceModel, State, as_input, gates, probe
from rdverify.lstm.sequences import (
    LorenzConfig,
    lorenz_slope,
    van_der_pol_slope,
)
from rdverify.lstm.skill import frequency_of
from rdverify.lstm.study.rows import START_UP, read

FloatArray = npt.NDArray[np.float64]
DEAD_BAND = 1e-3  # closer to 1 than that, rounding decides the side
BEHAVIOUR: Mapping[str, str] = {
    "r": "R = M_react / M_diff of the run",
    "crossings": f"crossings of R_t = 1 in 100 steps after {START_UP} (|R_t - 1| > {DEAD_BAND})",
    "share_above": f"share of steps after {START_UP} with R_t - 1 > {DEAD_BAND}",
    "amplitude": f"mean of |R_t - 1| over the steps after {START_UP}",
    "corr_i": "correlation over time of R_t with the mean of i_t over units",
    "corr_growth": "correlation over time of R_t with ||C_t|| - ||C_(t-1)||",
    "corr_forget": "correlation over time of R_t with the mean of 1 - f_t over units",
    "corr_change": "correlation over time of R_t with ||C_t - C_(t-1)||",
    "gate_activity": "standard deviation over time of the mean gates i and 1 - f, over their mean",
    "enlarges": "share of units and steps in which i * c~ has the sign of C_(t-1)",
    "growth": "mean ||C_t|| over the last 50 steps over that of steps 50 to 100",
}


def behaviour(model: SequenceModel, x: FloatArray, variant: str) -> dict[str, float]:
    """The quantities of :data:`BEHAVIOUR` for one network, means over sequences.

    Args:
        model: a network.
        x: unseen sequences, shape (sequences, 200).
        variant: how the run is read; correlations leave out the first START_UP steps.
    """
    trace = read(model, x, variant, detail=True)
    first = 1 if variant == "late" else START_UP
    r_t = ratio(trace.react, trace.diff)[:, first:]  # (sequences, steps)
    extras = {name: series[:, first:] for name, series in trace.extras.items()}
    growth = trace.extras["cell"][:, first:] - trace.extras["cell"][:, first - 1 : -1]
    activity = [
        series.std(axis=1) / series.mean(axis=1) for series in (extras["i"], extras["one_minus_f"])
    ]
    whole = trace if variant == "whole" else read(model, x, "whole")
    cell = whole.extras["cell"]
    return {
        "r": balance_of(trace).r,
        "crossings": crossings(r_t),
        "share_above": float((r_t > 1 + DEAD_BAND).mean()),
        "amplitude": float(np.abs(r_t - 1).mean()),
        "corr_i": correlation(r_t, extras["i"]),
        "corr_growth": correlation(r_t, growth),
        "corr_forget": correlation(r_t, extras["one_minus_f"]),
        "corr_change": correlation(r_t, extras["change"]),
        "gate_activity": float(np.mean(activity)),
        "enlarges": float((1 + extras["aligned"].mean()) / 2),
        "growth": float(cell[:, -50:].mean() / cell[:, 50:100].mean()),
    }


def crossings(r_t: FloatArray) -> float:
    """Sign changes of R_t - 1 in 100 steps, mean over rows; r_t of shape (runs, steps)."""
    counts = []
    for row in r_t:
        sides = np.sign(row - 1)[np.abs(row - 1) > DEAD_BAND]
        counts.append(np.count_nonzero(np.diff(sides)))
    return float(np.mean(counts) * 100 / r_t.shape[1])


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's correlation over time, mean over rows; a constant row counts as 0."""
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return float(np.divide((a * b).sum(axis=1), size, out=np.zeros(len(a)), where=size > 0).mean())


def peak_shares(model: SequenceModel, x: FloatArray, f: FloatArray) -> tuple[float, float]:
    """Shares of sines for which R_t's best-fitting frequency is f, and 2 f.

    Within one over the steps after the start-up; x of shape (sequences, 200), f of (sequences,).
    """
    trace = read(model, x, "whole")
    found = frequency_of(ratio(trace.react, trace.diff)[:, START_UP:])
    width = 1 / (trace.steps - START_UP)
    return (
        float((np.abs(found - f) <= width).mean()),
        float((np.abs(found - 2 * f) <= width).mean()),
    )


def forced(
    model: SequenceModel, *, f: float | None = None, i: float | None = None
) -> SequenceModel:
    """A copy whose forget or input gate has the pre-activation f or i, whatever the input.

    f = 100 is no forgetting, i = -100 no input.
    """
    changed = copy.deepcopy(model)
    h = changed.lstm.hidden_size
    with torch.no_grad():
        for value, rows in ((i, slice(0, h)), (f, slice(h, 2 * h))):  # torch's order i, f, c, o
            if value is None:
                continue
            for name, parameter in changed.lstm.named_parameters():
                parameter[rows] = value / 2 if name.startswith("bias") else 0.0
    return changed


def resting(x: FloatArray) -> FloatArray:
    """Control: each sequence's own mean as a constant input, shape as x."""
    return np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape).copy()


def state_after(model: SequenceModel, x: FloatArray) -> State:
    """(h, C) after reading x, shape (sequences, steps)."""
    with torch.no_grad():
        return cast(State, model(as_input(x, model))[1])


def closing(model: SequenceModel, x: FloatArray, *, i: float | None) -> dict[str, float]:
    """R, signal and gradient over the second half of x, with the input gate forced to ``i``.

    signal: ||C_T|| at the end over ||C|| at the start. log_gradient: its log10.
    """
    half = x.shape[1] // 2
    state = state_after(model, x[:, :half])
    network = model if i is None else forced(model, i=i)
    trace = probe(network.lstm, as_input(x[:, half:], network), state)
    start = np.linalg.norm(state[1][0].double().numpy(), axis=1)
    return {
        "r": balance_of(trace).r,
        "signal": float((trace.extras["cell"][:, -1] / start).mean()),
        "log_gradient": float(np.log10(max(gradient(network, x[:, half:], half, state), 1e-300))),
    }


def gradient(
    model: SequenceModel, x: FloatArray, steps: int, state: State | None = None, sequences: int = 8
) -> float:
    """||d C_T / d C_0||_F over that of the identity, mean over sequences (eq02 to eq07 derived).

    h_0 is held, so that the derivative starts from the cell alone.

    Args:
        model: a network.
        x: input of shape (n, >= steps).
        steps: T.
        state: (h_0, C_0) of the n sequences, or None for zero.
        sequences: how many of the n.
    """
    count = min(sequences, len(x))
    cut = (
        None
        if state is None
        else (state[0][:, :count].contiguous(), state[1][:, :count].contiguous())
    )
    inside = gates(model.lstm, as_input(x[:count, :steps], model), cut)
    u = dict(model.lstm.named_parameters())["weight_hh_l0"].detach().double().numpy()
    h = model.lstm.hidden_size
    d_c = np.broadcast_to(np.eye(h), (count, h, h)).copy()  # (n, h, h): d C_t / d C_0
    d_h = np.zeros_like(d_c)
    for t in range(steps):
        d_c, d_h = _tangent(inside, u, t, d_c, d_h)
    return float((np.linalg.norm(d_c, axis=(1, 2)) / np.sqrt(h)).mean())


def _tangent(
    g: Gates, u: FloatArray, t: int, d_c: FloatArray, d_h: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """One step of the derivative of (C, h), each of shape (n, h, h)."""
    i, f, one_minus_f, c_tilde, o, c_prev, c, _ = (series[:, t, :, None] for series in g)
    d_i, d_f, d_g, d_o = np.split(u @ d_h, 4, axis=1)
    bent = np.tanh(c)
    d_c = (
        f * d_c
        + c_prev * f * one_minus_f * d_f
        + c_tilde * i * (1 - i) * d_i
        + i * (1 - c_tilde**2) * d_g
    )
    return d_c, o * (1 - bent**2) * d_c + bent * o * (1 - o) * d_o


def plain_gradient(model: SequenceModel, x: FloatArray, steps: int, sequences: int = 8) -> float:
    """Control: the same for h_t = tanh(W_C x_t + U_C h_{t-1} + b_C), no gates and no cell."""
    weights = {
        name: value.detach().double().numpy() for name, value in model.lstm.named_parameters()
    }
    size = model.lstm.hidden_size
    rows = slice(2 * size, 3 * size)
    w, u = weights["weight_ih_l0"][rows, 0], weights["weight_hh_l0"][rows]
    bias = weights["bias_ih_l0"][rows] + weights["bias_hh_l0"][rows]
    h = np.zeros((min(sequences, len(x)), size))
    jacobian = np.broadcast_to(np.eye(size), (len(h), size, size))
    for t in range(steps):
        h = np.tanh(x[: len(h), t, None] * w + h @ u.T + bias)  # (n, h)
        jacobian = (1 - h**2)[:, :, None] * (u @ jacobian)
    return float((np.linalg.norm(jacobian, axis=(1, 2)) / np.sqrt(size)).mean())


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
    count = 2 * trajectories  # each with its neighbour
    state = np.tile(rng.uniform(0.5, 2.0, (size, trajectories)), 2)  # (size, count)
    offset = 1e-7
    state[0, trajectories:] += offset
    total = np.zeros(trajectories)
    block, burn_in = 20, int(0.2 * time / dt / 20)
    for turn in range(burn_in + int(time / dt / block)):
        for _ in range(block):
            state = _runge_kutta(slope, state, dt, size, count)
        apart = state[:, trajectories:] - state[:, :trajectories]
        distance = np.linalg.norm(apart, axis=0)
        if turn >= burn_in:
            total += np.log(distance / offset)
        state[:, trajectories:] = state[:, :trajectories] + apart * (offset / distance)
    return total / (int(time / dt / block) * block * dt)


def _runge_kutta(slope: object, state: FloatArray, dt: float, size: int, count: int) -> FloatArray:
    def f(y: FloatArray) -> FloatArray:
        return cast(FloatArray, slope(0.0, y))  # type: ignore[operator]

    y = state.ravel()  # (size * count,)
    k1 = f(y)
    k2 = f(y + dt / 2 * k1)
    k3 = f(y + dt / 2 * k2)
    k4 = f(y + dt * k3)
    return (y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)).reshape(size, count)
