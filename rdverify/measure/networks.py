"""The certificate of a recurrent network, from a module or a weights file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rdverify.measure.certificate import LABELS, Certificate, Floor, Terms
from rdverify.measure.certifying import ControlRun, certify
from rdverify.measure.network import Kind, Network, network_of
from rdverify.measure.origin import origin_of
from rdverify.measure.recurrent import held_constant, measure_network, on_device, untrained
from rdverify.measure.sequences import Sequences, read_sequences
from rdverify.measure.weights import load_network
from rdverify.tools.errors import require, require_integer
from rdverify.tools.files import check_output_folder
from rdverify.tools.tensors import tensor_bytes
from rdverify.tools.torchkit import device_named
from rdverify.trace import Trace

TERMS: dict[Kind, Terms] = {
    "lstm": Terms("i_t ⊙ c̃_t, what is written into the cell", "(1 - f_t) ⊙ C_{t-1}, what is lost"),
    "gru": Terms(
        "(1 - z_t) ⊙ n_t, what is written into the state", "(1 - z_t) ⊙ h_{t-1}, what is lost of it"
    ),
}
SEEDS = 5  # untrained twins
UNLEARNT = (
    "R near 1 needs neither training nor memory: the state sums both terms over time and stays "
    "bounded, so what is written is about what is lost. The untrained twins show how near.",
    "R does not tell how well the network predicts: one that forgets almost nothing has R far "
    "above 1 and may predict well.",
)
MIXED = "As a whole, layers of larger terms outweigh the others; R part by part tells them apart."


def certify_network(
    network: nn.Module | Network,
    x: Tensor | PackedSequence,
    lengths: Sequence[int] = (),
    *,
    seeds: int = SEEDS,
    state: Any = None,
    named: str = "a module",
    read: dict[str, Path | str | bytes] | None = None,
    notes: Sequence[str] = (),
    command: str = "",
) -> Certificate:
    """Measure an LSTM or GRU beside its controls.

    Args:
        network: as :func:`rdverify.measure.recurrent.measure_network` takes it.
        x: sequences, as there.
        lengths: of each, where they differ.
        seeds: how many untrained twins, at least 2, or 0 for none.
        state: to start from, as there.
        named: where the network comes from, in words.
        read: name -> files whose hashes stand in the certificate; default the weights and x.
        notes: sentences to add.
        command: as typed.
    """
    seeds = require_integer("seeds", seeds, 0)
    require(seeds != 1, "seeds", seeds, "0, or at least 2: one twin has no scatter")
    found = network if isinstance(network, Network) else network_of(network)
    values, own = _by_sequence(network, x, lengths)
    measured = measure_network(found, values, own, state)
    if read is None:
        weights = {f"{n}.{k}": v for n, c in enumerate(_cells(found)) for k, v in vars(c).items()}
        read = {
            "weights": tensor_bytes(weights, {}),
            "series": np.ascontiguousarray(values.detach().cpu().double().numpy()).tobytes(),
        }
    steps = f"{min(own)} to {max(own)}" if min(own) < max(own) else f"{max(own)}"
    zero = state is None
    return certify(
        found.kind,
        f"{found.described()}, of {named}, reading {len(own)} sequence(s) of {steps} steps.",
        measured.whole,
        TERMS[found.kind],
        origin_of(["torch", "numpy", "numba"], read, _settings(found, seeds), command),
        scatters="sequences",
        controls=_controls(found, values, own, seeds),
        parts=measured.parts if len(measured.parts) > 1 else {},
        floor=_floor(found) if zero else None,
        cant_tell=[*UNLEARNT, *([MIXED] if len(measured.parts) > 1 else [])],
        notes=[*_notes(found), *notes],
    )


def certify_files(
    kind: Kind,
    weights: Path | str,
    series: Path | str,
    *,
    prefix: str | None = None,
    gates: str = "auto",
    device: str = "cpu",
    columns: Sequence[str] = (),
    sequence: str | None = None,
    seeds: int = SEEDS,
    command: str = "",
    output: Path | str | None = None,
) -> Certificate:
    """Measure the network of a weights file on the sequences of another file.

    Args:
        kind: "lstm" or "gru".
        weights: see :func:`rdverify.measure.weights.load_network`.
        series: see :func:`rdverify.measure.sequences.read_sequences`.
        prefix: of the weights' keys.
        gates: their order in the weights.
        device: where to compute, such as cpu or cuda.
        columns: of a table, the features.
        sequence: of a table, the column that numbers the sequences.
        seeds: how many untrained twins.
        command: as typed.
        output: folder that is to be written, checked before the work starts.
    """
    network = load_network(weights, kind, prefix=prefix, gates=gates)
    data = read_sequences(series, network.inputs, columns=columns, sequence=sequence)
    network = on_device(network, device_named(device))
    if output is not None:
        check_output_folder(output)
    return certify_network(
        network,
        torch.from_numpy(data.values),
        data.lengths,
        seeds=seeds,
        named=Path(weights).name,
        read={"weights": Path(weights), "series": Path(series)},
        notes=[data.how, *_short(data)],
        command=command,
    )


def _by_sequence(
    network: nn.Module | Network, x: Tensor | PackedSequence, lengths: Sequence[int]
) -> tuple[Tensor, tuple[int, ...]]:
    """Sequences as (n, T, d) and their lengths, so that the controls read the same."""
    if isinstance(x, PackedSequence):
        values, packed = pad_packed_sequence(x, batch_first=True)
        return values, tuple(packed.tolist())
    if isinstance(x, Tensor) and x.ndim == 2:
        x = x[None]
    elif isinstance(x, Tensor) and isinstance(network, nn.RNNBase) and not network.batch_first:
        x = x.transpose(0, 1)
    shape = tuple(getattr(x, "shape", ()))
    require(len(shape) == 3, "x.shape", shape, "of a tensor (n, T, d), as the network takes it")
    return x, tuple(lengths) or (shape[1],) * shape[0]


def _controls(
    network: Network, values: Tensor, lengths: tuple[int, ...], seeds: int
) -> list[ControlRun]:
    found = []
    if seeds:
        runs = [measure_network(untrained(network, s), values, lengths).whole for s in range(seeds)]
        what = "the same sizes with torch's initial weights, reading the same sequences"
        groups = [seed for seed in range(seeds) for _ in lengths]
        twins = Trace.stack(runs)
        found.append(ControlRun("untrained twins", what, twins, groups, "seeds"))
    held = held_constant(values.detach().cpu().double().numpy(), lengths)
    constant = measure_network(network, torch.from_numpy(held), lengths).whole
    what = "the same weights, each sequence held at its own mean: nothing to encode"
    found.append(ControlRun("constant input", what, constant))
    what = "closed form: where the state rests and isn't zero, both terms are equal"
    return [*found, ControlRun("steady state", what, r=1.0)]


def _floor(network: Network) -> Floor:
    """From the zero state |new| <= kept |old| + |written| in every unit; summed over all steps.

    sum of |lost| <= sum of |written|, so R is at least 1 in the 1-norm, and by
    ||a||_2 <= ||a||_1 <= sqrt(N) ||a||_2 at least 1/sqrt(N) in the 2-norm, N units.
    """
    why = (
        f"from the zero state no unit can lose more than was written into it, and the 1-norm is "
        f"at most sqrt({network.units}) times the 2-norm of {network.units} units."
    )
    return Floor(1 / math.sqrt(network.units), why)


def _notes(network: Network) -> list[str]:
    stored = str(network.stored).removeprefix("torch.")
    used = str(network.first.w.dtype).removeprefix("torch.")
    notes = [f"Computed in {used} from {stored} weights."] if stored != used else []
    if network.first.w.device.type != "cpu":
        notes.append(f"Computed on {network.first.w.device}.")
    if network.directions == 2:
        notes.append(
            "The backward direction reads each sequence flipped; its series are flipped back, so "
            "its first step, from an empty state, is the sequence's last."
        )
    return notes


def _short(data: Sequences) -> list[str]:
    if min(data.lengths) == max(data.lengths):
        return []
    return ["Sequences are of unequal length: each counts by its own steps, and alike in R."]


def _settings(network: Network, seeds: int) -> dict[str, Any]:
    return {
        "kind": LABELS[network.kind],
        "layers": len(network.layers),
        "directions": network.directions,
        "d": network.inputs,
        "h": network.hidden,
        "bias": network.bias,
        "twins' seeds": f"0 to {seeds - 1}" if seeds else "none",
    }


def _cells(network: Network) -> list[Any]:
    return [cell for cells in network.layers for cell in cells]
