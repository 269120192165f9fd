"""From measured values and the ledger to verdicts; a pure function of both.

A predicate is decided on a metric's 95 % interval: wholly inside the accepted
set is CONFIRMED, wholly outside REFUTED, else UNDECIDED. The thresholds stand
in the ledger and are fixed before the runs; nothing here chooses one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rdverify.judge.verdict import COARSE, Verdict
from rdverify.study import MeasuredCell, Metric
from rdverify.study.tolerance import Part, Tolerance, interval_of, rounding_half_width
from rdverify.tools.errors import require

Record = dict[str, Any]
NUMERIC = {"within": ("low", "high"), "at_least": ("value",), "at_most": ("value",)}
EXACT = {"holds": (), "fails": (), "equals": ("value",)}


def check_predicate(predicate: Mapping[str, Any]) -> None:
    """Raise InputError unless ``predicate`` is one of the six types with its own fields."""
    kind = predicate.get("type")
    known = {**NUMERIC, **EXACT}
    require(kind in known, "predicate type", kind, f"one of {', '.join(known)}")
    fields = set(predicate) - {"type"}
    require(
        fields == set(known[str(kind)]),
        f"fields of predicate {kind}",
        sorted(fields),
        f"exactly {list(known[str(kind)])}",
    )


def decide(predicate: Mapping[str, Any], metric: Metric | None) -> tuple[Verdict, float | None]:
    """Verdict of one predicate on one metric, and its margin.

    The margin is the distance from the nearer end of the interval to the
    nearest bound of the accepted set: by so much the measurement could move
    before the verdict changes. None for exact predicates.
    """
    check_predicate(predicate)
    if metric is None:
        return Verdict.NOT_RUN, None
    if metric.error:
        return Verdict.ERROR, None
    kind = predicate["type"]
    if kind in EXACT:
        expected = {"holds": True, "fails": False}.get(kind, predicate.get("value"))
        if type(expected) is not type(metric.value):
            return Verdict.ERROR, None
        return (Verdict.CONFIRMED if metric.value == expected else Verdict.REFUTED), None
    if isinstance(metric.value, (bool, str)) or metric.value is None:
        return Verdict.ERROR, None
    value = float(metric.value)
    low = value if metric.low is None else metric.low
    high = value if metric.high is None else metric.high
    if any(math.isnan(number) for number in (value, low, high)):
        return Verdict.ERROR, None
    bottom = {"within": predicate.get("low"), "at_least": predicate.get("value")}.get(kind)
    top = {"within": predicate.get("high"), "at_most": predicate.get("value")}.get(kind)
    bottom = -math.inf if bottom is None else float(bottom)
    top = math.inf if top is None else float(top)
    if bottom <= low and high <= top:
        return Verdict.CONFIRMED, min(low - bottom, top - high)
    if high < bottom or low > top:
        return Verdict.REFUTED, max(bottom - high, low - top)
    return Verdict.UNDECIDED, None


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Verdict of a conjunction: one failed part refutes it, whatever is undecided."""
    for worst in (Verdict.ERROR, Verdict.NOT_RUN, Verdict.REFUTED, Verdict.UNDECIDED):
        if worst in verdicts:
            return worst
    return Verdict.CONFIRMED


def judge_claim(claim: Mapping[str, Any], metrics: Mapping[str, Metric]) -> Record:
    """The record of one claim: verdict, whether it discriminates, and the evidence.

    Tests marked ``form = "printed"`` make up ``verdict_as_printed``; those marked
    "corrected" the verdict; unmarked ones count for both. A claim discriminates
    unless, for each of its tests, some control passes it too. One whose tests or controls
    were not all run is NOT_RUN, also where its own text leaves it undecided.
    """
    tests = [_evidence(test, metrics) for test in claim.get("test", [])]
    corrected = [t["outcome"] for t in tests if t["form"] != "printed"]
    if any(Verdict.NOT_RUN in (t["outcome"], t["control_outcome"]) for t in tests):
        verdict, printed, why = Verdict.NOT_RUN, None, ""
    elif claim.get("untestable"):
        verdict, printed, why = Verdict.UNTESTABLE, None, claim["untestable"]
    elif claim.get("undecided"):
        verdict, printed, why = Verdict.UNDECIDED, None, claim["undecided"]
    else:
        as_printed = [t["outcome"] for t in tests if t["form"] != "corrected"]
        two_forms = any(t["form"] for t in tests)
        printed = combine(as_printed) if two_forms and as_printed else None
        verdict = combine(corrected) if corrected else combine(as_printed)
        why = ""
    judged = [t for t in tests if t["control"] and (t["form"] != "printed" or not corrected)]
    return {
        "id": claim["id"],
        "section": claim["section"],
        "text": claim["text"],
        "equations": claim.get("equations", []),
        "reading": claim.get("reading", ""),
        "verdict": verdict,
        "verdict_as_printed": printed,
        "why": why,
        "discriminating": _discriminates(judged),
        "no_control": claim.get("no_control", ""),
        "evidence": tests,
        "environments": {},
    }


def _discriminates(tests: Sequence[Record]) -> bool | None:
    """Whether every control fails one test at least; None where there is none, or one is missing.

    A test that is listed with several controls is passed if one of them passes it.
    """
    passed: dict[tuple[str, str, str], bool] = {}
    for test in tests:
        if test["control_outcome"] in (Verdict.ERROR, Verdict.NOT_RUN):
            return None
        key = (test["metric"], str(test["predicate"]), test["form"])
        passed[key] = passed.get(key, False) or test["control_outcome"] == Verdict.CONFIRMED
    return not all(passed.values()) if passed else None


def _evidence(test: Mapping[str, Any], metrics: Mapping[str, Metric]) -> Record:
    metric = metrics.get(test["metric"])
    outcome, margin = decide(test["predicate"], metric)
    control = metrics.get(test.get("control", ""))
    return {
        "metric": test["metric"],
        "what": metric.what if metric else "",
        **_numbers(metric),
        "predicate": dict(test["predicate"]),
        "form": test.get("form", ""),
        "outcome": outcome,
        "margin": margin,
        "error": metric.error if metric else "",
        "control": test.get("control", ""),
        "control_what": test.get("control_what", ""),
        "control_value": control.value if control else None,
        "control_outcome": decide(test["predicate"], control)[0] if test.get("control") else None,
    }


def _numbers(metric: Metric | None) -> Record:
    if metric is None:
        return {"value": None, "low": None, "high": None, "n": 0}
    return {"value": metric.value, "low": metric.low, "high": metric.high, "n": metric.n}


def judge_cell(printed: str, cell: MeasuredCell | None, key: Mapping[str, Any]) -> Record:
    """The record of one number of Table 1.

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
        key: system, setting, quantity, form.

    """
    target = float(printed)
    record: Record = {
        **key,
        "printed": printed,
        "measured": None,
        "low": None,
        "high": None,
        "predicted_low": None,
        "predicted_high": None,
        "n": 0,
        "fitted": False,
        "control": None,
        "control_value": None,
        "discriminating": None,
        "tolerance": None,
        "resolution": None,
        "deviation": None,
        "verdict": Verdict.NOT_RUN,
        "reason": "its system was not run",
    }
    if cell is None:
        return record
    if cell.runs.size == 0:
        return record | {"verdict": Verdict.REFUTED, "reason": cell.note}
    interval = interval_of(cell.runs)
    rounding = Part("rounding", rounding_half_width(printed), "half a unit of the last digit")
    seeds = Part(
        "seeds",
        (interval.predicted_high - interval.predicted_low) / 2,
        f"95 % interval for one run, from {interval.n} runs",
    )
    tolerance = Tolerance((rounding, seeds, *cell.parts))
    accepted = tolerance.half_width - tolerance.of("settings")
    deviation = abs(target - interval.mean)
    verdict, reason = _verdict_of_cell(deviation, accepted, tolerance.half_width, cell.fitted)
    if verdict == Verdict.CONFIRMED and accepted > COARSE * abs(target):
        verdict, reason = (
            Verdict.UNDECIDED,
            (
                "inside the tolerance, but the check is too coarse to confirm: it would not have "
                "caught a deviation of a tenth of the number"
            ),
        )
    return record | {
        "measured": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "predicted_low": interval.predicted_low,
        "predicted_high": interval.predicted_high,
        "n": interval.n,
        "fitted": cell.fitted,
        "control": cell.control.what if cell.control else None,
        "control_value": cell.control.value if cell.control else None,
        "discriminating": abs(target - cell.control.value) > accepted if cell.control else None,
        "deviation": target - interval.mean,
        "tolerance": {
            "half_width": accepted,
            "with_settings": tolerance.half_width,
            "parts": [vars(part) for part in tolerance.parts],
        },
        "resolution": accepted,
        "verdict": verdict,
        "reason": f"{reason} ({deviation / accepted:.0%} of the tolerance). {cell.note}".strip(),
    }


def _verdict_of_cell(
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
