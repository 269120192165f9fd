"""Table 1, cell by cell, recomputed in this run and held against the record."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.judge.drift import drifts, platform_budget
from rdverify.judge.judged import JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.results import load_results
from rdverify.tools.paths import golden_folder

CELLS = [
    cell
    for cell in load_results(golden_folder() / "results.json").table1
    if cell.verdict != "NOT_RUN"
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_table1_cell_agrees_with_the_record(
    cell: JudgedCell, verification: Results, recorded: Results, record_property: Any
) -> None:
    record_property("cell", cell.name)
    assert cell.name in {item.name for item in verification.table1}
    found = [line for line in drifts(verification, recorded) if line.startswith(f"{cell.name}:")]
    assert not found


def test_table1_has_24_cells_in_the_corrected_form_and_no_verdict_by_hand(
    verification: Results,
) -> None:
    assert len(verification.corrected()) == 24
    for cell in verification.table1:
        assert cell.verdict != "CONFIRMED" or not cell.fitted
        assert cell.verdict != "REACHED" or cell.fitted


def test_table1_cells_each_say_how_far_another_machine_may_move_them(
    verification: Results,
) -> None:
    for cell in verification.table1:
        assert cell.measured is None or 0 < platform_budget(cell) < 0.05 * abs(cell.measured)
