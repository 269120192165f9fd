"""What the Gray-Scott study runs: the chosen setting, its variations, the controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from rdverify.gray_scott import (
    GrayScottConfig,
    Simulation,
    initial_state,
    largest_dt,
    run_many,
    simulate,
    steady_states,
)
from rdverify.gray_scott.study.runs import (
    DYING_KILL_RATE,
    FEED_RATES,
    LONG,
    RATIOS,
    REACH_STEPS,
    SEEDS,
    SMOOTHING_DX,
    TINY,
    Key,
    Runs,
)
from rdverify.gray_scott.study.settings import (
    COLUMNS,
    REGIMES,
    chosen,
    config_of,
    search_all,
    targets_of,
)
from rdverify.study import Context
from rdverify.study.frames import read_frame
from rdverify.sweep.axes import Setting
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter

FEW = 3  # seeds of what hardly depends on them
# By then v is below 1e-70 of its start and R_t has long contributed all it will to R;
# further steps only count with denormal numbers, ten times slower.
DEAD_AFTER = 2_000
DIES_FROM = 0.8  # D_v / D_u from which on nothing lives that long
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


def run(context: Context) -> Runs:
    """Choose the setting by the search, and run it with its variations and controls."""
    targets = targets_of(context)
    if context.profile == "full":
        folder = context.work / "rd-search"
        record = search_all(folder, targets, context.progress, context.workers)
    else:
        shipped = context.golden / "search" / "rd.csv"
        record = read_frame(shipped, ("stage", "seed", *COLUMNS), ("stage", "noise_kind"))
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
    (more: the choice, its value). u2v: the kinetics printed in section 4.1 (more: dt, noise).
    float32: single precision. half dt: half the step. long: four times T. Then
    :func:`_other_coefficients`, :func:`_feed_rates`, :func:`_controls`.
    """
    configs: dict[Key, GrayScottConfig] = {}
    steps, dt = setting["steps"], setting["dt"]
    for regime in REGIMES:
        plain = config_of(setting, regime, seeds[0])
        measured = replace(plain, inner_products=True)
        for seed in seeds:
            configs["main", regime, seed] = replace(
                measured, seed=seed, steps=2 * steps, snapshots=(steps,)
            )
        for choice, value in variations(setting):
            changed = setting | {choice: value}
            configs["varied", regime, choice, value] = config_of(changed, regime, seeds[0])
        for smaller, noise in printed_choices(setting):
            length = round(steps * dt / smaller) if noise == 0 else steps
            configs["u2v", regime, smaller, noise] = replace(
                plain, dt=smaller, noise=noise, kinetics="u2v", steps=length
            )
        configs["float32", regime] = replace(plain, dtype="float32")
        configs["half dt", regime] = replace(plain, steps=2 * steps, dt=dt / 2)
        for seed in seeds[:FEW]:
            configs["long", regime, seed] = replace(measured, seed=seed, steps=LONG * steps)
    configs.update(_other_coefficients(setting, seeds))
    configs.update(_feed_rates(setting, seeds[0]))
    configs.update(_controls(setting, seeds))
    return configs


def _other_coefficients(
    setting: Setting, seeds: Sequence[int]
) -> Iterator[tuple[Key, GrayScottConfig]]:
    """exchanged: D_u and D_v exchanged. ratio: D_v / D_u another one (more: the ratio, the seed).

    These change the activator; slowed: D_u as small as D_v, which stays, the other field slowed.
    turing: the Turing-unstable uniform state at F = 0.055 with noise of 0.001, and the same
    with D_u and D_v exchanged.
    """
    for regime in REGIMES:
        plain = config_of(setting, regime, seeds[0])
        dead = min(plain.steps, DEAD_AFTER)
        for seed in seeds[:FEW]:
            yield ("exchanged", regime, seed), replace(exchanged(plain), seed=seed, steps=dead)
            slowed = replace(plain, seed=seed, d_u=plain.d_v, steps=dead)
            yield ("slowed", regime, seed), slowed
        for ratio in RATIOS:
            for seed in seeds[: FEW if ratio == 1 else 1]:
                changed = replace(plain, seed=seed, d_v=ratio * plain.d_u)
                steps = plain.steps if ratio < DIES_FROM else dead
                yield ("ratio", regime, ratio, seed), replace(changed, steps=steps)
    u, v = steady_states(REGIMES["stripe"], plain.kill_rate)[1]
    uniform = replace(
        plain, inner_products=True, square=0, noise=TINY, background_u=u, background_v=v
    )
    yield ("turing", "stripe"), uniform
    yield ("turing exchanged", "stripe"), exchanged(uniform)


def exchanged(config: GrayScottConfig) -> GrayScottConfig:
    """The same with D_u and D_v exchanged."""
    return replace(config, d_u=config.d_v, d_v=config.d_u)


def _feed_rates(setting: Setting, seed: int) -> Iterator[tuple[Key, GrayScottConfig]]:
    """range: section 4.1's range of F in equal steps; range dying: the same at kill rate 0.08."""
    plain = config_of(setting, "spot", seed)
    for feed_rate in FEED_RATES:
        changed = replace(plain, feed_rate=feed_rate)
        yield ("range", feed_rate), changed
        dead = min(plain.steps, DEAD_AFTER)
        yield ("range dying", feed_rate), replace(changed, kill_rate=DYING_KILL_RATE, steps=dead)


def _controls(setting: Setting, seeds: Sequence[int]) -> Iterator[tuple[Key, GrayScottConfig]]:
    """Negative controls, and runs with R far from 1.

    dying: kill rate 0.08, the square's v dies out. flat: the square's concentrations
    everywhere, with the same noise. reactive: with noise of 0.001, so that hardly anything
    diffuses and R >> 1. noise: no square, only the noise. tiny: no square, noise of 0.001.
    smoothing: a square of one cell on a grid so fine that it diffuses away at once, R << 1.
    early: no noise, so that how far the square has reached can be read off.
    """
    for regime in REGIMES:
        plain = config_of(setting, regime, seeds[0])
        measured = replace(plain, inner_products=True)
        dead = replace(measured, steps=min(plain.steps, DEAD_AFTER))
        flat = replace(dead, square=0, background_u=plain.square_u, background_v=plain.square_v)
        for seed in seeds:
            yield ("dying", regime, seed), replace(dead, seed=seed, kill_rate=DYING_KILL_RATE)
        yield ("flat", regime), flat
        for seed in seeds[:FEW]:
            yield ("reactive", regime, seed), replace(flat, seed=seed, noise=TINY)
        yield ("noise", regime), replace(dead, square=0)
        yield ("tiny", regime), replace(dead, square=0, noise=TINY)
        fine = replace(dead, square=1, noise=0.0, dx=SMOOTHING_DX, dt=plain.dt / 1000)
        yield ("smoothing", regime), replace(fine, dt=0.9 * largest_dt(fine))
        yield ("early", regime), replace(plain, noise=0.0, steps=min(plain.steps, REACH_STEPS))


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
