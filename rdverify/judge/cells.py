"""From measured cells and print to the verdicts of Table 1."""

from __future__ import annotations

from collections.abc import Sequence

from rdverify.judge.paper import Paper
from rdverify.judge.records import Budget, CellKey, JudgedCell
from rdverify.judge.verdict import COARSE, Verdict
from rdverify.study import QUANTITIES, Cell, Form, Part
from rdverify.study.tolerance import Interval, Tolerance, interval_of, rounding_half_width

FORMS: tuple[Form, ...] = ("corrected", "printed")


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
    return [
        judge_cell(printed, measured.get(key), key)
        for key, printed in keys
        if key.form == "corrected" or key in measured
    ]


def judge_cell(printed: str, cell: Cell | None, key: CellKey) -> JudgedCell:
    """One number of Table 1 with its verdict.

    The accepted set is the 95 % interval for one run, widened on both sides by
    rounding, discretisation, Monte-Carlo and platform. A fitted cell in it is
    REACHED, a predicted one CONFIRMED. Outside it, a fitted cell is UNDECIDED
    (the paper leaves the setting open) and a predicted one REFUTED once print
    lies outside the spread over equally good settings too, else UNDECIDED. A
    predicted cell whose check would not have caught a deviation of a tenth of the
    printed number confirms nothing: UNDECIDED. A control within the same tolerance
    of print makes the cell not discriminating.

    Args:
        printed: the number as printed.
        cell: what was measured, or None if its system was not run.
        key: which number it is.
    """
    if cell is None:
        return JudgedCell(key, printed, Verdict.NOT_RUN, "its system was not run")
    if cell.runs.size == 0:
        return JudgedCell(key, printed, Verdict.REFUTED, cell.note)
    target, interval = float(printed), interval_of(cell.runs)
    tolerance = _tolerance(printed, interval, cell)
    accepted = tolerance.half_width - tolerance.of("settings")
    deviation = abs(target - interval.mean)
    verdict, reason = _verdict_of(deviation, accepted, tolerance.half_width, cell.fitted)
    if verdict == Verdict.CONFIRMED and accepted > COARSE * abs(target):
        verdict, reason = (
            Verdict.UNDECIDED,
            "inside the tolerance, but the check is too coarse to confirm: it would not have "
            "caught a deviation of a tenth of the number",
        )
    control = cell.control
    return JudgedCell(
        key,
        printed,
        verdict,
        f"{reason} ({deviation / accepted:.0%} of the tolerance). {cell.note}".strip(),
        measured=interval.mean,
        low=interval.low,
        high=interval.high,
        predicted_low=interval.predicted_low,
        predicted_high=interval.predicted_high,
        n=interval.n,
        fitted=cell.fitted,
        control=control.what if control else None,
        control_value=control.value if control else None,
        discriminating=abs(target - control.value) > accepted if control else None,
        tolerance=Budget(accepted, tolerance.half_width, list(tolerance.parts)),
        resolution=accepted,
        deviation=target - interval.mean,
    )


def _tolerance(printed: str, interval: Interval, cell: Cell) -> Tolerance:
    rounding = Part("rounding", rounding_half_width(printed), "half a unit of the last digit")
    seeds = Part(
        "seeds",
        (interval.predicted_high - interval.predicted_low) / 2,
        f"95 % interval for one run, from {interval.n} runs",
    )
    return Tolerance((rounding, seeds, *cell.parts))


def _verdict_of(
    deviation: float, accepted: float, widest: float, fitted: bool
) -> tuple[Verdict, str]:
    if deviation <= accepted:
        if fitted:
            return Verdict.REACHED, "inside the interval of one run of the setting fitted to it"
        return Verdict.CONFIRMED, "predicted: inside the tolerance, and not fitted"
    if fitted:
        return Verdict.UNDECIDED, "outside the interval of one run of the best setting found"
    if deviation <= widest:
        return Verdict.UNDECIDED, (
            "outside the tolerance of the chosen setting, inside the spread over settings "
            "that fit as well"
        )
    return Verdict.REFUTED, "outside the tolerance and the spread over equally good settings"
