"""Settings of a Gray-Scott run, the longest stable step, and the state that it starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.tools.errors import (
    own_fields,
    require,
    require_fields,
    require_integer,
    require_number,
    require_room,
)

Field = npt.NDArray[Any]


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
        inner_products: also record the exact decomposition (see ``model``). Another set
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
        kept = self.snapshots
        require(
            isinstance(kept, tuple | list | range | np.ndarray),
            "snapshots",
            kept,
            "a tuple of steps",
        )
        object.__setattr__(self, "snapshots", tuple(kept))
        own_fields(self)
        for name in ("feed_rate", "kill_rate", "d_u", "d_v", "dx", "dt"):
            require_number(
                name, getattr(self, name), "a positive finite number", lambda value: value > 0
            )
        require_number("noise", self.noise, "a finite number, 0 or more", lambda size: size >= 0)
        for name, least in (("rows", 2), ("cols", 2), ("steps", 1), ("seed", 0)):
            require_integer(name, getattr(self, name), least)
        side = min(self.rows, self.cols)
        require(
            type(self.square) is int and 0 <= self.square <= side,
            self._named("square"),
            self.square,
            f"an integer from 0 to {side}, the lesser of rows = {self.rows} and cols = {self.cols}",
        )
        for name, allowed in (
            ("noise_kind", ("normal", "uniform")),
            ("dtype", ("float64", "float32")),
            ("kinetics", ("uv2", "u2v")),
        ):
            value = getattr(self, name)
            known = isinstance(value, str) and value in allowed
            require(known, name, value, " or ".join(map(repr, allowed)))
        for taken in self.snapshots:
            within = type(taken) is int and 0 <= taken <= self.steps
            require(within, "snapshots", taken, f"integers from 0 to steps = {self.steps}")
        require_fields(self)
        require_room("rows", self.rows, 4.0 * self.rows * self.cols)
        require_room("steps", self.steps, 4.0 * self.steps)
        limit = largest_dt(self)
        require(
            self.dt <= limit,
            self._named("dt"),
            self.dt,
            f"at most {limit:.6g} for a stable step (1 / (4 D / dx^2 + s / 2), see largest_dt)",
        )

    def _named(self, name: str) -> str:
        """The field's name; said to be the default where nobody set it, since others were set."""
        default = type(self).__dataclass_fields__[name].default
        return f"{name} (not set: the default)" if getattr(self, name) == default else name


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
