"""Figures of the LSTM study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas

from rdverify.balance import ratio
from rdverify.lstm import as_input, free_run
from rdverify.lstm.sequences import generate
from rdverify.lstm.skill import predictions
from rdverify.lstm.study import swept
from rdverify.lstm.study.behaviour import WARM_UP
from rdverify.lstm.study.protocol import READING
from rdverify.lstm.study.rows import ROWS, UNSEEN, read
from rdverify.lstm.study.runs import Runs
from rdverify.study import Curve, Figure
from rdverify.study.intervals import middle
from rdverify.tools.plotting import STYLE, canvas, save


def curves(runs: Runs) -> list[Curve]:
    """R_t of the first network's first unseen sequence for each row, over normalised time.

    The band is over all of the row's networks on all unseen sequences. Steps in which nothing
    is lost yet (C_0 = 0) have no ratio and are left out.
    """
    found = []
    for row in ROWS:
        networks = runs.networks[row.key]["declared"]
        traces = [read(network, runs.unseen[row.key], READING) for network in networks]
        r_t = np.concatenate([ratio(trace.react, trace.diff) for trace in traces])
        keep = np.isfinite(r_t).all(axis=0)
        x = traces[0].times[keep] / traces[0].times[-1]
        what = "one sequence that training had not seen, read by one network"
        runs_of = f"{len(networks)} networks on {traces[0].runs} such sequences each"
        band = middle(r_t[:, keep])
        found.append(Curve(row, x.tolist(), r_t[0, keep].tolist(), *band, what=what, runs=runs_of))
    return found


def figures(runs: Runs, folder: Path) -> dict[str, Figure]:
    """Draw every figure into ``folder`` and say what they show."""
    drawn = {
        "lstm-ratio": (
            ratio_lines,
            Figure(
                "lstm-ratio.png",
                "The LSTM lines of Fig. 2: R_t of one network and one unseen "
                "sequence per data set, by the declared protocol. A mean over sequences "
                "of random phase would hide the oscillation; the start-up leaves the frame. Bands: "
                "the middle 95 % of all networks on all unseen sequences.",
                "Three curves of the ratio over normalised time, each around the line R = 1, in a "
                "band that does not narrow with time.",
            ),
        ),
        "lstm-curves": (
            true_and_predicted,
            Figure(
                "lstm-curves.png",
                "Predicted against true curves on sequences that training did "
                "not see (networks trained for longer). Grey: the data. Solid: one step ahead. "
                "Dashed: the network fed its own output. One network and one sequence, and a "
                "good one: most free runs leave the sines' frequency sooner, as the median in "
                "the table of what they have learned says.",
                "Three panels with a true curve, its one-step prediction and a free run.",
            ),
        ),
        "lstm-distribution": (
            distribution,
            Figure(
                "lstm-distribution.png",
                "R over the settings of the space-filling search "
                "(crosses: the same networks untrained; circles: trained; triangles: without "
                "start-up), over ten recorded networks of the declared protocol (diamonds) and "
                "of Van der Pol's two fits with relaxation oscillations (squares), beside print.",
                "Strips of points around R = 1 with the printed value marked per row.",
            ),
        ),
        "lstm-sweep": (lambda runs: swept.draw(runs.sweep), swept.FIGURE),
    }
    with mpl.rc_context(STYLE):
        for draw, figure in drawn.values():
            save(draw(runs), folder, figure.file)
    return {name: figure for name, (_, figure) in drawn.items()}


def ratio_lines(runs: Runs) -> Canvas:
    """R_t of one sequence for each row: the LSTM lines of Fig. 2."""
    figure = canvas(7.5, 5.5)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, curve in zip(panels, curves(runs), strict=True):
        axes.fill_between(curve.x, curve.low, curve.high, color=curve.row.colour, alpha=0.15, lw=0)
        axes.plot(curve.x, curve.y, **curve.row.line, linewidth=1.6, label=curve.row.label)
        axes.axhline(1, color="0.3", linewidth=0.8)
        axes.set(ylabel="$R_t$", xlim=(0, 1), ylim=(0.4, 1.8))
        axes.legend(loc="upper right")
    panels[-1].set(xlabel="normalised time $t$")
    return figure


def true_and_predicted(runs: Runs) -> Canvas:
    """True curve, one-step prediction and free run for each data set."""
    figure = canvas(7.5, 6.5)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, row in zip(panels, ROWS, strict=True):
        model = runs.networks[row.key]["skilled"][0]
        x = generate(runs.data(row.key, "skilled"), "unseen", UNSEEN)
        made = free_run(model, as_input(x[:, :WARM_UP], model), x.shape[1] - WARM_UP)[0]
        ahead = predictions(model, x)[0, :-1]
        steps = np.arange(x.shape[1])
        axes.plot(steps, x[0], color="0.55", linewidth=3, label="true")
        axes.plot(
            steps[1:], ahead, color="#0072B2", linewidth=1.2, label="predicted one step ahead"
        )
        axes.plot(
            steps[WARM_UP:],
            made,
            color="#D55E00",
            linestyle=(0, (4, 2)),
            linewidth=1.5,
            label=f"on its own output from step {WARM_UP}",
        )
        axes.axvline(WARM_UP, color="0.3", linewidth=0.8, linestyle=":")
        axes.set(ylabel="$x_t$ (normalised)", title=row.setting)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    panels[-1].set(xlabel="step")
    return figure


def distribution(runs: Runs) -> Canvas:
    """R over settings, untrained control, recorded seeds and print."""
    rng = np.random.default_rng(0)
    figure = canvas(7.5, 5.5)
    axes = figure.subplots()
    ticks: list[tuple[float, str]] = []
    strip: dict[str, Any] = {
        "markersize": 3,
        "alpha": 0.5,
        "markeredgewidth": 0.8,
        "linestyle": "none",
    }
    for place, row in enumerate(ROWS):
        good = runs.first_stage(row.key)
        groups = (
            ("untrained", good["r_untrained"], "0.45", "x"),
            ("all steps", good["r_whole"], "#0072B2", "o"),
            ("without the first 50", good["r_late"], "#E69F00", "^"),
        )
        for k, (name, values, colour, marker) in enumerate(groups):
            height = -(4.5 * place + k)
            y = height + rng.uniform(-0.3, 0.3, len(values))
            axes.plot(values, y, marker, color=colour, **strip)
            ticks.append((height, f"{row.setting}: {name}"))
        marks: dict[str, Any] = {"markersize": 5, "markerfacecolor": "none", "linestyle": "none"}
        for k, kind in enumerate(("declared", "relaxing", "relaxing_free")):
            if kind not in runs.networks[row.key]:
                continue
            height = -(4.5 * place + 3 + k)
            r = runs.values(kind, row.key)["r"]
            shape, colour = ("D", "black") if k == 0 else ("s", "#CC79A7")
            axes.plot(r, np.full(len(r), height), shape, color=colour, **marks)
            ticks.append((height, f"{row.setting}: {kind.replace('_', ', ')}, 10 seeds"))
        printed = runs.targets[row.key]["r"]
        axes.plot(
            [printed, printed], [height - 0.5, 0.5 - 4.5 * place], color="#D55E00", linewidth=2.2
        )
    axes.plot([], [], color="#D55E00", linewidth=2.2, label="printed in Table 1")
    axes.axvline(1, color="0.3", linewidth=0.8)
    axes.set(xlim=(0.9, 1.2), xlabel="$R$ (a few settings lie outside the frame)")
    axes.set_yticks([tick for tick, _ in ticks], [text for _, text in ticks], fontsize=9)
    axes.legend(loc="lower right")
    return figure
