"""A process that has collected the tests once: a change is swapped in and tried in a fork of it."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mutation.forks import Ended, forked, kept, silent
from mutation.mutants import Mutant, mutated
from mutation.swap import functions_below, replacements


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


class Collected:
    """The near end: it says which tests to run on which change.

    Args:
        root: the worker's copy of the repository.
        words: of pytest's command line, with the files of all tests.
    """

    def __init__(self, root: Path, words: Sequence[str]) -> None:
        self.near, far = Pipe()
        if os.fork() == 0:
            import pytest

            self.near.close()
            silent()
            status = pytest.main(list(words), plugins=[_Server(root, far)])
            os._exit(int(status))
        far.close()

    def run(self, mutant: Mutant | None, tests: Sequence[str], limit: float) -> Ended | None:
        """How some tests end; None if a change is none of functions alone."""
        self.near.send((mutant, list(tests), limit))
        found: Ended | None = self.near.recv()
        return found

    def end(self) -> None:
        """Let it go."""
        self.near.close()


class _Server(Failures):
    """The far end, a plugin that takes the place of pytest's own loop.

    Args:
        root: the worker's copy of the repository.
        far: where tasks come from, and answers go.
    """

    def __init__(self, root: Path, far: Connection) -> None:
        super().__init__()
        self.root, self.far = root, far

    def pytest_runtestloop(self, session: Any) -> bool:
        self.functions = functions_below(self.root)
        self.items: dict[str, list[Any]] = defaultdict(list)
        for item in session.items:  # by its own id, and by its file
            for name in (item.nodeid, item.nodeid.partition("::")[0]):
                self.items[name].append(item)
        sys.dont_write_bytecode = True
        while True:
            try:
                self.far.send(self.ended(*self.far.recv()))
            except EOFError:
                return True

    def ended(self, mutant: Mutant | None, tests: Sequence[str], limit: float) -> Ended | None:
        """How tests end in a fork with the change swapped in, if it can be."""
        if mutant is None:
            return forked(lambda: self.tried(tests), limit)
        path = self.root / mutant.file
        with kept(path) as before:
            after = mutated(before, mutant)
            changes = replacements(self.functions, path, before, after)
            if changes is None:
                return None

            def work() -> Ended:
                path.write_text(after, encoding="utf-8")  # for processes that a test starts
                for function, code in changes:
                    function.__code__ = code
                return self.tried(tests)

            return forked(work, limit)

    def tried(self, tests: Sequence[str]) -> Ended:
        """pytest's status for tests up to the first that fails, those of a file together."""
        found = {item: None for test in tests for item in self.items.get(test, ())}
        order = {item.path: None for item in found}
        items = [item for path in order for item in found if item.path == path]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.found:
                return 1, self.found
        return (0 if items else 5), []
