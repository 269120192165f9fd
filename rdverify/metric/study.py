"""The study of the metric itself: the statements that belong to no single system.

Which changes leave R alone (scaling), what R can't tell (fields, networks, diffusion), the
three modes (labels), what happens while the DDPM's ratio rises (emergence), how many steps detail
needs (mosaics), and how much of R comes from the sizes of the two terms and how much from their
cancelling (terms). Small runs and exact solutions; nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from rdverify.gray_scott import run_many
from rdverify.metric import diffusion, emergence, fields, mosaics, networks
from rdverify.metric.figures import figures
from rdverify.metric.labels import modes
from rdverify.metric.runs import (
    FEEDS,
    MODELS,
    PLANNED,
    REPEATS,
    SEEDS,
    Line,
    Runs,
    fact,
    lines,
    ratios,
    traces,
)
from rdverify.metric.scaling import SWEEPS, scaling, swept
from rdverify.metric.systems import CELLS, STEPS
from rdverify.metric.terms import decomposition
from rdverify.study import Context, Study, Table

Shows = Callable[[Runs], str]
# what R can't tell: the system, its R, and what that shows; R is the mean where there are several
LIMITS: tuple[tuple[str, Callable[[Runs], Any], str | Shows], ...] = (
    (
        "Random vectors of equal length",
        fields.walks_r,
        lambda runs: (
            "R = 1 at every step; the state walks away without bound (squared distance "
            f"~ time^{fields.walks_growth():.2f}): neither pattern nor stability"
        ),
    ),
    (
        "Plate heated by a fixed picture",
        fields.plate_r,
        "any steady state that isn't uniform has reaction = -diffusion, so R = 1: R does not tell "
        "self-organisation from a picture put in from outside",
    ),
    (
        "Gray-Scott spots, decay counted as diffusion",
        lambda runs: fields.regrouped(runs, "decay"),
        "the split of the terms, which the paper draws differently for RD and LSTM, doesn't "
        "matter at a steady state",
    ),
    (
        "Gray-Scott spots, terms traded at random cells",
        lambda runs: fields.regrouped(runs, "swapped"),
        "a split without meaning gives R near 1 as well",
    ),
    (
        "Stationary pattern of u_xx + u - u^3",
        lambda runs: fields.unstable_pattern()[0],
        lambda runs: (
            f"R = 1 and unstable, growth rate {fields.unstable_pattern()[1]:.3f}: R = 1 "
            "says steady, not stable"
        ),
    ),
    ("Gray-Scott making spots and stripes", diffusion.turing_rd, "the reference"),
    ("DDPM making the same spots and stripes", diffusion.turing_ddpm, diffusion.comparison),
    (
        MODELS["control.blank"].label,
        lambda runs: ratios(runs, "control.blank"),
        "the ratio of Table 1 comes from the schedule",
    ),
    (
        MODELS["control.blank"].label + ", R_t at the last step",
        lambda runs: emergence.before_and_after(runs, "control.blank")[1],
        "the ratio rises at the end though no image emerges",
    ),
    (
        "Untrained LSTM on sines",
        lambda runs: networks.r_of(runs, "untrained"),
        "R near 1 needs no learning: the terms' sum is the state, which stays bounded",
    ),
    (
        "LSTM that forgets everything at once",
        lambda runs: networks.r_of(runs, "memoryless"),
        "with f = 0 the terms are this step's state and the last one's: R near 1 needs no memory",
    ),
    (
        f"{networks.WILD} LSTMs with random weights of all sizes (the smallest R)",
        lambda runs: networks.smallest_r(runs).value,
        "from C_0 = 0 no LSTM of h units has R below 1/sqrt(h) (0.25 for h = 16), and in the "
        "1-norm none below 1: R << 1 can't occur there",
    ),
    (
        "LSTM that forgets almost nothing, linear read-out",
        lambda runs: networks.r_of(runs, "integrator"),
        lambda runs: (
            f"R >> 1, yet {np.mean(networks.skill(runs, 'integrator')):.1f} times better "
            "than the last value on sines it has not seen"
        ),
    ),
    (
        "Gray-Scott, uniform steady state",
        lambda runs: fields.uniform_r(1.0, 0.0),
        "R isn't defined at homogeneity",
    ),
    (
        "Gray-Scott, uniform, not steady",
        lambda runs: fields.uniform_r(0.5, 0.25),
        "homogeneity goes with R infinite here, not with R << 1",
    ),
    (
        "DDPM without its noise",
        lambda runs: math.inf,
        partial(diffusion.ends, sampler="noiseless.silent"),
    ),
    (
        "Deterministic sampler",
        lambda runs: math.inf,
        partial(diffusion.ends, sampler="noiseless.flow"),
    ),
)


def limits(runs: Runs) -> Table:
    """What R can't tell, as far as it could be measured."""

    def line(limit: tuple[str, Callable[[Runs], Any], str | Shows]) -> Line:
        system, measure, shows = limit
        r = float(np.mean(measure(runs)))
        return {
            "system": system,
            "R": "0/0" if math.isnan(r) else "infinite" if math.isinf(r) else r,
            "what it shows": shows if isinstance(shows, str) else shows(runs),
        }

    return Table(
        "What R can't tell. Each line is a small run or an exact solution", lines(line, LIMITS)
    )


def run(context: Context) -> Runs:
    """Both regimes of Gray-Scott, the models that build on them, and every sweep."""
    units = len(PLANNED) + len(MODELS) + len(SWEEPS)
    with context.progress.task("the metric itself", units) as task:
        made = iter(run_many(PLANNED, context.workers, task))
        runs = Runs(context.golden, {kind: [next(made) for _ in SEEDS] for kind in FEEDS})
        computed: list[Callable[[], object]] = [
            *(partial(traces, runs, label) for label in MODELS),
            *(partial(swept, key) for key in SWEEPS),
        ]
        for compute in computed:
            with suppress(Exception):  # tried again by its facts, which then say what went wrong
                compute()
            task.advance()
    return runs


def tables(runs: Runs) -> Mapping[str, Table]:
    """What R is invariant under and can't tell, the modes, cancellation, and steps for detail."""
    return {
        "metric.scaling": scaling(),
        "metric.limits": limits(runs),
        "metric.modes": modes(runs),
        "metric.decomposition": decomposition(runs),
        "metric.mosaics": mosaics.table(runs),
    }


def config(runs: Runs) -> dict[str, Any]:
    """Sizes and numbers of seeds, for the record."""
    return {"cells": CELLS, "steps": STEPS, "simulations": len(SEEDS), "networks": REPEATS}


STUDY = Study(
    name="metric",
    title="What the metric can and can't tell",
    run=run,
    facts=fact,
    about="Constructive counterexamples, each a small run or a proof, and what R depends on.",
    tables=tables,
    figures=figures,
    config=config,
)
