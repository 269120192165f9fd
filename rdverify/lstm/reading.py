"""One LSTM layer read in one direction, by whichever way is fastest for its size and device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from rdverify.lstm import kernel, wide_kernel
from rdverify.lstm.stepwise import walk
from rdverify.trace import FloatArray

Way = Literal["sequences", "units", "steps"]
# where sequences in the vector lanes serve (bench/lstm.py): enough of them to fill half the
# lanes, and weights that stay in the first-level cache. Below some 256 sequences units in them
# are up to 1.6 times as fast, but their matrix products differ in the last bits by machine
LEAST_SEQUENCES, MOST_UNITS = 32, 32


@dataclass(frozen=True, eq=False)
class Cell:
    """The weights of Eqs. (2) to (7) of one layer and direction, gates in the order i, f, c~, o.

    Attributes:
        w: W, shape (4 h, d).
        u: U, shape (4 h, h).
        bias: b, shape (4 h,); both of torch's added up.
    """

    w: Tensor
    u: Tensor
    bias: Tensor

    @property
    def hidden(self) -> int:
        """The number of units, h."""
        return int(self.u.shape[1])


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read: series of shape (batch, T), and h_t of shape (batch, T, h) where asked for."""

    series: dict[str, FloatArray]
    states: Tensor | None = None


def way_for(x: Tensor, hidden: int, keep: bool) -> Way:
    """How a layer is read fastest; ``keep`` asks for its states too."""
    if x.device.type != "cpu":
        return "steps"
    narrow = x.shape[0] >= LEAST_SEQUENCES and hidden <= MOST_UNITS
    return "sequences" if narrow and not keep else "units"


def read(
    cell: Cell, x: Tensor, h_0: Tensor, c_0: Tensor, *, detail: bool = False, keep: bool = False
) -> Reading:
    """Norms of both terms at every step, as :func:`rdverify.lstm.probe` defines them.

    Args:
        cell: float32 or float64, all that follows likewise and on its device.
        x: shape (batch, T, d), finite.
        h_0: shape (batch, h).
        c_0: shape (batch, h).
        detail: also the series of the kernel's ``DETAIL``.
        keep: also h_t, which the next layer reads.
    """
    names = kernel.SERIES + (kernel.DETAIL if detail else ())
    way = way_for(x, cell.hidden, keep)
    if way == "steps":
        found, states = walk(cell.w, cell.u, cell.bias, x, h_0, c_0, len(names), keep)
        return Reading(dict(zip(names, found, strict=True)), states)
    arrays = [
        np.ascontiguousarray(value.detach().numpy())
        for value in (x, cell.w, cell.u, cell.bias, h_0, c_0)
    ]
    out = np.empty((len(names), *x.shape[:2]))
    if way == "sequences":
        kernel.KERNELS[arrays[0].dtype.name](*arrays, out)
        return Reading(dict(zip(names, out, strict=True)))
    shape = (*x.shape[:2], cell.hidden) if keep else (0, 0, 0)
    kept: Any = np.empty(shape, arrays[0].dtype)
    wide_kernel.KERNELS[arrays[0].dtype.name](*arrays, out, kept)
    return Reading(dict(zip(names, out, strict=True)), torch.from_numpy(kept) if keep else None)
