"""Counterexamples among LSTMs: untrained, without memory, with nothing but memory; a bound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, gates, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.metric.rows import Rows, measure_all, row, value_of
from rdverify.metric.scaling import NETWORKS
from rdverify.metric.systems import Systems
from rdverify.study import Metric, Metrics

FloatArray = npt.NDArray[np.float64]
MEMORYLESS, INTEGRATING = -20.0, 6.0  # added to the forget gate's bias: f < 1e-8, f = 0.998
RIDGE = 1e-6


def forgetting(model: SequenceModel, bias: float) -> SequenceModel:
    """``model`` with ``bias`` added to every forget gate's."""
    hidden = model.lstm.hidden_size
    with torch.no_grad():
        model.lstm.get_parameter("bias_ih_l0")[hidden : 2 * hidden] += bias
    return model


def networks(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """Networks as initialised, and with their forget gates shut."""
    names = {
        "untrained": ("metric.untrained.r", "R of untrained LSTMs (h = 16) on sines"),
        "memoryless": (
            "metric.memoryless.r",
            "R of the same with forget gates shut, f < 1e-8: nothing of the past is kept",
        ),
    }

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {"untrained": [], "memoryless": []}
        for seed in range(NETWORKS):
            config = LSTMConfig(data=SineConfig(sequences=32, seed=seed), seed=seed)
            model, x = build(config), generate(config.data)
            found["untrained"].append(balance_of(probe(model.lstm, as_input(x, model))).r)
            forgetting(model, MEMORYLESS)
            found["memoryless"].append(balance_of(probe(model.lstm, as_input(x, model))).r)
        return {names[key][0]: Metric.of(found[key], names[key][1]) for key in names}

    if measure_all(metrics, compute, dict(names.values())):
        row(
            rows,
            "Untrained LSTM on sines",
            value_of(metrics, "metric.untrained.r"),
            "R near 1 needs no learning: the terms' sum is the state, which stays bounded",
        )
        row(
            rows,
            "LSTM that forgets everything at once",
            value_of(metrics, "metric.memoryless.r"),
            "with f = 0 the terms are this step's state and the last one's: R near 1 needs no "
            "memory",
        )


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
    return model, rng.standard_normal((4, 100)) * 10 ** rng.uniform(-1, 1)


def bounds(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """The smallest ratio that random networks reach."""
    names = {
        "metric.lstm.smallest_r": "smallest R of 200 sequences through 50 LSTMs (h = 16) "
        "with random weights of all sizes, from C_0 = 0",
        "metric.lstm.smallest_sum_ratio": "smallest R in the 1-norm of the same, proved >= 1",
    }

    def compute() -> dict[str, Metric]:
        r, sums = [], []
        for seed in range(50):
            model, x = wild_network(seed)
            r.append(balance_of(probe(model.lstm, as_input(x, model))).r_runs.min())
            sums.append(ratio_of_sums(model, x).min())
        return {
            name: Metric(float(min(values)), what, n=200)
            for (name, what), values in zip(names.items(), (r, sums), strict=True)
        }

    if measure_all(metrics, compute, names):
        row(
            rows,
            "50 LSTMs with random weights of all sizes (the smallest R)",
            value_of(metrics, "metric.lstm.smallest_r"),
            "from C_0 = 0 no LSTM of h units has R below 1/sqrt(h) (0.25 for h = 16), "
            "and in the 1-norm none below 1: R << 1 can't occur there",
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


def integrators(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """Networks that forget almost nothing can follow data."""
    names = {
        "metric.integrator.r": "R of LSTMs with f near 1 (6 added to the forget bias)",
        "metric.integrator.skill": "error of repeating the last value over the error of a "
        "linear read-out of their state, unseen sines",
        "metric.control.balanced.skill": "the same for LSTMs with R near 1",
    }

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {name: [] for name in names}
        for seed in range(NETWORKS):
            config = LSTMConfig(data=SineConfig(sequences=32, seed=seed), seed=seed)
            model = build(config)
            x, unseen = generate(config.data), generate(config.data, "unseen", 32)
            found["metric.control.balanced.skill"].append(read_out(model, x, unseen))
            forgetting(model, INTEGRATING)
            found["metric.integrator.r"].append(balance_of(probe(model.lstm, as_input(x, model))).r)
            found["metric.integrator.skill"].append(read_out(model, x, unseen))
        return {name: Metric.of(found[name], what) for name, what in names.items()}

    if measure_all(metrics, compute, names):
        row(
            rows,
            "LSTM that forgets almost nothing, linear read-out",
            value_of(metrics, "metric.integrator.r"),
            f"R >> 1, yet {value_of(metrics, 'metric.integrator.skill'):.1f} times better than "
            "the last value on sines it has not seen",
        )
