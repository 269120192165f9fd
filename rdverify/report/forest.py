"""Forest plot of Table 1: each number as measured, held against print, with its verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.lines import Line2D

from rdverify.judge.cells import scale_of
from rdverify.judge.judged import JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.verdict import COARSE, not_discriminating
from rdverify.report.colours import VERDICT_COLOURS
from rdverify.report.markdown import counts
from rdverify.study import QUANTITIES, Figure, Quantity
from rdverify.tools.plotting import STYLE, canvas, save

FILE = "table1.png"
EDGE, LINEAR = 300.0, 1.0  # per cent: where the axis ends, and up to which it is linear
TICKS = (-100, -10, -1, 0, 1, 10, 100)
MARKERS = {"fitted": "s", "predicted": "o", "follows": "D"}
SYMBOLS: dict[Quantity, str] = {
    "m_react": r"$\mathcal{M}_\mathrm{react}$",
    "m_diff": r"$\mathcal{M}_\mathrm{diff}$",
    "r": "$R$",
}


def draw_table1(results: Results, folder: Path) -> Figure | None:
    """Draw the numbers of the corrected reading; None if none of them was measured."""
    cells = results.corrected()
    rows = list(dict.fromkeys((cell.key.system, cell.key.setting) for cell in cells))
    if all(cell.measured is None for cell in cells):
        return None
    with mpl.rc_context(STYLE):
        figure = canvas(11.0, 0.66 * len(rows) + 1.6)
        panels = figure.subplots(1, len(QUANTITIES), sharey=True)
        for axes, quantity in zip(panels, QUANTITIES, strict=True):
            own = [cell for cell in cells if cell.key.quantity == quantity]
            _panel(axes, quantity, own, rows)
        panels[0].set_yticks(range(len(rows)), [f"{system}: {name}" for system, name in rows])
        panels[0].set_ylim(len(rows) - 0.5, -0.6)
        figure.supxlabel(
            "below print  \N{LEFTWARDS ARROW}  deviation, in % of what the number is about  "
            "\N{RIGHTWARDS ARROW}  above print",
            fontsize=12,
        )
        figure.legend(handles=_legend(), loc="outside upper center", ncols=7, fontsize=10.5)
        save(figure, folder, FILE)
    return Figure(
        FILE,
        "Table 1 as measured against print, which is the line at 0. The axis gives the deviation "
        "in per cent of what the number is about: of its distance from 1 for an R near 1, else of "
        f"the number; it is linear up to {LINEAR:g} % and logarithmic beyond. Thick: 95 % interval "
        "of the mean of our runs. Thin: of one run, as print is. Hollow: the same number of the "
        f"control, without the model. Shaded: within {100 * COARSE:g} %, where a prediction is "
        "CONFIRMED if all tolerances fit in as well. *: the control comes as near, so that the "
        "number says nothing about the model. An arrow: beyond the axis.",
        "Three panels, one for each kind of number, with a line for each row of Table 1: mark, "
        f"two intervals, control and verdict of {len(cells)} numbers: {counts(cells)}.",
    )


def kind_of(cell: JudgedCell) -> str:
    """Whether the number was fitted to print, follows from others, or is a prediction."""
    return "fitted" if cell.fitted else "follows" if cell.follows else "predicted"


def deviation(cell: JudgedCell, value: float) -> float:
    """A value's distance from print in per cent of what the number is about."""
    printed = float(cell.printed)
    about = scale_of(
        cell.key.quantity, printed, printed if cell.measured is None else cell.measured
    )
    return 100 * (value - printed) / about


def _panel(
    axes: Any, quantity: Quantity, cells: Sequence[JudgedCell], rows: Sequence[tuple[str, str]]
) -> None:
    """All rows of one quantity."""
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=0.7)
    axes.axvspan(-100 * COARSE, 100 * COARSE, color="0.93", linewidth=0)
    axes.axvline(0, color="black", linewidth=1.2)
    for cell in cells:
        _number(axes, rows.index((cell.key.system, cell.key.setting)), cell)
    axes.set(xlim=(-EDGE, EDGE), title=SYMBOLS[quantity])
    axes.set_xticks(TICKS, [_signed(tick) for tick in TICKS], fontsize=10)
    axes.minorticks_off()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def _number(axes: Any, place: int, cell: JudgedCell) -> None:
    """Mark, intervals, control and verdict of one number, in a line of their own."""
    colour = VERDICT_COLOURS[cell.verdict]
    star = "*" if not_discriminating(cell) else ""
    axes.text(
        0.02,
        place - 0.3,
        f"{cell.verdict}{star}",
        transform=axes.get_yaxis_transform(),
        color=colour,
        fontsize=10.5,
        fontweight="bold",
        va="center",
    )
    if cell.measured is None:
        return
    for low, high, width in (
        (cell.predicted_low, cell.predicted_high, 1.4),
        (cell.low, cell.high, 4.5),
    ):
        if low is not None and high is not None:
            ends = [_within(deviation(cell, end)) for end in (low, high)]
            axes.hlines(place, *ends, color=colour, linewidth=width)
    _mark(axes, place, deviation(cell, cell.measured), MARKERS[kind_of(cell)], colour, colour)
    if cell.control_value is not None:
        _mark(axes, place, deviation(cell, cell.control_value), "o", "none", "0.25", size=10)


def _mark(
    axes: Any, place: int, at: float, marker: str, face: str, edge: str, size: float = 7.5
) -> None:
    """A marker, or an arrow at the edge that points to where it would be."""
    if abs(at) >= EDGE or math.isnan(at):
        marker = "<" if at < 0 else ">"
    style = {"markerfacecolor": face, "markeredgecolor": edge, "markeredgewidth": 1.3}
    axes.plot([_within(at)], [place], marker, markersize=size, clip_on=False, zorder=3, **style)


def _signed(tick: int) -> str:
    return f"{tick:+d}".replace("-", "\N{MINUS SIGN}") if tick else "0"


def _within(at: float) -> float:
    """``at``, or the nearer end of the axis."""
    return min(max(at, -EDGE), EDGE)


def _legend() -> list[Line2D]:
    grey: dict[str, Any] = {"color": "0.25", "linestyle": "none", "markersize": 7.5}
    return [
        Line2D([], [], color="black", linewidth=1.2, marker="|", markersize=14, label="print"),
        *(Line2D([], [], marker=marker, label=kind, **grey) for kind, marker in MARKERS.items()),
        Line2D([], [], color="0.25", linewidth=4.5, label="mean, 95 %"),
        Line2D([], [], color="0.25", linewidth=1.4, label="one run, 95 %"),
        Line2D([], [], marker="o", label="control", **{**grey, "markerfacecolor": "none"}),
    ]
