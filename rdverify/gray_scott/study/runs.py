"""All simulations of the Gray-Scott study: the chosen setting, its variations, the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rdverify.gray_scott import GrayScottConfig, Simulation, initial_state, run_many, simulate
from rdverify.gray_scott.stability import steady_states
from rdverify.gray_scott.study.settings import REGIMES, config_of
from rdverify.study.search import Setting
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter
from rdverify.trace import Trace

LONG = 4  # times T, until the slowest rearrangement is over
TINY = 1e-3  # a fluctuation of a thousandth of the feed's concentration
# By then v is below 1e-70 of its start and R_t has long contributed all it will to R;
# further steps only count with denormal numbers, ten times slower.
DEAD_AFTER = 2_000
DYING_KILL_RATE = 0.08  # beyond the range in which any pattern is known to live


@dataclass(frozen=True, eq=False)
class Runs:
    """Simulations by name.

    Attributes:
        setting: the chosen setting, T = setting["steps"].
        main: regime -> one run of 2 T steps per seed, state kept after T.
        varied: (choice, value) -> regime -> one run with that one choice changed.
        controls: name -> run; see :func:`_controls`.
        exchanged: regime -> runs with D_u and D_v exchanged, one per seed.
        fine: regime -> name -> run: "dt" half the step; "dx" half the cell as well.
        single: regime -> the first seed in float32.
        printed: (dt, noise) -> regime -> run of the kinetics printed in section 4.1.
    """

    setting: Setting
    main: Mapping[str, Sequence[Simulation]]
    varied: Mapping[tuple[str, str], Mapping[str, Simulation]]
    controls: Mapping[str, Simulation]
    exchanged: Mapping[str, Sequence[Simulation]]
    fine: Mapping[str, Mapping[str, Simulation]]
    single: Mapping[str, Simulation]
    printed: Mapping[tuple[float, float], Mapping[str, Simulation]]


def until(trace: Trace, steps: int) -> Trace:
    """The first ``steps`` steps of a trace."""
    return Trace(
        trace.react[:, :steps],
        trace.diff[:, :steps],
        trace.times[:steps],
        trace.system,
        trace.config,
        trace.seeds,
        {name: series[:, :steps] for name, series in trace.extras.items()},
    )


def run_all(setting: Setting, seeds: Sequence[int], workers: int, progress: Reporter) -> Runs:
    """Run everything the study measures, each simulation once."""
    steps = setting["steps"]
    configs: dict[tuple[object, ...], GrayScottConfig] = {}
    for regime in REGIMES:
        for seed in seeds:
            configs["main", regime, seed] = config_of(
                setting, regime, seed, steps=2 * steps, inner_products=True, snapshots=(steps,)
            )
        for choice, value in variations(setting):
            configs["varied", choice, str(value), regime] = config_of(
                setting | {choice: value}, regime, seeds[0]
            )
        for seed in seeds[:3]:
            plain = config_of(setting, regime, seed)
            configs["exchanged", regime, seed] = replace(plain, d_u=plain.d_v, d_v=plain.d_u)
        for dt, noise in printed_choices(setting):
            configs["printed", dt, noise, regime] = config_of(
                setting | {"dt": dt, "noise": noise},
                regime,
                seeds[0],
                kinetics="u2v",
                steps=round(steps * setting["dt"] / dt) if noise == 0 else steps,
            )
        configs["single", regime] = config_of(setting, regime, seeds[0], dtype="float32")
        configs["fine", regime, "dt"] = config_of(
            setting, regime, seeds[0], steps=2 * steps, dt=setting["dt"] / 2
        )
    for name, config in _controls(setting, seeds[0]).items():
        configs["control", name] = config
    # the longest first, so that no core waits at the end
    order = sorted(configs, key=lambda key: -_cells(configs[key]))
    with progress.task("Gray-Scott: runs and controls", len(order) + len(REGIMES)) as task:
        found = dict(
            zip(order, run_many([configs[key] for key in order], workers, task), strict=True)
        )
        with ThreadPoolExecutor(workers) as pool:
            halved = dict(
                zip(
                    REGIMES, pool.map(partial(_half_cells, setting, seeds[0]), REGIMES), strict=True
                )
            )
        task.advance(len(REGIMES))
    return Runs(
        setting=setting,
        main={r: [found["main", r, seed] for seed in seeds] for r in REGIMES},
        varied={
            (c, str(v)): {r: found["varied", c, str(v), r] for r in REGIMES}
            for c, v in variations(setting)
        },
        controls={str(key[1]): found[key] for key in configs if key[0] == "control"},
        exchanged={r: [found["exchanged", r, seed] for seed in seeds[:3]] for r in REGIMES},
        fine={r: {"dt": found["fine", r, "dt"], "dx": halved[r]} for r in REGIMES},
        single={r: found["single", r] for r in REGIMES},
        printed={
            (dt, noise): {r: found["printed", dt, noise, r] for r in REGIMES}
            for dt, noise in printed_choices(setting)
        },
    )


def variations(setting: Setting) -> list[tuple[str, object]]:
    """One choice changed at a time: a quarter or so to either side, or the other kind."""
    other = "uniform" if setting["noise_kind"] == "normal" else "normal"
    wanted: list[tuple[str, object]] = []
    for choice, factors in (
        ("n", (0.8, 1.28)),
        ("dx", (0.8, 1.25)),
        ("dt", (0.25, 0.5)),
        ("steps", (0.5, 2.0)),
        ("square", (0.5, 2.0)),
        ("noise", (0.0, 2.5)),
        ("square_u", (0.8, 1.2)),
        ("square_v", (0.8, 1.2)),
    ):
        for factor in factors:
            value = setting[choice] * factor
            wanted.append(
                (
                    choice,
                    round(value) if isinstance(setting[choice], int) else float(f"{value:.4g}"),
                )
            )
    wanted.append(("noise_kind", other))
    kept = []
    for choice, value in wanted:
        try:
            config_of(setting | {choice: value}, "spot", 0)
        except InputError:  # no stable step, or a square larger than the grid
            continue
        kept.append((choice, value))
    return kept


def printed_choices(setting: Setting) -> list[tuple[float, float]]:
    """(dt, noise) for the kinetics as printed: ever smaller steps, and no noise at all."""
    return [
        *((setting["dt"] / part, setting["noise"]) for part in (1, 10, 100)),
        (setting["dt"] / 2, 0.0),
    ]


def _controls(setting: Setting, seed: int) -> dict[str, GrayScottConfig]:
    """The negative controls, and the runs that linear stability speaks of.

    dying_*: kill rate 0.08, the square's v dies out. flat_*: the square's
    concentrations everywhere, with the same noise. noise_*: no square, only the
    noise. tiny_*: no square, noise of 0.001. turing: the Turing-unstable uniform
    state at F = 0.055 with noise of 0.001. long_*: four times T.
    """
    configs = {}
    for regime in REGIMES:
        plain = config_of(setting, regime, seed, inner_products=True)
        dead = replace(plain, steps=min(plain.steps, DEAD_AFTER))
        configs[f"dying_{regime}"] = replace(dead, kill_rate=DYING_KILL_RATE)
        configs[f"flat_{regime}"] = replace(
            dead, square=0, background_u=plain.square_u, background_v=plain.square_v
        )
        configs[f"noise_{regime}"] = replace(dead, square=0)
        configs[f"tiny_{regime}"] = replace(dead, square=0, noise=TINY)
        configs[f"long_{regime}"] = replace(plain, steps=LONG * plain.steps)
    u, v = steady_states(REGIMES["stripe"], plain.kill_rate)[1]
    configs["turing"] = replace(plain, square=0, noise=TINY, background_u=u, background_v=v)
    return configs


def _half_cells(setting: Setting, seed: int, regime: str) -> Simulation:
    """Half the cell and at most half the step on the same domain, from the same state."""
    coarse = config_of(setting, regime, seed)
    start = tuple(np.repeat(np.repeat(field, 2, 0), 2, 1) for field in initial_state(coarse))
    for halvings in (2, 4, 8, 16):
        try:
            config = replace(
                coarse,
                rows=2 * coarse.rows,
                cols=2 * coarse.cols,
                dx=coarse.dx / 2,
                dt=coarse.dt / halvings,
                steps=coarse.steps * halvings,
            )
        except InputError:  # not yet a stable step
            continue
        return simulate(config, (start[0], start[1]))
    raise InputError(f"dx = {coarse.dx / 2} is not allowed: must have a stable step")


def _cells(config: GrayScottConfig) -> int:
    return config.rows * config.cols * config.steps
