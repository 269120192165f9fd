"""Work in a fork of this process, which may crash, hang or ask for any memory."""

from __future__ import annotations

import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = 24 * 2**30  # of address space: a change of a size may ask for anything
Ended = tuple[int, list[str]]  # pytest's status, and what failed


def silent() -> None:
    """Let this process read and write nothing."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)


@contextmanager
def kept(path: Path) -> Iterator[str]:
    """A file's text; at the end the file is as it was, its time too."""
    content, stat = path.read_bytes(), path.stat()
    try:
        yield content.decode()
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def forked(work: Callable[[], Ended], limit: float) -> Ended:
    """What ``work`` gives in a fork; -1 if that takes longer than ``limit`` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        pid = os.fork()
        if pid == 0:
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            _work(work, answer)
        try:
            ended = _wait(pid, limit)
        finally:
            _kill(pid)
        if not ended:
            return -1, ["time"]
        if not answer.is_file():
            return 139, ["a crash"]
        status, failed = json.loads(answer.read_text(encoding="utf-8"))
        return int(status), failed


def _work(work: Callable[[], Ended], answer: Path) -> None:
    """What the fork does; it never returns."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    status, failed = 1, ["an exception outside pytest"]
    try:
        status, failed = work()
    except BaseException as error:  # whatever a mutant raises has killed it
        failed = [type(error).__name__]
    whole = answer.with_suffix(".part")
    whole.write_text(json.dumps([status, failed]), encoding="utf-8")
    whole.rename(answer)
    os._exit(0)


def _wait(pid: int, limit: float) -> bool:
    """Whether a process ends within ``limit`` seconds."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    return False


def _kill(pid: int) -> None:
    """End a child and all that it started."""
    for end in (os.killpg, os.kill):
        try:
            end(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return
