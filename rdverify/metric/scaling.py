"""What R is invariant under: units, time step, number of components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule
from rdverify.gray_scott import GrayScottConfig, initial_state, simulate
from rdverify.gray_scott.stability import laplacian, reaction
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.metric.runs import MEAN_SQUARES, REPEATS, Line, Runs, fact, lines
from rdverify.metric.systems import (
    CELLS,
    PIXELS,
    SPOTS,
    closed_form,
    fresh,
    ornstein_uhlenbeck,
    read,
    regime,
    sines,
    untrained,
)
from rdverify.study import Table
from rdverify.trace import FloatArray, Trace

LENGTH, TIME, AMOUNT = 1000.0, 60.0, 7.0  # by which the numbers of a quantity grow
UNIT_STEPS = 1000
AMPLITUDE = 10.0  # of the same signal in another unit
TIME_SPAN = 4000.0  # over which time steps are compared: transients and a grown pattern


def plain(
    u: FloatArray,
    v: FloatArray,
    config: GrayScottConfig,
    steps: int,
    *,
    length: float = 1.0,
    time: float = 1.0,
    amount: float = 1.0,
) -> tuple[float, float]:
    """R and M_react of Gray-Scott with every constant spelt out, so that units can be changed.

    du/dt = D_u lap u - rate u v^2 + F (full - u), dv/dt = D_v lap v + rate u v^2 - (F + k) v.
    The paper's form has rate = full = 1, numbers that have units: rate is 1 / (amount^2
    time), full an amount. Step by step in NumPy, where the simulator has a compiled kernel.
    ``u`` and ``v`` of shape (rows, cols) are in the units of ``config``, of which F, k, D_u,
    D_v, dx and dt count; one of its units of length, time and amount is so many new ones.
    """
    feed, kill, dt = config.feed_rate / time, config.kill_rate / time, config.dt * time
    d_u, d_v = (d * length**2 / time for d in (config.d_u, config.d_v))
    dx, rate = config.dx * length, 1 / (amount**2 * time)
    u, v = amount * u, amount * v
    react, diff = 0.0, 0.0
    for _ in range(steps):
        react_u, react_v = reaction(u, v, feed, kill, rate=rate, full=amount)
        diff_v = d_v * laplacian(v, dx)
        react += float(np.linalg.norm(react_v))
        diff += float(np.linalg.norm(diff_v))
        u, v = u + dt * (d_u * laplacian(u, dx) + react_u), v + dt * (react_v + diff_v)
    return react / diff, react / steps


@cache
def changes_of_unit() -> tuple[float, float]:
    """|R'/R - 1| and |M_react'/M_react - 1| of Gray-Scott in other units."""
    config = regime(SPOTS, 0)
    u, v = initial_state(config)
    before = plain(u, v, config, UNIT_STEPS)
    after = plain(u, v, config, UNIT_STEPS, length=LENGTH, time=TIME, amount=AMOUNT)
    r, m_react = (abs(new / old - 1) for new, old in zip(after, before, strict=True))
    return r, m_react


WHERE = (
    f"Gray-Scott, spots, {UNIT_STEPS:,} steps, with lengths, times and amounts counted in units "
    f"{LENGTH:g}, {TIME:g} and {AMOUNT:g} times smaller"
)


@fact("metric.units.rd.r_change", f"|R'/R - 1|, {WHERE}")
def _rd_change(runs: Runs) -> float:
    return changes_of_unit()[0]


@fact("metric.units.control.m_change", f"|M_react'/M_react - 1|, {WHERE}")
def _rd_m_change(runs: Runs) -> float:
    return changes_of_unit()[1]


@fact(
    "metric.units.ddpm.r_change",
    "|R'/R - 1| of a perfect DDPM by formula, MNIST's pixels in [0, 1] against [-1, 1]",
)
def _ddpm_change(runs: Runs) -> float:
    old, new = (balance_of(closed_form(square)).r for square in MEAN_SQUARES)
    return abs(new / old - 1)


@fact(
    "metric.units.lstm.r_change",
    "|R'/R - 1| of untrained LSTMs when the same sines are counted in a unit "
    f"{AMPLITUDE:g} times smaller",
)
def _lstm_change(runs: Runs) -> list[float]:
    changes = []
    for seed in range(REPEATS):
        model, x = fresh(seed), generate(sines(seed))
        old, new = (balance_of(read(model, scale * x)).r for scale in (1.0, AMPLITUDE))
        changes.append(abs(new / old - 1))
    return changes


def refined_rd(dt: float, seed: int) -> Trace:
    """Spots over the same time with another step."""
    steps = round(TIME_SPAN / dt)
    return simulate(regime(SPOTS, seed, dt=dt, steps=steps, inner_products=False)).trace


def refined_lstm(length: int, seed: int) -> Trace:
    """An untrained network on the same 2 to 10 periods, sampled more finely."""
    low, high = 2 / length, 10 / length
    data = SineConfig(
        length=length, sequences=32, seed=seed, frequency_low=low, frequency_high=high
    )
    return untrained(16, seed, data)


def refined_ddpm(steps: int, seed: int) -> Trace:
    """The closed form, total noise kept (beta proportional to 1/T)."""
    return closed_form(0.5, schedule=Schedule.linear(steps, scaling="1/T"))


def larger_rd(cells: int, seed: int) -> Trace:
    """Several copies of the small run, each with noise of its own."""
    tiles = round((cells / CELLS**2) ** 0.5)
    parts = [
        [initial_state(regime(SPOTS, seed + 100 * (i * tiles + j))) for j in range(tiles)]
        for i in range(tiles)
    ]
    u, v = (np.block([[part[place] for part in row] for row in parts]) for place in (0, 1))
    side = {"rows": CELLS * tiles, "cols": CELLS * tiles}
    config = regime(SPOTS, seed, steps=round(TIME_SPAN), inner_products=False, **side)
    return simulate(config, (u, v)).trace


@dataclass(frozen=True)
class Sweep:
    """One curve of R and M_react against what they might depend on.

    Attributes:
        label: in the table and the figure.
        x: what is varied, step or size.
        reference: element of ``x`` that the figure divides by.
        run: (x, seed) -> its trace.
        seeds: how many.
        line: colour, dashes and marker; where curves lie on each other all markers can be seen.
    """

    label: str
    x: Sequence[float]
    reference: float
    run: Callable[[Any, int], Trace]
    seeds: int
    line: dict[str, Any]


_RD = {"color": "#0072B2", "linestyle": "-", "marker": "o", "markersize": 11}
_LSTM = {"color": "#009E73", "linestyle": "--", "marker": "s", "markersize": 7}
_DDPM = {"color": "#D55E00", "linestyle": "-.", "marker": "^", "markersize": 10}
_NOISE = {"color": "0.1", "linestyle": ":", "marker": "x", "markersize": 8}
_CELLS = [CELLS**2 * tiles**2 for tiles in (1, 2, 3)]
_STEPS = (250, 500, 1000, 2000, 4000)  # the DDPM's beta is then 4 to 1/4 times that of T = 1000
REFINED = {
    "refine.rd": Sweep("RD, time step dt", (2.0, 1.0, 0.5, 0.25), 1.0, refined_rd, 3, _RD),
    "refine.lstm": Sweep(
        "LSTM, samples of the same curves", (100, 200, 400, 800), 200, refined_lstm, REPEATS, _LSTM
    ),
    "refine.ddpm": Sweep("DDPM, steps T, beta ~ 1/T", _STEPS, 1000, refined_ddpm, 1, _DDPM),
    "refine.control.noise": Sweep(
        "Ornstein-Uhlenbeck, steps", _STEPS, 1000, lambda T, _: ornstein_uhlenbeck(T), 1, _NOISE
    ),
}
ENLARGED = {
    "size.rd": Sweep("RD, cells", _CELLS, CELLS**2, larger_rd, 3, _RD),
    "size.lstm": Sweep(
        "LSTM, hidden units", (4, 8, 16, 32, 64, 128), 16, untrained, REPEATS, _LSTM
    ),
    "size.ddpm": Sweep(  # 8x8 .. 3x64x64, of equal mean square
        "DDPM, pixels",
        (64, 256, 1024, 3072, 12288),
        PIXELS,
        lambda pixels, _: closed_form(0.5, pixels),
        1,
        _DDPM,
    ),
}
SWEEPS = REFINED | ENLARGED
SIZES = {key: f"components: {sweep.label}" for key, sweep in ENLARGED.items()}
STEPS = {key: f"steps or step: {sweep.label}" for key, sweep in REFINED.items()}


@cache
def swept(key: str) -> FloatArray:
    """(R, M_react) of one of :data:`SWEEPS`, shape (seeds, len(x), 2)."""
    sweep = SWEEPS[key]
    found = [[balance_of(sweep.run(x, k)) for x in sweep.x] for k in range(sweep.seeds)]
    return np.array([[(one.r, one.m_react) for one in each] for each in found])


def exponent(x: Sequence[float], y: Sequence[float] | FloatArray) -> float:
    """Slope of log y against log x, least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def exponents(sweep: str, which: int) -> list[float] | float:
    """Of R (0) or M_react (1), one for each seed; one exact number for a closed form."""
    found = [exponent(SWEEPS[sweep].x, y) for y in swept(sweep)[:, :, which]]
    return found if len(found) > 1 else found[0]


@fact("metric.{sweep}.r_exponent", "exponent of R in {sweep}", sweep=STEPS | SIZES)
def _r_exponent(runs: Runs, sweep: str) -> list[float] | float:
    return exponents(sweep, 0)


@fact("metric.{sweep}.m_exponent", "exponent of M_react in {sweep}", sweep=SIZES)
def _m_exponent(runs: Runs, sweep: str) -> list[float] | float:
    return exponents(sweep, 1)


def scaling() -> Table:
    """All exponents, those of the means over seeds."""

    def line(key: str) -> Line:
        x, (r, m_react) = SWEEPS[key].x, swept(key).mean(axis=0).T
        return {
            "refined or enlarged": SWEEPS[key].label,
            "from": float(x[0]),
            "to": float(x[-1]),
            "R from": float(r[0]),
            "R to": float(r[-1]),
            "exponent of R": exponent(x, r),
            "exponent of M_react": exponent(x, m_react),
        }

    return Table(
        "What the metric is invariant under: exponents of a power law, 0 where nothing "
        "changes. A noise term enters as the root of dt and a drift as dt, so a ratio of "
        "the two goes with the root of the step; a ratio of two drifts does not. "
        "Undivided norms of fields grow as the root of the number of components; those of "
        "an untrained LSTM hardly grow, since torch scales initial weights down with it",
        lines(line, SWEEPS),
    )
