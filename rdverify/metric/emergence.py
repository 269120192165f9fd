"""What happens while the DDPM's ratio rises, and whether an image has to emerge for it.

All with the exact denoiser of the Gray-Scott patterns, 32 x 32, in both directions of beta, and
with that of blank images, in which nothing can emerge.
"""

from __future__ import annotations

import numpy as np
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule
from rdverify.ddpm.study.observables import correlation, neighbour_correlation
from rdverify.gray_scott import simulate
from rdverify.metric.modes import LATE
from rdverify.metric.runs import FEEDS, PICTURED, Runs, fact
from rdverify.metric.systems import STEPS, Chain, regime
from rdverify.trace import FloatArray

PICTURES = {
    "images": "spots and stripes",
    "images.decreasing": "spots and stripes, beta decreasing",
}
CASES = PICTURES | {
    "control.blank": "blank images",
    "control.blank.decreasing": "blank images, beta decreasing",
}


def chain(runs: Runs, case: str) -> Chain:
    """The sampled images of one of :data:`CASES`."""
    data = "blank" if "blank" in case else "patterns"
    return runs.small[data, "decreasing" if case.endswith("decreasing") else "increasing"]


def before_and_after(runs: Runs, case: str) -> tuple[FloatArray, FloatArray]:
    """R_t at t = 0.8 and at the last step, one for each image."""
    r_t = balance_of(chain(runs, case).trace).r_t
    return r_t[:, round(LATE * r_t.shape[1]) - 1], r_t[:, -1]


@fact(
    "metric.{case}.rise",
    "R_t at the last step minus R_t at t = 0.8, exact denoiser, {case}",
    case=CASES,
)
def rise(runs: Runs, case: str) -> FloatArray:
    """One for each image."""
    before, after = before_and_after(runs, case)
    return after - before


@fact(
    "metric.{case}.towards",
    "|R_t - 1| at t = 0.8 minus that at the last step, exact denoiser, {case}",
    case=CASES,
)
def _towards(runs: Runs, case: str) -> FloatArray:
    before, after = before_and_after(runs, case)
    return np.abs(before - 1) - np.abs(after - 1)


def noise_share(made: Chain) -> FloatArray:
    """Share of noise in the power of the state at t = 0.8, one for each image.

    What the state has beyond sqrt(alpha_bar) times the image that it becomes.
    """
    signal = made.late_signal**0.5 * made.images.flatten(1)
    noise = (made.late.flatten(1) - signal).square().sum(1)
    return np.asarray((noise / (noise + signal.square().sum(1))).numpy())


@fact(
    "metric.{case}.noise",
    "share of noise in the power of the state at t = 0.8, exact denoiser, {case}",
    case=PICTURES,
)
def _noise(runs: Runs, case: str) -> FloatArray:
    return noise_share(chain(runs, case))


def open_bits(state: torch.Tensor, data: torch.Tensor, signal: float) -> FloatArray:
    """Entropy of which element of ``data`` the state becomes, over that of equal chances.

    Args:
        state: x_t, shape (n, C, H, W).
        data: the set, shape (K, C, H, W), K >= 2, equally likely.
        signal: alpha_bar_t.
    """
    gap = torch.cdist(state.flatten(1), signal**0.5 * data.flatten(1)).square()  # (n, K)
    chance = (-gap / (2 * (1 - signal))).softmax(1)
    return np.asarray((torch.special.entr(chance).sum(1) / np.log(len(data))).numpy())


@fact(
    "metric.{case}.open",
    "entropy of which of the pictures it will be, over that at the start, at t = 0.8: {case}",
    case=PICTURES,
)
def _open(runs: Runs, case: str) -> FloatArray:
    made = chain(runs, case)
    return open_bits(made.late, runs.small_patterns, made.late_signal)


@fact("metric.control.end.open", "the same of the finished images")
def _open_at_the_end(runs: Runs) -> FloatArray:
    made, signal = chain(runs, "images"), float(Schedule.linear().alpha_bar[0])
    return open_bits(made.images, runs.small_patterns, signal)


@fact(
    "metric.{when}.structure",
    "correlation of neighbouring pixels, exact denoiser of spots and stripes, {when}",
    when={"start": "the noise it starts with", "end": "the images it ends in"},
)
def structure(runs: Runs, when: str) -> FloatArray:
    """One for each image."""
    made = chain(runs, "images")
    return neighbour_correlation(made.start if when == "start" else made.images)


@fact(
    "metric.end.control.blank.structure",
    "correlation of neighbouring pixels in the ends of the exact denoiser of blank images",
)
def _no_structure(runs: Runs) -> FloatArray:
    return neighbour_correlation(chain(runs, "control.blank").images)


@fact(
    "metric.start.kept",
    "correlation of the image with the state that the chain starts with",
)
def _kept(runs: Runs) -> FloatArray:
    made = chain(runs, "images")
    return correlation(made.start, made.images)


@fact(
    "metric.start.control.rd.kept",
    "correlation of Gray-Scott's pattern at T with the one at T/2, spots and stripes",
)
def _kept_by_rd(runs: Runs) -> list[float]:
    found = []
    for kind, feed in FEEDS.items():
        for seed in range(PICTURED):
            half = simulate(regime(feed, seed, steps=STEPS // 2, inner_products=False)).v
            found.append(float(np.corrcoef(half.ravel(), runs.rd[kind][seed].v.ravel())[0, 1]))
    return found
