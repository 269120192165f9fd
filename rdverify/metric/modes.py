"""Static, dynamic or phase transition? The three modes of section 6 as features of R_t.

The paper's words and what is measured for each, on log R_t, which treats 2 and 1/2
alike. Time is normalised to [0, 1] in order of generation:

* static ("converges to a steady state", "rapidly converges to 1.0", "1.00 +- 0.03"):
  over the last fifth R_t stays within 3 % of 1 and does not fluctuate by more.
* dynamic ("constantly oscillates around the equilibrium"): after the first fifth R_t
  keeps crossing 1, smoothly, without approaching it.
* phase transition ("remains extremely low" until 0.8, then "increases significantly and
  rapidly"): low before 0.8, and most of the rise after it.

The thresholds were fixed on drawn series (tests/metric/test_modes.py) before any run was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from rdverify.tools.errors import require
from rdverify.trace import FloatArray

Mode = Literal["static", "dynamic", "phase transition", "none"]

START_UP = 0.2  # share of time that a start from an empty state may take
LATE = 0.8  # section 5's "t = 0.8"
NEAR = math.log(1.03)  # section 5's "1.00 +- 0.03"
# an oscillation has at least two periods, so four crossings, in what is looked at
LEAST_CROSSINGS = 4
# neighbours' correlation of a wave of six steps, cos(2 pi / 6); white noise has 0
LEAST_SMOOTHNESS = 0.5
# of the spread before, what an oscillation that goes on keeps of it at least
LEAST_SETTLING = 0.1
# "significantly": at least doubled
LEAST_RISE = math.log(2.0)
# "extremely low": less than half the equilibrium
LOW = math.log(0.5)
# "rapidly", "sharp": more than half of the rise in the last fifth of the time
LEAST_SHARE = 0.5
TINY = 1e-12  # a ratio of 0 is taken for this, one of infinity for its inverse


@dataclass(frozen=True)
class Features:
    """What is said of one curve R_t, all on log R_t.

    Attributes:
        late_mean: mean over t >= 0.8.
        late_spread: standard deviation over t >= 0.8.
        spread: standard deviation over t >= 0.2.
        crossings: how often R_t crosses 1 in t >= 0.2.
        smoothness: correlation of neighbouring steps in t >= 0.2 (0 for a constant).
        settling: standard deviation over t >= 0.8 over that in 0.2 <= t < 0.8; 1 where
            an oscillation goes on, 0 where it dies out.
        before: median over t < 0.8.
        rise: the last hundredth's mean minus ``before``.
        late_share: share of the rise from ``before`` that is made in t >= 0.8.
        mode: the label that follows.
    """

    late_mean: float
    late_spread: float
    spread: float
    crossings: int
    smoothness: float
    settling: float
    before: float
    rise: float
    late_share: float
    mode: Mode


def features(r_t: npt.ArrayLike) -> Features:
    """Features and mode of one curve.

    Args:
        r_t: R_t (Eq. 20 as corrected) of one run in order of generation, shape (T,),
            T >= 20, >= 0; 0 and infinity are taken for 1e-12 and 1e12, steps where
            it is not defined (0/0) are left out.

    Returns:
        :class:`Features`. "none" where no description fits.

    Raises:
        InputError: if there are fewer than 20 steps at which R_t is defined, or one is negative.

    Source: sections 5 and 6.
    """
    values = np.asarray(r_t, dtype=float)
    require(values.ndim == 1, "r_t.ndim", values.ndim, "1, for (T,)")
    values = values[~np.isnan(values)]
    require(values.size >= 20, "r_t", values, "at least 20 steps at which it is defined")
    require(bool(np.all(values >= 0)), "r_t", values, "0 or more at every step")
    log = np.log(np.clip(values, TINY, 1 / TINY))
    steps = log.size
    begin, turn = math.ceil(START_UP * steps), math.ceil(LATE * steps)
    late, middle, rest = log[turn:], log[begin:turn], log[begin:]
    before = float(np.median(log[:turn]))
    rise = float(log[-max(1, steps // 100) :].mean()) - before
    at_turn = float(log[max(0, turn - max(1, steps // 100)) : turn].mean())
    spread = float(rest.std())
    found: dict[str, Any] = {
        "late_mean": float(late.mean()),
        "late_spread": float(late.std()),
        "spread": spread,
        "crossings": int(np.count_nonzero(np.diff(np.sign(rest[rest != 0])))),
        "smoothness": _neighbours(rest),
        "settling": float(late.std() / middle.std()) if middle.std() > TINY else 0.0,
        "before": before,
        "rise": rise,
        "late_share": 1 - (at_turn - before) / rise if abs(rise) > TINY else 0.0,
    }
    return Features(**found, mode=_mode(found))


def oscillates(found: Features) -> bool:
    """Whether R_t keeps crossing 1 without settling; what "dynamic" asks for but smoothness."""
    return (
        found.mode != "static"
        and found.crossings >= LEAST_CROSSINGS
        and found.settling >= LEAST_SETTLING
    )


def _mode(found: dict[str, float]) -> Mode:
    if (
        found["before"] <= LOW
        and found["rise"] >= LEAST_RISE
        and found["late_share"] >= LEAST_SHARE
    ):
        return "phase transition"
    if (
        abs(found["late_mean"]) <= NEAR
        and found["late_spread"] <= NEAR
        and (
            found["crossings"] < LEAST_CROSSINGS
            or found["spread"] <= 1e-3
            or found["settling"] < LEAST_SETTLING
        )
    ):
        return "static"
    if (
        found["crossings"] >= LEAST_CROSSINGS
        and found["smoothness"] >= LEAST_SMOOTHNESS
        and found["settling"] >= LEAST_SETTLING
    ):
        return "dynamic"
    return "none"


def _neighbours(values: FloatArray) -> float:
    centred = values - values.mean()
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power > TINY else 0.0
