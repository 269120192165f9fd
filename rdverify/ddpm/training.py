"""Train epsilon_theta on images, resumable and deterministic by seed."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rdverify.ddpm.batches import Batches, Validation
from rdverify.ddpm.checkpoint import Record, check_room, read_state, write_state
from rdverify.ddpm.config import TrainingConfig
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.unet import build_unet, save_unet
from rdverify.tools.errors import InputError, require, require_integer
from rdverify.tools.progress import Reporter, Task

SNAPSHOT_STEPS = (0, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 40000)
LOSS_EVERY = 50
VALIDATION_EVERY = 1000


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
    schedule, progress = schedule or Schedule.linear(), progress or Reporter()
    _check_images(images, held_out, config)
    checkpoint_every = require_integer("checkpoint_every", checkpoint_every, 1)
    if until is not None:
        until = require_integer("until", until, 1)
    cooldown = require_integer("cooldown", cooldown, 0)
    end = config.steps if until is None else min(until, config.steps)
    require(0 <= cooldown <= end, "cooldown", cooldown, f"0 .. {end}")
    run = _Training.begun(images, held_out, config, schedule, _device(device))
    record, identity = run.record, _identity(images, held_out, config, schedule)
    if checkpoint is not None:
        check_room(checkpoint, run.unet)
    if checkpoint is not None and checkpoint.exists():
        record = run.record = read_state(checkpoint, run.unet, run.average, run.adam, identity)
        progress.say(f"resumed at step {record.step} of {config.steps} from {checkpoint}")
    _set_cooldown(record, end, cooldown, checkpoint)
    started = time.monotonic() - record.seconds

    def mark() -> None:
        """Validation, snapshot: what is due at this step."""
        due = record.step in snapshot_steps or record.step >= end
        if due or record.step % VALIDATION_EVERY == 0:
            run.validate(progress)
        if due and snapshots is not None:
            run.keep(snapshots)

    with progress.task(f"training on {images.name}", end) as task:
        task.advance(record.step)
        if record.step == 0:
            mark()
        while record.step < end:
            run.update()
            record.seconds = time.monotonic() - started
            last = record.step == end
            if record.step % LOSS_EVERY == 0 or record.step in snapshot_steps or last:
                run.note(task)
                mark()
            if checkpoint is not None and (record.step % checkpoint_every == 0 or last):
                run.note(task)  # no half-done sum in the checkpoint
                write_state(checkpoint, run.unet, run.average, run.adam, record, identity)
        if record.validation[-1][0] < record.step:  # the checkpoint was already at the end
            mark()
    return Trained(run.average.eval().to("cpu"), run.unet.eval().to("cpu"), record)


def _check_images(images: ImageSet, held_out: ImageSet, config: TrainingConfig) -> None:
    least = f"at least a batch of {config.batch}"
    require(len(images) >= config.batch, "images", len(images), least)
    require(
        held_out.channels == images.channels,
        "held_out.channels",
        held_out.channels,
        f"{images.channels}, as of the images to train on",
    )
    require(len(held_out) > 0, "held_out", len(held_out), "at least one image")


def _device(name: str | None) -> torch.device:
    gpu = torch.cuda.is_available()
    allowed = "cpu, or cuda where there is a GPU"
    known = name in (None, "cpu") or (gpu and str(name).partition(":")[0] == "cuda")
    require(known, "device", name, allowed)
    return torch.device(name or ("cuda" if gpu else "cpu"))


def _set_cooldown(record: Record, end: int, cooldown: int, checkpoint: Path | None) -> None:
    """Note when the rate falls to zero; InputError if the state has passed another such time."""
    own = (end - cooldown, end)
    begun = record.cooling is not None and record.step > record.cooling[0]
    if cooldown and record.step > own[0]:
        allowed = f"{record.cooling if begun else 0}, as the checkpoint has it"
        require(begun and record.cooling == own, "cooldown", own, allowed)
    elif begun:
        allowed = f"one before its cooldown {record.cooling}; copy it before cooling down"
        require(False, "checkpoint", str(checkpoint), allowed)
    record.cooling = own if cooldown else None


@dataclass(eq=False)
class _Training:
    """A training under way: the weights and their average, Adam, and what is recorded."""

    config: TrainingConfig
    unet: torch.nn.Module
    average: torch.nn.Module
    adam: torch.optim.Adam
    draw: Batches
    judge: Validation
    record: Record
    pending: torch.Tensor  # sum of losses not yet in the record

    @classmethod
    def begun(
        cls,
        images: ImageSet,
        held_out: ImageSet,
        config: TrainingConfig,
        schedule: Schedule,
        where: torch.device,
    ) -> _Training:
        """Before the first step."""
        unet = build_unet(
            images.channels,
            widths=config.widths,
            norm_groups=config.norm_groups,
            attention=config.attention,
            seed=config.seed,
        ).to(where)
        draw = Batches(
            images.images,
            schedule,
            batch=config.batch,
            seed=config.seed,
            pixel_range=config.pixel_range,
            flip=config.flip,
            device=where,
        )
        return cls(
            config,
            unet,
            copy.deepcopy(unet).requires_grad_(False),
            torch.optim.Adam(unet.parameters(), lr=config.learning_rate, foreach=True),
            draw,
            Validation(held_out, schedule, config.pixel_range, where),
            Record(),
            torch.zeros((), device=where),
        )

    def update(self) -> None:
        """One step of Adam and of the moving average."""
        config, step = self.config, self.record.step
        for group in self.adam.param_groups:
            group["lr"] = config.rate(step) * _cooling(self.record)
        x_t, t, noise = self.draw(step)
        self.unet.train()
        self.adam.zero_grad()
        with torch.autocast(
            x_t.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"
        ):
            predicted = self.unet(x_t, t, return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(predicted.float(), noise)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.unet.parameters(), config.clip)
        self.adam.step()
        decay = min(config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.parameters()), list(self.unet.parameters()), 1 - decay
            )
        self.pending += loss.detach()
        self.record.step += 1

    def note(self, task: Task) -> None:
        """Move the pending losses into the record."""
        record = self.record
        since = record.losses[-1][0] if record.losses else 0
        if record.step == since:
            return
        loss = float(self.pending) / (record.step - since)
        if not math.isfinite(loss):
            raise InputError(
                f"loss = {loss} at step {record.step} is not allowed: must be finite; "
                "a smaller learning_rate may help"
            )
        record.losses.append((record.step, loss))
        self.pending.zero_()
        task.advance(record.step - since, f"loss {loss:.4f}, {self.left}")

    def validate(self, progress: Reporter) -> None:
        """Both networks' error on held-out images, into the record."""
        record = self.record
        scores = (record.step, self.judge(self.unet), self.judge(self.average))
        record.validation.append(scores)
        loss = f"loss {record.losses[-1][1]:.5f}, " if record.losses else ""
        progress.say(
            f"step {record.step}/{self.config.steps}: {loss}held-out {scores[1]:.5f}, "
            f"averaged {scores[2]:.5f}, {self.left}"
        )

    def keep(self, folder: Path) -> None:
        """Write the weights of this step and their average."""
        for kind, network in (("raw", self.unet), ("ema", self.average)):
            save_unet(network, folder / f"step-{self.record.step:05d}-{kind}.safetensors")

    @property
    def left(self) -> str:
        """How long it may still take, in words."""
        step, seconds = self.record.step, self.record.seconds
        if step == 0:
            return "time left unknown"
        return f"{seconds / step * (self.config.steps - step) / 60:.1f} min left"


def _cooling(record: Record) -> float:
    if record.cooling is None or record.step < record.cooling[0]:
        return 1.0
    start, end = record.cooling
    return (end - record.step) / (end - start)


def _identity(
    images: ImageSet, held_out: ImageSet, config: TrainingConfig, schedule: Schedule
) -> dict[str, Any]:
    """What two trainings must share to be one."""
    return {
        **{
            key: list(value) if isinstance(value, tuple) else value
            for key, value in vars(config).items()
        },
        "data": images.name,
        "images": images.sha256,
        "held_out": held_out.sha256,
        "beta": hashlib.sha256(schedule.beta.tobytes()).hexdigest(),
    }
