"""The certificate of a diffusion model, from a diffusers pipeline or its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import ReverseProcess, expected_of, of_scheduler, sample
from rdverify.ddpm.network import device_of, dtype_of, image_shape, take_apart
from rdverify.ddpm.pipeline import find_pipeline, untrained
from rdverify.ddpm.sampler import check_draws
from rdverify.measure.certificate import Certificate, Terms
from rdverify.measure.certifying import ControlRun, certify
from rdverify.measure.origin import origin_of
from rdverify.tools.errors import InputError, require, require_integer
from rdverify.tools.files import check_output_folder
from rdverify.tools.progress import Reporter
from rdverify.tools.tensors import tensor_bytes
from rdverify.tools.torchkit import device_named
from rdverify.trace import Trace

TERMS = Terms(
    "mu(x_t, t) - x_t, the drift of one reverse step (Eq. 14 as corrected)",
    "sigma_t z, the noise of that step (Eq. 17)",
)
IMAGES = 16
SEEDS = 3  # untrained twins
TWIN_IMAGES = 2  # each makes: its weights, not its noise, are what scatters
CANT_TELL = (
    "Most of R is decided by the schedule, the number of steps and the number of pixels: the "
    "closed form has no network in it. What the network adds is the difference from it.",
    "R does not tell whether the images are any good: it compares lengths of one step's terms.",
    "R depends on the number of steps: noise grows as the root of a step, drift as the step.",
)


def certify_pipeline(
    pipeline: Any,
    schedule: Any = None,
    *,
    shape: tuple[int, int, int] | None = None,
    images: int = IMAGES,
    seed: int = 0,
    batch: int | None = None,
    seeds: int = SEEDS,
    named: str = "a pipeline",
    read: Mapping[str, Path | str | bytes] | None = None,
    notes: Sequence[str] = (),
    command: str = "",
    progress: Reporter | None = None,
) -> Certificate:
    """Measure a diffusion model beside its controls.

    Args:
        pipeline: as :func:`rdverify.ddpm.sample` takes it, as is ``schedule``.
        schedule: default the pipeline's scheduler; see :func:`rdverify.ddpm.of_scheduler`.
        shape: (C, H, W) of an image; default the network's.
        images: how many are sampled, at least 2, so that R has an interval.
        seed: of their noise.
        batch: images at a time, default all.
        seeds: how many untrained twins, at least 2, or 0 for none.
        named: where the pipeline comes from, in words.
        read: name -> files whose hashes stand in the certificate; default the weights.
        notes: sentences to add.
        command: as typed.
        progress: where progress is told.

    Raises:
        InputError: besides what ``sample`` raises, if no step adds noise: then there is
            nothing to divide by.
    """
    _check_counts(images, seed, batch, seeds)
    network, process = take_apart(pipeline, schedule)
    _check_noise(process)
    one = image_shape(network, shape, None, images, process)
    options: dict[str, Any] = {"shape": one, "seed": seed, "batch": batch, "progress": progress}
    made, trace = sample(network, process, images=images, **options)
    controls, told = [closed_form(process, made)], _notes(process, trace, network)
    try:
        controls = [*_twins(network, process, seeds, options), *controls]
    except InputError as error:  # it can't be made, or its chain has no end
        told.append(f"There is no untrained twin to compare with: {error}")
    if read is None:
        # copies: weights that share memory can't be written as they are
        state: dict[str, torch.Tensor] = getattr(network, "state_dict", dict)()
        weights = {name: value.clone() for name, value in state.items()}
        read = {"weights": tensor_bytes(weights, {})}
    return certify(
        "ddpm",
        f"{named}: {images} images of {' x '.join(map(str, one))} in {process.T} steps.",
        trace,
        TERMS,
        origin_of(
            ["torch", "diffusers", "numpy"],
            read,
            {**trace.config, "images": images, "twins' seeds": _listed(seeds)},
            command,
        ),
        scatters="images",
        controls=controls,
        cant_tell=CANT_TELL,
        notes=[*told, *notes],
    )


def certify_folder(
    place: Path | str,
    *,
    scheduler: Path | str | None = None,
    steps: int | None = None,
    eta: float = 0.0,
    class_label: int | None = None,
    size: tuple[int, int] | None = None,
    device: str | None = None,
    output: Path | str | None = None,
    **options: Any,
) -> Certificate:
    """Measure the pipeline of a folder or of the hub.

    Args:
        place: see :func:`rdverify.ddpm.load_pipeline`, as for ``scheduler`` and ``class_label``.
        scheduler: another scheduler's folder.
        steps: see :func:`rdverify.ddpm.of_scheduler`, as for ``eta``.
        eta: of DDIM.
        class_label: of a class-conditional network.
        size: (H, W) of the images, default the network's.
        device: where to compute; default a GPU where there is one.
        output: folder that is to be written, checked before the work starts.
        options: of :func:`certify_pipeline`.
    """
    given = {"images": IMAGES, "seed": 0, "batch": None, "seeds": SEEDS} | options
    _check_counts(*(given[name] for name in ("images", "seed", "batch", "seeds")))
    where = device_named(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    found = find_pipeline(place, scheduler, class_label)
    process = of_scheduler(found.scheduler, steps, eta)
    _check_noise(process)
    told = SimpleNamespace(config=SimpleNamespace(**found.config))
    shape = None if size is None else (int(found.config["in_channels"]), *size)
    shape = image_shape(told, shape, None, 1, process)
    if output is not None:
        check_output_folder(output)
    loaded = found.load(where)
    others = (
        f"The pipeline's {' and '.join(found.others)} did nothing here: the chain alone counts."
    )
    return certify_pipeline(
        loaded.unet,
        process,
        shape=shape,
        named=str(place),
        read=loaded.read,
        notes=[others] if found.others else [],
        **options,
    )


def _check_counts(images: Any, seed: Any, batch: Any, seeds: Any) -> None:
    check_draws(images, seed, batch)
    require(images >= 2, "images", images, "at least 2, so that R has an interval")
    require_integer("seeds", seeds, 0)
    require(seeds != 1, "seeds", seeds, "0, or at least 2: one twin has no scatter")


def _check_noise(process: ReverseProcess) -> None:
    require(
        bool((process.counted & (process.sigma > 0)).any()),
        "eta",
        process.settings.get("eta", 0.0),
        "above 0, up to 1: this sampler adds no noise at any step, so that R has no denominator",
    )


def _twins(
    network: Any, process: ReverseProcess, seeds: int, options: dict[str, Any]
) -> list[ControlRun]:
    """Networks of the same configuration that have learned nothing."""
    if not seeds:
        return []
    runs = []
    for seed in range(seeds):
        # noise of its own: twins on one noise would hide how much R varies with it
        own = {**options, "seed": options["seed"] + 1 + seed, "images": TWIN_IMAGES}
        own["name"] = f"sampling, untrained twin {seed + 1} of {seeds}"
        runs.append(sample(untrained(network, seed), process, **own)[1])
    what = "the same configuration with diffusers' initial weights"
    groups = [seed for seed in range(seeds) for _ in range(TWIN_IMAGES)]
    return [ControlRun("untrained twins", what, Trace.stack(runs), groups, "seeds")]


def closed_form(process: ReverseProcess, images: torch.Tensor) -> ControlRun:
    """The schedule alone: expected norms with the true noise, images as large as the sampled."""
    squares = images.double().square().flatten(1).mean(1).cpu().numpy()
    found = expected_of(process, int(images[0].numel()), squares)
    what = (
        "expected norms of the scheduler's steps with the true noise in place of a network, for "
        "images of the mean square of those that were sampled"
    )
    return ControlRun("closed form", what, Trace(found.react_t[None], found.diff_t[None]))


def _notes(process: ReverseProcess, trace: Trace, network: Any) -> list[str]:
    """How it was sampled, what the last step does, and what R_t ends in."""
    settings, balance = process.settings, balance_of(trace)
    noisy = np.flatnonzero((trace.diff > 0).all(axis=0))
    printed = balance_of(Trace(trace.extras["epsilon"], trace.diff)).r
    notes = [
        f"The scheduler's own numbers are used: {settings['schedule']}, {process.T} steps of "
        f"{settings.get('trained_T', process.T)}, the network predicts {process.prediction}, "
        f"variance {settings['variance']}."
    ]
    if not process.counted[-1]:
        notes.append(
            "The last step has no noise: R_t is not defined there, and its drift counts in R."
        )
    elif not process.added[-1]:
        notes.append(
            "The last step adds no noise to the image. The sigma z that it would add counts, so "
            "that R_t is defined there."
        )
    if noisy.size:
        last = noisy[-1]
        notes.append(
            f"Final ratio: R_t = {balance.r_t_pooled[last]:.4g} at step {last + 1} of {process.T}, "
            "the last with noise."
        )
    notes.append(
        f"With the length of the predicted noise for the reaction, as Eq. (14) is printed, R would "
        f"be {printed:.4g}."
    )
    if process.spread is not None:
        notes.append("The network predicts the variance; the closed form takes its upper end.")
    own, used = str(dtype_of(network) or "").removeprefix("torch."), trace.config["dtype"]
    if own not in ("", used):
        notes.append(f"The network computes in {own}; the state and all norms are {used}.")
    if torch.device(device_of(network)).type != "cpu":
        notes.append(f"Computed on {device_of(network)}.")
    return notes


def _listed(seeds: int) -> str:
    return f"0 to {seeds - 1}" if seeds else "none"
