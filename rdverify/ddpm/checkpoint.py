"""The state of a DDPM's training as one safetensors file, whole or not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rdverify.tools import records
from rdverify.tools.files import check_output_folder
from rdverify.tools.reading import refused
from rdverify.tools.records import convert
from rdverify.tools.tensors import (
    below,
    optimiser_tensors,
    prefixed,
    read_tensors,
    restore_optimiser,
    write_tensors,
)

SCHEMA = "rdverify-ddpm-checkpoint-2"


@dataclass
class Record:
    """What training leaves behind besides weights.

    Attributes:
        step: updates done.
        losses: (step, mean epsilon-MSE of the updates since the last entry).
        validation: (step, epsilon-MSE of the weights, of their moving average) on held-out images.
        seconds: time spent, over all interruptions.
        cooling: (first step, last step) of the final fall of the rate, if there is one.

    """

    step: int = 0
    losses: list[tuple[int, float]] = field(default_factory=list)
    validation: list[tuple[int, float, float]] = field(default_factory=list)
    seconds: float = 0.0
    cooling: tuple[int, int] | None = None


def check_room(path: Path, unet: torch.nn.Module) -> None:
    """Refuse a folder without room for checkpoints of ``unet`` and its weights.

    A checkpoint has the weights, their average and Adam's two moments, and is written beside
    the one before it.
    """
    weights = sum(value.numel() * value.element_size() for value in unet.state_dict().values())
    check_output_folder(path.parent, 9 * weights)


def write_state(
    path: Path,
    unet: torch.nn.Module,
    average: torch.nn.Module,
    optimiser: torch.optim.Adam,
    record: Record,
    identity: dict[str, Any],
) -> None:
    """Replace ``path`` by the present state, atomically.

    No generator's state is kept: step n draws from a generator seeded by (seed, n).
    """
    tensors = (
        prefixed("unet", unet.state_dict())
        | prefixed("average", average.state_dict())
        | prefixed("adam", optimiser_tensors(optimiser))
    )
    write_tensors(path, tensors, {"schema": SCHEMA, "identity": identity, "record": vars(record)})


def read_state(
    path: Path,
    unet: torch.nn.Module,
    average: torch.nn.Module,
    optimiser: torch.optim.Adam,
    identity: dict[str, Any],
) -> Record:
    """Put the state of ``path`` into the three, in place, and return its record.

    Raises:
        InputError: if the file is damaged, no checkpoint, or of other settings or data; the three
            may then hold parts of it.

    """
    tensors, described = read_tensors(path, SCHEMA, "checkpoint", summed=True)
    with refused("checkpoint", path, "of this training; remove it to start anew"):
        told = convert({name: described.get(name) for name in ("identity", "record")}, _Told)
        for key in sorted(identity.keys() | told.identity.keys()):
            ours, theirs = identity.get(key), told.identity.get(key)
            if ours != theirs:
                raise ValueError(f"made with {key} = {theirs!r:.70}, now {ours!r:.70}")
        unet.load_state_dict(below("unet", tensors))
        average.load_state_dict(below("average", tensors))
        restore_optimiser(optimiser, below("adam", tensors))
    return told.record


class _Told(records.Record, frozen=True):
    """What the file says besides tensors."""

    identity: dict[str, Any]
    record: Record
