"""PyTorch tensors in one safetensors file, with a JSON header; no pickle is ever opened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from rdverify.tools.errors import InputError, require
from rdverify.tools.files import write_bytes
from rdverify.tools.reading import refused, require_file, require_sha256

KEY = "rdverify"  # the one entry of the header: safetensors writes several in no fixed order
CHECKSUM = "sha256"  # of tensors and header, within the header
# what headers from before it hold
BEFORE = {"schema", "architecture", "hidden", "note", "channels", "classes"}


def write_tensors(
    path: Path | str,
    tensors: Mapping[str, torch.Tensor],
    header: Mapping[str, Any],
    dtype: torch.dtype | None = None,
) -> Path:
    """Write ``tensors`` atomically; equal tensors and headers give equal bytes.

    The header gets a checksum of both, which :func:`read_tensors` holds the file against.

    Args:
        path: the file.
        tensors: name -> values, of any device.
        header: JSON values, with "schema" among them.
        dtype: to store floating-point numbers in, default as they are.
    """
    plain = _plain(tensors, dtype)
    return write_bytes(path, tensor_bytes(plain, {**header, CHECKSUM: checksum(plain, header)}))


def tensor_bytes(
    tensors: Mapping[str, torch.Tensor],
    header: Mapping[str, Any],
    dtype: torch.dtype | None = None,
) -> bytes:
    """The safetensors file of exactly these tensors and this header."""
    return bytes(save(_plain(tensors, dtype), {KEY: json.dumps(header, sort_keys=True)}))


def checksum(tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> str:
    """SHA-256 of the file of these tensors and this header, without a checksum in it."""
    return hashlib.sha256(tensor_bytes(tensors, header)).hexdigest()


def _plain(
    tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None
) -> dict[str, torch.Tensor]:
    return {
        name: value.detach().to("cpu", dtype if value.is_floating_point() else None).contiguous()
        for name, value in tensors.items()
    }


def read_tensors(
    path: Path | str,
    schema: str | None = None,
    argument: str = "weights",
    *,
    summed: bool = False,
    sha256: str = "",
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and header of a safetensors file.

    Args:
        path: the file.
        schema: that its header must have; None for any file, also without our header.
        argument: how an error names the file.
        summed: refuse a file without a checksum of its own; one that it has always counts.
        sha256: of the whole file, where a card names it.

    Raises:
        InputError: if it is missing, damaged, no safetensors file (a pickle is refused
            unopened), of another schema or hash, or holds numbers that are not finite.
    """
    allowed = f"a whole safetensors file{f' of schema {schema}' if schema else ''}"
    file = require_file(argument, path)
    with refused(argument, path, allowed):
        if sha256:
            require_sha256(argument, path, file.read_bytes(), sha256)
        with safe_open(str(path), framework="pt") as archive:
            # clone: the file may be replaced while the mapped tensors live
            tensors = {name: archive.get_tensor(name).clone() for name in archive.keys()}  # noqa: SIM118
            header = json.loads((archive.metadata() or {}).get(KEY, "{}"))
        found = header.get("schema") if isinstance(header, dict) else header
        if not isinstance(header, dict) or schema not in (None, found):
            raise ValueError(f"its schema is {found!r:.60}")
        _require_sum(tensors, header, summed)
        for name, value in tensors.items():
            counts = value.is_floating_point() or value.is_complex()
            finite = not counts or bool(torch.isfinite(value).all())
            require(finite, f"{name} of {argument} {path}", "NaN or infinite", "finite throughout")
    return tensors, header


def _require_sum(tensors: Mapping[str, torch.Tensor], header: dict[str, Any], summed: bool) -> None:
    """Take the checksum out of the header; ValueError if it is missing or of other content."""
    told = header.pop(CHECKSUM, None)
    if told is None:  # or under another name, in a damaged header
        right = not summed and header.keys() <= BEFORE
    else:
        right = told == checksum(tensors, header)
    if not right:
        raise ValueError("its checksum is missing or that of other content")


def require_shapes(
    build: Callable[[], torch.nn.Module],
    tensors: Mapping[str, torch.Tensor],
    argument: str,
    path: Path | str,
) -> None:
    """Raise InputError unless the module that ``build`` makes has tensors of just these shapes.

    It is built without memory: a header may claim a network of any size.
    """
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in build().state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    odd = sorted(name for name, _ in wanted.items() ^ found.items())
    if odd:
        raise InputError(
            f"{argument} = {str(path)!r} is not allowed (of another architecture: {odd[0]} is "
            f"{found.get(odd[0], 'missing')}, not {wanted.get(odd[0], 'there')}): must be whole"
        )


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
    """Put what :func:`optimiser_tensors` gave back into ``optimiser``.

    Raises:
        ValueError: if it is of other parameters; ``optimiser`` is then as it was.
    """
    shapes = [value.shape for group in optimiser.param_groups for value in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        known = index.isascii() and index.isdecimal() and int(index) < len(shapes)
        if not known or value.shape not in ((), shapes[int(index)]):
            raise ValueError(f"optimiser's {name!r:.40} of shape {tuple(value.shape)}")
        state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
