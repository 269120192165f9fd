"""The DDPM study: Table 1's last three rows, the DDPM lines of Figs. 2 and 3, and the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.denoisers import GaussianDenoiser, MixtureDenoiser, TrueNoise, zero
from rdverify.ddpm.sde import FloatArray
from rdverify.ddpm.study import figures as ddpm_figures
from rdverify.ddpm.study.exact import exact_metrics, expected_curve
from rdverify.ddpm.study.facts import (
    comparison_metrics,
    final_metrics,
    network_metrics,
    open_difference,
    quality_metrics,
    record_metrics,
    row_metrics,
    training_metrics,
)
from rdverify.ddpm.study.quality_record import QUALITY_RECORD
from rdverify.ddpm.study.records import ARCHITECTURE_RECORD, FINAL_RECORD, TRAINING_RECORD
from rdverify.ddpm.study.runs import (
    CONTROL_IMAGES,
    IMAGES,
    ROWS,
    SCHEDULE,
    Row,
    load_row,
    run_row,
    sample_rows,
    sample_untrained,
)
from rdverify.ddpm.study.settings import PRINTED, RECORD, fit, read_record, trajectories_behind
from rdverify.ddpm.study.tables import architectures, direction_gap, part_settings, tables
from rdverify.ddpm.unet import build_unet
from rdverify.study import (
    Context,
    Control,
    MeasuredCell,
    Metric,
    Metrics,
    Quantity,
    StudyResult,
)
from rdverify.study.tolerance import Part

POINTS = 250
PLATFORM = 1e-5
PLATFORM_REASON = (
    "other kernels round otherwise and the chain carries it on: batches of 3 "
    "against one of 16 moved no trajectory's M by more than 2e-8 of it; a "
    "thousandfold more is allowed"
)


def check(context: Context) -> None:
    """Refuse, before anything runs, what would stop the study later: data that are missing."""
    if context.profile == "full":
        from rdverify.ddpm.study.full import find_data

        find_data(context)


def study(context: Context) -> StudyResult:
    """Sample the trained networks and their controls, and measure.

    "quick" starts from the shipped weights and records; "full" trains the three
    networks anew into ``context.work`` and samples every variant again.
    """
    weights, records = context.golden, context.golden / "search"
    if context.profile == "full":
        from rdverify.ddpm.study.full import retrain

        weights, records = retrain(context)
    return measure(context, weights, records)


def measure(
    context: Context,
    weights: Path,
    records: Path,
    images: int = IMAGES,
    control_images: int = CONTROL_IMAGES,
    schedule: Schedule = SCHEDULE,
) -> StudyResult:
    """The same measurements whatever the weights' age.

    Args:
        context: where figures go and progress is told.
        weights: folder whose ``weights/`` holds networks and cards.
        records: folder of ddpm.csv, ddpm_training.csv, ddpm_final.csv and
            image_quality.csv; the metrics of a missing one are not run.
        images: trajectories of each row.
        control_images: trajectories of the untrained control.
        schedule: for all of them.
    """
    variants, training, last, quality, shapes = (
        _record(records / name)
        for name in (RECORD, TRAINING_RECORD, FINAL_RECORD, QUALITY_RECORD, ARCHITECTURE_RECORD)
    )
    rows = sample_rows(context, weights, images, schedule)
    mean_squares = {name: row.card["mean_square"] for name, row in rows.items()}
    untrained = sample_untrained(context, rows["MNIST"].mean_square, control_images, schedule)
    controls = exact_controls(context, rows["MNIST"], schedule)
    grid = fit(mean_squares)

    metrics = Metrics()
    exact_metrics(metrics)
    for row in (*rows.values(), untrained, *controls):
        row_metrics(metrics, row)
    for name, row in rows.items():
        network_metrics(metrics, row, load_row(weights, name)[0])
    network_metrics(metrics, untrained, build_unet(1, seed=0))
    comparison_metrics(metrics, rows)
    open_difference(metrics, variants)
    settings_metrics(metrics, grid)
    if training is not None:
        training_metrics(metrics, training, variants)
    if quality is not None:
        quality_metrics(metrics, quality)
    if last is not None:
        final_metrics(metrics, last, {name: row.key for name, row in rows.items()})
    if variants is not None:
        record_metrics(metrics, variants)
        metrics.measure(
            "ddpm.direction.gap_decreasing_minus_increasing",
            "difference of distances",
            partial(direction_gap, variants, mean_squares),
        )

    cells = [cell for row in rows.values() for cell in row_cells(row, variants, training, grid)]
    figures = ddpm_figures.draw(context.figures, rows, untrained, variants, training)
    told = tables(rows, untrained, controls, grid, variants, metrics)
    if shapes is not None:
        told["ddpm.architecture"] = architectures(shapes)
    return StudyResult(
        cells,
        metrics,
        told,
        figures,
        series(rows, untrained, schedule),
        configuration(rows, schedule),
    )


def _record(path: Path) -> pd.DataFrame | None:
    """A shipped record, or None where it is missing: its metrics are then NOT_RUN."""
    return read_record(path) if path.exists() else None


def exact_controls(context: Context, mnist: Row, schedule: Schedule) -> list[Row]:
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
    size = float(images.square().mean())
    return [
        run_row(
            denoiser,
            name,
            f"control.{key}",
            size,
            min(8, len(images)),
            context.progress,
            None,
            schedule,
            shape,
        )
        for key, (name, denoiser) in denoisers.items()
    ]


def settings_metrics(metrics: Metrics, grid: pd.DataFrame) -> None:
    """What the fit on MNIST's two M's decides, and what it leaves open."""
    fits = grid[grid["miss"] <= 1]
    best = grid.iloc[0]
    for name in ("T", "beta_1", "beta_T", "size"):
        metrics[f"ddpm.fit.{name}"] = Metric(
            float(best[name]),
            f"{name} of the best of {len(grid)} settings, fitted on MNIST's "
            "M_react and M_diff in closed form",
            n=len(grid),
        )
        metrics[f"ddpm.fit.{name}_unique"] = Metric(
            bool(fits[name].nunique() == 1), f"whether all {len(fits)} settings that fit have it"
        )
    expected = [expected_balance(Schedule.linear(), d, 0.5) for d in (1024, 1024, 3072)]
    estimate, most = trajectories_behind(
        [PRINTED[row][1] for row in ROWS],
        [e.m_diff for e in expected],
        [e.monte_carlo_error(1)[1] for e in expected],
    )
    metrics["ddpm.fit.trajectories"] = Metric(
        estimate, "number of trajectories that print's three M_diff look like the mean of"
    )
    metrics["ddpm.fit.most_trajectories"] = Metric(
        float(most), "largest number of trajectories that they do not reject at 95 %"
    )


def row_cells(
    row: Row, variants: pd.DataFrame | None, training: pd.DataFrame | None, grid: pd.DataFrame
) -> Sequence[MeasuredCell]:
    """Three cells as corrected and two as printed.

    MNIST's three numbers count as fitted: its M's chose the schedule, and its R is
    their quotient. The other rows use the same schedule and are predictions.
    """
    b, fitted = row.balance, row.setting == "MNIST"
    epsilon = row.trace.extras["epsilon"].mean(axis=1)
    note = ""
    if row.card:
        extent = _extent(row.card)
        note = f"trained on {extent['data']}; {extent['steps']} training steps"
    values: dict[Quantity, FloatArray] = {
        "m_react": b.m_react_runs,
        "m_diff": b.m_diff_runs,
        "r": b.r_runs,
    }
    cells = []

    def platform(runs: FloatArray) -> Part:
        return Part("platform", PLATFORM * float(runs.mean()), PLATFORM_REASON)

    for quantity, runs in values.items():
        parts = (platform(runs), *part_settings(row.setting, quantity, variants, training))
        cells.append(
            MeasuredCell(
                "DDPM",
                row.setting,
                quantity,
                "corrected",
                runs,
                fitted,
                parts,
                note,
                Control(
                    "the schedule alone, in closed form: no network",
                    float(getattr(row.expected, quantity)),
                ),
            )
        )
    literal = "the norm of epsilon_theta itself"
    as_printed: dict[Quantity, FloatArray] = {"m_react": epsilon, "r": epsilon / b.m_diff_runs}
    for quantity, runs in as_printed.items():
        cells.append(
            MeasuredCell(
                "DDPM", row.setting, quantity, "printed", runs, False, (platform(runs),), literal
            )
        )
    return cells


def series(
    rows: Mapping[str, Row], untrained: Row, schedule: Schedule
) -> dict[str, dict[str, Sequence[float]]]:
    """R_t pooled over trajectories, on at most 250 values of normalised time; Fig. 3's ratios."""
    found: dict[str, dict[str, Sequence[float]]] = {}
    at = np.unique(np.linspace(0, schedule.T - 1, POINTS).round().astype(int))
    for name, row in rows.items():
        found[f"fig2/DDPM/{name}"] = {
            "x": ((at + 1) / schedule.T).tolist(),
            "y": row.balance.r_t_pooled[at].tolist(),
        }
        x, y = expected_curve(schedule, row.dimension, row.mean_square, POINTS)
        found[f"closed form/DDPM/{name}"] = {"x": x, "y": y}
        found[f"fig3/DDPM/{name}"] = {"x": [1.0], "y": [float(row.balance.r_t[:, -1].mean())]}
    found["control/DDPM/untrained"] = {
        "x": ((at + 1) / schedule.T).tolist(),
        "y": untrained.balance.r_t_pooled[at].tolist(),
    }
    return found


def configuration(rows: Mapping[str, Row], schedule: Schedule) -> dict[str, Any]:
    """The settings of the run, for the record."""
    return {
        "schedule": schedule.name,
        "variance": "beta",
        "clip": False,
        "last_noise": False,
        "images": {name: row.trace.runs for name, row in rows.items()},
        "seeds": {name: row.trace.config["seed"] for name, row in rows.items()},
        "mean_square": {name: row.mean_square for name, row in rows.items()},
        "data": {name: row.card.get("data", "") for name, row in rows.items()},
        "denoisers": [_extent(row.card) for row in rows.values() if row.card],
        "torch": torch.__version__,
    }


def _extent(card: Mapping[str, Any]) -> dict[str, Any]:
    """On what, how far, and how far as planned a network was trained."""
    told = card["training"]
    return {
        "dataset": card.get("dataset", ""),
        "data": card.get("data", ""),
        "steps": told["steps"],
        "steps_planned": told.get("steps_planned", told["steps"]),
    }
