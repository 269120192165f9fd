"""From facts and the ledger to the verdicts of claims.

A predicate is decided on a fact's 95 % interval: wholly inside the accepted set is CONFIRMED,
wholly outside REFUTED, else UNDECIDED. The thresholds stand in the ledger and are fixed before
the runs; nothing here chooses one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rdverify.judge.paper import (
    AtLeast,
    AtMost,
    Claim,
    Condition,
    Equals,
    Fails,
    Holds,
    Predicate,
    Within,
)
from rdverify.judge.records import Evidence, JudgedClaim
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured

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
        case Within(low=bottom, high=top):
            return _inside(bottom, top, fact)
        case AtLeast(value=bottom):
            return _inside(bottom, math.inf, fact)
        case AtMost(value=top):
            return _inside(-math.inf, top, fact)


def _exact(expected: bool | str, fact: Measured) -> Verdict:
    if type(expected) is not type(fact.value):
        return Verdict.ERROR
    return Verdict.CONFIRMED if fact.value == expected else Verdict.REFUTED


def _inside(bottom: float, top: float, fact: Measured) -> tuple[Verdict, float | None]:
    if isinstance(fact.value, (bool, str)) or fact.value is None:
        return Verdict.ERROR, None
    low, high = fact.ends
    if any(math.isnan(number) for number in (fact.value, low, high)):
        return Verdict.ERROR, None
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


def judge_claim(claim: Claim, facts: Mapping[str, Measured]) -> JudgedClaim:
    """One claim with its verdict, whether it discriminates, and the evidence.

    Tests marked ``form = "printed"`` make up ``verdict_as_printed``; those marked
    "corrected" the verdict; unmarked ones count for both. A claim discriminates
    unless, for each of its tests, some control passes it too. One whose tests or controls
    were not all run is NOT_RUN, also where its own text leaves it undecided.
    """
    tests = [_evidence(test, facts) for test in claim.test]
    verdict, printed, why = _verdicts(claim, tests)
    corrected = any(test.form != "printed" for test in tests)
    judged = [t for t in tests if t.control and (t.form != "printed" or not corrected)]
    return JudgedClaim(
        id=claim.id,
        section=claim.section,
        text=claim.text,
        equations=claim.equations,
        reading=claim.reading,
        verdict=verdict,
        verdict_as_printed=printed,
        why=why,
        discriminating=None if verdict == Verdict.NOT_RUN else _discriminates(judged),
        no_control=claim.no_control,
        evidence=tests,
    )


def _verdicts(claim: Claim, tests: Sequence[Evidence]) -> tuple[Verdict, Verdict | None, str]:
    """Verdict, verdict as printed where there are two forms, and why where no test decides."""
    if any(Verdict.NOT_RUN in (test.outcome, test.control_outcome) for test in tests):
        return Verdict.NOT_RUN, None, ""
    if claim.untestable:
        return Verdict.UNTESTABLE, None, claim.untestable
    if claim.undecided:
        return Verdict.UNDECIDED, None, claim.undecided
    corrected = [test.outcome for test in tests if test.form != "printed"]
    as_printed = [test.outcome for test in tests if test.form != "corrected"]
    two_forms = any(test.form for test in tests)
    printed = combine(as_printed) if two_forms and as_printed else None
    return combine(corrected or as_printed), printed, ""


def _discriminates(tests: Sequence[Evidence]) -> bool | None:
    """Whether every control fails one test at least; None where there is none, or one is missing.

    A test that is listed with several controls is passed if one of them passes it.
    """
    passed: dict[tuple[str, Predicate, str], bool] = {}
    for test in tests:
        if test.control_outcome in (Verdict.ERROR, Verdict.NOT_RUN):
            return None
        key = (test.fact, test.predicate, test.form)
        passed[key] = passed.get(key, False) or test.control_outcome == Verdict.CONFIRMED
    return not all(passed.values()) if passed else None


def _evidence(test: Condition, facts: Mapping[str, Measured]) -> Evidence:
    fact, control = facts.get(test.fact), facts.get(test.control)
    outcome, margin = decide(test.predicate, fact)
    known = fact or ABSENT
    return Evidence(
        fact=test.fact,
        what=known.what,
        value=known.value,
        low=known.low,
        high=known.high,
        n=known.n,
        predicate=test.predicate,
        form=test.form,
        outcome=outcome,
        margin=margin,
        error=known.error,
        control=test.control,
        control_what=test.control_what,
        control_value=control.value if control else None,
        control_outcome=decide(test.predicate, control)[0] if test.control else None,
    )
