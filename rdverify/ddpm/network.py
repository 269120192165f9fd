"""Networks as they come: what they say of themselves, what they return, and how they were."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from rdverify.ddpm.reverse import ReverseProcess
from rdverify.ddpm.schedule import Schedule, Variance
from rdverify.ddpm.schedulers import is_scheduler, of_scheduler
from rdverify.tools.errors import InputError, require, require_integer
from rdverify.tools.torchkit import as_it_was, random_state_kept

Denoiser = Callable[..., Any]
NETWORK = "UNet2DModel"  # the one of diffusers' that is called with an image and a time alone


def take_apart(
    denoiser: Any,
    schedule: Any = None,
    variance: Variance | None = None,
    clip: bool | float | None = None,
    last_noise: bool = False,
) -> tuple[Denoiser, ReverseProcess]:
    """Network and reverse process of a plain network or of a diffusers pipeline."""
    unet, scheduler = getattr(denoiser, "unet", None), getattr(denoiser, "scheduler", None)
    network = denoiser
    if unet is not None and scheduler is not None:
        network, schedule = unet, scheduler if schedule is None else schedule
        kind = getattr(getattr(scheduler, "config", None), "prediction_type", "epsilon")
        fits = not isinstance(schedule, Schedule) or kind == "epsilon"
        require(fits, "prediction_type", kind, "'epsilon' under a Schedule: it has no other")
    check_network(network)
    if schedule is None:
        raise InputError(
            "schedule = None is not allowed: must be a Schedule or the scheduler of the network's "
            "pipeline, since the network alone does not say what it was trained with"
        )
    if isinstance(schedule, Schedule):
        reach = 1.0 if clip is True else None if clip is False else clip
        return network, ReverseProcess.of_schedule(
            schedule, variance or "beta", reach, bool(last_noise)
        )
    given = {"variance": variance, "clip": clip, "last_noise": last_noise or None}
    for name, value in given.items():
        require(value is None, name, value, "left to the scheduler: see its from_config")
    if is_scheduler(schedule):
        schedule = of_scheduler(schedule)
    require(isinstance(schedule, ReverseProcess), "schedule", schedule, "a Schedule or a scheduler")
    return network, schedule


def check_network(network: Any) -> None:
    """InputError, before anything is computed, unless it can be called as ``network(x, t)``."""
    if isinstance(network, (str, os.PathLike)):
        raise InputError(
            f"denoiser = {str(network)!r} is not allowed: must be a network or a pipeline; "
            f"load it first by rdverify.ddpm.load_pipeline({str(network)!r})"
        )
    kind = type(network)
    if kind.__module__.startswith("diffusers."):
        check_config({"_class_name": kind.__name__, **network.config})
    require(callable(network), "denoiser", network, "callable as denoiser(x, t)")


def check_config(config: Mapping[str, Any], label: int | None = None) -> None:
    """InputError unless diffusers' network of this config can be called with an image and a time.

    Or, if it knows classes, with a ``label`` of one of them besides.
    """
    name = config.get("_class_name", "of no known class")
    others = (
        f"a {NETWORK}, called with an image and a time alone: not a whole pipeline, nor a network "
        "in one dimension or with a text or another condition"
    )
    require(name == NETWORK, "network", name, others)
    embedded, classes = config.get("class_embed_type"), config.get("num_class_embeds")
    require(embedded is None, "class_embed_type", embedded, "None: only classes are known")
    if classes is None:
        require(label is None, "class_label", label, "None: the network knows no classes")
        return
    allowed = f"from 0 to {classes - 1} (ForClass(unet, label)): the network is class-conditional"
    whole = isinstance(label, int) and not isinstance(label, bool)
    require(whole and 0 <= (label or 0) < classes, "class_label", label, allowed)


class ForClass(torch.nn.Module):
    """A class-conditional UNet2DModel, asked for images of one class.

    Args:
        unet: the network.
        label: of the class, 0 .. num_class_embeds - 1.
    """

    def __init__(self, unet: Any, label: int) -> None:
        super().__init__()
        check_config({"_class_name": type(unet).__name__, **getattr(unet, "config", {})}, label)
        self.unet, self.label, self.config = unet, label, unet.config

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> Any:
        """What the network returns for x of shape (n, C, H, W)."""
        labels = torch.full((len(x),), self.label, dtype=torch.int64, device=x.device)
        return self.unet(x, t, class_labels=labels)


def image_shape(
    network: Any,
    shape: Sequence[int] | None,
    initial: torch.Tensor | None,
    images: int,
    process: ReverseProcess,
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
    require(len(shape) == 3, "shape", shape, "(C, H, W), each at least 1")
    for name, length in zip(("channels", "height", "width"), shape, strict=True):
        require_integer(name, length, 1)
    one = tuple(int(n) for n in shape)
    require(
        channels is None or one[0] == channels,
        "channels",
        one[0],
        f"the network's {channels}: grey images (1) for a grey model, RGB (3) for a colour one",
    )
    returned, factor = getattr(config, "out_channels", None), 2 if process.spread else 1
    why = "mean and variance" if process.spread else f"{process.prediction} and nothing else"
    require(
        returned is None or returned == factor * one[0],
        "out_channels",
        returned,
        f"{factor * one[0]}: {why}, as the scheduler has it",
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
def untouched(network: Any, device: torch.device | str) -> Iterator[None]:
    """Evaluation without gradients that leaves a network as it was.

    Every submodule is in evaluation mode as long as it lasts; each one's own mode, all
    buffers and torch's global random state are as before after it.
    """
    module = isinstance(network, torch.nn.Module)
    kept = as_it_was(network) if module else contextlib.nullcontext()
    with kept, torch.no_grad(), random_state_kept(device):
        if module and any(part.training for part in network.modules()):
            network.eval()
        yield


def device_of(network: Any) -> torch.device | str:
    """Where the network's weights are; the CPU for one that has none."""
    parameters = getattr(network, "parameters", None)
    return next((p.device for p in parameters()), "cpu") if callable(parameters) else "cpu"


def dtype_of(network: Any) -> torch.dtype | None:
    """What the network computes in; None for one without weights, which takes anything."""
    parameters = getattr(network, "parameters", None)
    kinds = (p.dtype for p in parameters() if p.is_floating_point()) if callable(parameters) else ()
    return next(iter(kinds), None)


def answer(output: Any, x: torch.Tensor, t: int, doubled: bool = False) -> torch.Tensor:
    """What a network returned for ``x``, in x's precision; InputError unless it has that shape.

    ``doubled``: it has twice the channels, mean and variance.
    """
    found = output if isinstance(output, torch.Tensor) else getattr(output, "sample", None)
    if not isinstance(found, torch.Tensor):
        raise InputError(
            f"denoiser's output = {type(output).__name__} is not allowed: "
            "must be a tensor or have one in .sample"
        )
    n, channels, *size = x.shape
    shape = (n, 2 * channels if doubled else channels, *size)
    require(
        tuple(found.shape) == shape,
        f"denoiser's output shape at t = {t}",
        tuple(found.shape),
        f"{shape}: mean and variance" if doubled else f"that of the state, {shape}",
    )
    return found.to(x)
