"""Figures of the LSTM study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd

from rdverify.lstm.study.rows import ROWS
from rdverify.study import Figure
from rdverify.tools.plotting import LINES, STYLE, canvas, save

FloatArray = npt.NDArray[np.float64]


def ratio_figure(curves: Mapping[str, Mapping[str, Sequence[float]]], folder: Path) -> Figure:
    """R_t of one sequence for each row: the LSTM lines of Fig. 2."""
    with mpl.rc_context(STYLE):
        figure = canvas(7.5, 5.5)
        for axes, (label, curve) in zip(
            figure.subplots(3, 1, sharex=True), curves.items(), strict=True
        ):
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
            axes.set(ylabel="$R_t$", xlim=(0, 1), ylim=(0.4, 1.8))
            axes.legend(loc="upper right")
        axes.set(xlabel="normalised time $t$")
        save(figure, folder, "lstm-ratio.png")
    return Figure(
        "lstm-ratio.png",
        "The LSTM lines of Fig. 2: R_t of one network and one unseen "
        "sequence per data set, in the setting found for its row. A mean over sequences "
        "of random phase would hide the oscillation; the start-up leaves the frame.",
        "Three curves of the ratio over normalised time, each around the line R = 1.",
    )


def curves_figure(
    curves: Mapping[str, Mapping[str, FloatArray]], warm_up: int, folder: Path
) -> Figure:
    """True curve, one-step prediction and free run for each data set."""
    with mpl.rc_context(STYLE):
        figure = canvas(7.5, 6.5)
        panels = figure.subplots(3, 1, sharex=True)
        for axes, row in zip(panels, ROWS, strict=True):
            curve = curves[row.key]
            steps = np.arange(len(curve["true"]))
            axes.plot(steps, curve["true"], color="0.55", linewidth=3, label="true")
            axes.plot(
                steps[1:],
                curve["one_step"],
                color="#0072B2",
                linewidth=1.2,
                label="predicted one step ahead",
            )
            axes.plot(
                steps[warm_up:],
                curve["free"],
                color="#D55E00",
                linestyle=(0, (4, 2)),
                linewidth=1.5,
                label=f"on its own output from step {warm_up}",
            )
            axes.axvline(warm_up, color="0.3", linewidth=0.8, linestyle=":")
            axes.set(ylabel="$x_t$ (normalised)", title=row.setting)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        panels[-1].set(xlabel="step")
        save(figure, folder, "lstm-curves.png")
    return Figure(
        "lstm-curves.png",
        "Predicted against true curves on sequences that training did "
        "not see (networks trained for longer). Grey: the data. Solid: one step ahead. "
        "Dashed: the network fed its own output. One network and one sequence, and a "
        "good one: most free runs leave the sines' frequency sooner, as the median in "
        "the table of what they have learned says.",
        "Three panels with a true curve, its one-step prediction and a free run.",
    )


def distribution_figure(
    frames: Mapping[str, pd.DataFrame],
    runs: Mapping[str, FloatArray],
    variants: Mapping[str, str],
    folder: Path,
) -> Figure:
    """R over settings, untrained control, recorded seeds and print."""
    rng = np.random.default_rng(0)
    with mpl.rc_context(STYLE):
        figure = canvas(7.5, 5.5)
        axes = figure.subplots()
        ticks: list[Any] = []
        for place, row in enumerate(ROWS):
            frame = frames[row.key]
            good = frame[(frame["stage"] == 1) & (frame["error"] == "")]
            groups = (
                ("untrained", good["r_untrained"], "0.45", "x"),
                ("all steps", good["r_whole"], "#0072B2", "o"),
                ("without the first 50", good["r_late"], "#E69F00", "^"),
            )
            for k, (name, values, colour, marker) in enumerate(groups):
                height = -(4.5 * place + k)
                y = height + rng.uniform(-0.3, 0.3, len(values))
                axes.plot(
                    values,
                    y,
                    marker,
                    color=colour,
                    markersize=3,
                    alpha=0.5,
                    markeredgewidth=0.8,
                    linestyle="none",
                )
                ticks.append((height, f"{row.setting}: {name}"))
            height = -(4.5 * place + 3)
            axes.plot(
                runs[row.key],
                np.full(len(runs[row.key]), height),
                "D",
                color="black",
                markersize=5,
                markerfacecolor="none",
            )
            ticks.append((height, f"{row.setting}: chosen, 10 seeds ({variants[row.key]})"))
            axes.plot([row.r, row.r], [height - 0.5, height + 3.5], color="#D55E00", linewidth=2.2)
        axes.plot([], [], color="#D55E00", linewidth=2.2, label="printed in Table 1")
        axes.axvline(1, color="0.3", linewidth=0.8)
        axes.set(xlim=(0.9, 1.2), xlabel="$R$ (a few settings lie outside the frame)")
        axes.set_yticks([tick for tick, _ in ticks], [text for _, text in ticks], fontsize=9)
        axes.legend(loc="lower right")
        save(figure, folder, "lstm-distribution.png")
    return Figure(
        "lstm-distribution.png",
        "R over the settings of the space-filling search "
        "(crosses: the same networks untrained; circles: trained; triangles: without "
        "start-up) and over the ten recorded networks of each row (diamonds), beside the "
        "printed value.",
        "Strips of points around R = 1 with the printed value marked per row.",
    )
