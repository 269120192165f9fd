"""What is due when in a training of which nothing is asked, and in the shipped ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rdverify.ddpm import training
from rdverify.ddpm.card_record import read_card
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.study.training_curve import COLUMNS
from rdverify.ddpm.training import LOSS_EVERY, SNAPSHOT_STEPS, VALIDATION_EVERY, _Training, train
from rdverify.study.frames import read_frame
from rdverify.tools.paths import golden_folder

SHIPPED = 10_000  # steps of the shipped networks
IMAGE = ImageSet("one", torch.zeros((1, 1, 32, 32)).byte(), torch.zeros(1).long(), ("all",))


def due(steps: int) -> set[int]:
    """When the networks are validated."""
    regular = set(range(0, steps + 1, VALIDATION_EVERY))
    return regular | {step for step in SNAPSHOT_STEPS if step <= steps} | {steps}


def test_snapshots_and_validations_fall_on_losses_which_are_means_of_as_many_updates() -> None:
    assert SNAPSHOT_STEPS[0] == 0  # the untrained network
    assert list(SNAPSHOT_STEPS) == sorted(set(SNAPSHOT_STEPS))
    assert {step % LOSS_EVERY for step in (*SNAPSHOT_STEPS, VALIDATION_EVERY)} == {0}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Steps of snapshots and checkpoints, where an update only counts and nothing is judged."""
    noted = SimpleNamespace(snapshots=[], states=[])

    def update(run: Any) -> None:
        run.record.step += 1

    def validate(run: Any, progress: Any) -> None:
        run.record.validation.append((run.record.step, 1.0, 1.0))

    monkeypatch.setattr(_Training, "update", update)
    monkeypatch.setattr(_Training, "validate", validate)
    monkeypatch.setattr(
        _Training, "keep", lambda run, folder: noted.snapshots.append(run.record.step)
    )
    monkeypatch.setattr(training, "write_state", lambda *words: noted.states.append(words[-2].step))
    return noted


@pytest.mark.parametrize("steps", [1030, 41_000])
def test_by_default_a_training_notes_validates_and_keeps(
    steps: int, tmp_path: Path, quick: SimpleNamespace
) -> None:
    config = TrainingConfig(steps=steps, batch=1, widths=(8,))
    record = train(IMAGE, IMAGE, config, checkpoint=tmp_path / "state", snapshots=tmp_path).record
    assert [step for step, _ in record.losses] == [*range(50, steps, 50), steps]
    assert [step for step, *_ in record.validation] == sorted(due(steps))
    assert quick.snapshots == [step for step in SNAPSHOT_STEPS if step < steps] + [steps]
    assert quick.states == [*range(500, steps, 500), steps]


def test_what_was_due_before_a_checkpoint_is_not_due_again(
    tmp_path: Path, quick: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Record(1000, [(1000, 1.0)], [(0, 1.0, 1.0), (1000, 1.0, 1.0)])
    monkeypatch.setattr(training, "read_state", lambda *words: before)
    (tmp_path / "state").touch()
    config = TrainingConfig(steps=1030, batch=1, widths=(8,))
    record = train(IMAGE, IMAGE, config, checkpoint=tmp_path / "state", snapshots=tmp_path).record
    assert [step for step, *_ in record.validation] == [0, 1000, 1030]
    assert quick.snapshots == quick.states == [1030]


@pytest.mark.parametrize("name", ["mnist", "fashionmnist", "cifar10"])
def test_the_shipped_curves_have_what_is_due(name: str) -> None:
    golden = golden_folder()
    told = read_card(golden / "weights" / f"ddpm-{name}.json")
    assert told["training"]["steps"] == SHIPPED
    assert [row["step"] for row in told["validation"]] == sorted(due(SHIPPED))
    assert {row["step"] % LOSS_EVERY for row in told["loss"]} == {0}
    rows = read_frame(golden / "search" / "ddpm_training.csv", COLUMNS)
    raw = rows[(rows["dataset"] == told["dataset"]) & (rows["weights"] == "raw")]
    assert set(raw["step"]) == {step for step in SNAPSHOT_STEPS if step <= SHIPPED}
