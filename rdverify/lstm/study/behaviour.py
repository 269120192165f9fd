"""What one LSTM does over time: oscillation, gates, growth, gradients, and its controls."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from scipy import stats

from rdverify.balance import balance_of, ratio
from rdverify.lstm import Gates, SequenceModel, State, as_input, gates, probe
from rdverify.lstm.sequences import (
    DataConfig,
    SineConfig,
    generate,
)
from rdverify.lstm.skill import (
    OneStep,
    free_run_errors,
    frequency_errors,
    frequency_of,
    one_step,
)
from rdverify.lstm.study.jacobians import gradient, least_gain, log10
from rdverify.lstm.study.protocol import READING
from rdverify.lstm.study.rows import START_UP, UNSEEN, read
from rdverify.trace import FloatArray

DEAD_BAND = 1e-3  # closer to 1 than that, rounding decides the side
ROUNDING = 1e-5  # relative; float32 moves a series at rest by less
LENGTHS = (50, 100, 200, 400, 800)  # T of the start-up law
WARM_UP = 100  # values that a network reads before it runs on its own


def behaviour(model: SequenceModel, x: FloatArray) -> dict[str, float]:
    """What one network does over time, all steps read, means over sequences.

    r: R of the run. crossings: of R_t = 1 in 100 steps. share_above: of the steps with
    R_t - 1 > DEAD_BAND. amplitude: mean |R_t - 1|. corr_i, corr_forget, corr_growth,
    corr_change: correlation over time of R_t with the mean over units of i and of 1 - f, with
    ||C_t|| - ||C_{t-1}|| and with ||C_t - C_{t-1}||; rise_i and so on: that of R_t - R_{t-1}.
    gate_activity: see there. enlarges: share of units and steps in which i * c~ has the sign of
    C_{t-1}. growth: mean ||C_t|| over the last 50 steps over that of steps 50 to 100. All but r
    and growth leave out the first START_UP steps.

    Args:
        model: a network.
        x: unseen sequences, shape (sequences, 200).
    """
    trace = read(model, x, READING, detail=True)
    r_t = ratio(trace.react, trace.diff)[:, START_UP:]  # (sequences, steps)
    extras = {name: series[:, START_UP:] for name, series in trace.extras.items()}
    growth = np.diff(trace.extras["cell"][:, START_UP - 1 :], axis=1)
    beside = {
        "i": extras["i"],
        "growth": growth,
        "forget": extras["one_minus_f"],
        "change": extras["change"],
    }
    rise = np.diff(r_t, axis=1)
    return {
        "r": balance_of(trace).r,
        "crossings": crossings(r_t),
        "share_above": float((r_t > 1 + DEAD_BAND).mean()),
        "amplitude": float(np.abs(r_t - 1).mean()),
        **{f"corr_{name}": correlation(r_t, series) for name, series in beside.items()},
        **{f"rise_{name}": correlation(rise, series[:, 1:]) for name, series in beside.items()},
        "gate_activity": gate_activity(gates(model.lstm, as_input(x, model))),
        "enlarges": float((1 + extras["aligned"].mean()) / 2),
        "growth": growth_of(model, x),
    }


def gate_activity(inside: Gates) -> float:
    """Deviation over time of each unit's i and 1 - f over its mean, after the start-up.

    Mean over units, sequences and both gates: of each unit by itself, since gates that move
    against each other have a mean over units that stands still.
    """
    moved = [
        gate[:, START_UP:].std(axis=1) / gate[:, START_UP:].mean(axis=1)
        for gate in (inside.i, inside.one_minus_f)
    ]
    return float(np.mean(moved))


def growth_of(model: SequenceModel, x: FloatArray) -> float:
    """Mean ||C_t|| over the last 50 steps over that of steps 50 to 100."""
    cell = read(model, x, READING).extras["cell"]
    return float(cell[:, -50:].mean() / cell[:, 50:100].mean())


def crossings(r_t: FloatArray) -> float:
    """Sign changes of R_t - 1 in 100 steps, mean over rows; r_t of shape (runs, steps)."""
    counts = []
    for row in r_t:
        sides = np.sign(row - 1)[np.abs(row - 1) > DEAD_BAND]
        counts.append(np.count_nonzero(np.diff(sides)))
    return float(np.mean(counts) * 100 / r_t.shape[1])


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's correlation over time, mean over rows; one constant up to rounding counts as 0."""
    moving = np.logical_and(*(np.ptp(s, axis=1) > ROUNDING * np.abs(s).max(axis=1) for s in (a, b)))
    found = np.zeros(len(a))
    if moving.any():
        found[moving] = stats.pearsonr(a[moving], b[moving], axis=1).statistic
    return float(found.mean())


def peak_share(model: SequenceModel, x: FloatArray, f: FloatArray) -> float:
    """Share of sines for which R_t's best-fitting frequency is f.

    Within one over the steps after the start-up; x of shape (sequences, 200), f of (sequences,).
    """
    trace = read(model, x, READING)
    found = frequency_of(ratio(trace.react, trace.diff)[:, START_UP:])
    return float((np.abs(found - f) <= 1 / (trace.steps - START_UP)).mean())


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

    signal: ||C_T|| at the end over ||C|| at the start. log_gradient: of :func:`gradient`.
    log_least_gain: of :func:`least_gain`.
    """
    half = x.shape[1] // 2
    state = state_after(model, x[:, :half])
    network = model if i is None else forced(model, i=i)
    trace = probe(network.lstm, as_input(x[:, half:], network), state)
    start = np.linalg.norm(state[1][0].double().numpy(), axis=1)
    return {
        "r": balance_of(trace).r,
        "signal": float((trace.extras["cell"][:, -1] / start).mean()),
        "log_gradient": log10(gradient(network, x[:, half:], half, state)),
        "log_least_gain": log10(least_gain(network, x[:, half:], half, state)),
    }


def start_up_law(models: Sequence[SequenceModel]) -> list[tuple[int, float, float]]:
    """R - 1 on slow sines against T: for each length T, R - 1, T (1 - f) (R - 1), means.

    f is the mean of the forget gate weighted by |C|: 1 - f = sum (1-f)|C| / sum |C|.
    """
    config = SineConfig(
        length=max(LENGTHS),
        sequences=32,
        normalisation="none",
        frequency_low=0.002,
        frequency_high=0.005,
        seed=0,
    )
    x = generate(config, "unseen", 32)
    found = []  # for each network and length R - 1, T (1 - f) (R - 1)
    for model in models:
        trace = probe(model.lstm, as_input(x, model))
        inside = gates(model.lstm, as_input(x, model))
        size = np.abs(inside.c_prev)  # (sequences, T, h)
        for steps in LENGTHS:
            off = trace.react[:, :steps].mean() / trace.diff[:, :steps].mean() - 1
            lost = (inside.one_minus_f * size)[:, :steps].sum() / size[:, :steps].sum()
            found.append((off, off * steps * lost))
    means = np.reshape(found, (len(models), len(LENGTHS), 2)).mean(axis=0)  # (lengths, 2)
    return [
        (steps, float(off), float(law)) for steps, (off, law) in zip(LENGTHS, means, strict=True)
    ]


@dataclass(frozen=True)
class Skill:
    """What networks make of unseen sequences: one step ahead, and on their own.

    Attributes:
        steps: one for each network.
        free: root-mean-square error of running freely over the data's deviation, shape (networks,).
        frequency: |f_made / f_true - 1| over 200 free-running steps, median over sines, each
            network; empty for other data.
    """

    steps: list[OneStep]
    free: FloatArray
    frequency: list[float]

    @classmethod
    def of(cls, models: Sequence[SequenceModel], data: DataConfig) -> Skill:
        """Measured on UNSEEN sequences of ``data``."""
        x = generate(data, "unseen", UNSEEN)
        free = [free_run_errors(model, x, WARM_UP).mean() / x.std() for model in models]
        frequency = [
            float(np.median(frequency_errors(model, data, sequences=16)))
            for model in models
            if isinstance(data, SineConfig)
        ]
        return cls([one_step(model, x) for model in models], np.array(free), frequency)
