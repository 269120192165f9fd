"""Figures of the Gray-Scott study: both patterns, R_t, the seeds and the search beside print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from rdverify.balance import balance_of
from rdverify.gray_scott.study.cells import seed_values
from rdverify.gray_scott.study.runs import Runs, until
from rdverify.gray_scott.study.settings import (
    EQUALLY_WELL,
    PRINTED,
    REGIMES,
    SETTINGS,
    one_seed,
    ranked,
)
from rdverify.study import Figure
from rdverify.tools.plotting import LINES, STYLE, canvas, save
from rdverify.trace import Trace

SYMBOLS = {
    "m_react": r"$\mathcal{M}_\mathrm{react}$",
    "m_diff": r"$\mathcal{M}_\mathrm{diff}$",
    "r": "$R$",
}


def all_figures(runs: Runs, record: pd.DataFrame, folder: Path | None) -> dict[str, Figure]:
    """Draw every figure into ``folder`` (none if None) and say what they show."""
    steps, seeds = runs.setting["steps"], len(runs.main["spot"])
    figures = {
        "rd.patterns": (
            patterns,
            Figure(
                "rd-patterns.png",
                f"The autocatalyst v after T = {steps} steps in the chosen setting, first seed. "
                "The pattern is still spreading: its margins are empty. The classifier labels what "
                "lies above half way between the lowest and the highest value.",
                "Two square maps of v: bright separate spots at F = 0.029, a labyrinth of bright "
                "stripes at F = 0.055.",
            ),
        ),
        "rd.balance": (
            balance_lines,
            Figure(
                "rd-balance.png",
                f"Top: R_t over normalised time, ratio of the mean norms of {seeds} seeds; inset: "
                "the first 100 steps. Bottom: |R_t - 1| (thick) and its bound ||change|| / "
                "||diffusion|| (thin, with dots), first seed, up to 2 T: the ratio comes much "
                "nearer to 1 than the state comes to rest.",
                "Both lines start near 0.5, overshoot, and fall towards 1 from above; the bound "
                "lies ten times above |R_t - 1| and, later, more than a hundred.",
            ),
        ),
        "rd.search": (
            search_and_seeds,
            Figure(
                "rd-search.png",
                "Settings of the search (grey; the frame shows those near print), those whose four "
                f"M's fit about equally well (within {EQUALLY_WELL:.1%}, circles), the chosen "
                f"setting's {seeds} seeds (triangles) and print (lines). Left M_react, right R "
                "against M_react.",
                "Scatter plots of the searched settings; on the left the seeds of the chosen "
                "setting lie around the crossing of the printed numbers, on the right those of "
                "the spot regime a little below it.",
            ),
        ),
    }
    if folder is not None:
        with mpl.rc_context(STYLE):
            for drawing, figure in figures.values():
                drawer: Callable[[Runs, pd.DataFrame, Path, str], None] = drawing
                drawer(runs, record, folder, figure.file)
    return {name: figure for name, (_, figure) in figures.items()}


def patterns(runs: Runs, record: pd.DataFrame, folder: Path, name: str) -> None:
    """The final v of both regimes, axes in units of length."""
    figure = canvas(9.5, 4.4)
    steps = runs.setting["steps"]
    fields = {regime: runs.main[regime][0].snapshots[steps][1] for regime in REGIMES}
    top = max(float(field.max()) for field in fields.values())
    side = runs.setting["n"] * runs.setting["dx"]
    both = figure.subplots(1, 2)
    for axes, (regime, field) in zip(both, fields.items(), strict=True):
        image = axes.imshow(
            field,
            origin="lower",
            extent=(0, side, 0, side),
            cmap="viridis",
            vmin=0,
            vmax=top,
            interpolation="nearest",
        )
        axes.set(
            xlabel="x (length)",
            ylabel="y (length)",
            title=f"{SETTINGS[regime]}, F = {REGIMES[regime]}",
        )
        axes.grid(False)
    figure.colorbar(image, ax=both, label="v (concentration)", shrink=0.9)
    save(figure, folder, name)


def balance_lines(runs: Runs, record: pd.DataFrame, folder: Path, name: str) -> None:
    """R_t over t / T with the transient as inset, and |R_t - 1| against its bound."""
    figure = canvas(7.5, 7.5)
    top, bottom = figure.subplots(2, 1)
    steps = runs.setting["steps"]
    inset = top.inset_axes((0.35, 0.53, 0.6, 0.39))
    first = min(100, steps)
    for regime, label in SETTINGS.items():
        colour, dashes = LINES[f"RD/{label}"]
        pooled = balance_of(until(Trace.stack([run.trace for run in runs.main[regime]]), steps))
        time = np.arange(1, steps + 1)
        line = {"color": colour, "linestyle": dashes, "linewidth": 1.8}
        top.plot(time / steps, pooled.r_t_pooled, label=label, **line)
        inset.plot(time[:first], pooled.r_t_pooled[:first], **line)
        trace = runs.main[regime][0].trace
        share = np.arange(1, trace.steps + 1) / steps
        off = np.abs(balance_of(trace).r_t[0] - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            bound = trace.extras["change"][0] / trace.diff[0]
        keep = slice(round(0.01 * steps), None)
        bottom.plot(share[keep], off[keep], label=f"{label}: $|R_t - 1|$", **line)
        bottom.plot(
            share[keep],
            bound[keep],
            color=colour,
            linewidth=1.0,
            linestyle=dashes,
            marker="o" if regime == "spot" else "^",
            markersize=4,
            markevery=max(1, len(share) // 25),
            label=f"{label}: bound",
        )
    top.axhline(1, color="0.3", linewidth=0.8)
    inset.axhline(1, color="0.3", linewidth=0.8)
    top.set(xlabel="normalised time t / T", ylabel="$R_t$", xlim=(0, 1), ylim=(0.4, 2.2))
    top.legend(loc="lower right")
    inset.set(xlabel="step", title="the first 100 steps", xlim=(0, first))
    inset.title.set_fontsize(10)
    bottom.set(
        xlabel="normalised time t / T, to 2 T", ylabel="distance from 1", yscale="log", xlim=(0, 2)
    )
    bottom.legend(ncols=2)
    save(figure, folder, name)


def search_and_seeds(runs: Runs, record: pd.DataFrame, folder: Path, name: str) -> None:
    """The searched settings and the chosen one's seeds, with print marked."""
    figure = canvas(9.5, 4.4)
    tried = ranked(one_seed(record))
    near = tried[tried["distance"] <= EQUALLY_WELL]
    values = {regime: seed_values(runs, regime) for regime in REGIMES}
    left, right = figure.subplots(1, 2)

    def panel(
        axes: mpl.axes.Axes, x: tuple[str, str], y: tuple[str, str], reach: float, height: float
    ) -> None:
        keys = [f"{regime}_{quantity}" for regime, quantity in (x, y)]
        layers: list[tuple[pd.DataFrame, dict[str, Any]]] = [
            (tried, {"marker": ".", "color": "0.65", "s": 14, "label": "search"}),
            (
                near,
                {
                    "marker": "o",
                    "facecolors": "none",
                    "edgecolors": "k",
                    "s": 45,
                    "label": "fit equally well",
                },
            ),
        ]
        for frame, style in layers:
            axes.scatter(frame[keys[0]], frame[keys[1]], **style)
        axes.scatter(
            values[x[0]][x[1]],
            values[y[0]][y[1]],
            marker="^",
            color="#D55E00",
            s=26,
            label="chosen, its seeds",
        )
        axes.axvline(PRINTED[keys[0]], color="#0072B2", linewidth=1, label="printed")
        axes.axhline(PRINTED[keys[1]], color="#0072B2", linewidth=1)
        axes.set(
            xlim=(PRINTED[keys[0]] * (1 - reach), PRINTED[keys[0]] * (1 + reach)),
            ylim=(PRINTED[keys[1]] * (1 - height), PRINTED[keys[1]] * (1 + height)),
            xlabel=f"{SETTINGS[x[0]]}: {SYMBOLS[x[1]]}",
            ylabel=f"{SETTINGS[y[0]]}: {SYMBOLS[y[1]]}",
        )

    panel(left, ("spot", "m_react"), ("stripe", "m_react"), 0.08, 0.08)
    panel(right, ("spot", "m_react"), ("spot", "r"), 0.08, 0.006)
    left.legend(loc="upper left", frameon=True)
    save(figure, folder, name)
