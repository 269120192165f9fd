"""Three modes? The features of R_t on the three systems and on their controls."""

from __future__ import annotations

import numpy as np

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule
from rdverify.metric.modes import LATE, features, share
from rdverify.metric.runs import MEAN_SQUARES, MODELS, Line, Runs, fact, lines, traces
from rdverify.metric.scaling import exponent
from rdverify.metric.systems import closed_form
from rdverify.study import Table
from rdverify.trace import FloatArray

SPECTRA = (0.0, 1.0, 2.0, 3.0)  # power ~ 1/q^alpha; natural images have about 2
STEP_GRID = tuple(int(n) for n in np.unique(np.geomspace(25, 20_000, 40).round()))
WORST = 0.02  # error of the sampled law at which the steps are said to suffice
SHOWN = ("late_mean", "late_spread", "crossings", "smoothness", "rise", "late_share")


TABLE_ONLY = ("control.fresh", "control.noise")  # further controls, that no claim asks for
CASES = [name for name, model in MODELS.items() if model.mode != "none"]


def shares(runs: Runs, name: str) -> list[float]:
    """Share of a model's runs with the label of its mode, one for each seed."""
    return [share(balance_of(trace).r_t, MODELS[name].mode) for trace in traces(runs, name)]


@fact(
    "metric.mode.{system}.share",
    "share of runs of {system}",
    system={
        name: f'"{MODELS[name].label}" whose R_t has the features of the mode "{MODELS[name].mode}"'
        for name in CASES
        if name not in TABLE_ONLY
    },
)
def _share(runs: Runs, system: str) -> list[float]:
    return shares(runs, system)


def modes(runs: Runs) -> Table:
    """Shares of runs with each label, and what they rest on."""

    def line(name: str) -> Line:
        seen = [features(r_t) for trace in traces(runs, name) for r_t in balance_of(trace).r_t]
        labels = [one.mode for one in seen]
        return {
            "system": MODELS[name].label,
            "mode in the paper": MODELS[name].mode,
            "share": float(np.mean(shares(runs, name))),
            "most frequent label": max(sorted(set(labels)), key=labels.count),
            **{
                feature.replace("_", " "): float(np.mean([getattr(one, feature) for one in seen]))
                for feature in SHOWN
            },
        }

    return Table(
        "The three modes of section 6 as features of R_t: share of runs with the "
        "label that the paper gives the system, then means over runs. A control that "
        "gets the label too says that the mode does not come from what the paper names. "
        "All on log R_t: late mean and spread over the last fifth of the time; crossings "
        "of R_t = 1 and smoothness (correlation of neighbouring steps) after the first "
        "fifth; rise, from the median of the first four fifths to the end; late share, "
        "the part of the rise made in the last fifth (any number where the rise is near "
        "0)",
        lines(line, CASES),
    )


def rise(mean_square: float) -> float:
    """R_t at the last step minus R_t at t = 0.8, the DDPM's closed form: Fig. 2's rise."""
    r_t = balance_of(closed_form(mean_square)).r_t[0]
    return float(r_t[-1] - r_t[round(LATE * r_t.size) - 1])


@fact(
    "metric.rise.images",
    "R_t at the last step minus R_t at t = 0.8, closed form, MNIST's mean square",
)
def _rise(runs: Runs) -> float:
    return rise(MEAN_SQUARES[0])


@fact("metric.rise.control.blank", "the same for blank images: nothing can emerge")
def _rise_of_blank(runs: Runs) -> float:
    return rise(0.0)


def spectrum(alpha: float, size: int = 32) -> tuple[FloatArray, FloatArray]:
    """Radial frequencies q = 1 .. size/2 and their modes: (variance of each, number of each).

    Variance ~ 1/q^alpha with 2 pi q modes each, scaled to a mean square of 0.25 a pixel
    over size^2 pixels.
    """
    q = np.arange(1, size // 2 + 1)
    count = np.asarray(2 * np.pi * q, dtype=np.float64)
    variance = np.asarray(1.0 / q**alpha, dtype=np.float64)
    total = float(count @ variance)
    return np.asarray(variance * (0.25 * size**2 / total)), count


def steps_needed(alpha: float) -> float:
    """Smallest T at which the chain with the exact denoiser has an error of WORST.

    Gaussian images: each mode is a linear recursion, x_{t-1} = g_t x_t + sqrt(beta_t) z with
    g_t = 1 + a_t + b_t sqrt(1 - bar)/(bar v + 1 - bar). The error is the Wasserstein distance
    of the sampled to the true law over the data's root mean square. beta ~ 1/T.
    """
    variance, count = spectrum(alpha)
    errors = []
    for T in STEP_GRID:
        schedule = Schedule.linear(T, scaling="1/T")
        a, b = schedule.drift_coefficients()
        bar, rest = schedule.alpha_bar, schedule.one_minus_alpha_bar
        now = np.ones_like(variance)
        for t in range(T - 1, -1, -1):
            gain = 1 + a[t] + b[t] * np.sqrt(rest[t]) / (bar[t] * variance + rest[t])
            now = gain**2 * now + (schedule.beta[t] if t else 0.0)
        gap = count @ (np.sqrt(now) - np.sqrt(variance)) ** 2
        errors.append(float(np.sqrt(gap / (count @ variance))))
        if errors[-1] < WORST:
            break
    if errors[-1] >= WORST or len(errors) < 2:
        raise ArithmeticError(f"no T up to {STEP_GRID[-1]} brackets an error of {WORST}")
    logs = np.log(errors[-2:])
    place = (np.log(WORST) - logs[0]) / (logs[1] - logs[0])
    ends = np.log(STEP_GRID[len(errors) - 2 : len(errors)])
    return float(np.exp(ends[0] + place * (ends[1] - ends[0])))


def effective_dimension(alpha: float) -> float:
    """(sum of variances)^2 over the sum of their squares: how many modes share the power."""
    variance, count = spectrum(alpha)
    return float((count @ variance) ** 2 / (count @ variance**2))


@fact(
    "metric.steps.complexity_exponent",
    "exponent of the steps needed in the number of modes that share the power; Gaussian "
    "images with spectra 1/q^0 .. 1/q^3, exact denoiser, error of the sampled law 2 %",
)
def _complexity_exponent(runs: Runs) -> float:
    return exponent(
        [effective_dimension(alpha) for alpha in SPECTRA],
        [steps_needed(alpha) for alpha in SPECTRA],
    )
