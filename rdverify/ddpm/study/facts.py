"""What the sampled trajectories come down to, for the rows and their controls alike."""

from __future__ import annotations

import numpy as np

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.study.observables import (
    detail_times,
    drift_alignment,
    neighbour_correlation,
    pairwise_correlation,
    smooth,
    time_of_crossing,
    visible,
)
from rdverify.ddpm.study.rows import ROWS, SCHEDULE
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.ddpm.study.sampled import Sampled
from rdverify.ddpm.study.settings import final_ratios
from rdverify.study import Measured
from rdverify.study.intervals import difference
from rdverify.trace import FloatArray

KEYS = {row.key: row.setting for row in ROWS.values()}
MNIST = {"mnist": "MNIST"}
UNTRAINED = {"control.untrained": "untrained U-Net"}
ZERO = {"control.zero": "network of zeros"}
TRUE_NOISE = {"control.true_noise": "true noise for one image"}
SET = {"control.set": "exact denoiser of a small set"}
NOISED = "on noised images of its own, eight noise levels"
OPEN_SETTINGS = "the settings that MNIST's M's leave open, beta's direction among them"


@fact(
    "ddpm.{row}.r",
    "R = M_react / M_diff, drift reading, {row}",
    row=MNIST | UNTRAINED | ZERO | TRUE_NOISE | SET,
)
def _r(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].balance.r_runs


@fact("ddpm.{row}.inverse_r", "M_diff / M_react, {row}", row=UNTRAINED)
def _inverse_r(runs: Runs, row: str) -> FloatArray:
    return 1 / runs.of[row].balance.r_runs


@fact("ddpm.{row}.r_printed", "R with M_react as printed, {row}", row=MNIST | UNTRAINED)
def _r_printed(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].epsilon / runs.of[row].balance.m_diff_runs


@fact(
    "ddpm.{row}.final_ratio",
    "R_t at the last step, with sigma_1 z as drawn though not added, {row}",
    row=UNTRAINED | ZERO,
)
def _final_ratio(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].balance.r_t[:, -1]


def _smoothed(sampled: Sampled) -> FloatArray:
    """R_t as a moving mean over a fortieth of the steps, shape (n, steps)."""
    return smooth(sampled.balance.r_t, max(1, sampled.trace.steps // 40))


@fact(
    "ddpm.{row}.early_max",
    "largest R_t before t = 0.8, mean over a fortieth of the steps, {row}",
    row=MNIST | UNTRAINED,
)
def _early_max(runs: Runs, row: str) -> FloatArray:
    steps = runs.of[row].trace.steps
    end = max(1, int(0.8 * steps) - max(1, steps // 40) + 1)
    return np.asarray(_smoothed(runs.of[row])[:, :end].max(axis=1))


@fact(
    "ddpm.{row}.r_t_drop",
    "how far R_t falls below its first value, as a share of it, mean over a fortieth of the "
    "steps; 0 for a curve that never falls below, {row}",
    row=MNIST,
)
def _r_t_drop(runs: Runs, row: str) -> FloatArray:
    curve = _smoothed(runs.of[row])
    return np.asarray(1 - curve.min(axis=1) / curve[:, 0])


def rise_of(r_t: FloatArray) -> FloatArray:
    """Mean R_t in the last hundredth over that before t = 0.8, shape (n, T) -> (n,)."""
    steps = r_t.shape[1]
    late, early = r_t[:, -max(1, steps // 100) :], r_t[:, : int(0.8 * steps)]
    return np.asarray(late.mean(axis=1) / early.mean(axis=1))


@fact(
    "ddpm.{row}.rise",
    "mean R_t in the last hundredth over that before t = 0.8, {row}",
    row=MNIST,
)
def _rise(runs: Runs, row: str) -> FloatArray:
    return rise_of(runs.of[row].balance.r_t)


@fact(
    "ddpm.control.no_data.rise",
    "the same in closed form with no data at all",
)
def _rise_without_data(runs: Runs) -> float:
    nothing = expected_balance(SCHEDULE, runs.rows["MNIST"].dimension, 0.0)
    return float(rise_of(nothing.r_t[None])[0])


@fact(
    "ddpm.{row}.neighbour_correlation",
    "correlation of neighbouring pixels in the images; 0 for pure noise, {row}",
    row=MNIST | UNTRAINED | TRUE_NOISE,
)
def _neighbour_correlation(runs: Runs, row: str) -> FloatArray:
    return neighbour_correlation(runs.of[row].images)


@fact(
    "ddpm.{row}.pairwise_correlation",
    "mean correlation of an image with the others; 1 if all are one, {row}",
    row=MNIST | UNTRAINED,
)
def _pairwise_correlation(runs: Runs, row: str) -> FloatArray:
    return pairwise_correlation(runs.of[row].images)


@fact(
    "ddpm.{row}.visible_time",
    "time from which on x_t correlates with its final image by 0.5 or more, {row}",
    row=MNIST | UNTRAINED,
)
def _visible_time(runs: Runs, row: str) -> FloatArray:
    sampled = runs.of[row]
    return time_of_crossing(sampled.watched.times, visible(sampled), 0.5)


@fact(
    "ddpm.{row}.drift_towards_end",
    "share of the steps whose drift has a positive component to the final image, {row}",
    row=MNIST | UNTRAINED,
)
def _drift_towards_end(runs: Runs, row: str) -> FloatArray:
    cosines = drift_alignment(runs.of[row])[:-1]  # the last state's way is the drift itself
    return np.asarray((cosines > 0).mean(axis=0))


@fact(
    "ddpm.{row}.score_cosine",
    "mean cosine of -epsilon_theta / sqrt(1 - alpha_bar) with the score of q(x_t | x_0), "
    f"{NOISED}, {{row}}",
    row=MNIST | UNTRAINED,
)
def _score_cosine(runs: Runs, row: str) -> FloatArray:
    return runs.alignments[row]["cosine"]


@fact(
    "ddpm.{row}.score_cosine_printed",
    f"mean cosine of epsilon_theta itself with the same score, {NOISED}: the printed reading, "
    "{row}",
    row=MNIST | UNTRAINED,
)
def _score_cosine_printed(runs: Runs, row: str) -> FloatArray:
    return -runs.alignments[row]["cosine"]


@fact(
    "ddpm.{row}.coarse_time",
    "time from which on the coarse part (wavelengths above 4 pixels) of the predicted image "
    "correlates with the end's by 0.5 or more, {row}",
    row=MNIST,
)
def _coarse_time(runs: Runs, row: str) -> FloatArray:
    return detail_times(runs.of[row])["coarse"]


@fact(
    "ddpm.{row}.fine_time",
    "time from which on the fine part (wavelengths below 4 pixels) of the predicted image "
    "correlates with the end's by 0.5 or more, {row}",
    row=MNIST,
)
def _fine_time(runs: Runs, row: str) -> FloatArray:
    return detail_times(runs.of[row])["fine"]


# --- rows against each other, and against the closed form ---------------------------------


def generates(sampled: Sampled) -> bool:
    """Whether a network's images are on the scale of its data: mean squares within a factor 2.

    A network whose images have left it is not yet a trained model, whatever its R.
    """
    own = float(sampled.images.double().square().mean())
    return 0.5 <= own / sampled.mean_square <= 2.0


TRAINED = (
    "; its interval reaches to the closed form's if the network does not generate images on the "
    "scale of its data"
)


@fact("ddpm.{row}.r_trained", f"R = M_react / M_diff, drift reading, {{row}}{TRAINED}", row=KEYS)
def _r_trained(runs: Runs, row: str) -> Measured:
    sampled = runs.of[row]
    limit = [] if generates(sampled) else [sampled.expected.r]
    return Measured.of(sampled.balance.r_runs).reaching(limit)


@fact("ddpm.{row}.inverse_r_trained", f"M_diff / M_react, {{row}}{TRAINED}", row=KEYS)
def _inverse_r_trained(runs: Runs, row: str) -> Measured:
    sampled = runs.of[row]
    limit = [] if generates(sampled) else [1 / sampled.expected.r]
    return Measured.of(1 / sampled.balance.r_runs).reaching(limit)


@fact(
    "ddpm.r_spread",
    "largest minus smallest R of the three rows; the interval reaches to the closed form's R for "
    "a network that does not generate images on the scale of its data",
)
def _r_spread(runs: Runs) -> Measured:
    r = {name: float(sampled.balance.r_runs.mean()) for name, sampled in runs.rows.items()}
    ideal = {name: r[name] if generates(s) else s.expected.r for name, s in runs.rows.items()}
    spreads = [max(values.values()) - min(values.values()) for values in (r, ideal)]
    return Measured(spreads[0], min(spreads), max(spreads), len(r))


@fact(
    "ddpm.closed_form.r_spread",
    "largest minus smallest R of the three rows in closed form, with the true noise",
)
def _closed_r_spread(runs: Runs) -> float:
    exact = [sampled.expected.r for sampled in runs.rows.values()]
    return max(exact) - min(exact)


@fact("ddpm.closed_form.{row}.r", "R in closed form with the true noise, {row}", row=MNIST)
def _closed_r(runs: Runs, row: str) -> float:
    return runs.of[row].expected.r


@fact(
    "ddpm.closed_form.decreasing.r_t_drop",
    "how far R_t falls below its first value, as a share of it, closed form, beta decreasing",
)
def _closed_drop(runs: Runs) -> float:
    r_t = decreasing(runs)
    return float(1 - r_t.min() / r_t[0])


@fact(
    "ddpm.control.reversed.r_t_drop",
    "the same for the curve of decreasing beta run backwards in time",
)
def _reversed_drop(runs: Runs) -> float:
    r_t = decreasing(runs)
    return float(1 - r_t.min() / r_t[-1])


def decreasing(runs: Runs) -> FloatArray:
    """R_t in closed form with beta decreasing, MNIST, shape (T,)."""
    mnist = runs.rows["MNIST"]
    turned = Schedule.linear(direction="decreasing")
    return expected_balance(turned, mnist.dimension, mnist.mean_square).r_t


@fact(
    "ddpm.control.final.mnist_halves",
    "final ratio, one half of the MNIST trajectories minus the other",
)
def _halves(runs: Runs) -> Measured:
    last = runs.rows["MNIST"].balance.r_t[:, -1]
    return difference(last[: len(last) // 2], last[len(last) // 2 :])


@fact(
    "ddpm.final.cifar10_minus_mnist_open",
    "final ratio of CIFAR10 minus that of MNIST; its interval covers " + OPEN_SETTINGS,
)
def _cifar_minus_mnist(runs: Runs) -> Measured:
    last = {name: sampled.balance.r_t[:, -1] for name, sampled in runs.rows.items()}
    own, other = (final_ratios(runs.variants, name) for name in ("CIFAR10", "MNIST"))
    now = difference(last["CIFAR10"], last["MNIST"])
    return now.reaching(own[name] - other[name] for name in own if name in other)


@fact("ddpm.r_t.lowest", "smallest R_t of all rows")
def _lowest(runs: Runs) -> float:
    return min(float(sampled.balance.r_t.min()) for sampled in runs.rows.values())
