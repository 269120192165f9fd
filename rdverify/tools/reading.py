"""Files that others may have written: whatever is wrong with one becomes one line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rdverify.tools.errors import InputError, one_line, require

# a file may unpack to FREE bytes whatever its size, and to GROWTH times its size beyond
FREE, GROWTH = 2**28, 100


@contextmanager
def refused(argument: str, path: Path | str, allowed: str) -> Iterator[None]:
    """Raise :class:`InputError` for whatever a decoder raises on a file's content.

    Decoders raise what they like (struct.error, zlib.error, RecursionError, MemoryError, ...),
    so every exception counts; keep the block to reading alone.

    Args:
        argument: how the message names the file.
        path: the file.
        allowed: what it must be.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(
            f"{argument} = {str(path)!r} is not allowed: there is no such file"
        ) from error
    except Exception as error:
        raise InputError(
            f"{argument} = {str(path)!r} is not allowed ({one_line(error)}): must be {allowed}"
        ) from error


def require_file(argument: str, path: Path | str) -> Path:
    """``path``, or InputError unless it is an existing regular file.

    A pipe or a device would be read without end.
    """
    file = Path(path)
    with refused(argument, path, "a file that exists"):
        if not file.exists():
            raise FileNotFoundError
        require(file.is_file(), argument, str(path), "a file, no folder, pipe or device")
    return file


def check_growth(path: Path | str, claimed: int) -> None:
    """ValueError if a file says that it unpacks to more bytes than its size makes likely."""
    most = max(FREE, GROWTH * Path(path).stat().st_size)
    if claimed > most:
        raise ValueError(f"it unpacks to {claimed} bytes, more than {most}")


def require_sha256(argument: str, path: Path | str, content: bytes, sha256: str) -> None:
    """Raise InputError unless ``content``, read from ``path``, has the hash that a card names."""
    found = hashlib.sha256(content).hexdigest()
    allowed = f"of SHA-256 {sha256[:12]}..., as its card says, and is of {found[:12]}..."
    require(found == sha256, argument, str(path), allowed)
