"""Weights of one network in a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from rdverify.lstm.model import DTYPES, SequenceModel
from rdverify.tools.errors import require, require_integer
from rdverify.tools.reading import refused
from rdverify.tools.tensors import read_tensors, require_shapes, write_tensors

SCHEMA = "rdverify-lstm-1"


def save_weights(
    model: SequenceModel, path: Path | str, note: Mapping[str, Any] | None = None
) -> Path:
    """Write the weights as safetensors, atomically; equal weights give equal bytes.

    ``note`` (JSON values, such as the configuration) is kept in the file's header.
    """
    header = {"schema": SCHEMA, "hidden": model.lstm.hidden_size, "note": dict(note or {})}
    return write_tensors(path, model.state_dict(), header)


def load_weights(path: Path | str, hidden: int | None = None) -> SequenceModel:
    """Read what :func:`save_weights` wrote.

    Args:
        path: the file.
        hidden: h that the caller needs, or None for whatever the file has.

    Raises:
        InputError: if the file is missing, truncated, not of this schema, of
            another architecture, or holds values that are not finite.
    """
    return _read(path, hidden)[0]


def weights_note(path: Path | str) -> dict[str, Any]:
    """The note that :func:`save_weights` kept in the file's header."""
    return _read(path)[1]


def _read(path: Path | str, hidden: int | None = None) -> tuple[SequenceModel, dict[str, Any]]:
    tensors, header = read_tensors(path, SCHEMA)
    size: Any = header.get("hidden")
    require_integer("weights' hidden", size, 1)
    require(hidden in (None, size), "hidden", hidden, f"{size}, as in {path}")
    dtype = next(iter(tensors.values())).dtype if tensors else torch.float32
    require(dtype in DTYPES.values(), "weights' dtype", dtype, "float32 or float64")
    with refused("weights", path, f"those of nn.LSTM(1, {size}) and a head"):
        require_shapes(lambda: SequenceModel(size, dtype), tensors, "weights", path)
        model = SequenceModel(size, dtype)
        model.load_state_dict(tensors)
    note = header.get("note", {})
    require(isinstance(note, dict), "weights' note", note, "names with their values")
    return model, note
