"""The verify command as a whole, on a study that takes no time."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from rdverify import InputError, systems
from rdverify.judge.cells import judge_table1
from rdverify.judge.drift import drifts
from rdverify.judge.paper import Paper
from rdverify.judge.records import Results
from rdverify.judge.results import gather
from rdverify.judge.verdict import Verdict
from rdverify.study import Cell, StudyResult
from rdverify.verify import mutation_scores, provenance

NAMES = list(systems.SYSTEMS)


def judged(names: Sequence[str], paper: Paper, recorded: Results, time: str = "now") -> Results:
    """What a run of these systems alone gives whose every fact is the recorded one."""
    studies = {}
    for name in names:
        study = systems.study(name)
        facts = {key: recorded.facts[key] for key in study.facts.names() if key in recorded.facts}
        studies[name] = (study, StudyResult(facts=facts))
    origin = provenance("test", "quick", names, time)
    return gather(paper, studies, recorded, origin, mutation_scores())


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


def test_equal_runs_give_equal_results_but_for_the_time(paper: Paper, recorded: Results) -> None:
    first, second = (judged(["gray-scott"], paper, recorded, time) for time in ("now", "later"))
    assert first.provenance != second.provenance
    assert replace(first, provenance=second.provenance) == second


def test_two_studies_can_t_give_a_fact_of_the_same_name(paper: Paper, recorded: Results) -> None:
    study, facts = systems.study("metric"), {"twice": recorded.facts["rd.spot.r"]}
    both = {name: (study, StudyResult(facts=facts)) for name in ("one", "two")}
    with pytest.raises(InputError, match="twice"):
        gather(paper, both, None, provenance("test", "quick", [], "now"))


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
    _, error = run.communicate(timeout=120)
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
