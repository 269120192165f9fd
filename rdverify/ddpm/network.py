"""Networks that predict the noise, as they come: what they say of themselves, and their output."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from rdverify.ddpm.schedule import Schedule, Variance
from rdverify.tools.errors import InputError, require

Denoiser = Callable[..., Any]


def take_apart(
    denoiser: Any, schedule: Schedule | None, variance: Variance | None, clip: bool | float | None
) -> tuple[Denoiser, Schedule, Variance, bool | float | None]:
    """Network, schedule and conventions of a plain network or of a diffusers pipeline."""
    unet, scheduler = getattr(denoiser, "unet", None), getattr(denoiser, "scheduler", None)
    if unet is not None and scheduler is not None:
        own, denoiser = Schedule.from_scheduler(scheduler), unet
        config = scheduler.config
        kind = getattr(config, "variance_type", "fixed_large")
        known: dict[str, Variance] = {"fixed_large": "beta", "fixed_small": "posterior"}
        require(
            variance is not None or kind in known,
            "variance_type",
            kind,
            "'fixed_large' or 'fixed_small', or give variance",
        )
        require(not getattr(config, "thresholding", False), "thresholding", True, "False")
        schedule = schedule or own
        variance = variance or known[kind]
        if clip is None and getattr(config, "clip_sample", False):
            clip = float(getattr(config, "clip_sample_range", 1.0))
    require(callable(denoiser), "denoiser", denoiser, "callable as denoiser(x, t)")
    return denoiser, schedule or Schedule.linear(), variance or "beta", clip


def image_shape(
    network: Any, shape: Sequence[int] | None, initial: torch.Tensor | None, images: int
) -> tuple[int, int, int]:
    """(C, H, W), and that the network's configuration and ``initial`` agree with it."""
    config = getattr(network, "config", None)
    channels, size = getattr(config, "in_channels", None), getattr(config, "sample_size", None)
    if shape is None and initial is not None:
        shape = tuple(initial.shape[1:])
    if shape is None and channels is not None and size:
        shape = (channels, size, size) if isinstance(size, int) else (channels, *size)
    if shape is None:
        raise InputError(
            "shape = None is not allowed: must be (C, H, W), since the network does not say"
        )
    one = tuple(int(n) for n in shape)
    require(len(one) == 3 and min(one) >= 1, "shape", shape, "(C, H, W), each at least 1")
    require(
        channels is None or one[0] == channels,
        "channels",
        one[0],
        f"the network's {channels}: grey images (1) for a grey model, RGB (3) for a colour one",
    )
    if initial is not None:
        require(
            tuple(initial.shape) == (images, *one),
            "initial.shape",
            tuple(initial.shape),
            f"(images, C, H, W) = {(images, *one)}",
        )
        require(bool(torch.isfinite(initial).all()), "initial", "NaN or infinity", "finite")
    return one[0], one[1], one[2]


@contextlib.contextmanager
def evaluating(network: Any) -> Iterator[None]:
    """No gradients, and a module in evaluation mode as long as it lasts."""
    was_training = isinstance(network, torch.nn.Module) and network.training
    if was_training:
        network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if was_training:
            network.train()


def device_of(network: Any) -> torch.device | str:
    """Where the network's weights are; the CPU for one that has none."""
    parameters = getattr(network, "parameters", None)
    return next((p.device for p in parameters()), "cpu") if callable(parameters) else "cpu"


def predicted_noise(output: Any, x: torch.Tensor, t: int) -> torch.Tensor:
    """The noise in what a network returned for ``x``; InputError unless it has that shape."""
    eps = output if isinstance(output, torch.Tensor) else getattr(output, "sample", None)
    if not isinstance(eps, torch.Tensor):
        raise InputError(
            f"denoiser's output = {type(output).__name__} is not allowed: "
            "must be a tensor or have one in .sample"
        )
    require(
        eps.shape == x.shape,
        f"denoiser's output shape at t = {t}",
        tuple(eps.shape),
        f"that of the state, {tuple(x.shape)}: epsilon and nothing else",
    )
    return eps
