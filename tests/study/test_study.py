"""What studies hand on, as those who draw and tabulate it take it."""

from __future__ import annotations

import pytest
from matplotlib.lines import Line2D

from rdverify.study import Row


@pytest.mark.parametrize("dashes", [(), (4.0, 1.5), (1.0, 2.0, 3.0, 2.0)])
def test_a_row_draws_its_line_in_its_colour_and_dashes(dashes: tuple[float, ...]) -> None:
    row = Row("spot", "RD", "Spot Regime", "#123456", dashes)
    line = Line2D([], [], label=row.label, **row.line)
    assert line.get_color() == "#123456"
    assert line.get_label() == "RD: Spot Regime"
    assert line.is_dashed() == bool(dashes)
