"""Which settings of a search come near the numbers that it was fitted to, and which fit as well.

A setting *fits as well* as the best if print may be one run of it (:func:`plausible`): a look at
the distance alone would stand on a knife's edge, since the seed moves it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from rdverify.study.tolerance import LEVEL
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


def plausible(
    frame: pd.DataFrame, keys: Sequence[str], targets: Mapping[str, float]
) -> pd.DataFrame:
    """Every setting once, with the ``p`` of the hypothesis that print is one more run of it.

    With the mean m and the standard deviation s of a setting's n runs, a further run lies at
    (x - m) / (s sqrt(1 + 1/n)), Student's t with n - 1 degrees of freedom. p is the two-sided
    probability of the fitted number that fits worst, times how many there are (Bonferroni). A
    setting that was run once has the s of all that were run several times, pooled, and their
    degrees of freedom.

    Args:
        frame: runs, one row each; failed ones are left out.
        keys: columns that make up a setting.
        targets: fitted column -> printed number.

    Returns:
        one row a setting, most plausible first: keys, means of the other numbers, runs, p.
    """
    fitted = list(targets)
    done = frame[np.isfinite(frame[fitted].to_numpy(float)).all(axis=1)]
    groups = done.groupby(list(keys), sort=False)
    numbers = [c for c in done.select_dtypes("number") if c not in keys]
    means = groups[numbers].mean()
    runs = groups.size().to_numpy()
    squares = (groups[fitted].var(ddof=1).fillna(0).to_numpy().T * (runs - 1)).T
    freedom = (runs - 1).sum()
    require(freedom > 0, "runs", len(done), "some settings run with several seeds")
    own, several = np.maximum(runs - 1, 1)[:, None], (runs > 1)[:, None]
    variance = np.where(several, squares / own, squares.sum(axis=0) / freedom)
    scatter = np.sqrt(variance * (1 + 1 / runs)[:, None])
    away = np.abs(means[fitted].to_numpy() - np.array([targets[name] for name in fitted]))
    with np.errstate(divide="ignore", invalid="ignore"):  # without scatter: 0 or 1
        standardised = np.where(away == 0, 0.0, away / scatter)
    each = 2 * stats.t.sf(standardised, np.where(several, own, freedom))
    p = np.minimum(1.0, len(fitted) * each.min(axis=1))
    found: pd.DataFrame = means.assign(runs=runs, p=p).reset_index()
    return found.sort_values("p", ascending=False, kind="stable").reset_index(drop=True)


def spread_as_well(frame: pd.DataFrame, column: str, centre: float, level: float = LEVEL) -> float:
    """The part "settings" of a tolerance, over :func:`plausible` settings.

    The largest of min(1, p / level) |column - centre|: a setting counts in full where print may
    be one run of it, and ever less the less plausible that is. So a setting that moves by a hair
    moves the part by a hair: there is no edge at which it comes in or drops out.
    """
    require(0 < level < 1, "level", level, "in (0, 1)")
    share = np.minimum(1.0, frame["p"].to_numpy(float) / level)
    away = np.abs(frame[column].to_numpy(float) - centre)
    return float((share * away).max(initial=0.0))
