"""Interruptions, two runs at once, and workers that die."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faults.conftest import Server
from faults.outcomes import Counts, files_of, litter_of, told, torn
from rdverify.lstm import LSTMConfig, training
from rdverify.measure import pde
from rdverify.measure.pde import configured, kinetics_of
from rdverify.measure.pdes import certify_pde
from rdverify.study.search import evaluate_settings

pytestmark = pytest.mark.end_to_end
# a shell's background jobs ignore the signal, and would hand that down
START = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('rdverify', run_name='__main__')"
)


def training_of(folder: Path) -> subprocess.Popen[str]:
    """``rdverify train ddpm`` on a folder of its own images, up to its first step."""
    for k in range(20):
        path = folder / "images" / "class" / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (32, 32), 12 * k).save(path)
    words = ["train", "ddpm", f"folder:{folder / 'images'}", "--output", str(folder / "out")]
    words += ["--widths", "8,8", "--norm-groups", "4", "--batch", "4", "--steps", "100000"]
    run = subprocess.Popen(
        [sys.executable, "-c", START, *words, "--checkpoint-every", "5"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stderr
    while "training on" not in run.stderr.readline():
        assert run.poll() is None
    return run


def test_an_interrupted_training_says_one_line(
    counts: Counts, every_fault: bool, tmp_path: Path
) -> None:
    delays = (0.05, 0.5, 1.5, 3.0) if every_fault else (0.5,)
    for delay in delays:
        run, started = training_of(tmp_path), time.monotonic()
        time.sleep(delay)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=120)
        good = told(run.returncode, err) == "refused" and run.returncode == 130
        good &= len(err.splitlines()) <= 3 and not litter_of(tmp_path)
        outcome, took = "refused" if good else "unclear", time.monotonic() - started
        counts.add("Ctrl-C in a training", outcome, took, err)
        assert good, err


@pytest.mark.parametrize("command", ["report", "verify", "measure", "train ddpm"])
def test_of_two_runs_into_one_folder_one_is_last_with_all_its_files(
    server: Server, counts: Counts, every_fault: bool, tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    assert server.run(command, folder, "old")["status"] == 0
    whole = []
    for word in ("first", "second"):
        alone = tmp_path / word
        shutil.copytree(folder, alone)
        assert server.run(command, alone, word)["status"] == 0
        whole.append(files_of(alone))
    for _ in range(12 if every_fault else 3):
        done = server.run(command, folder, "first", "second")
        outcome = "clean" if done["status"] == 0 else "unclear"
        if torn(files_of(folder), *whole):
            outcome = "torn"
        elif litter_of(folder):
            outcome = "litter"
        counts.add("two runs into one folder", outcome, done["seconds"], done["err"])
        assert outcome == "clean", done["err"]


DEATHS = [MemoryError(), RuntimeError("a worker died"), OSError(5, "Input/output error")]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)
def test_a_worker_that_dies_ends_the_run_with_its_error(
    counts: Counts, monkeypatch: pytest.MonkeyPatch, death: Exception
) -> None:
    def dies(*_: Any, **__: Any) -> Any:
        raise death

    monkeypatch.setattr(training, "train", dies)
    with pytest.raises(type(death)):
        training.train_many([LSTMConfig(epochs=1)] * 3, workers=2)
    counts.add("a worker that dies", "refused")
    monkeypatch.setattr(pde, "simulate", dies)
    with pytest.raises(type(death)):
        certify_pde(configured(kinetics_of("schnakenberg"), {"steps": 20, "rows": 8}), seeds=2)
    counts.add("a worker that dies", "refused")


@pytest.mark.parametrize("death", [DEATHS[0], DEATHS[2]], ids=["MemoryError", "OSError"])
def test_a_fault_of_the_machine_is_no_row_of_a_search(
    counts: Counts, tmp_path: Path, death: Exception
) -> None:
    settings = [{"x": float(x)} for x in range(6)]

    def square(setting: Any) -> dict[str, float]:
        return {"y": setting["x"] ** 2}

    def dies(setting: Any) -> dict[str, float]:
        if setting["x"] == 4:
            raise death
        return square(setting)

    whole, folder = tmp_path / "whole", tmp_path / "part"
    evaluate_settings(settings, square, whole)
    with pytest.raises(type(death)):
        evaluate_settings(settings, dies, folder, workers=2)
    counts.add("a worker that dies", "refused")
    evaluate_settings(settings, square, folder, workers=2)
    (results,), (same,) = (list(place.glob("*/results.parquet")) for place in (folder, whole))
    assert results.read_bytes() == same.read_bytes()
