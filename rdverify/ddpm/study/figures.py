"""Figures of the DDPM study: samples, R_t with the closed form, final ratios, R against T."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.schedule import Scaling
from rdverify.ddpm.study.record_facts import training_of
from rdverify.ddpm.study.rows import ROWS, TRAINING_RECORD
from rdverify.ddpm.study.runs import Runs
from rdverify.ddpm.study.settings import begun_with
from rdverify.study import Curve, Figure
from rdverify.study.intervals import middle
from rdverify.study.tolerance import interval_of
from rdverify.tools.plotting import STYLE, canvas, plain_axes, save

STEPS = (50, 100, 200, 500, 1000, 2000, 4000)
POINTS, LAST = 250, 50  # of a line of Fig. 2: all in all, and steps at its end


def curves(runs: Runs) -> list[Curve]:
    """R_t pooled over trajectories, on at most 250 values of normalised time, with their band.

    The last 50 steps are all there: only in them do the rows differ.
    """
    found = []
    for name, sampled in runs.rows.items():
        T, balance, chains = sampled.trace.steps, sampled.balance, f"{sampled.trace.runs} chains"
        end = np.arange(max(0, T - LAST), T)
        at = np.unique([*np.linspace(0, T - 1, POINTS - LAST).round().astype(int), *end])
        x, y = ((at + 1) / T).tolist(), balance.r_t_pooled[at].tolist()
        what = f"the ratio of the mean norms of {chains}, at the last step with the noise as drawn"
        found.append(Curve(ROWS[name], x, y, *middle(balance.r_t[:, at]), what=what, runs=chains))
    return found


def figures(runs: Runs, folder: Path) -> dict[str, Figure]:
    """Draw into ``folder`` and describe what was drawn."""
    drawn = {
        "ddpm.samples": _samples,
        "ddpm.r_t": _r_t,
        "ddpm.final": _final,
        "ddpm.steps": _steps,
        "ddpm.training": _training,
    }
    with mpl.rc_context(STYLE):
        return {name: draw(folder, runs) for name, draw in drawn.items()}


def _samples(folder: Path, runs: Runs) -> Figure:
    shown = [*runs.rows.values(), runs.untrained]
    columns = min(8, *(len(sampled.images) for sampled in shown))
    figure = canvas(columns * 0.95, len(shown) * 1.15)
    grid = figure.subplots(len(shown), columns, squeeze=False)
    for line, sampled in zip(grid, shown, strict=True):
        for axes, image in zip(line, sampled.images, strict=False):
            pixels = ((image.clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()  # (C, H, W) -> HWC
            axes.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
        line[0].set_title(sampled.setting, loc="left")
    save(figure, folder, "ddpm-samples.png")
    steps = ", ".join(
        f"{name} {sampled.card['training']['steps']} of {sampled.card['data']}"
        for name, sampled in runs.rows.items()
    )
    return Figure(
        "ddpm-samples.png",
        "Images from the three trained networks, and from the untrained one over the same chain. "
        f"Training steps and data: {steps}.",
        "Rows of small images: white strokes on black from the MNIST network, bright "
        "shapes from the FashionMNIST network, coloured fields from the CIFAR10 "
        "network, black and white noise from the untrained one.",
    )


def _r_t(folder: Path, runs: Runs) -> Figure:
    figure = canvas(6.4, 6.2)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for name, sampled in runs.rows.items():
        u = np.arange(1, sampled.trace.steps + 1) / sampled.trace.steps
        r_t, line = sampled.balance.r_t_pooled, ROWS[name].line
        top.plot(u, r_t, **line, lw=1.6, label=name)
        bottom.plot(u, r_t / sampled.expected.r_t, **line, lw=1.6)
    mnist = runs.rows["MNIST"]
    form = {"color": "black", "lw": 1.6, "label": "perfect network, by formula (MNIST)"}
    top.plot(u, mnist.expected.r_t, ":", **form)
    turned = expected_balance(
        Schedule.linear(mnist.schedule.T, direction="decreasing"),
        mnist.dimension,
        mnist.mean_square,
    ).r_t
    top.plot(u, turned, color="black", lw=0.8, label=r"by formula, $\beta$ decreasing")
    top.axhline(1.0, color="black", lw=0.5)
    top.set(yscale="log", ylabel=r"$R_t$ (no unit)", ylim=(0.004, 1.5))
    top.legend(loc="upper left", bbox_to_anchor=(0, 0.93))  # below the line at 1
    bottom.axhline(1.0, color="black", lw=0.5)
    bottom.set(xlabel="normalised time of generation t (no unit)", ylabel="network / formula")
    save(figure, folder, "ddpm-r-t.png")
    return Figure(
        "ddpm-r-t.png",
        "Top: the DDPM lines of Fig. 2, with what the schedule alone "
        "gives. With beta increasing R_t first falls, then rises towards 1; with beta "
        "decreasing, as the paper prints, it rises throughout. Bottom, where the lines "
        "part: each network's R_t over what the formula gives for its own row.",
        "Three curves that fall a little at first and rise steeply to nearly 1 at the end; the "
        "one for MNIST lies on the dotted line of the formula until shortly before it. The formula "
        "for decreasing beta starts far lower and rises throughout. Below, three lines that stay "
        "near 1 until they part at the end.",
    )


def _final(folder: Path, runs: Runs) -> Figure:
    figure, axes = plain_axes(5.6, 4.4)
    for k, (name, sampled) in enumerate(runs.rows.items()):
        ratios, row = sampled.balance.r_t[:, -1], ROWS[name]
        spread = k + np.linspace(-0.3, 0.1, len(ratios))
        axes.scatter(spread, ratios, s=14, color=row.colour, marker=row.marker, alpha=0.6)
        own = interval_of(ratios)
        bar: dict[str, Any] = {"fmt": "none", "color": "black"}
        for low, high, width, cap in (
            (own.predicted_low, own.predicted_high, 1.2, 5),
            (own.low, own.high, 4, 0),
        ):
            half = [[own.mean - low], [high - own.mean]]
            axes.errorbar(k + 0.25, own.mean, half, elinewidth=width, capsize=cap, **bar)
        axes.plot(k + 0.25, own.mean, row.marker, color=row.colour, markeredgecolor="black", ms=8)
    axes.axhline(1.0, color="black", lw=0.8, ls=":")
    axes.set_xticks(range(len(runs.rows)), list(runs.rows))
    axes.set_ylabel(
        r"$\|\mu_\theta(x_1, 1) - x_1\| \;/\; \|\sigma_1 z\|$"
        "\nlast step, $z$ as drawn, not added"
    )
    save(figure, folder, "ddpm-final.png")
    return Figure(
        "ddpm-final.png",
        "Fig. 3 for the DDPMs, one small marker a chain: the ratio at the last step of "
        "generation, from x_1 to x_0. The sampler draws that step's noise z without adding it; the "
        "ratio needs it as its denominator. Large markers: the mean, with the 95 % intervals of "
        "the mean (thick) and of one chain (thin).",
        "Three groups of markers, each with its mean and two intervals beside it, and a dotted "
        "line at 1: MNIST highest, then FashionMNIST, CIFAR10 lowest.",
    )


SCALINGS: tuple[tuple[Scaling, str, str, str], ...] = (
    ("endpoints", "-", "o", "fixed end points"),
    ("1/T", "--", "s", r"$\beta \propto 1/T$"),
)


def _steps(folder: Path, runs: Runs) -> Figure:
    figure, axes = plain_axes(6.8, 4.6)
    mnist, few = runs.rows["MNIST"], Schedule.linear(STEPS[0])
    points: dict[str, Any] = {"ms": 6, "mfc": "none", "color": ROWS["MNIST"].colour}
    for scaling, line, marker, label in SCALINGS:
        r = [
            expected_balance(Schedule.linear(T, scaling=scaling), 1024, mnist.mean_square).r
            for T in STEPS
        ]
        axes.plot(STEPS, r, line, color="black", lw=1.4, label=f"by formula, {label}")
        own = _recorded_steps(runs, scaling)
        error = 2 * own["r_se"]
        axes.errorbar(own["T"], own["r"], error, fmt=marker, label=f"sampled, {label}", **points)
    begun = begun_with(runs.networks["MNIST"], mnist.images, few)
    star = "sampled, fixed end points, $x_T$ noised images"
    axes.plot([few.T], [begun.r], "*", label=star, **(points | {"ms": 11}))
    axes.axhline(1.0, color="black", lw=0.5)
    axes.set(xscale="log", yscale="log", xlabel="number of steps $T$", ylabel="$R$ (no unit)")
    _plain_ticks(axes.xaxis, STEPS)
    _plain_ticks(axes.yaxis, (0.03, 0.05, 0.1, 0.2, 0.5, 1))
    axes.legend(loc="lower left")
    save(figure, folder, "ddpm-steps.png")
    return Figure(
        "ddpm-steps.png",
        "R against the number of steps: more steps make it smaller, not larger, by either "
        f"convention for beta. Where the end points are fixed and T = {few.T}, beta sums to so "
        f"little that a share of {few.alpha_bar[-1] ** 0.5:.2f} (root of alpha_bar_T) of an image "
        "is left in x_T; the formula counts on it, while a sampler begins with pure noise, "
        "has more to remove, and lies above the line. The star begins with noised images.",
        "Two falling lines with sampled markers on them, but for one of the fewest steps, which "
        "lies above its line, with a star on the line below it; R is far below 1 throughout.",
    )


def _recorded_steps(runs: Runs, scaling: Scaling) -> pd.DataFrame:
    """The recorded numbers of MNIST's network by number of steps."""
    variants = runs.variants
    steps = variants["variant"].str.startswith("T =") | (variants["variant"] == "as trained")
    return variants[(variants["row"] == "MNIST") & (variants["scaling"] == scaling) & steps]


def _training(folder: Path, runs: Runs) -> Figure:
    figure, axes = plain_axes(6.8, 4.6)
    for name, row in ROWS.items():
        own = training_of(runs.records[TRAINING_RECORD], name)
        axes.plot(own["step"], own["r"], **row.line, marker=row.marker, ms=4, label=name)
        low, high = own["r"] - own["r_sd"], own["r"] + own["r_sd"]
        axes.fill_between(own["step"], low, high, color=row.colour, alpha=0.2, linewidth=0)
    axes.set_xscale("symlog", linthresh=50, linscale=0.5)
    axes.set(yscale="log", xlabel="training steps", ylabel="$R$ (no unit)")
    _plain_ticks(axes.xaxis, (0, 50, 100, 200, 500, 1000, 2000, 5000, 10_000))
    _plain_ticks(axes.yaxis, (0.05, 0.1, 0.2, 0.5, 1, 2))
    for place, printed in enumerate(runs.printed.values()):
        label = "" if place else "print (three rows)"
        axes.axhline(printed["r"], color="black", lw=0.8, ls=":", label=label)
    axes.axhline(1.0, color="black", lw=0.5)
    axes.legend()
    save(figure, folder, "ddpm-training.png")
    return Figure(
        "ddpm-training.png",
        "R against training steps, from 0 on (recorded), with the three printed values, which "
        "nearly coincide. Bands: one standard deviation of the chains. The axis is linear below "
        "50 steps.",
        "Three curves that start above 1 and fall to the printed values within the first thousand "
        "training steps, where they stay.",
    )


def _plain_ticks(axis: Any, ticks: Sequence[float]) -> None:
    """These ticks alone, in plain digits."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
