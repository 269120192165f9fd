"""Where each equation lives: its token, searched for in the sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rdverify.judge.ledger import spec
from rdverify.judge.paper import Paper
from rdverify.judge.records import EquationRecord, MutationFile, MutationScore, Results
from rdverify.tools.errors import require
from rdverify.tools.paths import PACKAGE, repository

BOOKKEEPING = {"judge", "report"}  # folders that name equations without implementing any


def files_with(token: str, files: Iterable[Path], root: Path) -> list[str]:
    """Names, relative to ``root``, of the files in which ``token`` stands as a word part."""
    pattern = re.compile(rf"(?<![a-z0-9]){token}(?![0-9])")
    return sorted(
        path.relative_to(root).as_posix()
        for path in files
        if pattern.search(path.read_text(encoding="utf-8"))
    )


def implementations_of(token: str) -> list[str]:
    """Modules of the numerical code that implement equation ``token``."""
    return files_with(token, numerical_modules(), PACKAGE.parent)


def numerical_modules() -> list[Path]:
    """The sources of the package that may implement an equation."""
    return [p for p in PACKAGE.rglob("*.py") if p.relative_to(PACKAGE).parts[0] not in BOOKKEEPING]


def tests_of(token: str) -> list[str]:
    """Test functions whose names carry ``token``; empty outside a clone."""
    root = repository()
    if root is None:
        return []
    found = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        names = re.findall(r"^\s*def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found += [
            f"{path.relative_to(root).as_posix()}::{name}"
            for name in names
            if re.search(rf"(?<![a-z0-9]){token}(?![0-9])", name)
        ]
    return found


def equation_records(
    paper: Paper, recorded: Results | None, mutation: MutationFile
) -> list[EquationRecord]:
    """One row per equation for results.json.

    Args:
        paper: whose claims rest on the equations.
        recorded: the recorded results, whose test names serve outside a clone.
        mutation: golden/mutation.json, which wrong forms the checks reject.

    Raises:
        InputError: if ``mutation`` lacks an equation.
    """
    tried = {row.number: row for row in mutation.equations}
    missing = sorted(spec.EQUATIONS.keys() - tried.keys())
    require(not missing, "equations without mutation scores", missing, "none")
    known = {row.number: row.tests for row in recorded.equations} if recorded else {}
    return [
        EquationRecord(
            number=number,
            token=record.token,
            title=record.title,
            section=record.section,
            latex=record.latex,
            latex_corrected=record.latex_corrected,
            differs=record.differs,
            errata=list(record.errata),
            spec=record.corrected.__module__.replace(".", "/") + ".py",
            implementation=implementations_of(record.token),
            tests=tests_of(record.token) or known.get(number, []),
            mutants=MutationScore(
                tried[number].rejected, tried[number].total, tried[number].resolution
            ),
            claims=[claim.id for claim in paper.claims if number in claim.equations],
        )
        for number, record in spec.EQUATIONS.items()
    ]
