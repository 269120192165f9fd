"""Fig. 2 of the paper: R_t over normalised time for every system that was run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from rdverify.study import Curve, Figure
from rdverify.tools.plotting import STYLE, canvas, save

FILE = "fig2.png"


def draw_fig2(curves: Sequence[Curve], folder: Path) -> Figure:
    """Draw the lines of all rows into ``folder``, each as its row is drawn everywhere."""
    with mpl.rc_context(STYLE):
        figure = canvas()
        axes = figure.subplots()
        for curve in curves:
            axes.plot(curve.x, curve.y, **curve.row.line, linewidth=1.6, label=curve.row.label)
        axes.axhline(1, color="0.3", linewidth=0.8)
        axes.set(
            xlabel="normalised time $t$ (order of generation)",
            ylabel="$R_t$",
            xlim=(0, 1),
            ylim=(0, 2),
        )
        axes.legend(ncols=2)
        save(figure, folder, FILE)
    lines = ", ".join(f"{curve.row.system} {curve.row.setting}" for curve in curves)
    return Figure(
        FILE,
        "Fig. 2 as measured: the dynamic balance ratio over normalised time in the order of "
        "generation, for RD and DDPM the ratio of the runs' mean norms at each step, for the LSTM "
        "one sequence. The thin line is R = 1, the axis ends at 2. The three DDPM lines nearly "
        "coincide. The paper's claims about each line are judged below.",
        f"Lines of R_t over normalised time from 0 to 1 for {lines}.",
        of="Fig. 2",
    )
