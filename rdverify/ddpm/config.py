"""The settings of a training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from rdverify.ddpm.images import PixelRange
from rdverify.ddpm.unet import NORM_GROUPS, WIDTHS, require_shape
from rdverify.tools.errors import require_fields, require_integer, require_number

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides which weights come out, besides images and schedule.

    Args:
        steps: updates, >= 1.
        batch: images an update, >= 1.
        learning_rate: Adam's, > 0: reached after ``warmup`` steps, then falling as half a
            cosine to zero at ``steps``; a short training gains from the decay.
        warmup: steps of linear growth of the rate, >= 0.
        ema_decay: d of the moving average w' <- d w' + (1-d) w, in [0, 1); step n uses
            min(d, (1+n)/(10+n)), so that the first weights are forgotten.
        clip: largest L2 norm of the gradient, > 0.
        seed: of the initial weights, the order of images, noise and times.
        pixel_range: "[-1,1]" (as Ho et al. 2020) or "[0,1]".
        flip: mirror each image left to right with probability 1/2.
        precision: "bfloat16" computes the layers in it (weights stay float32), faster
            on processors that have it.
        widths: of the U-Net's levels.
        norm_groups: of its group normalisation. Each group forgets its own mean over the
            image, so many small ones leave a colour image's mean brightness hard to see:
            with 8 the samples of CIFAR-10 drift off their scale, with 1 they stay.
        attention: levels of the U-Net that have self-attention, 0 the finest.

    """

    steps: int = 10_000
    batch: int = 32
    learning_rate: float = 1e-3
    warmup: int = 100
    ema_decay: float = 0.999
    clip: float = 1.0
    seed: int = 0
    pixel_range: PixelRange = "[-1,1]"
    flip: bool = False
    precision: Precision = "float32"
    widths: tuple[int, ...] = WIDTHS
    norm_groups: int = NORM_GROUPS
    attention: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_fields(self)
        for name, least in (("steps", 1), ("batch", 1), ("warmup", 0), ("seed", 0)):
            require_integer(name, getattr(self, name), least)
        for name in ("learning_rate", "clip"):
            require_number(name, getattr(self, name), "positive and finite", lambda v: v > 0)
        require_number("ema_decay", self.ema_decay, "in [0, 1)", lambda v: 0 <= v < 1)
        require_shape(self.widths, self.norm_groups, self.attention)

    def rate(self, step: int) -> float:
        """Adam's rate at a step: warmed up, then half a cosine down to zero at ``steps``."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))
