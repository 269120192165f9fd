"""Three modes? The features of R_t on the three systems and on their controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, expected_balance
from rdverify.gray_scott import run_many
from rdverify.metric.fields import WALKS, heated_plate
from rdverify.metric.modes import LATE, Features, Mode, features, share
from rdverify.metric.systems import (
    LSTM_ROWS,
    SEEDS,
    SPOTS,
    Systems,
    recorded,
    regime,
    untrained,
)
from rdverify.study import Context, Metric, Metrics, Table
from rdverify.tools.progress import Task

FloatArray = npt.NDArray[np.float64]
DYING_KILL_RATE = 0.08  # beyond the range in which any pattern is known to live
DYING_STEPS = 400  # after some thousand steps v is below what a number can hold
SPECTRA = (0.0, 1.0, 2.0, 3.0)  # power ~ 1/q^alpha; natural images have about 2
STEP_GRID = tuple(int(n) for n in np.unique(np.geomspace(25, 20_000, 40).round()))
WORST = 0.02  # error of the sampled law at which the steps are said to suffice


def modes(metrics: Metrics, systems: Systems, context: Context, task: Task) -> Table:
    """Shares of runs with each label, as metrics and as one table."""
    rows: list[dict[str, object]] = []
    _mode(
        metrics,
        rows,
        "rd.spots",
        "static",
        "Gray-Scott, spots",
        lambda: [balance_of(run.trace).r_t for run in systems.rd["spots"]],
    )
    _mode(
        metrics,
        rows,
        "rd.stripes",
        "static",
        "Gray-Scott, stripes",
        lambda: [balance_of(run.trace).r_t for run in systems.rd["stripes"]],
    )
    _mode(metrics, rows, "control.dying", "static", "Gray-Scott, dying (k = 0.08)", dying)
    _mode(metrics, rows, "control.plate", "static", "plate heated by a fixed picture", _plate)
    task.advance()
    for key in LSTM_ROWS:
        for kind, name, label in (
            ("best", f"lstm.{key}", "trained"),
            ("untrained", f"control.untrained.{key}", "untrained"),
        ):
            _mode(
                metrics,
                rows,
                name,
                "dynamic",
                f"LSTM, {label}, {key.replace('_', ' ')}",
                partial(_recorded, context.golden, key, kind),
            )
    _mode(
        metrics,
        rows,
        "control.fresh",
        "dynamic",
        "LSTM, untrained, the study's own sines",
        lambda: [balance_of(untrained(16, seed)).r_t for seed in range(WALKS)],
    )
    _mode(metrics, rows, "control.noise", "dynamic", "white noise around 1", white_noise)
    task.advance()
    _mode(
        metrics,
        rows,
        "ddpm",
        "phase transition",
        "DDPM, exact denoiser of patterns",
        lambda: [balance_of(systems.ddpm).r_t],
    )
    _mode(
        metrics,
        rows,
        "control.blank",
        "phase transition",
        "DDPM's closed form, blank images, no network",
        lambda: [expected_balance(Schedule.linear(), 1024, 0.0).r_t[None]],
    )
    _rise(metrics)
    _steps(metrics)
    task.advance()
    return Table(
        "The three modes of section 6 as features of R_t: share of runs with the "
        "label that the paper gives the system, then means over runs. A control that "
        "gets the label too says that the mode does not come from what the paper names. "
        "All on log R_t: late mean and spread over the last fifth of the time; crossings "
        "of R_t = 1 and smoothness (correlation of neighbouring steps) after the first "
        "fifth; rise, from the median of the first four fifths to the end; late share, "
        "the part of the rise made in the last fifth (any number where the rise is near "
        "0)",
        rows,
    )


def _mode(
    metrics: Metrics,
    rows: list[dict[str, object]],
    name: str,
    mode: Mode,
    label: str,
    curves: Callable[[], Sequence[FloatArray]],
) -> None:
    """One line: each element of ``curves()`` is R_t of shape (runs, T), one per seed."""
    what = f'share of runs of "{label}" whose R_t has the features of the mode "{mode}"'
    try:
        found = curves()
        shares = [share(r_t, mode) for r_t in found]
        seen = [features(curve) for r_t in found for curve in r_t]
    except Exception as error:  # a crash is no refutation
        metrics[f"metric.mode.{name}.share"] = Metric(
            None, what, error=f"{type(error).__name__}: {error}"
        )
        return
    metrics[f"metric.mode.{name}.share"] = Metric.of(shares, what)
    labels = [one.mode for one in seen]
    rows.append(
        {
            "system": label,
            "mode in the paper": mode,
            "share": float(np.mean(shares)),
            "most frequent label": max(sorted(set(labels)), key=labels.count),
            **{
                key.replace("_", " "): _mean(seen, key)
                for key in (
                    "late_mean",
                    "late_spread",
                    "crossings",
                    "smoothness",
                    "rise",
                    "late_share",
                )
            },
        }
    )


def _mean(seen: Sequence[Features], key: str) -> float:
    return float(np.mean([getattr(one, key) for one in seen]))


def _recorded(golden: Path, row: str, kind: str) -> list[FloatArray]:
    return [balance_of(trace).r_t for trace in recorded(golden, row, kind)]


def dying() -> list[FloatArray]:
    """R_t of Gray-Scott runs at a kill rate at which the perturbation dies out."""
    configs = [regime(SPOTS, seed, kill_rate=DYING_KILL_RATE, steps=DYING_STEPS) for seed in SEEDS]
    return [balance_of(run.trace).r_t for run in run_many(configs, 1)]


def _plate() -> list[FloatArray]:
    return [balance_of(heated_plate()[0]).r_t]


def white_noise() -> list[FloatArray]:
    """Exponentials of white noise of deviation 0.1, eight sets of sixteen of the LSTM's length."""
    return [
        np.exp(0.1 * np.random.default_rng((11, seed)).standard_normal((16, 200)))
        for seed in range(WALKS)
    ]


def _rise(metrics: Metrics) -> None:
    """Fig. 2's rise at the end, for images with details and for none at all."""

    def rise(mean_square: float) -> float:
        r_t = expected_balance(Schedule.linear(), 1024, mean_square).r_t
        return float(r_t[-1] - r_t[round(LATE * r_t.size) - 1])

    detail = "R_t at the last step minus R_t at t = 0.8, closed form, MNIST's mean square"
    blank = "the same for blank images: nothing can emerge"
    metrics.measure("metric.rise.images", detail, lambda: Metric(rise(0.942860), detail))
    metrics.measure("metric.rise.control.blank", blank, lambda: Metric(rise(0.0), blank))


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


def _steps(metrics: Metrics) -> None:
    what = (
        "exponent of the steps needed in the number of modes that share the power; Gaussian "
        "images with spectra 1/q^0 .. 1/q^3, exact denoiser, error of the sampled law 2 %"
    )
    metrics.measure(
        "metric.steps.complexity_exponent",
        what,
        lambda: Metric(
            float(
                np.polyfit(
                    np.log([effective_dimension(alpha) for alpha in SPECTRA]),
                    np.log([steps_needed(alpha) for alpha in SPECTRA]),
                    1,
                )[0]
            ),
            what,
        ),
    )
