"""One verdict a sentence, from all that was read out of it.

Claims of one sentence that share a ``part`` are readings of the same statement: where they
disagree it is UNDECIDED. The parts of a sentence must all hold. An inference of ours counts for
nothing, and a sentence that repeats another is judged there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from rdverify.judge.decide import holm
from rdverify.judge.judged import JudgedClaim, JudgedSentence
from rdverify.judge.paper import Sentence
from rdverify.judge.verdict import Verdict, agree, combine


def judge_sentences(
    sentences: Sequence[Sentence], claims: Sequence[JudgedClaim]
) -> list[JudgedSentence]:
    """All sentences in the paper's order."""
    return [judge_sentence(sentence, claims) for sentence in sentences]


def judge_sentence(sentence: Sentence, claims: Sequence[JudgedClaim]) -> JudgedSentence:
    """One sentence with the verdict of its readings."""
    own = [claim for claim in claims if claim.sentence == sentence.id]
    readings = [claim for claim in own if not claim.inference]
    verdict = _verdict(readings, _corrected) if readings else None
    two_forms = any(claim.verdict_as_printed for claim in readings)
    printed = _verdict(readings, _as_printed) if two_forms else None
    told = [claim.discriminating for claim in readings if claim.discriminating is not None]
    return JudgedSentence(
        id=sentence.id,
        section=sentence.section,
        quote=sentence.quote,
        standing=sentence.standing,
        verdict=verdict,
        verdict_as_printed=printed,
        readings=[claim.id for claim in readings],
        inferences=[claim.id for claim in own if claim.inference],
        seen=[name for name in sentence.claims if name not in {claim.id for claim in own}],
        why=_why(readings, verdict),
        discriminating=all(told) if told else None,
        fragile=_fragile(readings, verdict),
        nothing_testable=sentence.nothing_testable,
    )


def _parts(readings: Sequence[JudgedClaim]) -> Mapping[str, list[JudgedClaim]]:
    """The readings by the statement that they read."""
    found: dict[str, list[JudgedClaim]] = {}
    for claim in readings:
        found.setdefault(claim.part or claim.id, []).append(claim)
    return found


def _corrected(claim: JudgedClaim) -> tuple[Verdict, float]:
    return claim.verdict, claim.p or 0.0


def _as_printed(claim: JudgedClaim) -> tuple[Verdict, float]:
    """Of the printed form where it differs from the corrected one."""
    if claim.verdict_as_printed is None:
        return _corrected(claim)
    return claim.verdict_as_printed, claim.p_as_printed or 0.0


def _verdict(
    readings: Sequence[JudgedClaim], of: Callable[[JudgedClaim], tuple[Verdict, float]]
) -> Verdict:
    """Of a conjunction of parts, each with its readings; refuted at a level shared among them."""
    parts = [[of(claim) for claim in part] for part in _parts(readings).values()]
    verdicts = [agree([verdict for verdict, _ in part]) for part in parts]
    chances = [
        max(p for _, p in part) if verdict == Verdict.REFUTED else 1.0
        for part, verdict in zip(parts, verdicts, strict=True)
    ]
    if Verdict.REFUTED in verdicts and not any(holm(chances)):
        verdicts = [Verdict.UNDECIDED if v == Verdict.REFUTED else v for v in verdicts]
    return combine(verdicts)


def _fragile(readings: Sequence[JudgedClaim], verdict: Verdict | None) -> list[str]:
    """What of the claims' fragility would turn the sentence."""
    found = []
    for claim in readings:
        for reason in claim.fragile:
            turned = Verdict(reason.partition(" ")[0])
            others = [replace(c, verdict=turned, p=0.0) if c is claim else c for c in readings]
            if _verdict(others, _corrected) != verdict:
                found.append(f"{claim.id}: {reason}")
    return found


def _why(readings: Sequence[JudgedClaim], verdict: Verdict | None) -> str:
    """What the readings disagree on, and what would decide."""
    if verdict != Verdict.UNDECIDED:
        return ""
    found = []
    for part in _parts(readings).values():
        if len({claim.verdict for claim in part}) > 1:
            named = ", ".join(f"{claim.id} {claim.verdict}" for claim in part)
            decides = "; ".join(dict.fromkeys(c.decides for c in part if c.decides))
            found.append(f"readings disagree ({named})" + (f": {decides}" if decides else ""))
        elif part[0].verdict == Verdict.UNDECIDED and part[0].why:
            found.append(f"{part[0].id}: {part[0].why}")
    return "; ".join(found)
