"""Figs. 2 and 3 of the paper: R_t over normalised time for every row, and its last value."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.lines import Line2D

from rdverify.judge.records import CurveRecord, Results
from rdverify.study import Figure
from rdverify.tools.plotting import STYLE, canvas, save

FIG2, FIG3 = "fig2.png", "fig3.png"
TOP = 2.0  # of R_t's axis
END = 0.985  # where the second panel begins


def draw_fig2(results: Results, folder: Path) -> Figure | None:
    """Draw the lines of all rows, each as its row is drawn everywhere; None if there are none."""
    curves = results.curves()
    if not curves:
        return None
    with mpl.rc_context(STYLE):
        figure = canvas(9.0, 5.4)
        whole, end = figure.subplots(1, 2, sharey=True, width_ratios=(3.2, 1))
        for axes, start in ((whole, 0.0), (end, END)):
            for curve in curves:
                _line(axes, curve, start)
            axes.axhline(1, color="0.3", linewidth=0.8)
            axes.set(xlim=(start, 1), ylim=(0, TOP))
        whole.set(xlabel="normalised time $t$ (order of generation)", ylabel="$R_t$ (no unit)")
        end.set(xlabel="$t$, the end", xticks=[0.99, 1.0])
        handles = _by_system(curves, whole.get_legend_handles_labels()[0])
        figure.legend(handles=handles, loc="outside upper center", ncols=len(_systems(curves)))
        save(figure, folder, FIG2)
    rows = ", ".join(f"{curve.system} {curve.setting}" for curve in curves)
    return Figure(
        FIG2,
        "Fig. 2 as measured, in the paper's colours and kinds of line: the dynamic balance ratio "
        f"R_t over normalised time, in the order of generation. {_told(curves)} Thin black: "
        f"R = 1. The axis ends at {TOP:g}. Right: the end once more, wider.",
        f"Lines of R_t over normalised time from 0 to 1 for {rows}, and their end once more.",
        of="Fig. 2",
    )


def _line(axes: Any, curve: CurveRecord, start: float) -> None:
    """The line from ``start`` on, and its band."""
    shown = slice(max(0, bisect_left(curve.x, start) - 1), None)  # one more, for where it enters
    x, y, *ends = (np.array(c[shown], float) for c in (curve.x, curve.y, curve.low, curve.high))
    if curve.low:
        axes.fill_between(x, *ends, color=curve.colour, alpha=0.13, linewidth=0)
    axes.plot(x, y, **curve.row.line, linewidth=1.6, label=curve.row.label)


def _systems(curves: Sequence[CurveRecord]) -> dict[str, list[CurveRecord]]:
    """The curves by system, in order."""
    found: dict[str, list[CurveRecord]] = {}
    for curve in curves:
        found.setdefault(curve.system, []).append(curve)
    return found


def _by_system(curves: Sequence[CurveRecord], handles: Sequence[Any]) -> list[Any]:
    """A column of the legend for each system: those with fewer lines are filled up."""
    own = {handle.get_label(): handle for handle in handles}
    columns = [[own[curve.row.label] for curve in group] for group in _systems(curves).values()]
    nothing = Line2D([], [], linestyle="none", label=" ")
    rows = zip_longest(*columns, fillvalue=nothing)
    return list(chain.from_iterable(zip(*rows, strict=True)))


def _told(curves: Sequence[CurveRecord]) -> str:
    """What line and band of each system are, in words."""
    sentences = []
    for system, group in _systems(curves).items():
        band = f"; band: the middle 95 % of {group[0].runs}" if group[0].low else ""
        if group[0].what:
            sentences.append(f"{system}: {group[0].what}{band}.")
    return " ".join(sentences)


def draw_fig3(results: Results, folder: Path) -> Figure | None:
    """Draw the last value of each line of Fig. 2; None if there are none."""
    curves = results.curves()
    if not curves:
        return None
    with mpl.rc_context(STYLE):
        figure = canvas(7.0, 0.4 * len(curves) + 1.2)
        axes = figure.subplots()
        for place, curve in enumerate(curves):
            last = float(np.array(curve.y[-1], dtype=float))
            axes.barh(place, last, 0.62, color=curve.colour, alpha=0.45, edgecolor=curve.colour)
            if curve.low:
                ends = np.array([[curve.low[-1], curve.high[-1]]], dtype=float).T
                error = np.abs(ends - last)
                axes.errorbar(last, place, xerr=error, color="black", capsize=4, linewidth=1.3)
            axes.text(0.03, place, f"{last:.2f}", va="center", fontsize=11)
        axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(curves)), [curve.row.label for curve in curves])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlim=(0, None), xlabel="$R_t$ at the last step, $t$ = 1 (no unit)")
        save(figure, folder, FIG3)
    rows = ", ".join(f"{curve.system} {curve.setting}" for curve in curves)
    return Figure(
        FIG3,
        "Fig. 3 as measured, in the colours of Fig. 2: where each of its lines ends. Whiskers: "
        "the middle 95 % of the runs, as the bands of Fig. 2; what lines and runs are is told "
        "there. Where a line swings its last value is that of a moment. Dotted: R = 1.",
        f"Bars from 0 to R_t at the last step, for {rows}, with whiskers for the runs.",
        of="Fig. 3",
    )
