"""Verdicts by environment: what each tox environment found, merged into the record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from rdverify.judge.judged import JudgedCell, JudgedClaim
from rdverify.judge.records import Environment, EnvironmentCell, EquationRecord, Results
from rdverify.judge.results import load_results, verdict_digest
from rdverify.study import Profile
from rdverify.tools.errors import require

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_environments(folder: Path) -> dict[str, Results]:
    """Results by environment name, from files NAME.json; InputError if there is none."""
    require(
        folder.is_dir(), "environments", str(folder), "a folder of results, one per environment"
    )
    files = sorted(path for path in folder.glob("*.json") if path.name[0] != ".")
    require(bool(files), "environments", str(folder), "a folder with at least one NAME.json")
    for path in files:  # the name is a column of tables
        known = NAME.fullmatch(path.stem) is not None
        require(known, "environment", path.name, "letters, digits, '.', '-' and '_', then .json")
    return {path.stem: load_results(path) for path in files}


def merge(recorded: Results, runs: Mapping[str, Results], values: bool) -> Results:
    """The record with each environment's verdicts beside its own.

    Args:
        recorded: the recorded results.
        runs: results by environment name.
        values: also keep versions and measured numbers, for the budget's platform
            term. Verdicts repeat on every machine; the last digits of numbers don't.

    Raises:
        InputError: if an environment judged another ledger.
    """
    ledger = recorded.provenance.ledger_sha256
    for name, run in runs.items():
        other = run.provenance.ledger_sha256
        require(other == ledger, f"ledger of environment {name}", other, f"the record's, {ledger}")
    kept = {name: _environment(run) for name, run in runs.items()} if values else {}
    return replace(
        recorded,
        claims=[_claim(claim, runs) for claim in recorded.claims],
        equations=[_equation(equation, runs) for equation in recorded.equations],
        environments={**recorded.environments, **kept},
    )


def carried(results: Results, recorded: Results | None) -> Results:
    """A new record with the environments of the one before, while all verdicts are the same."""
    if recorded is None or verdict_digest(recorded) != verdict_digest(results):
        return results
    claims = {claim.id: claim.environments for claim in recorded.claims}
    equations = {equation.token: equation.environments for equation in recorded.equations}
    return replace(
        results,
        claims=[replace(c, environments=claims.get(c.id, {})) for c in results.claims],
        equations=[replace(e, environments=equations.get(e.token, {})) for e in results.equations],
        environments=recorded.environments,
    )


def _claim(claim: JudgedClaim, runs: Mapping[str, Results]) -> JudgedClaim:
    verdicts = {
        name: other.verdict
        for name, run in runs.items()
        for other in run.claims
        if other.id == claim.id
    }
    return replace(claim, environments={**claim.environments, **verdicts})


def _equation(equation: EquationRecord, runs: Mapping[str, Results]) -> EquationRecord:
    checks = {
        name: run.equation_checks[equation.token]
        for name, run in runs.items()
        if equation.token in run.equation_checks
    }
    told = {
        name: f"{len(check.failed)} failed" if check.failed else "passed"
        for name, check in checks.items()
    }
    return replace(equation, environments={**equation.environments, **told})


def _environment(run: Results) -> Environment:
    origin = run.provenance
    return Environment(
        profile=origin.profile,
        python=origin.python,
        machine=origin.machine,
        packages=origin.packages,
        cells=[
            EnvironmentCell(cell.key, cell.measured)
            for cell in run.table1
            if cell.measured is not None
        ],
    )


def cell_values(results: Results, cell: JudgedCell, profile: Profile) -> dict[str, float]:
    """What a cell measured in each recorded environment that was run with ``profile``."""
    return {
        name: item.measured
        for name, run in results.environments.items()
        for item in run.cells
        if run.profile == profile and item.key == cell.key
    }


def platform_spread(results: Results, cell: JudgedCell) -> tuple[float, int] | None:
    """Largest distance from the record over the environments, and their number.

    None where nothing was measured. Those of the full profile are left out: they trained
    other networks.
    """
    seen = cell_values(results, cell, "quick")
    if not seen or cell.measured is None:
        return None
    return max(abs(value - cell.measured) for value in seen.values()), len(seen)
