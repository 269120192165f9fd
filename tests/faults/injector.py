"""The N-th change of a folder fails: as a killed process, a full disk, a bad disk, an interruption.

Counted are all calls that make, write, rename or remove something below the watched folder. A
write is done by half before it fails.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

GROWING = ("open", "mkdir", "link", "write", "sendfile")  # what a full disk refuses
KINDS = {
    "killed": "SIGKILL at the N-th change",
    "full": "no space from the N-th change on, for whatever takes space",
    "broken": "an I/O error at the N-th change alone",
    "lost": "the file system read-only from the N-th change on",
    "interrupted": "Ctrl-C at the N-th change",
}


class Injector:
    """Counts the changes below ``root``, and lets the one of number ``at`` fail (0: none)."""

    def __init__(self, root: Path, kind: str = "killed", at: int = 0) -> None:
        self.root, self.kind, self.at, self.count = str(root), kind, at, 0
        self.open = builtins.open

    def install(self) -> None:
        """From here on, in this process."""
        for name in ("mkdir", "replace", "rename", "unlink", "remove", "rmdir", "link", "chmod"):
            setattr(os, name, self._named(name, getattr(os, name)))
        for name in ("fsync", "sendfile"):
            setattr(os, name, self._always(name, getattr(os, name)))
        os.open = self._opened(os.open)  # type: ignore[assignment]
        builtins.open = io.open = self._file  # type: ignore[assignment]

    def change(self, name: str, half: Callable[[], None] = lambda: None) -> None:
        """One more change; raises or kills if it is the one."""
        self.count += 1
        if not self.at or self.count < self.at:
            return
        first = self.count == self.at
        if self.kind == "killed":
            half()
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.kind == "full" and name in GROWING:
            half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif self.kind == "broken" and first:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        elif self.kind == "lost":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        elif self.kind == "interrupted" and first:
            raise KeyboardInterrupt

    def inside(self, path: Any) -> bool:
        """Whether a path lies below the watched folder."""
        if not isinstance(path, (str, os.PathLike)):
            return False
        return f"{os.path.abspath(path)}/".startswith(f"{self.root}/")

    def _named(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def changed(path: Any, *rest: Any, **more: Any) -> Any:
            if self.inside(path) or "dir_fd" in more:
                self.change(name)
            return call(path, *rest, **more)

        return changed

    def _always(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*given: Any, **more: Any) -> Any:
            self.change(name)
            return call(*given, **more)

        return changed

    def _opened(self, call: Callable[..., int]) -> Callable[..., int]:
        def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and self.inside(path):
                self.change("open")
            return call(path, flags, *rest, **more)

        return opened

    def _file(self, file: Any, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if set(mode) & set("wxa+") and self.inside(file):
            self.change("open")
            return Written(self.open(file, mode, *rest, **more), self)
        return self.open(file, mode, *rest, **more)


class Written:
    """A file whose every write is a change that may fail when half of it is done."""

    def __init__(self, stream: Any, injector: Injector) -> None:
        self._stream, self._injector = stream, injector

    def write(self, data: Any) -> Any:
        def half() -> None:
            self._stream.write(data[: len(data) // 2])
            self._stream.flush()

        self._injector.change("write", half)
        return self._stream.write(data)

    def __enter__(self) -> Written:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
