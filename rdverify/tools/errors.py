"""Errors that speak to the person who typed the input."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """A bad argument, option or file; the message fits on one line.

    It names the argument, the value it had and what is allowed. The command
    line prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(_plain(str(message)))  # a file's own words may hold anything


def require(ok: bool, argument: str, value: Any, allowed: str) -> None:
    """Raise :class:`InputError` unless ``ok``.

    >>> require(-1 > 0, "dx", -1, "a positive finite number")
    Traceback (most recent call last):
    ...
    rdverify.tools.errors.InputError: dx = -1 is not allowed: must be a positive finite number
    """
    if not ok:
        raise InputError(f"{argument} = {_shown(value)} is not allowed: must be {allowed}")


def _shown(value: Any) -> str:
    """A value in at most 80 characters."""
    try:
        text = repr(value)
    except Exception:  # whole numbers beyond what Python writes out, objects that can't say
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(text: str) -> str:
    """The text on one line, and what can't be printed as ``?``."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def require_integer(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raise :class:`InputError` unless ``value`` is a whole number from ``least`` to ``most``."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    within = whole and value >= least and (most is None or value <= most)
    end = "or more" if most is None else f"to {most}"
    require(bool(within), name, value, f"an integer, {least} {end}")


def require_number(name: str, value: Any, allowed: str, ok: Callable[[float], bool]) -> None:
    """Raise :class:`InputError` unless ``value`` is a finite number (no truth value) and ``ok``."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    try:
        sound = real and math.isfinite(value) and ok(float(value))
    except OverflowError:  # a whole number beyond what a float can hold
        sound = False
    require(sound, name, value, allowed)


def one_line(error: BaseException, most: int = 120, kind: bool = False) -> str:
    """What an exception says, on one line of at most ``most`` characters; ``kind`` names its type.

    >>> one_line(KeyError("x"), kind=True)
    "KeyError: 'x'"
    """
    try:
        said = str(error)
    except Exception:  # an error that can't even say what it is
        said = ""
    text = f"{type(error).__name__}: {said}" if kind or not said else said
    return _plain(text)[:most]
