"""The state of a DDPM's training as one safetensors file, whole or not there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rdverify.tools.errors import InputError, one_line
from rdverify.tools.files import check_output_folder
from rdverify.tools.tensors import (
    below,
    optimiser_tensors,
    prefixed,
    read_tensors,
    restore_optimiser,
    write_tensors,
)

SCHEMA = "rdverify-ddpm-checkpoint-1"


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
        InputError: if the file is truncated, no checkpoint, or of other settings or data.

    """
    tensors, described = read_tensors(path, SCHEMA, "checkpoint")
    try:
        differing = sorted(
            key
            for key in identity.keys() | described["identity"].keys()
            if identity.get(key) != described["identity"].get(key)
        )
        if differing:
            key = differing[0]
            raise ValueError(
                f"made with {key} = {described['identity'].get(key)!r}, now {identity.get(key)!r}"
            )
        unet.load_state_dict(below("unet", tensors))
        average.load_state_dict(below("average", tensors))
        restore_optimiser(optimiser, below("adam", tensors))
        kept = described["record"]
        return Record(
            int(kept["step"]),
            [(int(a), float(b)) for a, b in kept["losses"]],
            [(int(a), float(b), float(c)) for a, b, c in kept["validation"]],
            float(kept["seconds"]),
            tuple(kept["cooling"]) if kept.get("cooling") else None,
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"checkpoint = {str(path)!r} is not allowed ({one_line(error, 160)}): must come from "
            "this training; remove it to start anew"
        ) from error
