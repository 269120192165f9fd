"""One verification a session, shared by the tests that judge cells and claims."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from msgspec.structs import replace

from rdverify.judge.paper import Paper, the_paper
from rdverify.judge.records import EquationChecks, Results
from rdverify.judge.results import gather, load_results
from rdverify.report.drawings import illustrated
from rdverify.report.markdown import interval, number
from rdverify.study import Context
from rdverify.systems import SYSTEMS
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import as_written, write_record
from rdverify.verify import measure, mutation_scores, provenance, trials

ROOT = Path(__file__).resolve().parent.parent
VERIFICATION = pytest.StashKey[Results]()
CHECKS = pytest.StashKey[dict[str, dict[str, Any]]]()

settings.register_profile("rdverify", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("rdverify")


@pytest.fixture(scope="session")
def recorded() -> Results:
    """The recorded results."""
    return load_results(golden_folder() / "results.json")


@pytest.fixture(scope="session")
def paper() -> Paper:
    """What is held against measurements."""
    return the_paper()


@pytest.fixture(scope="session")
def verification(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    recorded: Results,
    paper: Paper,
) -> Results:
    """Every cell and claim recomputed in this session from shipped files."""
    folder = tmp_path_factory.mktemp("verification")
    (folder / "figures").mkdir()
    context = Context(
        "quick", golden_folder(), folder / "figures", folder / "work", printed=paper.printed()
    )
    studies = measure(list(SYSTEMS), context)
    origin = provenance("pytest", "quick", list(SYSTEMS), "")
    tried = mutation_scores(golden_folder()), trials(golden_folder())
    judged = gather(paper, studies, recorded, origin, *tried)
    results = illustrated(as_written(judged), folder / "figures")
    request.config.stash[VERIFICATION] = results
    return results


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CHECKS] = defaultdict(lambda: {"passed": 0, "failed": []})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Count each equation's tests; a failure in set-up counts as one of the test."""
    report = yield
    if report.when == "call" or report.failed:
        for token in sorted(set(re.findall(r"(?<![a-z0-9])eq[01][0-9]|eq20", item.nodeid))):
            outcome = item.config.stash[CHECKS][token]
            if report.failed:
                outcome["failed"].append(item.nodeid)
            elif report.passed:
                outcome["passed"] += 1
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave this environment's verdicts and equation checks for ``rdverify report``."""
    name, target = os.environ.get("RDVERIFY_ENVIRONMENT"), os.environ.get("RDVERIFY_ENVIRONMENTS")
    results = session.config.stash.get(VERIFICATION, None)
    if name and target and results is not None:
        checks = {
            token: EquationChecks(
                **outcome, claims=fallen_claims(token) if outcome["failed"] else []
            )
            for token, outcome in sorted(session.config.stash[CHECKS].items())
        }
        write_record(Path(target) / f"{name}.json", replace(results, equation_checks=checks))


def fallen_claims(token: str) -> list[str]:
    """Ids of the claims that rest on an equation."""
    place = int(token.removeprefix("eq"))
    return [claim.id for claim in the_paper().claims if place in claim.equations]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Claims that fall with a failed equation, and Table 1 as recomputed in this run."""
    for token, outcome in sorted(config.stash[CHECKS].items()):
        if outcome["failed"]:
            claims = ", ".join(fallen_claims(token)) or "none"
            terminalreporter.write_line(f"{token} fails; claims that fall with it: {claims}")
    results = config.stash.get(VERIFICATION, None)
    if results is None:
        return
    terminalreporter.section("Table 1, recomputed in this run")
    for cell in results.table1:
        terminalreporter.write_line(
            f"{cell.name:<42} printed {cell.printed:<7} measured {number(cell.measured):<9} "
            f"{interval((cell.predicted_low, cell.predicted_high))}  {cell.verdict}"
        )
        if cell.tolerance:
            parts = cell.tolerance.parts
            reasons = " + ".join(f"{part.name} {part.half_width:.2g}" for part in parts)
            terminalreporter.write_line(f"{'':<42} tolerance {number(cell.resolution)}: {reasons}")
