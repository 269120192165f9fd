"""Train from the command line, and write weights with their card."""

from __future__ import annotations

import argparse
import hashlib
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rdverify.ddpm.images import NAMES, ImageSet, load_images
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.training import Trained, TrainingConfig, train
from rdverify.ddpm.unet import architecture, count_parameters, save_unet
from rdverify.tools.errors import InputError
from rdverify.tools.files import check_output_folder, write_json
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
        "training": {
            **vars(config),
            "steps": record.step,
            "steps_planned": config.steps,
            "cooldown": list(record.cooling) if record.cooling else None,
        },
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


def main(argv: Sequence[str] | None = None) -> None:
    """``python -m rdverify.ddpm.training``: exit status 2 on bad input."""
    plain = TrainingConfig()
    parser = argparse.ArgumentParser(
        prog="python -m rdverify.ddpm.training", description="Train the noise predictor on images."
    )
    parser.add_argument("--dataset", required=True, help=f"{', '.join(NAMES)} or folder:PATH")
    parser.add_argument("--output", type=Path, required=True, help="folder for weights and card")
    parser.add_argument("--data-root", type=Path, help="folder of the data (or RDVERIFY_DATA)")
    parser.add_argument("--download", action="store_true", help="fetch the data if missing")
    parser.add_argument("--steps", type=int, default=plain.steps)
    parser.add_argument(
        "--until", type=int, help="stop after this step; --steps still sets how the rate falls"
    )
    parser.add_argument(
        "--cooldown",
        type=int,
        default=0,
        help="the last steps before --until, with the rate falling to zero",
    )
    parser.add_argument("--batch", type=int, default=plain.batch)
    parser.add_argument("--learning-rate", type=float, default=plain.learning_rate)
    parser.add_argument("--seed", type=int, default=plain.seed)
    parser.add_argument("--pixel-range", default=plain.pixel_range)
    parser.add_argument("--flip", action="store_true", help="mirror images at random")
    parser.add_argument("--precision", default=plain.precision)
    parser.add_argument("--widths", type=int, nargs="+", default=plain.widths)
    parser.add_argument("--norm-groups", type=int, default=plain.norm_groups)
    parser.add_argument("--device", help="cpu or cuda; default a GPU where there is one")
    parser.add_argument("--checkpoint-every", type=int, default=500)
    parser.add_argument(
        "--store", default="float32", choices=["float32", "float16"], help="of the weights file"
    )
    parser.add_argument("--snapshots", action="store_true", help="keep weights on the way")
    options = parser.parse_args(argv)
    try:
        _run(options)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _run(options: argparse.Namespace) -> None:
    progress = ConsoleReporter()
    output = check_output_folder(options.output)
    config = TrainingConfig(
        steps=options.steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        pixel_range=options.pixel_range,
        flip=options.flip,
        precision=options.precision,
        widths=tuple(options.widths),
        norm_groups=options.norm_groups,
    )
    images, held_out = (
        load_images(options.dataset, split, root=options.data_root, download=options.download)
        for split in ("train", "test")
    )
    label = options.dataset.rpartition("/")[2].rpartition(":")[2]
    schedule = Schedule.linear()
    trained = train(
        images,
        held_out,
        config,
        schedule=schedule,
        checkpoint=output / f"ddpm-{label}.checkpoint.safetensors",
        checkpoint_every=options.checkpoint_every,
        snapshots=output / f"ddpm-{label}-snapshots" if options.snapshots else None,
        until=options.until,
        cooldown=options.cooldown,
        device=options.device,
        progress=progress,
    )
    dtype = {"float32": torch.float32, "float16": torch.float16}[options.store]
    weights = save_unet(trained.unet, output / f"ddpm-{label}.safetensors", dtype=dtype)
    told = card(options.dataset, images, held_out, config, schedule, trained, dtype)
    told["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    write_json(output / f"ddpm-{label}.json", told)
    progress.say(f"weights: {weights}")
