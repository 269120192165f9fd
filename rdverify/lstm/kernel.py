"""The LSTM's cell with the batch in the vector lanes, compiled (eq02 to eq07, eq11, eq13, eq16).

A block of ``LANES`` sequences walks through all its steps in the first-level
cache: states are stored unit by unit with the sequences side by side, so that
every innermost loop runs over sequences and becomes vector instructions. That
forbids calls into the mathematics library, hence the exponential below.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np
import numpy.typing as npt

LANES = 64
# contract: multiply and add in one rounding; the input is finite, so no NaN arises
FLAGS = {"contract", "nnan", "nsz"}
SERIES = ("react", "diff", "change", "inner", "cell")
DETAIL = ("i", "one_minus_f", "abs_cell", "aligned")

Array = npt.NDArray[Any]
Kernel = Callable[..., None]
_split: Any = None  # in a kernel: _split32 or _split64


@numba.njit(fastmath=FLAGS, inline="always")
def _split32(z):  # type: ignore[no-untyped-def]  # numba infers the types
    """(s, p) with e^z = s (1 + p), s a power of 2, |p| < 0.42; float32, |z| < 87.

    p is e^r - 1 by its Taylor series to r^7, r = z - n ln 2: relative error of p
    below 2e-8, so that e^z - 1 = s p + (s - 1) keeps its digits near z = 0.
    """
    # adding 1.5 * 2^23 rounds to an integer n; 127 more makes the low bits the exponent's
    shifted = z * np.float32(1.4426950408889634) + np.float32(12583039.0)
    n = shifted - np.float32(12583039.0)
    r = z - n * np.float32(0.693145751953125)
    r = r - n * np.float32(1.4286068203094172e-06)
    s = np.int32(np.float32(shifted).view(np.int32) << np.int32(23)).view(np.float32)
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * (r * r) + r
    return s, p


@numba.njit(fastmath=FLAGS, inline="always")
def _split64(z):  # type: ignore[no-untyped-def]
    """As :func:`_split32` in float64: Taylor to r^13, relative error below 1e-16, |z| < 700."""
    shifted = z * 1.4426950408889634 + 6755399441056767.0  # 1.5 * 2^52 + 1023
    n = shifted - 6755399441056767.0
    r = z - n * 6.93147180369123816490e-01
    r = r - n * 1.90821492927058770002e-10
    s = np.int64(np.float64(shifted).view(np.int64) << np.int64(52)).view(np.float64)
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * (r * r) + r
    return s, p


def _kernel(dtype: Any, exponent: Any, limit: float) -> Kernel:
    """The cell of one dtype, compiled at its first call; ``limit`` is the largest exponent."""
    zero, one, two = dtype(0), dtype(1), dtype(2)
    gate, wide, narrow = dtype(0.68 * limit), dtype(0.92 * limit), dtype(0.28 * limit)
    lanes = LANES
    # a unit's rows of lanes: four pre-activations i, f, c~, o, then C and h. Kept in one
    # piece at constant distances: the compiler then sees that they don't overlap
    row_f, row_c, row_o, row_cell, row_h, block = (n * lanes for n in range(1, 7))

    def run(x, w, u, bias, h_0, c_0, out):  # type: ignore[no-untyped-def]
        batch, steps, size = x.shape
        rows = out.shape[0]
        units = u.shape[1]
        padded = (units + 3) // 4 * 4  # the sums over h run four at a time
        recurrent = np.zeros((4 * units, padded), dtype)
        recurrent[:, :units] = u
        cells = np.zeros(padded * block, dtype)
        inputs = np.zeros(size * lanes, dtype)
        sums = np.zeros(9 * lanes, dtype)
        for first in range(0, batch, lanes):
            used = min(lanes, batch - first)
            cells[:] = zero
            inputs[:] = zero
            for j in range(units):
                for lane in range(used):
                    cells[j * block + row_h + lane] = h_0[first + lane, j]
                    cells[j * block + row_cell + lane] = c_0[first + lane, j]
            for t in range(steps):
                for d in range(size):
                    for lane in range(used):
                        inputs[d * lanes + lane] = x[first + lane, t, d]
                for j in range(units):
                    ji, jf, jc, jo = j, units + j, 2 * units + j, 3 * units + j
                    cell = cells[j * block : (j + 1) * block]
                    b_i, b_f, b_c, b_o = bias[ji], bias[jf], bias[jc], bias[jo]
                    for lane in range(lanes):
                        cell[lane] = b_i
                        cell[lane + row_f] = b_f
                        cell[lane + row_c] = b_c
                        cell[lane + row_o] = b_o
                    for d in range(size):
                        w_i, w_f, w_c, w_o = w[ji, d], w[jf, d], w[jc, d], w[jo, d]
                        v = inputs[d * lanes : (d + 1) * lanes]
                        for lane in range(lanes):
                            cell[lane] += w_i * v[lane]
                            cell[lane + row_f] += w_f * v[lane]
                            cell[lane + row_c] += w_c * v[lane]
                            cell[lane + row_o] += w_o * v[lane]
                    for k in range(0, padded, 4):
                        i0, i1, i2, i3 = (
                            recurrent[ji, k],
                            recurrent[ji, k + 1],
                            recurrent[ji, k + 2],
                            recurrent[ji, k + 3],
                        )
                        f0, f1, f2, f3 = (
                            recurrent[jf, k],
                            recurrent[jf, k + 1],
                            recurrent[jf, k + 2],
                            recurrent[jf, k + 3],
                        )
                        g0, g1, g2, g3 = (
                            recurrent[jc, k],
                            recurrent[jc, k + 1],
                            recurrent[jc, k + 2],
                            recurrent[jc, k + 3],
                        )
                        o0, o1, o2, o3 = (
                            recurrent[jo, k],
                            recurrent[jo, k + 1],
                            recurrent[jo, k + 2],
                            recurrent[jo, k + 3],
                        )
                        h = cells[k * block + row_h : (k + 3) * block + row_h + lanes]
                        for lane in range(lanes):
                            h0, h1 = h[lane], h[lane + block]
                            h2, h3 = h[lane + 2 * block], h[lane + 3 * block]
                            cell[lane] += i0 * h0 + i1 * h1 + i2 * h2 + i3 * h3
                            cell[lane + row_f] += f0 * h0 + f1 * h1 + f2 * h2 + f3 * h3
                            cell[lane + row_c] += g0 * h0 + g1 * h1 + g2 * h2 + g3 * h3
                            cell[lane + row_o] += o0 * h0 + o1 * h1 + o2 * h2 + o3 * h3
                sums[:] = zero
                for j in range(units):
                    cell = cells[j * block : (j + 1) * block]
                    for lane in range(lanes):
                        s, p = _split(-min(max(cell[lane], -gate), gate))
                        e_i = s * p + s  # eq03: i = 1 / (1 + e_i)
                        s, p = _split(-min(max(cell[lane + row_f], -wide), wide))
                        e_f = s * p + s  # eq02: f = 1 / (1 + e_f), 1 - f = e_f f
                        s, p = _split(-min(max(two * cell[lane + row_c], -narrow), narrow))
                        m = s * p + (s - one)  # eq04: tanh = -m / (2 + m)
                        s, p = _split(-min(max(cell[lane + row_o], -gate), gate))
                        e_o = s * p + s  # eq06: o = 1 / (1 + e_o)
                        a = -m / ((one + e_i) * (two + m))  # i * c~
                        f = one / (one + e_f)
                        old = cell[lane + row_cell]
                        b = e_f * f * old  # (1 - f) * C_{t-1}
                        new = f * old + a  # eq05
                        s, p = _split(-min(max(two * new, -narrow), narrow))
                        m = s * p + (s - one)
                        cell[lane + row_h] = -m / ((one + e_o) * (two + m))  # eq07
                        cell[lane + row_cell] = new
                        sums[lane] += a * a
                        sums[lane + lanes] += b * b
                        sums[lane + 2 * lanes] += (a - b) * (a - b)
                        sums[lane + 3 * lanes] += (a - b) * (a + b)
                        sums[lane + 4 * lanes] += new * new
                        sums[lane + 5 * lanes] += one / (one + e_i)
                        sums[lane + 6 * lanes] += e_f * f
                        sums[lane + 7 * lanes] += abs(new)
                        sums[lane + 8 * lanes] += np.sign(a) * np.sign(old)
                for lane in range(used):
                    out[0, first + lane, t] = np.sqrt(sums[lane])
                    out[1, first + lane, t] = np.sqrt(sums[lane + lanes])
                    out[2, first + lane, t] = np.sqrt(sums[lane + 2 * lanes])
                    out[3, first + lane, t] = sums[lane + 3 * lanes]
                    out[4, first + lane, t] = np.sqrt(sums[lane + 4 * lanes])
                    for row in range(5, rows):
                        out[row, first + lane, t] = sums[row * lanes + lane] / dtype(units)

    # as a global of its own: a compiled function in a closure would give the kernel a new
    # key, and the cache a new file, in every process
    named = FunctionType(
        run.__code__, {**globals(), "_split": exponent}, "run", None, run.__closure__
    )
    named.__qualname__ = run.__qualname__

    def compiled(cache: bool) -> Any:
        # without the numpy error model every division would be a branch
        return numba.njit(fastmath=FLAGS, nogil=True, error_model="numpy", cache=cache)(named)

    try:
        return cast(Kernel, compiled(cache=True))
    except RuntimeError:  # no folder in which a cache could be kept
        return cast(Kernel, compiled(cache=False))


KERNELS: dict[str, Kernel] = {
    "float32": _kernel(np.float32, _split32, 88.0),
    "float64": _kernel(np.float64, _split64, 700.0),
}
