"""What is told of a training beside its weights, and where both are put."""

from __future__ import annotations

import inspect
import math
import platform
from pathlib import Path
from typing import Any

import pytest
import torch

from rdverify.ddpm import card
from rdverify.ddpm.card_record import load_carded, read_card
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.training import Trained, train
from rdverify.ddpm.unet import build_unet
from rdverify.tools.paths import golden_folder

TINY = TrainingConfig(steps=5, batch=2, widths=(8,))
IMAGES = ImageSet(
    "black", torch.zeros((3, 1, 32, 32), dtype=torch.uint8), torch.zeros(3).long(), ("all",)
)


# --- the curve ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 2, 99, 100, 101, 200, 201, 250, 600, 601, 9900])
def test_a_long_curve_is_thinned_to_means_of_as_few_as_make_it_100_at_most(n: int) -> None:
    curve = [(50 * (k + 1), float(k % 7)) for k in range(n)]
    share = max(1, math.ceil(n / 100))
    found = card._thinned(curve)
    assert len(found) == math.ceil(n / share) <= 100
    assert [step for step, _ in found[:-1]] == [50 * share * k for k in range(1, len(found))]
    assert [step for step, _ in found[-1:]] == [step for step, _ in curve[-1:]]
    counts = [share] * (n // share) + [n % share] * (n % share > 0)
    weighed = sum(count * loss for count, (_, loss) in zip(counts, found, strict=True))
    assert weighed == pytest.approx(sum(loss for _, loss in curve))
    assert n > 100 or found == curve


# --- the machine --------------------------------------------------------------------------------

PROCESSORS = """processor\t: 0
flags\t\t: fpu: all
model name\t: Abacus 3: the quick one
bugs\t\t: none

processor\t: 1
model name\t: Another
"""


def hardware(monkeypatch: pytest.MonkeyPatch, told: Path, processor: str) -> str:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(platform, "processor", lambda: processor)
    monkeypatch.setattr(platform, "machine", lambda: "some machine")
    monkeypatch.setattr(card, "Path", lambda name: told)
    return card._hardware()


@pytest.mark.parametrize(
    ("content", "processor", "name"),
    [
        (PROCESSORS, "a processor", "Abacus 3: the quick one"),
        ("processor\t: 0\nflags\t: fpu\n", "a processor", "a processor"),
        ("", "", "some machine"),
        (None, "a processor", "a processor"),
        (None, "", "some machine"),
    ],
)
def test_a_machine_is_called_by_its_first_processors_name_or_as_python_knows_it(
    content: str | None, processor: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "cpuinfo"
    if content is not None:
        told.write_text(content)
    assert hardware(monkeypatch, told, processor) == f"{name}, 3 thread(s)"


def test_a_machine_with_a_gpu_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert card._hardware() == "a GPU"


# --- by the name of the data --------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What images and what training are asked for; both are made up."""
    words: dict[str, Any] = {"images": []}

    def load(dataset: str, split: str, **options: Any) -> ImageSet:
        words["images"].append((dataset, split, options))
        return IMAGES

    def trained(images: ImageSet, held_out: ImageSet, config: Any, **options: Any) -> Trained:
        words["training"] = options
        unet = build_unet(1, widths=(8,), seed=0)
        return Trained(unet, unet, Record(5, [(5, 0.5)], [(0, 1.0, 1.0)], 12.345, (2, 5)))

    monkeypatch.setattr(card, "load_images", load)
    monkeypatch.setattr(card, "train", trained)
    return words


@pytest.mark.parametrize(
    ("dataset", "stem"),
    [
        ("mnist", "ddpm-mnist"),
        ("cifar10-first4000", "ddpm-cifar10-first4000"),
        ("folder:squares", "ddpm-squares"),
        ("folder:/data/of 2026/squares", "ddpm-squares"),
        ("folder:../squares", "ddpm-squares"),
    ],
)
def test_files_are_called_by_the_last_word_of_the_data(
    dataset: str, stem: str, tmp_path: Path, asked: dict[str, Any]
) -> None:
    weights = card.train_and_save(dataset, tmp_path, TINY, snapshots=True)
    assert weights == tmp_path / f"{stem}.safetensors"
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.safetensors", f"{stem}.json"}
    assert asked["training"]["checkpoint"] == tmp_path / f"{stem}.checkpoint.safetensors"
    assert asked["training"]["snapshots"] == tmp_path / f"{stem}-snapshots"
    assert read_card(weights.with_suffix(".json"))["dataset"] == dataset


def test_what_is_not_asked_of_a_training_is_as_training_has_it(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    usual = {name: one.default for name, one in inspect.signature(train).parameters.items()}
    weights = card.train_and_save("mnist", tmp_path, TINY)
    for name, value in asked["training"].items():
        if name not in ("schedule", "checkpoint", "progress"):
            assert value == usual[name], name
    plain = {"root": None, "download": False}
    assert asked["images"] == [("mnist", split, plain) for split in ("train", "test")]
    network, told = load_carded(weights)
    assert told["stored_as"] == "float32"  # as it was trained, to the bit
    trained = build_unet(1, widths=(8,), seed=0).state_dict()
    assert all(torch.equal(a, trained[name]) for name, a in network.state_dict().items())


def test_what_is_asked_of_a_training_reaches_it_and_its_card(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"until": 4, "cooldown": 2, "device": "cpu", "checkpoint_every": 7}
    where: dict[str, Any] = {"data_root": tmp_path, "download": True}
    weights = card.train_and_save("mnist", tmp_path, TINY, **options, **where, half=True)
    assert {name: asked["training"][name] for name in options} == options
    plain = {"root": tmp_path, "download": True}
    assert asked["images"] == [("mnist", split, plain) for split in ("train", "test")]
    _, told = load_carded(weights)
    assert told["stored_as"] == "float16"
    assert told["seconds"] == 12.3  # of which tenths are enough
    assert told["training"]["cooldown"] == [2, 5]
    assert (told["training"]["steps"], told["training"]["steps_planned"]) == (5, 5)


# --- the shipped networks -----------------------------------------------------------------------


def test_the_shipped_networks_were_trained_as_trainings_are_by_default() -> None:
    """But for the precision, and what colour images need."""
    grey: dict[str, Any] = {"precision": "bfloat16"}
    colour = grey | {"flip": True, "norm_groups": 1}
    for name, own in {"mnist": grey, "fashionmnist": grey, "cifar10": colour}.items():
        told = read_card(golden_folder() / "weights" / f"ddpm-{name}.json")
        assert told["training"] == card.training(TrainingConfig(**own), Record(10_000)), name
