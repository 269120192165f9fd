"""The map over length, input frequency and hidden units: R of trained networks and of twins.

From the record of a sweep; each of its rows holds a network and the same one before training.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from scipy import stats

from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.runs import Runs
from rdverify.study import Figure, Measured, Table
from rdverify.tools.plotting import canvas
from rdverify.trace import FloatArray

KINDS = {"trained": "r", "untrained": "r_untrained"}
WORDS = {"trained": "trained networks", "untrained": "the same networks before training"}
SERVES = "the map over length, frequency and hidden units"


def per_network(sweep: pd.DataFrame, kind: str) -> FloatArray:
    """How R - 1 of each network falls with length: the slope of log |R - 1|, shape (networks,).

    One network is one frequency, number of units and seed, over all lengths.
    """
    off = sweep.assign(off=(sweep[KINDS[kind]] - 1).abs())
    table = off.pivot(index=["frequency", "hidden", "seed"], columns="length", values="off")
    lengths = np.log(table.columns.to_numpy(float))
    centred = lengths - lengths.mean()
    return np.asarray(np.log(table.to_numpy()) @ centred / (centred @ centred))


SPEEDS = {"slow": "at most 0.01", "fast": "at least 0.08"}


def at_speed(sweep: pd.DataFrame, speed: str) -> pd.DataFrame:
    """The networks whose input has a frequency as :data:`SPEEDS` says, in cycles a step."""
    slow = sweep["frequency"] <= 0.01
    found: pd.DataFrame = sweep[slow if speed == "slow" else sweep["frequency"] >= 0.08]
    return found


@fact(
    "lstm.sweep.{kind}.{speed}.length_exponent",
    "slope of log |R - 1| over log length, {kind}, input of {speed} cycles a step",
    kind=WORDS,
    speed=SPEEDS,
    serves=SERVES,
)
def _length_exponent(runs: Runs, kind: str, speed: str) -> FloatArray:
    return per_network(at_speed(runs.sweep, speed), kind)


def longest(sweep: pd.DataFrame) -> pd.DataFrame:
    """The networks on the longest sequences, the paper's 200 steps."""
    found: pd.DataFrame = sweep[sweep["length"] == sweep["length"].max()]
    return found


@fact(
    "lstm.sweep.{kind}.{speed}.off_r",
    "|R - 1| at length 200, {kind}, input of {speed} cycles a step",
    kind=WORDS,
    speed=SPEEDS,
    serves=SERVES,
)
def _off_r(runs: Runs, kind: str, speed: str) -> FloatArray:
    r = longest(at_speed(runs.sweep, speed))[KINDS[kind]].to_numpy()
    return np.asarray(np.abs(r - 1))


@fact(
    "lstm.sweep.farther",
    "share of networks whose |R - 1| is larger after training than before",
    serves=SERVES,
)
def _farther(runs: Runs) -> Measured:
    trained, twins = ((runs.sweep[column] - 1).abs() for column in KINDS.values())
    return Measured(float((trained > twins).mean()), n=len(runs.sweep))


def skill_rank(sweep: pd.DataFrame) -> float:
    """Rank correlation of skill with |R - 1| over the networks on the longest sequences."""
    found = longest(sweep)
    return float(stats.spearmanr(found["skill"], (found["r"] - 1).abs()).statistic)


@fact(
    "lstm.sweep.skill_rank",
    "rank correlation of skill with |R - 1| over the trained networks at length 200",
    serves=SERVES,
)
def _skill_rank(runs: Runs) -> Measured:
    return Measured(skill_rank(runs.sweep), n=len(longest(runs.sweep)))


def table(sweep: pd.DataFrame) -> Table:
    """A row a frequency: mean R of both kinds on the shortest and longest sequences, and skill."""
    ends = (int(sweep["length"].min()), int(sweep["length"].max()))
    rows = []
    for frequency, here in sweep.groupby("frequency"):
        line: dict[str, object] = {"cycles a step": f"{frequency:g}"}
        for kind, column in KINDS.items():
            for length in ends:
                mean = here.loc[here["length"] == length, column].mean()
                line[f"R, {kind}, {length} steps"] = f"{mean:.3f}"
        skill = longest(here)["skill"]
        rows.append(
            line
            | {
                f"naive error over the network's, {ends[1]} steps": f"{skill.median():.3g}",
                "least": f"{skill.min():.3g}",
                "greatest": f"{skill.max():.3g}",
            }
        )
    return Table(
        "LSTM: R by input frequency, mean over 4, 16 and 64 hidden units and three seeds, trained "
        "networks beside the same before training; then how many times smaller the network's "
        "one-step error is than the better one of x_t and 2 x_t - x_{t-1} (median, least, "
        "greatest). R is nearest to 1 where networks are worse than naive prediction",
        rows,
    )


def draw(sweep: pd.DataFrame) -> Canvas:
    """Mean R over seeds: a panel a number of units, trained above untrained."""
    units = sorted(sweep["hidden"].unique())
    figure = canvas(10.5, 5.6)
    panels = figure.subplots(len(KINDS), len(units), sharex=True, sharey=True)
    axes_of = [sweep[name] for name in ("length", "frequency", "hidden")]
    means = (sweep[list(KINDS.values())] - 1).groupby(axes_of).mean()
    low, high = min(0.0, float(means.min().min())), float(means.max().max())
    for above, (kind, column) in zip(panels, KINDS.items(), strict=True):
        for axes, hidden in zip(above, units, strict=True):
            of = sweep[sweep["hidden"] == hidden]
            grid = of.pivot_table(index="length", columns="frequency", values=column)
            image = axes.imshow(
                grid.to_numpy() - 1,
                origin="lower",
                aspect="auto",
                cmap="YlOrBr",
                vmin=low,
                vmax=high,
            )
            for (row, place), value in np.ndenumerate(grid.to_numpy()):
                colour = "w" if value - 1 > 0.6 * high else "k"
                centred = {"ha": "center", "va": "center", "fontsize": 8, "color": colour}
                axes.text(place, row, f"{value:.2f}", **centred)
            axes.set_xticks(range(len(grid.columns)), [f"{f:g}" for f in grid.columns], fontsize=8)
            axes.set_yticks(range(len(grid.index)), grid.index)
            axes.set_title(f"{kind}, h = {hidden}")
            axes.grid(False)
    for axes in panels[-1]:
        axes.set_xlabel("frequency, cycles a step")
    for axes in panels[:, 0]:
        axes.set_ylabel("length")
    figure.colorbar(image, ax=panels, label="$R - 1$", shrink=0.9)
    return figure


FIGURE = Figure(
    "lstm-sweep.png",
    "LSTM: R, mean over three seeds, by sequence length, input frequency and hidden units. Top: "
    "after training. Bottom: the same networks before it. With slow input R goes to 1 as the "
    "sequence gets longer, with any number of units and untrained as well: the cell has time to "
    "follow, so that gain and loss balance at every step. With fast input it stays above 1 "
    "however long the sequence, and training takes it farther away, though these are the "
    "networks that have learned most (see the table): R near 1 tells slow input from fast, not "
    "what was learned.",
    "Two rows of heat maps of R. Above and below R fades to 1 towards long sequences of slow "
    "input; the columns of fast input stay above 1, and much more so after training.",
)
