"""Figures of the DDPM study: samples, R_t with the closed form, final ratios, R against T."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.study.runs import Row
from rdverify.ddpm.study.settings import PRINTED
from rdverify.study import Figure
from rdverify.tools.plotting import LINES, STYLE, canvas, plain_axes, save

# name -> colour and dashes as in Fig. 2, and a marker
STYLES = {
    name: (*LINES[f"DDPM/{name}"], marker)
    for name, marker in (("MNIST", "o"), ("FashionMNIST", "s"), ("CIFAR10", "^"))
}
STEPS = (50, 100, 200, 500, 1000, 2000, 4000)


def draw(
    folder: Path | None,
    rows: Mapping[str, Row],
    untrained: Row,
    variants: pd.DataFrame | None,
    training: pd.DataFrame | None,
) -> dict[str, Figure]:
    """Draw into ``folder`` (nothing if None) and describe what was drawn."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "ddpm.samples": _samples(folder, rows, untrained),
        "ddpm.r_t": _r_t(folder, rows),
        "ddpm.final": _final(folder, rows),
        "ddpm.steps": _steps(folder, rows, variants),
    }
    if training is not None:
        figures["ddpm.training"] = _training(folder, training)
    return figures


def _samples(folder: Path, rows: Mapping[str, Row], untrained: Row) -> Figure:
    shown = [*rows.values(), untrained]
    columns = min(8, *(len(row.images) for row in shown))
    figure = canvas(columns * 0.95, len(shown) * 1.15)
    grid = figure.subplots(len(shown), columns, squeeze=False)
    for line, row in zip(grid, shown, strict=True):
        for axes, image in zip(line, row.images, strict=False):
            pixels = ((image.clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()  # (C, H, W) -> HWC
            axes.imshow(pixels.squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_axis_off()
        line[0].set_title(row.setting, loc="left")
    save(figure, folder, "ddpm-samples.png")
    steps = ", ".join(
        f"{name} {row.card.get('training', {}).get('steps', '?')} of {row.card.get('data', '?')}"
        for name, row in rows.items()
    )
    return Figure(
        "ddpm-samples.png",
        "Images from the three trained networks, and from the "
        f"untrained one over the same chain. Training steps and data: {steps}.",
        "Rows of small images: white strokes on black from the MNIST network, bright "
        "shapes from the FashionMNIST network, coloured fields from the CIFAR10 "
        "network, black and white noise from the untrained one.",
    )


def _r_t(folder: Path, rows: Mapping[str, Row]) -> Figure:
    with mpl.rc_context(STYLE):
        figure = canvas(6.4, 6.2)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for name, row in rows.items():
        colour, dashes, _ = STYLES[name]
        u = np.arange(1, row.trace.steps + 1) / row.trace.steps
        top.plot(u, row.balance.r_t_pooled, color=colour, ls=dashes, lw=1.6, label=name)
        bottom.plot(u, row.balance.r_t_pooled / row.expected.r_t, color=colour, ls=dashes, lw=1.6)
    row = rows["MNIST"]
    top.plot(
        u, row.expected.r_t, ":", color="black", lw=1.6, label="closed form, true noise (MNIST)"
    )
    turned = expected_balance(
        Schedule.linear(row.schedule.T, direction="decreasing"), row.dimension, row.mean_square
    ).r_t
    top.plot(u, turned, color="black", lw=0.8, label=r"closed form, $\beta$ decreasing")
    top.axhline(1.0, color="black", lw=0.5)
    top.set(yscale="log", ylabel=r"$R_t$ (no unit)", ylim=(0.004, 1.5))
    top.legend(loc="upper left")
    bottom.axhline(1.0, color="black", lw=0.5)
    bottom.set(xlabel="normalised time of generation t (no unit)", ylabel="network / closed form")
    save(figure, folder, "ddpm-r-t.png")
    return Figure(
        "ddpm-r-t.png",
        "Top: the DDPM lines of Fig. 2, with what the schedule alone "
        "gives. With beta increasing R_t first falls, then rises towards 1; with beta "
        "decreasing, as the paper prints, it rises throughout. Bottom, where the lines "
        "part: each network's R_t over the closed form of its own row.",
        "Curves that start at 0.07, fall a little and rise steeply at the end; the one "
        "for MNIST lies on the dotted closed form until shortly before the end. The "
        "closed form for decreasing beta starts at 0.005 and rises throughout. Below, "
        "three lines that stay near 1 and fall below it at the end.",
    )


def _final(folder: Path, rows: Mapping[str, Row]) -> Figure:
    figure, axes = plain_axes(4.8, 3.6)
    for k, (name, row) in enumerate(rows.items()):
        ratios = row.balance.r_t[:, -1]
        colour, _, marker = STYLES[name]
        axes.scatter(
            k + np.linspace(-0.15, 0.15, len(ratios)),
            ratios,
            s=12,
            color=colour,
            marker=marker,
            alpha=0.6,
        )
        axes.hlines(ratios.mean(), k - 0.3, k + 0.3, color=colour, lw=2)
    axes.axhline(1.0, color="black", lw=0.8, ls=":")
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set_ylabel("ratio at the last step (no unit)")
    save(figure, folder, "ddpm-final.png")
    return Figure(
        "ddpm-final.png",
        "Fig. 3 for the DDPMs: the ratio at the last step, one marker "
        "a trajectory, bars the means. The noise of that step is drawn but not added.",
        "Three groups of markers with their means as bars, and a dotted line at 1.",
    )


def _steps(folder: Path, rows: Mapping[str, Row], variants: pd.DataFrame | None) -> Figure:
    figure, axes = plain_axes()
    m2 = rows["MNIST"].mean_square
    for scaling, line, marker in (("endpoints", "-", "o"), ("1/T", "--", "s")):
        label = "fixed end points" if scaling == "endpoints" else r"$\beta \propto 1/T$"
        r = [
            expected_balance(
                Schedule.linear(T, scaling=scaling),  # type: ignore[arg-type]
                1024,
                m2,
            ).r
            for T in STEPS
        ]
        axes.plot(STEPS, r, line, color="black", lw=1.4, label=f"closed form, {label}")
        if variants is not None:
            own = variants[
                (variants["row"] == "MNIST")
                & (variants["scaling"] == scaling)
                & (
                    variants["variant"].str.startswith("T =")
                    | (variants["variant"] == "as trained")
                )
            ]
            axes.errorbar(
                own["T"],
                own["r"],
                2 * own["r_se"],
                fmt=marker,
                ms=5,
                mfc="none",
                color=STYLES["MNIST"][0],
                label=f"sampled, {label}",
            )
    axes.axhline(1.0, color="black", lw=0.5)
    axes.set(xscale="log", yscale="log", xlabel="number of steps T", ylabel="R (no unit)")
    axes.legend()
    save(figure, folder, "ddpm-steps.png")
    return Figure(
        "ddpm-steps.png",
        "R against the number of steps: more steps make it smaller, "
        "not larger, by either convention for beta.",
        "Two falling lines with sampled markers on or beside them; R is far below 1 throughout.",
    )


def _training(folder: Path, training: pd.DataFrame) -> Figure:
    figure, axes = plain_axes()
    for prefix, name in (
        ("mnist", "MNIST"),
        ("fashionmnist", "FashionMNIST"),
        ("cifar10", "CIFAR10"),
    ):
        own = training[
            training["dataset"].str.startswith(prefix) & (training["weights"] == "raw")
        ].sort_values("step")
        colour, dashes, marker = STYLES[name]
        axes.plot(own["step"], own["r"], ls=dashes, marker=marker, ms=4, color=colour, label=name)
    axes.set_xscale("symlog", linthresh=50)
    axes.set(yscale="log", xlabel="training steps", ylabel="R (no unit)")
    for place, (_, _, r) in enumerate(PRINTED.values()):
        axes.axhline(r, color="black", lw=0.8, ls=":", label="" if place else "print (three rows)")
    axes.axhline(1.0, color="black", lw=0.5)
    axes.legend()
    save(figure, folder, "ddpm-training.png")
    return Figure(
        "ddpm-training.png",
        "R against training steps, from 0 on (recorded), with the "
        "three printed values, which nearly coincide. The axis is linear below 50 steps.",
        "Curves that fall from above 1 to about 0.07 within the first thousand training steps.",
    )
