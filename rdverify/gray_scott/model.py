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

import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.gray_scott import kernel as compiled
from rdverify.tools.errors import require
from rdverify.tools.progress import Task
from rdverify.trace import Trace

Field = npt.NDArray[Any]
# A step that would move the cells by more than this on root mean square, in
# concentrations that are of order one, is taken for a divergence.
DIVERGENCE = 1e6
CHUNK = 500  # steps between two looks at whether the run was interrupted


@dataclass(frozen=True)
class GrayScottConfig:
    """Settings of one run; raises InputError when made with values that cannot work.

    Rates are per unit of time, lengths in units of the domain, concentrations
    without unit.

    Args:
        feed_rate: F > 0. The paper: 0.029 for spots, 0.055 for stripes.
        kill_rate: k > 0.
        d_u, d_v: diffusion coefficients D_u, D_v > 0, length^2 / time.
        rows, cols: cells of the grid, each at least 2.
        dx: the side of a cell, > 0.
        dt: the time step, > 0 and at most :func:`largest_dt`.
        steps: T >= 1.
        seed: of the noise in the initial state, >= 0.
        square: side in cells of the perturbed central square, from 0 to the grid's side.
        square_u, square_v: concentrations in it.
        noise: size of the noise added to both fields in every cell and not clipped, >= 0.
        noise_kind: "normal" (standard deviation ``noise``) or "uniform" (on [-noise, noise]).
        background_u, background_v: concentrations outside the square.
        dtype: of the fields, "float64" or "float32"; the norms are float64.
        kinetics: "uv2" (Eq. 12) or "u2v" (section 4.1 as printed).
        u_terms: also record the norms of the u equation's terms.
        inner_products: also record the exact decomposition (see the module). Another set
            of outputs is another compiled program, whose last bits may differ.
        snapshots: steps after which the state is kept, 0 (initial) .. steps.

    Source: section 4.1; what the paper leaves out has its reason beside the default.
    """

    feed_rate: float
    kill_rate: float = 0.062  # section 4.1
    d_u: float = 1e-5  # section 4.1
    d_v: float = 0.5e-5  # section 4.1
    rows: int = 200  # not printed; with dx = 0.01 the domain is 2, near Pearson's 2.5
    cols: int = 200  # not printed; square, as in every picture of the model
    dx: float = 0.01  # not printed; Pearson (ref. 5): 2.5/256, about 0.01
    dt: float = 1.0  # not printed; Pearson (ref. 5): 1
    steps: int = 10_000  # not printed; the pattern has by then about filled the grid
    seed: int = 0  # not printed; any
    square: int = 20  # not printed; Pearson (ref. 5): 20 x 20 cells
    square_u: float = 0.5  # not printed; Pearson (ref. 5): 1/2
    square_v: float = 0.25  # not printed; Pearson (ref. 5): 1/4
    noise: float = 0.02  # not printed; Pearson has 1 %; to break the square's symmetry
    noise_kind: str = "normal"  # not printed; the common choice
    background_u: float = 1.0  # not printed; with v = 0 the trivial steady state
    background_v: float = 0.0
    dtype: str = "float64"  # rounding then stays far below every tolerance
    kinetics: str = "uv2"  # Eq. (12), against section 4.1
    u_terms: bool = False  # Eqs. (12), (15) are about v
    inner_products: bool = False  # costs a few percent
    snapshots: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        snapshots = self.snapshots
        require(
            isinstance(snapshots, tuple | list | range | np.ndarray),
            "snapshots",
            snapshots,
            "a tuple of steps",
        )
        object.__setattr__(self, "snapshots", tuple(map(_plain, snapshots)))
        for entry in fields(self):  # plain numbers, which JSON can hold
            object.__setattr__(self, entry.name, _plain(getattr(self, entry.name)))
        self.check()

    def check(self) -> None:
        """Raise InputError, naming the argument, unless a run can start."""
        for name in ("feed_rate", "kill_rate", "d_u", "d_v", "dx", "dt"):
            value = getattr(self, name)
            require(_real(value) and value > 0, name, value, "a positive finite number")
        for name in ("square_u", "square_v", "background_u", "background_v"):
            require(_real(getattr(self, name)), name, getattr(self, name), "a finite number")
        require(
            _real(self.noise) and self.noise >= 0, "noise", self.noise, "a finite number, 0 or more"
        )
        for name, least in (("rows", 2), ("cols", 2), ("steps", 1), ("seed", 0)):
            value = getattr(self, name)
            require(_whole(value) and value >= least, name, value, f"an integer, {least} or more")
        side = min(self.rows, self.cols)
        require(
            _whole(self.square) and 0 <= self.square <= side,
            "square",
            self.square,
            f"an integer from 0 to {side}, the grid's shorter side",
        )
        for name, allowed in (
            ("noise_kind", ("normal", "uniform")),
            ("dtype", ("float64", "float32")),
            ("kinetics", ("uv2", "u2v")),
        ):
            value = getattr(self, name)
            require(
                isinstance(value, str) and value in allowed,
                name,
                value,
                " or ".join(map(repr, allowed)),
            )
        for name in ("u_terms", "inner_products"):
            value = getattr(self, name)
            require(isinstance(value, bool), name, value, "True or False")
        for taken in self.snapshots:
            require(
                _whole(taken) and 0 <= taken <= self.steps,
                "snapshots",
                taken,
                f"integers from 0 to steps = {self.steps}",
            )
        limit = largest_dt(self)
        require(
            self.dt <= limit,
            "dt",
            self.dt,
            f"at most {limit:.6g} for a stable step (1 / (4 D / dx^2 + s / 2), see largest_dt)",
        )


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


def largest_dt(config: GrayScottConfig) -> float:
    """The longest stable explicit Euler step, 1 / max(4 D / dx^2 + s / 2) over u and v.

    Freeze the reaction's own decay rate s of a field at one value and look at one
    Fourier mode: a step multiplies it by 1 - dt (D q + s), with q between 0 and
    8 / dx^2 for the 5-point Laplacian (8 / dx^2: the checkerboard). No mode grows
    if dt (8 D / dx^2 + s) <= 2. With s = 0 this is dt <= dx^2 / (4 D).

    What the reaction adds: s_u = F + v^2 and s_v = F + k for u v^2 (-dR_u/du, and
    -dR_v/dv without its growing part 2 u v); s_u = F + 2 u v and s_v = F + k for
    u^2 v, with 0 <= u <= 1. For v the largest of the initial concentrations (noise
    aside) and of F / (F + k) is taken, above which no uniform steady state lies:
    there F (1 - u) = (F + k) v.

    The coupling of the fields and higher peaks of v are left out, so this is the
    linear bound and no proof for every state; a run that diverges all the same says
    so in ``diverged_at``.

    Returns:
        the bound in units of time.
    """
    feed, kill = config.feed_rate, config.kill_rate
    v = max(feed / (feed + kill), abs(config.square_v), abs(config.background_v))
    decay_u = feed + (v * v if config.kinetics == "uv2" else 2 * v)
    decay_v = feed + kill
    return 1.0 / max(
        4 * config.d_u / config.dx**2 + decay_u / 2, 4 * config.d_v / config.dx**2 + decay_v / 2
    )


def initial_state(config: GrayScottConfig) -> tuple[Field, Field]:
    """(u, v) at step 0: background, central square, noise on both fields everywhere.

    Returns:
        two arrays of shape (rows, cols) in the configuration's dtype. The noise is
        drawn in float64 from ``default_rng(seed)``, u first, so float32 runs start
        from the same state rounded.
    """
    shape = (config.rows, config.cols)
    u, v = np.full(shape, float(config.background_u)), np.full(shape, float(config.background_v))
    top, left = (config.rows - config.square) // 2, (config.cols - config.square) // 2
    centre = (slice(top, top + config.square), slice(left, left + config.square))
    u[centre], v[centre] = config.square_u, config.square_v
    rng = np.random.default_rng(config.seed)
    for values in (u, v):
        if config.noise_kind == "normal":
            values += config.noise * rng.standard_normal(shape)
        else:
            values += rng.uniform(-config.noise, config.noise, shape)
    return u.astype(config.dtype), v.astype(config.dtype)


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
            snapshots[done] = _inner(now)
    u, v = _inner(now)
    if diverged is None and not (np.isfinite(u).all() and np.isfinite(v).all()):
        diverged = done
    return Simulation(_trace(config, sums, initial is None), u, v, snapshots, diverged)


def run(config: GrayScottConfig) -> Trace:
    """The trace of one run from its initial state, norms of shape (1, T) (eq12, eq15)."""
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
    require(_whole(workers) and workers >= 1, "workers", workers, "an integer, 1 or more")
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


def _trace(config: GrayScottConfig, sums: npt.NDArray[np.float64], seeded: bool) -> Trace:
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
    square = config.dx * config.dx
    return np.array(
        [
            config.d_u / square,
            config.d_v / square,
            config.feed_rate,
            config.feed_rate + config.kill_rate,
            config.dt,
            1.0,
            4.0,
        ],
        config.dtype,
    )


def _given(initial: tuple[Any, Any], config: GrayScottConfig) -> tuple[Field, Field]:
    require(
        isinstance(initial, tuple | list) and len(initial) == 2, "initial", initial, "a pair (u, v)"
    )
    given = []
    for name, values in zip(("initial u", "initial v"), initial, strict=True):
        array = np.asarray(values)
        require(array.dtype.kind in "fiu", f"{name}.dtype", array.dtype.name, "real numbers")
        require(
            array.shape == (config.rows, config.cols),
            f"{name}.shape",
            array.shape,
            f"({config.rows}, {config.cols}), the configuration's rows and cols",
        )
        with np.errstate(over="ignore"):  # float32 may overflow: then it is not finite
            array = array.astype(config.dtype)
        require(bool(np.isfinite(array).all()), name, array, "finite in every cell")
        given.append(array)
    return given[0], given[1]


def _inner(padded: Sequence[Field]) -> tuple[Field, Field]:
    u, v = (compiled.inner(values) for values in padded)
    return u, v


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
