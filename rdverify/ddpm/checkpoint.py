"""The state of a DDPM's training as one safetensors file, whole or not there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from rdverify.ddpm.unet import read_safetensors
from rdverify.tools.errors import InputError
from rdverify.tools.files import write_atomically

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
    tensors = {f"unet.{name}": value for name, value in unet.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": value for name, value in moments.items()}
    header = json.dumps(
        {"schema": SCHEMA, "identity": identity, "record": vars(record)}, sort_keys=True
    )
    data = save(
        {name: value.detach().to("cpu").contiguous() for name, value in tensors.items()},
        {"rdverify": header},
    )
    write_atomically(path, lambda stream: stream.write(data))


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
    tensors, header = read_safetensors(path)
    try:
        described = json.loads(header["rdverify"])
        if described["schema"] != SCHEMA:
            raise ValueError(f"schema {described['schema']!r}")
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
        for prefix, module in (("unet.", unet), ("average.", average)):
            module.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in tensors.items()
                    if name.startswith(prefix)
                }
            )
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("adam."):
                _, index, moment = name.split(".")
                state.setdefault(int(index), {})[moment] = value
        optimiser.load_state_dict(
            {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
        )
        kept = described["record"]
        return Record(
            int(kept["step"]),
            [(int(a), float(b)) for a, b in kept["losses"]],
            [(int(a), float(b), float(c)) for a, b, c in kept["validation"]],
            float(kept["seconds"]),
            tuple(kept["cooling"]) if kept.get("cooling") else None,
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"checkpoint = {str(path)!r} is not allowed ({reason}): must come from "
            "this training; remove it to start anew"
        ) from error
