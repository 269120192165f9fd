"""All simulations of the Gray-Scott study: the chosen setting, its variations, the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from rdverify.balance import Balance, balance_of, ratio
from rdverify.gray_scott import (
    GrayScottConfig,
    Simulation,
    StateStability,
    all_states,
    classify,
    initial_state,
    largest_dt,
    run_many,
    simulate,
    steady_states,
)
from rdverify.gray_scott.study.settings import (
    COLUMNS,
    EQUALLY_WELL,
    REGIMES,
    Targets,
    chosen,
    config_of,
    one_seed,
    ranked,
    search_all,
    targets_of,
    three,
)
from rdverify.study import QUANTITIES, Context, Quantity
from rdverify.study.axes import Setting
from rdverify.study.frames import read_frame
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter
from rdverify.trace import FloatArray, Trace

SEEDS = tuple(range(11, 21))  # new ones: the search used 0, 101 to 105 and 201 to 210
LONG = 4  # times T, until the slowest rearrangement is over
TINY = 1e-3  # a fluctuation of a thousandth of the feed's concentration
# By then v is below 1e-70 of its start and R_t has long contributed all it will to R;
# further steps only count with denormal numbers, ten times slower.
DEAD_AFTER = 2_000
DYING_KILL_RATE = 0.08  # beyond the range in which any pattern is known to live
# One choice changed at a time, by these factors: a quarter or so to either side.
FACTORS = {
    "n": (0.8, 1.28),
    "dx": (0.8, 1.25),
    "dt": (0.25, 0.5),
    "steps": (0.5, 2.0),
    "square": (0.5, 2.0),
    "noise": (0.0, 2.5),
    "square_u": (0.8, 1.2),
    "square_v": (0.8, 1.2),
}
Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Runs:
    """Everything that was run, and what several facts and tables have in common.

    Attributes:
        setting: the chosen setting, T = setting["steps"].
        seeds: of the main runs.
        record: every run of the search.
        targets: column of the record -> number as Table 1 prints it.
        simulations: (what, regime, more) -> run; see :func:`plan`, and ("half dx", regime).
    """

    setting: Setting
    seeds: Sequence[int]
    record: pd.DataFrame
    targets: Targets
    simulations: Mapping[Key, Simulation]

    def of(self, what: str, regime: str) -> list[Simulation]:
        """The runs of one kind, such as "main", in the order of their seeds."""
        return [run for key, run in self.simulations.items() if key[:2] == (what, regime)]

    def one(self, what: str, regime: str) -> Simulation:
        """The only run of one kind, such as "dying", or its first."""
        return self.of(what, regime)[0]

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
        """The main runs of a regime up to T ("spot"), "spot.long" and "control.dying_spot"."""
        main = {regime: until(trace, self.steps) for regime, trace in self.double.items()}
        long = {f"{regime}.long": self.one("long", regime).trace for regime in REGIMES}
        dying = {f"control.dying_{regime}": self.one("dying", regime).trace for regime in REGIMES}
        return main | long | dying

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
    def near(self) -> pd.DataFrame:
        """The settings of the search, one seed each, whose four M's fit about equally well."""
        tried = ranked(one_seed(self.record), self.targets)
        return tried[tried["distance"] <= EQUALLY_WELL].reset_index(drop=True)

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
    return replace(
        trace,
        react=trace.react[:, :steps],
        diff=trace.diff[:, :steps],
        times=trace.times[:steps],
        extras={name: series[:, :steps] for name, series in trace.extras.items()},
    )


def distance_from_one(trace: Trace) -> FloatArray:
    """|R_t - 1| of every run and step, shape (runs, T)."""
    return np.asarray(np.abs(balance_of(trace).r_t - 1))


def change_over_diffusion(trace: Trace) -> FloatArray:
    """||change|| / ||diffusion|| of every run and step, the bound of |R_t - 1|, shape (runs, T)."""
    return ratio(trace.extras["change"], trace.diff)


def run(context: Context) -> Runs:
    """Choose the setting by the search, and run it with its variations and controls."""
    targets = targets_of(context)
    if context.profile == "full":
        folder = context.work / "rd-search"
        record = search_all(folder, targets, context.progress, context.workers)
    else:
        shipped = context.golden / "search" / "rd.csv"
        record = read_frame(shipped, ("stage", "seed", *COLUMNS))
    setting = chosen(record, targets)
    found = run_all(setting, SEEDS, context.workers, context.progress)
    return Runs(setting, SEEDS, record, targets, found)


def run_all(
    setting: Setting, seeds: Sequence[int], workers: int, progress: Reporter
) -> dict[Key, Simulation]:
    """Run everything the study measures, each simulation once."""
    configs = plan(setting, seeds)
    work = {key: config.rows * config.cols * config.steps for key, config in configs.items()}
    order = sorted(configs, key=lambda key: -work[key])  # so that no core waits at the end
    with progress.task("Gray-Scott: runs and controls", len(order) + len(REGIMES)) as task:
        done = run_many([configs[key] for key in order], workers, task)
        with ThreadPoolExecutor(workers) as pool:
            halved = list(pool.map(partial(_half_cells, setting, seeds[0]), REGIMES))
        task.advance(len(REGIMES))
    found = dict(zip(order, done, strict=True))
    return {key: found[key] for key in configs} | {
        ("half dx", regime): simulation for regime, simulation in zip(REGIMES, halved, strict=True)
    }


def plan(setting: Setting, seeds: Sequence[int]) -> dict[Key, GrayScottConfig]:
    """What is run, by (what, regime, more).

    main: one run of 2 T steps per seed, the state kept after T. varied: one choice changed
    (more: the choice, its value). exchanged: D_u and D_v exchanged, three seeds. u2v: the
    kinetics printed in section 4.1 (more: dt, noise). float32: single precision. half dt:
    half the step.

    Negative controls, and what linear stability speaks of. dying: kill rate 0.08, the
    square's v dies out. flat: the square's concentrations everywhere, with the same noise.
    noise: no square, only the noise. tiny: no square, noise of 0.001. turing: the
    Turing-unstable uniform state at F = 0.055 with noise of 0.001. long: four times T.
    """
    configs: dict[Key, GrayScottConfig] = {}
    steps, dt = setting["steps"], setting["dt"]
    for regime in REGIMES:
        plain = config_of(setting, regime, seeds[0])
        measured = replace(plain, inner_products=True)
        dead = replace(measured, steps=min(steps, DEAD_AFTER))
        for seed in seeds:
            configs["main", regime, seed] = replace(
                measured, seed=seed, steps=2 * steps, snapshots=(steps,)
            )
        for choice, value in variations(setting):
            changed = setting | {choice: value}
            configs["varied", regime, choice, value] = config_of(changed, regime, seeds[0])
        for seed in seeds[:3]:
            configs["exchanged", regime, seed] = replace(
                plain, seed=seed, d_u=plain.d_v, d_v=plain.d_u
            )
        for smaller, noise in printed_choices(setting):
            length = round(steps * dt / smaller) if noise == 0 else steps
            configs["u2v", regime, smaller, noise] = replace(
                plain, dt=smaller, noise=noise, kinetics="u2v", steps=length
            )
        configs |= {
            ("float32", regime): replace(plain, dtype="float32"),
            ("half dt", regime): replace(plain, steps=2 * steps, dt=dt / 2),
            ("dying", regime): replace(dead, kill_rate=DYING_KILL_RATE),
            ("flat", regime): replace(
                dead, square=0, background_u=plain.square_u, background_v=plain.square_v
            ),
            ("noise", regime): replace(dead, square=0),
            ("tiny", regime): replace(dead, square=0, noise=TINY),
            ("long", regime): replace(measured, steps=LONG * steps),
        }
    u, v = steady_states(REGIMES["stripe"], plain.kill_rate)[1]
    configs["turing", "stripe"] = replace(
        measured, square=0, noise=TINY, background_u=u, background_v=v
    )
    return configs


def variations(setting: Setting) -> list[tuple[str, Any]]:
    """One choice changed at a time, by :data:`FACTORS` or to the other kind; those that can run."""
    wanted: list[tuple[str, Any]] = []
    for choice, factors in FACTORS.items():
        values = [setting[choice] * factor for factor in factors]
        whole = isinstance(setting[choice], int)
        wanted += [(choice, round(x) if whole else float(f"{x:.4g}")) for x in values]
    wanted.append(("noise_kind", "uniform" if setting["noise_kind"] == "normal" else "normal"))
    return [(choice, value) for choice, value in wanted if _can_run(setting | {choice: value})]


def printed_choices(setting: Setting) -> list[tuple[float, float]]:
    """(dt, noise) for the kinetics as printed: ever smaller steps, and no noise at all."""
    dt, noise = setting["dt"], setting["noise"]
    return [(dt, noise), (dt / 10, noise), (dt / 100, noise), (dt / 2, 0.0)]


def _can_run(setting: Setting) -> bool:
    try:
        config_of(setting, "spot", 0)
    except InputError:  # no stable step, or a square larger than the grid
        return False
    return True


def _half_cells(setting: Setting, seed: int, regime: str) -> Simulation:
    """Half the cell and at most half the step on the same domain, from the same state."""
    coarse = config_of(setting, regime, seed)
    u, v = (np.repeat(np.repeat(field, 2, 0), 2, 1) for field in initial_state(coarse))
    # with the smallest step first: InputError if even that one is too long
    finest = replace(
        coarse, rows=2 * coarse.rows, cols=2 * coarse.cols, dx=coarse.dx / 2, dt=coarse.dt / 16
    )
    halvings = next(n for n in (2, 4, 8, 16) if coarse.dt / n <= largest_dt(finest))
    fine = replace(finest, dt=coarse.dt / halvings, steps=coarse.steps * halvings)
    return simulate(fine, (u, v))
