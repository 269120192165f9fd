"""Bad input to schedules, sampler and closed form is answered in one clear line."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel

from rdverify.ddpm import (
    Schedule,
    expected_balance,
    final_ratio,
    forward_step,
    q_sample,
    reverse_step,
    sample,
)
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.denoisers import zero
from rdverify.tools.errors import InputError

SHORT = Schedule.linear(5)
X = torch.zeros((1, 1, 4, 4))


def unet(channels: int = 3, out: int = 3) -> UNet2DModel:
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=8,
        in_channels=channels,
        out_channels=out,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )


def nan_at(step: int):
    """A network that works until ``step`` (counted from 1) and then returns NaN."""
    calls = [0]

    def network(x, t):
        calls[0] += 1
        return torch.full_like(x, math.nan) if calls[0] == step else torch.zeros_like(x)

    return network


CASES = {
    "T of one": (lambda: Schedule.linear(1), "T = 1"),
    "T of zero": (lambda: Schedule.cosine(0), "T = 0"),
    "T not an integer": (lambda: Schedule.linear(10.5), "T = 10.5"),
    "one beta": (lambda: Schedule(np.array([0.1])), "T = 1"),
    "beta of zero": (lambda: Schedule(np.array([0.1, 0.0])), r"beta\[1\] = 0.0"),
    "beta of one": (lambda: Schedule(np.array([0.1, 1.0])), r"beta\[1\] = 1.0"),
    "negative beta": (lambda: Schedule.linear(10, -0.1), "beta_1 = -0.1"),
    "beta_T above one": (lambda: Schedule.linear(10, 0.1, 2.0), "beta_T = 2.0"),
    "beta that is not a number": (lambda: Schedule(np.array([0.1, math.nan])), r"beta\[1\] = nan"),
    "beta as 1/T with few steps": (lambda: Schedule.linear(10, scaling="1/T"), r"beta\[\d\] = "),
    "unknown direction": (lambda: Schedule.linear(10, direction="sideways"), "direction"),
    "unknown scaling": (lambda: Schedule.linear(10, scaling="T"), "scaling"),
    "unknown variance": (lambda: SHORT.sigma("learned"), "variance = 'learned'"),
    "index beyond T, forward": (lambda: forward_step(X, 5, SHORT, X), "t = 5"),
    "negative index": (lambda: q_sample(X, -1, SHORT, X), "t = -1"),
    "index beyond T, reverse": (lambda: reverse_step(X, X, 7, SHORT, X), "t = 7"),
    "clip range of zero": (lambda: reverse_step(X, X, 1, SHORT, X, clip=0.0), "clip = 0.0"),
    "no images": (lambda: sample(zero, SHORT, (1, 4, 4), images=0), "images = 0"),
    "images as a float": (lambda: sample(zero, SHORT, (1, 4, 4), images=2.0), "images = 2.0"),
    "images beyond memory": (
        lambda: sample(zero, SHORT, (1, 4, 4), images=10**12),
        "images = 1000",
    ),
    "seed that is no integer": (lambda: sample(zero, SHORT, (1, 4, 4), seed=1.7), "seed = 1.7"),
    "seed as a truth value": (
        lambda: sample(zero, SHORT, (1, 4, 4), seed=True),
        "seed = True",
    ),
    "half a pixel": (lambda: sample(zero, SHORT, (1, 4.5, 4)), "height = 4.5"),
    "half a step": (lambda: q_sample(X, 1.5, SHORT, X), "t = 1.5"),
    "clip that is no number": (lambda: sample(zero, SHORT, (1, 4, 4), clip="1"), "clip = '1'"),
    "rate that is a truth value": (lambda: TrainingConfig(learning_rate=True), "learning_rate"),
    "half a training step": (lambda: TrainingConfig(steps=1.5), "steps = 1.5"),
    "network of a file's name": (lambda: sample("folder", SHORT), r"load_pipeline\('folder'\)"),
    "network without a schedule": (lambda: sample(unet()), "schedule = None"),
    "too few generators": (
        lambda: sample(zero, SHORT, (1, 4, 4), images=2, generator=[torch.Generator()]),
        "generator",
    ),
    "batch of zero": (lambda: sample(zero, SHORT, (1, 4, 4), batch=0), "batch = 0"),
    "negative seed": (lambda: sample(zero, SHORT, (1, 4, 4), seed=-1), "seed = -1"),
    "integer state": (lambda: sample(zero, SHORT, (1, 4, 4), dtype=torch.int32), "dtype"),
    "no shape": (lambda: sample(zero, SHORT), "shape = None"),
    "flat shape": (lambda: sample(zero, SHORT, (16,)), "shape"),
    "not callable": (lambda: sample(object(), SHORT, (1, 4, 4)), "denoiser"),
    "grey shape for a colour model": (lambda: sample(unet(), SHORT, (1, 8, 8)), "channels = 1"),
    "grey image for a colour model": (
        lambda: sample(unet(), SHORT, images=2, initial=torch.zeros(2, 1, 8, 8)),
        "channels = 1",
    ),
    "too few initial images": (
        lambda: sample(zero, SHORT, images=3, initial=torch.zeros(2, 1, 4, 4)),
        "initial.shape",
    ),
    "initial image with NaN": (
        lambda: sample(zero, SHORT, images=1, initial=X * math.nan),
        "initial",
    ),
    "network that also predicts the variance": (
        lambda: sample(unet(3, 6), SHORT, images=1),
        "out_channels = 6",
    ),
    "output of another shape": (
        lambda: sample(lambda x, t: x[:1], SHORT, (1, 4, 4)),
        "output shape at t = 4",
    ),
    "output that is no tensor": (
        lambda: sample(lambda x, t: 3.0, SHORT, (1, 4, 4)),
        "output = float",
    ),
    "NaN at step 1": (lambda: sample(nan_at(1), SHORT, (1, 4, 4)), r"step 1 of 5 \(t = 4\)"),
    "NaN at step 3": (lambda: sample(nan_at(3), SHORT, (1, 4, 4)), r"step 3 of 5 \(t = 2\)"),
    "NaN at the last step": (lambda: sample(nan_at(5), SHORT, (1, 4, 4)), r"step 5 of 5 \(t = 0\)"),
    "v-prediction under a schedule of one's own": (
        lambda: sample(
            DDPMPipeline(unet(), DDPMScheduler(5, prediction_type="v_prediction")), SHORT
        ),
        "prediction_type = 'v_prediction'",
    ),
    "x0-prediction": (
        lambda: Schedule.from_scheduler(DDIMScheduler(5, prediction_type="sample")),
        "prediction_type = 'sample'",
    ),
    "learned variance": (
        lambda: sample(DDPMPipeline(unet(), DDPMScheduler(5, variance_type="learned"))),
        "out_channels = 3",
    ),
    "scheduler without betas": (
        lambda: Schedule.from_scheduler(
            SimpleNamespace(config=SimpleNamespace(prediction_type="epsilon"))
        ),
        "scheduler",
    ),
    "zero-SNR schedule, beta of one": (
        lambda: Schedule.from_scheduler(DDPMScheduler(10, rescale_betas_zero_snr=True)),
        r"beta\[9\]",
    ),
    "no pixels": (lambda: expected_balance(SHORT, 0, 1.0), "dimension = 0"),
    "negative mean square": (lambda: expected_balance(SHORT, 4, -1.0), "mean_square"),
    "mean square NaN": (lambda: expected_balance(SHORT, 4, math.nan), "mean_square"),
    "no mean squares": (lambda: expected_balance(SHORT, 4, np.array([])), "mean_square"),
    "no trajectories": (lambda: expected_balance(SHORT, 4, 1.0).monte_carlo_error(0), "n = 0"),
    "error above d": (lambda: final_ratio(5.0, 4), "mmse = 5.0"),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_named_in_one_line(name):
    call, words = CASES[name]
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert "must be" in str(caught.value)


def test_float32_overflow_is_named_too():
    """A network that multiplies its input by 1e12 overflows float32 at a named step."""
    with pytest.raises(InputError, match=r"at step 2 of 5 \(t = 3\) = NaN or infinity"):
        sample(lambda x, t: 1e12 * x, SHORT, (1, 4, 4), images=2)


def test_a_failed_run_leaves_the_network_in_its_mode():
    network = unet()
    network.train()
    with pytest.raises(InputError):
        sample(network, SHORT, (1, 8, 8))
    assert network.training
