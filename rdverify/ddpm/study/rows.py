"""The three DDPM rows of Table 1: their files, data sets, lines and seeds; the trained networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdverify.ddpm import Schedule
from rdverify.ddpm.card_record import load_carded
from rdverify.ddpm.unet import channels_last
from rdverify.study import Row

# files of golden/search/ that this study ships
RECORD, TRAINING_RECORD, FINAL_RECORD = "ddpm.csv", "ddpm_training.csv", "ddpm_final.csv"
QUALITY_RECORD, ARCHITECTURE_RECORD = "image_quality.csv", "ddpm_architecture.csv"
OPEN_RECORD, NOISE_RECORD = "ddpm_open.csv", "ddpm_noise.csv"
CONTROL_SEED = 3
SCHEDULE = Schedule.linear()  # the one the networks were trained with


@dataclass(frozen=True, kw_only=True)
class ImageRow(Row):
    """A row of Table 1 that was measured on images.

    Args:
        file: stem of its weights and card.
        channels: of its images.
        seed: of its trajectories; other noise for each row.
        datasets: that can serve it, the better one first.
    """

    file: str
    channels: int
    seed: int
    datasets: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """d, pixels times channels."""
        return self.channels * 32**2


ROWS = {
    row.setting: row
    for row in (
        ImageRow(
            "mnist",
            "DDPM",
            "MNIST",
            "#8c564b",
            (6, 1.5, 1, 1.5),
            "o",
            file="ddpm-mnist",
            channels=1,
            seed=0,
            datasets=("mnist",),
        ),
        ImageRow(
            "fashion",
            "DDPM",
            "FashionMNIST",
            "#e377c2",
            (3, 1.5, 1, 1.5),
            "s",
            file="ddpm-fashionmnist",
            channels=1,
            seed=1,
            datasets=("fashionmnist",),
        ),
        ImageRow(
            "cifar10",
            "DDPM",
            "CIFAR10",
            "#7f7f7f",
            (10, 2, 1, 2),
            "^",
            file="ddpm-cifar10",
            channels=3,
            seed=2,
            datasets=("cifar10", "cifar10-first4000"),
        ),
    )
}


def load_row(folder: Path, setting: str) -> tuple[Any, Mapping[str, Any], float]:
    """Network, card and mean square of one row; InputError if a file is missing or broken."""
    row = ROWS[setting]
    path = folder / "weights" / f"{row.file}.safetensors"
    network, card = load_carded(path, channels=row.channels)
    return channels_last(network), card, float(card["mean_square"]["[-1,1]"])
