"""From facts and the ledger to the verdicts of claims.

Each test is decided alone (:mod:`rdverify.judge.decide`); then three rules of the whole are
applied. A test whose outcome differs between settings that print leaves open is UNDECIDED. A
claim of cause is confirmed by the model's lead over its control, not by a threshold that the
control passes too. And a conjunction falls only if one of its parts does at a level shared among
them (Holm), since of many true parts some fail by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from rdverify.judge.decide import ABSENT, decide, holm, numeric, p_outside, span_of, strip
from rdverify.judge.fragility import fragile
from rdverify.judge.gaps import gap
from rdverify.judge.judged import Evidence, Gap, JudgedClaim, Other, Segment
from rdverify.judge.paper import Claim, Condition, Predicate, Sentence
from rdverify.judge.verdict import UNMEASURED, Verdict, agree, combine
from rdverify.study import Measured

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED
Facts = Mapping[str, Measured]


def judge_claim(claim: Claim, facts: Facts, sentence: Sentence) -> JudgedClaim:
    """One claim with its verdict, whether it discriminates, and the evidence.

    Tests marked ``form = "printed"`` make up ``verdict_as_printed``; those marked
    "corrected" the verdict; unmarked ones count for both. One whose tests or controls
    were not all run is NOT_RUN, also where its own text leaves it undecided.
    """
    tests = [_evidence(claim, test, facts) for test in claim.test]
    corrected, printed = (_shared(tests, form) for form in ("corrected", "printed"))
    as_printed = _of_form(printed, "printed")
    judged = _of_form(corrected, "corrected") or as_printed
    verdict, verdict_as_printed, why = _verdicts(claim, tests, judged, as_printed)
    return JudgedClaim(
        id=claim.id,
        sentence=sentence.id,
        section=sentence.section,
        standing=sentence.standing,
        text=claim.text,
        equations=claim.equations,
        reading=claim.reading,
        part=claim.part,
        decides=claim.decides,
        inference=claim.inference,
        cause=claim.cause,
        verdict=verdict,
        verdict_as_printed=verdict_as_printed,
        why=why,
        discriminating=None if verdict in UNMEASURED else _discriminating(judged),
        no_control=claim.no_control,
        evidence=[b if b.form == "printed" else a for a, b in zip(corrected, printed, strict=True)],
        p=_p(judged),
        p_as_printed=_p(as_printed) if verdict_as_printed else None,
        fragile=[] if claim.undecided or claim.untestable else fragile(judged),
    )


def _of_form(tests: Sequence[Evidence], form: str) -> list[Evidence]:
    return [test for test in tests if test.form in ("", form)]


def _verdicts(
    claim: Claim,
    tests: Sequence[Evidence],
    judged: Sequence[Evidence],
    as_printed: Sequence[Evidence],
) -> tuple[Verdict, Verdict | None, str]:
    """Verdict, verdict as printed where there are two forms, and why where it is no plain one."""
    if any(Verdict.NOT_RUN in (test.outcome, test.control_outcome) for test in tests):
        return Verdict.NOT_RUN, None, ""
    if claim.untestable:
        return Verdict.UNTESTABLE, None, claim.untestable
    if claim.undecided:
        return U, None, claim.undecided
    two_forms = any(test.form for test in tests) and as_printed
    verdict = combine([test.outcome for test in judged])
    printed = combine([test.outcome for test in as_printed]) if two_forms else None
    return verdict, printed, _why(judged, verdict)


def _why(tests: Sequence[Evidence], verdict: Verdict) -> str:
    """Why the claim is refuted though no test fails alone, or what leaves it undecided."""
    fallen = [test for test in tests if test.outcome == R]
    if verdict == R and all(test.alone != R for test in fallen):
        controls = dict.fromkeys(test.control_what for test in fallen)
        return f"as a cause: its control does as much ({', '.join(controls)})"
    if verdict != U:
        return ""
    reasons = [_open(test, len(_chances(tests))) for test in tests if test.outcome == U]
    return "; ".join(dict.fromkeys(reasons))


def _open(test: Evidence, parts: int) -> str:
    """What leaves one test undecided."""
    others = {other.outcome for other in test.also} - {test.alone}
    if (test.alone != U and others) or len(others - {U}) > 1:
        found = {test.alone: test.value} | {other.outcome: other.value for other in test.also}
        told = ", ".join(f"{_short(value)} is {outcome}" for outcome, value in found.items())
        return f"{test.fact} depends on what print leaves open, {test.also_what}: {told}"
    if test.alone == R:
        return f"{test.fact} fails by itself, but not at the level that {parts} parts share"
    if test.alone == C:
        return f"{test.control_what} passes as well, or is no further off than scatter"
    interval = f"[{_short(test.low)}, {_short(test.high)}]"
    return f"the interval of {test.fact}, {interval}, covers its threshold"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _part(test: Evidence) -> tuple[str, str]:
    """What a test asks of which fact: the same part of a claim, whatever the control."""
    return test.fact, str(test.predicate)


def _chances(tests: Sequence[Evidence]) -> dict[tuple[str, str], float]:
    """The p of each part with scatter that a conjunction rests on."""
    return {_part(test): test.p for test in tests if test.p is not None}


def _shared(tests: Sequence[Evidence], form: str) -> list[Evidence]:
    """The tests, with refutations of one form taken back that its shared level doesn't carry."""
    own = _chances(_of_form(tests, form))
    fallen = dict(zip(own, holm(own.values()), strict=True))
    return [
        replace(test, outcome=U)
        if test.outcome == R == test.alone
        and test.form in ("", form)
        and not fallen.get(_part(test), True)
        else test
        for test in tests
    ]


def _p(tests: Sequence[Evidence]) -> float | None:
    """The least p of the parts times their number; None without statistical parts.

    0 where what fails rests on no chance: an exact value, or a cause whose control does as much.
    """
    values = _chances(tests).values()
    if values and any(t.outcome == R and (t.p is None or t.alone != R) for t in tests):
        return 0.0
    return min(1.0, len(values) * min(values)) if values else None


def _discriminating(tests: Sequence[Evidence]) -> bool | None:
    """Whether every test tells the model from each of its controls.

    None without a control, and where a control neither passes nor fails for sure.
    """
    told = [test.discriminates for test in tests if test.control]
    if False in told:
        return False
    return True if told and None not in told else None


def _evidence(claim: Claim, test: Condition, facts: Facts) -> Evidence:
    fact, control = facts.get(test.fact), facts.get(test.control)
    alone, margin = decide(test.predicate, fact)
    known = fact or ABSENT
    lead = gap(test.predicate, fact, control)
    against = decide(test.predicate, control)[0] if test.control else None
    told = _tells(against, lead) if test.control and alone not in UNMEASURED else None
    return Evidence(
        fact=test.fact,
        what=known.what,
        value=known.value,
        low=known.low,
        high=known.high,
        n=known.n,
        predicate=test.predicate,
        form=test.form,
        alone=alone,
        outcome=_outcome(claim, test, facts, test.predicate),
        p=p_outside(test.predicate, known) if numeric(fact) and known.low is not None else None,
        margin=margin,
        error=known.error,
        control=test.control,
        control_what=test.control_what,
        control_value=control.value if control else None,
        control_outcome=against,
        also=[_other(name, test.predicate, facts.get(name)) for name in test.also],
        also_what=test.also_what,
        gap=lead,
        discriminates=told,
        strip=_strip(claim, test, facts),
        fixed=test.fixed,
    )


def _outcome(claim: Claim, test: Condition, facts: Facts, predicate: Predicate) -> Verdict:
    """Of one test with this predicate, under all open settings, and against the control."""
    names = [test.fact, *test.also]
    outcome = agree([decide(predicate, facts.get(name))[0] for name in names])
    if not (claim.cause and test.control and outcome == C):
        return outcome
    control = facts.get(test.control)
    against = decide(predicate, control)[0]
    lead = gap(predicate, facts.get(test.fact), control)
    if against in UNMEASURED:
        return against
    if against == C and (lead is None or lead.low <= 0):
        return R
    return C if _tells(against, lead) else U


def _tells(control: Verdict | None, lead: Gap | None) -> bool | None:
    """Whether a control fails for sure, and the model does better than it by more than scatter.

    None where the control was not measured, or neither passes nor fails for sure: then it does
    not count as failing, nor does it satisfy the claim.
    """
    if control in (None, *UNMEASURED):
        return None
    if control == C or (lead is not None and lead.low <= 0):
        return False
    return True if control == R else None


def _strip(claim: Claim, test: Condition, facts: Facts) -> list[Segment]:
    span = None if test.fixed else span_of(test.predicate, test.range)
    if span is None or not numeric(facts.get(test.fact)):
        return []
    names = [test.fact, *test.also, *([test.control] if test.control and claim.cause else [])]
    return strip(
        test.predicate,
        span,
        [facts.get(name) for name in names],
        lambda predicate: _outcome(claim, test, facts, predicate),
    )


def _other(name: str, predicate: Predicate, fact: Measured | None) -> Other:
    known = fact or ABSENT
    return Other(name, known.value, known.low, known.high, decide(predicate, fact)[0])
