"""Counterexamples among LSTMs: untrained, without memory, with nothing but memory; a bound."""

from __future__ import annotations

import numpy as np
import torch

from rdverify.balance import balance_of
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, gates
from rdverify.lstm.sequences import generate
from rdverify.metric.runs import REPEATS, Runs, fact
from rdverify.metric.systems import fresh, read, sines
from rdverify.study import Measured
from rdverify.trace import FloatArray

# added to the forget gate's bias: f < 1e-8, f = 0.9998
BIASES = {"untrained": 0.0, "control.balanced": 0.0, "memoryless": -20.0, "integrator": 8.0}
RIDGE = 1e-6
WILD, READ_BY_EACH = 50, 4  # networks with random weights, sequences


def forgetting(model: SequenceModel, bias: float) -> SequenceModel:
    """``model`` with ``bias`` added to every forget gate's."""
    hidden = model.lstm.hidden_size
    with torch.no_grad():
        model.lstm.get_parameter("bias_ih_l0")[hidden : 2 * hidden] += bias
    return model


@fact(
    "metric.{network}.r",
    "R of {network}",
    network={
        "untrained": "untrained LSTMs (h = 16) on sines",
        "memoryless": "the same with forget gates shut, f < 1e-8: nothing of the past is kept",
        "integrator": "LSTMs with f near 1 (8 added to the forget bias)",
    },
)
def r_of(runs: Runs, network: str) -> list[float]:
    """R of the untrained networks with something added to the forget bias, one per seed."""
    return [
        balance_of(read(forgetting(fresh(seed), BIASES[network]), generate(sines(seed)))).r
        for seed in range(REPEATS)
    ]


def ratio_of_sums(model: SequenceModel, x: FloatArray) -> FloatArray:
    """R with the 1-norm in place of the 2-norm, one for each sequence, shape (n,).

    From C_t = f C_{t-1} + i c~: |C_t| <= f |C_{t-1}| + |i c~| in every unit, so
    (1 - f)|C_{t-1}| <= |C_{t-1}| - |C_t| + |i c~|. Summed over all steps from C_0 = 0:
    sum (1 - f)|C_{t-1}| <= sum |i c~| - |C_T|. Hence R in the 1-norm is at least 1,
    whatever the weights and the input, and by ||a||_2 <= ||a||_1 <= sqrt(h) ||a||_2 the
    paper's R is at least 1/sqrt(h).
    """
    inside = gates(model.lstm, as_input(x, model))
    react = np.abs(inside.i * inside.c_tilde).sum(axis=(1, 2))
    diff = (inside.one_minus_f * np.abs(inside.c_prev)).sum(axis=(1, 2))
    return np.asarray(react / diff, dtype=float)


def wild_network(seed: int) -> tuple[SequenceModel, FloatArray]:
    """A network with weights of a random size from 0.1 to 30, and noise to read."""
    rng = np.random.default_rng((23, seed))
    model = build(LSTMConfig(seed=seed, dtype="float64"))
    with torch.no_grad():
        for parameter in model.lstm.parameters():
            size = 10 ** rng.uniform(-1, 1.5)
            parameter.copy_(torch.from_numpy(size * rng.standard_normal(parameter.shape)))
    return model, rng.standard_normal((READ_BY_EACH, 100)) * 10 ** rng.uniform(-1, 1)


@fact(
    "metric.lstm.smallest_r",
    f"smallest R of {WILD * READ_BY_EACH} sequences through {WILD} LSTMs (h = 16) with random "
    "weights of all sizes, from C_0 = 0",
)
def smallest_r(runs: Runs) -> Measured:
    """The smallest R of a sequence that random networks reach."""
    found = [balance_of(read(*wild_network(seed))).r_runs.min() for seed in range(WILD)]
    return Measured(
        float(min(found)), n=WILD * READ_BY_EACH, runs=tuple(map(float, found)), how="smallest"
    )


def read_out(model: SequenceModel, x: FloatArray, unseen: FloatArray) -> float:
    """How much better a linear read-out of h_t predicts x_{t+1} than x_t does, on unseen data.

    Ridge regression on h_t, x_t and 1, no training of the network.

    Returns:
        error of the last value over error of the read-out, root mean squares.
    """

    def table(series: FloatArray) -> tuple[FloatArray, FloatArray]:
        states = gates(model.lstm, as_input(series, model)).h[:, 20:-1]  # (n, T - 21, h)
        flat = states.reshape(-1, states.shape[-1])
        now, ahead = series[:, 20:-1].ravel(), series[:, 21:].ravel()
        return np.column_stack([flat, now, np.ones_like(now)]), ahead

    features, ahead = table(x)
    gram = features.T @ features + RIDGE * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ ahead)
    features, ahead = table(unseen)
    error = np.sqrt(np.mean((features @ weights - ahead) ** 2))
    return float(np.sqrt(np.mean((features[:, -2] - ahead) ** 2)) / error)


@fact(
    "metric.{network}.skill",
    "{network}",
    network={
        "integrator": "error of repeating the last value over the error of a linear read-out of "
        "their state, unseen sines",
        "control.balanced": "the same for LSTMs with R near 1",
    },
)
def skill(runs: Runs, network: str) -> list[float]:
    """:func:`read_out` of the same networks, one per seed."""
    return [
        read_out(
            forgetting(fresh(seed), BIASES[network]),
            generate(sines(seed)),
            generate(sines(seed), "unseen", 32),
        )
        for seed in range(REPEATS)
    ]
