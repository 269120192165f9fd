"""Gray-Scott: two fields on a periodic grid, with the norms of both terms at every step.

The model (eq01 with the kinetics of section 4.1), for the substrate u and the
autocatalyst v, concentrations without unit:

    du/dt = D_u lap(u) + R_u,    R_u = -u v^2 + F (1 - u)
    dv/dt = D_v lap(v) + R_v,    R_v =  u v^2 - (F + k) v

Section 4.1 prints u^2 v where Eq. (12) has u v^2; ``kinetics="u2v"`` is the former.
Space: 5-point Laplacian on a rectangular grid, both directions periodic. Time:
explicit Euler. At every step the L2 norm over the grid, not divided by the number
of cells, of both terms of the v equation:

    react_t = ||u_t v_t^2 - (F + k) v_t||_2   (eq12)
    diff_t  = ||D_v lap(v_t)||_2              (eq15)

Why R_t is near 1, exactly. Let a be the reaction term and b = -D_v lap(v), so that
a - b = dv/dt, the change. Then ||a||^2 - ||b||^2 = <a - b, a + b>. Hence

    R_t - 1 = (||a|| - ||b||) / ||b|| = <a - b, a + b> / (||b|| (||a|| + ||b||))

and, by the triangle inequality, |R_t - 1| <= ||a - b|| / ||b||. The bound is loose
where the change is nearly orthogonal to a + b: the inner product, not the size of
the change alone, says how near R_t is to 1. With ``inner_products=True`` the extras
"change" = ||a - b||, "total" = ||a + b|| and "inner" = <a - b, a + b> are recorded.

In short, for who builds on it:

* ``GrayScottConfig(feed_rate=0.029, seed=3)``: settings, checked when made.
* ``run(config) -> Trace``: one run; ``react`` and ``diff`` of shape (1, T).
* ``simulate(config, initial=None) -> Simulation``: ``.trace``, ``.u``, ``.v`` (the
  state after the last step), ``.snapshots[step] -> (u, v)``, ``.diverged_at``.
* ``run_many(configs, workers=2, progress=task) -> list[Simulation]``: side by side,
  the same bits as one by one; ``Trace.stack([s.trace for s in ...])`` pools them.
* ``initial_state(config)``, ``step(u, v, config)``, ``largest_dt(config)``.
* extras: "change", "total", "inner" (inner_products); "react_u", "diff_u" (u_terms).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.gray_scott import kernel as compiled
from rdverify.gray_scott.config import Field, GrayScottConfig, initial_state
from rdverify.tools.errors import require, require_integer
from rdverify.tools.progress import Task
from rdverify.trace import Trace

# A step that would move the cells by more than this on root mean square, in
# concentrations that are of order one, is taken for a divergence.
DIVERGENCE = 1e6
CHUNK = 500  # steps between two looks at whether the run was interrupted


@dataclass(frozen=True, eq=False)
class Simulation:
    """What one run leaves behind.

    Attributes:
        trace: norms of shape (1, T), seeds (seed,), system "RD". In column t
            (from 0) stand the terms at the state after t steps, that is BEFORE the
            update of step t + 1. NaN from ``diverged_at`` on.
        u, v: the state after the last step that was done, shape (rows, cols).
        snapshots: step -> (u, v) after that many steps; those the run reached.
        diverged_at: None, or the number of steps after which the state was no
            longer finite or about to change by more than ``DIVERGENCE`` (root mean
            square over the cells of dt times either term). A result, not a crash.
    """

    trace: Trace
    u: Field
    v: Field
    snapshots: Mapping[int, tuple[Field, Field]] = field(default_factory=dict)
    diverged_at: int | None = None


def simulate(
    config: GrayScottConfig,
    initial: tuple[Any, Any] | None = None,
    stop: threading.Event | None = None,
) -> Simulation:
    """Run ``config.steps`` explicit Euler steps (eq01) and record eq12 and eq15 at each.

    Args:
        config: the settings.
        initial: (u, v), each of shape (rows, cols), real and finite, instead of
            :func:`initial_state`; not written to.
        stop: when set, the run ends with KeyboardInterrupt at the next few hundred steps.

    Returns:
        :class:`Simulation`.

    Raises:
        InputError: if ``initial`` does not fit the grid or is not finite.
    """
    start = initial_state(config) if initial is None else _given(initial, config)
    advance = compiled.kernel(config.kinetics, config.inner_products, config.u_terms)
    now = [compiled.wrap(values) for values in start]
    then = [compiled.wrap(values) for values in start]
    sums = np.full((compiled.SUMS, config.steps), np.nan)
    coefficients = _coefficients(config)
    # ||a||^2 + ||b||^2 at which dt times the terms is DIVERGENCE on root mean square
    limit = config.rows * config.cols * (DIVERGENCE / config.dt) ** 2
    snapshots = {0: start} if 0 in config.snapshots else {}
    done, diverged = 0, None
    while done < config.steps and diverged is None:
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        target = min([done + CHUNK, config.steps, *(s for s in config.snapshots if s > done)])
        count = advance(*now, *then, coefficients, limit, sums[:, done:target])
        if count % 2:
            now, then = then, now
        done += count
        if done < target:
            diverged = done
        elif done in config.snapshots:
            snapshots[done] = compiled.inner(now[0]), compiled.inner(now[1])
    u, v = map(compiled.inner, now)
    if diverged is None and not (np.isfinite(u).all() and np.isfinite(v).all()):
        diverged = done
    return Simulation(_trace(config, sums, initial is None, diverged), u, v, snapshots, diverged)


def run(config: GrayScottConfig) -> Trace:
    """The trace of one run from its initial state, norms of shape (1, T) (eq12, eq15).

    A run that diverged has ``config["diverged_at"]``, the number of steps that it did.
    """
    return simulate(config).trace


def run_many(
    configs: Sequence[GrayScottConfig], workers: int = 2, progress: Task | None = None
) -> list[Simulation]:
    """Several runs side by side on the cores, in threads.

    Args:
        configs: one per run.
        workers: threads, at least 1; the compiled steps hold no lock.
        progress: advanced by one for each run that ends.

    Returns:
        one Simulation per configuration, in their order, the same to the bit as from
        :func:`simulate` one by one, however many workers there are.
    """
    workers = require_integer("workers", workers, 1)
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="gray-scott") as pool:
        futures = [pool.submit(simulate, config, None, stop) for config in configs]
        try:
            for future in as_completed(futures):
                future.result()
                if progress is not None:
                    progress.advance()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]


def step(u: Field, v: Field, config: GrayScottConfig) -> tuple[Field, Field]:
    """The state one explicit Euler step after (u, v), each of shape (rows, cols)."""
    after = simulate(replace(config, steps=1, snapshots=()), (u, v))
    return after.u, after.v


def _trace(
    config: GrayScottConfig, sums: npt.NDArray[np.float64], seeded: bool, diverged: int | None
) -> Trace:
    extras: dict[str, npt.NDArray[np.float64]] = {}
    with np.errstate(invalid="ignore"):
        norms = np.sqrt(sums)
    if config.inner_products:
        extras |= {
            "change": norms[compiled.CHANGE],
            "total": norms[compiled.TOTAL],
            "inner": sums[compiled.INNER],
        }
    if config.u_terms:
        extras |= {"react_u": norms[compiled.REACT_U], "diff_u": norms[compiled.DIFF_U]}
    settings = asdict(config) | {"snapshots": list(config.snapshots)}
    if not seeded:
        settings["initial"] = "given"
    if diverged is not None:
        settings["diverged_at"] = diverged
    return Trace(
        norms[compiled.REACT][None],
        norms[compiled.DIFF][None],
        config.dt * np.arange(1.0, config.steps + 1),
        "RD",
        settings,
        (config.seed,) if seeded else (),
        {name: series[None] for name, series in extras.items()},
    )


def _coefficients(config: GrayScottConfig) -> Field:
    d_u, d_v = config.d_u / (config.dx * config.dx), config.d_v / (config.dx * config.dx)
    decay = config.feed_rate + config.kill_rate
    return np.array([d_u, d_v, config.feed_rate, decay, config.dt, 1.0, 4.0], config.dtype)


def _given(initial: tuple[Any, Any], config: GrayScottConfig) -> tuple[Field, Field]:
    pair = isinstance(initial, tuple | list) and len(initial) == 2
    require(pair, "initial", initial, "a pair (u, v)")
    shape = (config.rows, config.cols)
    given = []
    for name, values in zip(("initial u", "initial v"), initial, strict=True):
        array = np.asarray(values)
        require(array.dtype.kind in "fiu", f"{name}.dtype", array.dtype.name, "real numbers")
        allowed = f"{shape}, the configuration's rows and cols"
        require(array.shape == shape, f"{name}.shape", array.shape, allowed)
        with np.errstate(over="ignore"):  # float32 may overflow: then it is not finite
            array = array.astype(config.dtype)
        require(bool(np.isfinite(array).all()), name, array, "finite in every cell")
        given.append(array)
    return given[0], given[1]
