"""How sure a predicate is decided: p against another implementation, and on the bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdverify.judge.decide import bounds, p_outside
from rdverify.judge.paper import AtLeast, AtMost, Within
from rdverify.study import Measured

PREDICATES = st.one_of(
    st.floats(-2, 2).map(AtLeast),
    st.floats(-2, 2).map(AtMost),
    st.tuples(st.floats(-2, 2), st.floats(0.1, 2)).map(lambda x: Within(x[0], x[0] + x[1])),
)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), st.floats(0.01, 3))
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
