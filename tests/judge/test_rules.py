"""The rules of judging as properties, on made-up data: wrong cases fall, right ones stand."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.judge.claims import judge_claim
from rdverify.judge.decide import decide, holm, p_outside
from rdverify.judge.gaps import gap
from rdverify.judge.judged import JudgedClaim
from rdverify.judge.paper import AtLeast, AtMost, Claim, Condition, Holds, Sentence, Within
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED
SENTENCE = Sentence("5.01", "5", "It is so.", "assertion", ["T-01"])
PREDICATES = st.one_of(
    st.floats(-2, 2).map(AtLeast),
    st.floats(-2, 2).map(AtMost),
    st.tuples(st.floats(-2, 2), st.floats(0.1, 2)).map(lambda x: Within(x[0], x[0] + x[1])),
)


def number(value: float, half: float, n: int = 10) -> Measured:
    return Measured(value, value - half, value + half, n)


def judge(*tests: Condition, facts: dict[str, Measured], **more: Any) -> JudgedClaim:
    claim = Claim("T-01", "5.01", "t", [18], test=list(tests), **more)
    return judge_claim(claim, facts, SENTENCE)


NO_NUMBERS = [
    Measured("spots"),
    Measured(True),
    Measured(float("nan")),
    Measured(None, error="ZeroDivisionError"),
]
NUMBERS = st.tuples(st.floats(-3, 3), st.floats(0.001, 2)).map(lambda x: number(*x))


@given(PREDICATES, NUMBERS, NUMBERS, st.floats(1, 20), st.booleans())
@pytest.mark.once
def test_a_wider_interval_never_decides(
    predicate: Any, fact: Measured, control: Measured, factor: float, cause: bool
) -> None:
    """Neither for the paper nor against it: only to UNDECIDED, or a cause that is not shown."""
    wide = number(float(fact.value or 0), factor * (fact.ends[1] - float(fact.value or 0)))
    test = Condition("a", predicate, "b")
    before = judge(test, facts={"a": fact, "b": control}, cause=cause)
    after = judge(test, facts={"a": wide, "b": control}, cause=cause)
    if after.verdict == C:
        assert before.verdict == C
    if after.verdict == R and not cause:
        assert before.verdict == R
    if after.discriminating:
        assert before.discriminating


@given(PREDICATES, NUMBERS, NUMBERS, NUMBERS)
@pytest.mark.once
def test_one_more_control_never_makes_a_claim_discriminating(
    predicate: Any, fact: Measured, control: Measured, another: Measured
) -> None:
    facts = {"a": fact, "b": control, "c": another}
    few = judge(Condition("a", predicate, "b"), facts=facts)
    more = judge(Condition("a", predicate, "b"), Condition("a", predicate, "c"), facts=facts)
    assert not more.discriminating or few.discriminating
    if decide(predicate, another)[0] != R:
        assert more.discriminating is not True


@given(
    st.lists(st.tuples(PREDICATES, NUMBERS, NUMBERS), min_size=2, max_size=6),
    st.randoms(use_true_random=False),
)
@pytest.mark.once
def test_the_order_of_the_parts_changes_nothing(
    parts: list[tuple[Any, Measured, Measured]], chance: random.Random
) -> None:
    facts = {f"a{k}": part[1] for k, part in enumerate(parts)}
    facts |= {f"b{k}": part[2] for k, part in enumerate(parts)}
    tests = [Condition(f"a{k}", part[0], f"b{k}") for k, part in enumerate(parts)]
    shuffled = tests.copy()
    chance.shuffle(shuffled)
    one, other = judge(*tests, facts=facts), judge(*shuffled, facts=facts)
    for name in ("verdict", "discriminating", "p"):
        assert getattr(one, name) == getattr(other, name)
    assert set(one.fragile) == set(other.fragile)


@given(PREDICATES, NUMBERS, NUMBERS)
@pytest.mark.once
def test_a_cause_that_the_control_shows_as_well_is_never_confirmed(
    predicate: Any, fact: Measured, control: Measured
) -> None:
    judged = judge(Condition("a", predicate, "b"), facts={"a": fact, "b": control}, cause=True)
    if decide(predicate, control)[0] == C:
        assert judged.verdict != C
    if judged.verdict == C:
        lead = gap(predicate, fact, control)
        assert lead is not None
        assert lead.low > 0
        assert judged.discriminating


def test_a_rise_that_blank_images_show_too_has_not_its_cause_in_detail() -> None:
    test = Condition("rise", AtLeast(0.5), "blank")
    facts = {"rise": number(0.90, 0.02), "blank": number(0.91, 0.02)}
    assert judge(test, facts=facts, cause=True).verdict is R
    assert judge(test, facts=facts).verdict is C  # as a plain statement it is true
    assert judge(test, facts=facts).discriminating is False
    facts["blank"] = number(0.2, 0.02)
    assert judge(test, facts=facts, cause=True).verdict is C


def test_a_control_that_is_undecided_does_not_count_as_failing() -> None:
    test = Condition("lead", AtLeast(0.0), "untrained")
    judged = judge(test, facts={"lead": number(0.4, 0.1), "untrained": number(0.01, 0.1)})
    assert (judged.verdict, judged.discriminating) == (C, None)  # nor as passing
    near = judge(test, facts={"lead": number(0.2, 0.15), "untrained": number(0.1, 0.15)})
    assert (near.verdict, near.discriminating) == (C, False)  # no better than by scatter


def test_one_failing_part_does_not_rescue_a_conjunction() -> None:
    tests = [Condition("a", AtLeast(0.5), "x"), Condition("b", AtLeast(0.5), "y")]
    facts = {"a": number(1, 0.1), "b": number(1, 0.1), "x": number(0, 0.1), "y": number(1, 0.1)}
    assert judge(*tests, facts=facts).discriminating is False
    assert judge(tests[0], facts=facts).discriminating is True


def test_a_control_that_fails_by_less_than_scatter_is_not_told_apart() -> None:
    test = Condition("a", AtLeast(0.0), "b")
    runs = np.array([0.05, 0.9, 1.2, 0.3, 0.8])
    near = Measured.of(runs), Measured(-0.01)
    assert judge(test, facts={"a": near[0], "b": near[1]}).discriminating is True
    loose = number(0.01, 0.005), number(-0.01, 0.5)
    assert judge(test, facts={"a": loose[0], "b": loose[1]}).discriminating is False


@pytest.mark.once
def test_nine_true_parts_are_rarely_refuted_and_a_false_one_falls() -> None:
    rng, m, papers = np.random.default_rng(3), 9, 400
    tests = [Condition(f"a{k}", AtLeast(0.0)) for k in range(m)]
    refuted = alone = 0
    for _ in range(papers):
        facts = {f"a{k}": Measured.of(rng.normal(size=10)) for k in range(m)}  # on the threshold
        judged = judge(*tests, facts=facts)
        refuted += judged.verdict is R
        alone += any(test.alone is R for test in judged.evidence)
    assert refuted / papers <= 0.05 / 2 + 3 * (0.025 * 0.975 / papers) ** 0.5  # one of two sides
    assert alone / papers > 0.1  # what the shared level is there for
    facts["a0"] = Measured.of(rng.normal(-3, 1, 10))
    assert judge(*tests, facts=facts).verdict is R


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_no_more_than_each_alone_and_no_less_than_bonferroni(p: list[float]) -> None:
    for value, falls in zip(p, holm(p), strict=True):
        assert not falls or value <= 0.05
        assert falls or value > 0.05 / len(p)


@given(PREDICATES, NUMBERS)
def test_p_is_below_one_in_twenty_where_the_interval_lies_outside(
    predicate: Any, fact: Measured
) -> None:
    p = p_outside(predicate, fact)
    if abs(p - 0.05) > 1e-9:
        assert (p < 0.05) == (decide(predicate, fact)[0] is R)


@pytest.mark.parametrize("cause", [False, True])
@pytest.mark.parametrize("name", ["a", "open", "b"])
@pytest.mark.parametrize("broken", NO_NUMBERS, ids=["label", "truth", "nan", "error"])
def test_what_should_be_a_number_and_is_none_is_an_error_and_ends_nothing(
    broken: Measured, name: str, cause: bool
) -> None:
    """Whichever it is: what was measured, the same under another setting, or the control."""
    facts = {"a": number(0.4, 0.01), "open": number(0.3, 0.01), "b": number(9, 0.1), name: broken}
    judged = judge(Condition("a", AtMost(0.5), "b", also=["open"]), facts=facts, cause=cause)
    assert judged.verdict is (C if name == "b" and not cause else Verdict.ERROR)
    assert judged.discriminating is None
    assert name == "open" or judged.evidence[0].discriminates is None


def test_what_print_leaves_open_and_decides_is_undecided() -> None:
    test = Condition("up", AtLeast(0.8), "none", also=["down"], also_what="beta decreasing")
    facts = {"up": number(0.7, 0.01), "down": number(0.95, 0.01), "none": number(0, 0.1)}
    judged = judge(test, facts=facts)
    assert judged.verdict is U
    assert "beta decreasing" in judged.why
    facts["down"] = number(0.75, 0.01)
    assert judge(test, facts=facts).verdict is R


def test_a_verdict_that_turns_within_the_range_of_its_threshold_is_fragile() -> None:
    facts = {"a": number(0.06, 0.005)}
    assert judge(Condition("a", AtMost(0.05), range=(0.02, 0.2)), facts=facts).fragile
    assert not judge(Condition("a", AtMost(0.05), range=(0.02, 0.05)), facts=facts).fragile
    assert not judge(Condition("a", AtMost(0.05), fixed="the paper's own"), facts=facts).fragile
    assert judge(Condition("a", AtMost(0.05)), facts=facts).fragile  # half to twice it


def test_tests_on_one_threshold_move_together() -> None:
    """A mark that two regimes share, or a fact with two controls, is one choice of ours."""
    facts = {"spot": number(0.2, 0.01), "stripe": number(0.15, 0.01), "x": number(9, 0.1)}
    tests = [
        Condition(fact, AtMost(0.1), control, range=(0.02, 0.5))
        for fact, control in (("spot", "x"), ("spot", "stripe"), ("stripe", "x"))
    ]
    judged = judge(*tests, facts=facts)
    assert judged.verdict is R
    assert any(reason.startswith("CONFIRMED") for reason in judged.fragile)


@pytest.mark.parametrize(
    ("first", "fragile"),
    [
        (Condition("a", AtMost(1.0), "same", fixed="the paper's own"), []),
        (
            Condition("b", AtMost(1.0), "x", also=["a"], also_what="c", fixed="the paper's own"),
            ["REFUTED if the threshold of moves lay between 0.25 and 0.3"],
        ),
    ],
    ids=["refuted by its control", "left open by print"],
)
def test_what_the_other_parts_leave_of_a_claim_is_what_another_threshold_turns(
    first: Condition, fragile: list[str]
) -> None:
    """No threshold of another part turns what has fallen, or confirms what is open."""
    facts = {name: number(0.5, 0.01) for name in ("a", "same")}
    facts |= {"b": number(1.5, 0.01), "x": number(9, 0.1), "moves": number(0.3, 0.0)}
    moving = Condition("moves", AtMost(0.5), "x", range=(0.25, 1.0))
    assert judge(first, moving, facts=facts, cause=True).fragile == fragile


def test_marks_that_would_have_to_move_together_are_fragile_as_well() -> None:
    facts = {"change": number(0.06, 0.005), "rest": number(1.3, 0.05)}
    tests = [
        Condition("change", AtMost(0.01), range=(0.005, 0.1)),
        Condition("rest", AtMost(1.0), range=(0.5, 4.0)),
    ]
    judged = judge(*tests, facts=facts)
    assert judged.verdict is R
    assert judged.fragile == ["CONFIRMED with all its thresholds at their loosest"]


@given(PREDICATES, NUMBERS)
@pytest.mark.once
def test_a_strip_agrees_with_the_verdict_at_every_threshold(predicate: Any, fact: Measured) -> None:
    from rdverify.judge.decide import at_threshold

    judged = judge(Condition("a", predicate, range=(0.05, 1.5)), facts={"a": fact})
    for segment in judged.evidence[0].strip:
        for share in (0.01, 0.5, 0.99):
            threshold = segment.start + share * (segment.end - segment.start)
            assert decide(at_threshold(predicate, threshold), fact)[0] == segment.outcome


@pytest.mark.parametrize(
    ("control", "verdict"), [(Measured(True), R), (Measured(False), C)], ids=["passes", "fails"]
)
def test_a_cause_without_numbers_hangs_on_its_control(control: Measured, verdict: Verdict) -> None:
    test = Condition("a", Holds(), "b")
    assert judge(test, facts={"a": Measured(True), "b": control}, cause=True).verdict is verdict
