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
from typing import Any

import numpy as np
import pytest

from rdverify import InputError, verify
from rdverify.judge.results import drifts
from rdverify.study import MeasuredCell, Metric, StudyResult
from rdverify.verify import chosen_systems, gather, judge_table1

RUN = {"command": "test", "profile": "quick", "systems": ["gray-scott"], "time": "now"}


def test_systems_are_chosen_in_the_order_of_the_suite() -> None:
    assert chosen_systems(None) == list(verify.STUDIES)
    assert chosen_systems(" metric , gray-scott ") == ["gray-scott", "metric"]
    with pytest.raises(InputError, match="only = 'RD'"):
        chosen_systems("gray-scott,RD")


def test_what_was_not_run_is_not_run_and_never_refuted() -> None:
    results = gather({"gray-scott": StudyResult()}, None, RUN)
    assert {cell["verdict"] for cell in results["table1"]} == {"NOT_RUN"}
    assert {claim["verdict"] for claim in results["claims"]} <= {
        "NOT_RUN",
        "UNTESTABLE",
        "UNDECIDED",
    }
    assert len(results["equations"]) == 20


def test_every_measured_cell_finds_its_printed_number() -> None:
    cell = MeasuredCell("DDPM", "CIFAR10", "m_diff", "corrected", np.full(4, 5.2508), False)
    judged = judge_table1([cell])
    assert len(judged) == 24
    (found,) = (record for record in judged if record["verdict"] == "CONFIRMED")
    assert (found["printed"], found["setting"]) == ("5.2508", "CIFAR10")
    printed = MeasuredCell("DDPM", "CIFAR10", "r", "printed", np.full(4, 10.0), False)
    assert [record["verdict"] for record in judge_table1([printed])].count("REFUTED") == 1


PREFIXES = {"gray-scott": "rd.", "lstm": "lstm.", "ddpm": "ddpm.", "metric": "metric."}


def rerun(names: Sequence[str], recorded: dict[str, Any]) -> dict[str, Any]:
    """What a run of these systems alone gives whose every fact is the recorded one."""
    studies = {
        name: StudyResult(
            metrics={
                key: Metric(**value)
                for key, value in recorded["metrics"].items()
                if key.startswith(PREFIXES[name])
            }
        )
        for name in names
    }
    return gather(studies, recorded, RUN | {"systems": list(names)})


@pytest.mark.parametrize(
    "names",
    [(), *itertools.combinations(PREFIXES, 1), *itertools.combinations(PREFIXES, 2)],
    ids=lambda names: "+".join(names) or "nothing",
)
def test_a_run_of_some_systems_drifts_from_the_record_in_none_of_its_claims(
    names: Sequence[str], recorded: dict[str, Any]
) -> None:
    results = rerun(names, recorded)
    assert drifts(results, recorded) == []
    judged = [claim for claim in results["claims"] if claim["verdict"] != "NOT_RUN"]
    if names:
        assert any(claim["evidence"] for claim in judged)
    missing = [
        item["metric"]
        for claim in judged
        for item in claim["evidence"]
        if "NOT_RUN" in (item["outcome"], item["control_outcome"])
    ]
    assert not missing


def test_equal_runs_give_equal_results_but_for_the_time(recorded: dict[str, Any]) -> None:
    first = gather({"gray-scott": StudyResult()}, recorded, RUN)
    second = gather({"gray-scott": StudyResult()}, recorded, RUN | {"time": "later"})
    assert first["provenance"].pop("time") != second["provenance"].pop("time")
    assert first == second


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


def test_the_record_names_where_it_comes_from(recorded: dict[str, Any]) -> None:
    origin = recorded["provenance"]
    assert set(origin["systems"]) == set(verify.STUDIES)
    assert len(origin["ledger_sha256"]) == 64
    assert all(origin["packages"].values())
