"""The full profile: train the three networks anew, and sample every variant again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rdverify.balance import balance_of
from rdverify.data.images import load_images
from rdverify.ddpm import sample
from rdverify.ddpm_training import TrainingConfig, train
from rdverify.ddpm_training_command import card
from rdverify.files import write_json
from rdverify.progress import Reporter
from rdverify.reconstruct import write_frame
from rdverify.studies.ddpm_record import FINAL_RECORD, final_errors
from rdverify.studies.ddpm_sampling import ROWS, SCHEDULE
from rdverify.studies.ddpm_settings import RECORD, search
from rdverify.study import Context
from rdverify.unet import load_unet, save_unet

DATASETS = {"MNIST": "mnist", "FashionMNIST": "fashionmnist", "CIFAR10": "cifar10"}
CURVE_IMAGES = 4


def retrain(context: Context, config: TrainingConfig | None = None) -> tuple[Path, Path]:
    """Train into ``context.work``, sample every variant, and return where both lie.

    Resumes from checkpoints, weights and records that an earlier run left there.

    Args:
        context: its data root holds the three data sets; CIFAR10 whole.
        config: of the training; default 10,000 steps of 32 images.

    Returns:
        (folder with weights/, folder of records), as ``measure`` wants them.

    Raises:
        InputError: where data are missing; before any training.

    """
    folder = context.work / "ddpm"
    data = {row: [load_images(name, split, root=context.data_root) for split in ("train", "test")]
            for row, name in DATASETS.items()}
    for row, (images, held_out) in data.items():
        stem = ROWS[row][0]
        weights = folder / "weights" / f"{stem}.safetensors"
        if weights.exists() and weights.with_suffix(".json").exists():
            context.progress.say(f"{row}: already trained, {weights}")
            continue
        own = config or TrainingConfig(flip=row == "CIFAR10")
        trained = train(images, held_out, own, schedule=SCHEDULE,
                        checkpoint=folder / f"{stem}.checkpoint.safetensors",
                        snapshots=folder / f"{stem}-snapshots", progress=context.progress)
        save_unet(trained.unet, weights)
        write_json(weights.with_suffix(".json"),
                   card(DATASETS[row], images, held_out, own, SCHEDULE, trained))
    training_curves(folder, folder / "search" / "ddpm_training.csv", context.progress)
    final_errors(folder, folder / "search" / FINAL_RECORD, context.data_root, DATASETS)
    search(folder, folder / "search" / RECORD, context.progress)
    return folder, folder / "search"


def training_curves(folder: Path, path: Path, progress: Reporter) -> pd.DataFrame:
    """R against training steps, from the snapshots that training left; written to ``path``."""
    lines = []
    for row, dataset in DATASETS.items():
        for snapshot in sorted((folder / f"{ROWS[row][0]}-snapshots").glob("step-*-raw.*")):
            _, trace = sample(load_unet(snapshot), SCHEDULE, images=CURVE_IMAGES, seed=20,
                              progress=progress, name=f"{row}, {snapshot.stem}")
            b = balance_of(trace)
            lines.append({
                "dataset": dataset, "step": int(snapshot.stem.split("-")[1]), "weights": "raw",
                "n": CURVE_IMAGES, "m_react": b.m_react, "m_react_sd": b.m_react_runs.std(ddof=1),
                "m_diff": b.m_diff, "m_diff_sd": b.m_diff_runs.std(ddof=1), "r": b.r,
                "r_sd": b.r_runs.std(ddof=1), "final_ratio": b.r_t[:, -1].mean(),
                "final_ratio_sd": b.r_t[:, -1].std(ddof=1)})
    frame = pd.DataFrame(lines)
    write_frame(path, frame)
    return frame
