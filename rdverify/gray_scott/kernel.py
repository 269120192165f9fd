"""The compiled inner loop of the Gray-Scott simulation (eq01, eq12, eq15)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

# Sums over a row may be taken in any order and products fused into sums: both
# move results by a few ulp. NaN, infinities and signed zeros keep their meaning,
# or a diverging run would go unnoticed.
FASTMATH = {"reassoc", "contract"}

# Rows of the array of squared sums that a kernel fills.
REACT, DIFF, CHANGE, TOTAL, INNER, REACT_U, DIFF_U = range(7)
SUMS = 7
MARGIN = 16  # columns on each side: a cache line of float32, two of float64

Kernel = Callable[..., int]


@cache
def kernel(kinetics: str, inner_products: bool, u_terms: bool, norms: bool = True) -> Kernel:
    """Compile (once, cached on disk) the time stepping for one set of outputs.

    The kernel is ``advance(u, v, u_next, v_next, coefficients, limit, sums) -> int``:

    * ``u``, ``v``: state, shape (rows + 2, cols + 2 MARGIN), one ghost row and column
      on each side, filled by the caller (:func:`wrap`); the next pair of buffers likewise.
    * ``coefficients``: (D_u/dx^2, D_v/dx^2, F, F + k, dt, 1, 4), the dtype of the state.
    * ``limit``: the run stops before a step whose ||a||^2 + ||b||^2 is not <= limit.
    * ``sums``: shape (SUMS, steps), float64; the sums over the grid of the squares
      of the terms at the state BEFORE each step.

    Returns the number of steps done. After an odd number the state is in
    ``u_next``, ``v_next``. ``norms=False`` leaves the sums out; only the benchmark
    asks for it, to show what they cost.
    """
    u2v, margin, one_cell = kinetics == "u2v", np.uint64(MARGIN), np.uint64(1)

    def advance(
        u: Any, v: Any, u_next: Any, v_next: Any, coefficients: Any, limit: float, sums: Any
    ) -> int:
        rows, cols = np.uint64(u.shape[0] - 2), np.uint64(u.shape[1]) - margin - margin
        width = np.uint64(u.shape[1])  # cells from one row to the next
        grid_u, grid_v, feed, decay, dt, one, four = coefficients
        zero = one - one
        # terms times dt, which the sums are freed of at the end: fewer multiplications
        grid_u, grid_v, feed, decay = dt * grid_u, dt * grid_v, dt * feed, dt * decay
        per_step = 1.0 / (float(dt) * float(dt))
        # flat and with unsigned indices: no slices to set up for each row, and no test for
        # a negative index, so that both fields fit into one loop that is still vectorised
        u, v, u_next, v_next = u.ravel(), v.ravel(), u_next.ravel(), v_next.ravel()
        for step in range(sums.shape[1]):
            react_2 = diff_2 = change_2 = total_2 = inner = react_u2 = diff_u2 = 0.0
            for i in range(one_cell, rows + one_cell):
                first = i * width + margin
                row_r = row_d = row_c = row_t = row_i = row_ru = row_du = zero
                for j in range(cols):
                    k = first + j
                    a, b = u[k], v[k]
                    gain = (dt * a) * a * b if u2v else (dt * a) * (b * b)
                    reaction = feed * (one - a) - gain
                    diffusion = grid_u * (
                        (u[k - width] + u[k + width])
                        + (u[k - one_cell] + u[k + one_cell])
                        - four * a
                    )
                    u_next[k] = a + (diffusion + reaction)
                    if u_terms:
                        row_ru += reaction * reaction
                        row_du += diffusion * diffusion
                    reaction = gain - decay * b
                    diffusion = grid_v * (
                        (v[k - width] + v[k + width])
                        + (v[k - one_cell] + v[k + one_cell])
                        - four * b
                    )
                    v_next[k] = b + (diffusion + reaction)
                    if norms:
                        row_r += reaction * reaction
                        row_d += diffusion * diffusion
                    if inner_products:
                        change, total = reaction + diffusion, reaction - diffusion
                        row_c += change * change
                        row_t += total * total
                        row_i += change * total
                last = first + cols - one_cell
                u_next[first - one_cell], u_next[last + one_cell] = u_next[last], u_next[first]
                v_next[first - one_cell], v_next[last + one_cell] = v_next[last], v_next[first]
                react_2 += row_r
                diff_2 += row_d
                change_2 += row_c
                total_2 += row_t
                inner += row_i
                react_u2 += row_ru
                diff_u2 += row_du
            if not (react_2 + diff_2) * per_step <= limit:  # true for NaN as well
                return step
            for j in range(width):
                top, bottom = width + j, rows * width + j
                u_next[j], u_next[bottom + width] = u_next[bottom], u_next[top]
                v_next[j], v_next[bottom + width] = v_next[bottom], v_next[top]
            sums[0, step] = react_2 * per_step
            sums[1, step] = diff_2 * per_step
            sums[2, step] = change_2 * per_step
            sums[3, step] = total_2 * per_step
            sums[4, step] = inner * per_step
            sums[5, step] = react_u2 * per_step
            sums[6, step] = diff_u2 * per_step
            u, u_next = u_next, u
            v, v_next = v_next, v
        return int(sums.shape[1])

    compiled: Kernel
    try:
        compiled = numba.njit(nogil=True, fastmath=FASTMATH, cache=True)(advance)
    except RuntimeError:  # no folder in which a cache could be kept
        compiled = numba.njit(nogil=True, fastmath=FASTMATH)(advance)
    return compiled


def wrap(field: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The field with its periodic ghosts, (rows, cols) -> (rows + 2, cols + 2 MARGIN).

    One ghost row and column on each side count; the columns beyond them only put
    the first cell of each row on the boundary of a cache line, where the row
    length allows it.
    """
    rows, cols = field.shape
    width = cols + 2 * MARGIN
    line = 64 // field.itemsize
    buffer = np.zeros((rows + 2) * width + line, field.dtype)
    start = -(buffer.ctypes.data // field.itemsize) % line
    padded = buffer[start : start + (rows + 2) * width].reshape(rows + 2, width)
    padded[:, MARGIN - 1 : MARGIN + cols + 1] = np.pad(field, 1, mode="wrap")
    return padded


def inner(padded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The field without its ghosts, a copy, (rows + 2, cols + 2 MARGIN) -> (rows, cols)."""
    return padded[1:-1, MARGIN:-MARGIN].copy()
