"""What is taken of a diffusers scheduler, what the record says of it, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from rdverify.ddpm import ReverseProcess, of_scheduler
from rdverify.ddpm.schedulers import LEAST_VARIANCE, VARIANCES, _check, _Levels, is_scheduler
from rdverify.tools.errors import InputError

T = 12


def ddpm(**options: Any) -> DDPMScheduler:
    return DDPMScheduler(num_train_timesteps=T, **options)


def ddim(**options: Any) -> DDIMScheduler:
    return DDIMScheduler(num_train_timesteps=T, **options)


def with_times(*times: int) -> DDPMScheduler:
    scheduler = ddpm()
    scheduler.timesteps = torch.tensor(times)
    return scheduler


def test_a_scheduler_has_a_step_settings_and_times() -> None:
    parts = {"step": None, "config": None, "set_timesteps": None}
    assert is_scheduler(SimpleNamespace(**parts))
    for name in parts:
        assert not is_scheduler(SimpleNamespace(**{k: v for k, v in parts.items() if k != name}))
        assert not is_scheduler(SimpleNamespace(**{name: None}))


@pytest.mark.parametrize("made", [ddpm, ddim])
def test_steps_are_those_asked_for_or_set_before_or_all(made: Callable[[], Any]) -> None:
    assert of_scheduler(made()).times == tuple(range(T - 1, -1, -1))
    assert of_scheduler(made(), T).T == T
    assert of_scheduler(made(), 1).T == 1
    scheduler = made()
    scheduler.set_timesteps(4)
    assert of_scheduler(scheduler).times == (9, 6, 3, 0)
    assert of_scheduler(scheduler, 3).times == (8, 4, 0)


@pytest.mark.parametrize("kind", VARIANCES)
def test_sigma_is_the_root_of_the_kinds_variance(kind: str) -> None:
    process = of_scheduler(ddpm(variance_type=kind))
    bar = process.root_bar**2
    before = np.append(bar[1:], 1.0)
    beta = 1 - bar / before
    posterior = (1 - before) / (1 - bar) * beta
    small = kind.startswith("fixed_small")
    assert process.sigma**2 == pytest.approx(posterior if small else beta, rel=1e-4, abs=1e-9)
    assert process.added.tolist() == [True] * (T - 1) + [False]
    assert process.counted.tolist() == [True] * (T - 1) + [kind in ("fixed_large", "learned")]
    assert (process.spread is not None) == kind.startswith("learned")


def test_a_network_says_a_variance_or_where_between_posterior_and_beta_it_lies() -> None:
    said, k = torch.tensor([0.04, 0.25]), 3
    spread = of_scheduler(ddpm(variance_type="learned")).spread
    assert spread is not None
    assert spread(said, k).tolist() == pytest.approx([0.2, 0.5])
    ends = [of_scheduler(ddpm(variance_type=f"fixed_{end}")) for end in ("small", "large")]
    low, high = (float(one.sigma[k]) for one in ends)
    ranged = of_scheduler(ddpm(variance_type="learned_range")).spread
    assert ranged is not None
    found = ranged(torch.tensor([-1.0, 0.0, 1.0]), k).tolist()
    assert found == pytest.approx([low, (low * high) ** 0.5, high], rel=1e-5)


def test_what_a_learned_range_adds_counts_where_the_posterior_has_no_variance() -> None:
    for kind, counted in (("learned_range", True), ("fixed_small", False)):
        scheduler = ddpm(variance_type=kind)
        scheduler.set_timesteps(timesteps=[9, 5, 3])
        process = of_scheduler(scheduler)
        assert process.added.tolist() == [True] * 3
        assert process.counted.tolist() == [True, True, counted]


def test_a_variance_at_diffusers_guard_is_no_noise() -> None:
    levels = _Levels(ddpm(), "DDPM")
    levels.variance[1:4] = torch.tensor([1, 2, 0]) * LEAST_VARIANCE
    assert levels.ddpm()["counted"].tolist() == [True, False, True] + [False] + [True] * 7 + [False]


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddims_noise_is_eta_times_the_posteriors(eta: float) -> None:
    process, posterior = of_scheduler(ddim(), T, eta), of_scheduler(ddpm(), T)
    assert process.sigma[:-1] == pytest.approx(eta * posterior.sigma[:-1], rel=1e-4)
    assert process.sigma[-1] == 0
    assert process.added.tolist() == process.counted.tolist() == [eta > 0] * (T - 1) + [False]


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("eta", [None, 0.0, 0.6])
def test_with_the_true_image_and_noise_a_step_leads_to_the_mean_of_its_law(
    prediction: Any, eta: float | None
) -> None:
    """DDPM: that of q(x_{t-1} | x_t, x_0), by Bayes' rule. DDIM: image and what noise is left."""
    options = {"prediction_type": prediction, "clip_sample": False}
    process = (
        of_scheduler(ddpm(**options)) if eta is None else of_scheduler(ddim(**options), T, eta)
    )
    x_0, eps = torch.tensor([0.3, -1.1]).double(), torch.tensor([-0.7, 0.4]).double()
    bars = np.append(process.root_bar**2, 1.0)
    assert process.root_bar**2 + process.root_rest**2 == pytest.approx(np.ones(T), rel=1e-6)
    for k, (bar, before) in enumerate(itertools.pairwise(bars.tolist())):
        r, s = math.sqrt(bar), math.sqrt(1 - bar)
        output = {"epsilon": eps, "sample": x_0, "v_prediction": r * eps - s * x_0}[prediction]
        x = r * x_0 + s * eps
        if eta is not None:
            left = math.sqrt(max(0.0, 1 - before - float(process.sigma[k]) ** 2))
            mean = math.sqrt(before) * x_0 + left * eps
        elif before == 1:
            mean = x_0
        else:
            alpha = bar / before
            own, other = alpha / (1 - alpha), 1 / (1 - before)
            mean = (own * x / math.sqrt(alpha) + other * math.sqrt(before) * x_0) / (own + other)
        assert torch.allclose(x + process.drift(x, output, k), mean, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "clip"),
    [
        ({}, 1.0),
        ({"clip_sample_range": 2.5}, 2.5),
        ({"clip_sample": False}, None),
        ({"thresholding": True}, "thresholding"),
        ({"thresholding": True, "clip_sample": False}, "thresholding"),
    ],
)
def test_the_record_names_what_limits_the_image(options: dict[str, Any], clip: Any) -> None:
    for made in (ddpm, ddim):
        process = of_scheduler(made(**options))
        assert process.settings["clip"] == clip
        assert (process.limit is None) == (clip is None)


def test_the_record_says_what_the_steps_were_made_from() -> None:
    first, second = of_scheduler(ddpm(), 4), of_scheduler(ddim(timestep_spacing="trailing"), 6, 0.5)
    shared = {"trained_T": T, "prediction_type": "epsilon", "zero_terminal_snr": False}
    shared |= {"clip": 1.0, "last_noise": False}
    assert first.settings == shared | {
        "schedule": "DDPMScheduler, linear",
        "T": 4,
        "variance": "fixed_small",
        "timestep_spacing": "leading",
        "alpha_bar_T": first.settings["alpha_bar_T"],
    }
    assert second.settings == shared | {
        "schedule": "DDIMScheduler, linear",
        "T": 6,
        "variance": "DDIM",
        "eta": 0.5,
        "timestep_spacing": "trailing",
        "alpha_bar_T": second.settings["alpha_bar_T"],
    }
    for process in (first, second):
        assert process.settings["alpha_bar_T"] == pytest.approx(process.root_bar.min() ** 2)
    assert of_scheduler(with_times(9, 5, 3)).settings["last_noise"]


def test_a_chain_that_starts_in_pure_noise_needs_a_limit_or_another_prediction() -> None:
    dark = {"rescale_betas_zero_snr": True}
    for options in (
        {},
        {"prediction_type": "v_prediction", "clip_sample": False},
        {"prediction_type": "sample", "clip_sample": False},
    ):
        process = of_scheduler(ddim(**dark, **options))
        assert process.settings["zero_terminal_snr"]
        assert process.root_bar[0] == 0
    with pytest.raises(InputError, match=r"prediction_type = 'epsilon' .* an alpha_bar of 0"):
        of_scheduler(ddim(**dark, clip_sample=False))


@pytest.mark.parametrize("place", ["sigma", "linear"])
def test_the_first_step_that_is_not_finite_is_named(place: str) -> None:
    good, bad = np.full(4, 0.5), np.array([0.5, 0.5, np.nan, np.inf])
    parts: dict[str, Any] = {
        "times": (9, 6, 3, 0),
        **dict.fromkeys(("root_bar", "root_rest", "to_image", "to_state", "sigma"), good),
        **dict.fromkeys(("added", "counted"), np.ones(4, dtype=bool)),
        "linear": (good, good),
        "settings": {"clip": None},
    }
    _check(ReverseProcess(**parts))
    with pytest.raises(InputError, match="step at t = 3 = NaN or infinity"):
        _check(ReverseProcess(**parts | {place: bad if place == "sigma" else (good, bad)}))


class Borrowed:
    """Has a DDPM's step and is none."""

    step, config, timesteps = DDPMScheduler.step, SimpleNamespace(), ()


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a borrowed step": (lambda: of_scheduler(Borrowed()), "scheduler = Borrowed .*DDPMScheduler"),
    "no step": (lambda: of_scheduler(ddpm(), 0), "steps = 0"),
    "one step too many": (lambda: of_scheduler(ddpm(), T + 1), "steps = 13 .* at most the 12"),
    "less than no noise": (lambda: of_scheduler(ddim(), 4, -0.01), r"eta = -0\.01 .* \[0, 1\]"),
    "more noise than a DDPM": (lambda: of_scheduler(ddim(), 4, 1.01), r"eta = 1\.01"),
    "eta of a DDPM": (lambda: of_scheduler(ddpm(), 4, 0.5), r"eta = 0\.5 .* it is DDIM's"),
    "all of eta of a DDPM": (lambda: of_scheduler(ddpm(), 4, 1.0), r"eta = 1\.0"),
    "a time after the last": (lambda: of_scheduler(with_times(12, 3)), r"timestep = 12 .* \[0, 12"),
    "a time before the first": (lambda: of_scheduler(with_times(3, -1)), "timestep = -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_it_can_not_do_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()
