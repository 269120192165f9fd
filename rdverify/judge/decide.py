"""One predicate held against one fact: its outcome, how sure, and over thresholds.

A predicate is decided on a fact's 95 % interval: wholly inside the accepted set is CONFIRMED,
wholly outside REFUTED, else UNDECIDED. The thresholds stand in the ledger and are fixed before
the runs; nothing here chooses one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

from scipy import stats

from rdverify.judge.judged import Segment
from rdverify.judge.paper import AtLeast, AtMost, Equals, Fails, Holds, Predicate, Within
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured
from rdverify.study.tolerance import CONFIDENCE, LEVEL

ABSENT = Measured(None, n=0)  # stands for a fact that was not measured


def decide(predicate: Predicate, fact: Measured | None) -> tuple[Verdict, float | None]:
    """Verdict of one predicate on one fact, and its margin.

    The margin is the distance from the nearer end of the interval to the
    nearest bound of the accepted set: by so much the measurement could move
    before the verdict changes. None for exact predicates.
    """
    if fact is None:
        return Verdict.NOT_RUN, None
    if fact.error:
        return Verdict.ERROR, None
    match predicate:
        case Holds():
            return _exact(True, fact), None
        case Fails():
            return _exact(False, fact), None
        case Equals(value=label):
            return _exact(label, fact), None
        case _:
            return _inside(*bounds(predicate), fact)


def bounds(predicate: Predicate) -> tuple[float, float]:
    """The accepted set of a numeric predicate; ValueError for another."""
    match predicate:
        case Within(low=bottom, high=top):
            return bottom, top
        case AtLeast(value=bottom):
            return bottom, math.inf
        case AtMost(value=top):
            return -math.inf, top
        case _:
            raise ValueError(f"{type(predicate).__name__} accepts no numbers")


def _exact(expected: bool | str, fact: Measured) -> Verdict:
    if type(expected) is not type(fact.value):
        return Verdict.ERROR
    return Verdict.CONFIRMED if fact.value == expected else Verdict.REFUTED


def _inside(bottom: float, top: float, fact: Measured) -> tuple[Verdict, float | None]:
    if not numeric(fact):
        return Verdict.ERROR, None
    low, high = fact.ends
    if bottom <= low and high <= top:
        return Verdict.CONFIRMED, min(low - bottom, top - high)
    if high < bottom or low > top:
        return Verdict.REFUTED, max(bottom - high, low - top)
    return Verdict.UNDECIDED, None


def numeric(fact: Measured | None) -> bool:
    """Whether the fact is a number with numbers for its interval."""
    if fact is None or fact.error or isinstance(fact.value, (bool, str)) or fact.value is None:
        return False
    return not any(math.isnan(number) for number in (fact.value, *fact.ends))


def p_outside(predicate: Predicate, fact: Measured) -> float:
    """P of what was measured if the true value lay in the accepted set; below 0.05 is REFUTED.

    Two-sided, so that p < 1 - C says that the interval of confidence C lies outside. It is worked
    out from the half of the 95 % interval that faces the accepted set, as of a Student t with the
    fact's n where its runs are kept, else of a normal law. An exact value gives 0 or 1.
    """
    outcome, _ = decide(predicate, fact)
    if not isinstance(predicate, (Within, AtLeast, AtMost)) or not numeric(fact):
        return 0.0 if outcome == Verdict.REFUTED else 1.0
    bottom, top = bounds(predicate)
    value, (low, high) = float(fact.value or 0.0), fact.ends
    if bottom <= value <= top:
        return 1.0
    distance, half = (
        (bottom - value, high - value) if value < bottom else (value - top, value - low)
    )
    if half <= 0:
        return 0.0  # the whole interval lies outside
    law = stats.t(fact.n - 1) if fact.how == "student-t" and fact.n > 1 else stats.norm()
    return float(2 * law.sf(distance / half * law.ppf(0.5 + CONFIDENCE / 2)))


def holm(p_values: Iterable[float], level: float = LEVEL) -> list[bool]:
    """Which hypotheses fall, with at most ``level`` for one true one among them (Holm 1979)."""
    values = list(p_values)
    rejected = [False] * len(values)
    for rank, k in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        if values[k] > level / (len(values) - rank):
            break
        rejected[k] = True
    return rejected


def span_of(predicate: Predicate, given: tuple[float, float] | None) -> tuple[float, float] | None:
    """The thresholds that others might have chosen: as given, else from half to twice it.

    None where nothing could have been chosen otherwise: no number, or 0, a sign. For ``within``
    it is the half width of the band that varies.
    """
    match predicate:
        case Within():
            own = predicate.half_width
        case AtLeast(value=own) | AtMost(value=own):
            pass
        case _:
            return None
    if given is not None:
        return given
    return None if own == 0 else (min(own / 2, 2 * own), max(own / 2, 2 * own))


def at_threshold(predicate: Predicate, threshold: float) -> Predicate:
    """The same predicate with another threshold; ``within`` with another half width."""
    match predicate:
        case Within():
            return Within(predicate.middle - threshold, predicate.middle + threshold)
        case AtLeast():
            return AtLeast(threshold)
        case AtMost():
            return AtMost(threshold)
        case _:
            raise ValueError(f"{type(predicate).__name__} has no threshold")


def strip(
    predicate: Predicate,
    span: tuple[float, float],
    facts: Iterable[Measured | None],
    outcome: Callable[[Predicate], Verdict],
) -> list[Segment]:
    """The outcome as a function of the threshold over ``span``, in segments of equal outcome.

    Args:
        predicate: with the ledger's threshold.
        span: from which threshold to which.
        facts: all whose intervals the outcome depends on; it can only change at their ends.
        outcome: of the test, with another predicate.
    """
    low, high = span
    ends = [end for fact in facts if fact is not None and numeric(fact) for end in fact.ends]
    if isinstance(predicate, Within):
        ends = [abs(end - predicate.middle) for end in ends]
    cuts = sorted({low, high, *(end for end in ends if low < end < high)})
    found: list[Segment] = []
    for left, right in itertools.pairwise(cuts):
        verdict = outcome(at_threshold(predicate, (left + right) / 2))
        if found and found[-1].outcome == verdict:
            found[-1] = Segment(found[-1].start, right, verdict)
        else:
            found.append(Segment(left, right, verdict))
    return found
