"""A recurrent network measured: layer by layer, direction by direction, and as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rdverify.lstm.reading import Cell, read
from rdverify.measure.gru_cell import GRUCell, read_gru
from rdverify.measure.network import Network, network_of
from rdverify.tools.errors import InputError, require
from rdverify.tools.torchkit import seeded_globally
from rdverify.trace import FloatArray, Trace

NAMES = ("react", "diff", "change")


@dataclass(frozen=True, eq=False)
class Measured:
    """What was read of a network.

    Attributes:
        whole: one run a sequence, norms over the units of all layers and directions.
        parts: the same of each layer and direction, such as "layer 1, backward".
    """

    whole: Trace
    parts: dict[str, Trace]


def measure_network(
    network: nn.Module | Network,
    x: Tensor | PackedSequence,
    lengths: Sequence[int] = (),
    state: Any = None,
) -> Measured:
    """Both terms of every layer and direction of an LSTM or GRU, step by step.

    A backward direction reads each sequence flipped within its own length, and its series are
    flipped back: column t is then what every direction does at x_t. As a whole the terms are
    those of all units together, so squares of norms add up over layers and directions.

    Args:
        network: as :func:`rdverify.measure.network.network_of` takes it, or gives it.
        x: as the module takes it, by ``batch_first``; (n, T, d) for a Network or a cell. Or a
            PackedSequence. Finite, T >= 2. It is moved to the weights' device and dtype.
        lengths: steps of each sequence where they differ; what lies beyond is not read.
        state: as the module takes it: h_0, or (h_0, C_0) for an LSTM, each of shape
            (layers x directions, n, h); zero if None.

    Returns:
        :class:`Measured`, traces with "change" among the extras.

    Raises:
        InputError: naming what doesn't fit.
    """
    found = network if isinstance(network, Network) else network_of(network)
    first = not isinstance(network, nn.RNNBase) or network.batch_first
    values, lengths = _input(found, x, first, lengths)
    states = _states(found, state, len(values))
    flip = _flipped(lengths, values.shape[1])
    parts: dict[str, Trace] = {}
    for layer, cells in enumerate(found.layers):
        keep, outputs = layer < len(found.layers) - 1, []
        for direction, cell in enumerate(cells):
            backward = direction == 1
            given = _take(values, flip) if backward else values
            start = [one[layer * found.directions + direction] for one in states]
            series, out = _read(cell, given, start, keep)
            if backward:
                series = {name: np.take_along_axis(s, flip, 1) for name, s in series.items()}
                out = None if out is None else _take(out, flip)
            outputs.append(out)
            side = f", {('forward', 'backward')[direction]}" if found.directions == 2 else ""
            parts[f"layer {layer}{side}"] = _trace(found, series, lengths)
        if keep:
            values = torch.cat([out for out in outputs if out is not None], 2)
    return Measured(together(list(parts.values())), parts)


def together(traces: Sequence[Trace]) -> Trace:
    """Terms of several parts as those of one vector: squares of norms add up."""
    first = traces[0]
    react, diff, change = (
        np.sqrt(np.sum([np.square(series) for series in parts], axis=0))
        for parts in (
            [trace.react for trace in traces],
            [trace.diff for trace in traces],
            [trace.extras["change"] for trace in traces],
        )
    )
    return replace(first, react=react, diff=diff, extras={"change": change})


def untrained(network: Network, seed: int) -> Network:
    """A network of the same sizes with torch's own initial weights."""
    kind = nn.LSTM if network.kind == "lstm" else nn.GRU
    with seeded_globally(seed):
        module = kind(
            network.inputs,
            network.hidden,
            len(network.layers),
            bias=network.bias,
            bidirectional=network.directions == 2,
            dtype=network.first.w.dtype,
            device="cpu",
        )
    return on_device(network_of(module), network.first.w.device)


def on_device(network: Network, device: torch.device | str) -> Network:
    """The same weights on another device."""
    layers = tuple(
        tuple(type(cell)(**{k: v.to(device) for k, v in vars(cell).items()}) for cell in cells)
        for cells in network.layers
    )
    return replace(network, layers=layers)


def held_constant(values: npt.NDArray[Any], lengths: Sequence[int]) -> npt.NDArray[Any]:
    """Each sequence replaced by its mean over its own steps, shape (n, T, d)."""
    here = np.arange(values.shape[1]) < np.asarray(lengths)[:, None]
    mean = (values * here[:, :, None]).sum(axis=1) / np.asarray(lengths)[:, None]
    return np.asarray(np.where(here[:, :, None], mean[:, None, :], 0), dtype=values.dtype)


def _read(
    cell: Cell | GRUCell, x: Tensor, start: list[Tensor], keep: bool
) -> tuple[dict[str, FloatArray], Tensor | None]:
    if isinstance(cell, Cell):
        found = read(cell, x, start[0], start[1], keep=keep)
    else:
        found = read_gru(cell, x, start[0], keep=keep)
    return {name: found.series[name] for name in NAMES}, found.states


def _trace(network: Network, series: dict[str, FloatArray], lengths: tuple[int, ...]) -> Trace:
    config = {"hidden": network.hidden, "input": network.inputs, "bias": network.bias}
    equal = min(lengths) == max(lengths) == series["react"].shape[1]
    return Trace(
        series["react"],
        series["diff"],
        system=network.kind.upper(),
        config=config,
        extras={"change": series["change"]},
        lengths=() if equal else lengths,
    )


def _input(
    network: Network, x: Tensor | PackedSequence, batch_first: bool, lengths: Sequence[int]
) -> tuple[Tensor, tuple[int, ...]]:
    """Values of shape (n, T, d) on the weights' device, zero beyond each length, and lengths."""
    if isinstance(x, PackedSequence):
        require(not lengths, "lengths", lengths, "left out: a PackedSequence has its own")
        x, packed = pad_packed_sequence(x, batch_first=True)
        lengths, batch_first = packed.tolist(), True
    require(isinstance(x, Tensor), "x", type(x).__name__, "a torch.Tensor or PackedSequence")
    require(x.ndim in (2, 3), "x.ndim", x.ndim, "3, or 2 for one sequence")
    x = x[None] if x.ndim == 2 else x if batch_first else x.transpose(0, 1)
    count, steps, features = x.shape
    require(features == network.inputs, "x's features", features, f"the network's {network.inputs}")
    require(count >= 1, "x's batch size", count, "at least 1")
    own = tuple(int(length) for length in lengths) or (steps,) * count
    require(len(own) == count, "lengths", own, f"one for each of {count} sequences")
    fit = 2 <= min(own) <= max(own) <= steps
    require(fit, "lengths", own, f"from 2 to {steps}, the steps of x")
    here = torch.arange(steps, device=x.device) < torch.tensor(own, device=x.device)[:, None]
    x = torch.where(here[:, :, None], x.detach(), x.new_zeros(()))
    require(bool(torch.isfinite(x).all()), "x", "with NaN or infinity", "finite")
    return x.to(network.first.w), own


def _states(network: Network, state: Any, count: int) -> list[Tensor]:
    """h_0, and C_0 for an LSTM, each of shape (layers x directions, n, h)."""
    rows = len(network.layers) * network.directions
    shape = (rows, count, network.hidden)
    wanted = 2 if network.kind == "lstm" else 1
    if state is None:
        return [network.first.w.new_zeros(shape)] * wanted
    given = list(state) if isinstance(state, tuple | list) else [state]
    names = "(h_0, C_0)" if wanted == 2 else "h_0"
    if len(given) != wanted or not all(isinstance(one, Tensor) for one in given):
        raise InputError(f"state = {type(state).__name__!r} is not allowed: must be {names}")
    found = []
    for one in given:
        one = one.detach()[:, None] if one.ndim == 2 and count == 1 else one.detach()
        require(tuple(one.shape) == shape, "state's shape", tuple(one.shape), f"{shape}")
        require(bool(torch.isfinite(one).all()), "state", "with NaN or infinity", "finite")
        found.append(one.to(network.first.w))
    return found


def _flipped(lengths: Sequence[int], steps: int) -> npt.NDArray[np.int64]:
    """Columns that turn each sequence round within its length, shape (n, T); its own inverse."""
    at, own = np.arange(steps), np.asarray(lengths)[:, None]
    return np.where(at < own, own - 1 - at, at)


def _take(x: Tensor, columns: npt.NDArray[np.int64]) -> Tensor:
    index = torch.from_numpy(columns).to(x.device)[:, :, None].expand(x.shape)
    return torch.gather(x, 1, index)
