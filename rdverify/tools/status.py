"""Exit statuses that mean what they say, and one line for whatever goes wrong.

0: done, or every number agrees; 1: something drifted; 2: bad usage, input or environment;
70: a fault of rdverify itself; 130: interrupted; 141: nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from typer.core import TyperGroup

from rdverify.tools.errors import InputError, one_line

BAD, FAULT, INTERRUPTED, UNREAD = 2, 70, 130, 141


class Raised(Exception):
    """What a command raised, kept from typer, which would make "Aborted!" and status 1 of some."""


class Commands(TyperGroup):
    """The command line's commands; what one of them raises reaches :func:`guarded` as it is."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except (EOFError, OSError, KeyboardInterrupt) as error:
            raise Raised from error


def guarded(run: Callable[[], Any], debug: Callable[[], bool] = lambda: False) -> int:
    """Run the command line; returns the exit status.

    Args:
        run: the command line; its own exits pass through.
        debug: whether errors shall come with their tracebacks.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: no file that is opened later may take its place
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale without our signs
    for again in (False, True):
        try:
            try:
                run()
            finally:
                sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            cause = error.__cause__ if isinstance(error, Raised) else error
            broken = broken_cache(cause)
            if broken is not None and not again:
                broken.unlink(missing_ok=True)
                _say(f"the cache of compiled code was broken, {broken}: it is made again")
                continue
            if debug():
                raise
            return _told(cause)
        break
    return 0


def broken_cache(error: BaseException | None) -> Path | None:
    """The index of numba's cache that an error arose from, such as one cut short; None for others.

    Without its index a cache is empty, and is filled again.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__ if error else None):
        if frame.f_globals.get("__name__") == "numba.core.caching":
            index = getattr(frame.f_locals.get("self"), "_index_path", None)
            if isinstance(index, str):
                return Path(index)
    return None


def _told(error: BaseException | None) -> int:
    """Say in one line what went wrong; returns the exit status."""
    match error:
        case InputError():
            status, line = BAD, str(error)
        case KeyboardInterrupt():
            line = "interrupted; written files are whole, long work resumes"
            status = INTERRUPTED
        case BrokenPipeError():
            _silence(sys.stdout)
            return UNREAD
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            status, line = BAD, f"the system refused: {error.strerror or error}{where}"
        case _ if _of_memory(error):
            status, line = BAD, "not enough memory for this"
        case _:
            status, found = FAULT, one_line(error or Exception(), kind=True)
            line = f"a fault of its own, {found}; traceback: {_kept(error)}"
    _say(line)
    return status


def _of_memory(error: BaseException | None) -> bool:
    """Whether memory was wanting; torch and the loader of libraries have no error of their own."""
    kinds = {RuntimeError: "allocate memory", ImportError: "failed to map segment"}
    told = any(isinstance(error, kind) and words in str(error) for kind, words in kinds.items())
    return told or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _say(line: str) -> None:
    try:
        print(f"rdverify: {' '.join(line.split())}", file=sys.stderr, flush=True)
    except OSError:  # the status says it, too
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Nothing more can be said there, nor at the interpreter's end, which would set status 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _kept(error: BaseException | None) -> str:
    """Where the traceback was written."""
    try:
        handle, path = tempfile.mkstemp(prefix="rdverify-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            traceback.print_exception(error, file=stream)
    except OSError:
        return "not kept, no folder can be written; use --debug"
    return path
