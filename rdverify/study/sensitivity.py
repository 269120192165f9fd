"""How each number moves with each choice, over a whole search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from rdverify.sweep.axes import Axis
from rdverify.tools.errors import require


def sensitivity(frame: pd.DataFrame, axes: Sequence[Axis], columns: Sequence[str]) -> pd.DataFrame:
    """How each number moves with each choice, all the others held fixed, over the whole search.

    Per axis and column: the partial rank correlation (Spearman, the other axes
    regressed out) with its 95 % interval by Fisher's z, and ``change``, the
    slope of a linear regression on all axes, as the relative change of the
    column from the axis' low to its high end. An axis of choices gives one row
    per choice after the first, compared with the first.

    Args:
        frame: runs; failed ones are left out.
        axes: those of the search.
        columns: numbers of the frame.

    Returns:
        frame with axis, column, correlation, low, high, change, runs.

    Source: Saltelli et al., Global Sensitivity Analysis, 2008, section 1.2.
    """
    rows: list[dict[str, Any]] = []
    for column in columns:
        runs = frame[np.isfinite(frame[column].to_numpy(float))]
        labels, inputs = _inputs(runs, axes)
        values = runs[column].to_numpy(float)
        n, k = inputs.shape
        require(n >= k + 4, f"runs with {column}", n, f"at least {k + 4} for {k} axes")
        ranks = np.apply_along_axis(stats.rankdata, 0, inputs)
        slopes = np.linalg.lstsq(np.column_stack([np.ones(n), inputs]), values, rcond=None)[0]
        for j, label in enumerate(labels):
            others = np.column_stack([np.ones(n), np.delete(ranks, j, axis=1)])
            correlation = _correlation(
                _residual(others, ranks[:, j]), _residual(others, stats.rankdata(values))
            )
            reach = stats.norm.ppf(0.975) / math.sqrt(n - k - 2)
            middle = math.atanh(min(max(correlation, -1 + 1e-12), 1 - 1e-12))
            rows.append(
                {
                    "axis": label,
                    "column": column,
                    "correlation": correlation,
                    "low": math.tanh(middle - reach),
                    "high": math.tanh(middle + reach),
                    "change": float(slopes[j + 1] / abs(values.mean())),
                    "runs": n,
                }
            )
    return pd.DataFrame(rows)


def _inputs(runs: pd.DataFrame, axes: Sequence[Axis]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Axis positions, shape (runs, inputs); one indicator per choice after the first."""
    labels: list[str] = []
    inputs: list[npt.NDArray[np.float64]] = []
    for axis in axes:
        if axis.choices:
            for choice in axis.choices[1:]:
                labels.append(f"{axis.name}={choice}")
                inputs.append((runs[axis.name] == choice).to_numpy(float))
        else:
            labels.append(axis.name)
            inputs.append(np.array([axis.position(value) for value in runs[axis.name]], float))
    return labels, np.column_stack(inputs)


def _residual(
    inputs: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    fitted = inputs @ np.linalg.lstsq(inputs, values, rcond=None)[0]
    return np.asarray(values - fitted, dtype=np.float64)


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 1e-12 * len(a) else 0.0
