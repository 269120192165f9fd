"""From measured cells and print to the verdicts of Table 1.

Print is one run of the authors'. It is held against one more run of ours: REFUTED where that could
not lie so far away, COMPATIBLE where it could. CONFIRMED asks for more, that print and measurement
are equivalent: two one-sided tests (TOST) against a margin that was stated before. A wider
interval, whatever widens it, can only take a verdict away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace
from scipy import stats

from rdverify.judge.decide import holm
from rdverify.judge.judged import Budget, CellKey, JudgedCell
from rdverify.judge.paper import Paper
from rdverify.judge.verdict import COARSE, NEAR_ONE, TELLS, Verdict
from rdverify.study import QUANTITIES, Cell, Form, Part, Quantity
from rdverify.study.intervals import difference
from rdverify.study.tolerance import (
    CONFIDENCE,
    Interval,
    PartName,
    Tolerance,
    interval_of,
    rounding_half_width,
)

FORMS: tuple[Form, ...] = ("corrected", "printed")
ERRORS: tuple[PartName, ...] = (
    "rounding",
    "monte-carlo",
    "discretisation",
    "platform",
)  # no chance in them


def key_of(cell: Cell) -> CellKey:
    """Which number of Table 1 a measured cell is."""
    return CellKey(cell.row.system, cell.row.setting, cell.quantity, cell.form)


def judge_table1(paper: Paper, cells: Sequence[Cell]) -> list[JudgedCell]:
    """All cells in the corrected form, then those whose printed form was measured."""
    measured = {key_of(cell): cell for cell in cells}
    keys = [
        (CellKey(row.system, row.setting, quantity, form), row.number(quantity))
        for form in FORMS
        for row in paper.rows
        for quantity in QUANTITIES
    ]
    judged = [
        judge_cell(printed, measured.get(key), key)
        for key, printed in keys
        if key.form == "corrected" or key in measured
    ]
    return share_the_level(judged)


def share_the_level(cells: Sequence[JudgedCell]) -> list[JudgedCell]:
    """Refutations that hold for the predicted numbers of a system together (Holm).

    Of nine numbers that are all true one in three times one lies outside its 95 %; a system's
    numbers are therefore refuted at a level that they share.
    """
    families: dict[tuple[str, Form], list[int]] = {}
    for k, cell in enumerate(cells):
        if cell.p is not None and not cell.fitted:
            families.setdefault((cell.key.system, cell.key.form), []).append(k)
    found = list(cells)
    for members in families.values():
        fallen = holm([float(cells[k].p or 0.0) for k in members])
        for k, falls in zip(members, fallen, strict=True):
            if cells[k].verdict == Verdict.REFUTED and not falls:
                found[k] = replace(
                    cells[k],
                    verdict=Verdict.UNDECIDED,
                    reason="outside the 95 % of one run, but not at the level that the "
                    f"{len(members)} predicted numbers of its system share",
                )
    return found


def scale_of(quantity: Quantity, target: float, measured: float) -> float:
    """What a printed number is about: R's distance from 1 where it is near 1, else the number.

    Near 1 as printed or as measured: else a print of 1.11 would be held for our 1.01.
    """
    off = abs(target - 1)
    near = min(off, abs(measured - 1)) <= NEAR_ONE
    return off if quantity == "r" and near else abs(target)


def judge_cell(printed: str, cell: Cell | None, key: CellKey) -> JudgedCell:
    """One number of Table 1 with its verdict, before the level is shared.

    With d the distance of print from the mean of n runs, s their standard deviation, e what
    rounding, discretisation, Monte-Carlo and platform add, and S the spread over settings that
    fit as well:

    * fitted: REACHED if d <= t s sqrt(1 + 1/n) + e (t the 0.975 quantile), else UNDECIDED;
    * CONFIRMED if d + t' s sqrt(1 + 1/n) + e + S <= margin (t' the 0.95 quantile): TOST;
    * COMPATIBLE if d <= t s sqrt(1 + 1/n) + e, and with S that is at most half of what the
      number is about;
    * UNDECIDED if only S reaches print, or the check is coarser than that;
    * REFUTED else.

    Args:
        printed: the number as printed.
        cell: what was measured, or None if its system was not run.
        key: which number it is.
    """
    if cell is None:
        return JudgedCell(key, printed, Verdict.NOT_RUN, "its system was not run")
    if cell.runs.size == 0:
        return JudgedCell(key, printed, Verdict.REFUTED, "no finite value", note=cell.note)
    target, interval = float(printed), interval_of(cell.runs)
    tolerance = _tolerance(printed, interval, cell)
    errors, settings = tolerance.of(*ERRORS), tolerance.of("settings")
    accepted = tolerance.half_width - settings
    about = scale_of(key.quantity, target, interval.mean)
    deviation, margin = target - interval.mean, COARSE * about
    equivalent = abs(deviation) + _one_sided(interval) + errors + settings <= margin
    verdict, reason = _verdict_of(
        abs(deviation), accepted, settings, about, cell.fitted, equivalent
    )
    control = cell.control
    ratio, discriminating = _against(cell, target, interval, errors) if control else (None, None)
    return JudgedCell(
        key,
        printed,
        verdict,
        reason,
        note=cell.note,
        measured=interval.mean,
        low=interval.low,
        high=interval.high,
        predicted_low=interval.predicted_low,
        predicted_high=interval.predicted_high,
        n=interval.n,
        fitted=cell.fitted,
        control=control.what if control else None,
        control_value=control.value if control else None,
        discriminating=discriminating,
        tolerance=Budget(accepted, tolerance.half_width, list(tolerance.parts)),
        resolution=accepted,
        deviation=deviation,
        margin=None if cell.fitted else margin,
        p=_p(abs(deviation) - errors - settings, interval),
        likelihood_ratio=ratio,
        follows=cell.follows,
        runs=[float(value) for value in cell.runs],
    )


def _tolerance(printed: str, interval: Interval, cell: Cell) -> Tolerance:
    rounding = Part("rounding", rounding_half_width(printed), "half a unit of the last digit")
    seeds = Part(
        "seeds",
        (interval.predicted_high - interval.predicted_low) / 2,
        f"95 % interval for one run, from {interval.n} runs",
    )
    return Tolerance((rounding, seeds, *cell.parts))


def _one_run(interval: Interval) -> float:
    """S sqrt(1 + 1/n): the standard deviation of print around our mean, were it one more run."""
    if interval.n == 1:
        return 0.0
    return (interval.predicted_high - interval.mean) / float(
        stats.t.ppf(0.5 + CONFIDENCE / 2, interval.n - 1)
    )


def _one_sided(interval: Interval) -> float:
    """Half width of the 90 % interval of one run: both one-sided tests at 5 %."""
    return 0.0 if interval.n == 1 else _one_run(interval) * _t(interval, CONFIDENCE)


def _t(interval: Interval, probability: float) -> float:
    return float(stats.t.ppf(probability, interval.n - 1))


def _p(beyond: float, interval: Interval) -> float:
    """Two-sided p of a distance ``beyond`` all that is no chance."""
    scatter = _one_run(interval)
    if beyond <= 0:
        return 1.0
    return float(2 * stats.t.sf(beyond / scatter, interval.n - 1)) if scatter > 0 else 0.0


def _verdict_of(
    deviation: float, accepted: float, settings: float, about: float, fitted: bool, equal: bool
) -> tuple[Verdict, str]:
    if fitted:
        if deviation <= accepted:
            return Verdict.REACHED, "inside the interval of one run of the setting fitted to it"
        return Verdict.UNDECIDED, "outside the interval of one run of the best setting found"
    if equal:
        return Verdict.CONFIRMED, f"equivalent to print within {COARSE:.0%} of what it is about"
    if deviation > accepted + settings:
        return Verdict.REFUTED, "outside one run's interval and all settings that fit as well"
    if accepted + settings > TELLS * about:
        return (
            Verdict.UNDECIDED,
            "too coarse: with all settings that print leaves open, a number off by half would pass",
        )
    if deviation > accepted:
        return Verdict.UNDECIDED, (
            "outside the interval of the chosen setting, inside the spread over settings that fit "
            "as well"
        )
    return (
        Verdict.COMPATIBLE,
        "one run may give it; over its scatter and all settings it is not shown to be the same",
    )


def _against(
    cell: Cell, target: float, interval: Interval, errors: float
) -> tuple[float | None, bool | None]:
    """Likelihood of print under the model over that under the control; whether they are told apart.

    Told apart: print lies outside one run's interval of the control, and the model's runs lie
    nearer to print than the control's by more than their scatter. A control without runs of its
    own scatters as the model does.
    """
    control = cell.control
    if control is None or not math.isfinite(control.value):
        return None, None
    runs = control.runs if control.runs.size > 1 else cell.runs - interval.mean + control.value
    other = interval_of(runs)
    mine, theirs = _log_density(target, interval, errors), _log_density(target, other, errors)
    ratio = math.exp(min(mine - theirs, 700.0))
    outside = abs(target - other.mean) > (other.predicted_high - other.mean) + errors
    lead = difference(abs(runs - target), abs(cell.runs - target))
    return ratio, bool(outside and lead.ends[0] > 0)


def _log_density(target: float, interval: Interval, errors: float) -> float:
    """Of one run at print: Student's t around the mean, its scale widened by the errors."""
    scale = math.hypot(_one_run(interval), errors / 2)
    freedom = max(interval.n - 1, 1)
    return float(stats.t.logpdf((target - interval.mean) / scale, freedom)) - math.log(scale)
