"""Train the LSTM of section 4.1, one network or many side by side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rdverify.lstm.model import DTYPES, LSTMConfig, SequenceModel, build
from rdverify.lstm.sequences import generate
from rdverify.tools.errors import require, require_integer
from rdverify.tools.progress import Reporter
from rdverify.tools.provenance import cores
from rdverify.tools.reading import refused
from rdverify.tools.tensors import (
    below,
    optimiser_tensors,
    prefixed,
    read_tensors,
    restore_optimiser,
    write_tensors,
)
from rdverify.tools.torchkit import one_thread
from rdverify.trace import FloatArray

CHECKPOINT = "rdverify-lstm-checkpoint-3"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        config: its settings.
        model: the network.
        losses: mean-squared error of each epoch, averaged over its steps, shape (epochs,).
    """

    config: LSTMConfig
    model: SequenceModel
    losses: FloatArray


def train(
    config: LSTMConfig,
    data: npt.ArrayLike | None = None,
    checkpoint: Path | str | None = None,
    progress: Reporter | None = None,
    checkpoint_epochs: int = 10,
) -> Trained:
    """Train one network with ``torch.nn.LSTM`` and ``torch.optim``.

    Minimised is the mean over steps and sequences of (output_t - target_t)^2,
    with target_t = x_{t+1} ("next") or x_t ("same"). On one CPU thread, so that
    equal arguments on one machine give equal bits.

    Args:
        config: the settings.
        data: sequences of shape (n, length), finite, instead of ``config.data``'s
            (for controls such as noise or shuffled time).
        checkpoint: file for the state of training. If it is there, training goes on
            from it and ends in the same bits as without the interruption. Left in
            place at the end.
        progress: where progress is told.
        checkpoint_epochs: epochs between writes of the checkpoint, ten unless told.

    Raises:
        InputError: if ``data`` or the checkpoint doesn't fit.

    Source: section 4.1; the unstated settings are the fields of ``config``.
    """
    x = _series(config, data)
    model = build(config)
    parameters = list(model.parameters())
    optimiser = make_optimiser(config, parameters)
    losses: list[float] = []
    identity = _identity(config, x)
    if checkpoint is not None and Path(checkpoint).exists():
        losses = _restore(checkpoint, identity, model, optimiser)
    name = f"train on {type(config.data).__name__.removesuffix('Config')}"
    with one_thread(), (progress or Reporter()).task(name, config.epochs) as task:
        task.advance(len(losses))
        for epoch in range(len(losses), config.epochs):
            for group in optimiser.param_groups:
                group["lr"] = rate(config, epoch)
            total = 0.0
            noise = input_noise(config, epoch, x)
            for rows in batches(config, epoch, len(x)):
                optimiser.zero_grad()
                loss = _loss(config, model, x[rows], noise[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                if config.clip_norm is not None:
                    torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
                optimiser.step()
                total += float(loss.detach()) * len(rows)
            losses.append(total / len(x))
            done = epoch + 1
            if checkpoint is not None and (done % checkpoint_epochs == 0 or done == config.epochs):
                _save(checkpoint, identity, model, optimiser, losses)
            task.advance(1, f"loss {losses[-1]:.3g}")
    return Trained(config, model.eval(), np.array(losses))


def train_many(
    configs: Sequence[LSTMConfig],
    data: Sequence[npt.ArrayLike | None] | None = None,
    *,
    workers: int | None = None,
    progress: Reporter | None = None,
) -> list[Trained]:
    """Train many networks side by side on threads: seeds, rates, epochs, data sets.

    Args:
        configs: one per network.
        data: None, or for each network sequences or None, as in :func:`train`.
        workers: threads, default the number of processors; the bits don't depend on it.
        progress: where progress is told.

    Returns:
        One :class:`Trained` per configuration, in order.

    Raises:
        InputError: if the lengths differ, or there are less than one worker.
    """
    if workers is not None:
        workers = require_integer("workers", workers, 1)
    arrays = list(data) if data is not None else [None] * len(configs)
    require(
        len(arrays) == len(configs),
        "data",
        f"{len(arrays)} entries",
        f"one entry for each of {len(configs)} configurations",
    )
    # all input is checked before the first network trains
    series = [_series(config, array) for config, array in zip(configs, arrays, strict=True)]
    with (
        (progress or Reporter()).task("train networks", len(configs)) as task,
        ThreadPoolExecutor(workers or cores()) as pool,
    ):
        results = []
        for trained in pool.map(train, configs, (x.numpy() for x in series)):
            results.append(trained)
            task.advance()
        return results


def rate(config: LSTMConfig, epoch: int) -> float:
    """The learning rate of an epoch (0-based)."""
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / config.epochs))


def batches(config: LSTMConfig, epoch: int, count: int) -> list[Tensor]:
    """Row numbers of each step of an epoch; they depend on seed and epoch alone."""
    if config.batch_size is None or config.batch_size >= count:
        return [torch.arange(count)]
    order = np.random.default_rng([config.seed, epoch]).permutation(count)
    return list(torch.split(torch.from_numpy(order), config.batch_size))


def input_noise(config: LSTMConfig, epoch: int, x: Tensor) -> Tensor:
    """Noise of an epoch, shape (sequences, length); it depends on seed and epoch alone."""
    if config.input_noise == 0:
        return torch.zeros_like(x)
    drawn = np.random.default_rng([config.seed, epoch, 1]).normal(0, config.input_noise, x.shape)
    return torch.from_numpy(drawn).to(x)


def make_optimiser(config: LSTMConfig, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """The optimiser of torch.optim of that name."""
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, config.learning_rate)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, config.learning_rate)
    return torch.optim.SGD(parameters, config.learning_rate, momentum=0.9)


def _loss(config: LSTMConfig, model: SequenceModel, x: Tensor, noise: Tensor) -> Tensor:
    """Mean-squared error of sequences x, read with ``noise``; both of shape (batch, length)."""
    targets, inputs = x[:, :, None], (x + noise)[:, :, None]  # (batch, length, 1)
    if config.target == "next":
        targets, inputs = targets[:, 1:], inputs[:, :-1]
    return torch.nn.functional.mse_loss(model(inputs)[0], targets)


def _series(config: LSTMConfig, data: npt.ArrayLike | None) -> Tensor:
    """Sequences as a tensor of shape (n, length) in the configuration's dtype."""
    require(isinstance(config, LSTMConfig), "config", type(config).__name__, "an LSTMConfig")
    x = np.asarray(generate(config.data) if data is None else data)
    require(
        x.dtype.kind == "f" and x.dtype.itemsize >= 4, "data's dtype", x.dtype, "float32 or float64"
    )
    require(x.ndim == 2, "data.ndim", x.ndim, "2, for (sequences, length)")
    require(
        x.shape[0] >= 1 and x.shape[1] >= 2,
        "data.shape",
        x.shape,
        "at least one sequence of at least 2 steps",
    )
    require(bool(np.isfinite(x).all()), "data", "with NaN or infinity", "finite")
    return torch.tensor(x, dtype=DTYPES[config.dtype])


def _identity(config: LSTMConfig, x: Tensor) -> str:
    """Settings and data of a training, which a checkpoint must share."""
    digest = hashlib.sha256(x.numpy().tobytes()).hexdigest()[:16]
    return f"{config} on data {digest}"


def _save(
    path: Path | str,
    identity: str,
    model: SequenceModel,
    optimiser: torch.optim.Optimizer,
    losses: Sequence[float],
) -> None:
    tensors = {
        **prefixed("model", model.state_dict()),
        **prefixed("optimiser", optimiser_tensors(optimiser)),
        "losses": torch.tensor(losses, dtype=torch.float64),
    }
    write_tensors(path, tensors, {"schema": CHECKPOINT, "identity": identity})


def _restore(
    path: Path | str, identity: str, model: SequenceModel, optimiser: torch.optim.Optimizer
) -> list[float]:
    """Put a checkpoint's state into model and optimiser; returns its losses."""
    tensors, header = read_tensors(path, CHECKPOINT, "checkpoint", summed=True)
    allowed = "of the same settings and data; remove it to start anew"
    require(header.get("identity") == identity, "checkpoint", str(path), allowed)
    with refused("checkpoint", path, allowed):
        model.load_state_dict(below("model", tensors))
        restore_optimiser(optimiser, below("optimiser", tensors))
        found: list[float] = tensors["losses"].tolist()
    return found
