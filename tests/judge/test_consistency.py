"""Printed numbers against the digits that they derive from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rdverify.judge.consistency import interval_of_ratio, self_consistency
from rdverify.judge.paper import the_paper


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_the_interval_of_a_ratio_holds_every_ratio_that_rounds_to_print(a: int, b: int) -> None:
    numerator, denominator = f"{a / 1e4:.4f}", f"{b / 1e4:.4f}"
    low, high = interval_of_ratio(numerator, denominator)
    rng = np.random.default_rng(a * 100003 + b)
    tops = a / 1e4 + rng.uniform(-5e-5, 5e-5, 50)
    bottoms = b / 1e4 + rng.uniform(-5e-5, 5e-5, 50)
    if b > 1:
        assert np.all((low <= tops / bottoms) & (tops / bottoms <= high))


@pytest.mark.parametrize("place", range(8))
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
