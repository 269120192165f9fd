"""Drawing conventions shared by all figures; no arithmetic on results here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from rdverify.tools.files import write_atomically

STYLE: Any = {  # matplotlib's own stubs list every key as a literal
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "font.size": 12,
    "axes.titlesize": 12,
    "legend.fontsize": 10.5,  # still legible at half size
    "legend.labelspacing": 0.3,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
# colour-blind safe (Okabe-Ito), each with its own dash so that black and white suffices
LINES: Mapping[str, tuple[str, Any]] = {
    "RD/Spot Regime": ("#0072B2", "-"),
    "RD/Stripe Regime": ("#E69F00", (0, (6, 2))),
    "LSTM/Sine Waves": ("#009E73", (0, (4, 1, 1, 1))),
    "LSTM/Lorenz System": ("#D55E00", (0, (1, 1))),
    "LSTM/Van der Pol": ("#CC79A7", (0, (3, 1, 1, 1, 1, 1))),
    "DDPM/MNIST": ("#56B4E9", (0, (8, 2, 1, 2))),
    "DDPM/FashionMNIST": ("#7A3E9D", (0, (2, 2))),
    "DDPM/CIFAR10": ("#7F7F7F", (0, (10, 3))),
}


def canvas(width: float = 7.5, height: float = 4.5) -> Canvas:
    """An empty figure in the project's style, sizes in inches."""
    with mpl.rc_context(STYLE):
        return Canvas(figsize=(width, height), layout="constrained")


def plain_axes(width: float = 6.4, height: float = 4.0) -> tuple[Canvas, Any]:
    """A figure of one panel in the project's style, and its axes."""
    figure = canvas(width, height)
    with mpl.rc_context(STYLE):
        return figure, figure.subplots()


def save(figure: Canvas, folder: Path, name: str) -> None:
    """Write a PNG without date or version in it: equal figures give equal bytes."""
    with mpl.rc_context(STYLE):
        write_atomically(
            folder / name,
            lambda stream: figure.savefig(stream, format="png", metadata={"Software": None}),
        )


def fig2(series: Mapping[str, Mapping[str, Sequence[float]]], folder: Path, name: str) -> None:
    """Fig. 2 of the paper: R_t over normalised time for every system that was run.

    Args:
        series: "fig2/SYSTEM/SETTING" -> x in [0, 1] and y = R_t pooled over runs.
        folder: where to write.
        name: the file in it.

    """
    with mpl.rc_context(STYLE):
        figure = canvas()
        axes = figure.subplots()
        for key, curve in series.items():
            label = key.removeprefix("fig2/")
            colour, dashes = LINES[label]
            axes.plot(
                curve["x"],
                curve["y"],
                color=colour,
                linestyle=dashes,
                linewidth=1.6,
                label=label.replace("/", ": "),
            )
        axes.axhline(1, color="0.3", linewidth=0.8)
        axes.set(
            xlabel="normalised time $t$ (order of generation)",
            ylabel="$R_t$",
            xlim=(0, 1),
            ylim=(0, 2),
        )
        axes.legend(ncols=2)
        save(figure, folder, name)
