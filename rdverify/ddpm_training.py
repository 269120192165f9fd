"""Train epsilon_theta on images, resumable and deterministic by seed.

On the command line: ``python -m rdverify.ddpm_training --dataset mnist --output FOLDER``.
"""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rdverify.data.images import ImageSet, PixelRange, scale_pixels
from rdverify.ddpm_checkpoint import Record, read_state, write_state
from rdverify.ddpm_schedule import Schedule
from rdverify.errors import InputError, require
from rdverify.progress import Reporter, Task
from rdverify.unet import WIDTHS, build_unet, save_unet

Precision = Literal["float32", "bfloat16"]
SNAPSHOT_STEPS = (0, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 40000)
LOSS_EVERY = 50
VALIDATION_EVERY = 1000
VALIDATION_IMAGES = 500
VALIDATION_SEED = 20_260_101  # its own, so that all trainings are judged on the same noise


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

    def __post_init__(self) -> None:
        require(self.steps >= 1, "steps", self.steps, "at least 1")
        require(self.batch >= 1, "batch", self.batch, "at least 1")
        require(0 < self.learning_rate < math.inf, "learning_rate", self.learning_rate,
                "positive and finite")
        require(self.warmup >= 0, "warmup", self.warmup, "at least 0")
        require(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "in [0, 1)")
        require(self.clip > 0, "clip", self.clip, "positive")
        require(self.seed >= 0, "seed", self.seed, "at least 0")
        require(self.precision in ("float32", "bfloat16"), "precision", self.precision,
                "'float32' or 'bfloat16'")
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
    images: ImageSet, held_out: ImageSet, config: TrainingConfig, *,
    schedule: Schedule | None = None, checkpoint: Path | None = None,
    checkpoint_every: int = 500, snapshots: Path | None = None,
    snapshot_steps: Sequence[int] = SNAPSHOT_STEPS, device: str | None = None,
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
        device: "cpu", "cuda"; default a GPU where there is one.
        progress: where progress is told.

    Raises:
        InputError: if data, checkpoint or folder don't fit, or the loss is not finite.

    Source: section 4.1; Ho, Jain, Abbeel 2020, algorithm 1.

    """
    schedule = schedule or Schedule.linear()
    progress = progress or Reporter()
    require(len(images) >= config.batch, "images", len(images),
            f"at least a batch of {config.batch}")
    require(held_out.channels == images.channels, "held_out.channels", held_out.channels,
            f"{images.channels}, as of the images to train on")
    require(len(held_out) > 0, "held_out", len(held_out), "at least one image")
    require(checkpoint_every >= 1, "checkpoint_every", checkpoint_every, "at least 1")
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    unet = build_unet(images.channels, widths=config.widths, seed=config.seed).to(where)
    average = copy.deepcopy(unet).requires_grad_(False)
    optimiser = torch.optim.Adam(unet.parameters(), lr=config.learning_rate, foreach=True)
    identity = _identity(images, config, schedule)
    record = Record()
    if checkpoint is not None and checkpoint.exists():
        record = read_state(checkpoint, unet, average, optimiser, identity)
        progress.say(f"resumed at step {record.step} of {config.steps} from {checkpoint}")
    draw = _Batches(images.images, config, schedule, where)
    judge = _Validation(held_out, config, schedule, where)
    pending = torch.zeros((), device=where)  # sum of losses not yet in the record
    started = time.monotonic() - record.seconds

    def mark() -> None:
        """Validation, snapshot: what is due at this step; doing it twice changes nothing."""
        step, last = record.step, record.step == config.steps
        if step % VALIDATION_EVERY == 0 or step in snapshot_steps or last:
            scores = (step, judge(unet), judge(average))
            if not record.validation or record.validation[-1][0] < step:
                record.validation.append(scores)
            loss = f"loss {record.losses[-1][1]:.5f}, " if record.losses else ""
            progress.say(f"step {step}/{config.steps}: {loss}held-out {scores[1]:.5f}, "
                         f"averaged {scores[2]:.5f}, {_left(record, config)}")
        if snapshots is not None and (step in snapshot_steps or last):
            for kind, network in (("raw", unet), ("ema", average)):
                save_unet(network, snapshots / f"step-{step:05d}-{kind}.safetensors")

    with progress.task(f"training on {images.name}", config.steps) as task:
        task.advance(record.step)
        if record.step == 0:
            mark()
        while record.step < config.steps:
            pending += _update(unet, average, optimiser, draw, record.step, config)
            record.step += 1
            record.seconds = time.monotonic() - started
            last = record.step == config.steps
            if record.step % LOSS_EVERY == 0 or last:
                _note(pending, record, config, task)
                mark()
            if checkpoint is not None and (record.step % checkpoint_every == 0 or last):
                if record.step % LOSS_EVERY and not last:  # no half-done sum in the checkpoint
                    _note(pending, record, config, task)
                write_state(checkpoint, unet, average, optimiser, record, identity)
    return Trained(average.eval().to("cpu"), unet.eval().to("cpu"), record)


def _update(
    unet: torch.nn.Module, average: torch.nn.Module, optimiser: torch.optim.Adam, draw: _Batches,
    step: int, config: TrainingConfig,
) -> torch.Tensor:
    """One step of Adam and of the moving average; returns the loss."""
    rate = _rate(step, config)
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


def _predict(unet: torch.nn.Module, x_t: torch.Tensor, t: torch.Tensor, precision: Precision
             ) -> torch.Tensor:
    with torch.autocast(x_t.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        predicted: torch.Tensor = unet(x_t, t, return_dict=False)[0]
    return predicted.float()


def _note(pending: torch.Tensor, record: Record, config: TrainingConfig, task: Task) -> None:
    """Move the pending losses into the record."""
    since = record.losses[-1][0] if record.losses else 0
    loss = float(pending) / (record.step - since)
    if not math.isfinite(loss):
        raise InputError(f"loss = {loss} at step {record.step} is not allowed: must be finite; "
                         "a smaller learning_rate may help")
    record.losses.append((record.step, loss))
    pending.zero_()
    task.advance(record.step - since, f"loss {loss:.4f}, {_left(record, config)}")


def _left(record: Record, config: TrainingConfig) -> str:
    if record.step == 0:
        return "time left unknown"
    return f"{record.seconds / record.step * (config.steps - record.step) / 60:.1f} min left"


def _seeded(*numbers: int) -> torch.Generator:
    """A generator of its own for each tuple of numbers; on the CPU, so that devices agree."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state >> 1)


class _Batches:
    """x_t, t and noise of step n, from (seed, n) alone; each image once an epoch."""

    def __init__(self, images: torch.Tensor, config: TrainingConfig, schedule: Schedule,
                 device: torch.device) -> None:
        self.images, self.config, self.device = images, config, device
        self.abar = torch.from_numpy(schedule.alpha_bar.copy())
        self.epoch, self.order = -1, torch.empty(0)

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        config, n = self.config, self.config.batch
        epoch, place = divmod(step, len(self.images) // n)
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = torch.randperm(len(self.images), generator=_seeded(config.seed, 1, epoch))
        generator = _seeded(config.seed, 0, step)
        x_0 = scale_pixels(self.images[self.order[place * n:(place + 1) * n]], config.pixel_range)
        if config.flip:
            mirrored = torch.rand(n, generator=generator) < 0.5
            x_0[mirrored] = x_0[mirrored].flip(-1)
        t = torch.randint(len(self.abar), (n,), generator=generator)
        noise = torch.randn(x_0.shape, generator=generator)
        x_t = forward_marginal(x_0, self.abar[t], noise)
        return x_t.to(self.device), t.to(self.device), noise.to(self.device)


def forward_marginal(x_0: torch.Tensor, abar: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """x_t = sqrt(abar) x_0 + sqrt(1-abar) noise (eq08): (n, C, H, W), (n,), (n, C, H, W)."""
    abar = abar[:, None, None, None]  # (n,) -> (n, 1, 1, 1)
    return abar.sqrt().float() * x_0 + (1 - abar).sqrt().float() * noise


class _Validation:
    """epsilon-MSE on held-out images, always with the same noise and times."""

    def __init__(self, held_out: ImageSet, config: TrainingConfig, schedule: Schedule,
                 device: torch.device) -> None:
        generator = _seeded(VALIDATION_SEED)
        chosen = torch.randperm(len(held_out), generator=generator)[:VALIDATION_IMAGES]
        x_0 = scale_pixels(held_out.images[chosen], config.pixel_range)
        n = len(x_0)
        # times spread evenly over 0 .. T-1: less scatter than drawn ones
        self.t = ((torch.arange(n) + 0.5) * schedule.T / n).long().to(device)
        noise = torch.randn(x_0.shape, generator=generator)
        abar = torch.from_numpy(schedule.alpha_bar.copy())[self.t.cpu()]
        self.x_t = forward_marginal(x_0, abar, noise).to(device)
        self.noise = noise.to(device)

    @torch.no_grad()
    def __call__(self, unet: torch.nn.Module) -> float:
        unet.eval()
        total = 0.0
        for x_t, t, noise in zip(*(torch.split(values, 50) for values in
                                   (self.x_t, self.t, self.noise)), strict=True):
            total += float(((unet(x_t, t, return_dict=False)[0] - noise).double() ** 2).sum())
        return total / self.noise.numel()


def _identity(images: ImageSet, config: TrainingConfig, schedule: Schedule) -> dict[str, Any]:
    """What two trainings must share to be one."""
    return {**{key: list(value) if isinstance(value, tuple) else value
               for key, value in vars(config).items()},
            "data": images.name,
            "images": hashlib.sha256(images.images.numpy().tobytes()).hexdigest(),
            "beta": hashlib.sha256(schedule.beta.tobytes()).hexdigest()}


if __name__ == "__main__":
    from rdverify.ddpm_training_command import main

    main()
