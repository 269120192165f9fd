"""The map of the (F, k) plane: which pattern each point gives, whether it rests, and what R says.

From the record of a sweep; the curves beside it are by formula (:mod:`rdverify.gray_scott.plane`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure as Canvas

from rdverify.gray_scott.config import GrayScottConfig
from rdverify.gray_scott.plane import hopf, pattern_bound, saddle_node, turing
from rdverify.gray_scott.study.facts import fact
from rdverify.gray_scott.study.runs import Runs
from rdverify.gray_scott.study.settings import REGIMES, ROWS
from rdverify.study import Figure, Measured, Table
from rdverify.tools.plotting import canvas

# of the runs of the sweep, in this order; a pattern at rest has the label of its shape
CLASSES = {
    "spots": "#1f77b4",
    "stripes": "#ff7f0e",
    "holes": "#2ca02c",
    "mixed": "#9467bd",
    "not at rest": "#d62728",
    "uniform, v > 0": "#d9d9d9",
    "v gone": "#ffffff",
}
AT_REST = ("spots", "stripes", "holes", "mixed")
ALIVE = 0.5  # of u v over F + k, which is 1 in a uniform state with v > 0 and 0 where v is gone
PAPER = GrayScottConfig(REGIMES["spot"])  # for what both regimes share
D_U, D_V = PAPER.d_u, PAPER.d_v
LARGEST = 0.3  # R - 1 beyond it has one colour
SERVES = "the map of the (F, k) plane"


def classes(sweep: pd.DataFrame) -> pd.Series:
    """The class of every run, one of :data:`CLASSES`."""
    flat = sweep["pattern"] == "uniform"
    moving = sweep["pattern"].where(sweep["stationary"], "not at rest")
    ended = np.where(sweep["supply"] > ALIVE, "uniform, v > 0", "v gone")
    return moving.where(~flat, pd.Series(ended, sweep.index))


def at_rest(sweep: pd.DataFrame) -> pd.Series:
    """Where a run ended in a pattern at rest."""
    return classes(sweep).isin(AT_REST)


def forbidden(sweep: pd.DataFrame) -> pd.Series:
    """Where no pattern can be at rest, by :func:`rdverify.gray_scott.plane.pattern_bound`."""
    return sweep["kill_rate"] > pattern_bound(sweep["feed_rate"].to_numpy(), D_U, D_V)


def without_state(sweep: pd.DataFrame) -> pd.Series:
    """Where no uniform state has v > 0: beyond the saddle-node."""
    return sweep["kill_rate"] > saddle_node(sweep["feed_rate"].to_numpy())


def turing_unstable(sweep: pd.DataFrame) -> pd.Series:
    """Where a uniform state is stable without diffusion and unstable with it."""
    feeds, kills = sweep["feed_rate"].to_numpy(), sweep["kill_rate"].to_numpy()
    return pd.Series(turing(feeds, kills, D_U, D_V), sweep.index)


def point(sweep: pd.DataFrame, feed_rate: float) -> pd.Series:
    """The run at a feed rate and section 4.1's kill rate."""
    here = np.isclose(sweep["feed_rate"], feed_rate) & np.isclose(
        sweep["kill_rate"], PAPER.kill_rate
    )
    found: pd.Series = sweep[here].iloc[0]
    return found


@fact(
    "rd.plane.{regime}.label",
    "class of the map's run at the paper's F and k",
    regime=REGIMES,
    serves=SERVES,
)
def _label(runs: Runs, regime: str) -> str:
    return str(classes(point(runs.sweep, REGIMES[regime]).to_frame().T).iloc[0])


def _counted(chosen: pd.Series) -> Measured:
    return Measured(float(chosen.sum()), n=len(chosen))


@fact("rd.plane.at_rest", "runs of the map that end in a pattern at rest", serves=SERVES)
def _at_rest(runs: Runs) -> Measured:
    return _counted(at_rest(runs.sweep))


@fact(
    "rd.plane.forbidden.patterns",
    "runs that end in a pattern, of those where none can be at rest: k > 1/8 - F/2, a proof",
    serves=SERVES,
)
def _forbidden(runs: Runs) -> Measured:
    beyond = runs.sweep[forbidden(runs.sweep)]
    return _counted(beyond["pattern"] != "uniform")


@fact(
    "rd.plane.without_state.at_rest",
    "runs that end in a pattern at rest, of those where no uniform state has v > 0: "
    "F < 4 (F + k)^2",
    serves=SERVES,
)
def _without_state(runs: Runs) -> Measured:
    return _counted(at_rest(runs.sweep[without_state(runs.sweep)]))


@fact(
    "rd.plane.turing.at_rest",
    "points with a Turing-unstable uniform state, of those that end in a pattern at rest",
    serves=SERVES,
)
def _turing(runs: Runs) -> Measured:
    return _counted(turing_unstable(runs.sweep[at_rest(runs.sweep)]))


@fact(
    "rd.plane.uniform.unstable",
    "runs that end in a uniform state with v > 0, of those where it does not exist or grows waves",
    serves=SERVES,
)
def _unstable(runs: Runs) -> Measured:
    feeds, kills = runs.sweep["feed_rate"], runs.sweep["kill_rate"]
    below = kills < 1 / 16  # the curve ends there
    curve = pd.Series(0.0, runs.sweep.index)
    curve[below] = hopf(kills[below].to_numpy())
    restless = feeds < curve
    bad = restless | without_state(runs.sweep) | turing_unstable(runs.sweep)
    return _counted(classes(runs.sweep[bad]) == "uniform, v > 0")


@fact("rd.plane.off_r", "greatest |R - 1| of the runs that end in a pattern at rest", serves=SERVES)
def _off_r(runs: Runs) -> Measured:
    found = runs.sweep[at_rest(runs.sweep)]
    return Measured(float((found["r"] - 1).abs().max()), n=len(found))


@fact("rd.plane.moved", "runs whose label changed in the second half, of the map's", serves=SERVES)
def _moved(runs: Runs) -> Measured:
    return _counted(runs.sweep["pattern"] != runs.sweep["pattern_before"])


def table(sweep: pd.DataFrame) -> Table:
    """How many runs are of each class, what R they have, and on which side of the curves."""
    found, beyond = classes(sweep), without_state(sweep)
    rows = []
    for name in CLASSES:
        here = found == name
        if here.any():
            low, middle, high = sweep.loc[here, "r"].quantile([0.05, 0.5, 0.95])
            rows.append(
                {
                    "class": name,
                    "runs": int(here.sum()),
                    "R, median": f"{middle:.4f}",
                    "R, middle nine tenths": f"{low:.4f} to {high:.4f}",
                    "beyond the saddle-node": int((here & beyond).sum()),
                    "where none can be at rest": int((here & forbidden(sweep)).sum()),
                }
            )
    return Table(
        "The (F, k) plane: how the runs of the map end. A pattern is at rest if over the last "
        "relaxation time ||dv/dt|| stays within 1 % of ||D_v lap v||. Beyond the saddle-node "
        "F = 4 (F + k)^2 only (1, 0) is a uniform state; where k > 1/8 - F/2 nothing else is at "
        "rest at all, by a proof.",
        rows,
    )


def draw(sweep: pd.DataFrame) -> Canvas:
    """R, and the classes, over k and F with the curves and the paper's two points."""
    figure = canvas(11, 5.4)
    left, right = figure.subplots(1, 2, sharey=True)
    feeds, kills = (np.unique(sweep[name]) for name in ("feed_rate", "kill_rate"))
    ratios = sweep.pivot(index="feed_rate", columns="kill_rate", values="r").to_numpy()
    off = np.clip(np.abs(ratios - 1), 1e-4, LARGEST)
    shown = left.pcolormesh(kills, feeds, off, norm=LogNorm(1e-4, LARGEST), cmap="viridis")
    figure.colorbar(shown, ax=left, label="$|R - 1|$", extend="both", location="bottom")
    names = list(CLASSES)
    numbers = sweep.assign(number=classes(sweep).map(names.index)).pivot(
        index="feed_rate", columns="kill_rate", values="number"
    )
    colours = ListedColormap(list(CLASSES.values()))
    drawn = right.pcolormesh(
        kills, feeds, numbers.to_numpy(), cmap=colours, vmin=-0.5, vmax=len(names) - 0.5
    )
    bar = figure.colorbar(drawn, ax=right, location="bottom", ticks=range(len(names)))
    bar.ax.set_xticklabels(
        [name.replace("not at", "not at\n").replace(", ", ",\n") for name in names]
    )
    for axes in (left, right):
        _curves(axes, feeds)
        axes.set(xlabel="kill rate k", xlim=(kills[0], kills[-1]), ylim=(feeds[0], feeds[-1]))
        axes.grid(False)
    left.set(ylabel="feed rate F", title="how far $R$ is from 1")
    right.set_title("what is there in the end")
    right.legend(loc="lower right", frameon=True, fontsize=8.5)
    return figure


def _curves(axes: Any, feeds: Any) -> None:
    fine = np.linspace(feeds[0], feeds[-1], 400)
    axes.plot(saddle_node(fine), fine, color="k", label="saddle-node")
    kills = np.linspace(1e-3, 1 / 16, 400)
    axes.plot(kills, hopf(kills), color="k", linestyle="--", label="Hopf")
    below = np.linspace(1e-6, 1e-3, 400)  # the strip is thinner than that
    inside = turing(fine[:, None], saddle_node(fine)[:, None] - below, D_U, D_V)
    has = inside.any(axis=1)
    first, last = (inside[has][:, ::way].argmax(axis=1) for way in (1, -1))
    edge = saddle_node(fine[has])
    axes.fill_betweenx(
        fine[has],
        edge - below[first],
        edge - below[::-1][last],
        color="m",
        linewidth=1.5,
        label="Turing-unstable",
    )
    bound = pattern_bound(fine, D_U, D_V)
    axes.plot(bound, fine, color="0.35", linestyle="-.", label="no pattern at rest to the right")
    for regime, row in ROWS.items():
        style = {"marker": row.marker, "markerfacecolor": "w", "markeredgecolor": "k"}
        axes.plot(
            PAPER.kill_rate, REGIMES[regime], linestyle="", label=f"paper: {row.setting}", **style
        )


FIGURE = Figure(
    "rd-plane.png",
    "The (F, k) plane, one run a point on a torus of 64 x 64 cells for 50,000 steps. Left: how far "
    "R is from 1. Right: what is there in the end. A uniform state with v > 0 exists left of the "
    "saddle-node, F = 4 (F + k)^2, and is stable above the Hopf curve: most runs there end in it. "
    "Patterns rest on both sides of the saddle-node, the paper's own spots beyond it, so it "
    "forbids none. To the right of the line k = 1/8 - F/2 none can be at rest, by a proof, and "
    "there is none. R is near 1 wherever a pattern rests, of whatever shape, and so does not tell "
    "shapes apart; it is farther from 1 where the pattern keeps moving, and where none is left.",
    "Two maps over kill and feed rate. A crescent of patterns along the saddle-node curve: spots "
    "to its right, stripes in its middle, moving patterns at low feed rates; in the other map the "
    "same crescent is where R is nearest to 1.",
)
