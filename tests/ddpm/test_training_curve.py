"""The record of the balance along trainings: kept rows, order, and equal bytes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ddpm import cards

from rdverify.ddpm.study import training_curve
from rdverify.ddpm.study.training_curve import COLUMNS, measure_training, measure_trainings
from rdverify.study.frames import read_frame, write_frame
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder

STEPS = (0, 50, 100)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the weights that were measured; what is measured is made up."""
    names: list[str] = []

    def measure(path: Path, images: int) -> dict[str, float]:
        names.append(path.name)
        numbers = (name for name in COLUMNS[4:-1])
        return {"n": images} | {name: 1 / (3 + k) for k, name in enumerate(numbers)}

    monkeypatch.setattr(training_curve, "measure_weights", measure)
    return names


def snapshots(folder: Path) -> Path:
    folder.mkdir()
    for step in STEPS:
        for kind in ("raw", "ema"):
            (folder / f"step-{step:05d}-{kind}.safetensors").touch()
    (folder / "other.safetensors").touch()
    return folder


VALIDATION = [{"step": 50, "mse_raw": 0.123456789, "mse_ema": 0.5}]


def test_raw_weights_of_every_step_and_the_last_average_are_measured_once(
    tmp_path: Path, measured: list[str]
) -> None:
    folder, out = snapshots(tmp_path / "snapshots"), tmp_path / "out.csv"
    measure_training(out, "squares", folder, card={"validation": VALIDATION}, images=2)
    assert measured == [
        "step-00000-raw.safetensors",
        "step-00050-raw.safetensors",
        "step-00100-ema.safetensors",
        "step-00100-raw.safetensors",
    ]
    frame = read_frame(out, COLUMNS)
    assert list(frame.columns) == list(COLUMNS)
    assert [*zip(frame["weights"], frame["step"], strict=True)] == [
        ("ema", 100),
        *(("raw", step) for step in STEPS),
    ]
    assert set(frame["m_react"]) == {0.333333}
    errors = dict(zip(frame["step"], frame["validation_mse"], strict=True))
    assert errors[50] == 0.123457
    assert math.isnan(errors[0])
    before = out.read_bytes()
    measured.clear()
    measure_training(out, "squares", folder, card={"validation": VALIDATION}, images=2)
    assert (measured, out.read_bytes()) == ([], before)
    measure_training(out, "circles", folder)
    assert read_frame(out)["dataset"].tolist() == ["circles"] * 4 + ["squares"] * 4
    assert out.read_bytes().endswith(before.split(b"\n", 1)[1])  # to the last digit


def test_the_shipped_record_reads_and_writes_to_equal_bytes(tmp_path: Path) -> None:
    shipped = golden_folder() / "search" / "ddpm_training.csv"
    assert (
        write_frame(tmp_path / "again.csv", read_frame(shipped, COLUMNS)).read_bytes()
        == shipped.read_bytes()
    )


def test_cards_and_folders_that_are_not_there_are_named(
    tmp_path: Path, measured: list[str]
) -> None:
    folder, out = snapshots(tmp_path / "snapshots"), tmp_path / "out.csv"
    card = tmp_path / "card.json"
    for text, words in (
        (f"{card}={folder}", "training = "),
        (str(folder), "training = "),
        (f"{folder / 'other.safetensors'}={folder}", r"card = .* must be the JSON card"),
    ):
        with pytest.raises(InputError, match=words):
            measure_trainings([text], out)
    weights = card.with_suffix(".safetensors")
    weights.touch()
    assert cards.written(weights, validation=VALIDATION) == card
    measure_trainings([f"{card}={folder}"], out)
    assert len(measured) == 4
