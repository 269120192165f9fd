"""How a predicate is decided, and how sure: on the bounds, and against other implementations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdverify.judge.decide import (
    at_threshold,
    bounds,
    decide,
    holm,
    numeric,
    p_outside,
    span_of,
    strip,
)
from rdverify.judge.judged import Segment
from rdverify.judge.paper import AtLeast, AtMost, Equals, Fails, Holds, Within
from rdverify.judge.verdict import Verdict
from rdverify.study import Measured

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED

PREDICATES = st.one_of(
    st.floats(-2, 2).map(AtLeast),
    st.floats(-2, 2).map(AtMost),
    st.tuples(st.floats(-2, 2), st.floats(0.1, 2)).map(lambda x: Within(x[0], x[0] + x[1])),
)


@pytest.mark.parametrize(
    ("predicate", "ends", "verdict", "margin"),
    [
        (Within(1, 2), (1, 2), C, 0),  # the bounds belong to what is accepted
        (Within(1, 2), (1.25, 1.5), C, 0.25),
        (Within(1, 2), (1.5, 1.875), C, 0.125),
        (Within(1, 2), (2, 3), U, None),  # one number in common
        (Within(1, 2), (0, 1), U, None),
        (Within(1, 2), (0, 3), U, None),
        (Within(1, 2), (3, 5), R, 1),
        (Within(1, 2), (-2, -1), R, 2),
        (AtLeast(1), (1, 5), C, 0),
        (AtLeast(1), (3, 5), C, 2),
        (AtLeast(1), (-3, 1), U, None),
        (AtLeast(1), (-3, -1), R, 2),
        (AtMost(1), (-5, 1), C, 0),
        (AtMost(1), (-5, -3), C, 4),
        (AtMost(1), (1, 5), U, None),
        (AtMost(1), (3, 5), R, 2),
    ],
)
def test_an_interval_is_held_against_the_bounds_themselves(
    predicate: Any, ends: tuple[float, float], verdict: Verdict, margin: float | None
) -> None:
    assert decide(predicate, Measured(sum(ends) / 2, *ends)) == (verdict, margin)


@pytest.mark.parametrize(
    ("predicate", "value", "verdict"),
    [
        (Holds(), True, C),
        (Holds(), False, R),
        (Fails(), True, R),
        (Fails(), False, C),
        (Equals("b"), "b", C),
        (Equals("b"), "a", R),
        (Equals("b"), "c", R),
        (Holds(), 1.0, Verdict.ERROR),
        (Holds(), "True", Verdict.ERROR),
        (Equals("b"), True, Verdict.ERROR),
        (AtLeast(0), "b", Verdict.ERROR),
        (AtLeast(0), True, Verdict.ERROR),
        (AtLeast(0), None, Verdict.ERROR),
        (AtLeast(0), math.nan, Verdict.ERROR),
    ],
)
def test_a_truth_value_and_a_label_are_held_against_their_kind(
    predicate: Any, value: Any, verdict: Verdict
) -> None:
    assert decide(predicate, Measured(value)) == (verdict, None)
    assert decide(predicate, Measured(value, error="it broke")) == (Verdict.ERROR, None)
    assert decide(predicate, None) == (Verdict.NOT_RUN, None)


def test_a_number_is_one_with_its_interval() -> None:
    assert numeric(Measured(1.0))
    assert numeric(Measured(0.0, -1.0, 1.0))
    for other in (Measured("1"), Measured(True), Measured(None), Measured(math.nan)):
        assert not numeric(other)
    assert not numeric(None)
    assert not numeric(Measured(1.0, error="it broke"))
    assert not numeric(Measured(1.0, math.nan, 2.0))
    assert not numeric(Measured(1.0, 0.0, math.nan))


def test_of_what_is_exact_p_is_0_or_1() -> None:
    assert p_outside(Holds(), Measured(True)) == 1
    assert p_outside(Holds(), Measured(False)) == 0
    assert p_outside(Equals("a"), Measured("b")) == 0
    for unknown in (Measured(None, error="it broke"), Measured("a")):
        assert p_outside(AtMost(1), unknown) == 1  # says nothing about the paper
    assert p_outside(AtMost(1), Measured(1.5)) == 0
    assert p_outside(AtLeast(1), Measured(0.5)) == 0
    assert p_outside(AtLeast(1), Measured(0.0)) == 0
    # an interval that does not hold its value, or ends at it, lies outside whole
    assert p_outside(AtMost(1), Measured(2.0, 2.5, 3.0, 5)) == 0
    assert p_outside(AtMost(1), Measured(2.0, 2.0, 3.0, 5)) == 0


@pytest.mark.parametrize(
    ("predicate", "value", "ends"),
    [
        (AtMost(1), 2.0, (1.5, 9.0)),
        (AtLeast(1), 0.0, (-9.0, 0.5)),
        (Within(1, 2), 3.0, (2.5, 9.0)),
        (Within(1, 2), 0.0, (-9.0, 0.5)),
    ],
)
def test_p_is_of_the_normal_law_or_of_students_by_how_the_interval_was_found(
    predicate: Any, value: float, ends: tuple[float, float]
) -> None:
    """Each lies twice as far off as its interval's half that faces the bound is wide."""
    two_sided = 2 * stats.norm.sf(2 * stats.norm.ppf(0.975))
    for how, n in (("welch", 5), ("clopper-pearson", 5), ("", 5), ("student-t", 1)):
        found = p_outside(predicate, Measured(value, *ends, n, how=how))
        assert found == pytest.approx(two_sided, rel=1e-9)
    for n in (2, 3, 6):
        law = stats.t(n - 1)
        found = p_outside(predicate, Measured(value, *ends, n, how="student-t"))
        assert found == pytest.approx(2 * law.sf(2 * law.ppf(0.975)), rel=1e-9)


def test_holm_goes_on_from_the_least_until_one_stands() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.049, 0.001, 0.03]) == [False, True, False]  # 0.049 alone would have fallen
    assert holm([0.25, 0.5], level=0.5) == [True, True]  # each at its level
    assert holm([0.2500001, 0.5], level=0.5) == [False, False]
    assert holm([0.049]) == [True]
    assert holm([0.051]) == [False]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("predicate", "span"),
    [
        (AtLeast(1), (0.5, 2)),
        (AtMost(3), (1.5, 6)),
        (AtMost(-3), (-6, -1.5)),
        (Within(1, 4), (0.75, 3)),
        (AtLeast(0), None),  # a sign
        (Within(1, 1), None),
    ],
)
def test_others_might_have_chosen_from_half_to_twice_a_threshold(
    predicate: Any, span: tuple[float, float] | None
) -> None:
    assert span_of(predicate, None) == span
    assert span_of(predicate, (0.1, 7)) == (0.1, 7)


def test_what_has_no_threshold_can_have_no_other() -> None:
    for predicate in (Holds(), Fails(), Equals("a")):
        assert span_of(predicate, (0.1, 7)) is None
        with pytest.raises(ValueError, match=type(predicate).__name__):
            at_threshold(predicate, 1)
        with pytest.raises(ValueError, match=type(predicate).__name__):
            bounds(predicate)


def test_another_threshold_leaves_the_middle_of_a_band() -> None:
    assert at_threshold(Within(1, 3), 0.5) == Within(1.5, 2.5)
    assert at_threshold(AtLeast(1), 3) == AtLeast(3)
    assert at_threshold(AtMost(1), 3) == AtMost(3)


@pytest.mark.parametrize(
    ("predicate", "segments"),
    [
        (AtLeast(1), [(0.25, 1, C), (1, 2, U), (2, 3, R)]),
        (AtMost(1), [(0.25, 1, R), (1, 2, U), (2, 3, C)]),
        (Within(-1, 1), [(0.25, 1, R), (1, 2, U), (2, 3, C)]),
        (Within(0.5, 2.5), [(0.25, 0.5, U), (0.5, 3, C)]),  # about 1.5, the middle of what is
    ],
)
def test_a_strip_turns_where_an_interval_ends_and_nowhere_else(
    predicate: Any, segments: list[Any]
) -> None:
    """What the outcome does not rest on cuts nothing, nor what lies outside the span."""
    fact = Measured(1.5, 1.0, 2.0, 5)
    others = [Measured(1.0, x, 9.0) for x in (0.5, 1.25, 1.75, 2.5, -4.0)]
    others += [Measured("a"), Measured(0.4, -9.0, 0.4)]
    facts = [None, *others[:3], fact, *others[3:]]
    found = strip(predicate, (0.25, 3), facts, lambda one: decide(one, fact)[0])
    assert found == [Segment(*one) for one in segments]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.01, 3))
@pytest.mark.once
def test_p_of_runs_is_that_of_students_test(runs: list[float], beyond: float) -> None:
    fact = Measured.of(np.array(runs) + np.linspace(0, 1, len(runs)))
    for predicate, bound in (
        (AtMost(fact.ends[0] - beyond), fact.ends[0] - beyond),
        (AtLeast(fact.ends[1] + beyond), fact.ends[1] + beyond),
    ):
        expected = stats.ttest_1samp(fact.runs, bound).pvalue
        assert p_outside(predicate, fact) == pytest.approx(expected, rel=1e-6)


@given(PREDICATES, st.floats(0, 1), st.floats(0, 2))
def test_what_was_measured_inside_or_on_a_bound_speaks_not_against_it(
    predicate: Any, share: float, half: float
) -> None:
    low, high = bounds(predicate)
    inside = low + share * (high - low) if isinstance(predicate, Within) else 0.0
    for value in {low, high, min(max(inside, low), high)}:
        assert p_outside(predicate, Measured(value)) == 1
        assert p_outside(predicate, Measured(value, value - half, value + half, 10)) == 1


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=6))
def test_holm_is_what_adjusted_p_values_say(p: list[float]) -> None:
    """The usual other way: p times how many are as large, never less than those before."""
    adjusted, largest = {}, 0.0
    for k, value in enumerate(sorted(p)):
        largest = max(largest, (len(p) - k) * value)
        adjusted[value] = min(adjusted.get(value, 1.0), largest)
    for value, falls in zip(p, holm(p), strict=True):
        if abs(adjusted[value] - 0.05) > 1e-12:
            assert not falls or adjusted[value] < 0.05
