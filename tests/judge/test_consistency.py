"""Printed numbers against the digits that they derive from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rdverify.judge import consistency
from rdverify.judge.consistency import interval_of_ratio, self_consistency
from rdverify.judge.paper import PrintedRow, the_paper


@pytest.mark.parametrize("place", range(8))
@pytest.mark.once
def test_a_wrong_ratio_in_the_table_is_caught(place: int) -> None:
    rows = the_paper().rows
    assert self_consistency(rows)[place].consistent
    rows[place] = replace(rows[place], r=f"{float(rows[place].r) * 1.002:.4f}")
    assert not self_consistency(rows)[place].consistent


def test_two_numbers_that_are_exchanged_in_the_table_are_caught() -> None:
    rows = the_paper().rows
    for place, row in enumerate(rows):
        exchanged = [*rows[:place], replace(row, m_react=row.m_diff, m_diff=row.m_react)]
        assert not self_consistency(exchanged)[place].consistent


def test_prose_is_held_against_the_table() -> None:
    rows = the_paper().rows
    found = {item.check: item.consistent for item in self_consistency(rows)}
    assert len(found) == 16
    assert sum(not consistent for consistent in found.values()) == 1  # D_v > D_u, erratum E02
    larger = [
        replace(row, m_diff=f"{float(row.m_diff) * 1.1:.4f}", r=f"{float(row.r) / 1.1:.4f}")
        for row in rows
    ]
    moved = {item.check: item.consistent for item in self_consistency(larger)}
    assert {check for check in found if found[check] and not moved[check]} >= {
        check for check in found if "about 14 times" in check or "1.00 ±" in check
    }


def test_the_ends_of_a_ratio_are_those_of_its_digits() -> None:
    assert interval_of_ratio("0.50", "0.20") == pytest.approx((0.495 / 0.205, 0.505 / 0.195))
    assert interval_of_ratio("3", "10") == pytest.approx((2.5 / 10.5, 3.5 / 9.5))


def checks(*rows: tuple[str, str, str, str, str]) -> dict[str, bool]:
    """Of made-up rows of Table 1: what is checked, and whether it holds."""
    found = self_consistency([PrintedRow(*row) for row in rows])
    return {item.check: item.consistent for item in found}


@pytest.mark.parametrize(
    ("react", "diff", "r", "consistent"),
    [
        ("0.8", "1", "0", True),  # 0.75 / 1.5 is the least, and 0.5 still rounds to 0
        ("0.9", "1", "0", False),
        ("0.7", "2", "1", True),  # 0.75 / 1.5 is the most, and 0.5 still rounds to 1
        ("0.6", "2", "1", False),
    ],
)
def test_a_ratio_may_lie_at_the_very_end_of_what_its_digits_allow(
    react: str, diff: str, r: str, consistent: bool
) -> None:
    (found, last) = checks(("X", "s", react, diff, r)).items()
    assert found == ("Table 1, X s: R is M_react / M_diff", consistent)
    assert last[0].startswith("Section 2.1")


@pytest.mark.parametrize(
    ("r", "consistent"),
    [("1.000", True), ("1.030", True), ("1.031", False), ("0.970", True), ("0.969", False)],
)
def test_what_prose_says_of_a_system_is_held_against_its_rows(r: str, consistent: bool) -> None:
    """Within 1.00 +- 0.03, but for half a unit of its last digit."""
    found = checks(("RD", "s", r, "1.0000", r), ("ODE", "s", r, "1.0000", r))
    assert [ok for name, ok in found.items() if "RD reaches" in name] == [consistent]
    assert not any("noise is about" in name or "oscillates" in name for name in found)


@pytest.mark.parametrize(
    ("diff", "consistent"), [("14.0000", True), ("14.4", True), ("13.4", False), ("14.6", False)]
)
def test_noise_is_about_fourteen_times_the_drift(diff: str, consistent: bool) -> None:
    rows = [(system, "s", "1.0000", diff, "0.07") for system in ("DDPM", "RD", "EDM")]
    found = [ok for name, ok in checks(*rows).items() if "noise is about" in name]
    assert found == [consistent]


@pytest.mark.parametrize(
    ("ratios", "consistent"),
    [
        (["0.8", "1.2"], True),
        (["1.1", "0.9", "1.2"], True),
        (["0.8", "0.9"], False),
        (["1.1", "1.2"], False),
        (["1.0", "1.2"], False),  # not on both sides
        (["0.8", "1.0"], False),
    ],
)
def test_ratios_around_1_lie_on_both_sides(ratios: list[str], consistent: bool) -> None:
    rows = [("LSTM", str(k), r, "1.0", r) for k, r in enumerate(ratios)]
    others = [(system, "x", r, "1.0", r) for system, r in (("DDPM", "0.1"), ("RD", "5.0"))]
    found = [ok for name, ok in checks(*rows, *others).items() if "oscillates" in name]
    assert found == [consistent]


def test_two_kinds_of_images_are_compared_where_both_are_there() -> None:
    cifar, mnist = ("X", "CIFAR10", "1.0", "1.732", "0.58"), ("X", "MNIST", "1.0", "1.000", "1.00")
    other = ("X", "y", "1", "1", "1")
    for rows in ([cifar, mnist], [other, mnist, cifar]):
        assert [ok for name, ok in checks(*rows).items() if "root 3" in name] == [True]
    for rows in ([cifar], [mnist], [other], []):
        assert not any("root 3" in name for name in checks(*rows))


@pytest.mark.parametrize(
    ("d_v", "ratio", "consistent"),
    [("0.5e-5", 0.5, False), ("1e-5", 1.0, False), ("1.5e-5", 1.5, True)],
)
def test_patterns_need_the_second_kind_to_spread_faster(
    monkeypatch: pytest.MonkeyPatch, d_v: str, ratio: float, consistent: bool
) -> None:
    """The paper's own lies at a half (erratum E02)."""
    assert consistency.D_V == "0.5e-5"
    monkeypatch.setattr(consistency, "D_V", d_v)
    (found,) = self_consistency([])
    assert (found.low, found.high) == (pytest.approx(ratio), found.low)
    assert found.consistent is consistent


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_the_interval_of_a_ratio_holds_every_ratio_that_rounds_to_print(a: int, b: int) -> None:
    numerator, denominator = f"{a / 1e4:.4f}", f"{b / 1e4:.4f}"
    low, high = interval_of_ratio(numerator, denominator)
    rng = np.random.default_rng(a * 100003 + b)
    tops = a / 1e4 + rng.uniform(-5e-5, 5e-5, 50)
    bottoms = b / 1e4 + rng.uniform(-5e-5, 5e-5, 50)
    if b > 1:
        assert np.all((low <= tops / bottoms) & (tops / bottoms <= high))
