"""Files that are either whole or not there."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rdverify.tools.errors import InputError, require
from rdverify.tools.fileset import recover
from rdverify.tools.staging import PREFIX, claimed, released


def write_atomically(path: Path | str, write: Callable[[IO[bytes]], object]) -> Path:
    """Call ``write`` on a temporary file beside ``path``, then rename it to ``path``.

    A reader, or an interruption at any moment, sees the old file or the new
    one, never half of one. Raises :class:`InputError` where the folder can't
    be written or the disk is full; ``path`` is then untouched.
    """
    path = Path(path)
    temporary, lock = None, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        recover(path.parent)
        temporary, lock = claimed(lambda: _empty_file(path.parent))
        with open(temporary, "wb") as stream:
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
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        released(lock)
    return path


def _empty_file(folder: Path) -> str:
    handle, path = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    os.close(handle)
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: Path | str, content: bytes) -> Path:
    """Write ``content``, atomically."""
    return write_atomically(path, lambda stream: stream.write(content))


def write_text(path: Path | str, text: str) -> Path:
    """Write ``text`` as UTF-8, atomically.

    A name of a file that is not of the locale's encoding, as Python has it, gets its own bytes
    back; what is no UTF-8 then is replaced by U+FFFD.
    """
    try:
        return write_bytes(path, text.encode("utf-8"))
    except UnicodeEncodeError:
        text = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text)
        mended = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return write_bytes(path, mended.encode("utf-8"))


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


def check_output_folder(path: Path | str, room: int = 2**22) -> Path:
    """Return ``path`` as a folder that can be written, or raise :class:`InputError`.

    Called before long work starts; leaves what is already there untouched, but for what a
    killed run left half done.

    Args:
        path: the folder, made if it isn't there.
        room: bytes that will be written, about; by default what a certificate takes, and more.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        recover(path)
        os.unlink(_empty_file(path))
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise InputError(
            f"output = {str(path)!r} is not allowed ({error.strerror or error}): "
            "must be a folder that can be written"
        ) from error
    require(
        free >= room,
        "output",
        str(path),
        f"where {room / 1e6:.0f} MB have room; {free / 1e6:.0f} MB are free",
    )
    return path
