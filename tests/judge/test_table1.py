"""Table 1, cell by cell, recomputed in this run and held against the record."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.judge.results import cell_name, drifts, load_results, platform_budget
from rdverify.tools.paths import golden_folder

CELLS = [
    cell
    for cell in load_results(golden_folder() / "results.json")["table1"]
    if cell["verdict"] != "NOT_RUN"
]


@pytest.mark.parametrize("cell", CELLS, ids=cell_name)
def test_table1_cell_agrees_with_the_record(
    cell: dict[str, Any],
    verification: dict[str, Any],
    recorded: dict[str, Any],
    record_property: Any,
) -> None:
    name = cell_name(cell)
    record_property("cell", name)
    assert name in {cell_name(item) for item in verification["table1"]}
    found = [line for line in drifts(verification, recorded) if line.startswith(f"{name}:")]
    assert not found


def test_table1_has_24_cells_in_the_corrected_form_and_no_verdict_by_hand(
    verification: dict[str, Any],
) -> None:
    corrected = [cell for cell in verification["table1"] if cell["form"] == "corrected"]
    assert len(corrected) == 24
    for cell in verification["table1"]:
        assert cell["verdict"] != "CONFIRMED" or not cell["fitted"]
        assert cell["verdict"] != "REACHED" or cell["fitted"]


def test_table1_cells_each_say_how_far_another_machine_may_move_them(
    verification: dict[str, Any],
) -> None:
    for cell in verification["table1"]:
        assert cell["measured"] is None or 0 < platform_budget(cell) < 0.05 * abs(cell["measured"])
