"""Which tests run which line: what a mutant is tried against, and in which order."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from coverage import CoverageData

from mutation.mutants import Mutant

Lines = dict[int, list[str]]


@dataclass(frozen=True)
class Reach:
    """Tests by file and line, their seconds, and who imports whom.

    Args:
        lines: file -> line -> ids of the tests that run it in a function.
        seconds: id of a test -> how long it takes.
        importers: file -> files that import it themselves.
        early: file -> lines of functions that run before any test does.
        sharing: files of tests that share what is made once.
    """

    lines: dict[str, Lines]
    seconds: dict[str, float]
    importers: dict[str, list[str]]
    early: dict[str, list[int]] = field(default_factory=dict)
    sharing: frozenset[str] = frozenset()

    def tests(self, mutant: Mutant, source: str, limit: float) -> list[str]:
        """Tests that a mutant is tried against: the nearest first, then the shortest.

        Args:
            mutant: the change.
            source: text of the unchanged file.
            limit: seconds that they may take together; there is always one.
        """
        found = [test for test in self.that_run(mutant, source) if test in self.seconds]
        home = Path(mutant.file).with_suffix("").parts[-2:]
        chosen: list[str] = []
        total, begun = 0.0, set[str]()
        for test in sorted(found, key=lambda test: (_distance(test, home), self._cost(test), test)):
            file = test.partition("::")[0]
            cost = self.time(test) if file in begun else self._cost(test)
            if not chosen or total + cost <= limit:
                chosen.append(test)
                total += cost
                begun.add(file)
        return chosen

    def is_early(self, mutant: Mutant, source: str) -> bool:
        """Whether a change's statement has run when the tests are collected."""
        lines = self.early.get(mutant.file, [])
        return any(k in lines for k in statement(source, mutant.start[0]))

    def seconds_of(self, tests: Sequence[str]) -> float:
        """How long tests take together, with what those of a file share."""
        files = {test.partition("::")[0] for test in tests}
        return sum(map(self.time, tests)) + sum(self._shared.get(file, 0.0) for file in files)

    def _cost(self, test: str) -> float:
        """Seconds of a test that is the first of its file."""
        return self.time(test) + self._shared.get(test.partition("::")[0], 0.0)

    @cached_property
    def _shared(self) -> dict[str, float]:
        """File -> seconds of what its tests share: they were counted in whichever came first."""
        found: dict[str, float] = defaultdict(float)
        for test, seconds in self.seconds.items():
            file = test.partition("::")[0]
            found[file] = max(found[file], seconds)
        return {file: seconds for file, seconds in found.items() if file in self.sharing}

    def time(self, test: str) -> float:
        """Seconds of a test."""
        return self.seconds.get(test, 0.05)

    def that_run(self, mutant: Mutant, source: str) -> set[str]:
        """Tests that run the line; for a line that no test is seen in, tests of its file.

        Those are what runs a function of it, and what takes the module itself as its parameter.
        """
        lines = self.lines.get(mutant.file, {})
        there = {t for k in statement(source, mutant.start[0]) for t in lines.get(k, ())}
        if there:
            return there
        whole = {t for tests in lines.values() for t in tests}
        users = self.importers.get(mutant.file, [])
        named = {t for t in self.seconds if t.endswith(f"[{module_name(mutant.file)}]")}
        return named | (
            whole or {t for f in users for ts in self.lines.get(f, {}).values() for t in ts}
        )


def _distance(test: str, home: Iterable[str]) -> int:
    """0 for tests that are named like the file, 1 for those of its folder, 2 for the others."""
    folder, stem = (*home, "")[:2]
    path = test.partition("::")[0]
    if f"test_{stem}" in path or test.endswith(f"{folder}.{stem}]"):
        return 0
    return 1 if f"/{folder}/" in path else 2


def statement(source: str, line: int) -> range:
    """Lines of the innermost statement on a line; of a compound one, its head alone."""
    there = [lines for lines in _statements(source) if line in lines]
    return min(there, key=len, default=range(line, line + 1))


@cache
def _statements(source: str) -> list[range]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt):
            last = node.end_lineno or node.lineno
            body = getattr(node, "body", None)
            if isinstance(body, list) and body:
                last = max(node.lineno, body[0].lineno - 1)
            found.append(range(node.lineno, last + 1))
    return found


def measured(data: Path, root: Path, seconds: dict[str, float]) -> Reach:
    """What a run of ``pytest --cov-context=test`` has left."""
    read = CoverageData(str(data))
    read.read()
    lines: dict[str, Lines] = {}
    early: dict[str, list[int]] = {}
    for path in (path for path in read.measured_files() if path.endswith(".py")):
        inside = in_functions(Path(path).read_text(encoding="utf-8"))
        file, there = str(Path(path).relative_to(root)), read.contexts_by_lineno(path)
        lines[file] = {
            line: tests
            for line, contexts in there.items()
            if line in inside and (tests := _tests(contexts, seconds))
        }
        early[file] = [
            line for line, contexts in there.items() if line in inside and "" in contexts
        ]
    return Reach(lines, seconds, importers(root), early, sharing(root))


def _tests(contexts: Iterable[str], all_tests: Iterable[str]) -> list[str]:
    """Tests of contexts; what a fixture runs may be held by any test of its file."""
    found, files = set(), set()
    for context in contexts:
        test, _, phase = context.partition("|")
        if phase == "run":
            found.add(test)
        elif phase == "setup":
            files.add(test.partition("::")[0])
    return sorted(found | {test for test in all_tests if test.partition("::")[0] in files})


def in_functions(source: str) -> set[int]:
    """Lines that run when a function runs, not when a file is imported."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            found |= set(range(body[0].lineno, (node.end_lineno or node.lineno) + 1))
    return found


def importers(root: Path) -> dict[str, list[str]]:
    """File -> files that import it, of the packages and of the tests."""
    files = [p for top in ("rdverify", "spec", "tests") for p in (root / top).rglob("*.py")]
    names = {module_name(str(p.relative_to(root))): str(p.relative_to(root)) for p in files}
    found: dict[str, set[str]] = defaultdict(set)
    for path in files:
        text = path.read_text(encoding="utf-8")
        for name in imported(text):
            if name in names:
                found[names[name]].add(str(path.relative_to(root)))
    return {file: sorted(users) for file, users in found.items()}


def sharing(root: Path) -> frozenset[str]:
    """Files of tests with a fixture of a wider scope, of their own or of their folder."""
    found = set()
    for path in (root / "tests").rglob("test_*.py"):
        near = [path, path.with_name("conftest.py")]
        texts = [one.read_text(encoding="utf-8") for one in near if one.is_file()]
        if any("scope=" in text for text in texts) or "verification:" in texts[0]:
            found.add(str(path.relative_to(root)))
    return frozenset(found)


def imported(text: str) -> set[str]:
    """Every name that may be an imported module, lazy imports too."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_name(file: str) -> str:
    """Name by which a file is imported; a package by its own."""
    name = re.sub(r"(/__init__)?\.py$", "", file).replace("/", ".")
    return name.removeprefix("tests.")


def write(reach: Reach, path: Path) -> None:
    """As JSON; tests by number, since each stands in thousands of lines."""
    tests = sorted({t for lines in reach.lines.values() for ts in lines.values() for t in ts})
    place = {test: k for k, test in enumerate(tests)}
    lines = {
        file: {line: [place[t] for t in ts] for line, ts in found.items()}
        for file, found in reach.lines.items()
    }
    content = {"tests": tests, "lines": lines, "seconds": reach.seconds, "early": reach.early}
    path.write_text(json.dumps(content), encoding="utf-8")


def read(path: Path, root: Path) -> Reach:
    """The inverse of :func:`write`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    tests = content["tests"]
    lines = {
        file: {int(line): [tests[k] for k in ts] for line, ts in found.items()}
        for file, found in content["lines"].items()
    }
    return Reach(lines, content["seconds"], importers(root), content["early"], sharing(root))
