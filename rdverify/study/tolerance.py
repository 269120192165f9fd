"""Tolerances as objects: each part has a size, a name and a reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from rdverify.tools.errors import require

PartName = Literal["rounding", "monte-carlo", "seeds", "discretisation", "platform", "settings"]
CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE  # of tests


@dataclass(frozen=True)
class Part:
    """One reason for a difference that is no disagreement.

    Args:
        name: which of the budget's six reasons.
        half_width: its size in the cell's own unit, finite, >= 0.
        reason: where the size comes from, measured or derived, in words.

    """

    name: PartName
    half_width: float
    reason: str

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.half_width) and self.half_width >= 0,
            f"half_width of {self.name}",
            self.half_width,
            "finite and >= 0",
        )
        require(bool(self.reason.strip()), f"reason of {self.name}", self.reason, "given in words")


@dataclass(frozen=True)
class Tolerance:
    """The sum of its parts: additive, so that no part hides another."""

    parts: tuple[Part, ...]

    @property
    def half_width(self) -> float:
        """The whole tolerance, the sum of the parts' half widths."""
        return math.fsum(part.half_width for part in self.parts)

    def of(self, *names: PartName) -> float:
        """The half width of the named parts together."""
        return math.fsum(part.half_width for part in self.parts if part.name in names)


def rounding_half_width(printed: str) -> float:
    """Half a unit of the last printed digit.

    >>> rounding_half_width("0.25")
    0.005
    """
    digits = printed.strip().partition(".")[2]
    return float(f"5e-{len(digits) + 1}")


@dataclass(frozen=True)
class Interval:
    """A mean with its interval and the interval for one more observation."""

    mean: float
    low: float
    high: float
    predicted_low: float
    predicted_high: float
    n: int


def interval_of(values: npt.ArrayLike) -> Interval:
    """Student-t intervals, 95 %, of the mean and of one further run.

    With n values of mean m and standard deviation s (n - 1 in its denominator):
    mean: m +- t s / sqrt(n); one run: m +- t s sqrt(1 + 1/n), t the 0.975 quantile
    at n - 1 degrees of freedom. With one value both are that value: a width
    of 0 then means "not known", and the caller says so.

    Args:
        values: shape (n,), n >= 1, finite.

    """
    array = np.asarray(values, dtype=float).ravel()
    require(
        array.size > 0 and bool(np.all(np.isfinite(array))),
        "values",
        array,
        "at least one finite number",
    )
    mean, n = float(array.mean()), int(array.size)
    if n == 1:
        return Interval(mean, mean, mean, mean, mean, 1)
    spread = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * float(array.std(ddof=1))
    of_mean, of_one = spread / math.sqrt(n), spread * math.sqrt(1 + 1 / n)
    return Interval(mean, mean - of_mean, mean + of_mean, mean - of_one, mean + of_one, n)
