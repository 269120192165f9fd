"""Helpers of the counterexamples: several metrics of one computation, lines of the table."""

from __future__ import annotations

import math
from collections.abc import Callable

from rdverify.study import Metric, Metrics

Rows = list[dict[str, object]]


def row(rows: Rows, system: str, r: float | str, shows: str) -> None:
    """Add one line to the table of counterexamples."""
    rows.append({"system": system, "R": r, "what it shows": shows})


def measure_all(
    metrics: Metrics, compute: Callable[[], dict[str, Metric]], names: dict[str, str]
) -> bool:
    """Several metrics of one computation; True if it worked. A crash is no refutation."""
    try:
        found = compute()
    except Exception as error:
        for name, what in names.items():
            metrics[name] = Metric(None, what, error=f"{type(error).__name__}: {error}")
        return False
    for name in names:
        metrics[name] = found[name]
    return True


def value_of(metrics: Metrics, name: str) -> float:
    """Return a measured number, NaN where it could not be measured."""
    value = metrics[name].value
    return float(value) if value is not None else math.nan
