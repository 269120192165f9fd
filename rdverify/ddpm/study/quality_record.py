"""Record how like the data a network's samples are: samples, features, one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from rdverify.ddpm import sample
from rdverify.ddpm.images import load_images, unscale_pixels
from rdverify.ddpm.quality import (
    accuracy,
    load_classifier,
    look,
    quality_rows,
    save_classifier,
    train_classifier,
)
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.study.rows import QUALITY_RECORD
from rdverify.ddpm.unet import build_unet, load_unet
from rdverify.study.frames import read_frame, write_frame
from rdverify.tools.arrays import write_arrays
from rdverify.tools.errors import require
from rdverify.tools.progress import Reporter

EPOCHS = {"mnist": 4, "fashionmnist": 8}


def respaced(schedule: Schedule, steps: int) -> tuple[Schedule, npt.NDArray[np.int64]]:
    """A shorter chain through some of the times of a longer one.

    Args:
        schedule: beta_t of T steps.
        steps: how many to keep, 2 .. T.

    Returns:
        The schedule with beta'_k = 1 - abar_{t_k} / abar_{t_{k-1}}, whose abar'_k is
        abar_{t_k} exactly; and the times t_k, shape (steps,), evenly spread, the last T-1.

    Source: Nichol, Dhariwal 2021, section 4.

    """
    require(2 <= steps <= schedule.T, "steps", steps, f"2 .. {schedule.T}")
    times = np.round(np.linspace(0, schedule.T - 1, steps)).astype(np.int64)
    bar = schedule.alpha_bar[times]
    before = np.concatenate([[1.0], bar[:-1]])
    return Schedule(1 - bar / before, f"{schedule.name}, {steps} steps of it"), times


def draw_samples(
    unet: torch.nn.Module,
    images: int,
    steps: int,
    *,
    channels: int = 1,
    seed: int = 0,
    batch: int = 50,
    progress: Reporter | None = None,
) -> torch.Tensor:
    """Samples as pixels, uint8, shape (images, channels, 32, 32); training's linear schedule.

    Fewer than 1,000 steps go through some of the times only (:func:`respaced`), with the
    posterior's variance, which suits few steps.
    """
    schedule, times = respaced(Schedule.linear(), steps)
    lookup = torch.from_numpy(times)

    def denoiser(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        predicted: torch.Tensor = unet(x, lookup[index], return_dict=False)[0]
        return predicted

    made, _ = sample(
        denoiser,
        schedule,
        (channels, 32, 32),
        images,
        seed,
        variance="posterior",
        clip=True,
        batch=batch,
        progress=progress,
        name="drawing samples",
    )
    return unscale_pixels(made)


def record_quality(
    dataset: str,
    golden: Path,
    *,
    root: Path | None = None,
    images: int = 500,
    untrained: int = 100,
    steps: int = 125,
    real: int = 2000,
    progress: Reporter | None = None,
) -> list[dict[str, Any]]:
    """Draw, measure and write what the package ships.

    Args:
        dataset: "mnist" or "fashionmnist".
        golden: folder with ``weights/ddpm-<dataset>.safetensors``. Written are
            ``weights/classifier-<dataset>.safetensors`` (unless there), ``samples/<dataset>.npz``
            and this data set's rows of ``search/image_quality.csv``.
        root: folder of the data.
        images: samples of the trained network.
        untrained: samples of the network before training.
        steps: of the chain, see :func:`draw_samples`.
        real: test images to hold them against.
        progress: where progress is told.

    """
    progress = progress or Reporter()
    require(dataset in EPOCHS, "dataset", dataset, " or ".join(EPOCHS))
    unet = load_unet(golden / "weights" / f"ddpm-{dataset}.safetensors", channels=1)
    test = load_images(dataset, "test", root=root)
    path = golden / "weights" / f"classifier-{dataset}.safetensors"
    if not path.exists():
        train = load_images(dataset, "train", root=root)
        fresh = train_classifier(train, epochs=EPOCHS[dataset], progress=progress)
        save_classifier(fresh, path, torch.float16)
    classifier = load_classifier(path)
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[:real]
    arrays = {
        "samples": draw_samples(unet, images, steps, progress=progress).numpy(),
        "untrained": draw_samples(
            build_unet(1, seed=0), untrained, steps, progress=progress
        ).numpy(),
        "real_features": look(classifier, test.images[chosen])[0].astype(np.float16),
    }
    write_arrays(golden / "samples" / f"{dataset}.npz", arrays)
    rows = [
        {**row, "steps": steps, "classifier_accuracy": accuracy(classifier, test)}
        for row in quality_rows(classifier, arrays, dataset)
    ]
    table, fresh_rows = golden / "search" / QUALITY_RECORD, pd.DataFrame(rows).map(six_digits)
    if table.exists():
        known = read_frame(table)
        fresh_rows = pd.concat([known[known["dataset"] != dataset], fresh_rows])
    write_frame(table, fresh_rows.sort_values("dataset", kind="stable"))
    return rows


def six_digits(value: Any) -> Any:
    """A number as records keep it: six significant digits."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
