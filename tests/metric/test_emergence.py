"""What happens while the DDPM's ratio rises, against what the chain's recursion says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rdverify.ddpm import Schedule
from rdverify.metric import emergence, runs
from rdverify.metric.runs import Runs


@pytest.fixture(scope="module")
def small() -> Any:
    """Stripes of eight directions in place of the Gray-Scott patterns, four images each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "SMALL_IMAGES", 4)
        i, k = np.indices((64, 64))
        waves = [np.sin(2 * np.pi * (a * i + (4 - a) * k) / 64) for a in range(8)]
        made = [SimpleNamespace(v=wave) for wave in waves]
        found = Runs(Path(), {"spots": made[:4], "stripes": made[4:]})  # type: ignore[dict-item]
        assert set(found.small) == {
            (name, way) for name in ("patterns", "blank") for way in runs.DIRECTIONS
        }
        yield found


def left_over(schedule: Schedule, until: int) -> float:
    """Variance of the noise in the exact denoiser's state at an index of the schedule.

    With x_0 known, x_{t-1} = ... + c x_t + sqrt(beta) z: V <- c^2 V + beta.
    """
    variance = 1.0
    for t in range(schedule.T - 1, until, -1):
        before, rest = 1 - schedule.alpha_bar_before[t], schedule.one_minus_alpha_bar[t]
        variance = schedule.alpha[t] * (before / rest) ** 2 * variance + schedule.beta[t]
    return float(variance)


@pytest.mark.parametrize("case", emergence.CASES)
@pytest.mark.once
def test_the_last_ratio_is_what_the_recursion_leaves_whatever_the_images(
    small: Runs, case: str
) -> None:
    way: Any = "decreasing" if case.endswith("decreasing") else "increasing"
    schedule = Schedule.linear(direction=way)
    before, after = emergence.before_and_after(small, case)
    expected = (left_over(schedule, 0) / schedule.beta[0]) ** 0.5
    assert after.mean() == pytest.approx(expected, rel=0.05)
    assert before.mean() < 0.15


@pytest.mark.parametrize("case", emergence.PICTURES)
def test_the_share_of_noise_is_what_the_recursion_leaves(small: Runs, case: str) -> None:
    way: Any = "decreasing" if case.endswith("decreasing") else "increasing"
    schedule = Schedule.linear(direction=way)
    made, power = emergence.chain(small, case), float(small.small_patterns.square().mean())
    assert made.late_signal == schedule.alpha_bar[199]
    noise = left_over(schedule, 199)
    expected = noise / (noise + made.late_signal * power)
    assert emergence.noise_share(made).mean() == pytest.approx(expected, rel=0.05)


def test_the_chain_starts_in_white_noise_and_ends_in_its_pictures(small: Runs) -> None:
    start = emergence.chain(small, "images").start
    assert float(start.mean()) == pytest.approx(0, abs=0.06)
    assert float(start.var()) == pytest.approx(1, abs=0.1)
    assert np.abs(emergence.structure(small, "start")).max() < 0.15
    truth = float(np.mean(emergence.neighbour_correlation(small.small_patterns)))
    assert emergence.structure(small, "end").mean() == pytest.approx(truth, abs=0.2)


@given(st.floats(-3, 3), st.floats(0.05, 0.95))
def test_what_is_open_between_two_pictures_is_the_entropy_of_a_logistic_law(
    place: float, signal: float
) -> None:
    data = torch.tensor([-1.0, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    state = torch.full((1, 1, 1, 1), place, dtype=torch.float64)
    p = 1 / (1 + np.exp(-2 * signal**0.5 * place / (1 - signal)))
    entropy = -sum(q * np.log(q) for q in (p, 1 - p) if q > 0) / np.log(2)
    assert emergence.open_bits(state, data, signal)[0] == pytest.approx(entropy, abs=1e-9)


def test_all_is_open_without_a_signal_and_nothing_in_a_picture() -> None:
    data = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert emergence.open_bits(data, data, 1e-12) == pytest.approx(1)
    assert emergence.open_bits(0.99 * data, data, 0.98) == pytest.approx(0, abs=1e-6)
