"""The verify command as a whole, on a study that takes no time."""

from __future__ import annotations

import base64
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from rdverify import InputError, systems, verify
from rdverify.judge.cells import judge_table1
from rdverify.judge.drift import drifts
from rdverify.judge.paper import Paper
from rdverify.judge.records import Results, Trials, TrialsFile, TriedKind
from rdverify.judge.results import gather, load_results
from rdverify.judge.verdict import Verdict
from rdverify.report.html import render_html
from rdverify.report.page import render
from rdverify.side_by_side import measure
from rdverify.study import Cell, Context, Facts, Figure, Study, StudyResult
from rdverify.tools import paths
from rdverify.tools.fileset import file_set
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import write_record
from rdverify.verify import (
    PAGES,
    README_MARKS,
    mutation_scores,
    provenance,
    report_command,
    trials,
    verify_command,
    write_pages,
    write_the_record,
)

NAMES = list(systems.SYSTEMS)


def judged(names: Sequence[str], paper: Paper, recorded: Results, time: str = "now") -> Results:
    """What a run of these systems alone gives whose every fact is the recorded one."""
    studies = {}
    for name in names:
        study = systems.study(name)
        facts = {key: recorded.facts[key] for key in study.facts.names() if key in recorded.facts}
        studies[name] = (study, StudyResult(facts=facts))
    origin = provenance("test", "quick", names, time)
    tried = mutation_scores(golden_folder()), trials(golden_folder())
    return gather(paper, studies, recorded, origin, *tried)


@pytest.mark.once
@pytest.mark.parametrize(
    "names",
    [(), *itertools.combinations(NAMES, 1), *itertools.combinations(NAMES, 2)],
    ids=lambda names: "+".join(names) or "nothing",
)
def test_a_run_of_some_systems_drifts_from_the_record_in_none_of_its_claims(
    names: Sequence[str], paper: Paper, recorded: Results
) -> None:
    results = judged(names, paper, recorded)
    assert drifts(results, recorded) == []
    whole = [claim for claim in results.claims if claim.verdict != Verdict.NOT_RUN]
    if names:
        assert any(claim.evidence for claim in whole)
    assert not [
        item.fact
        for claim in whole
        for item in claim.evidence
        if Verdict.NOT_RUN in (item.outcome, item.control_outcome)
    ]


def test_systems_are_chosen_in_the_order_of_the_suite() -> None:
    assert systems.chosen(None) == NAMES
    assert systems.chosen(" metric , gray-scott ") == ["gray-scott", "metric"]
    with pytest.raises(InputError, match="only = 'RD'"):
        systems.chosen("gray-scott,RD")


@pytest.mark.once
def test_what_was_not_run_is_not_run_and_never_refuted(paper: Paper, recorded: Results) -> None:
    results = judged([], paper, recorded)
    assert {cell.verdict for cell in results.table1} == {Verdict.NOT_RUN}
    assert {claim.verdict for claim in results.claims} <= {
        Verdict.NOT_RUN,
        Verdict.UNTESTABLE,
        Verdict.UNDECIDED,
    }
    assert len(results.equations) == 20


def test_every_measured_cell_finds_its_printed_number(paper: Paper) -> None:
    row = next(row for row in systems.study("ddpm").rows if row.setting == "CIFAR10")
    found = judge_table1(paper, [Cell(row, "m_diff", np.full(4, 5.2508), False)])
    assert len(found) == 24
    (cell,) = (record for record in found if record.verdict == Verdict.CONFIRMED)
    assert (cell.printed, cell.key.setting) == ("5.2508", "CIFAR10")
    printed = Cell(row, "r", np.full(4, 10.0), False, form="printed")
    verdicts = [record.verdict for record in judge_table1(paper, [printed])]
    assert verdicts.count(Verdict.REFUTED) == 1


@pytest.mark.once
def test_equal_runs_give_equal_results_but_for_the_time(paper: Paper, recorded: Results) -> None:
    first, second = (judged(["gray-scott"], paper, recorded, time) for time in ("now", "later"))
    assert first.provenance != second.provenance
    assert replace(first, provenance=second.provenance) == second


def test_two_studies_can_t_give_a_fact_of_the_same_name(paper: Paper, recorded: Results) -> None:
    study, facts = systems.study("metric"), {"twice": recorded.facts["rd.spot.r"]}
    both = {name: (study, StudyResult(facts=facts)) for name in ("one", "two")}
    with pytest.raises(InputError, match="twice"):
        gather(paper, both, None, provenance("test", "quick", [], "now"))


def made_up(name: str, **parts: Any) -> Study[Any]:
    return Study(
        **{"name": name, "title": name, "run": lambda context: None, "facts": Facts(), **parts}
    )


def test_every_check_comes_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(context: Context) -> None:
        raise InputError("data_root = None is not allowed: must hold MNIST")

    found = {
        "one": made_up("one", run=lambda context: pytest.fail("long work started")),
        "two": made_up("two", check=refuse),
    }
    monkeypatch.setattr(systems, "study", found.__getitem__)
    with pytest.raises(InputError, match="must hold MNIST"):
        measure(["one", "two"], Context("quick", tmp_path, None, tmp_path))


def verified(output: Path, monkeypatch: pytest.MonkeyPatch, study: Study[Any]) -> list[str]:
    """Drift of a whole command that runs ``study`` alone."""
    monkeypatch.setattr(systems, "SYSTEMS", {study.name: ""})
    monkeypatch.setattr(systems, "study", lambda name: study)
    return verify_command(
        only=None,
        profile="quick",
        output=output,
        data_root=None,
        download=False,
        workers=1,
        record=False,
        now=datetime.now(UTC),
        command="test",
    )


def draws(runs: None, folder: Path) -> dict[str, Figure]:
    (folder / "new.png").write_bytes(b"drawn")
    return {"new": Figure("new.png", "A line.", "A falling line.")}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.twice
def test_a_run_leaves_results_report_junit_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = made_up("heat", figures=draws)
    assert verified(tmp_path, monkeypatch, study) == []
    written = contents(tmp_path)
    map_of_verdicts = {"figures/verdicts.png", "figures/verdicts.svg"}  # of the other systems' too
    own = {"results.json", "report.html", "junit.xml", "figures/new.png"}
    pages = set(render(load_results(tmp_path / "results.json"), "figures"))
    assert set(written) == own | pages | map_of_verdicts
    assert base64.b64encode(b"drawn") in written["report.html"]
    assert written["figures/new.png"] == b"drawn"
    assert load_results(tmp_path / "results.json").provenance.systems == ["heat"]


@pytest.mark.once
@pytest.mark.parametrize(
    "stage", ["cells", "tables", "figures", "render", "render_html", "summary", "junit"]
)
def test_a_run_that_fails_at_any_stage_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("stopped")

    before = {"results.json": b"kept", "REPORT.md": b"kept", "figures/new.png": b"kept"}
    for name, content in before.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    late = stage in ("render", "render_html", "summary", "junit")
    if late:
        monkeypatch.setattr(verify, stage, fails)
    if stage != "junit":  # the last has all that is drawn besides the study's own figure
        monkeypatch.setattr(verify, "illustrated", lambda results, folder: results)
    study = made_up("heat", **{"figures": draws, **({} if late else {stage: fails})})
    with pytest.raises(RuntimeError, match="stopped"):
        verified(tmp_path, monkeypatch, study)
    assert contents(tmp_path) == before


def clone(folder: Path, readme: str) -> Path:
    """As much of a clone as a record is written into."""
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder


@pytest.mark.once
def test_the_report_is_rendered_again_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Results, capsys: Any
) -> None:
    begin, end = README_MARKS
    root = clone(tmp_path, f"{begin} {end}")
    counted = Trials("Tried", "make", {}, {"refused": "r"}, [], [TriedKind("x", {"refused": 7})], 1)
    write_record(root / "golden" / "trials.json", TrialsFile([counted]))
    write_the_record(recorded, root, {"new.png": b"drawn"})
    shown: list[str] = []
    monkeypatch.setattr(verify, "repository", lambda: root)
    monkeypatch.setattr(verify.webbrowser, "open", lambda url: shown.append(url) or len(shown) == 1)
    assert "report.html" in report_command(None, record=False)
    assert shown == []
    page = (root / "report.html").read_text("utf-8")
    written = load_results(root / "golden" / "results.json")
    assert written.trials == [counted]
    assert "| x | 7 |" in (root / "report" / "suite.md").read_text("utf-8")
    assert page == render_html(written, root / "golden" / "figures", "golden/figures")
    # what is drawn and rendered is known by now: from here on, whether it is shown
    monkeypatch.setattr(verify, "illustrated", lambda results, folder: results)
    monkeypatch.setattr(verify, "render_html", lambda *_: page)
    report_command(None, record=False, show=True)
    assert shown == [(root / "report.html").as_uri()]
    assert capsys.readouterr().err == ""
    report_command(None, record=False, show=True)  # this time no browser is found
    assert "no browser was found: open" in capsys.readouterr().err


def test_writing_the_record_fills_the_marks_of_the_readme(
    tmp_path: Path, recorded: Results
) -> None:
    begin, end = README_MARKS
    root = clone(tmp_path, f"before {begin} old {end} after\n")
    write_the_record(recorded, root, {"new.png": b"drawn"})
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"before {begin}\n")
    assert readme.endswith(f"\n{end} after\n")
    assert " old " not in readme
    golden = tmp_path / "golden"
    assert load_results(golden / "results.json") == recorded
    assert set(contents(golden)) == {
        "results.json",
        "results.schema.json",
        "manifest.json",
        "figures/new.png",
    }


def test_a_page_that_the_report_lacks_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "notes.md").write_text("of a user")
    for pages in ({"REPORT.md": "a", "report/metric.md": "b"}, {"REPORT.md": "c"}):
        with file_set(tmp_path, PAGES) as new:
            write_pages(pages, new)
    assert contents(tmp_path) == {"REPORT.md": b"c", "report/notes.md": b"of a user"}


def test_an_altered_file_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "golden"
    shutil.copytree(golden_folder(), copy)
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)  # as in a wheel
    record = copy / "search" / "rd.csv"
    record.write_bytes(record.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(InputError, match=r"rd\.csv was altered since it was recorded"):
        verified(tmp_path / "out", monkeypatch, made_up("heat"))
    assert not (tmp_path / "out").exists()


def test_a_readme_without_marks_stops_the_record_before_anything_is_written(
    tmp_path: Path, recorded: Results
) -> None:
    root = clone(tmp_path, "no marks")
    with pytest.raises(InputError, match=r"README\.md = 'without the marks"):
        write_the_record(recorded, root, {})
    assert contents(root) == {"README.md": b"no marks"}


@pytest.mark.twice
def test_a_study_that_is_stopped_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("kept")
    (tmp_path / "REPORT.md").write_text("kept")
    words = ["verify", "--only", "gray-scott", "--output", str(tmp_path)]
    # a shell's background jobs ignore the signal, and would hand that down to this one
    start = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('rdverify', run_name='__main__')"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", start, *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RDVERIFY_DATA": ""},
    )
    assert run.stderr is not None
    assert "Gray-Scott" in run.stderr.readline()
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    _, error = run.communicate()
    assert run.returncode == 130
    assert "Traceback" not in error
    assert (tmp_path / "results.json").read_text() == "kept"
    assert (tmp_path / "REPORT.md").read_text() == "kept"
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_the_record_names_where_it_comes_from(recorded: Results) -> None:
    origin = recorded.provenance
    assert origin.systems == NAMES
    assert len(origin.ledger_sha256) == 64
    assert all(origin.packages.values())
