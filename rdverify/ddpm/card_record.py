"""The card beside a network's weights: what they are, and the hash that they must have."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import torch

from rdverify.ddpm.images import PixelRange
from rdverify.ddpm.unet import NORM_GROUPS, Form, load_unet
from rdverify.tools.files import write_json
from rdverify.tools.reading import refused, require_file
from rdverify.tools.records import Record, decoded, plain

Count = Annotated[int, msgspec.Meta(ge=0)]
Size = Annotated[float, msgspec.Meta(ge=0)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Loss(Record, frozen=True):
    """epsilon-MSE of the updates up to a step."""

    step: Count
    mse: Size


class Held(Record, frozen=True):
    """epsilon-MSE on held-out images, of the weights and of their moving average."""

    step: Count
    mse_raw: Size
    mse_ema: Size


class Training(Record, frozen=True):
    """The settings of :class:`rdverify.ddpm.config.TrainingConfig`, and how far it came."""

    steps: Count
    batch: Count
    learning_rate: Size
    warmup: Count
    ema_decay: Size
    clip: Size
    seed: Count
    pixel_range: PixelRange
    flip: bool
    precision: Literal["float32", "bfloat16"]
    widths: list[Count]
    steps_planned: Count
    cooldown: list[Count] | None
    norm_groups: Count = NORM_GROUPS
    attention: list[Count] = []


class Card(Record, frozen=True):
    """The whole of a card.

    ``sha256`` is that of the weights' file, ``data_sha256`` that of the training images' pixels;
    cards from before it have none.
    """

    schema: Literal["rdverify-ddpm-card-1"]
    dataset: str
    data: str
    images: Count
    images_held_out: Count
    mean_square: dict[PixelRange, Size]
    architecture: Form
    parameters: Count
    weights: str
    stored_as: Literal["float32", "float16"]
    schedule: str
    training: Training
    optimiser: str
    loss: list[Loss]
    validation: list[Held]
    seconds: Size
    hardware: str
    versions: dict[str, str]
    sha256: Sha256
    data_sha256: Sha256 | Literal[""] = ""

    def __post_init__(self) -> None:
        if len(self.mean_square) < 2:
            raise ValueError("the mean square of one pixel range is missing")


def write_card(weights: Path, told: Mapping[str, Any]) -> Path:
    """Write what :func:`rdverify.ddpm.card.card` tells of ``weights``, with their hash."""
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    return write_json(weights.with_suffix(".json"), {**told, "sha256": sha256})


def read_card(path: Path | str) -> dict[str, Any]:
    """A card, every field of it checked; InputError if it is missing or no card."""
    with refused("card", path, "the JSON card beside the weights"):
        told: dict[str, Any] = plain(decoded(require_file("card", path).read_bytes(), Card))
    return told


def load_carded(
    weights: Path, channels: int | None = None
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Network and card; InputError if one is missing or broken, or the card is of other weights."""
    told = read_card(weights.with_suffix(".json"))
    return load_unet(weights, channels=channels, sha256=told["sha256"]), told
