"""Figures of the metric's study: R under refinement, and one pattern at two ratios."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context

from rdverify.balance import balance_of
from rdverify.metric.diffusion import comparison, made_patterns, nearest
from rdverify.metric.runs import PICTURED, Runs
from rdverify.metric.scaling import ENLARGED, REFINED, exponents, swept
from rdverify.study import Figure
from rdverify.tools.plotting import STYLE, canvas, plain_axes, save

SCALING, SAME = "metric-scaling.png", "same-pattern.png"


def figures(runs: Runs, folder: Path) -> dict[str, Figure]:
    """Draw into ``folder`` and say what is to be seen; what can't be drawn is left out."""
    found = {"metric.scaling": _scaling(folder)}
    with suppress(Exception):  # the facts on the same runs are errors then, and say why
        found["metric.same_pattern"] = _same_pattern(runs, folder)
    return found


def _scaling(folder: Path) -> Figure:
    """R against refinement of time, relative to the reference setting."""
    with rc_context(STYLE):
        figure, axes = plain_axes(6.8, 4.4)
        for key, sweep in REFINED.items():
            with suppress(Exception):  # its exponents are errors and say why
                r = swept(key)[:, :, 0].mean(axis=0)
                scale = np.asarray(sweep.x) / sweep.reference
                axes.plot(
                    1 / scale if key == "refine.rd" else scale,  # a step, not a number of steps
                    r / r[list(sweep.x).index(sweep.reference)],
                    markerfacecolor="none",
                    label=sweep.label,
                    **sweep.line,
                )
        axes.axhline(1, color="0.6", linewidth=0.8)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="steps over the reference's, same total time",
            ylabel="$R$ over its value at the reference",
        )
        axes.legend(loc="lower left")
        axes.minorticks_off()
        axes.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
        axes.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
        axes.set_ylim(0.3, 2.5)
        save(figure, folder, SCALING)
    return Figure(
        SCALING,
        "R at finer time steps, each curve over its own value at the paper's setting, both axes "
        "logarithmic. A curve on the line at 1 belongs to a ratio that is comparable; the DDPM's "
        "falls as the root of its number of steps, like the ratio of drift and noise of any "
        f"stochastic equation.{_sizes()}",
        "Lines of R relative to its reference: only the DDPM and the Ornstein-Uhlenbeck control "
        "leave 1, with slope minus one half.",
    )


def _sizes() -> str:
    """How R depends on the number of components, in words."""
    told = []
    for key, sweep in ENLARGED.items():
        with suppress(Exception):
            slope = round(float(np.mean(exponents(key, 0))), 3) + 0.0  # no minus before 0
            told.append(f"{sweep.label} {sweep.x[0]:,} to {sweep.x[-1]:,} {slope:.3f}")
    words = "; ".join(told)
    return (
        f" With the number of components R hardly changes (its exponents: {words})." if told else ""
    )


def _same_pattern(runs: Runs, folder: Path) -> Figure:
    """A pattern of each regime and the image that the exact denoiser made of it, with their R."""
    pairs = pairs_of(runs)
    ratios = balance_of(runs.chain.trace).r_runs
    simulated = [run for group in runs.rd.values() for run in group[:PICTURED]]
    with rc_context(STYLE):
        figure = canvas(2.3 * 2 * len(pairs), 2.9)
        for axes, (image, pattern) in zip(
            np.atleast_1d(figure.subplots(1, 2 * len(pairs))).reshape(-1, 2), pairs, strict=True
        ):
            own = balance_of(simulated[pattern].trace).r
            _field(axes[0], runs.patterns[pattern, 0].numpy(), f"Gray-Scott\n$R$ = {own:.3f}")
            made = runs.chain.images[image, 0].numpy()
            _field(axes[1], made, f"diffusion model\n$R$ = {ratios[image]:.3f}")
        save(figure, folder, SAME)
    return Figure(
        SAME,
        "One pattern, two ratios: v at the end of a Gray-Scott run, and beside it what a "
        "diffusion model made of pure noise; in place of a network it has the exact denoiser of "
        "these patterns. Above each the R of that one run. Of all images: "
        f"{comparison(runs)}.",
        "Pairs of equal maps, bright spots and bright stripes, one of each pair made by "
        "Gray-Scott at R near 1 and one by a diffusion model at a far smaller R.",
    )


def pairs_of(runs: Runs) -> Sequence[tuple[int, int]]:
    """(image, pattern) for the first image that is a pattern of each regime, as labelled.

    Raises:
        ArithmeticError: if no image is the pattern that it is nearest to.
    """
    which, made = nearest(runs.chain.images, runs.patterns)[1], made_patterns(runs)
    found: dict[int, tuple[int, int]] = {}
    for image, pattern in enumerate(which):
        if made[image]:
            found.setdefault(pattern // PICTURED, (image, pattern))
    if not found:
        raise ArithmeticError("no image is a pattern")
    return [found[regime] for regime in sorted(found)]


def _field(axes: Any, field: np.ndarray, title: str) -> None:
    axes.imshow(field, origin="lower", cmap="viridis", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_title(title)
    axes.set_axis_off()
