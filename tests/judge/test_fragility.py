"""What would turn a verdict: thresholds alone, those that are one choice, and all together."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.judge.fragility import fragile
from rdverify.judge.judged import Evidence, Other, Segment
from rdverify.judge.paper import AtLeast, AtMost
from rdverify.judge.verdict import Verdict

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED
EPS = 2.0**-52  # between 1 and the next number


def part(
    fact: str, predicate: Any, outcome: Verdict, *segments: Any, alone: Any = None, also: Any = ()
) -> Evidence:
    """One test of a claim, with its outcome over thresholds."""
    return Evidence(
        fact=fact,
        what="",
        value=1.0,
        low=0.9,
        high=1.1,
        n=5,
        predicate=predicate,
        form="",
        alone=alone or outcome,
        outcome=outcome,
        p=0.5,
        margin=None,
        error="",
        control="",
        control_what="",
        control_value=None,
        control_outcome=None,
        also=[Other(name, 1.0, None, None, C) for name in also],
        strip=[Segment(*one) for one in segments],
    )


def test_without_a_threshold_of_ours_nothing_turns() -> None:
    assert fragile([part("a", AtMost(1), C), part("b", AtMost(1), R)]) == []


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (C, ["REFUTED if the threshold of a lay between 0.25 and 1"]),
        (R, ["CONFIRMED if the threshold of a lay between 2 and 4"]),
    ],
)
def test_a_threshold_turns_the_verdict_where_its_strip_says(own: Verdict, told: list[str]) -> None:
    """It is told once, not again for all thresholds at their loosest or strictest."""
    undecided = "UNDECIDED if the threshold of a lay between 1 and 2"
    found = fragile([part("a", AtMost(3), own, (0.25, 1, R), (1, 2, U), (2, 4, C))])
    assert sorted(found) == sorted([*told, undecided])


def test_parts_on_one_threshold_move_together() -> None:
    first = part("b", AtMost(2.5), C, (0, 1, R), (1, 1.5, U), (1.5, 3, C))
    other = part("a", AtMost(2.5), C, (0, 2, R), (2, 2.5, U), (2.5, 3, C))
    assert fragile([first, other]) == [
        "REFUTED if the common threshold of a and b lay between 0 and 2",
        "UNDECIDED if the common threshold of a and b lay between 2 and 2.5",
    ]
    again = part("b", AtMost(2.5), C, (0, 2, R), (2, 3, C))  # against another control
    assert fragile([first, again])[0] == "REFUTED if the threshold of b lay between 0 and 2"
    apart = part("a", AtMost(2.5), C, (0, 2, R), (2, 4, C))  # of another range
    assert fragile([first, apart]) == [
        "REFUTED if the threshold of b lay between 0 and 1",
        "UNDECIDED if the threshold of b lay between 1 and 1.5",
        "REFUTED if the threshold of a lay between 0 and 2",
    ]


def test_what_the_other_parts_leave_is_what_a_threshold_turns() -> None:
    moving = part("a", AtMost(1), R, (0, 2, R), (2, 4, C))
    assert fragile([part("b", AtMost(1), R), moving]) == []
    assert fragile([part("b", AtMost(1), U), moving]) == [
        "UNDECIDED if the threshold of a lay between 2 and 4"
    ]


@pytest.mark.parametrize("end", [C, U])
def test_thresholds_that_turn_it_together_alone_are_told(end: Verdict) -> None:
    """What asks least is the least of a lower bound, and the greatest of an upper one."""
    low = part("a", AtLeast(1), R, (0.25, 0.5, end), (0.5, 0.75, R), (0.75, 3, R))
    high = part("b", AtMost(1), R, (0.25, 0.5, R), (0.5, 2, R), (2, 3, end))
    assert fragile([low, high]) == [f"{end} with all its thresholds at their loosest"]
    low = part("a", AtLeast(1), R, (0.25, 0.5, R), (0.5, 0.75, R), (0.75, 3, end))
    high = part("b", AtMost(1), R, (0.25, 0.5, end), (0.5, 2, R), (2, 3, R))
    assert fragile([low, high]) == [f"{end} with all its thresholds at their strictest"]
    fixed = part("c", AtMost(1), R)
    assert fragile([low, high, fixed]) == []


def test_a_part_is_taken_as_it_was_before_a_level_was_shared() -> None:
    """Its strip was; but not what is open in print, nor what a control takes away."""
    moving = part("a", AtMost(3), C, (0, 2, R), (2, 4, C))
    told = ["REFUTED if the threshold of a lay between 0 and 2"]
    assert fragile([part("b", AtMost(1), U, alone=R), moving]) == []
    assert fragile([part("b", AtMost(1), U, alone=R, also=["c"]), moving]) == told
    assert fragile([part("b", AtMost(1), R, alone=C), moving]) == []  # its control does as much
    turned = part("a", AtMost(1), R, (0, 2, R), (2, 4, C))
    assert fragile([part("b", AtMost(1), U, alone=C), turned]) == [
        "UNDECIDED if the threshold of a lay between 2 and 4"
    ]


def test_a_segment_may_be_as_narrow_as_numbers_are() -> None:
    """The middle of two neighbouring numbers is one of them."""
    narrow = part("a", AtMost(1), C, (1, 1 + EPS, R), (1 + EPS, 1 + 2 * EPS, C))
    assert fragile([narrow]) == ["REFUTED if the threshold of a lay between 1 and 1"]
