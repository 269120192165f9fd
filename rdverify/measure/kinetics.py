"""Two-field kinetics and the compiled steps that run them, with both terms' norms at each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from rdverify.gray_scott.kernel import FASTMATH, MARGIN

Reaction = Callable[..., tuple[float, float]]
Kernel = Callable[..., int]
# rows of the squared sums that a kernel fills, for each field
REACT, DIFF, CHANGE = range(3)
SUMS = 3

_reaction: Any = None  # in a kernel: the compiled kinetics


def schnakenberg(u: float, v: float, a: float, b: float) -> tuple[float, float]:
    """R_u = a - u + u^2 v, R_v = b - u^2 v (Schnakenberg 1979)."""
    gain = u * u * v
    return a - u + gain, b - gain


def brusselator(u: float, v: float, a: float, b: float) -> tuple[float, float]:
    """R_u = a - (b + 1) u + u^2 v, R_v = b u - u^2 v (Prigogine and Lefever 1968)."""
    gain = u * u * v
    return a - (b + 1.0) * u + gain, b * u - gain


def fitzhugh_nagumo(u: float, v: float, kappa: float, tau: float) -> tuple[float, float]:
    """R_u = u - u^3 - v + kappa, R_v = (u - v) / tau (FitzHugh 1961, Nagumo 1962)."""
    return u - u * u * u - v + kappa, (u - v) / tau


def gray_scott(u: float, v: float, feed: float, kill: float) -> tuple[float, float]:
    """R_u = -u v^2 + F (1 - u), R_v = u v^2 - (F + k) v (section 4.1, Eq. 12)."""
    gain = u * (v * v)
    return feed * (1.0 - u) - gain, gain - (feed + kill) * v


@dataclass(frozen=True, eq=False)
class Kinetics:
    """Kinetics with the settings in which a pattern grows.

    Attributes:
        name: its name.
        reaction: (u, v, *parameters) -> (R_u, R_v), of numbers, as numba compiles it.
        parameters: name -> value, in the order of ``reaction``'s arguments.
        state: the uniform steady state (u, v) from which a run starts.
        settings: of a run, over :class:`rdverify.measure.pde.PDEConfig`'s own.
    """

    name: str
    reaction: Reaction
    parameters: Mapping[str, float]
    state: Callable[..., tuple[float, float]] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


NAMED = {
    kinetics.name: kinetics
    for kinetics in (
        Kinetics(
            "schnakenberg",
            schnakenberg,
            {"a": 0.1, "b": 0.9},
            lambda a, b: (a + b, b / (a + b) ** 2),
            # beyond the Turing threshold D_v / D_u = 8.6; a wavelength of about 10 cells
            {"d_u": 1.0, "d_v": 10.0, "dx": 1.0, "dt": 0.02, "steps": 10_000},
        ),
        Kinetics(
            "brusselator",
            brusselator,
            {"a": 4.5, "b": 7.5},
            lambda a, b: (a, b / a),
            # Turing from b = (1 + a sqrt(D_u / D_v))^2 = 6.7 on, Hopf from 1 + a^2 = 21
            {"d_u": 2.0, "d_v": 16.0, "dx": 0.5, "dt": 0.003, "steps": 10_000},
        ),
        Kinetics(
            "fitzhugh-nagumo",
            fitzhugh_nagumo,
            {"kappa": -0.005, "tau": 0.1},
            lambda kappa, tau: (float(np.cbrt(kappa)), float(np.cbrt(kappa))),
            {"d_u": 2.8e-4, "d_v": 0.05, "dx": 0.02, "dt": 0.0015, "steps": 15_000},
        ),
    )
}


@cache
def kernel(reaction: Reaction) -> Kernel:
    """The time stepping with ``reaction`` in it, compiled once; kept on disk for known kinetics.

    It is ``advance(u, v, u_next, v_next, grid, dt, parameters, periodic, limit, sums) -> int``:

    * ``u``, ``v``: float64, as :func:`rdverify.gray_scott.kernel.wrap` lays them out; the next
      pair of buffers likewise.
    * ``grid``: (D_u/dx^2, D_u/dy^2, D_v/dx^2, D_v/dy^2), x along a row.
    * ``parameters``: a tuple of floats.
    * ``periodic``: ghosts wrap round, else they mirror the edge (no flux).
    * ``limit``: the run stops before a step whose sum of squares of all terms isn't <= limit.
    * ``sums``: shape (2, SUMS, steps): for u and v the sums of squares over the cells of
      reaction, diffusion and their sum, at the state BEFORE each step.

    Returns the steps done; after an odd number the state is in ``u_next``, ``v_next``.
    """
    named = FunctionType(
        _advance.__code__,
        {**globals(), "_reaction": numba.njit(fastmath=FASTMATH)(reaction)},
        "advance",
        None,
        _advance.__closure__,
    )
    # the cache tells kernels apart by this name, and asks this file alone whether it is stale
    named.__qualname__ = f"advance_{reaction.__name__}"
    known = any(reaction is one.reaction for one in NAMED.values()) or reaction is gray_scott

    def compiled(kept: bool) -> Kernel:
        made: Kernel = numba.njit(nogil=True, fastmath=FASTMATH, cache=kept)(named)
        return made

    try:
        return compiled(known)
    except RuntimeError:  # no folder in which a cache could be kept
        return compiled(False)


def _advance(
    u: Any,
    v: Any,
    u_next: Any,
    v_next: Any,
    grid: Any,
    dt: float,
    parameters: Any,
    periodic: bool,
    limit: float,
    sums: npt.NDArray[np.float64],
) -> int:
    margin, one = np.uint64(MARGIN), np.uint64(1)
    rows, cols = np.uint64(u.shape[0] - 2), np.uint64(u.shape[1]) - margin - margin
    width = np.uint64(u.shape[1])
    # terms times dt, which the sums are freed of at the end: fewer multiplications
    u_x, u_y, v_x, v_y = dt * grid[0], dt * grid[1], dt * grid[2], dt * grid[3]
    u_0, v_0 = 2.0 * (u_x + u_y), 2.0 * (v_x + v_y)
    per_step = 1.0 / (dt * dt)
    # flat and with unsigned indices, as in the Gray-Scott kernel: vectorised over a row
    u, v, u_next, v_next = u.ravel(), v.ravel(), u_next.ravel(), v_next.ravel()
    for step in range(sums.shape[2]):
        react_u = diff_u = change_u = react_v = diff_v = change_v = 0.0
        for i in range(one, rows + one):
            first = i * width + margin
            row_ru = row_du = row_cu = row_rv = row_dv = row_cv = 0.0
            for j in range(cols):
                k = first + j
                a, b = u[k], v[k]
                gain_u, gain_v = _reaction(a, b, *parameters)
                reaction = dt * gain_u
                diffusion = (
                    u_x * (u[k - one] + u[k + one]) + u_y * (u[k - width] + u[k + width]) - u_0 * a
                )
                change = reaction + diffusion
                u_next[k] = a + change
                row_ru += reaction * reaction
                row_du += diffusion * diffusion
                row_cu += change * change
                reaction = dt * gain_v
                diffusion = (
                    v_x * (v[k - one] + v[k + one]) + v_y * (v[k - width] + v[k + width]) - v_0 * b
                )
                change = reaction + diffusion
                v_next[k] = b + change
                row_rv += reaction * reaction
                row_dv += diffusion * diffusion
                row_cv += change * change
            last = first + cols - one
            left, right = (last, first) if periodic else (first, last)
            u_next[first - one], u_next[last + one] = u_next[left], u_next[right]
            v_next[first - one], v_next[last + one] = v_next[left], v_next[right]
            react_u += row_ru
            diff_u += row_du
            change_u += row_cu
            react_v += row_rv
            diff_v += row_dv
            change_v += row_cv
        if not (react_u + diff_u + react_v + diff_v) * per_step <= limit:  # true for NaN as well
            return step
        above, below = (rows, one) if periodic else (one, rows)
        for j in range(width):
            u_next[j], u_next[(rows + one) * width + j] = (
                u_next[above * width + j],
                u_next[below * width + j],
            )
            v_next[j], v_next[(rows + one) * width + j] = (
                v_next[above * width + j],
                v_next[below * width + j],
            )
        sums[0, 0, step], sums[0, 1, step] = react_u * per_step, diff_u * per_step
        sums[0, 2, step] = change_u * per_step
        sums[1, 0, step], sums[1, 1, step] = react_v * per_step, diff_v * per_step
        sums[1, 2, step] = change_v * per_step
        u, u_next = u_next, u
        v, v_next = v_next, v
    return int(sums.shape[2])
