"""Train the LSTM of section 4.1, one network or many side by side."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from rdverify.lstm.batched import (
    NAMES,
    batches,
    feedback_start,
    input_noise,
    rate,
    stacked_losses,
    train_group,
)
from rdverify.lstm.model import DTYPES, LSTMConfig, SequenceModel, build
from rdverify.lstm.sequences import generate
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import write_atomically
from rdverify.tools.progress import Reporter

FloatArray = npt.NDArray[np.float64]
CHECKPOINT_FORMAT = "rdverify-lstm-checkpoint-1"
Method = Literal["auto", "modules", "batched"]


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
        checkpoint_epochs: epochs between writes of the checkpoint.

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
        losses = _restore(Path(checkpoint), identity, model, optimiser)
    name = f"train on {type(config.data).__name__.removesuffix('Config')}"
    with _one_thread(), (progress or Reporter()).task(name, config.epochs) as task:
        task.advance(len(losses))
        for epoch in range(len(losses), config.epochs):
            for group in optimiser.param_groups:
                group["lr"] = rate(config, epoch)
            total = 0.0
            noise = input_noise(config, epoch, x)
            for rows in batches(config, epoch, len(x)):
                optimiser.zero_grad()
                loss = _loss(config, model, x[rows], noise[rows], epoch)
                loss.backward()  # type: ignore[no-untyped-call]
                if config.clip_norm is not None:
                    torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
                optimiser.step()
                total += float(loss.detach()) * len(rows)
            losses.append(total / len(x))
            done = epoch + 1
            if checkpoint is not None and (done % checkpoint_epochs == 0 or done == config.epochs):
                _save(Path(checkpoint), identity, model, optimiser, losses)
            task.advance(1, f"loss {losses[-1]:.3g}")
    return Trained(config, model.eval(), np.array(losses))


def train_many(
    configs: Sequence[LSTMConfig],
    data: Sequence[npt.ArrayLike | None] | None = None,
    *,
    method: Method = "auto",
    device: str = "cpu",
    workers: int | None = None,
    progress: Reporter | None = None,
) -> list[Trained]:
    """Train many networks side by side: seeds, rates, epochs, data sets.

    Args:
        configs: one per network.
        data: None, or for each network sequences or None, as in :func:`train`.
        method: "modules" runs :func:`train` on ``workers`` threads, with the same
            bits. "batched" stacks networks of equal shapes (hidden, dtype, data
            shape, batch size, target, optimiser) and steps them together, with
            the same order of batches and torch.optim's update; it differs from
            :func:`train` by rounding. "auto": "modules" on the CPU, where torch's
            fused cell is faster than anything stacked, "batched" elsewhere.
        device: a torch device such as "cuda", for "batched".
        workers: threads of "modules", default the number of processors.
        progress: where progress is told.

    Returns:
        One :class:`Trained` per configuration, in order, on the CPU.
    """
    arrays = list(data) if data is not None else [None] * len(configs)
    require(
        len(arrays) == len(configs),
        "data",
        f"{len(arrays)} entries",
        f"one entry for each of {len(configs)} configurations",
    )
    require(method in ("auto", "modules", "batched"), "method", method, "auto, modules or batched")
    require(method != "modules" or device == "cpu", "device", device, "cpu for method modules")
    report = progress or Reporter()
    # all input is checked before the first network trains
    series = [_series(config, array) for config, array in zip(configs, arrays, strict=True)]
    if method == "modules" or (method == "auto" and device == "cpu"):
        with (
            report.task("train networks", len(configs)) as task,
            ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool,
        ):
            results = []
            for trained in pool.map(train, configs, (x.numpy() for x in series)):
                results.append(trained)
                task.advance()
            return results
    groups: dict[Any, list[int]] = {}
    for index, (config, x) in enumerate(zip(configs, series, strict=True)):
        key = (
            config.hidden,
            config.dtype,
            tuple(x.shape),
            config.batch_size,
            config.target,
            config.feedback_from,
            config.feedback_after,
            config.optimiser,
        )
        groups.setdefault(key, []).append(index)
    found: dict[int, Trained] = {}
    for members in groups.values():
        chosen = [configs[index] for index in members]
        models = [build(config) for config in chosen]
        losses = train_group(
            chosen, models, torch.stack([series[index] for index in members]), device, report
        )
        for index, model, loss in zip(members, models, losses, strict=True):
            found[index] = Trained(configs[index], model.eval(), loss)
    return [found[index] for index in range(len(configs))]


def make_optimiser(config: LSTMConfig, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """The optimiser of torch.optim of that name."""
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, config.learning_rate)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, config.learning_rate)
    return torch.optim.SGD(parameters, config.learning_rate, momentum=0.9)


def _loss(config: LSTMConfig, model: SequenceModel, x: Tensor, noise: Tensor, epoch: int) -> Tensor:
    """Mean-squared error of sequences x, read with ``noise``; both of shape (batch, length)."""
    targets, inputs = x[:, :, None], (x + noise)[:, :, None]  # (batch, length, 1)
    if config.target == "same":
        return torch.nn.functional.mse_loss(model(inputs)[0], targets)
    if feedback_start(config, epoch) is None:
        return torch.nn.functional.mse_loss(model(inputs[:, :-1])[0], targets[:, 1:])
    # step by step, a plain loop is faster than a call of the module at every step
    # times 1: the two biases would else share one gradient, and clipping would shrink it twice
    stack = [1.0 * model.get_parameter(name)[None] for name in NAMES]
    return stacked_losses(config, stack, x[None], noise[None], epoch)[0]


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
    require(
        config.feedback_from is None or config.feedback_from < x.shape[1],
        "feedback_from",
        config.feedback_from,
        f"below the data's length {x.shape[1]}",
    )
    return torch.tensor(x, dtype=DTYPES[config.dtype])


_THREADS_LOCK = threading.Lock()
_threads_before: list[int] = []  # one entry for each training under way


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, whatever the machine: one thread, restored by the last to leave."""
    with _THREADS_LOCK:
        _threads_before.append(_threads_before[0] if _threads_before else torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _THREADS_LOCK:
            before = _threads_before.pop()
            if not _threads_before:
                torch.set_num_threads(before)


def _identity(config: LSTMConfig, x: Tensor) -> str:
    """Settings and data of a training, which a checkpoint must share."""
    digest = hashlib.sha256(x.numpy().tobytes()).hexdigest()[:16]
    return json.dumps({"config": config.as_json(), "data": digest}, sort_keys=True)


def _save(
    path: Path,
    identity: str,
    model: SequenceModel,
    optimiser: torch.optim.Optimizer,
    losses: Sequence[float],
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, entries in optimiser.state_dict()["state"].items():
        for name, value in entries.items():
            if value is not None:
                tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value)
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    data = safetensors.torch.save(
        {name: value.detach().contiguous() for name, value in tensors.items()},
        {"format": CHECKPOINT_FORMAT, "identity": identity},
    )
    write_atomically(path, lambda stream: stream.write(data))


def _restore(
    path: Path, identity: str, model: SequenceModel, optimiser: torch.optim.Optimizer
) -> list[float]:
    """Put a checkpoint's state into model and optimiser; returns its losses."""
    try:
        with safetensors.safe_open(str(path), "pt") as archive:
            header: Mapping[str, str] = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(
            f"checkpoint = {str(path)!r} is not allowed "
            f"({' '.join(str(error).split())[:100]}): must be a whole file; "
            "remove it to start anew"
        ) from error
    require(
        header.get("format") == CHECKPOINT_FORMAT,
        "checkpoint",
        str(path),
        f"a file of format {CHECKPOINT_FORMAT}",
    )
    require(
        header.get("identity") == identity,
        "checkpoint",
        str(path),
        "of the same settings and data; remove it to start anew",
    )
    model.load_state_dict(
        {
            name.removeprefix("model."): value
            for name, value in tensors.items()
            if name.startswith("model.")
        }
    )
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = value
    whole = optimiser.state_dict()
    optimiser.load_state_dict({**whole, "state": state})
    return cast(list[float], tensors["losses"].tolist())


def seeds(config: LSTMConfig, count: int, first: int = 0) -> list[LSTMConfig]:
    """The same settings with seeds first .. first + count - 1, of network and data."""
    return [config.with_seed(first + index) for index in range(count)]


def with_data(config: LSTMConfig, **changes: Any) -> LSTMConfig:
    """The same settings with fields of the data's configuration replaced."""
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **changes))
