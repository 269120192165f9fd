"""What ``sample`` promises besides its numbers: defaults, ends, progress, and when it stops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler

from rdverify.ddpm import Schedule, of_scheduler, sample, sampler
from rdverify.ddpm.denoisers import zero
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter

SHORT = Schedule.linear(5, 0.1, 0.4)
SHAPE = (1, 2, 3)


def half(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return 0.5 * x


class Told(Reporter):
    """Remembers what was begun, and every advance of it."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.steps = 0

    def task(self, name: str, total: int) -> Any:
        self.begun.append((name, total))
        return self

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps += steps


def test_left_out_it_makes_16_images_from_seed_0_in_one_batch_without_last_noise() -> None:
    left_out, trace = sample(half, SHORT, SHAPE)
    options: dict[str, Any] = {"variance": "beta", "clip": False, "last_noise": False}
    told, same = sample(half, SHORT, SHAPE, 16, 0, batch=16, **options)
    assert torch.equal(left_out, told)
    assert trace.react.shape == (16, 5)
    assert np.array_equal(trace.diff, same.diff)
    assert np.all(trace.extras["added"][:, -1] == 0)


@pytest.mark.parametrize(("images", "batch"), [(1, None), (5, 2), (4, 2), (3, 7), (3, 1)])
def test_progress_is_told_the_steps_that_the_network_is_asked_for(
    images: int, batch: int | None
) -> None:
    told, asked = Told(), []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.append((len(x), t.tolist()))
        return zero(x, t)

    sample(network, SHORT, SHAPE, images, batch=batch, progress=told, name="these")
    assert told.begun == [("these", len(asked))]
    assert told.steps == len(asked) == 5 * math.ceil(images / (batch or images))
    assert sum(n for n, _ in asked) == 5 * images
    assert all(times == [times[0]] * n for n, times in asked)
    assert [times[0] for _, times in asked][:5] == [4, 3, 2, 1, 0]


def test_the_record_says_what_it_was_made_from() -> None:
    _, trace = sample(half, SHORT, SHAPE, 2, 7)
    assert trace.system == "DDPM"
    assert trace.config["seed"] == 7
    assert trace.config["shape"] == [1, 2, 3]
    assert trace.config["dtype"] == "float32"
    assert trace.config["schedule"] == SHORT.name
    given = [torch.Generator().manual_seed(k) for k in (3, 9)]
    _, other = sample(half, SHORT, SHAPE, 2, 7, generator=given)
    assert other.config["seed"] is None
    assert tuple(other.seeds) == (3, 9)


def test_a_given_start_leaves_the_noise_as_it_is() -> None:
    start = torch.full((2, *SHAPE), 0.5)
    seen: list[torch.Tensor] = []
    _, trace = sample(half, SHORT, SHAPE, 2, initial=start, observe=lambda t, x, e: seen.append(x))
    assert torch.equal(seen[0], start)
    assert np.array_equal(trace.diff, sample(half, SHORT, SHAPE, 2)[1].diff)


def test_change_is_the_norm_of_drift_and_noise_together() -> None:
    states: list[torch.Tensor] = []
    images, trace = sample(
        half,
        SHORT,
        SHAPE,
        3,
        dtype=torch.float64,
        last_noise=True,
        observe=lambda t, x, eps: states.append(x.clone()),
    )
    states.append(images)
    moved = [(b - a).flatten(1).norm(dim=1).tolist() for a, b in itertools.pairwise(states)]
    assert trace.extras["change"] == pytest.approx(np.array(moved).T, rel=1e-9)


@pytest.mark.parametrize("kind", ["learned", "fixed_small", "fixed_large"])
def test_each_step_of_a_scheduler_has_the_noise_of_its_own_stream(kind: str) -> None:
    """A network may say its variance, here 0.04 of the first pixel and 0.25 of the others."""
    scheduler = DDPMScheduler(num_train_timesteps=5, variance_type=kind, clip_sample=False)
    process, said = of_scheduler(scheduler), torch.tensor([0.2, 0.5, 0.5]).double()
    states: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        x.mul_(0.5)  # what it does to its own copy is its own affair
        return torch.cat([x, 0 * x + said**2], dim=1) if kind == "learned" else x

    options: dict[str, Any] = {"seed": 3, "dtype": torch.float64}
    options["observe"] = lambda t, x, eps: states.append(x.clone())
    images, trace = sample(network, process, SHAPE, 1, **options)
    stream = torch.Generator().manual_seed(trace.seeds[0])
    draws = [torch.empty(SHAPE, dtype=torch.float64).normal_(generator=stream) for _ in range(6)]
    assert torch.equal(states[0][0], draws[0])
    for k, (x, after) in enumerate(itertools.pairwise([*states, images])):
        drift = process.drift(x, 0.5 * x, k)[0]
        kick = (said if kind == "learned" else float(process.sigma[k])) * draws[k + 1]
        assert trace.react[0, k] == pytest.approx(float(drift.norm()), rel=1e-9)
        assert trace.diff[0, k] == pytest.approx(float(kick.norm()) * process.counted[k], rel=1e-9)
        assert trace.extras["epsilon"][0, k] == pytest.approx(float(0.5 * x.norm()), rel=1e-9)
        assert torch.allclose(after[0], x[0] + drift + kick * bool(process.added[k]), rtol=1e-9)
        assert (trace.extras["added"][0, k] == 0) == (k == 4)


class Weighted(torch.nn.Module):
    """A network of some precision that remembers in which it was asked."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.ones((), dtype=dtype)), set()

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        self.asked.add(x.dtype)
        return 0.5 * x


@pytest.mark.parametrize("own", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_network_is_asked_in_its_own_precision_and_the_state_is_no_half(own: torch.dtype) -> None:
    network = Weighted(own)
    images, trace = sample(network, SHORT, SHAPE, 1)
    assert network.asked == {own}
    state = torch.float64 if own == torch.float64 else torch.float32
    assert images.dtype == state
    assert trace.config["dtype"] == str(state).removeprefix("torch.")
    assert sample(network, SHORT, SHAPE, 1, dtype=torch.float64)[0].dtype == torch.float64


@pytest.mark.parametrize("images", [1, 4])
def test_the_norm_of_each_image_is_its_own(images: int) -> None:
    values = torch.randn((images, 2, 3, 4), generator=torch.Generator().manual_seed(1))
    exact = [float(np.sqrt(np.sum(one.double().numpy() ** 2))) for one in values]
    assert sampler.norm(values).tolist() == pytest.approx(exact, rel=1e-6)
    assert sampler.norm(values.half()).dtype == torch.float32
    assert sampler.norm(values.double()).dtype == torch.float64


@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_network_that_fails_is_asked_no_more(step: int) -> None:
    asked = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.append(int(t[0]))
        return x * (math.nan if len(asked) == step else 1)

    with pytest.raises(InputError, match=rf"at step {step} of 5 \(t = {5 - step}\)"):
        sample(network, SHORT, SHAPE, 2)
    assert len(asked) == step


def test_on_a_gpu_every_fiftieth_step_and_the_last_are_looked_at() -> None:
    for device, steps in (("cpu", range(120)), ("cuda", (49, 99, 119)), ("mps", (49, 99, 119))):
        assert [k for k in range(120) if sampler._is_looked_at(k, 120, device)] == list(steps)


def test_of_several_steps_that_are_not_finite_the_first_is_named() -> None:
    process = sampler.ReverseProcess.of_schedule(SHORT)
    norms = torch.ones((4, 5, 3))
    for k in range(5):
        sampler._check_finite(norms, k, process)
    norms[3, 2, 1], norms[0, 4, 0] = math.inf, math.nan
    sampler._check_finite(norms, 1, process)  # what comes later is not looked at yet
    for k in (2, 3, 4):
        with pytest.raises(InputError, match=r"at step 3 of 5 \(t = 2\) = NaN or infinity"):
            sampler._check_finite(norms, k, process)


def test_numbers_of_images_seeds_and_batches_end_where_they_are_said_to() -> None:
    for images, seed, batch in ((1, 0, None), (10**6, 0, 1), (1, 2**40, 10**9)):
        sampler.check_draws(images, seed, batch)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no image": (lambda: sampler.check_draws(0, 0, None), "images = 0"),
    "one too many": (lambda: sampler.check_draws(10**6 + 1, 0, None), "at most 1000000"),
    "negative seed": (lambda: sampler.check_draws(1, -1, None), "seed = -1"),
    "empty batch": (lambda: sampler.check_draws(1, 0, 0), "batch = 0"),
    "dtype by its name": (lambda: sample(zero, SHORT, SHAPE, dtype="float32"), "dtype = 'float32'"),
    "whole numbers": (lambda: sample(zero, SHORT, SHAPE, dtype=torch.int64), "dtype = torch.int64"),
}
for name, given in {
    "seeds": [1, 2],
    "one too few": [torch.Generator()],
    "one too many generators": [torch.Generator()] * 3,
    "one generator and a seed": [torch.Generator(), 2],
}.items():
    REFUSED[name] = (
        lambda given=given: sample(zero, SHORT, SHAPE, 2, generator=given),
        "generator = .* one for each of 2 images",
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_can_not_draw_from_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()
