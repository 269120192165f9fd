"""Table 1's three DDPM rows: cells with their tolerance parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from rdverify.ddpm import ExpectedBalance
from rdverify.ddpm.study.record_facts import training_of
from rdverify.ddpm.study.rows import ROWS, TRAINING_RECORD
from rdverify.ddpm.study.runs import Runs
from rdverify.ddpm.study.sampled import Sampled
from rdverify.ddpm.study.settings import OPEN
from rdverify.study import QUANTITIES, Cell, Control, Part, Quantity
from rdverify.trace import FloatArray

PLATFORM = 1e-5
PLATFORM_REASON = (
    "other kernels round otherwise and the chain carries it on: batches of 3 "
    "against one of 16 moved no trajectory's M by more than 2e-8 of it; a "
    "thousandfold more is allowed"
)
LAW_POINTS = 64
ENOUGH_STEPS = 1000  # from here on the balance no longer follows the training


def cells(runs: Runs) -> list[Cell]:
    """Three cells of each row as corrected, and two as printed.

    MNIST's three numbers count as fitted: its M's chose the schedule, and its R is
    their quotient. The other rows use the same schedule and are predictions, but for M_diff,
    which the schedule fixes for every row at once, and R, the quotient of two others.
    M_diff knows neither network nor data, so its law is known and stands in for its sample.
    """
    return [cell for sampled in runs.rows.values() for cell in _of_row(runs, sampled)]


def _of_row(runs: Runs, sampled: Sampled) -> Iterator[Cell]:
    row, b = ROWS[sampled.setting], sampled.balance
    extent = sampled.card["training"]["steps"], sampled.card["data"]
    note = f"trained on {extent[1]}; {extent[0]} training steps"
    for quantity in QUANTITIES:
        values: FloatArray = getattr(b, f"{quantity}_runs")
        told = note
        if quantity == "m_diff":
            told += f"; computed from its known law ({LAW_POINTS} points of it), not from runs"
            values = law_of_m_diff(sampled.expected)
        parts = (_platform(values), *part_settings(runs, sampled.setting, quantity))
        control = Control(
            "the noise schedule alone: a perfect network, by formula",
            float(getattr(sampled.expected, quantity)),
        )
        fitted = sampled.setting == "MNIST"
        follows = follows_from(sampled.setting, quantity)
        yield Cell(row, quantity, values, fitted, parts, told, control, follows=follows)
    literal = "the norm of epsilon_theta itself"
    as_printed: dict[Quantity, FloatArray] = {
        "m_react": sampled.epsilon,
        "r": sampled.epsilon / b.m_diff_runs,
    }
    for quantity, values in as_printed.items():
        follows = follows_from(sampled.setting, quantity)
        parts = (_platform(values),)
        yield Cell(row, quantity, values, False, parts, literal, form="printed", follows=follows)


def law_of_m_diff(expected: ExpectedBalance) -> FloatArray:
    """Points that stand for the law of one trajectory's M_diff: its exact mean and deviation.

    M_diff is a mean of T independent sigma_t chi_d, near enough to a normal number (its skewness
    is below 1e-3): quantiles of the normal law at even shares, set to that mean and deviation.
    """
    points = stats.norm.ppf((np.arange(LAW_POINTS) + 0.5) / LAW_POINTS)
    deviation = expected.monte_carlo_error(1)[1]
    return np.asarray(expected.m_diff + deviation * points / points.std(ddof=1))


def follows_from(setting: str, quantity: Quantity) -> str:
    """From which other numbers of Table 1 this one follows by algebra."""
    if quantity == "r":
        return f"M_react / M_diff of {setting}"
    if quantity == "m_diff" and setting != "MNIST":
        return "MNIST's M_diff: the schedule fixes both, the number of pixels their quotient"
    return ""


def _platform(values: FloatArray) -> Part:
    return Part("platform", PLATFORM * float(values.mean()), PLATFORM_REASON)


def part_settings(runs: Runs, setting: str, quantity: Quantity) -> tuple[Part, ...]:
    """How far a cell moves over settings that fit MNIST's M's as well, and over training."""
    parts = []
    own = runs.variants[(runs.variants["row"] == setting) & runs.variants["variant"].isin(OPEN)]
    base = own[own["variant"] == "as trained"]
    if len(base) and len(own) > 1:
        reason = (
            "direction of beta, pixel range, sigma_t and clipping, none of which MNIST's "
            "M's decide, sampled with the same network"
        )
        parts.append(Part("settings", _reach(own[quantity], base[quantity]), reason))
    own = training_of(runs.records[TRAINING_RECORD], setting)
    own = own[own["step"] >= ENOUGH_STEPS]
    if len(own) > 1:
        reason = f"number of training steps, which the paper leaves out, from {ENOUGH_STEPS} on"
        parts.append(Part("settings", _reach(own[quantity], own[quantity].iloc[-1:]), reason))
    return tuple(parts)


def _reach(values: pd.Series, centre: pd.Series) -> float:
    return float(np.abs(values - float(centre.iloc[0])).max())
