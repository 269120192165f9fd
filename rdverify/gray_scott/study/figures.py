"""Figures of the Gray-Scott study: both patterns, R_t, the seeds and the search beside print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas

from rdverify.balance import balance_of
from rdverify.gray_scott import classify
from rdverify.gray_scott.study import plane
from rdverify.gray_scott.study.runs import (
    FEED_RATES,
    Runs,
    change_over_diffusion,
    distance_from_one,
)
from rdverify.gray_scott.study.settings import REGIMES, ROWS, one_seed, ranked
from rdverify.study import Curve, Figure, Quantity
from rdverify.study.intervals import middle
from rdverify.tools.plotting import STYLE, canvas, save

POINTS, FIRST = 250, 50  # of a line of Fig. 2: all in all, and steps at its start
SYMBOLS = {
    "m_react": r"$\mathcal{M}_\mathrm{react}$",
    "m_diff": r"$\mathcal{M}_\mathrm{diff}$",
    "r": "$R$",
}


def curves(runs: Runs) -> list[Curve]:
    """R_t pooled over seeds on at most 250 points of normalised time t / T, with their band.

    Each point is one step, evenly spread but for the first 50 steps, which are all
    there: the transient would fall between two points otherwise.
    """
    start = np.arange(min(FIRST, runs.steps))
    spread = np.linspace(0, runs.steps - 1, POINTS - FIRST).round().astype(int)
    at = np.unique(np.concatenate([start, spread]))
    found, seeds = [], f"{len(runs.seeds)} seeds"
    for regime, row in ROWS.items():
        balance = runs.balances[regime]
        x, y = ((at + 1) / runs.steps).tolist(), balance.r_t_pooled[at].tolist()
        what = f"the ratio of the mean norms of {seeds}"
        found.append(Curve(row, x, y, *middle(balance.r_t[:, at]), what=what, runs=seeds))
    return found


def figures(runs: Runs, folder: Path) -> dict[str, Figure]:
    """Draw every figure into ``folder`` and say what they show."""
    seeds = len(runs.seeds)
    drawn = {
        "rd.patterns": (
            patterns,
            Figure(
                "rd-patterns.png",
                f"The autocatalyst v after T = {runs.steps} steps in the chosen setting, first "
                "seed. The pattern is still spreading: its margins are empty. The classifier "
                "labels what lies above half way between the lowest and the highest value.",
                "Two square maps of v: bright separate spots at F = 0.029, a labyrinth of bright "
                "stripes at F = 0.055.",
            ),
        ),
        "rd.feed_rates": (
            feed_rates,
            Figure(
                "rd-feed-rates.png",
                "Section 4.1's range of feed rates, run through. Top: v at T at five of them. "
                "Bottom: the share of the area above the cut that lies in spots and in stripes "
                "(left axis), and R (right axis). R is the same whatever the pattern.",
                "A row of maps from separate spots to connected stripes; below, the share of "
                "spots falls from most of the area to nothing and that of stripes rises to all of "
                "it, while R stays where it is, just above 1.",
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
                "Both lines start below 1, overshoot, and fall towards 1 from above; the bound "
                "lies far above |R_t - 1|, and ever farther with time.",
            ),
        ),
        "rd.plane": (lambda runs: plane.draw(runs.sweep), plane.FIGURE),
        "rd.search": (
            search_and_seeds,
            Figure(
                "rd-search.png",
                "Settings of the search (grey; the frame shows those near print), those whose four "
                "M's fit as well (print may be one run of them, circles), the chosen "
                f"setting's {seeds} seeds (triangles) and print (lines). Left M_react, right R "
                "against M_react.",
                "Scatter plots of the searched settings; on the left the seeds of the chosen "
                "setting lie around the crossing of the printed numbers, on the right those of "
                "the spot regime a little below it.",
            ),
        ),
    }
    with mpl.rc_context(STYLE):
        for draw, figure in drawn.values():
            save(draw(runs), folder, figure.file)
    return {name: figure for name, (_, figure) in drawn.items()}


def patterns(runs: Runs) -> Canvas:
    """The final v of both regimes, axes in units of length."""
    figure = canvas(9.5, 4.4)
    fields = {regime: runs.one("main", regime).snapshots[runs.steps][1] for regime in REGIMES}
    side = runs.setting["n"] * runs.setting["dx"]
    both = figure.subplots(1, 2)
    for axes, (regime, field) in zip(both, fields.items(), strict=True):
        image = axes.imshow(
            field,
            origin="lower",
            extent=(0, side, 0, side),
            cmap="viridis",
            vmin=0,
            vmax=max(float(each.max()) for each in fields.values()),
            interpolation="nearest",
        )
        axes.set(
            xlabel="x (length)",
            ylabel="y (length)",
            title=f"{ROWS[regime].setting}, F = {REGIMES[regime]}",
        )
        axes.grid(False)
    figure.colorbar(image, ax=both, label="v (concentration)", shrink=0.9)
    return figure


def feed_rates(runs: Runs) -> Canvas:
    """The final v at some feed rates, and its shapes and R at all."""
    figure = canvas(9.5, 5.2)
    ended = {rate: runs.one("range", rate) for rate in FEED_RATES}
    shown = FEED_RATES[:: max(1, len(FEED_RATES) // 4)][:4] + FEED_RATES[-1:]
    grid = figure.add_gridspec(2, len(shown), height_ratios=(1, 1.2))
    top = max(float(run.v.max()) for run in ended.values())
    for column, rate in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(ended[rate].v, origin="lower", cmap="viridis", vmin=0, vmax=top)
        axes.set(title=f"F = {rate:g}", xticks=[], yticks=[])
        axes.grid(False)
    below = figure.add_subplot(grid[1, :])
    seen = [classify(run.v) for run in ended.values()]
    for share, row in (("spot_share", ROWS["spot"]), ("stripe_share", ROWS["stripe"])):
        below.plot(
            FEED_RATES,
            [getattr(each, share) for each in seen],
            marker=row.marker,
            label=f"area in {share.removesuffix('_share')}s",
            **row.line,
        )
    below.set(xlabel="feed rate F", ylabel="share of the area", ylim=(-0.05, 1.05))
    beside = below.twinx()
    ratios = [balance_of(run.trace).r for run in ended.values()]
    beside.plot(FEED_RATES, ratios, color="0.2", linestyle=":", marker="s", label="R")
    beside.set(ylabel="$R$", ylim=(0.97, 1.03))  # the paper's own band
    beside.grid(False)
    lines = [*below.lines, *beside.lines]
    below.legend(lines, [str(line.get_label()) for line in lines], loc="center right")
    return figure


def balance_lines(runs: Runs) -> Canvas:
    """R_t over t / T with the transient as inset, and |R_t - 1| against its bound."""
    figure = canvas(7.5, 7.5)
    top, bottom = figure.subplots(2, 1)
    inset = top.inset_axes((0.35, 0.53, 0.6, 0.39))
    first = min(100, runs.steps)
    time = np.arange(1, 2 * runs.steps + 1)
    keep = slice(round(0.01 * runs.steps), None)
    for regime, row in ROWS.items():
        line = row.line | {"linewidth": 1.8}
        pooled, double = runs.balances[regime].r_t_pooled, runs.double[regime]
        top.plot(time[: runs.steps] / runs.steps, pooled, label=row.setting, **line)
        inset.plot(time[:first], pooled[:first], **line)
        share = time[keep] / runs.steps
        bottom.plot(
            share, distance_from_one(double)[0, keep], label=f"{row.setting}: $|R_t - 1|$", **line
        )
        bottom.plot(
            share,
            change_over_diffusion(double)[0, keep],
            **(line | {"linewidth": 1.0}),
            marker=row.marker,
            markersize=4,
            markevery=max(1, 2 * runs.steps // 25),
            label=f"{row.setting}: bound",
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
    return figure


def search_and_seeds(runs: Runs) -> Canvas:
    """The searched settings and the chosen one's seeds, with print marked."""
    figure = canvas(9.5, 4.4)
    tried = ranked(one_seed(runs.record), runs.targets)
    chosen = {"marker": "^", "color": "#D55E00", "s": 26, "label": "chosen, its seeds"}
    layers: list[tuple[Any, dict[str, Any]]] = [
        (tried, {"marker": ".", "color": "0.65", "s": 14, "label": "search"}),
        (
            runs.near,
            {
                "marker": "o",
                "facecolors": "none",
                "edgecolors": "k",
                "s": 45,
                "label": "fit as well",
            },
        ),
        ({f"{r}_{q}": each for r in REGIMES for q, each in runs.values(r).items()}, chosen),
    ]
    left, right = figure.subplots(1, 2)

    def panel(axes: Any, y: tuple[str, Quantity], height: float) -> None:
        x: tuple[str, Quantity] = ("spot", "m_react")
        keys = [f"{regime}_{quantity}" for regime, quantity in (x, y)]
        for points, style in layers:
            axes.scatter(points[keys[0]], points[keys[1]], **style)
        across, up = (runs.targets[key] for key in keys)
        axes.axvline(across, color="#0072B2", linewidth=1, label="printed")
        axes.axhline(up, color="#0072B2", linewidth=1)
        axes.set(
            xlim=(across * (1 - 0.08), across * (1 + 0.08)),
            ylim=(up * (1 - height), up * (1 + height)),
            xlabel=f"{ROWS[x[0]].setting}: {SYMBOLS[x[1]]}",
            ylabel=f"{ROWS[y[0]].setting}: {SYMBOLS[y[1]]}",
        )

    panel(left, ("stripe", "m_react"), 0.08)
    panel(right, ("spot", "r"), 0.006)
    left.legend(loc="upper left", frameon=True)
    return figure
