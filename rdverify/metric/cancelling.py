"""How much of R comes from the sizes of the terms, and how much from their cancelling, of a trace.

It takes the extra "change" = ||a - b||, with a the reaction and b minus the diffusion.
"""

from __future__ import annotations

import numpy as np

from rdverify.trace import FloatArray, Trace


def cancellation(trace: Trace) -> FloatArray:
    """Share of the terms' power that cancels in the change, one for each run, shape (runs,).

    With a the reaction, b the term that acts against it and a - b the change (extra
    "change"): 1 - sum ||a - b||^2 / sum (||a||^2 + ||b||^2), sums over time. By
    ||a - b||^2 = ||a||^2 + ||b||^2 - 2 <a, b> this is 2 sum <a, b> / sum (||a||^2 +
    ||b||^2): 1 if the terms are opposite and equal, 0 if unrelated, -1 if they pull alike.
    R does not see it.
    """
    power = (trace.react**2 + trace.diff**2).sum(axis=1, **trace.counted)
    changed = (trace.extras["change"] ** 2).sum(axis=1, **trace.counted)
    return np.asarray(1 - changed / power, dtype=float)


def parts_of(trace: Trace) -> dict[str, FloatArray]:
    """The exact decomposition ||a||^2 - ||b||^2 = <a - b, a + b>, time means for each run.

    Returns:
        "distance": |R_t - 1|; "bound": ||a - b|| / ||b||, which it can't exceed;
        "alignment": |cos| of the angle between a - b and a + b; "relative": ||a + b|| /
        (||a|| + ||b||). |R_t - 1| = bound x alignment x relative at every step.
    """
    a, b, change = trace.react, trace.diff, trace.extras["change"]
    total = np.sqrt(np.maximum(2 * a**2 + 2 * b**2 - change**2, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "distance": np.abs(a / b - 1),
            "bound": change / b,
            "alignment": np.abs(a**2 - b**2) / (change * total),
            "relative": total / (a + b),
        }
    # a step from an empty state (b = 0) has no ratio; a step at rest has no direction
    return {name: finite_mean(value) for name, value in values.items()}


def finite_mean(values: FloatArray) -> FloatArray:
    """Mean of the finite values along the last axis; NaN where there is none."""
    finite = np.isfinite(values)
    total, count = np.where(finite, values, 0).sum(axis=-1), finite.sum(axis=-1)
    return np.asarray(np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0))
