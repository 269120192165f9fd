"""Tries mutants, each in a process of its own that starts with everything already imported.

A worker has a copy of the repository to itself. For each mutant a process forks that has collected
the tests; the child swaps the change in and runs the tests up to the first failure. Where a change
isn't one of functions alone, the child forgets all modules of ours and collects anew.
"""

from __future__ import annotations

import difflib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mutation import QUICK
from mutation.collected import Collected, Failures
from mutation.forks import Ended, forked, kept, silent
from mutation.mutants import Mutant, mutated
from mutation.reach import module_name

SURVIVED, KILLED, TIMED_OUT, UNTESTED = "survived", "killed", "timed out", "untested"
SINCE = "since"  # survived at first, and is found now
ARGUED = "argued"  # survived, and why no test can tell it apart is written down
NO_TEST = 4  # pytest's status where a name that it is given is none of a test


@dataclass(frozen=True)
class Task:
    """A mutant, its tests and the seconds they take, and whether collecting runs its line."""

    mutant: Mutant
    tests: list[str]
    expected: float
    early: bool = False


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


def words(studies: Path | None) -> list[str]:
    """How pytest is called, with studies as measured before where there are some."""
    if studies is not None:
        os.environ["RDVERIFY_STUDIES"] = str(studies)
    found = ["-q", "-W", "ignore", "-p", "mutation.given", f"--hypothesis-profile={QUICK}"]
    for name in ("cacheprovider", "cov", "xdist"):
        found += ["-p", f"no:{name}"]
    return found


class Worker:
    """Tries mutants one after the other in its copy of the repository.

    Args:
        root: its copy.
        studies: what the systems measured, pickled, or None.
        files: of all tests.
    """

    def __init__(self, root: Path, studies: Path | None, files: Sequence[str]) -> None:
        self.root, self.studies = root, studies
        self.standing: dict[tuple[str, bool], bool] = {}
        preload(root)
        self.collected = Collected(root, [*words(studies), *files])

    def try_mutant(self, task: Task) -> Outcome:
        """Run a mutant's tests."""
        mutant, tests = task.mutant, task.tests
        source = (self.root / mutant.file).read_text(encoding="utf-8")
        lines = changed(source, mutated(source, mutant))
        if not tests:
            return Outcome(mutant.name, *lines, UNTESTED, "", 0.0, 0)
        start = time.monotonic()
        status, failed = self.ended(task)
        outcome = {0: SURVIVED, -1: TIMED_OUT, 5: UNTESTED}.get(status, KILLED)
        by = failed[0] if failed else ""
        return Outcome(mutant.name, *lines, outcome, by, time.monotonic() - start, len(tests))

    def ended(self, task: Task) -> Ended:
        """How the tests end, but for those that fail without the change."""
        limit = 60 + 4 * task.expected
        tests, quick = list(task.tests), not task.early
        while tests:
            found = self.collected.run(task.mutant, tests, limit) if quick else None
            quick = found is not None
            status, failed = found or self.anew(task.mutant, tests, limit)
            if status == NO_TEST and not failed:  # it is gone, or can't be imported any more
                return (5 if self.anew(None, tests, limit)[0] == NO_TEST else 1), failed
            if status <= 0 or not failed or "::" not in failed[0] or self.passes(failed[0], quick):
                return status, failed
            if failed[0] not in tests:  # of a file that was given whole, and has to be mended first
                return 5, failed
            tests.remove(failed[0])
        return 5, []

    def passes(self, test: str, quick: bool) -> bool:
        """Whether a test passes in the same way without a change."""
        if (test, quick) not in self.standing:
            found = self.collected.run(None, [test], 600) if quick else None
            status, _ = found or self.anew(None, [test], 600)
            self.standing[test, quick] = status == 0
        return self.standing[test, quick]

    def anew(self, mutant: Mutant | None, tests: Sequence[str], limit: float) -> Ended:
        """How tests end where all is imported and collected anew."""

        def work() -> Ended:
            import pytest

            silent()
            sys.dont_write_bytecode = True
            if mutant is not None:
                path = self.root / mutant.file
                path.write_text(mutated(path.read_text(encoding="utf-8"), mutant), encoding="utf-8")
            forget()
            failures = Failures()
            status = pytest.main([*words(self.studies), "-x", *tests], plugins=[failures])
            return int(status), failures.found

        if mutant is None:
            return forked(work, limit)
        with kept(self.root / mutant.file):
            return forked(work, limit)


def changed(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, each as one text without what is blank around it."""
    sides: dict[str, list[str]] = {"-": [], "+": []}
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), "", "", n=0):
        if line[0] in sides and line[:3] not in ("---", "+++"):
            sides[line[0]].append(line[1:].strip())
    return "\n".join(sides["-"]), "\n".join(sides["+"])


def copy(root: Path, target: Path) -> Path:
    """A copy of what a test run needs."""
    kept = (".git", ".tox", "__pycache__", "*.egg-info", ".hypothesis")
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*kept), dirs_exist_ok=True)
    return target
