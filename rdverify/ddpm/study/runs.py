"""All that the DDPM study runs: the three networks, their controls, and the shipped records."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from rdverify.ddpm import Schedule
from rdverify.ddpm.denoisers import GaussianDenoiser, MixtureDenoiser, TrueNoise, zero
from rdverify.ddpm.study.observables import score_alignment
from rdverify.ddpm.study.rows import RECORD, ROWS, SCHEDULE, load_row
from rdverify.ddpm.study.sampled import Sampled, run_row
from rdverify.ddpm.study.settings import fit
from rdverify.ddpm.study.shipped import read_records
from rdverify.ddpm.unet import build_unet, channels_last
from rdverify.study import Context, Facts, Quantity
from rdverify.study.frames import read_sweep
from rdverify.tools.progress import Shared
from rdverify.tools.torchkit import one_thread
from rdverify.trace import FloatArray

IMAGES, CONTROL_IMAGES = 16, 8
THREADS = 2  # of all but the trained rows: sums of fewer images depend on it in their last bit
# columns of the sweep that the map rests on
SWEPT = ("schedule", "T", "dimension", "r", "r_error", "expected_r")


@dataclass(frozen=True, eq=False)
class Runs:
    """Everything that was sampled or read.

    Attributes:
        rows: setting of Table 1 -> its trained network's trajectories.
        untrained: those of MNIST's architecture as initialised.
        controls: "control.zero" and so on -> those of denoisers that are known exactly.
        networks: setting, or "untrained U-Net" -> network.
        records: file -> record.
        printed: setting -> the three numbers of Table 1.
        sweep: the record of :mod:`rdverify.ddpm.study.swept`.
    """

    rows: Mapping[str, Sampled]
    untrained: Sampled
    controls: Mapping[str, Sampled]
    networks: Mapping[str, Any]
    records: Mapping[str, pd.DataFrame]
    printed: Mapping[str, Mapping[Quantity, float]]
    sweep: pd.DataFrame

    @cached_property
    def of(self) -> dict[str, Sampled]:
        """Key in facts -> trajectories."""
        everything = (*self.rows.values(), self.untrained, *self.controls.values())
        return {sampled.key: sampled for sampled in everything}

    @property
    def variants(self) -> pd.DataFrame:
        """The sampler's variants."""
        return self.records[RECORD]

    @cached_property
    def mean_squares(self) -> dict[str, Mapping[str, float]]:
        """Setting -> the training pixels' mean square, by pixel range."""
        return {name: sampled.card["mean_square"] for name, sampled in self.rows.items()}

    @cached_property
    def grid(self) -> pd.DataFrame:
        """The grid of settings in closed form, fitted on MNIST's two M's."""
        mnist = self.printed["MNIST"]
        return fit(self.mean_squares, mnist["m_react"], mnist["m_diff"])

    @cached_property
    def alignments(self) -> dict[str, dict[str, FloatArray]]:
        """How the output of MNIST's network, and of the untrained one, stands to the true noise."""
        two = (self.rows["MNIST"], self.untrained)
        return {s.key: score_alignment(self.networks[s.setting], s.images) for s in two}


fact = Facts[Runs]()


def run(context: Context) -> Runs:
    """Sample the trained networks and their controls.

    "quick" starts from the shipped weights and records; "full" trains the three
    networks anew into ``context.work`` and samples every variant again.
    """
    weights, records = context.golden, context.golden / "search"
    if context.profile == "full":
        from rdverify.ddpm.study.full import retrain

        weights, records = retrain(context)
    return run_from(context, weights, records)


def run_from(
    context: Context,
    weights: Path,
    records: Path,
    images: int = IMAGES,
    control_images: int = CONTROL_IMAGES,
    schedule: Schedule = SCHEDULE,
) -> Runs:
    """The same whatever the weights' age.

    Args:
        context: where progress is told, and Table 1.
        weights: folder whose ``weights/`` holds networks and cards.
        records: folder of the records that hang on these networks.
        images: trajectories of each row.
        control_images: trajectories of the controls.
        schedule: for all of them.
    """
    # all before long work
    found = read_records(records, context.golden / "search")
    loaded = {setting: load_row(weights, setting) for setting in ROWS}
    sweep = read_sweep(context.golden, "ddpm", SWEPT)
    rows = trained_rows(context, loaded, images, schedule)
    untrained, name = channels_last(build_unet(1, seed=0)), "untrained U-Net"
    initial = run_row(
        untrained,
        name,
        "control.untrained",
        rows["MNIST"].mean_square,
        control_images,
        context.progress,
        None,
        schedule,
    )
    return Runs(
        rows=rows,
        untrained=initial,
        controls=exact_controls(context, rows["MNIST"], schedule),
        networks={name: untrained}
        | {setting: network for setting, (network, *_) in loaded.items()},
        records=found,
        printed={
            setting: {q: float(text) for q, text in context.numbers(row).items()}
            for setting, row in ROWS.items()
        },
        sweep=sweep,
    )


def trained_rows(
    context: Context,
    loaded: Mapping[str, tuple[Any, Mapping[str, Any], float]],
    images: int,
    schedule: Schedule,
) -> dict[str, Sampled]:
    """The trained networks' trajectories, rows side by side, each on one thread."""
    steps = schedule.T * len(loaded)
    with (
        one_thread(),
        context.progress.task(f"sampling {', '.join(loaded)}", steps) as task,
        ThreadPoolExecutor(context.workers) as pool,
    ):
        shared = Shared(task)
        started = {
            setting: pool.submit(
                run_row,
                network,
                setting,
                ROWS[setting].key,
                mean_square,
                images,
                shared,
                card,
                schedule,
            )
            for setting, (network, card, mean_square) in loaded.items()
        }
        try:
            return {setting: future.result() for setting, future in started.items()}
        except BaseException:
            shared.stopped = True
            raise


def exact_controls(context: Context, mnist: Sampled, schedule: Schedule) -> dict[str, Sampled]:
    """Denoisers that are known exactly, on images that the MNIST network made."""
    images = mnist.images
    shape = (images.shape[1], images.shape[2], images.shape[3])
    variance = images.var(dim=0).clamp_min(1e-6)
    denoisers: dict[str, tuple[str, Any]] = {
        "zero": ("network of zeros", zero),
        "true_noise": ("true noise for one image", TrueNoise(schedule, images[0])),
        "gaussian": (
            "exact denoiser of Gaussian pixels",
            GaussianDenoiser(schedule, images.mean(dim=0), variance),
        ),
        "set": ("exact denoiser of a small set", MixtureDenoiser(schedule, images)),
    }
    size, count = float(images.square().mean()), min(8, len(images))
    return {
        key: run_row(
            denoiser,
            name,
            f"control.{key}",
            size,
            count,
            context.progress,
            None,
            schedule,
            shape,
        )
        for key, (name, denoiser) in denoisers.items()
    }
