"""Table 1's forest plot: every number has its mark, and what is far out an arrow."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from msgspec.structs import replace

from rdverify.judge.judged import CellKey, JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict, not_discriminating
from rdverify.report import forest
from rdverify.report.colours import VERDICT_COLOURS
from rdverify.report.forest import EDGE, MARKERS, deviation, draw_table1, kind_of


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch, recorded: Results, tmp_path: Path) -> Any:
    """Draws results and gives the panels, by quantity."""
    kept: list[mpl.figure.Figure] = []
    monkeypatch.setattr(forest, "save", lambda figure, *_: kept.append(figure))

    def draw(results: Results = recorded) -> dict[str, Any]:
        draw_table1(results, tmp_path)
        return dict(zip(("m_react", "m_diff", "r"), kept.pop().axes, strict=True))

    return draw


def rows(results: Results) -> list[tuple[str, str]]:
    return list(dict.fromkeys((c.key.system, c.key.setting) for c in results.corrected()))


def marks(axes: Any, place: int) -> list[Any]:
    """Measured, then its control."""
    return [
        line for line in axes.lines if line.get_ydata()[0] == place and line.get_marker() != "None"
    ]


def test_every_number_has_its_mark_interval_and_word(recorded: Results, panels: Any) -> None:
    drawn, order = panels(), rows(recorded)
    assert len(recorded.corrected()) == 24
    for cell in recorded.corrected():
        axes, place = drawn[cell.key.quantity], order.index((cell.key.system, cell.key.setting))
        measured, control = marks(axes, place)
        assert cell.measured is not None
        assert cell.control_value is not None
        assert measured.get_xdata()[0] == pytest.approx(deviation(cell, cell.measured))
        assert control.get_xdata()[0] == pytest.approx(deviation(cell, cell.control_value))
        assert measured.get_marker() == MARKERS[kind_of(cell)]
        assert to_hex(measured.get_markerfacecolor()) == VERDICT_COLOURS[cell.verdict]
        assert control.get_markerfacecolor() == "none"
        star = "*" if not_discriminating(cell) else ""
        (word,) = (text for text in axes.texts if round(text.get_position()[1] + 0.3) == place)
        assert word.get_text() == f"{cell.verdict}{star}"


def test_both_intervals_are_there_the_one_of_the_mean_thicker(
    recorded: Results, panels: Any
) -> None:
    drawn, order = panels(), rows(recorded)
    for cell in recorded.corrected():
        place = order.index((cell.key.system, cell.key.setting))
        found = {
            line.get_linewidth()[0]: line.get_segments()[0][:, 0].tolist()
            for line in drawn[cell.key.quantity].collections
            if line.get_segments()[0][0, 1] == place
        }
        of_run, of_mean = (found[width] for width in sorted(found))
        ends = (cell.predicted_low, cell.predicted_high), (cell.low, cell.high)
        for shown, (low, high) in zip((of_run, of_mean), ends, strict=True):
            assert low is not None
            assert high is not None
            assert shown == pytest.approx([deviation(cell, low), deviation(cell, high)])
        assert of_run[0] <= of_mean[0] <= of_mean[1] <= of_run[1]


@pytest.mark.parametrize(("value", "marker", "end"), [(-1e9, "<", -EDGE), (1e9, ">", EDGE)])
@pytest.mark.once
def test_a_control_far_out_is_an_arrow_at_the_edge(
    recorded: Results, panels: Any, value: float, marker: str, end: float
) -> None:
    cells = [replace(cell, control_value=value) for cell in recorded.table1]
    for axes in panels(replace(recorded, table1=cells)).values():
        for place in range(len(rows(recorded))):
            control = marks(axes, place)[1]
            assert (control.get_marker(), control.get_xdata()[0]) == (marker, end)


def test_a_deviation_is_of_what_the_number_is_about() -> None:
    near, far = (
        JudgedCell(CellKey("Heat", "Ring", "r"), printed, Verdict.REFUTED, "", measured=measured)
        for printed, measured in (("1.02", 1.03), ("0.07", 0.14))
    )
    norm = JudgedCell(CellKey("Heat", "Ring", "m_diff"), "1.02", Verdict.REFUTED, "", measured=1.03)
    assert deviation(near, 1.03) == pytest.approx(50)
    assert deviation(far, 0.14) == pytest.approx(100)
    assert deviation(norm, 1.03) == pytest.approx(1 / 1.02)
    assert math.isclose(deviation(near, 1.02), 0, abs_tol=1e-12)


def test_a_number_that_was_not_run_has_its_word_and_no_mark(recorded: Results, panels: Any) -> None:
    missing = {"verdict": Verdict.NOT_RUN, "measured": None}
    first, *others = recorded.table1
    axes = panels(replace(recorded, table1=[replace(first, **missing), *others]))["m_react"]
    assert marks(axes, 0) == []
    assert axes.texts[0].get_text() == "NOT_RUN"
    none = [replace(cell, **missing) for cell in recorded.table1]
    assert draw_table1(replace(recorded, table1=none), Path()) is None
