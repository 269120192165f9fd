# ruff: noqa: E402
"""How fast is the Gray-Scott simulator? Ratios, side by side in one run.

    python bench/gray_scott.py [--output FILE] [--check] [--repeats N]

Every contestant takes its turn in every round, so that a slow spell of the machine
hits all of them; compile time is left out. What runs on one thread is timed by the
processor time the process got, which other programs on the machine disturb least (on
a quiet one it is the wall time); two threads against one by wall time, which only a
quiet machine can show. Printed are the best and the median of the rounds, and ratios
of the best (in brackets: the median of each round's ratio). ``--check`` exits with
status 1 if a ratio misses its bar.
"""

from __future__ import annotations

import os

# one thread each; py-pde would otherwise use several from 256 x 256 cells on
for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pde
from timing import exponent, interleaved

from rdverify.gray_scott import GrayScottConfig, initial_state, run_many, simulate
from rdverify.gray_scott import kernel as gray_scott_kernel
from rdverify.measure.kinetics import NAMED
from rdverify.measure.kinetics import kernel as kinetics_kernel
from rdverify.tools.files import write_json

SIDE = 256
FEED = 0.029
# ratio -> (bar, True if it must be at least that, what it compares)
BARS = {
    "numpy_roll": (12.0, True, "time of NumPy with np.roll and norms / ours with norms"),
    "py_pde": (10.0, True, "time of py-pde's compiled stepping, no norms / ours with norms"),
    "py_pde_norms": (10.0, True, "time of py-pde's compiled stepping with norms / ours with norms"),
    "norms": (1.10, False, "our time with norms / without"),
    "kinetics": (1.30, False, "time of Schnakenberg's kernel, both fields' norms / our kernel's"),
    "two_threads": (1.7, True, "two runs one after the other / on two threads"),
}


def config_of(side: int = SIDE, steps: int = 1, **more: Any) -> GrayScottConfig:
    return GrayScottConfig(FEED, rows=side, cols=side, steps=steps, **more)


def ours(steps: int, side: int = SIDE, **more: Any) -> Callable[[], None]:
    """The public way: initial state, steps with norms, trace."""
    config = config_of(side, steps, **more)
    return lambda: None if simulate(config).diverged_at is None else sys.exit("diverged")


def kernel(steps: int, norms: bool) -> Callable[[], None]:
    """The compiled steps alone, with and without the norms."""
    config = config_of()
    grid = config.dx**2
    coefficients = np.array(
        [config.d_u / grid, config.d_v / grid, FEED, FEED + config.kill_rate, config.dt, 1.0, 4.0]
    )
    start = [gray_scott_kernel.wrap(field) for field in initial_state(config)]
    buffers = [gray_scott_kernel.wrap(field) for field in (*initial_state(config),) * 2]
    sums = np.zeros((gray_scott_kernel.SUMS, steps))
    advance = gray_scott_kernel.kernel("uv2", False, False, norms)

    def work() -> None:
        for buffer, field in zip(buffers, (*start, *start), strict=True):
            buffer[:] = field
        advance(*buffers, coefficients, np.inf, sums)

    return work


def kinetics(steps: int, name: str) -> Callable[[], None]:
    """Other kinetics compiled into their kernel, with all norms of both fields."""
    kind = NAMED[name]
    chosen, values = kind.settings, tuple(kind.parameters.values())
    rng = np.random.default_rng(0)
    shape = (SIDE, SIDE)
    start = [level + 0.01 * rng.standard_normal(shape) for level in kind.state(*values)]
    fresh = [gray_scott_kernel.wrap(field) for field in start]
    buffers = [gray_scott_kernel.wrap(field) for field in (*start, *start)]
    grid = tuple(chosen[d] / chosen["dx"] ** 2 for d in ("d_u", "d_u", "d_v", "d_v"))
    sums = np.zeros((2, 3, steps))
    advance = kinetics_kernel(kind.reaction)

    def work() -> None:
        for buffer, field in zip(buffers, (*fresh, *fresh), strict=True):
            buffer[:] = field
        advance(*buffers, grid, chosen["dt"], values, True, np.inf, sums)

    return work


def numpy_roll(steps: int) -> Callable[[], None]:
    """Eqs. (1), (12), (15) literally: np.roll and np.linalg.norm."""
    config = config_of()
    start = initial_state(config)

    def laplacian(field: Any) -> Any:
        return (
            np.roll(field, 1, 0)
            + np.roll(field, -1, 0)
            + np.roll(field, 1, 1)
            + np.roll(field, -1, 1)
            - 4 * field
        ) / config.dx**2

    def work() -> None:
        u, v = start
        react, diff = np.empty(steps), np.empty(steps)
        for t in range(steps):
            gain = u * v * v
            reaction = gain - (FEED + config.kill_rate) * v
            diffusion = config.d_v * laplacian(v)
            react[t], diff[t] = np.linalg.norm(reaction), np.linalg.norm(diffusion)
            u = u + config.dt * (config.d_u * laplacian(u) - gain + FEED * (1 - u))
            v = v + config.dt * (diffusion + reaction)

    return work


def pde_system(config: GrayScottConfig) -> tuple[pde.PDE, pde.FieldCollection]:
    """The same equations and initial state for py-pde."""
    side = SIDE * config.dx
    grid = pde.CartesianGrid([[0, side], [0, side]], SIDE, periodic=True)
    equations = pde.PDE(
        {
            "u": f"{config.d_u} * laplace(u) - u * v**2 + {FEED} * (1 - u)",
            "v": f"{config.d_v} * laplace(v) + u * v**2 - {FEED + config.kill_rate} * v",
        }
    )
    return equations, pde.FieldCollection(
        [pde.ScalarField(grid, field) for field in initial_state(config)]
    )


def py_pde(steps: int, norms: bool = False) -> Callable[[], None]:
    """py-pde's explicit Euler stepper, compiled with numba, without any tracker.

    With ``norms`` it is called step by step, and both terms of the v equation are taken
    before each with py-pde's own compiled Laplacian: what a user of it would write.
    """
    config = config_of()
    equations, start = pde_system(config)
    # the class has another name in later versions
    solver = getattr(pde, "EulerSolver", None) or pde.ExplicitSolver
    state = start.copy()
    advance = solver(equations, backend="numba").make_stepper(state, dt=config.dt)
    expected = simulate(config_of(steps=steps))

    def work() -> None:
        state.data = start.data
        if not norms:
            advance(state, 0.0, steps * config.dt)
            return
        u, v = state[0].data, state[1].data
        for step in range(steps):
            reaction = u * v * v - (FEED + config.kill_rate) * v
            diffusion = config.d_v * state[1].laplace("periodic").data
            found[:, step] = np.linalg.norm(reaction), np.linalg.norm(diffusion)
            advance(state, step * config.dt, (step + 1) * config.dt)

    found = np.zeros((2, steps))
    work()
    assert np.max(np.abs(state[1].data - expected.v)) < 1e-10, "py-pde computes something else"
    if norms:
        ours = np.concatenate([expected.trace.react, expected.trace.diff])
        assert np.allclose(found, ours, rtol=1e-9, atol=0), "py-pde measures something else"
    return work


def together(steps: int, workers: int) -> Callable[[], None]:
    configs = [config_of(steps=steps, seed=seed) for seed in (0, 1)]
    return lambda: sys.exit("a run is missing") if len(run_many(configs, workers)) != 2 else None


Contestants = dict[str, tuple[Callable[[], None], float]]  # name -> (work, cells times steps)
PAIRS = {
    "numpy_roll": ("NumPy np.roll, norms", "rdverify, norms at every step"),
    "py_pde": ("py-pde numba, no norms", "rdverify, norms at every step"),
    "py_pde_norms": ("py-pde numba, norms", "rdverify, norms at every step"),
    "norms": ("kernel, norms at every step", "kernel, no norms"),
    "kinetics": ("Schnakenberg's kernel", "kernel, norms at every step"),
    "two_threads": ("two runs, one thread", "two runs, two threads"),
}


def measure(
    contestants: Contestants, repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds per cell and step of every contestant in every round."""
    seconds = interleaved({name: work for name, (work, _) in contestants.items()}, repeats, clock)
    return {name: [t / contestants[name][1] for t in times] for name, times in seconds.items()}


def contest(repeats: int) -> dict[str, list[float]]:
    """Seconds per cell and step of all contestants."""
    cells = SIDE * SIDE
    one_thread: Contestants = {
        "rdverify, norms at every step": (ours(1500), 1500 * cells),
        "kernel, norms at every step": (kernel(1500, True), 1500 * cells),
        "kernel, no norms": (kernel(1500, False), 1500 * cells),
        "Schnakenberg's kernel": (kinetics(1500, "schnakenberg"), 1500 * cells),
        "NumPy np.roll, norms": (numpy_roll(60), 60 * cells),
        "py-pde numba, no norms": (py_pde(100), 100 * cells),
        "py-pde numba, norms": (py_pde(60, norms=True), 60 * cells),
        "rdverify, float32": (ours(1500, dtype="float32"), 1500 * cells),
    }
    two: Contestants = {
        "two runs, one thread": (together(3000, 1), 6000 * cells),
        "two runs, two threads": (together(3000, 2), 6000 * cells),
    }
    return measure(one_thread, repeats) | measure(two, 2 * repeats, time.perf_counter)


def ratios_of(seconds: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Each ratio of :data:`PAIRS`, best and median over rounds, beside its bar."""
    ratios = {}
    for name, (slow, fast) in PAIRS.items():
        bar, at_least, what = BARS[name]
        best = min(seconds[slow]) / min(seconds[fast])
        ratios[name] = {
            "what": what,
            "bar": bar,
            "at_least": at_least,
            "best": best,
            "median": float(np.median(np.divide(seconds[slow], seconds[fast]))),
            "met": best >= bar if at_least else best <= bar,
        }
    return ratios


def growth_of(repeats: int) -> dict[str, Any]:
    """Best seconds against the grid's side and the number of steps, with exponents."""
    cells, sides, counts = SIDE * SIDE, [64, 128, 256, 512], [500, 1000, 2000, 4000]
    by_side = measure({str(n): (ours(2**25 // n**2, n), 2**25) for n in sides}, repeats)
    by_steps = measure({str(t): (ours(t), t * cells) for t in counts}, repeats)
    of_side = {n: min(by_side[str(n)]) * n * n for n in sides}
    of_steps = {t: min(by_steps[str(t)]) * t * cells for t in counts}
    return {
        "cells": of_side,
        "steps": of_steps,
        "exponent": {
            "cells": exponent([n * n for n in sides], list(of_side.values())),
            "steps": exponent(counts, list(of_steps.values())),
        },
    }


def show(rows: dict[str, Any], ratios: dict[str, Any], growth: dict[str, Any]) -> None:
    """Everything on the terminal."""
    print(f"\n{'cell updates per second / 1e9':34}{'best':>8}{'median':>8}")
    for name, row in rows.items():
        print(f"{name:34}{row['best']:8.3f}{row['median']:8.3f}")
    print("\nratios: best of each (median over rounds), bar")
    for ratio in ratios.values():
        print(
            f"{ratio['best']:8.2f} ({ratio['median']:.2f})  "
            f"{'>=' if ratio['at_least'] else '<='} {ratio['bar']:<5}"
            f"{'met' if ratio['met'] else 'MISSED':7} {ratio['what']}"
        )
    print("\ngrowth, ours with norms, best")
    for n, one_step in growth["cells"].items():
        print(f"  {n:4} x {n:<4} {1e6 * one_step:10.1f} us a step")
    for t, whole in growth["steps"].items():
        print(f"  {t:5} steps of {SIDE} x {SIDE} {1e3 * whole:8.1f} ms")
    print(
        f"  time ~ cells^{growth['exponent']['cells']:.3f}, steps^{growth['exponent']['steps']:.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="write the figures to this JSON file")
    parser.add_argument("--check", action="store_true", help="status 1 if a ratio misses its bar")
    parser.add_argument("--repeats", type=int, default=7, help="rounds (default: 7)")
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error(f"--repeats = {args.repeats} is not allowed: must be 1 or more")
    print(f"N = {SIDE}, float64, {args.repeats} rounds; compiling ...", file=sys.stderr)
    seconds = contest(args.repeats)
    rows = {
        name: {"best": 1e-9 / min(times), "median": 1e-9 / float(np.median(times))}
        for name, times in seconds.items()
    }
    ratios, growth = ratios_of(seconds), growth_of(args.repeats)
    show(rows, ratios, growth)
    if args.output is not None:
        result = {
            "side": SIDE,
            "repeats": args.repeats,
            "gcells_per_second": rows,
            "ratios": ratios,
            "seconds": growth,
            "machine": {
                "processor": processor(),
                "cores": os.cpu_count(),
                "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
                "python": platform.python_version(),
                **{name: version(name) for name in ("numpy", "numba", "py-pde")},
            },
        }
        write_json(args.output, result)
    return int(args.check and not all(ratio["met"] for ratio in ratios.values()))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
