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


def require(ok: bool, argument: str, value: Any, allowed: str) -> None:
    """Raise :class:`InputError` unless ``ok``.

    >>> require(-1 > 0, "dx", -1, "a positive finite number")
    Traceback (most recent call last):
    ...
    rdverify.tools.errors.InputError: dx = -1 is not allowed: must be a positive finite number
    """
    if not ok:
        shown = repr(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        raise InputError(
            f"{argument} = {' '.join(shown.split())} is not allowed: must be {allowed}"
        )


def require_integer(name: str, value: Any, least: int) -> None:
    """Raise :class:`InputError` unless ``value`` is a whole number, ``least`` or more."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    require(whole and bool(value >= least), name, value, f"an integer, {least} or more")


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
    text = f"{type(error).__name__}: {error}" if kind else str(error)
    return " ".join(text.split())[:most]
