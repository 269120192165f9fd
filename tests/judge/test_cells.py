"""Cells of Table 1 beside their controls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.judge.cells import judge_cell
from rdverify.judge.judged import CellKey
from rdverify.study import Cell, Control, Row


@given(st.floats(0.02, 0.9), st.floats(1e-4, 0.1), st.booleans())
def test_a_control_as_far_from_print_on_the_other_side_is_not_told_apart(
    away: float, share: float, own_runs: bool
) -> None:
    runs = 2 + away * (1 + share * np.array([-1.0, 0.0, 1.0]))
    control = Control("its mirror image", 2 - away, 4 - runs if own_runs else np.empty(0))
    cell = Cell(Row("s", "RD", "s", "#000000"), "r", runs, False, control=control)
    record = judge_cell("2.0000", cell, CellKey("RD", "s", "r"))
    assert record.discriminating is False
    assert record.likelihood_ratio == pytest.approx(1.0, rel=1e-6)
