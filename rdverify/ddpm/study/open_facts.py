"""The same facts under the settings that print leaves open, from the record of trajectories."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from rdverify.ddpm.study.facts import KEYS, MNIST, WORDS, spread
from rdverify.ddpm.study.open_settings import NOISY, SETTINGS
from rdverify.ddpm.study.rows import OPEN_RECORD
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.study import Measured, NotMeasured
from rdverify.study.intervals import difference
from rdverify.study.tolerance import CONFIDENCE
from rdverify.tools.errors import require
from rdverify.trace import FloatArray

UNDER = ", {row}, {setting}"


def trajectories(runs: Runs, row: str, setting: str) -> pd.DataFrame:
    """The recorded trajectories of a row under a setting; InputError where there are none."""
    record = runs.records[OPEN_RECORD]
    own = record[(record["row"] == KEYS[row]) & (record["setting"] == setting)]
    require(len(own) > 0, OPEN_RECORD, f"nothing of {row} under {setting}", "a whole record")
    return own


def values(runs: Runs, row: str, setting: str, observed: str) -> FloatArray:
    """One number a trajectory."""
    return np.asarray(trajectories(runs, row, setting)[observed], dtype=float)


@fact("ddpm.{row}.{setting}.r", WORDS["r"] + UNDER, row=KEYS, setting=SETTINGS)
def _r(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "r")


@fact("ddpm.{row}.{setting}.inverse_r", WORDS["inverse_r"] + UNDER, row=KEYS, setting=SETTINGS)
def _inverse_r(runs: Runs, row: str, setting: str) -> FloatArray:
    return 1 / values(runs, row, setting, "r")


@fact("ddpm.{row}.{setting}.final_ratio", WORDS["final_ratio"] + UNDER, row=KEYS, setting=NOISY)
def _final_ratio(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "final_ratio")


@fact("ddpm.{row}.{setting}.early_max", WORDS["early_max"] + UNDER, row=MNIST, setting=SETTINGS)
def _early_max(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "early_max")


@fact("ddpm.{row}.{setting}.r_t_fall", WORDS["r_t_fall"] + UNDER, row=MNIST, setting=SETTINGS)
def _r_t_fall(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "r_t_fall")


@fact(
    "ddpm.{row}.{setting}.early_visible",
    WORDS["early_visible"] + UNDER,
    row=MNIST,
    setting=SETTINGS,
)
def _early_visible(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "early_visible")


@fact("ddpm.{row}.{setting}.early_fine", WORDS["early_fine"] + UNDER, row=MNIST, setting=SETTINGS)
def _early_fine(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "early_fine")


@fact("ddpm.{row}.{setting}.early_guess", WORDS["early_guess"] + UNDER, row=MNIST, setting=SETTINGS)
def _early_guess(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "early_guess")


@fact(
    "ddpm.{row}.{setting}.early_fine_guess",
    WORDS["early_fine_guess"] + UNDER,
    row=MNIST,
    setting=SETTINGS,
)
def _early_fine_guess(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "early_fine_guess")


@fact("ddpm.{row}.{setting}.rise", WORDS["rise"] + UNDER, row=MNIST, setting=NOISY)
def _rise(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "rise")


@fact(
    "ddpm.{row}.{setting}.towards_balance",
    WORDS["towards_balance"] + UNDER,
    row=MNIST,
    setting=NOISY,
)
def _towards_balance(runs: Runs, row: str, setting: str) -> FloatArray:
    return values(runs, row, setting, "towards_balance")


@fact(
    "ddpm.{setting}.r_spread",
    "largest minus smallest R of the three rows, {setting}",
    setting=SETTINGS,
)
def _r_spread(runs: Runs, setting: str) -> Measured:
    return spread({row: values(runs, row, setting, "r") for row in KEYS})


@fact(
    "ddpm.final.{setting}.cifar10_minus_mnist",
    "final ratio of CIFAR10 minus that of MNIST, {setting}",
    setting=NOISY,
)
def _cifar_minus_mnist(runs: Runs, setting: str) -> Measured:
    own, other = (values(runs, row, setting, "final_ratio") for row in ("cifar10", "mnist"))
    return difference(own, other)


@fact(
    "ddpm.cifar10.gap_closed_by_steps",
    "share of the gap between CIFAR10's and MNIST's final ratios that T = 4000 closes, trained "
    "networks, with Fieller's interval",
)
def _gap_closed_by_steps(runs: Runs) -> Measured:
    few, target = (runs.of[row].balance.r_t[:, -1] for row in ("cifar10", "mnist"))
    return gap_closed(values(runs, "cifar10", "more_steps", "final_ratio"), few, target)


@fact(
    "ddpm.steps.cifar10.final_gain",
    "final ratio at T = 4000, beta with fixed end points, minus that at T = 1000, CIFAR10",
)
def _final_gain(runs: Runs) -> Measured:
    many = values(runs, "cifar10", "more_steps", "final_ratio")
    return difference(many, runs.of["cifar10"].balance.r_t[:, -1])


def gap_closed(many: FloatArray, few: FloatArray, target: FloatArray) -> Measured:
    """(mean many - mean few) / (mean target - mean few) with Fieller's interval.

    Its ends are the shares s at which many - few - s (target - few) is just not told from 0.
    NotMeasured where the gap itself is not told from 0, since no interval is bounded then.
    """
    a, b = many.mean() - few.mean(), target.mean() - few.mean()
    own, shared, goal = (v.var(ddof=1) / len(v) for v in (many, few, target))
    t = float(stats.t.ppf(0.5 + CONFIDENCE / 2, min(len(many), len(few), len(target)) - 1))
    # (a - s b)^2 = t^2 (own + goal s^2 + shared (1 - s)^2), a quadratic in s
    square = b**2 - t**2 * (goal + shared)
    if square <= 0:
        raise NotMeasured("the two final ratios do not differ")
    middle = a * b - t**2 * shared
    root = float(np.sqrt(max(middle**2 - square * (a**2 - t**2 * (own + shared)), 0.0)))
    low, high = (middle - root) / square, (middle + root) / square
    return Measured(float(a / b), float(low), float(high), len(many), how="fieller")
