"""The study of the metric itself: the statements that belong to no single system.

Which changes leave R alone (metric_scaling), what R can't tell (metric_limits), the three
modes (metric_modes), and here how much of R comes from the sizes of the two terms and how
much from their cancelling. Small runs and exact solutions; nothing is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context

from rdverify.balance import balance_of
from rdverify.gray_scott import simulate
from rdverify.lstm import LSTMConfig, as_input, build, gates, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.metric.diffusion import limits
from rdverify.metric.fields import WALKS, random_walk, terms
from rdverify.metric.labels import modes
from rdverify.metric.scaling import NETWORKS, Curves, scaling
from rdverify.metric.systems import (
    LSTM_ROWS,
    SPOTS,
    Systems,
    recorded,
    regime,
    run_systems,
    untrained,
)
from rdverify.study import Context, Figure, Metric, Metrics, StudyResult, Table
from rdverify.tools.plotting import STYLE, canvas, save
from rdverify.tools.progress import Task
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
UNITS_OF_WORK = 9 + 8 + 12 + 3 + 1
FIGURE = "metric-scaling.png"


def study(context: Context) -> StudyResult:
    """Measure what the metric is invariant under and what it can't tell."""
    metrics = Metrics()
    with context.progress.task("the metric itself", UNITS_OF_WORK) as task:
        systems = run_systems(context.workers, task)
        table, curves = scaling(metrics, task)
        tables = {
            "metric.scaling": table,
            "metric.limits": limits(metrics, systems, task),
            "metric.modes": modes(metrics, systems, context, task),
            "metric.decomposition": decomposition(metrics, systems, context, task),
        }
    _updates(metrics, systems)
    figures = {}
    if context.figures is not None:
        draw(curves, context)
        figures["metric.scaling"] = Figure(
            FIGURE,
            "R against what it might depend on, each curve over its own value at the "
            "paper's setting, both axes logarithmic. Left: finer time steps. Right: more "
            "components. A curve on the line at 1 belongs to a ratio that is comparable; the "
            "DDPM's falls as the root of its number of steps, like the ratio of drift and "
            "noise of any stochastic equation.",
            "Two panels of R relative to its reference: only the DDPM and the "
            "Ornstein-Uhlenbeck control leave 1, with slope minus one half.",
        )
    return StudyResult(
        metrics=metrics,
        tables=tables,
        figures=figures,
        config={
            "cells": regime(SPOTS, 0).rows,
            "steps": regime(SPOTS, 0).steps,
            "networks": NETWORKS,
        },
    )


def cancellation(trace: Trace) -> FloatArray:
    """Share of the terms' power that cancels in the change, one for each run, shape (runs,).

    With a the reaction, b the term that acts against it and a - b the change (extra
    "change"): 1 - sum ||a - b||^2 / sum (||a||^2 + ||b||^2), sums over time. By
    ||a - b||^2 = ||a||^2 + ||b||^2 - 2 <a, b> this is 2 sum <a, b> / sum (||a||^2 +
    ||b||^2): 1 if the terms are opposite and equal, 0 if unrelated, -1 if they pull alike.
    R does not see it.
    """
    power = (trace.react**2 + trace.diff**2).sum(axis=1)
    return np.asarray(1 - (trace.extras["change"] ** 2).sum(axis=1) / power, dtype=float)


def parts_of(trace: Trace) -> dict[str, FloatArray]:
    """The exact decomposition ||a||^2 - ||b||^2 = <a - b, a + b>, time means for each run.

    Returns:
        "distance": |R_t - 1|; "bound": ||a - b|| / ||b||, which it can't exceed;
        "alignment": |cos| of the angle between a - b and a + b; "relative": ||a + b|| /
        (||a|| + ||b||). |R_t - 1| = bound x alignment x relative at every step.
    """
    a, b, change = trace.react, trace.diff, trace.extras["change"]
    total = np.sqrt(np.maximum(2 * a**2 + 2 * b**2 - change**2, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "distance": np.abs(a / b - 1),
            "bound": change / b,
            "alignment": np.abs(a**2 - b**2) / (change * total),
            "relative": total / (a + b),
        }
    # a step from an empty state (b = 0) has no ratio; a step at rest has no direction
    return {
        name: np.nanmean(np.where(np.isfinite(v), v, np.nan), axis=1) for name, v in values.items()
    }


def decomposition(metrics: Metrics, systems: Systems, context: Context, task: Task) -> Table:
    """How much of R comes from the sizes of the terms and how much from cancellation."""
    rows: list[dict[str, object]] = []

    def add(label: str, make: Callable[[], list[Trace]]) -> Metric:
        traces = make()
        metric = Metric.of(
            [cancellation(trace).mean() for trace in traces],
            f"share of the two terms' power that cancels in the change, {label}",
        )
        mean = {
            key: float(np.mean([parts_of(trace)[key].mean() for trace in traces]))
            for key in ("distance", "bound", "alignment", "relative")
        }
        rows.append(
            {
                "system": label,
                "R": float(np.mean([balance_of(t).r for t in traces])),
                "cancelled share": metric.value,
                "mean |R_t - 1|": mean["distance"],
                "bound, |change|/|diffusion|": mean["bound"],
                "|cos(a - b, a + b)|": mean["alignment"],
                "|a + b|/(|a| + |b|)": mean["relative"],
            }
        )
        return metric

    def trained(key: str) -> Callable[[], list[Trace]]:
        return lambda: recorded(context.golden, key, "best")

    cases: list[tuple[str, str, Callable[[], list[Trace]]]] = [
        ("rd", "Gray-Scott, spots", lambda: [run.trace for run in systems.rd["spots"]]),
        ("rd_stripes", "Gray-Scott, stripes", lambda: [run.trace for run in systems.rd["stripes"]]),
        *(
            (f"lstm.{key}", f"LSTM, trained, {key.replace('_', ' ')}", trained(key))
            for key in LSTM_ROWS
        ),
        (
            "untrained",
            "LSTM, untrained, the study's own sines",
            lambda: [untrained(16, seed) for seed in range(NETWORKS)],
        ),
        ("ddpm", "DDPM, exact denoiser of patterns", lambda: [systems.ddpm]),
        (
            "random",
            "random vectors of equal length",
            lambda: [random_walk(seed)[0] for seed in range(WALKS)],
        ),
    ]
    for name, label, make in cases:
        metrics.measure(
            f"metric.cancel.{name}.share",
            f"share of the two terms' power that cancels in the change, {label}",
            partial(add, label, make),
        )
    task.advance()
    return Table(
        "Magnitude and cancellation. R compares the lengths of the two terms; whether "
        "they act against each other is another number, the share of their power that "
        "cancels. With a the reaction and b minus the diffusion (LSTM: the loss; DDPM: "
        "the noise), a - b is the change. |R_t - 1| is exactly the product of the last "
        "three columns at each step (columns are means over time)",
        rows,
    )


def _updates(metrics: Metrics, systems: Systems) -> None:
    """Are the measured terms update vectors, do they add up to the state's change?"""
    rd = "largest |dv/dt - reaction - diffusion| over largest |dv/dt|, one step of Gray-Scott"
    lstm = "largest |C_t - C_{t-1} - (i c~ - (1 - f) C_{t-1})| over largest |C_t - C_{t-1}|"
    ddpm = "relative gap in ||change||^2 = ||drift||^2 + ||noise||^2 + 2 <drift, noise>, worst step"
    printed = "| ||eps_theta|| - ||drift|| | / ||drift||, median over the steps of the same run"

    def of_rd() -> Metric:
        u, v = systems.rd["spots"][0].u, systems.rd["spots"][0].v
        rng = np.random.default_rng(2)  # off the steady state, where nothing moves
        u, v = u * (1 + 0.1 * rng.random(u.shape)), v * (1 + 0.1 * rng.random(v.shape))
        after = simulate(regime(SPOTS, 0, steps=1), (u, v))
        reaction, diffusion, _ = terms(u, v)
        moved = (after.v - v) / regime(SPOTS, 0).dt
        return Metric(float(np.abs(moved - reaction - diffusion).max() / np.abs(moved).max()), rd)

    def of_lstm() -> Metric:
        config = LSTMConfig(data=SineConfig(sequences=8), dtype="float64")
        model, x = build(config), generate(config.data)
        inside = gates(model.lstm, as_input(x, model))
        moved = inside.c - inside.c_prev
        left = moved - (inside.i * inside.c_tilde - inside.one_minus_f * inside.c_prev)
        trace = probe(model.lstm, as_input(x, model))
        same = np.abs(trace.react - np.linalg.norm(inside.i * inside.c_tilde, axis=2)).max()
        return Metric(float(max(np.abs(left).max(), same) / np.abs(moved).max()), lstm)

    metrics.measure("metric.update.rd.residual", rd, of_rd)
    metrics.measure("metric.update.lstm.residual", lstm, of_lstm)
    metrics.measure(
        "metric.update.ddpm.residual", ddpm, lambda: Metric(systems.residual["corrected"], ddpm)
    )
    metrics.measure(
        "metric.update.ddpm_printed.residual",
        printed,
        lambda: Metric(systems.residual["printed"], printed),
    )


# colour, dashes, marker, its size: where curves lie on each other all markers can be seen
MARKS = {
    "RD, time step dt": ("#0072B2", "-", "o", 11),
    "LSTM, samples of the same curves": ("#009E73", "--", "s", 7),
    "DDPM, steps T, beta ~ 1/T": ("#D55E00", "-.", "^", 10),
    "Ornstein-Uhlenbeck, steps": ("0.1", ":", "x", 8),
    "RD, cells": ("#0072B2", "-", "o", 11),
    "LSTM, hidden units": ("#009E73", "--", "s", 7),
    "DDPM, pixels": ("#D55E00", "-.", "^", 10),
}
REFERENCE = {
    "RD, time step dt": 1.0,
    "LSTM, samples of the same curves": 200.0,
    "DDPM, steps T, beta ~ 1/T": 1000.0,
    "Ornstein-Uhlenbeck, steps": 1000.0,
    "RD, cells": 4096.0,
    "LSTM, hidden units": 16.0,
    "DDPM, pixels": 1024.0,
}


def draw(curves: Curves, context: Context) -> None:
    """Draw R against refinement and against size, each relative to the reference setting."""
    if context.figures is None:
        return
    with rc_context(STYLE):
        figure = canvas(9.5, 4.2)
        left, right = figure.subplots(1, 2, sharey=True)
        for label, (x, r, _) in curves.of.items():
            refined = label in list(MARKS)[:4]
            at = REFERENCE[label]
            scale = np.asarray(x) / at
            scale = 1 / scale if label == "RD, time step dt" else scale
            colour, dashes, mark, size = MARKS[label]
            (left if refined else right).plot(
                scale,
                np.asarray(r) / r[x.index(at)],
                color=colour,
                linestyle=dashes,
                marker=mark,
                markersize=size,
                markerfacecolor="none",
                label=label,
            )
        for axes, name in (
            (left, "steps over the reference's, same total time"),
            (right, "components over the reference's"),
        ):
            axes.axhline(1, color="0.6", linewidth=0.8)
            axes.set(xscale="log", yscale="log", xlabel=name)
            axes.legend(loc="lower left")
            axes.minorticks_off()
        left.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
        right.set_xticks([0.1, 1, 10], ["1/10", "1", "10"])
        left.set_ylabel("$R$ over its value at the reference")
        left.set_ylim(0.3, 2.5)
        right.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
        save(figure, context.figures, FIGURE)
