"""A diffusers scheduler's step, taken apart into drift and noise, against its own ``step``."""

from __future__ import annotations

import copy
from typing import Any
from unittest import mock

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from rdverify.ddpm import of_scheduler, sample
from rdverify.ddpm.schedulers import VARIANCES
from rdverify.tools.errors import InputError

SHAPE, IMAGES = (3, 12, 16), 2
DTYPES = {torch.float32: 1e-6, torch.float64: 1e-12}
BETAS = ["linear", "scaled_linear", "squaredcos_cap_v2"]
LAPLACE = Version(diffusers.__version__) >= Version("0.33")
common = {
    "num_train_timesteps": st.integers(4, 40),
    "prediction_type": st.sampled_from(["epsilon", "sample", "v_prediction"]),
    "timestep_spacing": st.sampled_from(["leading", "linspace", "trailing"]),
    "steps_offset": st.integers(0, 1),
    "rescale_betas_zero_snr": st.booleans(),
    "clip_sample": st.booleans(),
    "clip_sample_range": st.sampled_from([0.5, 1.0, 2.0]),
    "thresholding": st.booleans(),
    "sample_max_value": st.sampled_from([1.0, 1.5]),
}
ddpm = st.fixed_dictionaries(
    {
        **common,
        "beta_schedule": st.sampled_from([*BETAS, "sigmoid", *(["laplace"] if LAPLACE else [])]),
        "variance_type": st.sampled_from(VARIANCES),
    }
)
ddim = st.fixed_dictionaries(
    {**common, "beta_schedule": st.sampled_from(BETAS), "set_alpha_to_one": st.booleans()}
)


class Network:
    """A smooth function of state and time in place of a network; it remembers what it said."""

    def __init__(self, variance: str = "") -> None:
        self.variance, self.said = variance, []

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        phase = torch.cos(t.to(x.dtype))[:, None, None, None]
        output = 0.7 * torch.tanh(x) - 0.2 * torch.roll(x, 1, dims=-1).clamp(-1, 1) + 0.1 * phase
        if self.variance == "learned":  # a variance
            output = torch.cat([output, 0.01 + 0.1 * torch.sigmoid(x)], dim=1)
        if self.variance == "learned_range":  # a share, from -1 to 1
            output = torch.cat([output, torch.tanh(x + phase)], dim=1)
        self.said.append(output)
        return output


def their_step(
    scheduler: Any, output: torch.Tensor, t: int, x: torch.Tensor, z: torch.Tensor, eta: float
) -> torch.Tensor:
    """What diffusers' own ``step`` makes of x, with z for the noise that it would draw."""
    if isinstance(scheduler, DDIMScheduler):
        return scheduler.step(output, t, x, eta=eta, variance_noise=z).prev_sample
    with mock.patch("diffusers.schedulers.scheduling_ddpm.randn_tensor", return_value=z):
        return scheduler.step(output, t, x).prev_sample


def held_against_diffusers(
    scheduler: Any, steps: int | None, eta: float, dtype: torch.dtype, variance: str = ""
) -> None:
    """Every step of a chain: both norms, and the state that it leads to."""
    network, states = Network(variance), []
    process = of_scheduler(scheduler, steps, eta)
    images, trace = sample(
        network,
        process,
        SHAPE,
        IMAGES,
        seed=3,
        dtype=dtype,
        observe=lambda t, x, eps: states.append(x.clone()),
    )
    states.append(images)
    own = copy.deepcopy(scheduler)
    if steps is not None:
        own.set_timesteps(steps)
    assert process.times == tuple(own.timesteps.tolist())
    streams = [torch.Generator().manual_seed(seed) for seed in trace.seeds]
    draws = [
        torch.stack([torch.empty(SHAPE, dtype=dtype).normal_(generator=g) for g in streams])
        for _ in range(trace.steps + 1)
    ]
    assert torch.equal(states[0], draws[0])
    rel = DTYPES[dtype]
    for k, t in enumerate(process.times):
        x, output, z = (a.double() for a in (states[k], network.said[k], draws[k + 1]))
        mean = their_step(own, output, t, x, torch.zeros_like(z), eta)
        after = their_step(own, output, t, x, z, eta)
        scale = x.flatten(1).norm(dim=1).numpy()
        for ours, theirs in (
            (trace.react[:, k], mean - x),
            (trace.extras["added"][:, k], after - mean),
        ):
            error = np.abs(ours - theirs.flatten(1).norm(dim=1).numpy())
            # their difference of two states is rounded; noise of a variance of 1e-20 is none
            least = 1e-14 * scale + (0 if process.counted[k] else 1e-8)
            assert np.all(error <= rel * np.abs(ours) + least), (k, t)
        off = (states[k + 1] - after).flatten(1).norm(dim=1)
        assert torch.all(off <= rel * (after.flatten(1).norm(dim=1) + x.flatten(1).norm(dim=1)))


def works_in_diffusers(scheduler: Any, steps: int | None, eta: float, variance: str) -> bool:
    """Whether diffusers' own chain comes to its end, with finite numbers."""
    own, network = copy.deepcopy(scheduler), Network(variance)
    if steps is not None:
        own.set_timesteps(steps)
    if own.timesteps.min() < 0:  # rounding led one step beyond 0, where an index wraps round
        return False
    x, z = torch.randn((2, 1, *SHAPE), generator=torch.Generator().manual_seed(1))
    try:
        for t in own.timesteps:
            x = their_step(own, network(x, t[None]), int(t), x, z, eta)
    except IndexError:  # a time beyond the schedule
        return False
    return bool(torch.isfinite(x).all())


def held(scheduler: Any, steps: int | None, eta: float, dtype: torch.dtype, kind: str = "") -> None:
    """Each step is diffusers'; refused is what diffusers can't do."""
    try:
        of_scheduler(scheduler, steps, eta)
    except InputError:
        assert not works_in_diffusers(scheduler, steps, eta, kind)
    else:
        held_against_diffusers(scheduler, steps, eta, dtype, kind)


@given(ddpm, st.floats(0.1, 1), st.booleans(), st.sampled_from(list(DTYPES)))
@pytest.mark.twice
def test_a_ddpm_step_is_diffusers_own(config, share, some, dtype):
    steps = max(1, int(share * config["num_train_timesteps"])) if some else None
    held(DDPMScheduler(**config), steps, 0.0, dtype, config["variance_type"])


@given(ddim, st.floats(0.1, 1), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from(list(DTYPES)))
@pytest.mark.twice
def test_a_ddim_step_is_diffusers_own(config, share, eta, dtype):
    steps = max(1, int(share * config["num_train_timesteps"]))
    held(DDIMScheduler(**config), steps, eta, dtype)
