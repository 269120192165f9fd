"""Figures that are drawn from results.json alone: of every run, and again of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.report.fig2 import draw_fig2, draw_fig3
from rdverify.report.forest import draw_table1
from rdverify.report.verdict_map import draw_verdicts
from rdverify.study import Figure
from rdverify.study.study import with_vectors

# name -> what draws it into a folder and describes it, or None if it has nothing to show
DRAWINGS: Mapping[str, Callable[[Results, Path], Figure | None]] = {
    "table1": draw_table1,
    "verdicts": draw_verdicts,
    "fig2": draw_fig2,
    "fig3": draw_fig3,
}


def illustrated(results: Results, folder: Path) -> Results:
    """The results with all :data:`DRAWINGS` in them, drawn into ``folder``."""
    drawn = {name: draw(results, folder) for name, draw in DRAWINGS.items()}
    figures = {name: figure for name, figure in drawn.items() if figure is not None}
    return replace(results, figures=with_vectors(figures, folder))
