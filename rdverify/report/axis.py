"""Where the marks of a test lie on one small axis; no words, and no drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.ticker import LogLocator, MaxNLocator

from rdverify.judge.judged import Evidence
from rdverify.judge.paper import AtLeast, AtMost, Predicate, Within

MARGIN = 4.0  # per cent of the axis on either side
WIDE = 100.0  # a positive range whose ends differ by this factor is shown by its logarithm


@dataclass(frozen=True)
class Scale:
    """Numbers from ``low`` to ``high`` as per cent of an axis with margins."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def of(cls, values: Iterable[float]) -> Scale:
        """The scale on which all of ``values``, at least one, lie."""
        listed = list(values)
        low, high = min(listed), max(listed)
        if low == high:
            reach = abs(low) / 10 or 1.0
            return cls(low - reach, high + reach)
        return cls(low, high, log=low > 0 and high > WIDE * low)

    def at(self, value: float) -> float:
        """Where a value lies, in per cent, to a hundredth; beyond the ends it is at the edge."""
        share = (value - self.low) / (self.high - self.low)
        if self.log:
            share = (
                math.log(value / self.low) / math.log(self.high / self.low) if value > 0 else -1.0
            )
        return round(min(100.0, max(0.0, MARGIN + (100 - 2 * MARGIN) * share)), 2)

    @cached_property
    def ticks(self) -> list[tuple[float, float]]:
        """A few round numbers, each with its place."""
        locator = LogLocator(numticks=5) if self.log else MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])
        found = [float(tick) for tick in locator.tick_values(self.low, self.high)]
        # a zero that rounding has missed by the last bit is a zero
        near = 1e-9 * (self.high - self.low)
        rounded = [0.0 if abs(tick) < near else tick for tick in found]
        return [(self.at(tick), tick) for tick in rounded if self.low <= tick <= self.high]


@dataclass(frozen=True)
class Axis:
    """One test on an axis, all places in per cent of its width.

    Attributes:
        value, interval: what was measured.
        control: the same of the negative control.
        also: the same under settings that print leaves open.
        thresholds: of the predicate.
        passes: from where to where it holds.
    """

    scale: Scale
    value: float
    interval: tuple[float, float] | None
    control: float | None
    also: list[float]
    thresholds: list[float]
    passes: tuple[float, float]


@dataclass(frozen=True)
class Strip:
    """The outcome over all thresholds that others might have chosen, places in per cent.

    Attributes:
        segments: (from, width, outcome) of each stretch.
        chosen: our threshold.
    """

    scale: Scale
    segments: list[tuple[float, float, str]]
    chosen: float


def axis_of(item: Evidence) -> Axis | None:
    """Where everything of a test lies; None where it is not about numbers."""
    bounds, value = _bounds(item.predicate), _number(item.value)
    if bounds is None or value is None:
        return None
    thresholds = [bound for bound in bounds if bound is not None]
    control = _number(item.control_value)
    also = [number for other in item.also if (number := _number(other.value)) is not None]
    ends = (item.low, item.high)
    known = [value, control, *ends, *thresholds, *also]
    scale = Scale.of(number for number in known if number is not None)
    at = scale.at
    low, high = bounds
    return Axis(
        scale=scale,
        value=at(value),
        interval=None if item.low is None or item.high is None else (at(item.low), at(item.high)),
        control=None if control is None else at(control),
        also=[at(number) for number in also],
        thresholds=[at(number) for number in thresholds],
        passes=(0.0 if low is None else at(low), 100.0 if high is None else at(high)),
    )


def strip_of(item: Evidence) -> Strip | None:
    """Where each outcome begins and ends; None where the threshold is no choice of ours."""
    chosen = _choice(item.predicate)
    if not item.strip or chosen is None:
        return None
    scale = Scale.of([item.strip[0].start, item.strip[-1].end, chosen])
    places = [(scale.at(part.start), scale.at(part.end), part.outcome) for part in item.strip]
    return Strip(
        scale,
        [(start, round(end - start, 2), outcome) for start, end, outcome in places],
        scale.at(chosen),
    )


def _bounds(predicate: Predicate) -> Sequence[float | None] | None:
    match predicate:
        case Within(low=low, high=high):
            return (low, high)
        case AtLeast(value=value):
            return (value, None)
        case AtMost(value=value):
            return (None, value)
        case _:
            return None


def _choice(predicate: Predicate) -> float | None:
    """What others might have chosen otherwise: a threshold, or the half width of a band."""
    match predicate:
        case Within(half_width=half_width):
            return half_width
        case AtLeast(value=value) | AtMost(value=value):
            return value
        case _:
            return None


def _number(value: float | bool | str | None) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
