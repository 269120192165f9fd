"""Foreign pipelines: the images they make themselves, every precision, and left as they were."""

from __future__ import annotations

import copy
import math
import warnings

import diffusers
import numpy as np
import pytest
import torch
from diffusers import (
    DDIMPipeline,
    DDIMScheduler,
    DDPMParallelScheduler,
    DDPMPipeline,
    DDPMScheduler,
    UNet1DModel,
    UNet2DConditionModel,
    UNet2DModel,
)

from rdverify import balance_of
from rdverify.ddpm import (
    ForClass,
    ReverseProcess,
    Schedule,
    expected_balance,
    expected_of,
    of_scheduler,
    sample,
)
from rdverify.tools.errors import InputError

SHORT = Schedule.linear(5)


def unet(channels: int = 1, out: int | None = None, seed: int = 0, **more) -> UNet2DModel:
    torch.manual_seed(seed)
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}
    shape = {"sample_size": (8, 12), "in_channels": channels, "out_channels": out or channels}
    sizes = {"layers_per_block": 1, "block_out_channels": (8, 8), "norm_num_groups": 4}
    return UNet2DModel(**blocks, **shape, **sizes, **more).eval()


def quiet(pipeline):
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def streams(n: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(100 + k) for k in range(n)]


def shown(images: torch.Tensor) -> np.ndarray:
    """As a pipeline shows them."""
    return (images / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()


# --- the pipeline's own images ----------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "options"),
    [
        (3, {}),
        (3, {"variance_type": "fixed_large", "prediction_type": "v_prediction"}),
        (3, {"prediction_type": "sample", "thresholding": True, "clip_sample": False}),
        (6, {"variance_type": "learned_range"}),
    ],
)
@pytest.mark.parametrize("one", [False, True])
@pytest.mark.twice
def test_a_ddpm_pipeline_gives_the_images_that_it_makes_itself(out, options, one):
    pipeline = quiet(DDPMPipeline(unet(3, out), DDPMScheduler(num_train_timesteps=30, **options)))
    generator = (lambda: streams(2)[0]) if one else (lambda: streams(2))
    theirs = pipeline(2, generator(), num_inference_steps=10, output_type="np").images
    ours, trace = sample(pipeline, images=2, generator=generator())  # set_timesteps is kept
    assert np.allclose(shown(ours), theirs, atol=1e-5)
    assert trace.steps == 10
    assert trace.seeds == (() if one else (100, 101))


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
def test_a_ddim_pipeline_gives_the_images_that_it_makes_itself(eta):
    scheduler = DDIMScheduler(num_train_timesteps=40, clip_sample=False)
    pipeline = quiet(DDIMPipeline(unet(), scheduler))
    theirs = pipeline(3, streams(3), eta=eta, num_inference_steps=8, output_type="np").images
    process = of_scheduler(pipeline.scheduler, 8, eta)
    ours, trace = sample(pipeline, process, images=3, generator=streams(3), batch=2)
    assert np.allclose(shown(ours), theirs, atol=1e-5)
    assert np.all((trace.diff > 0) == (np.arange(8) < 7) * (eta > 0))


def test_a_schedulers_own_steps_are_used_and_it_is_left_alone():
    scheduler = DDPMScheduler(num_train_timesteps=40)
    scheduler.set_timesteps(10)
    before = (scheduler.timesteps.clone(), scheduler.num_inference_steps)
    network = DDPMPipeline(unet(), scheduler)
    assert sample(network, images=1)[1].steps == 10
    assert of_scheduler(scheduler, 4).times == (30, 20, 10, 0)
    assert torch.equal(before[0], scheduler.timesteps)
    assert scheduler.num_inference_steps == before[1]
    scheduler.set_timesteps(timesteps=[39, 20, 3])
    assert of_scheduler(scheduler).times == (39, 20, 3)
    assert of_scheduler(DDPMScheduler(num_train_timesteps=7)).T == 7
    assert of_scheduler(DDIMScheduler(num_train_timesteps=7)).T == 7


OTHERS = [
    "DDIMInverseScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
    "UnCLIPScheduler",
]


@pytest.mark.parametrize("name", OTHERS)
def test_a_scheduler_of_another_kind_is_refused_not_taken_for_a_ddpm(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some say that a default of theirs is old
        scheduler = getattr(diffusers, name)()
    with pytest.raises(InputError, match=f"scheduler = {name} .*DDPMScheduler or a DDIMScheduler"):
        sample(unet(), scheduler)


def test_a_subclass_counts_by_its_step():
    class Renamed(DDPMScheduler):
        pass

    class Other(DDPMScheduler):
        def step(self, *args, **kwargs):
            raise AssertionError

    images = sample(unet(), DDPMScheduler(num_train_timesteps=4), images=1)[0]
    for kin in (Renamed, DDPMParallelScheduler):
        assert torch.equal(sample(unet(), kin(num_train_timesteps=4), images=1)[0], images)
    with pytest.raises(InputError, match="scheduler = Other"):
        sample(unet(), Other(num_train_timesteps=4))


def test_where_the_last_step_has_no_noise_its_ratio_is_undefined_and_all_else_stands():
    small, large = (
        sample(unet(), DDPMScheduler(num_train_timesteps=30, variance_type=kind), images=2)[1]
        for kind in ("fixed_small", "fixed_large")
    )
    balance = balance_of(small)
    assert np.all(small.diff[:, -1] == 0)
    assert np.isfinite(balance.r_runs).all()
    assert np.isfinite(balance.r_t[:, :-1]).all()
    assert np.all(large.diff[:, -1] > 0)  # drawn and counted
    assert np.all(large.extras["added"][:, -1] == 0)  # but not added


# --- precision --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_pipeline_of_any_precision_is_measured_without_a_word(dtype):
    scheduler = DDPMScheduler(num_train_timesteps=12, variance_type="fixed_large")
    images, trace = sample(DDPMPipeline(unet().to(dtype), scheduler), images=2)
    state = torch.float64 if dtype == torch.float64 else torch.float32
    assert images.dtype == state
    _, single = sample(unet().to(state), scheduler, images=2)
    assert np.allclose(trace.react, single.react, rtol=0.02)
    assert np.array_equal(trace.diff, single.diff)


def test_norms_of_a_state_in_half_precision_are_not_in_half_precision():
    states = []
    images, trace = sample(
        lambda x, t: x,
        SHORT,
        (1, 32, 32),
        images=2,
        dtype=torch.bfloat16,
        observe=lambda t, x, eps: states.append(eps.clone()),
    )
    assert images.dtype == torch.bfloat16
    for k, eps in enumerate(states):
        exact = eps.double().flatten(1).norm(dim=1).numpy()
        assert trace.extras["epsilon"][:, k] == pytest.approx(exact, rel=1e-6)


def test_the_default_device_does_not_matter():
    before, _ = sample(unet(), SHORT, images=2)
    network = unet()
    torch.set_default_device("meta")
    try:
        images, _ = sample(network, SHORT, images=2)
    finally:
        torch.set_default_device(None)
    assert torch.equal(images, before)


# --- networks of other kinds ------------------------------------------------------------


def test_a_class_conditional_network_is_asked_for_its_class():
    network = unet(num_class_embeds=4)
    with pytest.raises(InputError, match=r"class_label = None .* from 0 to 3"):
        sample(network, SHORT, images=1)
    for label in (4, -1, 1.0, True):
        with pytest.raises(InputError, match="class_label = "):
            ForClass(network, label)
    with pytest.raises(InputError, match="knows no classes"):
        ForClass(unet(), 1)
    images, _ = sample(ForClass(network, 2), SHORT, images=2)
    same, _ = sample(lambda x, t: network(x, t, torch.tensor([2, 2])), SHORT, (1, 8, 12), images=2)
    assert torch.equal(images, same)
    assert not torch.equal(images, sample(ForClass(network, 3), SHORT, images=2)[0])


def test_networks_that_need_more_than_an_image_are_refused_before_memory_is_asked_for():
    line = UNet1DModel(sample_size=65536, block_out_channels=(8, 8, 8), layers_per_block=1)
    text = UNet2DConditionModel(
        sample_size=65536,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        cross_attention_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    for network, name in ((line, "UNet1DModel"), (text, "UNet2DConditionModel")):
        with pytest.raises(InputError, match=f"network = '{name}' .* UNet2DModel"):
            sample(network, SHORT)
    with pytest.raises(InputError, match="network = 'DDPMPipeline'"):
        sample(DDPMPipeline(unet(), None), SHORT)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_size_and_number_of_channels(channels):
    images, trace = sample(
        unet(channels), DDPMScheduler(num_train_timesteps=3), (channels, 20, 4), 2
    )
    assert images.shape == (2, channels, 20, 4)
    assert trace.config["shape"] == [channels, 20, 4]


# --- what measuring leaves behind -------------------------------------------------------


class Restless(torch.nn.Module):
    """Draws from the global generator, and writes into its buffers and puts others there."""

    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.ReLU(inplace=True), torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Dropout()
        )
        self.norm = torch.nn.BatchNorm2d(1)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("nothing", None)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen = self.seen + x.mean()
        self.nothing = x
        torch.rand(1)
        assert not torch.is_grad_enabled()
        assert not any(module.training for module in self.modules())
        return self.norm(self.body(x))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("modes", [(False, True, False), (True, False, True), (False,) * 3])
def test_measuring_leaves_a_network_as_it_was(modes, fails):
    network = Restless()
    for module, mode in zip((network, network.norm, network.body[2]), modes, strict=True):
        module.training = mode
    modes = [module.training for module in network.modules()]
    buffers = dict(network.named_buffers())
    before, random = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    if fails:
        network.norm.weight.data.fill_(math.nan)
        before["norm.weight"] = network.norm.weight.detach().clone()
        with pytest.raises(InputError, match="step 1 of 5"):
            sample(network, SHORT, (1, 6, 6), images=2)
    else:
        sample(network, SHORT, (1, 6, 6), images=2)
    assert [module.training for module in network.modules()] == modes
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[k], before[k]) or k == "norm.weight" for k in before)
    assert all(buffer is buffers[name] for name, buffer in network.named_buffers())
    assert network.nothing is None
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_a_network_that_works_in_place_gives_the_right_numbers():
    convolution = torch.nn.Conv2d(1, 1, 3, padding=1)

    def in_place(x, t):
        return convolution(torch.nn.functional.relu_(x)).mul_(0.5)

    def apart(x, t):
        return convolution(torch.relu(x)) * 0.5

    for first, second in ((lambda x, t: x.mul_(0.5), lambda x, t: x * 0.5), (in_place, apart)):
        ours, trace = sample(first, SHORT, (1, 6, 6), images=2)
        theirs, same = sample(second, SHORT, (1, 6, 6), images=2)
        assert torch.equal(ours, theirs)
        assert np.array_equal(trace.react, same.react)


# --- the schedule's closed form ---------------------------------------------------------


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_the_closed_form_of_steps_is_that_of_their_schedule(variance):
    schedule = Schedule.cosine(60)
    process = ReverseProcess.of_schedule(schedule, variance, clip=1.0)
    for d, m2 in ((1, 0.3), (48, np.array([0.1, 2.0])), (3072, 0.0)):
        exact, found = expected_balance(schedule, d, m2, variance), expected_of(process, d, m2)
        for name in ("react_t", "diff_t", "react_std_t", "diff_std_t"):
            assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize(
    ("kind", "options", "eta"),
    [
        (DDPMScheduler, {"variance_type": "fixed_large"}, 0.0),
        (DDPMScheduler, {"timestep_spacing": "trailing", "clip_sample_range": 5.0}, 0.0),
        (DDIMScheduler, {"clip_sample": False}, 0.5),
        (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}, 1.0),
    ],
)
def test_the_closed_form_agrees_with_monte_carlo(kind, options, eta, prediction):
    """Drift on x = r x_0 + s eps, from what a perfect network would return."""
    scheduler = kind(num_train_timesteps=50, prediction_type=prediction, **options)
    process, n, d = of_scheduler(scheduler, 10, eta), 4000, 6
    x_0 = torch.linspace(-1, 1, d, dtype=torch.float64).expand(n, d)
    expected = expected_of(process, d, float(x_0[0].square().mean()))
    for k in range(process.T):
        generator = torch.Generator().manual_seed(k)
        eps = torch.randn((n, d), generator=generator, dtype=torch.float64)
        r, s = process.root_bar[k], process.root_rest[k]
        x = r * x_0 + s * eps
        output = {"epsilon": eps, "sample": x_0, "v_prediction": r * eps - s * x_0}[prediction]
        norms = process.drift(x, output, k).norm(dim=1).numpy()
        error = norms.std() / math.sqrt(n)
        assert abs(norms.mean() - expected.react_t[k]) <= 4 * error + 1e-7
        assert norms.std() == pytest.approx(expected.react_std_t[k], rel=0.1, abs=1e-7)
