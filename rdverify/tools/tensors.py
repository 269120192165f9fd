"""PyTorch tensors in one safetensors file, with a JSON header; no pickle is ever opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from rdverify.tools.errors import InputError, one_line, require
from rdverify.tools.files import write_bytes

KEY = "rdverify"  # the one entry of the header: safetensors writes several in no fixed order


def write_tensors(
    path: Path | str,
    tensors: Mapping[str, torch.Tensor],
    header: Mapping[str, Any],
    dtype: torch.dtype | None = None,
) -> Path:
    """Write ``tensors`` atomically; equal tensors and headers give equal bytes.

    Args:
        path: the file.
        tensors: name -> values, of any device.
        header: JSON values, with "schema" among them.
        dtype: to store floating-point numbers in, default as they are.
    """
    return write_bytes(path, tensor_bytes(tensors, header, dtype))


def tensor_bytes(
    tensors: Mapping[str, torch.Tensor],
    header: Mapping[str, Any],
    dtype: torch.dtype | None = None,
) -> bytes:
    """What :func:`write_tensors` writes."""
    plain = {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in tensors.items()
    }
    return bytes(save(plain, {KEY: json.dumps(header, sort_keys=True)}))


def read_tensors(
    path: Path | str, schema: str | None = None, argument: str = "weights"
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and header of a safetensors file.

    Args:
        path: the file.
        schema: that its header must have; None for any file, also without our header.
        argument: how an error names the file.

    Raises:
        InputError: if it is missing, damaged, no safetensors file (a pickle is refused
            unopened), of another schema, or holds numbers that are not finite.
    """
    allowed = f"a whole safetensors file{f' of schema {schema}' if schema else ''}"
    try:
        if not Path(path).is_file():
            raise FileNotFoundError("there is no such file")
        with safe_open(str(path), framework="pt") as archive:
            # clone: the file may be replaced while the mapped tensors live
            tensors = {name: archive.get_tensor(name).clone() for name in archive.keys()}  # noqa: SIM118
            header = json.loads((archive.metadata() or {}).get(KEY, "{}"))
        found = header.get("schema") if isinstance(header, dict) else header
        if schema is not None and found != schema:
            raise ValueError(f"its schema is {found!r}")
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{argument} = {str(path)!r} is not allowed ({one_line(error)}): must be {allowed}"
        ) from error
    for name, value in tensors.items():
        finite = not value.is_floating_point() or bool(torch.isfinite(value).all())
        require(finite, f"{name} of {argument} {path}", "NaN or infinite", "finite throughout")
    return tensors, header


def prefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors with ``prefix.`` before every name."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with ``prefix.``, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: v for name, v in tensors.items() if name.startswith(start)}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The state of an optimiser, "index.name" -> tensor; :func:`restore_optimiser` reads it."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, entries in optimiser.state_dict()["state"].items()
        for name, value in entries.items()
        if value is not None
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    """Put what :func:`optimiser_tensors` gave back into ``optimiser``."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
