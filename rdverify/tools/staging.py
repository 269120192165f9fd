"""Temporary files and folders that tell whether their run still lives, and what is left is removed.

A killed run can't clear up. So what is temporary has one kind of name and is locked as long as
its process lives: under that name and unlocked, it is litter, and the next run removes it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = ".rdverify-unfinished-"


def claimed(make: Callable[[], str]) -> tuple[Path, int | None]:
    """What ``make`` made, and the handle that locks it until it is closed.

    Made again where another run took it for litter before it was locked.
    """
    while True:
        path = Path(make())
        with contextlib.suppress(OSError, ImportError):  # where nothing can be locked
            if (handle := _locked(path)) is None:
                continue
            return path, handle
        return path, None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """No other run is in such a block of the same folder."""
    lock = None
    with contextlib.suppress(OSError, ImportError):
        lock = _locked(folder, wait=True)
    try:
        yield
    finally:
        released(lock)


def released(lock: int | None) -> None:
    """End a lock."""
    if lock is not None:
        os.close(lock)


def abandoned(folder: Path) -> Iterator[Path]:
    """What killed runs left in ``folder``, each locked while it is looked at."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.startswith(PREFIX))
    except OSError:
        return
    for path in (folder / name for name in names):
        lock = None
        with contextlib.suppress(OSError, ImportError):
            lock = None if path.is_symlink() else _locked(path)
        if lock is not None:
            try:
                yield path
            finally:
                os.close(lock)


def _locked(path: Path, wait: bool = False) -> int | None:
    """A handle that locks a file or folder; None where another has it, or it is gone.

    Raises:
        OSError, ImportError: where the file system or the platform has no such locks.
    """
    import fcntl  # not everywhere

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(handle)
        raise
    os.close(handle)
    return None
