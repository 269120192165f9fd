"""What a trained network can do, held against predictors that need no training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from rdverify.lstm.model import SequenceModel, as_input
from rdverify.lstm.probing import free_run
from rdverify.lstm.sequences import SineConfig, frequencies, generate
from rdverify.tools.errors import require
from rdverify.trace import FloatArray


@dataclass(frozen=True)
class OneStep:
    """Root-mean-square errors of the prediction of x_{t+1} from x_0 .. x_t.

    Attributes:
        model: of the network.
        last_value: of x_t.
        linear: of 2 x_t - x_{t-1}.
        factor: min(last_value, linear) / model; above 1 the network is the better.
    """

    model: float
    last_value: float
    linear: float
    factor: float


def predictions(model: SequenceModel, x: npt.ArrayLike) -> FloatArray:
    """Outputs of the network on sequences x, both of shape (sequences, length), float64."""
    with torch.no_grad():
        return cast(FloatArray, model(as_input(x, model))[0][:, :, 0].double().numpy())


def one_step(model: SequenceModel, x: npt.ArrayLike, skip: int = 20) -> OneStep:
    """Errors of one-step prediction on sequences that training did not see.

    Args:
        model: trained with target "next".
        x: shape (sequences, length).
        skip: the first ``skip`` values are not predicted but read, 2 <= skip < length:
            a network that starts from a zero state must see a few values before it can
            know the frequency; 20 is a tenth of a sequence.
    """
    truth = np.asarray(x, dtype=float)
    require(2 <= skip < truth.shape[1], "skip", skip, f"in [2, {truth.shape[1]})")

    def rmse(made: FloatArray) -> float:
        return float(np.sqrt(np.mean((made - truth[:, skip:]) ** 2)))

    network = rmse(predictions(model, truth)[:, skip - 1 : -1])
    last = rmse(truth[:, skip - 1 : -1])
    linear = rmse(2 * truth[:, skip - 1 : -1] - truth[:, skip - 2 : -2])
    return OneStep(network, last, linear, min(last, linear) / network)


def frequency_of(x: npt.ArrayLike) -> FloatArray:
    """Frequency of the sine with offset that fits each row best, shape (rows,), cycles a step.

    Least squares over a grid of 50 frequencies per 1/T from 0.25/T to 0.5, refined
    by a parabola through the best three.

    Args:
        x: shape (rows, T), T >= 8, finite.
    """
    rows = np.asarray(x, dtype=float)
    require(rows.ndim == 2 and rows.shape[1] >= 8, "x.shape", rows.shape, "(rows, T), T >= 8")
    grid, bases = _fourier(rows.shape[1])
    power = np.square(np.einsum("gtk,rt->grk", bases, rows, optimize=True)).sum(-1)  # (grid, rows)
    best = power.argmax(axis=0).clip(1, len(grid) - 2)
    column = np.arange(len(rows))
    below, at, above = (power[best + shift, column] for shift in (-1, 0, 1))
    bend = below - 2 * at + above
    offset = np.where(bend < 0, 0.5 * (below - above) / np.where(bend < 0, bend, 1), 0)
    return cast(FloatArray, grid[best] + np.clip(offset, -1, 1) * (grid[1] - grid[0]))


@lru_cache(maxsize=2)
def _fourier(steps: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies and, for each, an orthonormal basis (steps, 3) of offset, cosine, sine."""
    grid = np.arange(0.25 / steps, 0.5, 1 / (50 * steps))
    angle = 2 * np.pi * grid[:, None] * (np.arange(steps) - (steps - 1) / 2)  # (grid, steps)
    bases = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=2)
    return grid, np.linalg.qr(bases)[0]


def frequency_errors(
    model: SequenceModel,
    data: SineConfig,
    *,
    sequences: int = 64,
    warm_up: int = 100,
    steps: int = 200,
) -> FloatArray:
    """|f_made / f_true - 1| of unseen sines that the network continues on its own.

    Args:
        model: trained with target "next" on sines like ``data``.
        data: the sines' configuration; unseen ones are drawn, "unseen" in :func:`generate`.
        sequences: how many.
        warm_up: values of the true sine that the network reads first.
        steps: values it then makes; their frequency is :func:`frequency_of`.

    Returns:
        shape (sequences,).
    """
    x = generate(data, "unseen", sequences)[:, :warm_up]
    made = free_run(model, as_input(x, model), steps)
    return np.abs(frequency_of(made) / frequencies(data, "unseen", sequences) - 1)


def free_run_errors(model: SequenceModel, x: npt.ArrayLike, warm_up: int) -> FloatArray:
    """Root-mean-square error, step by step, of continuing x on its own, shape (length - warm_up,).

    Args:
        model: trained with target "next".
        x: shape (sequences, length).
        warm_up: values of x that the network reads first.
    """
    truth = np.asarray(x, dtype=float)
    require(2 <= warm_up < truth.shape[1], "warm_up", warm_up, f"in [2, {truth.shape[1]})")
    made = free_run(model, as_input(truth[:, :warm_up], model), truth.shape[1] - warm_up)
    return cast(FloatArray, np.sqrt(np.mean((made - truth[:, warm_up:]) ** 2, axis=0)))
