"""Choices that the paper leaves open: stated ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rdverify.tools.errors import own_fields, require

Setting = dict[str, Any]
BOOKKEEPING = ("design", "index", "error")  # columns of a record that are no choices


@dataclass(frozen=True)
class Axis:
    """One choice that the paper leaves open, with the range that is searched.

    Args:
        name: the setting's key.
        low, high: ends of the range, both reached; low < high.
        scale: "linear", "log" (needs low > 0) or "integer" (both ends included).
        choices: instead of a range, the values in question (all text, all
            numbers or all truth values).

    Raises:
        InputError: if the range is empty or not finite, or both forms are given.
    """

    name: str
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log", "integer"] = "linear"
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        own_fields(self)
        require(
            self.name not in (*BOOKKEEPING, ""),
            "name of an axis",
            self.name,
            f"a name other than {BOOKKEEPING}",
        )
        if self.choices:
            require(
                self.low is None and self.high is None,
                f"range of {self.name}",
                (self.low, self.high),
                "left out where choices are given",
            )
            require(
                len({type(choice) for choice in self.choices}) == 1,
                f"choices of {self.name}",
                self.choices,
                "values of one type",
            )
            require(
                len(set(self.choices)) == len(self.choices) >= 2,
                f"choices of {self.name}",
                self.choices,
                "at least two, all different",
            )
            return
        require(
            self.scale in ("linear", "log", "integer"),
            f"scale of {self.name}",
            self.scale,
            "linear, log or integer",
        )
        low = math.nan if self.low is None else self.low
        high = math.nan if self.high is None else self.high
        require(
            math.isfinite(low) and math.isfinite(high) and low < high,
            f"range of {self.name}",
            (self.low, self.high),
            "two finite numbers, low < high",
        )
        require(self.scale != "log" or low > 0, f"low of {self.name}", low, "> 0 on a log scale")
        require(
            self.scale != "integer" or (low == int(low) and high == int(high)),
            f"range of {self.name}",
            (low, high),
            "whole numbers on an integer scale",
        )

    def value(self, unit: float) -> Any:
        """The setting at position ``unit`` in [0, 1): equal shares of the (log) range."""
        if self.choices:
            return self.choices[min(int(unit * len(self.choices)), len(self.choices) - 1)]
        assert self.low is not None
        assert self.high is not None
        if self.scale == "integer":
            return min(int(self.low) + int(unit * (self.high - self.low + 1)), int(self.high))
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** unit)
        return float(self.low + unit * (self.high - self.low))

    def position(self, value: Any) -> float:
        """Where ``value`` lies on the axis, 0 at low and 1 at high, on its scale."""
        if self.choices:
            return self.choices.index(value) / (len(self.choices) - 1)
        assert self.low is not None
        assert self.high is not None
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (float(value) - self.low) / (self.high - self.low)

    def around(self, value: Any, share: float) -> Axis:
        """The axis narrowed to ``share`` of its (log) range around ``value``, cut at its ends.

        Choices stay as they are; an integer axis keeps at least two values.
        """
        require(0 < share <= 1, "share", share, "in (0, 1]")
        if self.choices:
            return self
        assert self.low is not None
        assert self.high is not None
        if self.scale == "log":
            factor = (self.high / self.low) ** (share / 2)
            return replace(
                self, low=max(self.low, value / factor), high=min(self.high, value * factor)
            )
        reach = share * (self.high - self.low) / 2
        if self.scale == "integer":
            reach = max(1, round(reach))
        return replace(self, low=max(self.low, value - reach), high=min(self.high, value + reach))

    def describe(self) -> dict[str, Any]:
        """The axis as plain values, for a record beside the runs."""
        if self.choices:
            return {"name": self.name, "choices": list(self.choices)}
        return {"name": self.name, "low": self.low, "high": self.high, "scale": self.scale}


def setting_of(row: Mapping[Any, Any], axes: Sequence[Axis]) -> Setting:
    """The setting of one row of a frame as plain Python values."""
    setting: Setting = {}
    for axis in axes:
        value = row[axis.name]
        setting[axis.name] = value.item() if hasattr(value, "item") else value
    return setting
