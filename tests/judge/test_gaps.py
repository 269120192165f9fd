"""How much nearer than its control a model comes: by Welch from runs, else from intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from rdverify.judge.gaps import gap
from rdverify.judge.judged import Gap
from rdverify.judge.paper import AtLeast, AtMost, Holds, Within
from rdverify.study import Measured

ALL = [AtLeast(5.0), AtMost(5.0), Within(4.0, 6.0)]


def scores(predicate: Any, runs: list[float]) -> Any:
    """What each predicate asks for: much, little, or to be near the middle."""
    x = np.array(runs)
    return {AtLeast: x, AtMost: -x, Within: -abs(x - 5)}[type(predicate)]


@pytest.mark.parametrize("predicate", ALL, ids=["least", "most", "within"])
@pytest.mark.parametrize(
    ("model", "control"),
    [([5.0, 5.5], [1.0, 2.5]), ([4.0, 5.5, 9.0], [8.0, 3.0, 2.0, 2.5]), ([1.0, 3.0], [3.0, 1.0])],
)
def test_from_runs_the_ends_are_the_differences_that_welchs_test_just_keeps(
    predicate: Any, model: list[float], control: list[float]
) -> None:
    found = gap(predicate, Measured.of(model), Measured.of(control))
    assert found is not None
    a, b = scores(predicate, model), scores(predicate, control)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.low < found.value < found.high
    for end in (found.low, found.high):
        p = stats.ttest_ind(a - end, b, equal_var=False).pvalue
        assert p == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    ("predicate", "fact", "control", "expected"),
    [
        (AtLeast(5), (10, 7, 22), (2, -3, 6), (8, 8 - 5, 8 + 13)),
        (AtMost(5), (10, 7, 22), (2, -3, 6), (-8, -8 - 13, -8 + 5)),
        (Within(9, 11), (13, 7, 22), (30, 18, 34), (17, 17 - 15, 17 + 5)),
        (Within(9, 11), (7, -2, 13), (-10, -14, 2), (17, 17 - 15, 17 + 5)),
        (AtLeast(5), (0, -3, 12), (0, -5, 4), (0, -5, 13)),
        (AtMost(5), (0, -12, 3), (0, -4, 5), (0, -5, 13)),
    ],
)
def test_from_intervals_the_half_widths_that_face_each_other_add_as_roots_of_squares(
    predicate: Any, fact: Any, control: Any, expected: Any
) -> None:
    """Where an interval holds the middle of the band, its best score is 0."""
    assert gap(predicate, Measured(*fact), Measured(*control)) == Gap(*expected)


def test_a_single_run_has_no_scatter_to_test_by() -> None:
    """Then the mean is scored, not each run: on both sides of the middle these differ."""
    many, one = Measured.of([4.0, 6.0]), Measured.of([5.5])
    for fact, control, value in ((many, one, 0.5), (one, many, -0.5), (one, one, 0.0)):
        found = gap(Within(4, 6), fact, control)
        assert found is not None
        assert found.value == value


def test_where_one_is_missing_or_no_number_there_is_no_gap() -> None:
    good = Measured(5.0, 4.0, 6.0, 5)
    for bad in (None, Measured("a"), Measured(True), Measured(None, error="it broke")):
        for predicate in ALL:
            assert gap(predicate, good, bad) is None
            assert gap(predicate, bad, good) is None
            assert gap(predicate, bad, bad) is None
    assert gap(Holds(), good, good) is None
