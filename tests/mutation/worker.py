"""Tries mutants, each in a process of its own that starts with everything already imported.

A worker has a copy of the repository to itself. For each mutant it forks; the child writes the
changed file, forgets all modules of ours, and runs the tests up to the first failure.
"""

from __future__ import annotations

import difflib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mutation.mutants import Mutant, mutated
from mutation.reach import module_name

MEMORY = 24 * 2**30  # of address space: a change of a size may ask for anything
SURVIVED, KILLED, TIMED_OUT, UNTESTED = "survived", "killed", "timed out", "untested"
SINCE = "since"  # survived at first, and is found now
ARGUED = "argued"  # survived, and why no test can tell it apart is written down


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the line before and after, how it ended, by which test, how long."""

    mutant: str
    before: str
    after: str
    outcome: str
    by: str
    seconds: float
    tests: int

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


class Failures:
    """Which tests fail, the first one first."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.found.append(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.found.append(f"import of {report.nodeid}")


def preload(root: Path) -> None:
    """Import what every child needs, in the order in which a test run does."""
    sys.path[:0] = [str(root), str(root / "tests")]
    os.environ["MPLBACKEND"] = "agg"
    for path in sorted((root / "rdverify").rglob("*.py")):
        name = module_name(str(path.relative_to(root)))
        if not name.startswith("rdverify.conformance.plugin") and "__main__" not in name:
            import_module(name)
    for name in ("pytest", "hypothesis", "diffusers", "torchvision", "torch._dynamo"):
        import_module(name)


def forget() -> None:
    """Let go of all modules of ours: what one has registered elsewhere would stand there twice."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("rdverify", "spec")]:
        del sys.modules[name]


def run_tests(tests: Sequence[str], studies: Path | None, until_one: bool) -> tuple[int, list[str]]:
    """pytest, with studies as measured before; its status, and what failed.

    Args:
        tests: their ids.
        studies: what the systems measured, pickled, or None.
        until_one: whether the first failure is enough.
    """
    import pytest

    failures = Failures()
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist", "-W", "ignore"]
    if until_one:
        words.append("-x")
    if studies is not None:
        os.environ["RDVERIFY_STUDIES"] = str(studies)
        words += ["-p", "mutation.given"]
    status = pytest.main([*words, *tests], plugins=[failures])
    return int(status), failures.found


def child(
    root: Path,
    mutant: Mutant | None,
    tests: Sequence[str],
    studies: Path | None,
    answer: Path,
) -> None:
    """What a forked process does; it never returns."""
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.dont_write_bytecode = True
    status, failed = 1, ["an exception outside pytest"]
    try:
        if mutant is not None:
            path = root / mutant.file
            path.write_text(mutated(path.read_text(encoding="utf-8"), mutant), encoding="utf-8")
            forget()
        status, failed = run_tests(tests, studies, until_one=mutant is not None)
    except BaseException as error:  # whatever a mutant raises has killed it
        failed = [type(error).__name__]
    whole = answer.with_suffix(".part")
    whole.write_text(json.dumps([status, failed]), encoding="utf-8")
    whole.rename(answer)
    os._exit(0)


class Worker:
    """Tries mutants one after the other in its copy of the repository.

    Args:
        root: its copy.
        studies: what the systems measured, pickled, or None.
    """

    def __init__(self, root: Path, studies: Path | None) -> None:
        self.root, self.studies = root, studies
        preload(root)

    def try_mutant(self, mutant: Mutant, tests: Sequence[str], expected: float) -> Outcome:
        """Run ``tests``, which take ``expected`` seconds, on a mutant."""
        path = self.root / mutant.file
        content, stat = path.read_bytes(), path.stat()
        lines = changed(content.decode(), mutated(content.decode(), mutant))
        if not tests:
            return Outcome(mutant.name, *lines, UNTESTED, "", 0.0, 0)
        compiled = b"njit" in content  # by Numba, which keeps what it compiles by the file
        limit = 60 + 4 * expected + 180 * compiled
        start = time.monotonic()
        try:
            status, failed = self.run(mutant, tests, limit, fresh=compiled)
        finally:
            path.write_bytes(content)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        outcome = {0: SURVIVED, -1: TIMED_OUT, 5: UNTESTED}.get(status, KILLED)
        by = failed[0] if failed else ""
        return Outcome(mutant.name, *lines, outcome, by, time.monotonic() - start, len(tests))

    def failing(self, tests: Sequence[str], limit: float) -> list[str]:
        """Those of ``tests`` that fail without any change here; all, if they take too long."""
        status, failed = self.run(None, tests, limit)
        return list(tests) if status < 0 or status > 1 else failed

    def run(
        self,
        mutant: Mutant | None,
        tests: Sequence[str],
        limit: float,
        fresh: bool = False,
    ) -> tuple[int, list[str]]:
        """Status of pytest in a forked child, and what failed; -1 if time was up."""
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder) / "answer.json"
            pid = os.fork()
            if pid == 0:
                os.environ["TMPDIR"] = tempfile.tempdir = folder
                if fresh:
                    import numba

                    numba.config.CACHE_DIR = folder
                child(self.root, mutant, tests, self.studies, answer)
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


def changed(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, each as one text without what is blank around it."""
    sides: dict[str, list[str]] = {"-": [], "+": []}
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), "", "", n=0):
        if line[0] in sides and line[:3] not in ("---", "+++"):
            sides[line[0]].append(line[1:].strip())
    return "\n".join(sides["-"]), "\n".join(sides["+"])


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


def copy(root: Path, target: Path) -> Path:
    """A copy of what a test run needs."""
    kept = (".git", ".tox", "__pycache__", "*.egg-info", ".hypothesis")
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*kept), dirs_exist_ok=True)
    return target
