"""The settings of a training: where they end, and the law of the rate."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rdverify.ddpm.config import TrainingConfig
from rdverify.tools.errors import InputError

LEAST = {"steps": 1, "batch": 1, "warmup": 0, "seed": 0}


@pytest.mark.parametrize("field", LEAST)
def test_counts_begin_where_they_are_said_to(field: str) -> None:
    assert getattr(TrainingConfig(**{field: LEAST[field]}), field) == LEAST[field]
    with pytest.raises(
        InputError, match=rf"{field} = {LEAST[field] - 1} .* {LEAST[field]} or more"
    ):
        TrainingConfig(**{field: LEAST[field] - 1})


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("learning_rate", [1e-300, 0.5, 3.0], [0.0, -0.5, math.inf, math.nan, True]),
        ("clip", [1e-300, 0.5, 1e30], [0.0, -0.5, math.inf, math.nan, True]),
        ("ema_decay", [0, 0.0, 0.5, 1 - 1e-16], [1.0, 1, -1e-9, 1.5, math.nan]),
    ],
)
def test_numbers_end_where_they_are_said_to(
    field: str, allowed: list[Any], refused: list[Any]
) -> None:
    for value in allowed:
        assert getattr(TrainingConfig(**{field: value}), field) == value
    for value in refused:
        with pytest.raises(InputError, match=f"{field} = {value}"):
            TrainingConfig(**{field: value})


@pytest.mark.parametrize("warmup", [0, 1, 2, 5])
def test_the_rate_grows_in_a_straight_line_and_then_falls_as_half_a_cosine(warmup: int) -> None:
    config, steps = TrainingConfig(steps=20, warmup=warmup, learning_rate=0.3), range(21)
    cosine = [0.3 * math.cos(math.pi * step / 40) ** 2 for step in steps]
    warm = [min(1, (step + 1) / warmup) if warmup else 1 for step in steps]
    rates = [config.rate(step) for step in steps]
    assert rates == pytest.approx([a * b for a, b in zip(cosine, warm, strict=True)], abs=1e-15)
    assert rates[10] == pytest.approx(0.15)
    assert rates[20] == pytest.approx(0, abs=1e-15)
