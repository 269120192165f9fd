"""What the Gray-Scott study ran, and what several facts, tables and figures have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from rdverify.balance import Balance, balance_of, ratio
from rdverify.gray_scott import Simulation, StateStability, all_states, classify
from rdverify.gray_scott.stability import laplacian
from rdverify.gray_scott.study.settings import (
    AXES,
    M_OF_BOTH,
    REGIMES,
    Targets,
    config_of,
    three,
)
from rdverify.study import QUANTITIES, Quantity
from rdverify.study.ranking import plausible
from rdverify.study.tolerance import LEVEL
from rdverify.sweep.axes import Setting
from rdverify.tools.errors import require
from rdverify.trace import FloatArray, Trace

SEEDS = tuple(range(11, 21))  # new ones: the search used 0, 101 to 105 and 201 to 210
LONG = 4  # times T, until the slowest rearrangement is over
TINY = 1e-3  # a fluctuation of a thousandth of the feed's concentration
DYING_KILL_RATE = 0.08  # beyond the range in which any pattern is known to live
FEED_RATES = tuple(round(0.029 + 0.002 * k, 3) for k in range(14))  # section 4.1: [0.029, 0.055]
RATIOS = (0.3, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)  # D_v / D_u, beside the paper's 0.5
REACH_STEPS = 1_000  # the square has by then grown to a few wavelengths, far from the border
SMOOTHING_DX = 1e-3  # D_v / dx^2 is then 50 times F + k
GONE = 1e-16  # v below it: u v^2 is lost in rounding beside v
Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Runs:
    """Everything that was run, and what several facts and tables have in common.

    Attributes:
        setting: the chosen setting, T = setting["steps"].
        seeds: of the main runs.
        record: every run of the search.
        targets: column of the record -> number as Table 1 prints it.
        simulations: (what, regime, more) -> run; see ``plan``, and ("half dx", regime).
    """

    setting: Setting
    seeds: Sequence[int]
    record: pd.DataFrame
    targets: Targets
    simulations: Mapping[Key, Simulation]

    def of(self, *what: Any) -> list[Simulation]:
        """The runs of one kind, such as "main", "spot", in the order of their seeds."""
        return [run for key, run in self.simulations.items() if key[: len(what)] == what]

    def one(self, *what: Any) -> Simulation:
        """The only run of one kind, such as "flat", "spot", or its first."""
        return self.of(*what)[0]

    @property
    def steps(self) -> int:
        """T of the chosen setting."""
        return int(self.setting["steps"])

    @cached_property
    def double(self) -> dict[str, Trace]:
        """The main runs of a regime as one trace of 2 T steps."""
        return {r: Trace.stack([run.trace for run in self.of("main", r)]) for r in REGIMES}

    @cached_property
    def traces(self) -> dict[str, Trace]:
        """The main runs up to T ("spot"), "spot.long", and the controls of both."""
        found = {regime: until(trace, self.steps) for regime, trace in self.double.items()}
        for regime in REGIMES:
            for name, what in ((f"{regime}.long", "long"), (f"control.dying_{regime}", "dying")):
                found[name] = Trace.stack([run.trace for run in self.of(what, regime)])
            late = LONG * self.steps
            for name, steps in (("", self.steps), (".long", late)):
                found[f"control.plate_{regime}{name}"] = heated_plate(self.decay(regime), steps)
            found[f"control.dying_{regime}.long"] = Trace.stack(
                [died(run, late - 1 - run.trace.steps) for run in self.of("dying", regime)]
            )
        return found

    def decay(self, regime: str) -> float:
        """What a step of diffusion takes off the pattern at T: dt D_v ||lap v|| / ||v - mean||."""
        config = config_of(self.setting, regime, self.seeds[0])
        v = self.one("main", regime).snapshots[self.steps][1]
        rate = config.d_v * np.linalg.norm(laplacian(v, config.dx)) / np.linalg.norm(v - v.mean())
        return float(config.dt * rate)

    @cached_property
    def balances(self) -> dict[str, Balance]:
        """Regime -> the balance of its main runs up to T."""
        return {regime: balance_of(self.traces[regime]) for regime in REGIMES}

    @cached_property
    def labels(self) -> dict[str, list[str]]:
        """Regime -> the classifier's label of v at T, per seed."""
        return {
            r: [classify(run.snapshots[self.steps][1]).label for run in self.of("main", r)]
            for r in REGIMES
        }

    @cached_property
    def fits(self) -> pd.DataFrame:
        """Every setting of the search, with how plausible print's four M's are as one run of it."""
        names = [axis.name for axis in AXES]
        return plausible(self.record, names, {name: self.targets[name] for name in M_OF_BOTH})

    @property
    def near(self) -> pd.DataFrame:
        """The settings whose four M's fit as well: print may be one run of them."""
        return self.fits[self.fits["p"] >= LEVEL].reset_index(drop=True)

    def values(self, regime: str) -> dict[Quantity, FloatArray]:
        """Each quantity up to T over the seeds, shape (seeds,)."""
        balance = self.balances[regime]
        return {quantity: getattr(balance, f"{quantity}_runs") for quantity in QUANTITIES}

    def effects(self, regime: str) -> dict[Quantity, dict[str, float]]:
        """What half a step, half a cell and single precision change, per quantity, first seed."""
        half_dt = three(self.one("half dt", regime).trace)
        half_dx = three(self.one("half dx", regime).trace, 0.5)
        single = three(self.one("float32", regime).trace)
        plain = {quantity: float(values[0]) for quantity, values in self.values(regime).items()}
        return {
            q: {
                "half dt": half_dt[q] - plain[q],
                "half dx": half_dx[q] - half_dt[q],
                "float32": single[q] - plain[q],
            }
            for q in QUANTITIES
        }

    def states(self, regime: str, exchanged: bool = False) -> list[StateStability]:
        """The uniform steady states of a regime, or of it with D_u and D_v exchanged."""
        config = config_of(self.setting, regime, 0)
        pair = (config.d_v, config.d_u) if exchanged else (config.d_u, config.d_v)
        return all_states(config.feed_rate, config.kill_rate, *pair)


def until(trace: Trace, steps: int) -> Trace:
    """The first ``steps`` steps of a trace."""
    return _cut(trace, slice(steps))


def since(trace: Trace, steps: int) -> Trace:
    """What comes after the first ``steps`` steps of a trace."""
    return _cut(trace, slice(steps, None))


def _cut(trace: Trace, kept: slice) -> Trace:
    return replace(
        trace,
        react=trace.react[:, kept],
        diff=trace.diff[:, kept],
        times=trace.times[kept],
        extras={name: series[:, kept] for name, series in trace.extras.items()},
    )


def distance_from_one(trace: Trace) -> FloatArray:
    """|R_t - 1| of every run and step, shape (runs, T)."""
    return np.asarray(np.abs(balance_of(trace).r_t - 1))


def change_over_diffusion(trace: Trace) -> FloatArray:
    """||change|| / ||diffusion|| of every run and step, the bound of |R_t - 1|, shape (runs, T)."""
    return ratio(trace.extras["change"], trace.diff)


def heated_plate(decay: float, steps: int) -> Trace:
    """A plate under a fixed pattern of heat, cold at first: no feedback, no instability.

    One wave of which a step takes off the share ``decay``: with the source 1, diffusion takes
    1 - (1 - decay)^t from the state after t steps, and that is all. It comes to rest at R_t = 1.
    """
    left = (1 - decay) ** np.arange(1.0, steps + 1)[None, :]
    return Trace(np.ones_like(left), 1 - left, system="RD", extras={"change": left})


def died(run: Simulation, steps: int) -> Trace:
    """The norms ``steps`` steps after the end of a run whose v is gone, as a trace of one step.

    u v^2 is then lost beside v, so that every wave of v follows its own linear law: a step takes
    off dt (F + k + D_v q). What all waves lose alike is left out: norms would be 0 to the last
    bit, their ratios are not.
    """
    config = run.trace.config
    largest = float(np.abs(run.v).max())
    require(0 < largest <= GONE, "largest v", largest, f"more than 0 and at most {GONE:g}")
    rows, cols = (2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(n)) for n in run.v.shape)
    taken = config["d_v"] * (rows[:, None] + cols) / config["dx"] ** 2
    lost = config["feed_rate"] + config["kill_rate"]
    left = 1 - config["dt"] * taken / (1 - config["dt"] * lost)
    waves = np.abs(np.fft.fft2(run.v / largest)) * left**steps
    react, diff, change = (
        np.full((1, 1), np.linalg.norm(rate * waves)) for rate in (lost, taken, lost + taken)
    )
    return Trace(react, diff, system="RD", extras={"change": change})
