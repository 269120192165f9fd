"""Train a network by the name of its data, and write weights with their card."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rdverify.ddpm.card_record import write_card
from rdverify.ddpm.checkpoint import Record
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet, load_images
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.training import Trained, train
from rdverify.ddpm.unet import architecture, count_parameters, save_unet
from rdverify.tools.files import check_output_folder
from rdverify.tools.fileset import file_set
from rdverify.tools.progress import ConsoleReporter

CARD_SCHEMA = "rdverify-ddpm-card-1"


def card(
    dataset: str,
    images: ImageSet,
    held_out: ImageSet,
    config: TrainingConfig,
    schedule: Schedule,
    trained: Trained,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """What a reader must know of the weights: data, settings, curves, origin."""
    record = trained.record
    return {
        "schema": CARD_SCHEMA,
        "dataset": dataset,
        "data": images.name,
        "images": len(images),
        "images_held_out": len(held_out),
        "mean_square": {form: images.mean_square(form) for form in ("[-1,1]", "[0,1]")},
        "architecture": architecture(trained.unet),
        "parameters": count_parameters(trained.unet),
        "weights": "exponential moving average",
        "stored_as": str(dtype).removeprefix("torch."),
        "schedule": schedule.name,
        "training": training(config, record),
        "optimiser": "Adam, rate warmed up, then falling as half a cosine to zero at steps_planned",
        "loss": [{"step": step, "mse": loss} for step, loss in _thinned(record.losses)],
        "validation": [
            {"step": step, "mse_raw": raw, "mse_ema": average}
            for step, raw, average in record.validation
        ],
        "seconds": round(record.seconds, 1),
        "hardware": _hardware(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "diffusers", "torchvision", "numpy")},
        },
        "data_sha256": images.sha256,
    }


def training(config: TrainingConfig, record: Record) -> dict[str, Any]:
    """The settings of a training and how far it came, as the card has them."""
    return {
        **{key: list(v) if isinstance(v, tuple) else v for key, v in vars(config).items()},
        "steps": record.step,
        "steps_planned": config.steps,
        "cooldown": list(record.cooling) if record.cooling else None,
    }


def _thinned(losses: list[tuple[int, float]], most: int = 100) -> list[tuple[int, float]]:
    """At most ``most`` entries, each the mean of its share."""
    share = max(1, -(-len(losses) // most))
    groups = [losses[start : start + share] for start in range(0, len(losses), share)]
    return [(group[-1][0], sum(loss for _, loss in group) / len(group)) for group in groups]


def _hardware() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{name}, {torch.get_num_threads()} thread(s)"


def train_and_save(
    dataset: str,
    output: Path,
    config: TrainingConfig,
    *,
    data_root: Path | None = None,
    download: bool = False,
    until: int | None = None,
    cooldown: int = 0,
    device: str | None = None,
    checkpoint_every: int = 500,
    half: bool = False,
    snapshots: bool = False,
) -> Path:
    """Train on a data set by name, and write weights and card into ``output``.

    Args:
        dataset: a name of :data:`rdverify.ddpm.images.NAMES`, or ``folder:PATH``.
        output: the folder.
        config: of the training.
        data_root: folder of the data.
        download: fetch the data if missing.
        until: stop after this step; ``config.steps`` still sets how the rate falls.
        cooldown: the last steps before ``until``, with the rate falling to zero.
        device: "cpu" or "cuda"; default a GPU where there is one.
        checkpoint_every: steps between two checkpoints.
        half: store the weights as float16.
        snapshots: keep weights on the way.

    Returns:
        the weights file.
    """
    progress, output = ConsoleReporter(), check_output_folder(output)
    images, held_out = (
        load_images(dataset, split, root=data_root, download=download)
        for split in ("train", "test")
    )
    stem = f"ddpm-{dataset.rpartition('/')[2].rpartition(':')[2]}"
    schedule = Schedule.linear()
    trained = train(
        images,
        held_out,
        config,
        schedule=schedule,
        checkpoint=output / f"{stem}.checkpoint.safetensors",
        checkpoint_every=checkpoint_every,
        snapshots=output / f"{stem}-snapshots" if snapshots else None,
        until=until,
        cooldown=cooldown,
        device=device,
        progress=progress,
    )
    dtype = torch.float16 if half else torch.float32
    told = card(dataset, images, held_out, config, schedule, trained, dtype)
    weights = write_weights(trained.unet, told, output / f"{stem}.safetensors", dtype)
    progress.say(f"weights: {weights}")
    return weights


def write_weights(
    unet: torch.nn.Module,
    told: Mapping[str, Any],
    path: Path,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write weights and, as .json beside them, their card with the weights' hash: both or none."""
    with file_set(path.parent) as new:
        write_card(save_unet(unet, new / path.name, dtype=dtype), told)
    return path
