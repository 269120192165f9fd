"""Files that are either whole or not there."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rdverify.tools.errors import InputError


def write_atomically(path: Path | str, write: Callable[[IO[bytes]], object]) -> Path:
    """Call ``write`` on a temporary file beside ``path``, then rename it to ``path``.

    A reader, or an interruption at any moment, sees the old file or the new
    one, never half of one. Raises :class:`InputError` where the folder can't
    be written or the disk is full; ``path`` is then untouched.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"{path} can't be written ({error.strerror or error}): "
            "choose a folder that is writable and has room"
        ) from error
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: Path | str, content: bytes) -> Path:
    """Write ``content``, atomically."""
    return write_atomically(path, lambda stream: stream.write(content))


def write_text(path: Path | str, text: str) -> Path:
    """Write ``text`` as UTF-8, atomically."""
    return write_bytes(path, text.encode("utf-8"))


def to_json(value: Any) -> str:
    """Canonical JSON: two-space indent, keys in the given order, no NaN.

    Numbers that are not finite become ``null``: JSON has no word for them.
    """
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path | str, value: Any) -> Path:
    """Write :func:`to_json` of ``value``, atomically."""
    return write_text(path, to_json(value))


def _plain(value: Any) -> Any:
    """Numbers and containers as JSON has them; floats to 12 significant digits."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value


def check_output_folder(path: Path | str) -> Path:
    """Return ``path`` as a folder that can be written, or raise :class:`InputError`.

    Called before long work starts; leaves what is already there untouched.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(prefix=".rdverify-", dir=path)
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        raise InputError(
            f"output = {str(path)!r} is not allowed ({error.strerror or error}): "
            "must be a folder that can be written"
        ) from error
    return path
