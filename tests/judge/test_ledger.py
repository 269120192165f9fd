"""Every kind of predicate on made-up metrics: confirmed, refuted, undecided, error."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import spec
from rdverify.judge.cells import judge_cell, share_the_level
from rdverify.judge.claims import judge_claim as judge_a_claim
from rdverify.judge.decide import decide
from rdverify.judge.judged import CellKey, JudgedCell, JudgedClaim
from rdverify.judge.paper import (
    AtLeast,
    AtMost,
    Claim,
    Condition,
    Equals,
    Fails,
    Holds,
    Predicate,
    Sentence,
    Within,
    the_paper,
)
from rdverify.judge.verdict import Verdict, combine
from rdverify.report.markdown import verdict_text
from rdverify.study import Cell, Control, Facts, Measured, Part, Row
from rdverify.study.tolerance import interval_of
from rdverify.tools.records import convert

C, R, U, X, N = (
    Verdict.CONFIRMED,
    Verdict.REFUTED,
    Verdict.UNDECIDED,
    Verdict.ERROR,
    Verdict.NOT_RUN,
)
WITHIN = Within(0.9, 1.1)
AT_LEAST = AtLeast(2.0)
AT_MOST = AtMost(2.0)
HOLDS, FAILS = Holds(), Fails()
EQUALS = Equals("spots")
BROKEN = Measured(None, error="ZeroDivisionError: x")


def number(value: float, low: float, high: float) -> Measured:
    return Measured(value, low, high, 10)


@pytest.mark.parametrize(
    ("predicate", "metric", "verdict"),
    [
        (WITHIN, number(1, 0.95, 1.05), C),
        (WITHIN, number(2, 1.9, 2.1), R),
        (WITHIN, number(1.1, 1.05, 1.15), U),
        (WITHIN, BROKEN, X),
        (WITHIN, Measured("a"), X),
        (AT_LEAST, number(3, 2.5, 3.5), C),
        (AT_LEAST, number(1, 0.5, 1.5), R),
        (AT_LEAST, number(2, 1.5, 2.5), U),
        (AT_LEAST, BROKEN, X),
        (AT_LEAST, Measured(True), X),
        (AT_MOST, number(1, 0.5, 1.5), C),
        (AT_MOST, number(3, 2.5, 3.5), R),
        (AT_MOST, number(2, 1.5, 2.5), U),
        (AT_MOST, BROKEN, X),
        (AT_MOST, Measured(float("nan")), X),
        (AT_MOST, None, N),
        (HOLDS, Measured(True), C),
        (HOLDS, Measured(False), R),
        (HOLDS, BROKEN, X),
        (HOLDS, Measured(1.0), X),
        (FAILS, Measured(False), C),
        (FAILS, Measured(True), R),
        (FAILS, BROKEN, X),
        (EQUALS, Measured("spots"), C),
        (EQUALS, Measured("stripes"), R),
        (EQUALS, BROKEN, X),
        (EQUALS, Measured(3.0), X),
    ],
)
def test_each_predicate_in_each_case(
    predicate: Predicate, metric: Measured, verdict: Verdict
) -> None:
    assert decide(predicate, metric)[0] is verdict


@given(st.floats(-5, 5), st.floats(0, 3), st.floats(-5, 5), st.floats(0.01, 3))
def test_the_margin_is_how_far_the_measurement_may_move(
    low: float, width: float, bottom: float, size: float
) -> None:
    predicate = Within(bottom, bottom + size)
    verdict, margin = decide(predicate, number(low, low, low + width))
    for direction in (-1, 1):
        if margin is None or margin < 1e-6:
            continue
        inside = decide(
            predicate,
            number(0, low + direction * margin * 0.999, low + width + direction * margin * 0.999),
        )[0]
        assert inside is verdict
    if verdict is not U and margin is not None:
        past = [
            decide(
                predicate, number(0, low + d * (margin + 1e-6), low + width + d * (margin + 1e-6))
            )[0]
            for d in (-1, 1)
        ]
        assert any(outcome is not verdict for outcome in past)


@pytest.mark.parametrize(
    "predicate",
    [
        {"type": "about", "value": 1},
        {"type": "within", "low": 1},
        {"type": "holds", "value": 1},
        {"type": "equals", "value": 1},
        {},
    ],
)
def test_a_predicate_of_no_known_form_is_refused(predicate: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="predicate"):
        convert({"fact": "a", "predicate": predicate}, Condition)


def test_one_failed_part_refutes_a_conjunction_and_an_error_hides_it() -> None:
    assert combine([C, C]) is C
    assert combine([C, U]) is U
    assert combine([U, R, C]) is R
    assert combine([R, N]) is N
    assert combine([R, X, N]) is X


def claim(*tests: Condition, **more: Any) -> Claim:
    return Claim("T-01", "5.01", "t", [18], test=list(tests), **more)


def judge_claim(line: Claim, facts: dict[str, Measured]) -> JudgedClaim:
    return judge_a_claim(line, facts, Sentence("5.01", "5", "It is so.", "assertion", ["T-01"]))


def test_a_control_that_passes_too_makes_the_claim_not_discriminating() -> None:
    test = Condition("a", WITHIN, "b")
    good, bad = number(1, 0.95, 1.05), number(5, 4.9, 5.1)
    assert judge_claim(claim(test), {"a": good, "b": bad}).discriminating is True
    weak = judge_claim(claim(test), {"a": good, "b": good})
    assert (weak.verdict, weak.discriminating) == (C, False)
    # one failing part does not rescue a conjunction that the control passes otherwise
    both = judge_claim(claim(test, Condition("a", AT_MOST, "c")), {"a": good, "b": good, "c": bad})
    assert both.discriminating is False
    # of several controls of one test the one that passes counts: one is enough
    two = judge_claim(claim(Condition("a", WITHIN, "c"), test), {"a": good, "b": good, "c": bad})
    assert two.discriminating is False


def test_a_claim_that_was_not_measured_whole_is_not_run() -> None:
    test, good = Condition("a", WITHIN, "b"), number(1, 0.95, 1.05)
    for facts in ({}, {"a": good}, {"b": good}):
        for more in ({}, {"undecided": "no setting given"}):
            record = judge_claim(claim(test, **more), facts)
            assert (record.verdict, record.discriminating) == (N, None)


def test_printed_and_corrected_forms_have_their_own_verdicts() -> None:
    tests = Condition("p", HOLDS, form="printed"), Condition("c", HOLDS, form="corrected")
    record = judge_claim(claim(*tests), {"p": Measured(False), "c": Measured(True)})
    assert (record.verdict, record.verdict_as_printed) == (C, R)
    assert judge_claim(claim(tests[1]), {"c": Measured(True)}).verdict_as_printed is None


def test_what_cannot_be_decided_says_why() -> None:
    record = judge_claim(claim(untestable="a metaphor"), {})
    assert (record.verdict, record.why) == (Verdict.UNTESTABLE, "a metaphor")
    assert judge_claim(claim(undecided="no setting given"), {}).verdict is U
    assert judge_claim(claim(Condition("a", HOLDS)), {}).verdict is N


def test_a_crash_in_a_measurement_is_an_error_and_no_refutation() -> None:
    fact = Facts[None]()
    fact("a", "never")(lambda runs: 1 / 0)
    record = judge_claim(claim(Condition("a", HOLDS)), fact.measure(None))
    assert record.verdict is X
    assert "ZeroDivisionError" in record.evidence[0].error


KEY = CellKey("RD", "s", "r")
ROW = Row("s", "RD", "s", "#000000")


def cell(runs: list[float], fitted: bool, *parts: Part, **more: Any) -> Cell:
    return Cell(ROW, "r", np.array(runs), fitted, parts, **more)


def resolution(record: JudgedCell) -> float:
    assert record.resolution is not None
    return record.resolution


def test_a_fitted_cell_is_never_confirmed_and_a_predicted_one_never_reached() -> None:
    runs = [1.99, 2.0, 2.01]
    assert judge_cell("2.000", cell(runs, True), KEY).verdict is Verdict.REACHED
    assert judge_cell("2.000", cell(runs, False), KEY).verdict is C
    assert judge_cell("4.000", cell(runs, True), KEY).verdict is U
    assert judge_cell("4.000", cell(runs, False), KEY).verdict is R


@pytest.mark.parametrize(
    ("spread", "verdict"), [(0.01, C), (0.1, Verdict.COMPATIBLE), (1.0, U)], ids=str
)
def test_not_rejected_is_not_confirmed(spread: float, verdict: Verdict) -> None:
    """Equivalent, then compatible, then coarser than the number itself: never towards CONFIRMED."""
    record = judge_cell("2.000", cell([2 - spread, 2.0, 2 + spread], False), KEY)
    assert record.verdict is verdict
    assert record.margin == pytest.approx(0.2)


def test_an_r_near_1_is_about_its_distance_from_1() -> None:
    runs = [1.035, 1.038, 1.041]
    near = judge_cell("1.0381", cell(runs, False), KEY)
    assert (near.verdict, near.margin) == (Verdict.COMPATIBLE, pytest.approx(0.00381))
    as_m = judge_cell("1.0381", cell(runs, False), CellKey("RD", "s", "m_react"))
    assert (as_m.verdict, as_m.margin) == (C, pytest.approx(0.10381))


RANK = {R: 0, C: 0, Verdict.REACHED: 0, Verdict.COMPATIBLE: 1, U: 2}  # 0 decides, 2 does not


@given(
    st.floats(0.2, 2.0),
    st.floats(0.001, 0.3),
    st.floats(1.0, 8.0),
    st.sampled_from(["seeds", "platform", "monte-carlo", "settings"]),
    st.booleans(),
)
def test_a_wider_interval_never_helps(
    mean: float, spread: float, factor: float, part: Any, fitted: bool
) -> None:
    """Whatever widens it, a verdict only gets weaker: none becomes CONFIRMED or REFUTED."""
    shape = np.array([-1.0, 0.2, 0.8]) * spread

    def judged(wide: bool) -> Verdict:
        scale = factor if wide and part == "seeds" else 1.0
        size = spread * (factor if wide else 1.0)
        parts = () if part == "seeds" else (Part(part, size, "made up"),)
        return judge_cell("0.9500", cell(list(mean + scale * shape), fitted, *parts), KEY).verdict

    before, after = judged(False), judged(True)
    if after in (C, R):
        assert before == after
    if not fitted:
        assert RANK[after] >= RANK[before] or after is Verdict.COMPATIBLE


@pytest.mark.once
def test_nine_true_numbers_are_refuted_at_a_level_that_they_share() -> None:
    rng, papers, refuted, alone = np.random.default_rng(5), 300, 0, 0
    for _ in range(papers):
        cells = []
        for k in range(9):
            runs = rng.normal(2.0, 0.3, 10)
            key = CellKey("RD", str(k), "m_react")
            cells.append(judge_cell(f"{rng.normal(2.0, 0.3):.4f}", cell(list(runs), False), key))
        alone += any(one.verdict is R for one in cells)
        refuted += any(one.verdict is R for one in share_the_level(cells))
    assert refuted / papers <= 0.05 + 3 * (0.05 * 0.95 / papers) ** 0.5
    assert alone / papers > 0.15


def test_the_spread_over_settings_never_makes_a_pass() -> None:
    settings = Part("settings", 1.5, "spread over settings that fit as well")
    record = judge_cell("2.000", cell([0.99, 1.0, 1.01], False, settings), KEY)
    assert record.verdict is U
    assert resolution(record) < 0.1


def test_the_resolution_of_a_cell_is_where_its_verdict_turns() -> None:
    measured = cell([1.9, 2.0, 2.1], False, Part("platform", 0.001, "float32 against float64"))
    record = judge_cell("2.000", measured, KEY)
    interval = interval_of(measured.runs)
    half = (interval.predicted_high - interval.predicted_low) / 2
    assert_allclose(resolution(record), half + 0.0005 + 0.001)
    just_in, just_out = 2 + resolution(record) * 0.99, 2 + resolution(record) * 1.02
    assert judge_cell(f"{just_in:.3f}", measured, KEY).verdict is Verdict.COMPATIBLE
    assert judge_cell(f"{just_out:.3f}", measured, KEY).verdict is R


def test_a_cell_discriminates_if_its_control_would_not_give_print() -> None:
    runs = np.array([1.99, 2.0, 2.01])
    plain = judge_cell("2.000", cell(list(runs), False), KEY)
    assert (plain.control, plain.discriminating, plain.likelihood_ratio) == (None, None, None)
    for beyond, expected in ((0.9, False), (1.1, True)):
        control = Control("without the model", 2 - beyond * resolution(plain))
        record = judge_cell("2.000", cell(list(runs), False, control=control), KEY)
        assert record.discriminating is expected
        assert record.likelihood_ratio is not None
        assert record.likelihood_ratio > 1  # the model is at print, the control beside it
        assert (record.control, record.control_value) == (control.what, control.value)
        assert ("not discriminating" in verdict_text(record)) is not expected
    same = Control("the model itself", 2.0, runs)
    record = judge_cell("2.000", cell(list(runs), False, control=same), KEY)
    assert record.likelihood_ratio == pytest.approx(1.0)
    assert record.discriminating is False


def test_a_printed_form_without_a_finite_value_is_refuted_with_its_reason() -> None:
    record = judge_cell("0.3589", cell([], False, note="diverges at step 7"), KEY)
    assert (record.verdict, record.measured, record.note) == (R, None, "diverges at step 7")
    assert judge_cell("0.3589", None, KEY).verdict is N


def own_threshold(predicate: Predicate) -> float:
    match predicate:
        case Within(low=low, high=high):
            return (high - low) / 2
        case AtLeast(value=value) | AtMost(value=value):
            return value
        case _:
            raise AssertionError(f"{predicate} has no threshold")


def test_every_line_of_the_ledger_is_well_formed() -> None:
    lines = the_paper().claims
    sentences = {sentence.id for sentence in the_paper().sentences}
    assert len({line.id for line in lines}) == len(lines)
    assert {line.sentence for line in lines} <= sentences
    for line in lines:
        assert line.text.strip().endswith((".", "?"))
        assert set(line.equations) <= set(spec.EQUATIONS)
        # what is undecided for a reason may still show tests: what each answer would rest on
        decided = {key for key in ("test", "untestable", "undecided") if getattr(line, key)}
        assert decided in ({"test"}, {"untestable"}, {"undecided"}, {"test", "undecided"}), (
            f"{line.id} must have tests or a reason why not, has {decided}"
        )
        for test in line.test:
            assert bool(test.control) == bool(test.control_what)
            assert bool(test.also) == bool(test.also_what)
            assert not (test.range and test.fixed)
            if test.range:
                assert test.range[0] <= own_threshold(test.predicate) <= test.range[1], line.id
        if line.test:
            assert line.reading.strip()
            assert any(test.control for test in line.test) or line.no_control, (
                f"{line.id} has no control and no reason"
            )
