"""Counterexamples among DDPMs: the same patterns at another ratio, no picture, no noise."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, sample
from rdverify.ddpm.denoisers import MixtureDenoiser
from rdverify.ddpm.schedule import Variance
from rdverify.gray_scott.patterns import classify
from rdverify.metric.runs import Runs, fact, ratios
from rdverify.study import Measured
from rdverify.study.intervals import share
from rdverify.trace import FloatArray

NOISELESS_STARTS = 96  # all alike then means more than 96 % with 95 % confidence


@fact("metric.turing.rd.r", "R of the Gray-Scott runs (spots and stripes) that made a pattern")
def turing_rd(runs: Runs) -> list[float]:
    """One for each run."""
    return ratios(runs, "rd.spots", "rd.stripes")


def nearest(made: torch.Tensor, data: torch.Tensor) -> tuple[FloatArray, list[int]]:
    """Relative distance of each image to the nearest element of ``data``, and which that is."""
    distance = torch.cdist(made.flatten(1), data.flatten(1))  # (images, patterns)
    least, which = distance.min(1)
    return (least / data.flatten(1)[which].norm(dim=1)).numpy(), which.tolist()


def made_patterns(runs: Runs) -> npt.NDArray[np.bool_]:
    """Which images the pattern classifier labels as it labels the nearest Gray-Scott pattern."""
    labels = [classify(pattern.numpy()).label for pattern in runs.patterns[:, 0]]
    images = runs.chain.images
    return np.array(
        [
            classify(image.numpy(), 0.1).label == labels[k]
            for image, k in zip(images[:, 0], nearest(images, runs.patterns)[1], strict=True)
        ]
    )


@fact(
    "metric.turing.ddpm.r",
    "R of a DDPM with the exact denoiser of those patterns, of the images that the pattern "
    "classifier labels as it labels the nearest of them; an error unless that are most",
)
def turing_ddpm(runs: Runs) -> FloatArray:
    """One for each image."""
    made = made_patterns(runs)
    if 2 * made.sum() <= len(made):
        raise ArithmeticError(f"only {made.sum()} of {len(made)} images are the patterns")
    return balance_of(runs.chain.trace).r_runs[made]


def comparison(runs: Runs) -> str:
    """The same patterns at another ratio, in words; the error is a share of the pattern's norm."""
    made = made_patterns(runs)
    error = nearest(runs.chain.images, runs.patterns)[0].mean()
    factor = np.mean(turing_rd(runs)) / np.mean(turing_ddpm(runs))
    return (
        f"the same patterns, to {100 * error:.1f} % ({made.sum()} of {len(made)} by their label), "
        f"at a ratio {factor:.0f} times smaller: R near 1 is no requirement"
    )


SAMPLERS = {
    "noiseless.silent": "share of the most frequent end when the sampler's noise is left out (R "
    "infinite), eight equally likely pictures",
    "noiseless.flow": "the same for the deterministic sampler (DDIM, the probability flow), which "
    "has no noise term either",
    "control.noise": "the same with noise, R = 0.07",
}


@fact("metric.{sampler}.largest_share", "{sampler}", sampler=SAMPLERS)
@cache
def largest_share(runs: Runs, sampler: str) -> Measured:
    """Share of the most frequent picture among :data:`NOISELESS_STARTS` ends of a sampler."""
    small = torch.nn.functional.avg_pool2d(runs.patterns, 4)  # (8, 1, 16, 16)
    schedule = Schedule.linear()
    denoiser = MixtureDenoiser(schedule, small)
    shape, n = tuple(small.shape[1:]), NOISELESS_STARTS
    if sampler == "noiseless.flow":
        x = torch.from_numpy(np.random.default_rng(8).standard_normal((n, *shape)))
        bar, before = schedule.alpha_bar, schedule.alpha_bar_before
        for t in range(schedule.T - 1, -1, -1):
            eps = denoiser(x, torch.full((n,), t))
            clean = (x - math.sqrt(1 - bar[t]) * eps) / math.sqrt(bar[t])
            x = math.sqrt(before[t]) * clean + math.sqrt(1 - before[t]) * eps
    else:
        variance: Variance = "none" if sampler == "noiseless.silent" else "beta"
        x, _ = sample(denoiser, schedule, shape, n, 1, variance=variance, dtype=torch.float64)
    return share(int(np.bincount(nearest(x, small)[1]).max()), n)


def ends(runs: Runs, sampler: str) -> str:
    """Where a sampler ends, in words."""
    percent = 100 * largest_share(runs, sampler=sampler).value
    return f"most frequent of eight pictures gets {percent:.0f} % of the ends"
