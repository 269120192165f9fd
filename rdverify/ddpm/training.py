"""Train epsilon_theta on images, resumable and deterministic by seed."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from rdverify.ddpm.batches import Batches, Validation
from rdverify.ddpm.checkpoint import Record, read_state, write_state
from rdverify.ddpm.images import ImageSet, PixelRange, scale_pixels
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.unet import NORM_GROUPS, WIDTHS, build_unet, save_unet
from rdverify.tools.errors import InputError, require
from rdverify.tools.progress import Reporter, Task

Precision = Literal["float32", "bfloat16"]
SNAPSHOT_STEPS = (0, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 40000)
LOSS_EVERY = 50
VALIDATION_EVERY = 1000


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides which weights come out, besides images and schedule.

    Args:
        steps: updates, >= 1.
        batch: images an update, >= 1.
        learning_rate: Adam's, > 0: reached after ``warmup`` steps, then falling as half a
            cosine to zero at ``steps``; a short training gains from the decay.
        warmup: steps of linear growth of the rate, >= 0.
        ema_decay: d of the moving average w' <- d w' + (1-d) w, in [0, 1); step n uses
            min(d, (1+n)/(10+n)), so that the first weights are forgotten.
        clip: largest L2 norm of the gradient, > 0.
        seed: of the initial weights, the order of images, noise and times.
        pixel_range: "[-1,1]" (as Ho et al. 2020) or "[0,1]".
        flip: mirror each image left to right with probability 1/2.
        precision: "bfloat16" computes the layers in it (weights stay float32), faster
            on processors that have it.
        widths: of the U-Net's levels.
        norm_groups: of its group normalisation. Each group forgets its own mean over the
            image, so many small ones leave a colour image's mean brightness hard to see:
            with 8 the samples of CIFAR-10 drift off their scale, with 1 they stay.

    """

    steps: int = 10_000
    batch: int = 32
    learning_rate: float = 1e-3
    warmup: int = 100
    ema_decay: float = 0.999
    clip: float = 1.0
    seed: int = 0
    pixel_range: PixelRange = "[-1,1]"
    flip: bool = False
    precision: Precision = "float32"
    widths: tuple[int, ...] = WIDTHS
    norm_groups: int = NORM_GROUPS

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", self.steps, "at least 1")
        require(self.batch >= 1, "batch", self.batch, "at least 1")
        require(
            0 < self.learning_rate < math.inf,
            "learning_rate",
            self.learning_rate,
            "positive and finite",
        )
        require(self.warmup >= 0, "warmup", self.warmup, "at least 0")
        require(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "in [0, 1)")
        require(self.clip > 0, "clip", self.clip, "positive")
        require(self.seed >= 0, "seed", self.seed, "at least 0")
        require(
            self.precision in ("float32", "bfloat16"),
            "precision",
            self.precision,
            "'float32' or 'bfloat16'",
        )
        scale_pixels(torch.zeros(0, dtype=torch.uint8), self.pixel_range)  # checks the name


@dataclass(frozen=True, eq=False)
class Trained:
    """What training ends with.

    Attributes:
        unet: the moving average of the weights: what samples are drawn from.
        raw: the last weights themselves.
        record: losses, validation curve, time.

    """

    unet: torch.nn.Module
    raw: torch.nn.Module
    record: Record


def train(
    images: ImageSet,
    held_out: ImageSet,
    config: TrainingConfig,
    *,
    schedule: Schedule | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 500,
    snapshots: Path | None = None,
    snapshot_steps: Sequence[int] = SNAPSHOT_STEPS,
    until: int | None = None,
    cooldown: int = 0,
    device: str | None = None,
    progress: Reporter | None = None,
) -> Trained:
    """Minimise E ||eps - eps_theta(sqrt(abar_t) x_0 + sqrt(1-abar_t) eps, t)||^2 / d.

    Args:
        images: x_0, at least ``config.batch`` of them.
        held_out: x_0 of the validation curve, with fixed noise and times.
        config: the settings.
        schedule: beta_t; default linear, T = 1000, 1e-4 to 0.02.
        checkpoint: file of the state. If it is there, training goes on from it and ends
            in the same weights, to the bit on the same machine, as if never stopped.
        checkpoint_every: steps between writes of it, >= 1.
        snapshots: folder for weights on the way, "step-00100-raw.safetensors" and "-ema".
        snapshot_steps: when to keep them; the last step is always kept.
        until: stop after this step, if it comes before ``config.steps``; the rate falls as
            planned for ``config.steps``, and the checkpoint serves to go on.
        cooldown: the last steps before ``until``, over which the rate also falls in a straight
            line to zero: the end of a training that is cut short.
        device: "cpu", "cuda"; default a GPU where there is one.
        progress: where progress is told.

    Raises:
        InputError: if data, checkpoint or folder don't fit, or the loss is not finite.

    Source: section 4.1; Ho, Jain, Abbeel 2020, algorithm 1.

    """
    schedule = schedule or Schedule.linear()
    progress = progress or Reporter()
    _check_images(images, held_out, config)
    require(checkpoint_every >= 1, "checkpoint_every", checkpoint_every, "at least 1")
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    unet = build_unet(
        images.channels, widths=config.widths, norm_groups=config.norm_groups, seed=config.seed
    ).to(where)
    average = copy.deepcopy(unet).requires_grad_(False)
    optimiser = torch.optim.Adam(unet.parameters(), lr=config.learning_rate, foreach=True)
    identity = _identity(images, config, schedule)
    record = Record()
    if checkpoint is not None and checkpoint.exists():
        record = read_state(checkpoint, unet, average, optimiser, identity)
        progress.say(f"resumed at step {record.step} of {config.steps} from {checkpoint}")
    draw = Batches(
        images.images,
        schedule,
        batch=config.batch,
        seed=config.seed,
        pixel_range=config.pixel_range,
        flip=config.flip,
        device=where,
    )
    judge = Validation(held_out, schedule, config.pixel_range, where)
    pending = torch.zeros((), device=where)  # sum of losses not yet in the record
    started = time.monotonic() - record.seconds
    end = _end(record, config, until, cooldown, checkpoint)

    def mark() -> None:
        """Validation, snapshot: what is due at this step; doing it twice changes nothing."""
        step, last = record.step, record.step >= end
        if step % VALIDATION_EVERY == 0 or step in snapshot_steps or last:
            _validate(record, (judge(unet), judge(average)), config, progress)
        if snapshots is not None and (step in snapshot_steps or last):
            for kind, network in (("raw", unet), ("ema", average)):
                save_unet(network, snapshots / f"step-{step:05d}-{kind}.safetensors")

    with progress.task(f"training on {images.name}", end) as task:
        task.advance(record.step)
        if record.step == 0:
            mark()
        while record.step < end:
            pending += _update(
                unet, average, optimiser, draw, record.step, config, _cooling(record)
            )
            record.step += 1
            record.seconds = time.monotonic() - started
            last = record.step == end
            if record.step % LOSS_EVERY == 0 or record.step in snapshot_steps or last:
                _note(pending, record, config, task)
                mark()
            if checkpoint is not None and (record.step % checkpoint_every == 0 or last):
                _note(pending, record, config, task)  # no half-done sum in the checkpoint
                write_state(checkpoint, unet, average, optimiser, record, identity)
        if record.validation[-1][0] < record.step:  # the checkpoint was already at the end
            mark()
    return Trained(average.eval().to("cpu"), unet.eval().to("cpu"), record)


def _end(
    record: Record,
    config: TrainingConfig,
    until: int | None,
    cooldown: int,
    checkpoint: Path | None,
) -> int:
    """The step to stop at; notes in ``record`` when the cooldown begins and ends."""
    require(until is None or until >= 1, "until", until, "at least 1")
    end = config.steps if until is None else min(until, config.steps)
    require(0 <= cooldown <= end, "cooldown", cooldown, f"0 .. {end}")
    wanted = (end - cooldown, end) if cooldown else None
    if wanted and record.step > wanted[0]:
        said = f"{record.cooling}, as the checkpoint began it"
        require(record.cooling == wanted, "cooldown", wanted, said)
    elif record.cooling is not None:
        require(
            record.step == record.cooling[0],
            "checkpoint",
            str(checkpoint),
            f"one before its cooldown {record.cooling}; copy it before cooling down",
        )
    record.cooling = wanted
    return end


def _validate(
    record: Record, scores: tuple[float, float], config: TrainingConfig, progress: Reporter
) -> None:
    """Keep and tell the held-out error of the weights and of their moving average."""
    step = record.step
    if not record.validation or record.validation[-1][0] < step:
        record.validation.append((step, *scores))
    loss = f"loss {record.losses[-1][1]:.5f}, " if record.losses else ""
    progress.say(
        f"step {step}/{config.steps}: {loss}held-out {scores[0]:.5f}, "
        f"averaged {scores[1]:.5f}, {_left(record, config)}"
    )


def _check_images(images: ImageSet, held_out: ImageSet, config: TrainingConfig) -> None:
    require(
        len(images) >= config.batch, "images", len(images), f"at least a batch of {config.batch}"
    )
    require(
        held_out.channels == images.channels,
        "held_out.channels",
        held_out.channels,
        f"{images.channels}, as of the images to train on",
    )
    require(len(held_out) > 0, "held_out", len(held_out), "at least one image")


def _update(
    unet: torch.nn.Module,
    average: torch.nn.Module,
    optimiser: torch.optim.Adam,
    draw: Batches,
    step: int,
    config: TrainingConfig,
    factor: float = 1.0,
) -> torch.Tensor:
    """One step of Adam and of the moving average; returns the loss."""
    rate = _rate(step, config) * factor
    for group in optimiser.param_groups:
        group["lr"] = rate
    x_t, t, noise = draw(step)
    unet.train()
    optimiser.zero_grad()
    loss = torch.nn.functional.mse_loss(_predict(unet, x_t, t, config.precision), noise)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(unet.parameters(), config.clip)
    optimiser.step()
    decay = min(config.ema_decay, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(unet.parameters()), 1 - decay)
    return loss.detach()


def _rate(step: int, config: TrainingConfig) -> float:
    warm = min(1.0, (step + 1) / max(1, config.warmup))
    return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / config.steps))


def _cooling(record: Record) -> float:
    if record.cooling is None or record.step < record.cooling[0]:
        return 1.0
    start, end = record.cooling
    return (end - record.step) / (end - start)


def _predict(
    unet: torch.nn.Module, x_t: torch.Tensor, t: torch.Tensor, precision: Precision
) -> torch.Tensor:
    with torch.autocast(x_t.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        predicted: torch.Tensor = unet(x_t, t, return_dict=False)[0]
    return predicted.float()


def _note(pending: torch.Tensor, record: Record, config: TrainingConfig, task: Task) -> None:
    """Move the pending losses into the record."""
    since = record.losses[-1][0] if record.losses else 0
    if record.step == since:
        return
    loss = float(pending) / (record.step - since)
    if not math.isfinite(loss):
        raise InputError(
            f"loss = {loss} at step {record.step} is not allowed: must be finite; "
            "a smaller learning_rate may help"
        )
    record.losses.append((record.step, loss))
    pending.zero_()
    task.advance(record.step - since, f"loss {loss:.4f}, {_left(record, config)}")


def _left(record: Record, config: TrainingConfig) -> str:
    if record.step == 0:
        return "time left unknown"
    return f"{record.seconds / record.step * (config.steps - record.step) / 60:.1f} min left"


def _identity(images: ImageSet, config: TrainingConfig, schedule: Schedule) -> dict[str, Any]:
    """What two trainings must share to be one."""
    return {
        **{
            key: list(value) if isinstance(value, tuple) else value
            for key, value in vars(config).items()
        },
        "data": images.name,
        "images": hashlib.sha256(images.images.numpy().tobytes()).hexdigest(),
        "beta": hashlib.sha256(schedule.beta.tobytes()).hexdigest(),
    }
