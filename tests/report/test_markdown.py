"""Filters: what numbers, tables and verdicts look like as Markdown."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.paper import AtLeast, AtMost, Equals, Fails, Holds, Predicate, Within
from rdverify.judge.verdict import Verdict
from rdverify.report.markdown import (
    counts,
    interval,
    markdown_table,
    math,
    number,
    predicate_text,
    verdict_text,
)

CELL = JudgedCell(CellKey("RD", "Ring", "r"), "0.07", Verdict.REACHED, "", resolution=0.006)


def test_tables_survive_bars_newlines_and_missing_values() -> None:
    table = markdown_table([{"a": "x|y\nz", "b": None}, {"a": True, "b": 1.234567}])
    assert table.splitlines()[2:] == [r"| x\|y z | – |", "| yes | 1.2346 |"]
    assert markdown_table([]) == ""
    assert "|" not in math(r"\|a\| + q(x | y)")


def test_numbers_and_intervals_for_a_reader() -> None:
    assert [number(value) for value in (float("nan"), False, 7, 0.123456)] == [
        "–", "no", "7", "0.12346",
    ]  # fmt: skip
    assert number(0.123456, 1) == "0.1"
    assert interval((1, 2.5)) == "[1, 2.5]"
    assert interval((None, None)) == "–"


@pytest.mark.parametrize(
    ("predicate", "text"),
    [
        (Within(0.5, 2), "in [0.5, 2]"),
        (AtLeast(1), "≥ 1"),
        (AtMost(1), "≤ 1"),
        (Equals("spots"), "= spots"),
        (Holds(), "true"),
        (Fails(), "false"),
    ],
)
def test_what_a_fact_must_satisfy_in_signs(predicate: Predicate, text: str) -> None:
    assert predicate_text(predicate) == text


def test_a_verdict_says_where_it_tells_nothing_and_where_its_check_is_coarse() -> None:
    assert verdict_text(CELL) == "**REACHED**"
    weak = replace(CELL, discriminating=False, resolution=0.008)
    assert verdict_text(weak) == "**REACHED** (not discriminating, coarse)"
    refuted = replace(weak, verdict=Verdict.REFUTED)
    assert verdict_text(refuted) == "**REFUTED**"
    assert counts([refuted, weak, CELL]) == "2 REACHED (1 not discriminating), 1 REFUTED"
