"""Figs. 2 and 3 from any rows: drawn as they say, with their bands, and told in words."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from msgspec.structs import replace

from rdverify.judge.records import CurveRecord, Results, StudyRecord
from rdverify.report import fig2
from rdverify.report.fig2 import draw_fig2, draw_fig3

RING = CurveRecord(
    "Heat",
    "Ring",
    x=[0.0, 0.99, 1.0],
    y=[1.0, 0.6, 0.5],
    low=[0.9, 0.5, 0.25],
    high=[1.1, 0.7, 0.75],
    what="one ring",
    runs="3 rings",
    colour="#0072b2",
    dashes=[4, 1],
)
PLATE = CurveRecord("Cold", "Plate", [0.0, 1.0], [None, 2.0])


def of(recorded: Results, *curves: CurveRecord) -> Results:
    """Results whose only lines are these."""
    return replace(recorded, studies=[StudyRecord("made up", "", "", curves=list(curves))])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[mpl.figure.Figure]:
    """What was saved, instead of files."""
    kept: list[mpl.figure.Figure] = []
    monkeypatch.setattr(fig2, "save", lambda figure, *_: kept.append(figure))
    return kept


def test_lines_are_drawn_as_their_row_says_whole_and_at_their_end(
    recorded: Results, drawn: list[mpl.figure.Figure], tmp_path: Path
) -> None:
    draw_fig2(of(recorded, RING), tmp_path)
    whole, end = drawn[0].axes
    for axes, points in ((whole, [0.0, 0.99, 1.0]), (end, [0.0, 0.99, 1.0])):
        (line,) = (line for line in axes.lines if line.get_label() == "Heat: Ring")
        assert line.get_xdata().tolist() == points
        assert line.get_color() == "#0072b2"
        assert line.is_dashed()
    assert whole.get_xlim() == (0, 1)
    assert end.get_xlim() == (fig2.END, 1)


def test_a_band_holds_low_and_high_at_every_point(
    recorded: Results, drawn: list[mpl.figure.Figure], tmp_path: Path
) -> None:
    draw_fig2(of(recorded, RING, PLATE), tmp_path)
    (band,) = drawn[0].axes[0].collections  # the plate has none
    corners = {tuple(corner) for path in band.get_paths() for corner in path.vertices.tolist()}
    assert corners == set(
        zip(RING.x * 2, [float(y or 0) for y in RING.low + RING.high], strict=True)
    )


def test_the_end_shows_only_what_it_needs(
    recorded: Results, drawn: list[mpl.figure.Figure]
) -> None:
    x = np.linspace(0, 1, 1001)
    draw_fig2(of(recorded, replace(RING, x=x.tolist(), y=x.tolist(), low=[], high=[])), Path())
    (line,) = (line for line in drawn[0].axes[1].lines if line.get_label() == "Heat: Ring")
    shown = line.get_xdata()
    assert shown[0] < fig2.END <= shown[1]
    assert shown[-1] == 1


def test_the_legend_has_a_column_for_each_system(
    recorded: Results, drawn: list[mpl.figure.Figure]
) -> None:
    third = replace(RING, setting="Third")
    draw_fig2(of(recorded, RING, third, PLATE), Path())
    (legend,) = drawn[0].legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["Heat: Ring", "Heat: Third", "Cold: Plate", " "]


def test_bars_end_at_the_last_value_with_whiskers_over_the_runs(
    recorded: Results, drawn: list[mpl.figure.Figure]
) -> None:
    draw_fig3(of(recorded, RING, PLATE), Path())
    (axes,) = drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == [0.5, 2.0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["Heat: Ring", "Cold: Plate"]
    (whisker,) = axes.collections
    assert whisker.get_segments()[0][:, 0].tolist() == [0.25, 0.75]
    assert {text.get_text() for text in axes.texts} == {"0.50", "2.00"}


def test_both_say_what_lines_and_bands_are(recorded: Results, tmp_path: Path) -> None:
    results = of(recorded, RING, PLATE)
    two, three = draw_fig2(results, tmp_path), draw_fig3(results, tmp_path)
    assert two is not None
    assert three is not None
    assert (two.of, three.of) == ("Fig. 2", "Fig. 3")
    assert "Heat: one ring; band: the middle 95 % of 3 rings." in two.caption
    assert "Cold:" not in two.caption
    for figure in (two, three):
        assert "Heat Ring, Cold Plate" in figure.alt


def test_without_lines_nothing_is_drawn(recorded: Results, tmp_path: Path) -> None:
    for draw in (draw_fig2, draw_fig3):
        assert draw(of(recorded), tmp_path) is None
    assert not list(tmp_path.iterdir())
