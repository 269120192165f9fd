"""The map over schedule, number of steps and dimension, with the closed form beside it.

From the record of a sweep of chains whose denoiser is the best one for eight pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from rdverify.ddpm.study.runs import Runs, fact
from rdverify.study import Figure, Measured, Table
from rdverify.tools.plotting import canvas, save

SCHEDULES = {
    "linear": "beta increasing",
    "linear-decreasing": "beta decreasing",
    "cosine": "cosine schedule",
}
COLOURS = {"linear": "#0072B2", "linear-decreasing": "#D55E00", "cosine": "#009E73"}
MANY = 64  # from so many pixels on the pictures lie apart and one length stands for all
SERVES = "the map over schedule, number of steps and dimension"


def largest_dimension(sweep: pd.DataFrame, schedule: str) -> pd.DataFrame:
    """The chains of a schedule with the most pixels, by number of steps."""
    of = sweep[(sweep["schedule"] == schedule) & (sweep["dimension"] == sweep["dimension"].max())]
    found: pd.DataFrame = of.sort_values("T")
    return found


def order(sweep: pd.DataFrame, schedule: str, least: int = 250) -> float:
    """Slope of log R over log T from T = ``least`` on, with the most pixels."""
    of = largest_dimension(sweep, schedule).query("T >= @least")
    return float(np.polyfit(np.log(of["T"]), np.log(of["r"]), 1)[0])


@fact(
    "ddpm.sweep.{schedule}.order",
    "slope of log R over log T, T = 250 to 4000, T times beta kept, {schedule}",
    schedule=SCHEDULES,
    serves=SERVES,
)
def _order(runs: Runs, schedule: str) -> float:
    return order(runs.sweep, schedule)


def off_closed_form(sweep: pd.DataFrame) -> pd.Series:
    """R of the chain over that of the closed form, less 1."""
    return sweep["r"] / sweep["expected_r"] - 1


@fact(
    "ddpm.sweep.off_closed_form",
    f"greatest |R / closed form - 1| over the map from {MANY} pixels and T = 250 on",
    serves=SERVES,
)
def _off(runs: Runs) -> Measured:
    found = runs.sweep.query("dimension >= @MANY and T >= 250")
    return Measured(float(off_closed_form(found).abs().max()), n=len(found))


@fact(
    "ddpm.sweep.one_pixel",
    "R / closed form of one pixel, mean over schedules and numbers of steps",
    serves=SERVES,
)
def _one_pixel(runs: Runs) -> Measured:
    return Measured.of(off_closed_form(runs.sweep.query("dimension == 1")).to_numpy() + 1)


def table(sweep: pd.DataFrame) -> Table:
    """A row a schedule and number of steps: R by dimension, and the closed form."""
    shown = sorted(sweep["dimension"].unique())
    rows = []
    for schedule, words in SCHEDULES.items():
        for steps in (32, 250, 1000, 4000):
            of = sweep[(sweep["schedule"] == schedule) & (sweep["T"] == steps)]
            line: dict[str, object] = {"schedule": words, "T": steps}
            for d in shown:
                line[f"d = {d}"] = f"{of.loc[of['dimension'] == d, 'r'].iloc[0]:.4f}"
            most = of.loc[of["dimension"] == shown[-1], "expected_r"].iloc[0]
            rows.append(line | {f"closed form, d = {shown[-1]}": f"{most:.4f}"})
    return Table(
        "DDPM: R over schedule, number of steps T (T times beta kept) and number of pixels d, "
        "32 chains each of the exact denoiser of eight random pictures, beside the closed form.",
        rows,
    )


def draw(sweep: pd.DataFrame) -> Canvas:
    """R against T with the closed form, and what is left of it, by schedule and dimension."""
    figure = canvas(10.5, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    for schedule, words in SCHEDULES.items():
        of = largest_dimension(sweep, schedule)
        colour = COLOURS[schedule]
        left.plot(of["T"], of["expected_r"], color=colour, linewidth=1.2)
        left.plot(of["T"], of["r"], "o", color=colour, markerfacecolor="none", label=words)
        few = sweep[(sweep["schedule"] == schedule) & (sweep["dimension"] == 1)].sort_values("T")
        left.plot(few["T"], few["r"], "x", color=colour, markersize=5)
    left.plot([], [], "x", color="0.3", label="one pixel")
    left.plot([], [], "-", color="0.3", label="closed form")
    left.axhline(1, color="0.6", linewidth=0.8)
    left.set(xscale="log", yscale="log", xlabel="number of steps T", ylabel="$R$")
    left.legend()
    grid = (
        sweep.assign(off=off_closed_form(sweep))
        .pivot(index=["schedule", "T"], columns="dimension", values="off")
        .loc[list(SCHEDULES)]
    )
    reach = float(np.abs(grid.to_numpy()).max())
    image = right.imshow(
        grid.to_numpy(), aspect="auto", cmap="RdBu_r", vmin=-reach, vmax=reach, origin="upper"
    )
    right.set_xticks(range(len(grid.columns)), grid.columns)
    right.set_yticks(range(len(grid)), [str(steps) for _, steps in grid.index], fontsize=7)
    per = len(grid) // len(SCHEDULES)
    for place, words in enumerate(SCHEDULES.values()):
        right.axhline(place * per - 0.5, color="k", linewidth=1)
        right.text(
            -0.13,
            place * per + per / 2 - 0.5,
            words,
            rotation=90,
            va="center",
            ha="center",
            transform=right.get_yaxis_transform(),
            fontsize=9,
        )
    right.set(xlabel="number of pixels d", title="$R$ over the closed form, less 1")
    right.grid(False)
    figure.colorbar(image, ax=right)
    return figure


def figure(folder: Path, runs: Runs) -> Figure:
    """Draw into ``folder`` and say what is to be seen."""
    save(draw(runs.sweep), folder, "ddpm-sweep.png")
    slopes = ", ".join(
        f"{words} {order(runs.sweep, schedule):.2f}" for schedule, words in SCHEDULES.items()
    )
    return Figure(
        "ddpm-sweep.png",
        "DDPM: R by schedule, number of steps (T times beta kept) and number of pixels, with the "
        "exact denoiser of eight random pictures. Left: lines are the closed form, circles chains "
        "with the most pixels, crosses chains of one pixel. R falls as the root of the number of "
        "steps with either linear schedule, and slower with a cosine, whose steps next to pure "
        f"noise stay large whatever T (slopes: {slopes}): its value says how finely time was cut. "
        "Right: what a chain differs by from the closed form, which knows schedule, pixels and "
        "their mean square alone. From a few dozen pixels on nothing else matters; with few the "
        "pictures overlap, and the best denoiser is no longer the true noise.",
        "Left, three parallel falling lines with markers on them. Right, a table of colours that "
        "is white but for its left columns.",
    )
