"""One verification a session, shared by the tests that judge cells and claims.

Where tests run in several processes (pytest-xdist), those that need it go to one of them; what
is told and left behind at the end is gathered in the first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from kept import rests_on, store_of
from msgspec.structs import replace

from rdverify.judge.paper import Paper, the_paper
from rdverify.judge.records import EquationChecks, Results
from rdverify.judge.results import gather, load_results
from rdverify.report.drawings import illustrated
from rdverify.report.markdown import interval, number
from rdverify.side_by_side import measure_apart
from rdverify.study import Context
from rdverify.systems import SYSTEMS
from rdverify.tools.files import to_json
from rdverify.tools.paths import golden_folder
from rdverify.tools.provenance import commit
from rdverify.tools.records import Record, as_written, plain, write_record
from rdverify.verify import mutation_scores, provenance, trials

# before PyTorch is loaded, as the command does it
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
ROOT = Path(__file__).resolve().parent.parent
# warnings that Python keeps to itself where nothing else is asked for
UNTOLD = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class Seen(Record, frozen=True):
    """A verification, and whether it was measured or reused."""

    results: Results
    told: str


SEEN = pytest.StashKey[Seen]()

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


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``rdverify`` as typed, in this process: its status, and all that its own would have said."""
    from rdverify import cli

    def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["rdverify", *words])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        with warnings.catch_warnings(record=True) as warned:
            warnings.resetwarnings()
            for kind in UNTOLD:
                warnings.simplefilter("ignore", kind)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        said, told = capfd.readouterr()
        told += "".join(
            warnings.formatwarning(one.message, one.category, one.filename, one.lineno)
            for one in warned
        )
        assert isinstance(ended.value.code, int), ended.value.code
        return subprocess.CompletedProcess(words, ended.value.code, said, told)

    return run


@pytest.fixture(scope="session")
def verification(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    recorded: Results,
    paper: Paper,
) -> Results:
    """Every cell and claim recomputed from shipped files, or as kept from the same content."""
    config, parts = request.config, rests_on()
    store = store_of(config)
    results, told = store.find(parts) if store else (None, "measured: pytest keeps nothing here")
    if results is None:
        results = measured(tmp_path_factory.mktemp("verification"), recorded, paper)
        if store:
            store.keep(parts, results)
    # of the Python that measured it, whichever this is; a commit of documents changes no number
    results = replace(results, provenance=replace(results.provenance, commit=commit()))
    config.stash[SEEN] = Seen(results, told)
    return results


def measured(folder: Path, recorded: Results, paper: Paper) -> Results:
    """The quick verification, with its figures in ``folder``."""
    (folder / "figures").mkdir()
    context = Context(
        "quick",
        golden_folder(),
        folder / "figures",
        folder / "work",
        printed=paper.printed(),
        workers=max(1, os.cpu_count() or 1),
    )
    studies = measure_apart(list(SYSTEMS), context)
    origin = provenance("pytest", "quick", list(SYSTEMS), "")
    tried = mutation_scores(golden_folder()), trials(golden_folder())
    judged = gather(paper, studies, recorded, origin, *tried)
    return illustrated(as_written(judged), folder / "figures")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gathered(config), "rdverify-gathered")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: what needs the verification."""
    items.sort(key=lambda item: not shares(item.path))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the processes whole files, so that none makes another's fixtures.

    pytest-xdist's own loadgroup writes into names of tests, which newer pytests don't heed.
    """
    from xdist.scheduler import LoadScopeScheduling

    class WholeFiles(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "verification" if shares(config.rootpath / file) else file

    config.option.loadscopereorder = False
    return WholeFiles(config, log)


@cache
def shares(file: Path) -> bool:
    """Whether a file's tests take the one verification."""
    return re.search(r"\bverification[:,)]", file.read_text(encoding="utf-8")) is not None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process has seen to the first."""
    seen = session.config.stash.get(SEEN, None)
    if seen is not None and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seen"] = to_json(plain(seen))


class Gathered:
    """What all processes have seen, told and left behind by the first."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.checks: dict[str, EquationChecks] = defaultdict(lambda: EquationChecks(0, [], []))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count each equation's tests; a failure in set-up counts as one of the test."""
        if report.when != "call" and not report.failed:
            return
        for token in sorted(set(re.findall(r"(?<![a-z0-9])eq[01][0-9]|eq20", report.nodeid))):
            count = self.checks[token]
            if report.failed:
                failed, claims = [*count.failed, report.nodeid], fallen_claims(token)
                self.checks[token] = replace(count, failed=failed, claims=claims)
            elif report.passed:
                self.checks[token] = replace(count, passed=count.passed + 1)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a process hands over."""
        if seen := getattr(node, "workeroutput", {}).get("seen"):
            self.config.stash[SEEN] = msgspec.json.decode(seen, type=Seen)

    def pytest_sessionfinish(self) -> None:
        """Leave this environment's verdicts and equation checks for ``rdverify report``."""
        name, target = (os.environ.get(f"RDVERIFY_ENVIRONMENT{end}") for end in ("", "S"))
        seen = self.config.stash.get(SEEN, None)
        if name and target and seen is not None:
            checks = dict(sorted(self.checks.items()))
            write_record(
                Path(target) / f"{name}.json", replace(seen.results, equation_checks=checks)
            )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Claims that fall with a failed equation, and Table 1 as recomputed in this run."""
        for token, count in sorted(self.checks.items()):
            if count.failed:
                claims = ", ".join(count.claims) or "none"
                terminalreporter.write_line(f"{token} fails; claims that fall with it: {claims}")
        seen = self.config.stash.get(SEEN, None)
        if seen is not None:
            terminalreporter.section("Table 1, recomputed in this run")
            terminalreporter.write_line(f"verification {seen.told}")
            tell_table(terminalreporter, seen.results)


def fallen_claims(token: str) -> list[str]:
    """Ids of the claims that rest on an equation."""
    place = int(token.removeprefix("eq"))
    return [claim.id for claim in the_paper().claims if place in claim.equations]


def tell_table(terminalreporter: Any, results: Results) -> None:
    """Table 1, a line a cell, and what its tolerance is made of."""
    for cell in results.table1:
        terminalreporter.write_line(
            f"{cell.name:<42} printed {cell.printed:<7} measured {number(cell.measured):<9} "
            f"{interval((cell.predicted_low, cell.predicted_high))}  {cell.verdict}"
        )
        if cell.tolerance:
            parts = cell.tolerance.parts
            reasons = " + ".join(f"{part.name} {part.half_width:.2g}" for part in parts)
            terminalreporter.write_line(f"{'':<42} tolerance {number(cell.resolution)}: {reasons}")
