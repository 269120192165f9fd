"""One verdict a sentence: readings, parts, inferences of ours, and levels that are shared."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.judge.claims import judge_claim
from rdverify.judge.paper import AtLeast, Claim, Condition, Sentence
from rdverify.judge.sentences import judge_sentence
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured

C, R, U, N = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED, Verdict.NOT_RUN
SENTENCE = Sentence("5.01", "5", "It is so.", "assertion", ["T-01", "T-02", "T-03", "T-09"])
FACTS = {
    "yes": Measured(1.0, 0.9, 1.1, 5),
    "no": Measured(-1.0, -1.1, -0.9, 5),
    "hardly": Measured(-1.0, -1.9, -0.1, 5),
}


def claim(name: str, fact: str, **more: Any) -> Claim:
    tests = [Condition(fact, AtLeast(0.0))] if fact else []
    return Claim(name, more.pop("sentence", "5.01"), "t", [18], test=tests, **more)


def judged(*claims: Claim) -> Any:
    return judge_sentence(SENTENCE, [judge_claim(one, FACTS, SENTENCE) for one in claims])


def test_readings_that_disagree_leave_the_sentence_undecided_and_say_what_decides() -> None:
    found = judged(
        claim("T-01", "yes", part="a"), claim("T-02", "no", part="a", decides="a definition of it")
    )
    assert found.verdict is U
    assert "T-01 CONFIRMED, T-02 REFUTED" in found.why
    assert "a definition of it" in found.why
    assert judged(claim("T-01", "no", part="a"), claim("T-02", "no", part="a")).verdict is R


def test_parts_must_all_hold() -> None:
    assert judged(claim("T-01", "yes"), claim("T-02", "no")).verdict is R
    assert judged(claim("T-01", "yes"), claim("T-02", "yes")).verdict is C
    assert judged(claim("T-01", "yes"), claim("T-02", "nothing")).verdict is N


def test_an_inference_of_ours_never_counts() -> None:
    found = judged(claim("T-01", "yes"), claim("T-02", "no", inference=True))
    assert (found.verdict, found.readings, found.inferences) == (C, ["T-01"], ["T-02"])
    assert judged(claim("T-02", "no", inference=True)).verdict is None


def test_a_sentence_that_repeats_another_has_no_verdict_of_its_own() -> None:
    elsewhere = Sentence("6.01", "6", "It is so again.", "assertion", ["T-01"])
    found = judge_sentence(elsewhere, [judge_claim(claim("T-01", "yes"), FACTS, SENTENCE)])
    assert (found.verdict, found.seen) == (None, ["T-01"])


@pytest.mark.parametrize(("parts", "verdict"), [(1, R), (4, U)])
def test_a_sentence_of_many_parts_falls_at_a_level_that_they_share(
    parts: int, verdict: Verdict
) -> None:
    names = ["hardly", *["yes"] * (parts - 1)]
    # by itself p is about 0.03: outside its 95 % interval, but not four times so
    claims = [claim(f"T-0{k + 1}", name) for k, name in enumerate(names)]
    assert judged(*claims).verdict is verdict


def test_a_printed_form_falls_by_its_own_evidence() -> None:
    tests = [
        Condition("no", AtLeast(0.0), form="printed"),
        Condition("yes", AtLeast(0.0), form="corrected"),
    ]
    both = Claim("T-01", "5.01", "t", [18], test=tests)
    found = judge_sentence(SENTENCE, [judge_claim(both, FACTS, SENTENCE)])
    assert (found.verdict, found.verdict_as_printed) == (C, R)


def test_only_what_would_turn_the_sentence_makes_it_fragile() -> None:
    near = Claim("T-02", "5.01", "t", [18], test=[Condition("near", AtLeast(0.5))])
    facts = FACTS | {"near": Measured(0.6, 0.55, 0.65, 5)}
    other = [judge_claim(one, facts, SENTENCE) for one in (claim("T-01", "no"), near)]
    assert other[1].fragile
    assert judge_sentence(SENTENCE, other).fragile == []  # T-01 refutes it whatever T-02 is
    assert judge_sentence(SENTENCE, other[1:]).fragile
