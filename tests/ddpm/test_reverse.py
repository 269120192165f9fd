"""A reverse process: what a network's output implies, and that its drift is made of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.ddpm import ReverseProcess, Schedule, reverse_step
from rdverify.ddpm.reverse import clipping
from rdverify.tools.errors import InputError

SCHEDULE = Schedule.linear(6, 0.05, 0.6)
PREDICTIONS = ("epsilon", "sample", "v_prediction")
GENERATOR = torch.Generator().manual_seed(3)
X_0, EPS, Z = torch.randn((3, 2, 1, 4, 4), generator=GENERATOR, dtype=torch.float64)


def process(**changes: Any) -> ReverseProcess:
    """One of four steps with numbers that hang together in nothing but alpha_bar."""
    bar = np.array([0.1, 0.4, 0.7, 0.95])
    steps: dict[str, Any] = {
        "times": (9, 6, 3, 0),
        "root_bar": np.sqrt(bar),
        "root_rest": np.sqrt(1 - bar),
        "to_image": np.array([0.3, 0.5, 0.2, 0.9]),
        "to_state": np.array([-0.1, -0.4, -0.2, -1.0]),
        "sigma": np.array([0.4, 0.3, 0.2, 0.1]),
        "added": np.array([True, True, True, False]),
        "counted": np.ones(4, dtype=bool),
    }
    return ReverseProcess(**steps | changes)


def seen(of: ReverseProcess, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """x at a step, and what a network that knows image and noise returns for it."""
    r, s = float(of.root_bar[k]), float(of.root_rest[k])
    told = {"epsilon": EPS, "sample": X_0, "v_prediction": r * EPS - s * X_0}
    return r * X_0 + s * EPS, told[of.prediction]


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_image_and_noise_are_those_that_the_state_is_made_of(prediction: Any) -> None:
    steps = process(prediction=prediction)
    for k in range(steps.T):
        x, output = seen(steps, k)
        assert torch.allclose(steps.image(x, output, k), X_0, atol=1e-12)
        assert torch.allclose(steps.noise(x, output, k), EPS, atol=1e-12)


@pytest.mark.parametrize("to_noise", [0.0, np.array([0.7, 0.1, -0.2, 0.3])])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_drift_is_its_three_parts_with_a_limit_or_without(
    prediction: Any, to_noise: Any
) -> None:
    free = process(prediction=prediction, to_noise=to_noise)
    limited = replace(free, limit=clipping(1e6))
    for k in range(free.T):
        x, output = seen(free, k)
        share = np.broadcast_to(to_noise, 4)[k]
        parts = free.to_image[k] * X_0 + share * EPS + free.to_state[k] * x
        assert torch.allclose(free.drift(x, output, k), parts, atol=1e-12)
        assert torch.allclose(limited.drift(x, output, k), parts, atol=1e-12)


def test_left_out_the_noise_is_predicted_and_takes_no_part_in_the_drift() -> None:
    plain, told = process(), process(prediction="epsilon", to_noise=0.0, wide=True)
    x, output = seen(plain, 2)
    assert torch.equal(plain.drift(x, output, 2), told.drift(x, output, 2))
    assert torch.equal(plain.noise(x, output, 2), output)
    assert (plain.limit, plain.linear, plain.spread, plain.settings) == (None, None, None, {})


def test_given_coefficients_are_those_of_the_drift() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 0.5, 0.0, 7.0])
    steps = process(linear=(a, b))
    for k in range(4):
        x, output = seen(steps, k)
        assert torch.allclose(steps.drift(x, output, k), a[k] * x + b[k] * output)


def test_a_limit_cuts_the_image_at_either_side() -> None:
    clip = clipping(0.5)
    assert clip(torch.tensor([-2.0, -0.5, 0.1, 0.5, 3.0])).tolist() == pytest.approx(
        [-0.5, -0.5, 0.1, 0.5, 0.5]
    )


def test_a_drift_with_a_limit_is_added_up_in_float64_but_that_of_a_schedule() -> None:
    """The shipped records were made in the state's own precision."""
    x, eps = X_0.float(), EPS.float()
    wide, narrow = process(limit=clipping(1.0)), ReverseProcess.of_schedule(SCHEDULE, clip=1.0)
    assert wide.drift(x, eps, 1).dtype == torch.float64
    assert process(limit=clipping(1.0), wide=False).drift(x, eps, 1).dtype == torch.float32
    assert narrow.drift(x, eps, 1).dtype == torch.float32
    assert process().drift(x, eps, 1).dtype == torch.float32


@pytest.mark.parametrize("last_noise", [False, True])
def test_the_steps_of_a_schedule_are_all_of_it_from_noise_to_data(last_noise: bool) -> None:
    steps = ReverseProcess.of_schedule(SCHEDULE, "posterior", 0.5, last_noise)
    assert steps.times == (5, 4, 3, 2, 1, 0)
    assert steps.T == 6
    assert steps.root_bar == pytest.approx(np.sqrt(SCHEDULE.alpha_bar[::-1]), rel=1e-12)
    assert steps.root_bar**2 + steps.root_rest**2 == pytest.approx(np.ones(6))
    assert steps.sigma == pytest.approx(np.sqrt(SCHEDULE.posterior_variance[::-1]))
    assert steps.added.tolist() == [True] * 5 + [last_noise]
    assert steps.counted.tolist() == [True] * 6
    assert steps.settings == {
        "schedule": SCHEDULE.name,
        "T": 6,
        "variance": "posterior",
        "clip": 0.5,
        "last_noise": last_noise,
        "beta_1": 0.05,
        "beta_T": 0.6,
    }


def test_left_out_a_schedules_steps_are_hos_sampler() -> None:
    """Algorithm 2: sigma^2 = beta, no clipping, no noise in the last step."""
    steps = ReverseProcess.of_schedule(SCHEDULE)
    assert steps.limit is None
    assert steps.settings["clip"] is None
    assert steps.sigma == pytest.approx(np.sqrt(SCHEDULE.beta[::-1]))
    assert steps.added.tolist() == [True] * 5 + [False]


@pytest.mark.parametrize("clip", [0.0, -1.0, math.inf, math.nan, True, "1"])
def test_a_clip_that_is_no_range_is_refused(clip: Any) -> None:
    with pytest.raises(InputError, match=r"clip = .* None or a positive finite range"):
        ReverseProcess.of_schedule(SCHEDULE, clip=clip)


def test_a_true_image_within_the_clip_is_not_moved_by_it() -> None:
    """Both ways to the mean of q(x_{t-1} | x_t, x_0) are one; beyond the range they part."""
    inside = X_0 / X_0.abs().max()
    for t in range(SCHEDULE.T):
        x = math.sqrt(SCHEDULE.alpha_bar[t]) * inside + math.sqrt(1 - SCHEDULE.alpha_bar[t]) * EPS
        free, clipped, cut = (
            reverse_step(x, EPS, t, SCHEDULE, Z, clip=c)[1] for c in (None, 1 + 1e-9, 0.5)
        )
        assert torch.allclose(free, clipped, atol=1e-9)
        assert not torch.allclose(free, cut, atol=1e-3)


@pytest.mark.parametrize("t", range(6))
def test_a_step_is_the_state_its_drift_and_its_kick(t: int) -> None:
    beta, bar = SCHEDULE.beta[t], SCHEDULE.alpha_bar[t]
    mu = (X_0 - beta / math.sqrt(1 - bar) * EPS) / math.sqrt(1 - beta)
    quiet, drift, kick = reverse_step(X_0, EPS, t, SCHEDULE, Z)
    noisy, *same = reverse_step(X_0, EPS, t, SCHEDULE, Z, last_noise=True)
    assert torch.allclose(drift, mu - X_0, atol=1e-12)
    assert torch.allclose(kick, math.sqrt(beta) * Z, atol=1e-12)
    assert torch.allclose(noisy, mu + kick, atol=1e-12)
    assert torch.allclose(quiet, mu + kick if t else mu, atol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(same, (drift, kick), strict=True))
