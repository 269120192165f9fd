"""How much nearer a model comes to a claim than its control: the difference with its interval."""

from __future__ import annotations

import math

from rdverify.judge.decide import numeric
from rdverify.judge.judged import Gap
from rdverify.judge.paper import AtLeast, AtMost, Predicate, Within
from rdverify.study import Measured
from rdverify.study.intervals import difference


def gap(predicate: Predicate, fact: Measured | None, control: Measured | None) -> Gap | None:
    """Score of the model minus that of its control, with the 95 % interval of the difference.

    The score is what the predicate asks for: the value (at least), its negative (at most), or
    minus its distance from the middle of the band (within). From the run values by Welch where
    both have them, else from the intervals, whose half widths add as roots of squares.

    Returns:
        None where either is missing or no number.
    """
    if fact is None or control is None or not (numeric(fact) and numeric(control)):
        return None
    if not isinstance(predicate, (Within, AtLeast, AtMost)):
        return None
    if len(fact.runs) > 1 and len(control.runs) > 1:
        found = difference(
            [_score(predicate, x) for x in fact.runs], [_score(predicate, x) for x in control.runs]
        )
        return Gap(float(found.value or 0.0), *found.ends)
    (model, below, above), (other, under, over) = (
        _scored(predicate, fact),
        _scored(predicate, control),
    )
    value = model - other
    return Gap(
        value,
        value - math.hypot(model - below, over - other),
        value + math.hypot(above - model, other - under),
    )


def _score(predicate: Predicate, value: float) -> float:
    match predicate:
        case AtMost():
            return -value
        case Within():
            return -abs(value - predicate.middle)
        case _:
            return value


def _scored(predicate: Predicate, fact: Measured) -> tuple[float, float, float]:
    """Score of the value, and the least and the greatest over its interval."""
    value, ends = float(fact.value or 0.0), fact.ends
    scores = [_score(predicate, x) for x in (value, *ends)]
    if isinstance(predicate, Within) and ends[0] <= predicate.middle <= ends[1]:
        scores.append(0.0)
    return scores[0], min(scores), max(scores)
