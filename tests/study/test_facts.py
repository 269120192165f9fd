"""What a study hands on: metrics and what print leaves open about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.study import Metric

NUMBERS = st.floats(-1e6, 1e6)


@given(NUMBERS, st.lists(NUMBERS))
def test_an_interval_that_reaches_covers_all_and_nothing_beyond(value, others):
    half = 0.5
    metric = Metric(value, "x", value - half, value + half, 7)
    wide = metric.reaching(others, "y")
    assert (wide.value, wide.what, wide.n) == (value, "y", 7)
    covered = [value - half, value + half, *others]
    assert (wide.low, wide.high) == (min(covered), max(covered))
    # order and repetition don't matter, and nothing is forgotten by reaching again
    assert metric.reaching(reversed(others), "y").reaching(others, "y") == wide


def test_an_exact_value_reaches_from_itself():
    assert (Metric(2.0, "x").reaching([3.0], "x").low, Metric(2.0, "x").reaching([], "x").high) == (
        2.0,
        pytest.approx(2.0),
    )
