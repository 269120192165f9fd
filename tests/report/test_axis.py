"""The small axis of a test: marks lie where their numbers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.judge.judged import Evidence, Other, Segment
from rdverify.judge.paper import AtLeast, AtMost, Holds, Predicate, Within
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.axis import MARGIN, Scale, axis_of, strip_of

numbers = st.floats(-1e9, 1e9)


PLAIN = {
    "fact": "f",
    "what": "",
    "low": None,
    "high": None,
    "n": 1,
    "form": "",
    "alone": Verdict.CONFIRMED,
    "outcome": Verdict.CONFIRMED,
    "p": None,
    "margin": None,
    "error": "",
    "control": "",
    "control_what": "",
    "control_value": None,
    "control_outcome": None,
}


def evidence(predicate: Predicate, value: float | bool | None, **more: object) -> Evidence:
    return Evidence(**{**PLAIN, **more}, predicate=predicate, value=value)  # type: ignore[arg-type]


@given(st.lists(numbers, min_size=1))
def test_a_scale_keeps_order_and_ends(values: list[float]) -> None:
    scale = Scale.of(values)
    places = [scale.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert MARGIN - 0.01 <= places[0] <= places[-1] <= 100 - MARGIN + 0.01
    ticks = scale.ticks
    assert all(scale.low <= tick <= scale.high for _, tick in ticks)
    assert all(place == scale.at(tick) for place, tick in ticks)


def test_a_linear_scale_is_linear_and_a_logarithmic_one_turns_ratios_into_distances() -> None:
    linear = Scale.of([0.0, 10.0])
    assert [linear.at(v) for v in (0, 2.5, 5, 10)] == pytest.approx([4, 27, 50, 96])
    assert [tick for _, tick in linear.ticks] == [0, 2.5, 5, 7.5, 10]
    log = Scale.of([1e-2, 1e2])
    assert log.log
    assert [log.at(v) for v in (1e-2, 1e-1, 1, 1e2)] == pytest.approx([4, 27, 50, 96])
    assert [tick for _, tick in log.ticks] == pytest.approx([1e-2, 1e-1, 1, 10, 1e2])
    assert not Scale.of([1.0, 100.0]).log
    assert not Scale.of([-1.0, 1000.0]).log


@pytest.mark.parametrize(
    ("predicate", "passes"),
    [(AtLeast(0), (27, 100)), (AtMost(0), (0, 27)), (Within(-1, 3), (4, 96))],
)
def test_where_a_test_passes(predicate: Predicate, passes: tuple[float, float]) -> None:
    item = evidence(predicate, 1.0, low=-1.0, high=3.0, control_value=2.0)
    axis = axis_of(item)
    assert axis is not None
    assert axis.passes == pytest.approx(passes)
    assert (axis.value, axis.interval, axis.control) == (50.0, (4.0, 96.0), 73.0)


def test_settings_left_open_are_marked_and_what_has_no_number_is_not() -> None:
    others = [Other("f", value, None, None, Verdict.CONFIRMED) for value in (10.0, True, None)]
    axis = axis_of(evidence(AtLeast(0), 5.0, also=others, control_value="spots"))
    assert axis is not None
    assert (axis.also, axis.control, axis.interval) == ([96.0], None, None)
    assert axis_of(evidence(Holds(), True)) is None
    assert axis_of(evidence(AtLeast(0), True)) is None
    assert axis_of(evidence(AtLeast(0), None)) is None


def test_a_strip_is_whole_and_marks_our_threshold() -> None:
    parts = [Segment(1, 2, Verdict.CONFIRMED), Segment(2, 5, Verdict.REFUTED)]
    strip = strip_of(evidence(AtLeast(4), 2.0, strip=parts))
    assert strip is not None
    assert strip.segments == [(4.0, 23.0, "CONFIRMED"), (27.0, 69.0, "REFUTED")]
    assert strip.chosen == 73.0
    band = strip_of(evidence(Within(0, 2), 1.0, strip=[Segment(0.5, 1.5, Verdict.CONFIRMED)]))
    assert band is not None
    assert band.chosen == 50.0  # of a band it is the half width
    assert strip_of(evidence(AtLeast(4), 2.0)) is None


def test_every_number_of_the_record_finds_its_place(recorded: Results) -> None:
    for claim in recorded.claims:
        for item in claim.evidence:
            axis, strip = axis_of(item), strip_of(item)
            if axis:
                low, high = axis.passes
                inside = low <= axis.value <= high
                assert inside or item.alone != Verdict.CONFIRMED
            if strip:
                assert sum(width for _, width, _ in strip.segments) <= 100 - 2 * MARGIN + 0.05
