"""The command line: bad input is one line, status 2, and nothing is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rdverify import cli, run
from rdverify.judge.results import cell_name, drifts, load_results
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder


def rdverify(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rdverify", *words],
        cwd=cwd,
        text=True,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=300,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verify", "--only", "gray-scot"), "only = 'gray-scot' is not allowed: must be among"),
        (("verify", "--only", ","), "only = ',' is not allowed"),
        (("verify", "--profile", "slow"), "profile = 'slow' is not allowed: must be quick or full"),
        (("verify", "--workers", "0"), "workers = 0 is not allowed: must be at least 1"),
        (("verify", "--data-root", "nowhere"), "data_root = 'nowhere' is not allowed"),
        (("verify", "--output", "a-file"), "output = 'a-file' is not allowed"),
        (("equations", "21"), "equation = 21 is not allowed: must be 1 to 20"),
        (("claims", "XX-99"), "claim = 'XX-99' is not allowed: must be one of"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "a-file").write_text("kept")
    done = rdverify(*words, cwd=tmp_path, RDVERIFY_DATA="")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert (tmp_path / "a-file").read_text() == "kept"
    assert os.listdir(tmp_path) == ["a-file"]


@pytest.mark.parametrize("words", [("nonsense",), ("verify", "--nonsense"), ("equations", "seven")])
def test_bad_usage_is_status_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = rdverify(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_spec_and_ledger_are_shown(tmp_path: Path) -> None:
    text = rdverify("equations", "20", cwd=tmp_path).stdout
    assert "corrected" in text
    assert "E10" in text
    shown = json.loads(rdverify("claims", "--json", cwd=tmp_path).stdout)
    assert shown == load_results(golden_folder() / "results.json")["claims"]
    assert shown[0]["id"] in rdverify("claims", shown[0]["id"], cwd=tmp_path).stdout


def broken_results() -> dict[str, str]:
    whole = (golden_folder() / "results.json").read_text(encoding="utf-8")
    other = json.dumps({**json.loads(whole), "schema": "something-else-9"})
    return {
        "empty": "",
        "truncated": whole[: len(whole) // 2],
        "a list": "[1, 2]",
        "another schema": other,
        "lacking": json.dumps({"schema": "rdverify-results-1"}),
    }


@pytest.mark.parametrize("kind", list(broken_results()))
def test_a_broken_results_file_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_text(broken_results()[kind], encoding="utf-8")
    monkeypatch.setattr(run, "golden_folder", lambda: tmp_path)
    monkeypatch.setattr(run, "measure", lambda *_: pytest.fail("long work started"))
    monkeypatch.setattr(sys, "argv", ["rdverify", "verify", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("rdverify: results = ")
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_results_file_is_said() -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_results("nowhere/results.json")


def test_a_moved_number_and_a_changed_verdict_are_drift(recorded: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(recorded))
    assert drifts(changed, recorded) == []
    cell = next(c for c in changed["table1"] if c["measured"] is not None)
    before, cell["measured"] = cell["measured"], cell["measured"] * 1.01
    assert drifts(changed, recorded) == [
        line
        for line in drifts(changed, recorded)
        if line.startswith(f"{cell_name(cell)}: measured {before} -> {cell['measured']}")
    ]
    cell["measured"] = before
    claim = next(c for c in changed["claims"] if c["verdict"] == "CONFIRMED")
    claim["verdict"] = "REFUTED"
    assert drifts(changed, recorded) == [f"{claim['id']}: verdict CONFIRMED -> REFUTED"]


def test_a_full_run_may_move_a_number_by_its_whole_tolerance(recorded: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(recorded))
    cell = next(c for c in changed["table1"] if c["resolution"])
    moved = cell["measured"]
    changed["provenance"]["profile"] = "full"
    cell["measured"] = moved + 0.99 * cell["resolution"]
    assert drifts(changed, recorded) == []
    cell["measured"] = moved + 1.01 * cell["resolution"]
    assert [line.split(":")[0] for line in drifts(changed, recorded)] == [cell_name(cell)]
