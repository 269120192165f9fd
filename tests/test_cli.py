"""The command line: bad input is one line, status 2, and nothing is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from rdverify import cli, verify
from rdverify.judge.drift import drifts
from rdverify.judge.judged import JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.results import load_results
from rdverify.judge.verdict import Verdict
from rdverify.tools import paths
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import plain

Typed = Callable[..., subprocess.CompletedProcess[str]]


def rdverify(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rdverify", *words],
        cwd=cwd,
        text=True,
        capture_output=True,
        env={**os.environ, **environment},
    )


# tried as processes of their own, the others in this one: what is said on the way out, and by
# whatever is imported, is the same of all
APART = ("--data-root", "training-curve")


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verify", "--only", "gray-scot"), "only = 'gray-scot' is not allowed: must be among"),
        (("verify", "--only", ","), "only = ',' is not allowed"),
        (("verify", "--profile", "slow"), "profile = 'slow' is not allowed: must be quick or full"),
        (("verify", "--workers", "0"), "workers = 0 is not allowed: must be at least 1"),
        (("verify", "--data-root", "nowhere"), "data_root = 'nowhere' is not allowed"),
        (("verify", "--output", "a-file"), "output = 'a-file' is not allowed"),
        (("equations", "21"), "equation = '21' is not allowed: must be 1 to 20, or eq01 to eq20"),
        (("claims", "XX-99"), "claim = 'XX-99' is not allowed: must be an id of the ledger"),
        (("train", "ddpm", "mnist", "--output", "a-file"), "output = 'a-file' is not allowed"),
        (("train", "ddpm", "mnist", "--output", ".", "--store", "int8"), "store = 'int8'"),
        (("train", "ddpm", "mnist", "--output", ".", "--widths", "8;16"), "widths = '8;16'"),
        (("train", "ddpm", "nothing", "--output", "."), "dataset = 'nothing' is not allowed"),
        (("record", "quality", "cifar10"), "dataset = 'cifar10' is not allowed"),
        (("record", "final", "--golden", "."), "card = 'weights/ddpm-mnist.json' is not allowed"),
        (("record", "architecture", "no.json"), "card = 'no.json' is not allowed"),
        (("record", "training-curve", "no.json=."), "training = 'no.json=.' is not allowed"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    tmp_path: Path, words: tuple[str, ...], message: str, typed: Typed
) -> None:
    (tmp_path / "a-file").write_text("kept")
    run = rdverify if any(word in APART for word in words) else typed
    done = run(*words, cwd=tmp_path, RDVERIFY_DATA="")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert (tmp_path / "a-file").read_text() == "kept"
    assert os.listdir(tmp_path) == ["a-file"]


@pytest.mark.once
@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("verify", "--nonsense"),
        ("equations", "seven"),
        ("train", "nonsense"),
        ("train", "ddpm", "mnist"),
        ("record", "nonsense"),
        ("record", "variants", "--images", "1"),
    ],
)
def test_bad_usage_is_status_2(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = rdverify(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.once
def test_spec_and_ledger_are_shown(tmp_path: Path, typed: Typed) -> None:
    text = rdverify("equations", "20", cwd=tmp_path).stdout
    assert "corrected" in text
    assert "E10" in text
    shown = json.loads(rdverify("claims", "--json", cwd=tmp_path).stdout)
    assert shown == plain(load_results(golden_folder() / "results.json").claims)
    assert shown[0]["id"] in typed("claims", shown[0]["id"], cwd=tmp_path).stdout


def test_a_claim_is_shown_with_the_places_of_its_facts_and_controls(
    monkeypatch: pytest.MonkeyPatch, recorded: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = next(claim for claim in recorded.claims if claim.id == "RD-07")
    names = [name for item in claim.evidence for name in (item.fact, item.control) if name]
    assert len(names) > len(claim.evidence) > 0
    monkeypatch.setattr(sys, "argv", ["rdverify", "claims", "RD-07"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    text = capsys.readouterr().out
    root = Path(cli.__file__).parent.parent  # in a clone and where it is installed
    for name, place in ((name, cli.systems.fact_places()[name]) for name in names):
        assert name in text
        assert place in text
        file, _, at = place.rpartition(":")
        assert "@fact(" in (root / file).read_text(encoding="utf-8").splitlines()[int(at) - 1]


def broken_results() -> dict[str, str]:
    whole = (golden_folder() / "results.json").read_text(encoding="utf-8")
    other = json.dumps({**json.loads(whole), "schema": "something-else-9"})
    return {
        "empty": "",
        "truncated": whole[: len(whole) // 2],
        "a list": "[1, 2]",
        "another schema": other,
        "lacking": json.dumps({"schema": "rdverify-results-2"}),
    }


@pytest.mark.parametrize("kind", list(broken_results()))
def test_a_broken_results_file_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_text(broken_results()[kind], encoding="utf-8")
    monkeypatch.setattr(verify, "golden_folder", lambda held: tmp_path)
    monkeypatch.setattr(verify, "measure_apart", lambda *_: pytest.fail("long work started"))
    monkeypatch.setattr(sys, "argv", ["rdverify", "verify", "--output", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("rdverify: results = ")
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words", [["claims"], ["claims", "RD-01", "--json"], ["table1"], ["verify"]]
)
@pytest.mark.parametrize("file", ["results.json", "weights/lstm-sine.safetensors", "mutation.json"])
def test_no_command_shows_anything_beside_an_altered_record(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    file: str,
) -> None:
    golden = tmp_path / "golden"
    shutil.copytree(golden_folder(), golden)
    content = (golden / file).read_bytes()
    (golden / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)  # as in a wheel
    monkeypatch.setattr(sys, "argv", ["rdverify", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert f"{file} was altered since it was recorded" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_missing_results_file_is_said() -> None:
    with pytest.raises(InputError, match="there is no such file"):
        load_results("nowhere/results.json")


def moved(recorded: Results, index: int, to: float, profile: str = "quick") -> Results:
    """The record with another number in one cell."""
    table1 = list(recorded.table1)
    table1[index] = replace(table1[index], measured=to)
    origin = replace(recorded.provenance, profile=profile)
    return replace(recorded, table1=table1, provenance=origin)


def first_cell(recorded: Results, field: str) -> tuple[int, JudgedCell]:
    return next((k, cell) for k, cell in enumerate(recorded.table1) if getattr(cell, field))


def test_a_moved_number_and_a_changed_verdict_are_drift(recorded: Results) -> None:
    assert drifts(recorded, recorded) == []
    index, cell = first_cell(recorded, "measured")
    assert cell.measured is not None
    to = cell.measured * 1.01
    (line,) = drifts(moved(recorded, index, to), recorded)
    assert line.startswith(f"{cell.name}: measured {cell.measured} -> {to}")
    claims = list(recorded.claims)
    index = next(k for k, claim in enumerate(claims) if claim.verdict == Verdict.CONFIRMED)
    claims[index] = replace(claims[index], verdict=Verdict.REFUTED)
    changed = drifts(replace(recorded, claims=claims), recorded)
    assert changed == [f"{claims[index].id}: verdict CONFIRMED -> REFUTED"]


def test_a_full_run_may_move_a_number_by_its_whole_tolerance(recorded: Results) -> None:
    index, cell = first_cell(recorded, "resolution")
    assert cell.measured is not None
    assert cell.resolution is not None
    inside, outside = (cell.measured + share * cell.resolution for share in (0.99, 1.01))
    assert drifts(moved(recorded, index, inside, "full"), recorded) == []
    (line,) = drifts(moved(recorded, index, outside, "full"), recorded)
    assert line.startswith(f"{cell.name}: ")


@pytest.mark.parametrize("name", ["7", "eq07", "EQ07"])
def test_an_equation_goes_by_its_number_and_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["rdverify", "equations", name])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code in (None, 0)
    assert "Eq. (7), section 2.2" in capsys.readouterr().out


@pytest.mark.once
@pytest.mark.parametrize("words", [["equations", "12"], ["claims"], ["table1"], ["verify"]])
def test_another_package_named_spec_is_answered_in_one_line(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "spec.py").write_text("x = 1\n")
    here = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = rdverify(*words, cwd=tmp_path, PYTHONPATH=here)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert f"spec = '{tmp_path / 'spec.py'}' is not allowed" in run.stderr
