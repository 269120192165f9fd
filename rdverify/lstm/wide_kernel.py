"""The LSTM's cell with the units in the vector lanes: for few sequences or many units.

:mod:`rdverify.lstm.kernel` has the sequences in the lanes and keeps the weights in the
first-level cache; with fewer sequences than lanes, or weights that don't fit, the same cell
is faster by a matrix product each step and loops over units (bench/lstm.py has the crossover).
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

import numba
import numpy as np

from rdverify.lstm.kernel import FLAGS, Kernel, _split32, _split64

_split: Any = None  # in a kernel: _split32 or _split64
ROWS = ("i", "one_minus_f", "a", "b", "old", "new")


# sums alone: reordering would break the exponential's rounding, hence a function of its own
@numba.njit(fastmath={"reassoc", "contract", "nnan", "nsz"}, nogil=True)
def _sums(rows, out, detail):  # type: ignore[no-untyped-def]  # numba infers the types
    """Series of one sequence and step from its six rows of units, summed in float64."""
    units = rows.shape[1]
    aa = bb = cc = ab = nn = si = sf = sn = sign = 0.0
    for j in range(units):
        a, b, new = np.float64(rows[2, j]), np.float64(rows[3, j]), np.float64(rows[5, j])
        aa += a * a
        bb += b * b
        cc += (a - b) * (a - b)
        ab += (a - b) * (a + b)
        nn += new * new
    out[0], out[1], out[2] = np.sqrt(aa), np.sqrt(bb), np.sqrt(cc)
    out[3], out[4] = ab, np.sqrt(nn)
    if detail:
        for j in range(units):
            si += rows[0, j]
            sf += rows[1, j]
            sn += abs(rows[5, j])
            sign += np.sign(rows[2, j]) * np.sign(rows[4, j])
        out[5], out[6], out[7], out[8] = si / units, sf / units, sn / units, sign / units


def _kernel(dtype: Any, exponent: Any, limit: float) -> Kernel:
    """The cell of one dtype, compiled at its first call; arguments as of the other kernel."""
    one, two = dtype(1), dtype(2)
    gate, wide, narrow = dtype(0.68 * limit), dtype(0.92 * limit), dtype(0.28 * limit)

    def run(x, w, u, bias, h_0, c_0, out, states):  # type: ignore[no-untyped-def]
        batch, steps, size = x.shape
        units = u.shape[1]
        w_t, u_t = np.ascontiguousarray(w.T), np.ascontiguousarray(u.T)
        h, c = h_0.copy(), c_0.copy()
        inputs = np.empty((batch, size), dtype)
        z, z_x = np.empty((batch, 4 * units), dtype), np.empty((batch, 4 * units), dtype)
        rows = np.empty((6, units), dtype)
        found = np.empty(9)
        for t in range(steps):
            for k in range(batch):
                for d in range(size):
                    inputs[k, d] = x[k, t, d]
            np.dot(inputs, w_t, z_x)
            np.dot(h, u_t, z)
            for k in range(batch):
                row, row_x, cell, hidden = z[k], z_x[k], c[k], h[k]
                for j in range(4 * units):
                    row[j] += row_x[j] + bias[j]
                for j in range(units):
                    s, p = _split(-min(max(row[j], -gate), gate))
                    e_i = s * p + s  # eq03: i = 1 / (1 + e_i)
                    s, p = _split(-min(max(row[units + j], -wide), wide))
                    e_f = s * p + s  # eq02: f = 1 / (1 + e_f), 1 - f = e_f f
                    s, p = _split(-min(max(two * row[2 * units + j], -narrow), narrow))
                    m = s * p + (s - one)  # eq04: tanh = -m / (2 + m)
                    s, p = _split(-min(max(row[3 * units + j], -gate), gate))
                    e_o = s * p + s  # eq06: o = 1 / (1 + e_o)
                    a = -m / ((one + e_i) * (two + m))  # i * c~
                    f = one / (one + e_f)
                    old = cell[j]
                    new = f * old + a  # eq05
                    s, p = _split(-min(max(two * new, -narrow), narrow))
                    m = s * p + (s - one)
                    hidden[j] = -m / ((one + e_o) * (two + m))  # eq07
                    cell[j] = new
                    rows[0, j], rows[1, j], rows[2, j] = one / (one + e_i), e_f * f, a
                    rows[3, j], rows[4, j], rows[5, j] = e_f * f * old, old, new
                _sums(rows, found, out.shape[0] > 5)
                for n in range(out.shape[0]):
                    out[n, k, t] = found[n]
                if states.size > 0:
                    states[k, t] = hidden

    named = FunctionType(
        run.__code__, {**globals(), "_split": exponent}, "run", None, run.__closure__
    )
    named.__qualname__ = run.__qualname__

    def compiled(cache: bool) -> Callable[..., None]:
        made = numba.njit(fastmath=FLAGS, nogil=True, error_model="numpy", cache=cache)(named)
        return cast(Callable[..., None], made)

    try:
        return compiled(cache=True)
    except RuntimeError:  # no folder in which a cache could be kept
        return compiled(cache=False)


KERNELS: dict[str, Kernel] = {
    "float32": _kernel(np.float32, _split32, 88.0),
    "float64": _kernel(np.float64, _split64, 700.0),
}
