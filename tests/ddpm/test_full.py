"""The full profile: what it trains, on what, in which order, and where it resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rdverify import InputError
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import FIRST_4000, ImageSet
from rdverify.ddpm.study import full as ddpm_full
from rdverify.ddpm.study.rows import ROWS
from rdverify.side_by_side import measure
from rdverify.study import Context
from rdverify.systems import SYSTEMS, study
from rdverify.tools.paths import golden_folder
from rdverify.tools.progress import Reporter

TINY = TrainingConfig(steps=2, batch=2, widths=(8, 8), warmup=0)


def images(name: str, channels: int) -> ImageSet:
    generator = torch.Generator().manual_seed(channels)
    pixels = torch.randint(256, (4, channels, 32, 32), generator=generator, dtype=torch.uint8)
    return ImageSet(name, pixels, torch.zeros(4, dtype=torch.int64), ("one",))


def context_of(folder: Path, data_root: Path | None = None) -> Context:
    return Context("full", golden_folder(), None, folder, data_root, progress=Reporter())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Data made up here; what is measured after the trainings is only noted."""
    noted: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        ddpm_full,
        "find_data",
        lambda _: {
            row: (row.lower(), images(row, channels), images(row, channels))
            for row, channels in ((row, ROWS[row].channels) for row in ROWS)
        },
    )

    def quality(dataset: str, folder: Path, **_: Any) -> None:
        noted.append(("quality", dataset))
        table = folder / "search" / "image_quality.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("a", encoding="utf-8") as stream:
            stream.write(f"{'' if stream.tell() else 'dataset' + chr(10)}{dataset}\n")

    monkeypatch.setattr(ddpm_full, "record_quality", quality)
    monkeypatch.setattr(
        ddpm_full,
        "measure_training",
        lambda out, name, folder, **_: noted.append(
            ("curve", (name, sorted(path.name for path in folder.iterdir())))
        ),
    )
    monkeypatch.setattr(
        ddpm_full, "final_errors", lambda folder, path, root, names: noted.append(("final", names))
    )
    for name in ("search", "measure_open"):
        monkeypatch.setattr(
            ddpm_full,
            name,
            lambda folder, path, progress, name=name: noted.append((name, path.name)),
        )
    return noted


@pytest.mark.twice
def test_every_network_is_trained_measured_and_described(tmp_path, calls):
    weights, records = ddpm_full.retrain(context_of(tmp_path), TINY)
    for row, stem, channels in ((row, ROWS[row].file, ROWS[row].channels) for row in ROWS):
        card = json.loads((weights / "weights" / f"{stem}.json").read_text())
        assert card["training"]["steps"] == card["training"]["steps_planned"] == TINY.steps
        assert (card["dataset"], card["architecture"]["channels"]) == (row.lower(), channels)
        assert ddpm_full.load_row(weights, row)[2] == card["mean_square"]["[-1,1]"]
    assert [name for name, _ in calls] == ["curve"] * 3 + ["quality"] * 2 + [
        "final",
        "search",
        "measure_open",
    ]
    assert all("step-00002-raw.safetensors" in kept for name, (_, kept) in calls[:3])
    assert records == weights / "search"


@pytest.mark.twice
def test_a_second_run_trains_nothing_and_changes_no_weights(tmp_path, calls, monkeypatch):
    weights, _ = ddpm_full.retrain(context_of(tmp_path), TINY)
    before = {path.name: path.read_bytes() for path in (weights / "weights").iterdir()}
    calls.clear()
    monkeypatch.setattr(ddpm_full, "train", lambda *_, **__: pytest.fail("trained again"))
    ddpm_full.retrain(context_of(tmp_path), TINY)
    assert {path.name: path.read_bytes() for path in (weights / "weights").iterdir()} == before
    assert "quality" not in {name for name, _ in calls}


@pytest.mark.twice
def test_weights_that_are_not_those_of_this_training_are_trained_anew(tmp_path, calls, monkeypatch):
    """A flipped bit, other steps, other images: each is seen, and said."""
    said: list[str] = []
    monkeypatch.setattr(Reporter, "say", lambda self, text: said.append(text))
    weights = (
        ddpm_full.retrain(context_of(tmp_path), TINY)[0] / "weights" / "ddpm-mnist.safetensors"
    )
    card, whole = json.loads(weights.with_suffix(".json").read_text()), weights.read_bytes()

    def anew(told: dict[str, Any], content: bytes = whole) -> str:
        weights.with_suffix(".json").write_text(json.dumps(told))
        weights.write_bytes(content)
        said.clear()
        ddpm_full.retrain(context_of(tmp_path), TINY)
        assert weights.read_bytes() == whole
        return next(text for text in said if text.startswith("MNIST: "))

    assert "as its card says" in anew(card, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "of other settings or steps" in anew(
        {**card, "training": {**card["training"], "steps": 1}}
    )
    assert "of other settings or steps" in anew(
        {**card, "training": {**card["training"], "seed": 1}}
    )
    assert "learned from other images" in anew({**card, "data_sha256": "0" * 64})
    assert "already trained" in anew(card)


@pytest.mark.twice
def test_a_run_stopped_in_a_training_goes_on_from_its_checkpoint(tmp_path, calls, monkeypatch):
    whole, _ = ddpm_full.retrain(context_of(tmp_path / "whole"), TINY)
    real, trained = ddpm_full.train, []

    def stopped(images: ImageSet, *args: Any, **options: Any) -> Any:
        trained.append(images.name)
        if len(trained) == 2:
            real(images, *args, **options | {"until": 1})
            raise KeyboardInterrupt
        return real(images, *args, **options)

    monkeypatch.setattr(ddpm_full, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        ddpm_full.retrain(context_of(tmp_path / "cut"), TINY)
    cut, _ = ddpm_full.retrain(context_of(tmp_path / "cut"), TINY)
    assert trained == ["MNIST", "FashionMNIST", "FashionMNIST", "CIFAR10"]
    for row in ROWS.values():
        name = f"{row.file}.safetensors"
        assert (cut / "weights" / name).read_bytes() == (whole / "weights" / name).read_bytes()


@pytest.mark.parametrize("row", ROWS)
def test_recipe_is_that_of_the_shipped_network(row, tmp_path):
    config = ddpm_full.recipe(context_of(tmp_path), row)
    told = json.loads((golden_folder() / "weights" / f"{ROWS[row].file}.json").read_text())
    assert config.steps == told["training"]["steps_planned"]
    assert {name: told["training"][name] for name in ("batch", "seed", "flip", "precision")} == {
        name: getattr(config, name) for name in ("batch", "seed", "flip", "precision")
    }
    assert list(config.widths) == told["architecture"]["widths"]
    assert list(config.attention) == told["architecture"].get("attention", [])


def test_first_4000_images_stand_in_for_cifar10_and_the_rest_is_asked_for(tmp_path, monkeypatch):
    real = ddpm_full.load_images

    def load(name: str, split: str, **options: Any) -> ImageSet:
        if name in ("mnist", "fashionmnist"):
            return images(name, 1)
        return real(name, split, **options)

    monkeypatch.setattr(ddpm_full, "load_images", load)
    with pytest.raises(InputError, match="no readable CIFAR-10"):
        ddpm_full.find_data(context_of(tmp_path, tmp_path))
    folder = tmp_path / "CIFAR10-first4000" / "train" / "cat"
    folder.mkdir(parents=True)
    for k in range(10):
        pixels = np.random.default_rng(k).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:05d}.png")
    name, own, held_out = ddpm_full.find_data(context_of(tmp_path, tmp_path))["CIFAR10"]
    assert (name, own.name, len(own), len(held_out)) == ("cifar10-first4000", FIRST_4000, 9, 1)


def test_missing_data_stop_the_full_profile_before_any_study(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    begun = []
    for name in SYSTEMS:
        quick = replace(study(name), run=begun.append)
        monkeypatch.setattr(f"{SYSTEMS[name]}.STUDY", quick)
    with pytest.raises(InputError, match="no readable MNIST"):
        measure(list(SYSTEMS), context_of(tmp_path, tmp_path / "empty"))
    assert begun == []
