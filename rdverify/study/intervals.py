"""Intervals of shares, differences and medians, 95 % throughout, from SciPy."""

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
    value, n = float(x.mean() - y.mean()), min(x.size, y.size)
    size = 1e-9 * max(np.abs(x).max(), np.abs(y).max())
    if np.ptp(x) <= size and np.ptp(y) <= size:  # no scatter but of rounding, no interval
        return Measured(value, value, value, n)
    interval = stats.ttest_ind(x, y, equal_var=False).confidence_interval(CONFIDENCE)
    return Measured(value, float(interval.low), float(interval.high), n, how="welch")


def difference_of_means(
    a: float, b: float, deviations: tuple[float, float], sizes: tuple[int, int]
) -> Measured:
    """The same from means, standard deviations (n - 1) and sizes alone, as records keep them."""
    if max(deviations) == 0:
        return Measured(a - b, a - b, a - b, min(sizes))
    parts = [s**2 / n for s, n in zip(deviations, sizes, strict=True)]
    freedom = sum(parts) ** 2 / sum(p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * sum(parts) ** 0.5
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
