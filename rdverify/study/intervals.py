"""Intervals of shares, differences, medians and curves, 95 % throughout."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from rdverify.study.facts import Measured
from rdverify.study.tolerance import CONFIDENCE


def share(hits: int, n: int, method: Literal["exact", "wilson"] = "exact") -> Measured:
    """``hits`` of ``n``, with Clopper and Pearson's or Wilson's interval of the share."""
    interval = stats.binomtest(hits, n).proportion_ci(CONFIDENCE, method)
    how = "clopper-pearson" if method == "exact" else method
    return Measured(hits / n, float(interval.low), float(interval.high), n, how=how)


def difference(a: npt.ArrayLike, b: npt.ArrayLike) -> Measured:
    """mean(a) - mean(b) of independent samples, with Welch's interval."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    deviations = tuple(_deviation(values) for values in (x, y))
    return difference_of_means(
        float(x.mean()), float(y.mean()), (deviations[0], deviations[1]), (x.size, y.size)
    )


def _deviation(values: npt.NDArray[np.float64]) -> float:
    """Standard deviation; 0 for one value, and where nothing differs but by rounding."""
    if values.size < 2 or np.ptp(values) <= 1e-12 * np.abs(values).max():
        return 0.0
    return float(values.std(ddof=1))


def difference_of_means(
    a: float, b: float, deviations: tuple[float, float], sizes: tuple[int, int]
) -> Measured:
    """The same from means, standard deviations (n - 1) and sizes alone, as records keep them."""
    largest = max(deviations)
    if largest == 0:
        return Measured(a - b, a - b, a - b, min(sizes))
    # relative to the larger, since squares of squares leave the range of floats
    parts = [(s / largest) ** 2 / n for s, n in zip(deviations, sizes, strict=True)]
    lost = [p**2 / max(n - 1, 1) for p, n in zip(parts, sizes, strict=True)]
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, sum(parts) ** 2 / sum(lost)))
    half = quantile * largest * sum(parts) ** 0.5
    return Measured(a - b, a - b - half, a - b + half, min(sizes), how="welch")


def median(samples: npt.ArrayLike) -> Measured:
    """Median with the order statistics that cover it with at least 95 % (n = 10: 2nd to 9th)."""
    ordered = np.sort(np.asarray(samples, float))
    cut = max(int(stats.binom.ppf(0.5 - CONFIDENCE / 2, len(ordered), 0.5)), 1)
    return Measured(
        float(np.median(ordered)),
        float(ordered[cut - 1]),
        float(ordered[-cut]),
        len(ordered),
        runs=tuple(ordered.tolist()),
        how="order-statistics",
    )


def middle(curves: npt.ArrayLike) -> tuple[list[float], list[float]]:
    """Between which values the middle 95 % of curves lie at each step: (low, high).

    Quantiles at 2.5 % and 97.5 %, linear between order statistics; for few curves that is
    nearly their whole range. Of single curves, not of their mean.

    Args:
        curves: shape (curves, steps), finite.
    """
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.asarray(curves, float), (tail, 1 - tail), axis=0)
    return low.tolist(), high.tolist()
