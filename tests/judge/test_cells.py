"""Cells of Table 1: where each verdict ends, a shared level, and controls beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdverify.judge.cells import judge_cell, judge_table1, scale_of, share_the_level
from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.paper import Paper, PrintedRow
from rdverify.judge.verdict import Verdict
from rdverify.study import QUANTITIES, Cell, Control, Part, Row

C, R, U = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.UNDECIDED


KEY = CellKey("RD", "s", "m_react")
ROW = Row("s", "RD", "s", "#000000")


def judged(printed: str, runs: Any, *parts: Part, key: CellKey = KEY, **more: Any) -> JudgedCell:
    cell = Cell(ROW, key.quantity, np.array(runs), more.pop("fitted", False), parts, **more)
    return judge_cell(printed, cell, key)


def platform(size: float) -> Part:
    return Part("platform", size, "made up")


def settings(size: float) -> Part:
    return Part("settings", size, "made up")


@pytest.mark.parametrize("runs", [[1.0, 3.0], [1.0, 2.5, 2.5], [1.5, 2.0, 2.0, 2.25, 2.25]])
@pytest.mark.parametrize("printed", ["0.800", "3.500"])
def test_a_cell_is_judged_as_one_more_run(printed: str, runs: list[float]) -> None:
    """With s the runs' deviation, rounding and platform e, and settings S."""
    found = judged(printed, runs, platform(0.01), settings(0.02))
    n, mean = len(runs), float(np.mean(runs))
    one_run = float(np.std(runs, ddof=1)) * (1 + 1 / n) ** 0.5
    accepted = float(stats.t.ppf(0.975, n - 1)) * one_run + 0.0105
    assert (found.measured, found.n, found.runs) == (mean, n, runs)
    assert found.deviation == pytest.approx(float(printed) - mean)
    assert found.resolution == pytest.approx(accepted)
    assert found.tolerance is not None
    assert found.tolerance.half_width == pytest.approx(accepted)
    assert found.tolerance.with_settings == pytest.approx(accepted + 0.02)
    assert found.margin == pytest.approx(0.1 * float(printed))
    beyond = abs(float(printed) - mean) - 0.0305
    assert found.p == pytest.approx(2 * float(stats.t.sf(beyond / one_run, n - 1)))


@pytest.mark.parametrize("runs", [[9.98, 10.02], [9.99, 10.0, 10.02], [10.0]])
@pytest.mark.parametrize("part", [platform, settings])
def test_print_is_confirmed_where_both_one_sided_tests_and_all_else_stay_within_a_tenth(
    runs: list[float], part: Any
) -> None:
    n, off = len(runs), abs(10 - float(np.mean(runs)))
    scatter = float(np.std(runs, ddof=1)) * (1 + 1 / n) ** 0.5 if n > 1 else 0.0
    one_sided = float(stats.t.ppf(0.95, n - 1)) * scatter if n > 1 else 0.0
    left = 1 - off - one_sided - 0.0005  # rounding
    assert judged("10.000", runs, part(left - 1e-6)).verdict is C
    assert judged("10.000", runs, part(left + 1e-6)).verdict is Verdict.COMPATIBLE


def test_a_single_run_has_no_scatter() -> None:
    inside, outside = judged("2.0000", [2.0]), judged("3.0000", [2.0])
    assert (inside.verdict, inside.p, inside.n) == (C, 1.0, 1)
    assert (outside.verdict, outside.p) == (R, 0.0)
    same = judged("3.0000", [2.0, 2.0, 2.0])
    assert (same.verdict, same.p) == (R, 0.0)


@pytest.mark.parametrize(
    ("printed", "accepted", "spread", "fitted", "verdict"),
    [
        ("3", 1.0, 0.0, True, Verdict.REACHED),
        ("3", 0.999, 0.0, True, U),
        ("3", 0.999, 1.0, True, U),  # no spread over settings helps a fit
        ("3", 1.0, 0.0, False, Verdict.COMPATIBLE),
        ("3", 1.0, 0.5, False, Verdict.COMPATIBLE),  # half of what it is about
        ("3", 1.0, 0.501, False, U),  # more than it: a number off by half would pass
        ("3", 0.75, 0.25, False, U),  # only the spread over settings reaches print
        ("3", 0.75, 0.249, False, R),
        ("3", 0.999, 0.0, False, R),
        ("2", 1.0, 0.0, False, Verdict.COMPATIBLE),
        ("2", 1.01, 0.0, False, U),
    ],
)
def test_each_verdict_ends_where_the_next_begins(
    printed: str, accepted: float, spread: float, fitted: bool, verdict: Verdict
) -> None:
    """One run of 2, so that what is accepted is rounding (half a unit) and platform alone."""
    parts = platform(accepted - 0.5), settings(spread)
    assert judged(printed, [2.0], *parts, fitted=fitted).verdict is verdict
    assert judged(printed, [2.0], *parts, fitted=fitted).resolution == pytest.approx(accepted)


def test_the_margin_of_a_fit_is_none_and_what_was_not_measured_has_no_numbers() -> None:
    assert judged("2.000", [2.0], fitted=True).margin is None
    for cell in (None, Cell(ROW, "m_react", np.empty(0), False, note="it diverges")):
        found = judge_cell("2.000", cell, KEY)
        assert found.verdict is (Verdict.NOT_RUN if cell is None else R)
        assert (found.measured, found.p, found.margin, found.runs) == (None, None, None, [])


@pytest.mark.parametrize(
    ("quantity", "target", "measured", "about"),
    [
        ("r", 1.0999, 5.0, 0.0999),  # near 1 as printed
        ("r", 0.9001, 5.0, 0.0999),
        ("r", 1.1001, 5.0, 1.1001),
        ("r", 0.8999, 5.0, 0.8999),
        ("r", 1.5, 1.0999, 0.5),  # near 1 as measured
        ("r", 1.5, 0.9001, 0.5),
        ("r", 1.5, 1.1001, 1.5),
        ("r", 1.5, 0.1, 1.5),
        ("r", 2.0, 2.0, 2.0),
        ("m_react", 1.05, 1.05, 1.05),
        ("m_diff", 1.05, 1.05, 1.05),
        ("m_diff", -2.0, 1.0, 2.0),
    ],
)
def test_a_ratio_near_1_alone_is_about_its_distance_from_1(
    quantity: Any, target: float, measured: float, about: float
) -> None:
    assert scale_of(quantity, target, measured) == pytest.approx(about)


def likelihood(target: float, runs: Any, errors: float) -> float:
    """Student's density of one run at print, as wide as its scatter and half the errors."""
    n = len(runs)
    scatter = float(np.std(runs, ddof=1)) * (1 + 1 / n) ** 0.5 if n > 1 else 0.0
    scale = (scatter**2 + (errors / 2) ** 2) ** 0.5
    return float(stats.t.pdf(target, max(n - 1, 1), float(np.mean(runs)), scale))


@pytest.mark.parametrize("runs", [[2.0], [1.8, 2.3], [1.8, 2.3, 2.4]])
@pytest.mark.parametrize("own", [[], [1.5], [1.0, 1.1], [1.0, 1.1, 1.7, 0.4]])
def test_print_is_so_much_likelier_under_the_model_than_under_its_control(
    runs: list[float], own: list[float]
) -> None:
    """A control without several runs of its own scatters as the model does."""
    value = float(np.mean(own)) if own else 1.5
    found = judged("2.10", runs, platform(0.1), control=Control("none", value, np.array(own)))
    others = own if len(own) > 1 else list(np.array(runs) - np.mean(runs) + value)
    expected = likelihood(2.1, runs, 0.105) / likelihood(2.1, others, 0.105)
    assert found.likelihood_ratio == pytest.approx(expected, rel=1e-6)
    assert (found.control, found.control_value) == ("none", value)


@pytest.mark.parametrize(("share", "told"), [(0.999, False), (1.001, True)])
def test_a_control_is_told_apart_from_where_one_run_of_it_would_not_give_print(
    share: float, told: bool
) -> None:
    runs = np.array([1.99, 2.0, 2.01, 2.0])
    plain = judged("2.000", runs, platform(0.01))
    away = share * ((plain.predicted_high or 0.0) - (plain.measured or 0.0) + 0.0105)
    for value in (2 - away, 2 + away):
        found = judged("2.000", runs, platform(0.01), control=Control("none", value))
        assert found.discriminating is told


def test_a_control_that_is_nearer_to_print_is_not_told_apart() -> None:
    runs = np.array([1.99, 2.0, 2.01])
    assert judged("4.000", runs, control=Control("none", 3.0)).discriminating is False
    assert judged("4.000", runs, control=Control("none", 0.0)).discriminating is True


def test_a_control_without_a_finite_value_tells_nothing() -> None:
    for value in (np.inf, np.nan):
        found = judged("2.000", [1.99, 2.0, 2.01], control=Control("it diverges", value))
        assert (found.likelihood_ratio, found.discriminating) == (None, None)
        assert found.control == "it diverges"
    assert judged("2.000", [1.99, 2.0, 2.01]).likelihood_ratio is None


def test_a_likelihood_ratio_stays_a_number() -> None:
    runs = 2 + 1e-3 * np.linspace(-1, 1, 200)
    found = judged("2.0000", runs, control=Control("far away", 200.0))
    assert found.likelihood_ratio == pytest.approx(np.exp(700))


def of_p(p: float | None, verdict: Verdict, **more: Any) -> JudgedCell:
    """A number with its verdict by itself."""
    where = {name: more.pop(name) for name in ("system", "form") if name in more}
    key = CellKey(where.get("system", "RD"), "s", "r", where.get("form", "corrected"))
    return JudgedCell(key, "1.0", verdict, "by itself", p=p, **more)


@pytest.mark.parametrize(
    ("others", "together"),
    [
        ([], R),
        ([of_p(0.5, C)], U),  # two numbers share 5 %
        ([of_p(0.001, R)], R),  # which has fallen, and shares no longer
        ([of_p(0.0, R)], R),
        ([of_p(0.5, C, fitted=True)], R),  # a fit can't be refuted, and takes no share
        ([of_p(0.5, C, system="LSTM")], R),
        ([of_p(0.5, C, form="printed")], R),
        ([of_p(None, R)], R),  # no chance in it
    ],
)
def test_a_number_falls_at_a_level_that_the_predictions_of_its_system_share(
    others: list[JudgedCell], together: Verdict
) -> None:
    for cells in ([of_p(0.03, R), *others], [of_p(0.03, R), *others[::-1]]):
        found = share_the_level(cells)
        assert found[0].verdict is together
        assert found[1:] == others


def test_how_many_numbers_share_a_level_is_told() -> None:
    cells = [of_p(0.03, R), of_p(None, R), of_p(0.5, C), of_p(0.9, C, fitted=True)]
    found = share_the_level(cells)
    assert [cell.verdict for cell in found] == [U, R, C, C]
    assert "the 2 predicted numbers of its system" in found[0].reason


def test_the_table_is_judged_row_by_row_and_its_printed_forms_where_they_were_measured() -> None:
    rows = [PrintedRow(system, "s", "2.000", "2.000", "1.000") for system in ("RD", "LSTM")]
    runs = np.array([1.999, 2.0, 2.001])
    forms: list[Any] = ["corrected", "printed"]
    cells = [Cell(ROW, "m_diff", runs, False, form=form) for form in forms]
    found = judge_table1(Paper(rows, []), cells)
    assert [cell.name for cell in found] == [
        *(f"{system}/s/{name}" for system in ("RD", "LSTM") for name in QUANTITIES),
        "RD/s/m_diff (as printed)",
    ]
    assert [k for k, cell in enumerate(found) if cell.verdict is C] == [1, 6]
    assert {cell.verdict for cell in found} == {C, Verdict.NOT_RUN}


@given(st.floats(0.02, 0.9), st.floats(1e-4, 0.1), st.booleans())
@pytest.mark.once
def test_a_control_as_far_from_print_on_the_other_side_is_not_told_apart(
    away: float, share: float, own_runs: bool
) -> None:
    runs = 2 + away * (1 + share * np.array([-1.0, 0.0, 1.0]))
    control = Control("its mirror image", 2 - away, 4 - runs if own_runs else np.empty(0))
    cell = Cell(Row("s", "RD", "s", "#000000"), "r", runs, False, control=control)
    record = judge_cell("2.0000", cell, CellKey("RD", "s", "r"))
    assert record.discriminating is False
    assert record.likelihood_ratio == pytest.approx(1.0, rel=1e-6)
