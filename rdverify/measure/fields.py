"""Terms of fields on rectangular grids of any dimension, and the balance of trajectories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rdverify.balance import Balance, balance_of
from rdverify.measure.recorder import Recorder
from rdverify.tools.errors import require, require_number
from rdverify.trace import FloatArray, Trace

Boundary = Literal["periodic", "no-flux"]
BOUNDARIES: tuple[Boundary, ...] = ("periodic", "no-flux")
PADS = {"periodic": "wrap", "no-flux": "edge"}
FIELDS = ("u", "v")


def laplacian(
    field: npt.ArrayLike, dx: float | Sequence[float], bc: str = "periodic"
) -> FloatArray:
    """Second differences summed over the axes, sum_k (x_{i+1} - 2 x_i + x_{i-1}) / dx_k^2.

    Args:
        field: any shape.
        dx: cell sizes, one for all axes or one for each, > 0.
        bc: "periodic", or "no-flux": a ghost cell beyond an edge equals the edge's.
    """
    values = np.asarray(field, float)
    require(bc in BOUNDARIES, "bc", bc, " or ".join(BOUNDARIES))
    sizes = [float(dx)] * values.ndim if np.ndim(dx) == 0 else [float(d) for d in dx]  # type: ignore[arg-type,union-attr]
    require(
        len(sizes) == values.ndim, "dx", dx, f"one number, or one for each of {values.ndim} axes"
    )
    for size in sizes:
        require_number("dx", size, "a positive finite number", lambda d: d > 0)
    total = np.zeros(values.shape)
    for axis, size in enumerate(sizes):
        widths = [(1, 1) if k == axis else (0, 0) for k in range(values.ndim)]
        padded = np.moveaxis(np.pad(values, widths, mode=PADS[bc]), axis, 0)  # type: ignore[call-overload]
        second = (padded[2:] + padded[:-2] - 2 * padded[1:-1]) / size**2
        total += np.moveaxis(second, 0, axis)
    return total


def traces_from_states(
    u: npt.ArrayLike,
    v: npt.ArrayLike,
    reaction: Callable[..., tuple[Any, Any]],
    D: Sequence[float],
    dx: float | Sequence[float],
    bc: str = "periodic",
    times: Sequence[float] | None = None,
) -> dict[str, Trace]:
    """The terms of both fields at the states of a trajectory, such as a data set holds.

    Args: as :func:`balance_from_states`.

    Returns:
        "u" and "v" -> a trace of one run with "change" among the extras.
    """
    states = [np.asarray(field, float) for field in (u, v)]
    shape = states[0].shape
    require(states[1].shape == shape, "v.shape", states[1].shape, f"u's {shape}")
    require(len(shape) >= 2, "u.shape", shape, "(T, cells, ...): time first")
    for name, values in zip(FIELDS, states, strict=True):
        require(bool(np.isfinite(values).all()), name, "with NaN or infinity", "finite")
    require(np.shape(D) == (2,), "D", D, "a pair (D_u, D_v)")
    recorders = {name: Recorder(system="PDE") for name in FIELDS}
    for step in range(shape[0]):
        now = [values[step] for values in states]
        rates = reaction(*now)
        require(
            np.shape(rates) == (2, *shape[1:]), "reaction's result", np.shape(rates), "R_u, R_v"
        )
        for name, field, rate, d in zip(FIELDS, now, rates, D, strict=True):
            moment = None if times is None else times[step]
            recorders[name].record(rate, d * laplacian(field, dx, bc), moment)
    return {name: recorder.trace() for name, recorder in recorders.items()}


def balance_from_states(
    u: npt.ArrayLike,
    v: npt.ArrayLike,
    reaction: Callable[..., tuple[Any, Any]],
    D: Sequence[float],
    dx: float | Sequence[float],
    bc: str = "periodic",
) -> dict[str, Balance]:
    """R, R_t and both means of each field of a trajectory, over its states.

    Args:
        u: shape (T, cells), (T, rows, cols) or (T, ...), finite.
        v: of the same shape.
        reaction: (u, v) -> (R_u, R_v) on whole fields.
        D: (D_u, D_v).
        dx: cell sizes, see :func:`laplacian`.
        bc: "periodic" or "no-flux".

    Returns:
        "u" and "v" -> :class:`rdverify.Balance`. The paper's is that of "v".

    Raises:
        InputError: naming what doesn't fit.
    """
    found = traces_from_states(u, v, reaction, D, dx, bc)
    return {name: balance_of(trace) for name, trace in found.items()}
