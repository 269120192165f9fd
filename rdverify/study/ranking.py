"""Which settings of a search come near the numbers that it was fitted to."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from rdverify.tools.errors import require


def rank(frame: pd.DataFrame, targets: Mapping[str, float]) -> pd.DataFrame:
    """The frame with a column ``distance``, nearest first; failed runs last, at infinity.

    distance = max over the fitted columns c of |value_c - target_c| / |target_c|.

    Args:
        frame: runs, with a column for each target.
        targets: fitted column -> printed number, not 0. Only what stands here
            influences the order.
    """
    require(len(targets) > 0, "targets", dict(targets), "at least one column")
    absent = [column for column in targets if column not in frame]
    require(not absent, "targets", absent, f"columns of the frame: {list(frame)}")
    require(
        all(math.isfinite(value) and value != 0 for value in targets.values()),
        "targets",
        dict(targets),
        "finite numbers other than 0",
    )
    deviations = np.stack(
        [
            np.abs(frame[column].to_numpy(float) - target) / abs(target)
            for column, target in targets.items()
        ]
    )  # (targets, runs)
    distance = np.where(np.isfinite(deviations).all(axis=0), deviations.max(axis=0), np.inf)
    ranked = frame.assign(distance=distance)
    return ranked.sort_values("distance", kind="stable").reset_index(drop=True)


def admissible(frame: pd.DataFrame, targets: Mapping[str, float], within: float) -> pd.DataFrame:
    """The runs whose ``distance`` to the fitted targets is at most ``within``, nearest first."""
    require(math.isfinite(within) and within >= 0, "within", within, "finite and >= 0")
    ranked = rank(frame, targets)
    return ranked[ranked["distance"] <= within].reset_index(drop=True)


def spread_of(frame: pd.DataFrame, column: str, centre: float) -> float:
    """Largest distance of ``column`` from ``centre`` over the runs; 0 if there is none.

    Over :func:`admissible` runs this is the part "settings" of a tolerance.
    """
    values = frame[column].to_numpy(float)
    values = values[np.isfinite(values)]
    return float(np.abs(values - centre).max()) if values.size else 0.0
