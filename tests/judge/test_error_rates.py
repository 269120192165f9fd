"""Error rates of the judging on made-up cells whose true rates are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy import stats

from rdverify.judge.cells import judge_table1
from rdverify.judge.decide import holm
from rdverify.judge.error_rates import (
    PAPERS,
    Checks,
    Law,
    complete_rows,
    error_rates,
    holm_rows,
    rounded,
)
from rdverify.judge.judged import JudgedCell
from rdverify.judge.paper import Paper, PrintedRow
from rdverify.judge.verdict import Verdict
from rdverify.study import QUANTITIES, Cell, Part, Row

N = 10


def standard(rng: np.random.Generator, n: int = N) -> Any:
    """Two series of n numbers with mean 0, deviation 1 and no correlation, exactly."""
    z = rng.standard_normal((n, 2))
    z -= z.mean(axis=0)
    return np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T)


def cells_of(
    seed: int, rows: int = 1, spread: float = 0.3, fitted: str = "r", parts: tuple[Part, ...] = ()
) -> tuple[Paper, list[Cell]]:
    """Rows of a system whose M's have a mean of 1 and this deviation; R chose the setting."""
    rng, printed, found = np.random.default_rng(seed), [], []
    for k in range(rows):
        react, diff = 1 + spread * standard(rng)
        row = Row(f"r{k}", "S", f"r{k}", "#000000")
        printed.append(PrintedRow("S", f"r{k}", "1.00000000", "1.00000000", "1.00000000"))
        for quantity, runs in zip(QUANTITIES, (react, diff, react / diff), strict=True):
            found.append(Cell(row, quantity, runs, quantity in fitted.split(), parts))
    return Paper(printed, []), found


def judged(seed: int, **more: Any) -> list[JudgedCell]:
    return judge_table1(*cells_of(seed, **more))


def beyond(rate: float, expected: float, papers: int = PAPERS) -> bool:
    """Whether a share lies more than four standard errors from what is expected."""
    return abs(rate - expected) > 4 * (expected * (1 - expected) / papers) ** 0.5


@pytest.mark.once
def test_true_papers_are_refuted_as_often_as_the_level_says() -> None:
    """Of m independent true numbers one falls with 1 - 0.95^m, and with 5 % at a shared level."""
    found = error_rates(judged(1, rows=3)).families[0]
    assert (found.system, found.predicted, found.papers) == ("S", 6, PAPERS)
    assert not beyond(found.unshared, 1 - 0.95**6)
    assert not beyond(found.anew, 1 - (1 - 0.05 / 6) ** 6)  # Holm's first step decides
    assert found.anew_low < found.anew < found.anew_high


def test_against_the_recorded_runs_the_rate_is_the_normal_laws_tail() -> None:
    """With mean and deviation exact, print is refuted beyond t sqrt(1 + 1/n) deviations."""
    found = error_rates(judged(2, fitted="m_diff r")).families[0]
    reach = stats.t.ppf(0.975, N - 1) * np.sqrt(1 + 1 / N)
    assert not beyond(found.recorded, 2 * stats.norm.sf(reach))
    assert not beyond(found.anew, 0.05)


def test_the_power_is_that_of_the_noncentral_t() -> None:
    found = error_rates(judged(3, spread=0.2, fitted="m_diff r"), off=(0.4, 0.6, 0.9)).power
    assert [one.name for one in found] == ["S/r0/m_react"]
    for by, share in zip(found[0].deviations, found[0].refuted, strict=True):
        expected = []
        for factor in (1 + by, 1 - by):
            width = np.sqrt(factor**2 + 1 / N)  # print's scatter grows with it
            reach = stats.t.ppf(0.975, N - 1) * np.sqrt(1 + 1 / N) / width
            expected.append(stats.nct.sf(reach, N - 1, by / 0.2 / width))
        assert abs(share - np.mean(expected)) < 0.04


@pytest.mark.parametrize(("spread", "bound"), [(0.02, 0.15), (0.05, 0.3), (0.1, 0.6)])
@pytest.mark.once
def test_what_is_caught_grows_with_the_scatter(spread: float, bound: float) -> None:
    caught = error_rates(judged(4, spread=spread)).power[0].caught
    assert caught is not None
    assert 2.5 * spread < caught < bound


def test_a_deviation_is_caught_at_ninety_per_cent() -> None:
    cells = judged(5, spread=0.04)
    caught = error_rates(cells).power[0].caught
    assert caught is not None
    again = error_rates(cells, off=(0.9 * caught, 1.15 * caught)).power[0]
    assert again.refuted[1] > 0.9
    assert again.refuted[0] < again.refuted[1]
    assert error_rates(cells, off=(0.001, 0.002)).power[0].caught is None


@pytest.mark.once
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1000),
    st.sampled_from([0.001, 0.02, 0.3]),
    st.sampled_from(["r", "", "m_react m_diff"]),
    st.sampled_from(
        [
            (),
            (Part("platform", 0.01, "p"),),
            (Part("settings", 0.05, "s"), Part("platform", 0, "p")),
        ]
    ),
)
def test_the_rules_on_arrays_are_those_of_table_1(
    seed: int, spread: float, fitted: str, parts: tuple[Part, ...]
) -> None:
    paper, measured = cells_of(seed, rows=2, spread=spread, fitted=fitted, parts=parts)
    cells = judge_table1(paper, measured)
    rng = np.random.default_rng(seed)
    factors = rng.choice([1.0, 0.5, 0.9, 1.1, 1.3, 3.0], (20, len(cells)))
    drawn = rounded(Law.of(cells).draw(rng, 20) * factors, np.full(len(cells), 8))
    moments = np.array([[np.mean(cell.runs), np.std(cell.runs, ddof=1)] for cell in cells]).T
    found = Checks.of(cells).refuted(drawn, *moments)
    for numbers, refuted in zip(drawn, found, strict=True):
        rows = [
            PrintedRow(row.system, row.setting, *(f"{x:.8f}" for x in numbers[3 * k : 3 * k + 3]))
            for k, row in enumerate(paper.rows)
        ]
        verdicts = [
            cell.verdict == Verdict.REFUTED for cell in judge_table1(Paper(rows, []), measured)
        ]
        assert verdicts == refuted.tolist()


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_holm_in_rows_is_holm_in_each(p: list[list[float]]) -> None:
    assert holm_rows(np.array(p)).tolist() == [holm(row) for row in p]


def test_drawn_runs_have_the_recorded_moments_and_r_is_the_ratio() -> None:
    cells = judged(6, rows=2, spread=0.1)
    drawn = Law.of(cells).draw(np.random.default_rng(0), 40_000)
    for k in (0, 1, 3, 4):
        assert drawn[:, k].mean() == pytest.approx(np.mean(cells[k].runs), abs=0.002)
        assert drawn[:, k].std() == pytest.approx(np.std(cells[k].runs, ddof=1), rel=0.02)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.02
    np.testing.assert_allclose(drawn[:, 2], drawn[:, 0] / drawn[:, 1])
    same = replace(cells[1], runs=cells[0].runs)  # M's that are one: R does not scatter
    both = Law.of([cells[0], same, cells[2]]).draw(np.random.default_rng(0), 100)
    np.testing.assert_allclose(both[:, 2], 1, atol=1e-6)


def test_equal_seeds_give_equal_tables_and_others_others() -> None:
    cells = judged(7)
    assert error_rates(cells, 50, 1) == error_rates(cells, 50, 1)
    assert error_rates(cells, 50, 1) != error_rates(cells, 50, 2)


def test_fitted_numbers_never_fall_and_rows_without_runs_are_left_out() -> None:
    assert error_rates(judged(8, fitted="m_react m_diff r")).families[0].anew == 0
    assert not error_rates(judged(8, fitted="m_react m_diff r")).power
    cells = judged(9, rows=2)
    cells[0] = replace(cells[0], runs=[])
    assert complete_rows(cells) == cells[3:]
    assert error_rates(cells[:3]).families == []


@pytest.mark.parametrize(("answer", "rate", "caught"), [(True, 1.0, 0.0), (False, 0.0, None)])
def test_another_judge_can_be_asked(answer: bool, rate: float, caught: float | None) -> None:
    found = error_rates(
        judged(10), 20, judge=lambda print_, mean, deviation: np.full(print_.shape, answer)
    )
    assert (found.families[0].anew, found.families[0].recorded) == (rate, rate)
    assert {one.caught for one in found.power} == {caught}


def test_an_r_near_1_falls_the_surer_the_farther_off_it_is() -> None:
    """Also where print leaves the neighbourhood of 1, in which its distance from 1 counts."""
    found = error_rates(judged(11, spread=0.002, fitted="m_react m_diff"), 100).power[0]
    assert found.name == "S/r0/r"
    assert all(a <= b + 1e-12 for a, b in zip(found.refuted, found.refuted[1:], strict=False))
    assert found.refuted[-1] == 1
