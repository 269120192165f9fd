"""Claims on made-up facts: what is said of them, and when a cause, a form or a level decides."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rdverify.judge.claims import judge_claim
from rdverify.judge.judged import JudgedClaim, Segment
from rdverify.judge.paper import AtLeast, AtMost, Claim, Condition, Equals, Holds, Sentence
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED
ERROR, NOT_RUN = Verdict.ERROR, Verdict.NOT_RUN
SENTENCE = Sentence("5.01", "5", "It is so.", "assertion", ["T-01"])


def number(value: float, half: float) -> Measured:
    return Measured(value, value - half, value + half, 10)


FACTS = {
    "yes": number(1, 0.25),
    "surely": number(2, 0.25),
    "no": number(-1, 0.25),
    "worse": number(-2, 0.25),
    "hardly": number(-1, 0.9375),  # p is about 0.037
    "open": number(0, 0.25),
    "true": Measured(True),
    "false": Measured(False),
    "exact": Measured(3.0),
    "broken": Measured(None, error="ZeroDivisionError: x", n=7),
    "spots": Measured("spots"),
    "stripes": Measured("stripes"),
}


def at(fact: str, control: str = "", **more: Any) -> Condition:
    """A fact that should be 0 or more."""
    what = f"not {control}" if control else ""
    return Condition(fact, AtLeast(0.0), control, what, **more)


def judge(*tests: Condition, **more: Any) -> JudgedClaim:
    return judge_claim(Claim("T-01", "5.01", "t", [18], test=list(tests), **more), FACTS, SENTENCE)


CAUSES = [
    ("surely", "no", C, True),
    ("surely", "open", U, None),  # its control neither passes nor fails for sure
    ("surely", "yes", U, False),  # does more than its control, which passes as well
    ("yes", "yes", R, False),
    ("yes", "surely", R, False),
    ("no", "worse", R, True),  # what fails is no cause, whatever its control does
    ("open", "no", U, True),
    ("yes", "broken", ERROR, None),
    ("yes", "spots", ERROR, None),
    ("yes", "missing", NOT_RUN, None),
    ("yes", "", C, None),
]


@pytest.mark.parametrize(("fact", "control", "verdict", "told"), CAUSES)
def test_a_cause_must_do_more_than_its_control_and_a_plain_claim_need_not(
    fact: str, control: str, verdict: Verdict, told: bool | None
) -> None:
    found = judge(at(fact, control), cause=True)
    assert (found.verdict, found.evidence[0].discriminates) == (verdict, told)
    plain = judge(at(fact, control))
    assert plain.verdict is (NOT_RUN if verdict is NOT_RUN else plain.evidence[0].alone)
    assert plain.discriminating is told


@pytest.mark.parametrize(
    ("control", "cause", "discriminating"), [("true", R, False), ("false", C, True)]
)
def test_a_cause_without_numbers_is_told_by_its_control(
    control: str, cause: Verdict, discriminating: bool
) -> None:
    found = judge(Condition("true", Holds(), control, "not it"), cause=True)
    assert (found.verdict, found.discriminating) == (cause, discriminating)


@pytest.mark.parametrize(("value", "verdict", "told"), [(1.0, R, False), (0.875, U, False)])
def test_a_lead_whose_interval_begins_at_0_is_none(
    value: float, verdict: Verdict, told: bool
) -> None:
    """An exact control that passes: the model lies 0.25 above it, by 0.25 or by more for sure."""
    facts = {"model": number(1.25, 0.25), "control": Measured(value)}
    claim = Claim("T-01", "5.01", "t", [], test=[at("model", "control")], cause=True)
    found = judge_claim(claim, facts, SENTENCE)
    assert (found.verdict, found.discriminating) == (verdict, told)


@pytest.mark.parametrize(("fails_by", "told"), [(0.0, False), (0.125, True), (-0.5, False)])
def test_a_control_fails_only_by_more_than_scatter(fails_by: float, told: bool) -> None:
    facts = {"model": number(0.5, 0.5), "control": Measured(-0.125 - fails_by)}
    test = Condition("model", AtLeast(0.0), "control", "c")
    wide = {**facts, "model": Measured(0.5, 0.5 - 0.625, 1.0, 10)}
    claim = Claim("T-01", "5.01", "t", [], test=[test])
    assert judge_claim(claim, wide, SENTENCE).discriminating is told


@pytest.mark.parametrize(
    ("tests", "discriminating"),
    [
        ([at("yes")], None),
        ([at("yes", "no")], True),
        ([at("yes", "no"), at("yes")], True),
        ([at("yes", "no"), at("yes", "open")], None),
        ([at("yes", "no"), at("yes", "yes")], False),
        ([at("yes", "open"), at("yes", "yes")], False),
        ([at("no", "worse")], True),  # though it is refuted
        ([at("yes", "no"), at("missing")], None),  # though what was run is told apart
    ],
)
def test_every_control_must_be_told_apart(
    tests: list[Condition], discriminating: bool | None
) -> None:
    assert judge(*tests).discriminating is discriminating


@pytest.mark.parametrize(
    ("tests", "more", "verdict", "why"),
    [
        ([at("yes")], {}, C, ""),
        ([at("no")], {}, R, ""),
        ([at("no"), at("open")], {}, R, ""),
        ([at("broken"), at("open")], {}, ERROR, ""),
        ([at("yes", "surely")], {"cause": True}, R, "as a cause: its control does as much (not "),
        ([at("no"), at("yes", "surely")], {"cause": True}, R, ""),
        ([at("yes"), at("open")], {}, U, "the interval of open, [-0.25, 0.25], covers its thresh"),
        ([at("surely", "yes")], {"cause": True}, U, "not yes passes as well, or is no further off"),
        ([at("surely", "open")], {"cause": True}, U, "not open passes as well, or is no further"),
        (
            [at("yes"), at("hardly"), at("true")][:2],
            {},
            U,
            "hardly fails by itself, but not at the level that 2 parts share",
        ),
        (
            [at("no", also=["yes", "open"], also_what="its sign")],
            {},
            U,
            "no depends on what print leaves open, its sign: -1 is REFUTED, 1 is CONFIRMED, 0 is "
            "UNDECIDED",
        ),
        (
            [at("yes", also=["open"], also_what="its sign")],
            {},
            U,
            "yes depends on what print leaves open, its sign: 1 is CONFIRMED, 0 is UNDECIDED",
        ),
        (
            [at("open", also=["no", "yes"], also_what="its sign")],
            {},
            U,
            "open depends on what print leaves open, its sign: 0 is UNDECIDED, -1 is REFUTED",
        ),
        ([at("open", also=["yes"], also_what="its sign")], {}, U, "the interval of open, "),
        ([at("open", also=["open"], also_what="its sign")], {}, U, "the interval of open, "),
        (
            [Condition("spots", Equals("spots"), also=["stripes"], also_what="its size")],
            {},
            U,
            "spots depends on what print leaves open, its size: spots is CONFIRMED, stripes is R",
        ),
        ([at("open")], {"untestable": "a metaphor"}, Verdict.UNTESTABLE, "a metaphor"),
        ([at("yes")], {"undecided": "no number of it"}, U, "no number of it"),
        ([at("missing")], {"undecided": "no number of it"}, NOT_RUN, ""),
    ],
)
def test_it_is_said_why_where_no_test_alone_says_so(
    tests: list[Condition], more: dict[str, Any], verdict: Verdict, why: str
) -> None:
    found = judge(*tests, **more)
    assert found.verdict is verdict
    assert found.why.startswith(why)
    assert bool(found.why) == bool(why)
    assert ";" not in found.why  # of one open part alone


@pytest.mark.parametrize(
    ("tests", "verdicts"),
    [
        ([at("yes")], (C, None)),
        ([at("no", form="printed"), at("yes", form="corrected")], (C, R)),
        ([at("yes", form="printed"), at("no", form="corrected")], (R, C)),
        ([at("no", form="printed")], (R, R)),  # nothing is corrected
        ([at("no", form="corrected")], (R, None)),
        ([at("no", form="printed"), at("yes")], (C, R)),
        # a level is shared within a form
        ([at("hardly", form="printed"), at("yes", form="corrected")], (C, R)),
        ([at("hardly", form="printed"), at("yes")], (C, U)),
        ([at("hardly", form="corrected"), at("yes", form="printed")], (R, C)),
        ([at("hardly", form="corrected"), at("yes")], (U, C)),
    ],
)
def test_each_form_has_its_verdict_and_shares_its_level(
    tests: list[Condition], verdicts: tuple[Verdict, Verdict | None]
) -> None:
    found = judge(*tests)
    assert (found.verdict, found.verdict_as_printed) == verdicts
    assert (found.p_as_printed is None) == (verdicts[1] is None)


def test_a_test_of_one_form_is_shown_at_the_level_of_its_form() -> None:
    """Two of the form as printed share a level, at which the first no longer fails."""
    printed = [at(fact, form="printed") for fact in ("hardly", "yes")]
    found = judge(*printed, at("hardly", form="corrected"))
    assert [test.outcome for test in found.evidence] == [U, C, R]
    assert (found.verdict, found.verdict_as_printed) == (R, U)


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ([at("hardly")], R),
        ([at("hardly"), at("yes")], U),
        ([at("hardly"), at("hardly", "no")], R),  # one part with two controls
        ([at("hardly"), Condition("true", Holds())], R),  # no chance in the other
        ([at("hardly"), Condition("false", Holds())], R),
        ([at("hardly"), at("no")], R),
        ([at("yes"), Condition("false", Holds())], R),
        ([at("hardly", also=["broken"], also_what="x"), at("yes")], ERROR),
        ([at("hardly", also=["no"], also_what="x"), at("yes")], U),
    ],
)
def test_what_rests_on_chance_shares_a_level_and_nothing_else(
    tests: list[Condition], verdict: Verdict
) -> None:
    assert judge(*tests).verdict is verdict


def test_p_is_the_least_of_the_parts_times_their_number() -> None:
    alone = judge(at("no")).p
    assert alone is not None
    assert 0 < alone < 0.01
    assert judge(at("no")).evidence[0].p == alone
    assert judge(at("no"), at("yes")).p == pytest.approx(2 * alone)
    assert judge(at("no"), at("no", "worse")).p == pytest.approx(alone)  # one part
    assert judge(at("yes"), at("surely")).p == 1
    assert judge(at("yes")).p == 1


def test_p_is_0_where_what_fails_rests_on_no_chance_and_none_without_any() -> None:
    false = Condition("false", Holds())
    assert judge(at("yes"), false).p == 0
    assert judge(false).p is None
    assert judge(Condition("true", Holds())).p is None
    assert judge(at("exact")).p is None
    assert judge(at("broken")).p is None
    assert judge(at("yes", "surely"), cause=True).p == 0  # its control does as much
    assert judge(at("surely", "yes"), cause=True).p == 1


def test_evidence_says_what_was_measured_beside_its_control() -> None:
    test = at("no", "worse", also=["yes", "missing"], also_what="x")
    (found,) = judge(test).evidence
    assert (found.value, found.low, found.high, found.n) == (-1, -1.25, -0.75, 10)
    assert (found.alone, found.margin) == (R, 0.75)
    assert (found.control_value, found.control_outcome) == (-2, R)
    assert [(o.fact, o.value, o.outcome) for o in found.also] == [
        ("yes", 1.0, C),
        ("missing", None, NOT_RUN),
    ]
    (alone,) = judge(at("yes")).evidence
    assert (alone.control_value, alone.control_outcome, alone.discriminates) == (None, None, None)
    (broken,) = judge(at("broken")).evidence
    assert (broken.error, broken.n, broken.p) == ("ZeroDivisionError: x", 7, None)
    (missing,) = judge(at("missing")).evidence
    assert (missing.value, missing.n, missing.alone, missing.p) == (None, 0, NOT_RUN, None)


def test_the_strip_of_a_cause_turns_where_its_control_does() -> None:
    facts = {"model": number(4.5, 0.5), "control": number(1.5, 0.5)}
    test = Condition("model", AtLeast(3.0), "control", "c", range=(0.0, 6.0))

    def strip_of(test: Condition, cause: bool) -> list[Segment]:
        claim = Claim("T-01", "5.01", "t", [], test=[test], cause=cause)
        return judge_claim(claim, facts, SENTENCE).evidence[0].strip

    ends = [Segment(4.0, 5.0, U), Segment(5.0, 6.0, R)]
    assert strip_of(test, True) == [Segment(0.0, 2.0, U), Segment(2.0, 4.0, C), *ends]
    assert strip_of(test, False) == [Segment(0.0, 4.0, C), *ends]
    facts["control"] = number(math.nextafter(4, 5), 0)  # no number between it and 4
    test = Condition("model", AtLeast(4.5), "control", "c", range=(4.0, 5.0))
    assert strip_of(test, False) == [Segment(4.0, 5.0, U)]


def test_only_a_threshold_of_ours_on_a_number_has_a_strip() -> None:
    test = Condition("yes", AtMost(1.5), range=(0.5, 3.0))
    assert judge(test).evidence[0].strip
    assert judge(Condition("yes", AtMost(1.5))).evidence[0].strip
    assert judge(Condition("yes", AtMost(1.5), fixed="the paper's own")).evidence[0].strip == []
    for fact in ("spots", "missing", "broken"):
        assert judge(Condition(fact, AtMost(1.5))).evidence[0].strip == []
    assert judge(Condition("true", Holds())).evidence[0].strip == []


@pytest.mark.parametrize("why", [{"undecided": "no number of it"}, {"untestable": "a metaphor"}])
def test_what_no_threshold_decides_none_turns(why: dict[str, str]) -> None:
    test = Condition("yes", AtMost(1.5), range=(0.5, 3.0))
    assert judge(test).fragile
    assert judge(test, **why).fragile == []
