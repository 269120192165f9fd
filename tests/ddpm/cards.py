"""Whole cards with made-up content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rdverify.ddpm.card_record import write_card
from rdverify.ddpm.config import TrainingConfig

MEAN_SQUARE = {"[-1,1]": 0.5, "[0,1]": 0.3}
FORM = {"channels": 1, "widths": [8, 8], "layers_per_block": 1, "norm_groups": 4}


def made_up(**changes: Any) -> dict[str, Any]:
    """What a card tells, but for the hash of its weights."""
    settings = {**vars(TrainingConfig()), "steps": 0, "steps_planned": 0, "cooldown": None}
    return {
        "schema": "rdverify-ddpm-card-1",
        "dataset": "squares",
        "data": "squares",
        "images": 1,
        "images_held_out": 1,
        "mean_square": MEAN_SQUARE,
        "architecture": FORM,
        "parameters": 1,
        "weights": "exponential moving average",
        "stored_as": "float32",
        "schedule": "linear",
        "optimiser": "Adam",
        "loss": [],
        "validation": [],
        "seconds": 0.0,
        "hardware": "none",
        "versions": {},
        **changes,
        "training": settings | changes.get("training", {}),
    }


def written(weights: Path, **changes: Any) -> Path:
    """The card beside ``weights``."""
    return write_card(weights, made_up(**changes))
