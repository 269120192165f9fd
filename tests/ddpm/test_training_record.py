"""What a training notes, tells, keeps and refuses, step by step and without a large network."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.ddpm import training
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.training import _Training, train
from rdverify.ddpm.unet import build_unet, load_unet
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Task

TINY = TrainingConfig(steps=5, batch=2, warmup=0, widths=(8,))


def noise(n: int, channels: int = 1, name: str = "noise") -> ImageSet:
    pixels = np.random.default_rng(n).integers(0, 256, (n, channels, 32, 32), dtype=np.uint8)
    return ImageSet(name, torch.from_numpy(pixels), torch.zeros(n, dtype=torch.int64), ("all",))


def under_way(**parts: Any) -> Any:
    """What ``_Training``'s methods ask of it."""
    return SimpleNamespace(**{"config": replace(TINY, steps=40), "left": "soon"} | parts)


# --- the record ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "mean"), [([], 1.2), ([(4, 9.0)], 2.0), ([(2, 7.0), (3, 8.0), (4, 9.0)], 2.0)]
)
def test_a_note_is_the_mean_loss_since_the_last_one(
    losses: list[tuple[int, float]], mean: float
) -> None:
    record, task = Record(10, list(losses)), Task("training", 40)
    run = under_way(record=record, pending=torch.tensor(12.0))
    for _ in range(2):  # a second note at the same step has nothing to add
        _Training.note(run, task)
        assert record.losses == [*losses, (10, pytest.approx(mean))]
        assert task.done == (6 if losses else 10)
        assert float(run.pending) == 0


@pytest.mark.parametrize("pending", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_told_with_its_step(pending: float) -> None:
    run = under_way(record=Record(10), pending=torch.tensor(pending))
    with pytest.raises(InputError, match=r"loss = (nan|inf) at step 10 .* smaller learning_rate"):
        _Training.note(run, Task("training", 40))
    assert run.record.losses == []


@pytest.mark.parametrize(
    ("losses", "told"),
    [([], ""), ([(5, 0.5)], "loss 0.50000, "), ([(2, 3.0), (5, 4.0), (9, 0.25)], "loss 0.25000, ")],
)
def test_a_validation_tells_the_last_loss_and_both_errors(losses: Any, told: str) -> None:
    said: list[str] = []
    run = under_way(
        record=Record(10, losses, [(0, 1.0, 1.0)]),
        unet=0.3,
        average=0.2,
        judge=lambda network: network,
    )
    _Training.validate(run, SimpleNamespace(say=said.append))
    assert run.record.validation == [(0, 1.0, 1.0), (10, 0.3, 0.2)]
    assert said == [f"step 10/40: {told}held-out 0.30000, averaged 0.20000, soon"]


@pytest.mark.parametrize(
    ("step", "left"), [(0, "time left unknown"), (1, "78.0 min left"), (10, "6.0 min left")]
)
def test_the_time_left_is_that_of_the_steps_left(step: int, left: str) -> None:
    run = under_way(record=Record(step, seconds=120.0))
    assert _Training.left.fget(run) == left  # type: ignore[attr-defined]


# --- the cooldown -------------------------------------------------------------------------------


def test_a_cooldown_falls_in_a_straight_line_from_its_first_step_to_its_last() -> None:
    found = [training._cooling(Record(step, cooling=(5, 9))) for step in range(10)]
    assert found == [1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert training._cooling(Record(7)) == 1


@pytest.mark.parametrize(
    ("step", "cooling", "cooldown", "noted"),
    [
        (0, None, 0, None),
        (9, None, 0, None),
        (0, None, 3, (6, 9)),
        (6, None, 3, (6, 9)),  # its first step is still to come
        (8, (6, 9), 3, (6, 9)),  # resumed within it
        (4, (4, 7), 3, (6, 9)),  # another one that has not begun
        (4, (4, 7), 0, None),
    ],
)
def test_a_cooldown_is_noted_before_it_begins(
    step: int, cooling: Any, cooldown: int, noted: Any
) -> None:
    record = Record(step, cooling=cooling)
    training._set_cooldown(record, 9, cooldown, None)
    assert record.cooling == noted


@pytest.mark.parametrize(
    ("step", "cooling", "cooldown", "words"),
    [
        (7, None, 3, r"cooldown = \(6, 9\) .* must be 0, as the checkpoint has it"),
        (7, (4, 8), 3, r"must be \(4, 8\), as the checkpoint has it"),
        (7, (6, 10), 3, r"must be \(6, 10\)"),
        (5, (4, 7), 3, r"checkpoint = 'kept' .* before its cooldown \(4, 7\)"),
        (5, (4, 7), 0, "checkpoint = 'kept'"),
    ],
)
def test_a_cooldown_that_has_begun_is_not_left(
    step: int, cooling: Any, cooldown: int, words: str
) -> None:
    record = Record(step, cooling=cooling)
    with pytest.raises(InputError, match=words):
        training._set_cooldown(record, 9, cooldown, Path("kept"))


# --- what is due when ---------------------------------------------------------------------------


def test_notes_validations_snapshots_and_checkpoints_come_when_they_are_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LOSS_EVERY", 2)
    monkeypatch.setattr(training, "VALIDATION_EVERY", 4)
    states: list[tuple[int, float]] = []
    monkeypatch.setattr(
        training,
        "write_state",
        lambda path, unet, average, adam, record, identity: states.append(
            (record.step, record.losses[-1][0])
        ),
    )
    folder = tmp_path / "snapshots"
    options: dict[str, Any] = {"snapshots": folder, "snapshot_steps": (1,)}
    options |= {"checkpoint": tmp_path / "state", "checkpoint_every": 3}
    record = train(noise(4), noise(1), TINY, **options).record
    assert [step for step, _ in record.losses] == [1, 2, 3, 4, 5]
    assert [step for step, *_ in record.validation] == [0, 1, 4, 5]
    kept = {path.name for path in folder.iterdir()}
    assert kept == {f"step-{n:05d}-{k}.safetensors" for n in (1, 5) for k in ("raw", "ema")}
    assert states == [(3, 3), (5, 5)]  # with no loss that is not in the record
    assert record.seconds > 0


def test_a_checkpoint_at_the_end_that_was_not_validated_is_validated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, path = _Training.update, tmp_path / "state"

    def killed(run: _Training) -> None:
        if run.record.step == 2:
            raise KeyboardInterrupt
        update(run)

    with monkeypatch.context() as patch:
        patch.setattr(_Training, "update", killed)
        with pytest.raises(KeyboardInterrupt):
            train(noise(4), noise(1), TINY, checkpoint=path, checkpoint_every=1)
    for _ in range(2):
        record = train(noise(4), noise(1), TINY, checkpoint=path, until=2).record
        assert [step for step, *_ in record.validation] == [0, 2]
        assert record.step == 2


def test_the_average_forgets_its_first_weights_as_it_is_said_to(tmp_path: Path) -> None:
    """Step n keeps min(d, (1 + n) / (10 + n)) of what was."""
    config = replace(TINY, steps=3, ema_decay=0.17)
    train(noise(4), noise(1), config, snapshots=tmp_path, snapshot_steps=(0, 1, 2, 3))
    named = {
        kind: [
            torch.cat([p.flatten() for p in load_unet(path).parameters()])
            for path in sorted(tmp_path.glob(f"*-{kind}.safetensors"))
        ]
        for kind in ("raw", "ema")
    }
    assert torch.equal(named["raw"][0], named["ema"][0])
    for n, kept in enumerate((1 / 10, 0.17, 0.17)):
        exact = kept * named["ema"][n] + (1 - kept) * named["raw"][n + 1]
        assert not torch.equal(named["raw"][n], named["raw"][n + 1])
        assert torch.allclose(named["ema"][n + 1], exact, atol=1e-6)


# --- what is refused ----------------------------------------------------------------------------


def test_a_device_is_the_cpu_or_a_gpu_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training._device(None) == training._device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps", "abacus"):
        with pytest.raises(InputError, match=f"device = '{name}' .* cpu, or cuda where"):
            training._device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert training._device(None) == training._device("cuda") == torch.device("cuda")
    assert training._device("cuda:1") == torch.device("cuda:1")
    assert training._device("cpu") == torch.device("cpu")
    for name in ("mps", "abacus", "cudas"):
        with pytest.raises(InputError, match=f"device = '{name}'"):
            training._device(name)


def test_as_many_images_as_a_batch_and_one_held_out_are_enough() -> None:
    training._check_images(noise(2), noise(1), TINY)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "too few images": (
        lambda: training._check_images(noise(1), noise(1), TINY),
        "images = 1 .* at least a batch of 2",
    ),
    "no image held out": (
        lambda: training._check_images(noise(2), noise(0), TINY),
        "held_out = 0 .* at least one image",
    ),
    "colour held out": (
        lambda: training._check_images(noise(2), noise(1, 3), TINY),
        r"held_out\.channels = 3 .* 1, as of",
    ),
    "grey held out": (
        lambda: training._check_images(noise(2, 3), noise(1), TINY),
        r"held_out\.channels = 1 .* 3, as of",
    ),
}
for name, options in {
    "checkpoint_every = 0": {"checkpoint_every": 0},
    "until = 0": {"until": 0},
    "cooldown = -1 .* an integer, 0 or more": {"cooldown": -1},
    r"cooldown = 6 .* 0 \.\. 5": {"cooldown": 6},
    r"cooldown = 4 .* 0 \.\. 3": {"cooldown": 4, "until": 3},
}.items():
    REFUSED[name] = (lambda given=options: train(noise(2), noise(1), TINY, **given), name)


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_trained_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.parametrize("options", [{"until": 1}, {"until": 9}, {"until": 1, "cooldown": 1}])
def test_a_training_ends_where_it_is_said_to(options: dict[str, int]) -> None:
    config = replace(TINY, steps=2)
    found = train(noise(2), noise(1), config, **options)
    assert found.record.step == found.record.losses[-1][0] == min(2, options["until"])
    assert not any(p.requires_grad for p in found.unet.parameters())
    assert not found.unet.training


def test_trainings_are_one_if_settings_data_and_schedule_are() -> None:
    parts: tuple[Any, ...] = (noise(2), noise(1), TINY, Schedule.linear(9))
    own = training._identity(*parts)
    assert json.loads(json.dumps(own)) == own
    assert training._identity(noise(2), noise(1), replace(TINY), Schedule.linear(9)) == own
    others = (noise(3), noise(4), replace(TINY, widths=(8, 8)), Schedule.linear(8))
    for k, other in enumerate(others):
        assert training._identity(*parts[:k], other, *parts[k + 1 :]) != own


def test_a_training_begins_with_a_network_and_its_copy_and_goes_at_its_rate() -> None:
    run = _Training.begun(noise(2), noise(1), TINY, Schedule.linear(9), torch.device("cpu"))
    fresh = build_unet(1, widths=(8,), seed=0).state_dict()
    for network in (run.unet, run.average):
        assert all(torch.equal(a, fresh[name]) for name, a in network.state_dict().items())
    assert (run.record, float(run.pending)) == (Record(), 0.0)
    run.record.step, run.record.cooling = 3, (2, 5)
    run.update()
    assert run.adam.param_groups[0]["lr"] == pytest.approx(TINY.rate(3) * 2 / 3)
    assert run.record.step == 4
