"""What the shipped records come down to: training, steps, kernel distances, beta's direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.images import PixelRange
from rdverify.ddpm.schedule import Direction, Scaling
from rdverify.ddpm.study.facts import KEYS, MNIST
from rdverify.ddpm.study.rows import QUALITY_RECORD, ROWS, TRAINING_RECORD
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.study import Measured
from rdverify.study.intervals import difference_of_means
from rdverify.trace import FloatArray

SCALINGS: Mapping[str, tuple[Scaling, str]] = {
    "endpoints": ("endpoints", "with fixed end points"),
    "inverse_T": ("1/T", "proportional to 1/T"),
}
LOW = {key: KEYS[key] for key in ("fashion", "cifar10")}  # whose final ratio is below 1
KERNEL = {"mnist": "mnist", "fashion": "fashionmnist"}  # key -> data set of the record


def training_of(frame: pd.DataFrame, setting: str) -> pd.DataFrame:
    """The recorded training of a row, weights as they were, in order of steps."""
    own = frame["dataset"].str.startswith(setting.lower()) & (frame["weights"] == "raw")
    return frame[own].sort_values("step")


def change(
    after: Mapping[Any, Any], before: Mapping[Any, Any], name: str, deviation: str
) -> Measured:
    """How much a recorded mean has changed, from two lines of a record."""
    return difference_of_means(
        float(after[name]),
        float(before[name]),
        (float(after[deviation]), float(before[deviation])),
        (int(after["n"]), int(before["n"])),
    )


@fact(
    "ddpm.training.{row}.gain_since_1000",
    "R at the end of training minus R after 1,000 steps, {row}",
    row=MNIST,
)
def _gain_since_1000(runs: Runs, row: str) -> Measured:
    return gain_since(runs, row, 1000)


@fact(
    "ddpm.training.{row}.final_gain_since_1000",
    "final ratio at the end of training minus that after 1,000 steps, {row}",
    row=LOW,
)
def _final_gain_since_1000(runs: Runs, row: str) -> Measured:
    return gain_since(runs, row, 1000, "final_ratio")


def gain_since(runs: Runs, row: str, start: int, name: str = "r") -> Measured:
    """``name`` at the end of training minus the same at the recorded step nearest to ``start``."""
    own = training_of(runs.records[TRAINING_RECORD], KEYS[row]).to_dict("records")
    nearest = min(own, key=lambda line: abs(line["step"] - start))
    return change(own[-1], nearest, name, f"{name}_sd")


def kernel_distance(runs: Runs, row: str, images: str) -> Measured:
    """Kernel distance of "samples" or "untrained" over the untrained network's."""
    lines = runs.records[QUALITY_RECORD].to_dict("records")
    own = {line["images"]: line for line in lines if line["dataset"] == KERNEL[row]}
    base, entry = float(own["untrained"]["kernel_distance"]), own[images]
    value, half = float(entry["kernel_distance"]) / base, 1.96 * float(entry["error"]) / base
    n, how = int(entry["n"]), "normal, with the estimate's own error"
    return Measured(value, value - half, value + half, n, how=how)


@fact(
    "ddpm.{row}.kernel_distance_ratio",
    "kernel distance of samples to real images over that of the untrained network's, {row}",
    row=KERNEL,
)
def _kernel_distance_ratio(runs: Runs, row: str) -> Measured:
    return kernel_distance(runs, row, "samples")


@fact(
    "ddpm.control.untrained.{row}_kernel_distance_ratio",
    "the same of the untrained network's own images, {row}",
    row=KERNEL,
)
def _untrained_kernel_distance_ratio(runs: Runs, row: str) -> Measured:
    return kernel_distance(runs, row, "untrained")


@fact("ddpm.{row}.classes_hit", "classes among the samples, {row}", row=MNIST)
def _classes_hit(runs: Runs, row: str) -> Measured:
    frame = runs.records[QUALITY_RECORD]
    own = frame[(frame["dataset"] == KERNEL[row]) & (frame["images"] == "samples")].iloc[0]
    return Measured(float(own["classes_hit"]), n=int(own["n"]))


def entry_of(variants: pd.DataFrame, row: str, variant: str) -> Any:
    """One line of the record of variants."""
    return variants[(variants["row"] == row) & (variants["variant"] == variant)].iloc[0]


@fact(
    "ddpm.steps.{scaling}.sampled_gain",
    "R at T = 4000 minus R at T = 1000, sampled with the trained MNIST network, beta {scaling}",
    scaling={key: words for key, (_, words) in SCALINGS.items()},
)
def _sampled_gain(runs: Runs, scaling: str) -> Measured:
    many = entry_of(runs.variants, "MNIST", f"T = 4000, {SCALINGS[scaling][0]}")
    base = entry_of(runs.variants, "MNIST", "as trained")
    sizes = int(many["n"]), int(base["n"])
    deviations = float(many["r_se"]) * sizes[0] ** 0.5, float(base["r_se"]) * sizes[1] ** 0.5
    return difference_of_means(float(many["r"]), float(base["r"]), deviations, sizes)


@fact(
    "ddpm.mnist.silent.pairwise_correlation",
    "mean correlation of an image with the others, trained MNIST network, sigma_t = 0",
)
def _silent_correlation(runs: Runs) -> Measured:
    return silent(runs, "pairwise_correlation")


@fact(
    "ddpm.mnist.silent.neighbour_correlation",
    "correlation of neighbouring pixels in the images; 0 for pure noise, trained MNIST network, "
    "sigma_t = 0",
)
def _silent_neighbours(runs: Runs) -> Measured:
    return silent(runs, "neighbour_correlation")


def silent(runs: Runs, name: str) -> Measured:
    """A recorded mean over the images that the MNIST network makes without noise."""
    entry = entry_of(runs.variants, "MNIST", "no noise")
    how = "a mean as recorded: no interval"
    return Measured(float(entry[name]), n=int(entry["n"]), how=how)


DIRECTIONS: Mapping[Direction, Mapping[PixelRange, str]] = {
    "increasing": {"[-1,1]": "as trained", "[0,1]": "pixels in [0,1]"},
    "decreasing": {"[-1,1]": "beta decreasing", "[0,1]": "beta decreasing, pixels in [0,1]"},
}


@fact(
    "ddpm.direction.gap_decreasing_minus_increasing",
    "root mean square relative distance to print of the three M_react sampled with beta "
    "decreasing minus that with beta increasing, each with its better pixel range; print scatters "
    "as one trajectory a row",
)
def _direction_gap(runs: Runs) -> Measured:
    return direction_gap(runs.variants, runs.mean_squares, _printed_react(runs), sampled=True)


@fact(
    "ddpm.closed_form.direction.gap_decreasing_minus_increasing",
    "the same of a perfect network, by formula",
)
def _closed_direction_gap(runs: Runs) -> Measured:
    return direction_gap(runs.variants, runs.mean_squares, _printed_react(runs), sampled=False)


def _printed_react(runs: Runs) -> dict[str, float]:
    return {name: numbers["m_react"] for name, numbers in runs.printed.items()}


def direction_gap(
    variants: pd.DataFrame,
    mean_squares: Mapping[str, Mapping[str, float]],
    printed: Mapping[str, float],
    sampled: bool,
    draws: int = 4000,
) -> Measured:
    """How much farther from print the three M_react are with beta decreasing than increasing.

    Distances are root mean squares of relative ones, and each direction takes the pixel
    range that suits it better. The interval holds the scatter of our means and of print, which
    is taken for one trajectory a row.

    Args:
        variants: the record, with the four entries of :data:`DIRECTIONS` for each row.
        mean_squares: per row, the training pixels' mean square by pixel range.
        printed: per row, M_react.
        sampled: the trained networks; else the closed form, which a perfect one comes near to.
        draws: of the scatter.
    """
    entries = {(entry["row"], entry["variant"]): entry for entry in variants.to_dict("records")}
    rng = np.random.default_rng(30)
    ours = {row: np.append(0.0, rng.standard_normal(draws)) for row in ROWS}
    print_ = {row: np.append(0.0, rng.standard_normal(draws)) for row in ROWS}

    def react(row: str, direction: Direction, pixels: PixelRange) -> FloatArray:
        entry = entries[row, DIRECTIONS[direction][pixels]]
        if sampled:
            return float(entry["m_react"]) + float(entry["m_react_se"]) * ours[row]
        schedule = Schedule.linear(direction=direction)
        exact = expected_balance(schedule, ROWS[row].dimension, mean_squares[row][pixels])
        return np.full(1 + draws, exact.m_react)

    def distance(direction: Direction) -> FloatArray:
        found = []
        for pixels, name in DIRECTIONS[direction].items():
            squares = np.zeros(1 + draws)
            for row in ROWS:
                entry = entries[row, name]
                one = float(entry["m_react_se"]) * float(entry["n"]) ** 0.5  # of one trajectory
                scattered = printed[row] + one * print_[row]
                squares += (react(row, direction, pixels) / scattered - 1) ** 2
            found.append(np.sqrt(squares / len(ROWS)))
        return np.asarray(np.min(found, axis=0), dtype=float)

    gap = distance("decreasing") - distance("increasing")
    low, high = (float(np.quantile(gap[1:], q)) for q in (0.025, 0.975))
    value = float(gap[0])
    return Measured(value, min(value, low), max(value, high), how="parametric bootstrap")
