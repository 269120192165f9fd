"""One verdict a sentence: readings, parts, inferences of ours, and levels that are shared."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from rdverify.judge.claims import judge_claim
from rdverify.judge.judged import JudgedClaim
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


PLAIN = judge_claim(claim("T-01", "yes"), FACTS, SENTENCE)


def reading(name: str, verdict: Verdict, **more: Any) -> JudgedClaim:
    """A claim as it was judged, whatever it rests on."""
    return replace(PLAIN, id=name, verdict=verdict, **more)


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], None), ([None], None), ([True, None], True), ([True, False], False), ([False], False)],
)
def test_a_sentence_discriminates_where_each_reading_with_a_control_does(
    told: list[bool | None], expected: bool | None
) -> None:
    readings = [reading(f"T-{k}", C, discriminating=one) for k, one in enumerate(told)]
    inference = reading("T-09", C, discriminating=False, inference=True)
    assert judge_sentence(SENTENCE, [*readings, inference]).discriminating is expected


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ([reading("a", R, p=0.03)], R),
        ([reading("a", R, p=0.03), reading("b", C)], U),
        ([reading("a", R, p=0.03), reading("b", U, p=0.001)], U),  # what is open carries nothing
        ([reading("a", R, p=0.03), reading("b", R, p=0.001)], R),
        ([reading("a", R, p=None), reading("b", C, p=None)], R),  # no chance in it
        ([reading("a", R, p=0.001, part="x"), reading("b", R, p=0.03, part="x")], R),
        ([reading(x, R, p=p, part="x") for x, p in (("a", 0.001), ("b", 0.03))] + [PLAIN], U),
        ([reading("a", N), reading("b", R, p=0)], N),
        ([reading("a", Verdict.UNTESTABLE), reading("b", C)], Verdict.UNTESTABLE),
    ],
)
def test_a_sentence_falls_by_the_weakest_of_readings_that_agree(
    claims: list[JudgedClaim], verdict: Verdict
) -> None:
    """Its parts share a level, each with the largest p of its readings."""
    assert judge_sentence(SENTENCE, claims).verdict is verdict
    printed = [
        replace(one, verdict=C, p=0.5, verdict_as_printed=one.verdict, p_as_printed=one.p)
        for one in claims
    ]
    found = judge_sentence(SENTENCE, printed)
    assert (found.verdict, found.verdict_as_printed) == (C, verdict)


def test_a_reading_without_a_printed_form_counts_as_it_is() -> None:
    printed = reading("a", C, verdict_as_printed=R, p_as_printed=0.001)
    found = judge_sentence(SENTENCE, [printed, reading("b", C)])
    assert (found.verdict, found.verdict_as_printed) == (C, R)
    found = judge_sentence(SENTENCE, [replace(printed, verdict_as_printed=C), reading("b", U)])
    assert (found.verdict, found.verdict_as_printed) == (U, U)
    assert judge_sentence(SENTENCE, [reading("b", U)]).verdict_as_printed is None


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ([reading("a", U, why="no number")], "a: no number"),
        ([reading("a", U, why="")], ""),
        ([reading("a", U, why="x", part="p"), reading("b", U, why="y", part="p")], "a: x"),
        ([reading("a", U, why="x"), reading("b", U, why="y")], "a: x; b: y"),
        ([reading("a", U, why="x"), reading("b", Verdict.UNTESTABLE, why="y")], "a: x"),
        ([reading("a", U, why="x"), reading("b", C)], "a: x"),
        ([reading("a", U, why="x"), reading("b", R, why="y", p=0)], ""),
        ([reading("a", C), reading("b", Verdict.UNTESTABLE, why="y")], ""),
        (
            [reading(x, v, part="p", decides="d") for x, v in (("a", C), ("b", R))],
            "readings disagree (a CONFIRMED, b REFUTED): d",
        ),
        (
            [reading(x, v, part="p") for x, v in (("a", C), ("b", R))],
            "readings disagree (a CONFIRMED, b REFUTED)",
        ),
    ],
)
def test_a_sentence_says_what_leaves_it_undecided(claims: list[JudgedClaim], why: str) -> None:
    assert judge_sentence(SENTENCE, claims).why == why


def test_what_turns_a_reading_is_told_where_it_turns_the_sentence() -> None:
    up = "CONFIRMED if the threshold of x lay between 1 and 2"
    down = "REFUTED if the threshold of x lay between 1 and 2"
    same = "UNDECIDED with all its thresholds at their loosest"
    good, bad = reading("a", C, fragile=[down]), reading("b", R, p=0, fragile=[up, same])
    assert judge_sentence(SENTENCE, [good]).fragile == [f"a: {down}"]
    assert judge_sentence(SENTENCE, [bad]).fragile == [f"b: {up}", f"b: {same}"]
    assert judge_sentence(SENTENCE, [good, bad]).fragile == [f"b: {up}", f"b: {same}"]
    both = judge_sentence(SENTENCE, [bad, replace(bad, id="c")])
    assert both.fragile == []  # the other refutes it all the same
