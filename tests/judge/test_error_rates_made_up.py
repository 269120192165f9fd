"""Error rates on numbers that are worked out by hand, with judges whose answers are known."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.testing import assert_allclose

from rdverify.judge.cells import judge_cell
from rdverify.judge.error_rates import (
    OFF,
    PAPERS,
    Checks,
    Law,
    complete_rows,
    error_rates,
    rounded,
)
from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.study import QUANTITIES, Cell, Part, Row

R = Verdict.REFUTED


def row_of(
    system: str, react: Any, diff: Any, *parts: Part, fitted: str = "", printed: str = "1.0000"
) -> list[JudgedCell]:
    """A row of Table 1 as judged, from the runs of both its M's; R is their ratio, run by run."""
    n = min(len(react), len(diff))
    runs = {"m_react": react, "m_diff": diff, "r": np.array(react[:n]) / np.array(diff[:n])}
    row = Row("s", system, "s", "#000000")
    return [
        judge_cell(
            printed,
            Cell(row, name, np.array(runs[name]), name in fitted.split(), parts),
            CellKey(system, "s", name),
        )
        for name in QUANTITIES
    ]


RUNS = [1.0, 1.25, 0.75, 1.5, 1.0], [2.0, 2.25, 1.5, 2.0, 2.5]


@pytest.mark.parametrize("print_", [0.4, 0.6, 0.89, 0.95, 1.04, 1.12, 1.6, 2.0, 3.0])
@pytest.mark.parametrize(
    "parts", [(), (Part("platform", 0.03, "p"), Part("settings", 0.25, "s"))], ids=["plain", "all"]
)
@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_a_number_by_itself_is_judged_as_in_table_1(
    print_: float, parts: tuple[Part, ...], spread: float
) -> None:
    """Of rows with several numbers of runs, near 1 and far from it."""
    few, many = 1.02 + spread * np.array([-0.25, 0.0, 0.5]), 1.5 + spread * np.sin(np.arange(8.0))
    cells = [
        *row_of("A", many, np.ones(8), *parts, printed=f"{print_:.4f}"),
        *row_of("B", few, np.ones(3), *parts, printed=f"{print_:.4f}"),
    ]
    cells = [cell for cell in cells if cell.key.quantity != "m_diff"]  # of no scatter
    moments = np.array([[np.mean(c.runs), np.std(c.runs, ddof=1)] for c in cells]).T
    alone, p = Checks.of(cells).alone(np.full((1, len(cells)), print_), *moments)
    assert alone[0].tolist() == [cell.verdict is R for cell in cells]
    assert_allclose(p[0], [cell.p for cell in cells], rtol=1e-9)


def checks_of(*members: tuple[float, float, bool, int], n: int = 5) -> Checks:
    """Numbers with these errors and settings, fitted or not, of which family."""
    errors, settings, fitted, family = (np.array(x) for x in zip(*members, strict=True))
    few = np.full(len(members), n)
    return Checks(few, errors, settings, fitted, np.zeros(len(members), bool), family)


@pytest.mark.parametrize(
    ("print_", "mean", "refuted"),
    [
        (1.09, 1.18, True),  # near 1 as printed
        (1.12, 1.06, True),  # as measured
        (1.30, 1.20, False),  # near 1 neither way: within a tenth of it
        (0.91, 0.84, True),
        (0.85, 0.91, True),
        (0.80, 0.75, False),
        (2.09, 2.00, False),
    ],
)
def test_a_ratio_near_1_is_refuted_by_its_distance_from_1(
    print_: float, mean: float, refuted: bool
) -> None:
    cells = row_of("A", mean + 1e-6 * np.arange(-1.0, 2.0), np.ones(3), printed=f"{print_:.2f}")
    deviation = np.full(3, 1e-6)
    alone, _ = Checks.of(cells).alone(np.full((1, 3), print_), np.full(3, mean), deviation)
    assert alone.tolist() == [[False, False, refuted]]  # what is no ratio is about itself
    assert (cells[2].verdict is R) is refuted


@pytest.mark.parametrize(
    ("print_", "mean", "errors", "refuted"),
    [
        (10.0, 8.0, 2.0, False),  # as far off as rounding and platform reach
        (10.0, 8.0, 1.875, True),
        (10.0, 9.25, 0.25, False),  # equivalent: together a tenth of it, no more
        (10.0, 9.25, 0.375, True),
        (10.0, 10.0, 0.0, False),
    ],
)
def test_what_does_not_scatter_is_refuted_beyond_its_errors(
    print_: float, mean: float, errors: float, refuted: bool
) -> None:
    for sizes in ((errors, 0.0), (0.0, errors), (errors / 2, errors / 2)):
        checks = checks_of((*sizes, False, 0))
        alone, p = checks.alone(np.array([[print_]]), np.array([mean]), np.array([0.0]))
        assert alone.tolist() == [[refuted]]
        assert p.tolist() == [[0.0 if print_ - mean > errors else 1.0]]


def test_the_predictions_of_a_system_share_a_level() -> None:
    """The first number fails at 3 % alone: with another in its family that is too much."""
    print_, deviation = np.array([[1 + 3.62, 1.0, 1.0]]), np.ones(3)
    for families, fitted, falls in (
        ((0, 0, 1), (False, False, False), False),
        ((0, 1, 1), (False, False, False), True),
        ((1, 0, 0), (False, False, False), True),
        ((2, 2, 0), (False, False, False), False),
        ((0, 0, 1), (False, True, False), True),  # a fit takes no share
        ((0, 1, 1), (False, True, False), True),
        ((0, 1, 1), (True, False, False), False),  # nor can it fall
    ):
        checks = checks_of(*((0.0, 0.0, f, k) for f, k in zip(fitted, families, strict=True)))
        found = checks.refuted(print_, np.ones(3), deviation)
        assert found.tolist() == [[falls, False, False]]
        alone, p = checks.alone(print_, np.ones(3), deviation)
        assert alone.tolist() == [[not fitted[0], False, False]]
        assert p[0].tolist() == [pytest.approx(0.03, abs=0.002), 1.0, 1.0]


def test_a_law_has_the_covariance_of_its_runs_where_they_are_pairs() -> None:
    pairs = row_of("A", *RUNS)
    few, react = [2.0, 2.25, 1.5], RUNS[0]
    others = [row_of("B", react, few), row_of("C", few, react)]
    law = Law.of([*pairs, *others[0], *others[1]])
    means = np.mean(react), np.mean(few)
    assert_allclose(law.means, [[1.1, 2.05], means, means[::-1]])
    squares = law.roots @ law.roots.transpose(0, 2, 1)
    assert_allclose(squares[0], np.cov(*RUNS), atol=1e-12)
    variances = np.diag([np.var(react, ddof=1), np.var(few, ddof=1)])
    assert_allclose(squares[1:], [variances, variances[::-1, ::-1]], atol=1e-12)


def test_what_a_law_draws_is_its_mean_where_nothing_scatters() -> None:
    law = Law(np.array([[3.0, 2.0], [1.0, 4.0]]), np.zeros((2, 2, 2)))
    for shape in ((), (5,), (5, 7)):
        drawn = law.draw(np.random.default_rng(0), *shape)
        assert drawn.shape == (*shape, 6)
        assert_allclose(drawn, np.broadcast_to([3.0, 2.0, 1.5, 1.0, 4.0, 0.25], drawn.shape))


def test_checks_and_laws_are_fixed_and_known_by_themselves() -> None:
    cells = row_of("A", *RUNS)
    for make, name in ((Checks.of, "n"), (Law.of, "means")):
        one, other = make(cells), make(cells)
        assert one == one
        assert one != other
        assert len({one, other}) == 2
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, None)


def test_only_whole_rows_of_several_runs_are_drawn_from() -> None:
    whole = row_of("A", *RUNS)
    printed = [
        replace(one, key=CellKey("A", "s", one.key.quantity, "printed"), n=4) for one in whole
    ]
    assert complete_rows([*whole, *printed]) == whole
    assert complete_rows([*printed[::-1], *whole[::-1]]) == whole  # in the order of a row
    assert complete_rows(whole[:2]) == []
    assert complete_rows([*row_of("B", [1.0], [2.0]), *whole]) == whole
    lost = replace(whole[1], runs=whole[1].runs[:-1])
    assert complete_rows([whole[0], lost, whole[2]]) == []


def test_numbers_are_rounded_as_they_are_printed() -> None:
    numbers = np.array([[1.2345, 1.2345, 17.8], [-1.2365, 2.996, 0.4]])
    assert_allclose(rounded(numbers, np.array([3, 2, 0])), [[1.234, 1.23, 18], [-1.236, 3.0, 0]])


class Heard:
    """A judge that refutes nothing, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, print_: Any, mean: Any, deviation: Any) -> Any:
        self.asked.append((print_, mean, deviation))
        return np.zeros(print_.shape, bool)


def test_what_is_judged_are_rounded_draws_against_runs_that_are_drawn_anew() -> None:
    """Rows of four runs and of sixteen: their means scatter by so much less."""
    few = row_of("A", [1.0, 1.125, 0.875, 1.0], [4.0, 4.25, 3.75, 3.5], printed="1.000")
    many = row_of("B", 8 + np.sin(np.arange(16.0)), 40 + np.cos(np.arange(16.0)))
    cells, judge, papers = [*few, *many], Heard(), 400
    error_rates(cells, papers, off=(0.1,), judge=judge)
    (true, mean, deviation), (again, *recorded) = judge.asked[:2]
    assert true.shape == mean.shape == deviation.shape == (papers, 6)
    assert_allclose(true, again)
    for columns, digits in ((slice(0, 3), 3), (slice(3, 6), 4)):
        assert_allclose(true[:, columns], np.round(true[:, columns], digits), atol=1e-12)
    assert_allclose(recorded[0], [np.mean(cell.runs) for cell in cells])
    assert_allclose(recorded[1], [np.std(cell.runs, ddof=1) for cell in cells])
    for c in (0, 1, 3, 4):
        scatter, n = recorded[1][c], cells[c].n
        assert true[:, c].std() == pytest.approx(scatter, rel=0.15)
        assert mean[:, c].std() == pytest.approx(scatter / n**0.5, rel=0.15)
        assert np.mean(deviation[:, c] ** 2) == pytest.approx(scatter**2, rel=0.15)
        assert np.mean(mean[:, c]) == pytest.approx(recorded[0][c], abs=4 * scatter / papers**0.5)


def test_one_number_at_a_time_is_made_wrong_either_way() -> None:
    cells, judge = row_of("A", *RUNS, fitted="r", printed="1.00000000"), Heard()
    found = error_rates(cells, 7, off=(0.25, 0.5), judge=judge)
    true, wrong = judge.asked[0][0], [asked[0] for asked in judge.asked[2:]]
    factors = [np.round(one / true, 6) for one in wrong]
    assert all((one == one[0]).all() for one in factors)
    expected = [
        [f if k == c else 1.0 for k in range(3)] for c in (0, 1) for f in (1.25, 1.5, 0.75, 0.5)
    ]
    assert sorted(one[0].tolist() for one in factors) == sorted(expected)
    assert [one.name for one in found.power] == ["A/s/m_react", "A/s/m_diff"]  # no fitted one


def told(upwards: list[float], downwards: list[float], false: float = 0.0) -> Any:
    """Power as found by a judge that refutes these shares of papers at 0.125, 0.25, ..."""
    steady = 1 + 1e-9 * np.array([-1.0, 0.0, 1.0]), 2 + 1e-9 * np.array([0.0, -1.0, 1.0])
    off = [0.125 * (k + 1) for k in range(len(upwards))]
    shares = {1 + by: share for by, share in zip(off, upwards, strict=True)}
    shares |= {1 - by: share for by, share in zip(off, downwards, strict=True)} | {1.0: false}

    def judge(print_: Any, mean: Any, deviation: Any) -> Any:
        share = shares[float(np.round(print_[0, 0], 6))]
        return np.repeat(np.arange(20)[:, None] / 20 < share - 1e-12, 3, axis=1)

    cells = row_of("A", *steady, fitted="m_diff r", printed="1.00000000")
    return error_rates(cells, 20, off=off, judge=judge)


@pytest.mark.parametrize(
    ("upwards", "downwards", "false", "caught"),
    [
        ([0.5, 1.0, 1.0], [0.5, 1.0, 1.0], 0.0, 0.125 + 0.125 * 0.4 / 0.5),
        ([0.5, 0.9, 1.0], [0.5, 1.0, 0.95], 0.0, 0.25),  # nine tenths are enough
        ([0.9, 1.0, 1.0], [1.0, 1.0, 1.0], 0.1, 0.125),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], 0.5, 0.125 * 0.4 / 0.5),  # from no deviation on
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], 1.0, 0.0),
        ([1.0, 1.0, 0.85], [1.0, 1.0, 1.0], 0.0, None),
        ([0.2, 0.95, 0.5, 0.6, 1.0], [1.0] * 5, 0.0, 0.5 + 0.125 * 0.3 / 0.4),  # for good
        ([0.2, 0.95, 1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.6, 1.0], 0.0, 0.5 + 0.125 * 0.3 / 0.4),
    ],
)
def test_a_deviation_is_caught_from_where_nine_in_ten_fall_for_good_whichever_way(
    upwards: list[float], downwards: list[float], false: float, caught: float | None
) -> None:
    (found,) = told(upwards, downwards, false).power
    assert found.caught == (caught if caught is None else pytest.approx(caught))
    assert found.false == false
    assert found.refuted == pytest.approx(
        [(a + b) / 2 for a, b in zip(upwards, downwards, strict=True)]
    )


def test_a_paper_errs_where_one_number_of_a_system_falls() -> None:
    """By a judge that refutes every fourth paper's first number, and every eighth's fifth."""
    cells = [*row_of("A", *RUNS, fitted="r"), *row_of("B", *RUNS)]

    def judge(print_: Any, mean: Any, deviation: Any) -> Any:
        found = np.zeros(print_.shape, bool)
        found[::4, 0] = found[::4, 1] = found[::8, 4] = True
        return found

    first, other = error_rates(cells, 80, off=(0.1,), judge=judge).families
    assert (first.system, first.predicted, first.papers) == ("A", 2, 80)
    assert (other.system, other.predicted, other.papers) == ("B", 3, 80)
    for found, rate in ((first, 0.25), (other, 0.125)):
        assert found.anew == found.recorded == rate
        assert 0 < found.anew_low < rate < found.anew_high < 2.5 * rate
        assert 0 <= found.unshared < 0.35  # of all papers, not of numbers


def test_the_record_was_made_as_the_defaults_say(recorded: Results) -> None:
    rates = recorded.error_rates
    assert {family.papers for family in rates.families} == {PAPERS}
    assert {tuple(one.deviations) for one in rates.power} == {OFF}
    few = row_of("A", *RUNS)
    assert error_rates(few, 5, off=(0.1,)) == error_rates(few, 5, 11, (0.1,))
