"""One pattern, two ratios: what is laid side by side is the same pattern."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.metric import figures
from rdverify.metric.figures import pairs_of
from rdverify.metric.runs import PICTURED

PATTERNS = torch.from_numpy(np.random.default_rng(0).standard_normal((2 * PICTURED, 1, 12, 12)))


def runs_that_made(*which: int) -> Any:
    """A chain whose images are these patterns, but for a little noise."""
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((len(which), 1, 12, 12)))
    images = PATTERNS[list(which)] + 0.05 * noise
    return SimpleNamespace(patterns=PATTERNS, chain=SimpleNamespace(images=images))


def made(monkeypatch: pytest.MonkeyPatch, *flags: bool) -> None:
    monkeypatch.setattr(figures, "made_patterns", lambda runs: np.array(flags))


def test_each_image_stands_beside_the_pattern_that_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made(monkeypatch, True, True, True)
    assert pairs_of(runs_that_made(5, 2, 3)) == [(1, 2), (0, 5)]  # spots, then stripes


def test_an_image_that_is_no_pattern_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    made(monkeypatch, False, True, True)
    assert pairs_of(runs_that_made(0, 7, 1)) == [(2, 1), (1, 7)]


def test_without_any_there_is_nothing_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    made(monkeypatch, False)
    with pytest.raises(ArithmeticError, match="no image is a pattern"):
        pairs_of(runs_that_made(0))
