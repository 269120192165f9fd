"""What the sampled trajectories come down to, for the rows and their controls alike."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rdverify.ddpm.study.observables import (
    before,
    details,
    early_max,
    fall,
    neighbour_correlation,
    pairwise_correlation,
    rise,
    towards_balance,
    visible,
)
from rdverify.ddpm.study.rows import ROWS
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.ddpm.study.sampled import Sampled
from rdverify.study import Measured, NotMeasured
from rdverify.study.intervals import difference
from rdverify.trace import FloatArray

KEYS = {row.key: row.setting for row in ROWS.values()}
MNIST = {"mnist": "MNIST"}
UNTRAINED = {"control.untrained": "untrained U-Net"}
ZERO = {"control.zero": "network of zeros"}
TRUE_NOISE = {"control.true_noise": "true noise for one image"}
SET = {"control.set": "exact denoiser of a small set"}
NOISED = "on noised images of its own, eight noise levels"
# definitions that facts under other settings share
WORDS = {
    "r": "R = M_react / M_diff, drift reading",
    "inverse_r": "M_diff / M_react, drift reading",
    "final_ratio": "R_t at the last step, with sigma_1 z as drawn though not added",
    "early_max": "largest R_t before t = 0.8, mean over a fortieth of the steps",
    "r_t_fall": "largest fall of R_t from the highest value it has had, as a share of that, mean "
    "over a fortieth of the steps; 0 for a curve that never falls",
    "rise": "mean R_t in the last hundredth over that before t = 0.8",
    "towards_balance": "how much nearer to 1 R_t is at the last step than at t = 0.8",
    "early_visible": "largest correlation of x_t with the trajectory's own final image up to t = "
    "0.8",
    "early_fine": "the same of their fine parts (wavelengths below 4 pixels)",
    "early_guess": "largest correlation of the image that the network predicts from x_t with the "
    "trajectory's own final image up to t = 0.8",
    "early_fine_guess": "the same of the fine parts of predicted and final image",
}


@fact(
    "ddpm.{row}.r",
    WORDS["r"] + ", {row}",
    row=MNIST | UNTRAINED | ZERO | TRUE_NOISE | SET,
)
def _r(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].balance.r_runs


@fact("ddpm.{row}.inverse_r", WORDS["inverse_r"] + ", {row}", row=UNTRAINED)
def _inverse_r(runs: Runs, row: str) -> FloatArray:
    return 1 / runs.of[row].balance.r_runs


@fact("ddpm.{row}.r_printed", "R with M_react as printed, {row}", row=MNIST | UNTRAINED)
def _r_printed(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].epsilon / runs.of[row].balance.m_diff_runs


@fact(
    "ddpm.{row}.final_ratio",
    WORDS["final_ratio"] + ", {row}",
    row=KEYS | UNTRAINED | ZERO | SET,
)
def _final_ratio(runs: Runs, row: str) -> FloatArray:
    return runs.of[row].balance.r_t[:, -1]


@fact("ddpm.{row}.early_max", WORDS["early_max"] + ", {row}", row=MNIST | UNTRAINED)
def _early_max(runs: Runs, row: str) -> FloatArray:
    return early_max(runs.of[row].balance.r_t)


@fact("ddpm.{row}.r_t_fall", WORDS["r_t_fall"] + ", {row}", row=MNIST)
def _r_t_fall(runs: Runs, row: str) -> FloatArray:
    return fall(runs.of[row].balance.r_t)


@fact("ddpm.{row}.rise", WORDS["rise"] + ", {row}", row=MNIST)
def _rise(runs: Runs, row: str) -> FloatArray:
    return rise(runs.of[row].balance.r_t)


@fact("ddpm.{row}.towards_balance", WORDS["towards_balance"] + ", {row}", row=MNIST | UNTRAINED)
def _towards_balance(runs: Runs, row: str) -> FloatArray:
    return towards_balance(runs.of[row].balance.r_t)


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
    "ddpm.{row}.early_visible",
    WORDS["early_visible"] + ", {row}",
    row=MNIST | UNTRAINED | TRUE_NOISE,
)
def _early_visible(runs: Runs, row: str) -> FloatArray:
    return before(runs.of[row].watched.times, visible(runs.of[row]))


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


@fact("ddpm.{row}.early_guess", WORDS["early_guess"] + ", {row}", row=MNIST | TRUE_NOISE)
def _early_guess(runs: Runs, row: str) -> FloatArray:
    return before(runs.of[row].watched.times, visible(runs.of[row], guessed=True))


@fact("ddpm.{row}.early_fine", WORDS["early_fine"] + ", {row}", row=MNIST | TRUE_NOISE)
def _early_fine(runs: Runs, row: str) -> FloatArray:
    return before(runs.of[row].watched.times, details(runs.of[row])["fine"])


@fact("ddpm.{row}.early_fine_guess", WORDS["early_fine_guess"] + ", {row}", row=MNIST | TRUE_NOISE)
def _early_fine_guess(runs: Runs, row: str) -> FloatArray:
    return before(runs.of[row].watched.times, details(runs.of[row], guessed=True)["fine"])


@fact(
    "ddpm.{row}.early_coarse",
    "the same of their coarse parts (wavelengths above 4 pixels), {row}",
    row=MNIST,
)
def _early_coarse(runs: Runs, row: str) -> FloatArray:
    return before(runs.of[row].watched.times, details(runs.of[row])["coarse"])


# --- rows against each other ----------------------------------------------------------------


def generates(sampled: Sampled) -> bool:
    """Whether a network's images are on the scale of its data: mean squares within a factor 2.

    A network whose images have left it is not yet a trained model, whatever its R.
    """
    own = float(sampled.images.double().square().mean())
    return 0.5 <= own / sampled.mean_square <= 2.0


def trained(runs: Runs, row: str) -> Sampled:
    """A row's trajectories; NotMeasured where its network is no trained model (:func:`generates`).

    What Table 1 says of trained networks then waits for one: no interval stands in for it.
    """
    sampled = runs.of[row]
    if not generates(sampled):
        raise NotMeasured(f"{sampled.setting}'s images are not on the scale of its data")
    return sampled


TRAINED = "; not measured where its images are not on the scale of its data"


@fact("ddpm.{row}.r_trained", WORDS["r"] + ", {row}" + TRAINED, row=KEYS)
def _r_trained(runs: Runs, row: str) -> FloatArray:
    return trained(runs, row).balance.r_runs


@fact("ddpm.{row}.inverse_r_trained", WORDS["inverse_r"] + ", {row}" + TRAINED, row=KEYS)
def _inverse_r_trained(runs: Runs, row: str) -> FloatArray:
    return 1 / trained(runs, row).balance.r_runs


def spread(values: Mapping[str, FloatArray]) -> Measured:
    """Mean of the row with the largest minus that of the smallest, with Welch's interval."""
    ordered = sorted(values.values(), key=lambda runs: float(np.mean(runs)))
    return difference(ordered[-1], ordered[0])


@fact("ddpm.r_spread", "largest minus smallest R of the three rows" + TRAINED)
def _r_spread(runs: Runs) -> Measured:
    return spread({row: trained(runs, row).balance.r_runs for row in KEYS})


@fact(
    "ddpm.final.cifar10_minus_mnist",
    "final ratio of CIFAR10 minus that of MNIST",
)
def _cifar_minus_mnist(runs: Runs) -> Measured:
    return difference(*(runs.of[row].balance.r_t[:, -1] for row in ("cifar10", "mnist")))


@fact(
    "ddpm.control.final.mnist_halves",
    "final ratio, one half of the MNIST trajectories minus the other",
)
def _halves(runs: Runs) -> Measured:
    last = runs.rows["MNIST"].balance.r_t[:, -1]
    return difference(last[: len(last) // 2], last[len(last) // 2 :])


@fact("ddpm.r_t.lowest", "smallest R_t of all rows")
def _lowest(runs: Runs) -> float:
    return min(float(sampled.balance.r_t.min()) for sampled in runs.rows.values())
