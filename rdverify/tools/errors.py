"""Errors that speak to the person who typed the input."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

MOST_NUMBERS = 2**33


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


def require_integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """``value`` as Python's int; InputError unless it is whole and from ``least`` to ``most``."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    within = whole and value >= least and (most is None or value <= most)
    end = "or more" if most is None else f"to {most}"
    require(bool(within), name, value, f"an integer, {least} {end}")
    return int(value)


def require_number(name: str, value: Any, allowed: str, ok: Callable[[float], bool]) -> float:
    """``value`` as a float; :class:`InputError` unless it is a finite number and ``ok``.

    A truth value is no number. What is computed with is the float that was checked: numbers of
    NumPy's kinds would overflow, wrap around or round in their own way.
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    try:
        sound = real and math.isfinite(value) and ok(float(value))
    except OverflowError:  # a whole number beyond what a float can hold
        sound = False
    require(sound, name, value, allowed)
    return float(value)


def own_numbers(value: Any) -> Any:
    """Numbers of NumPy and other libraries as Python's own, also in tuples, lists, dictionaries.

    >>> from fractions import Fraction
    >>> own_numbers((3, Fraction(1, 2), "a"))
    (3, 0.5, 'a')
    """
    if isinstance(value, tuple):
        return tuple(map(own_numbers, value))
    if isinstance(value, list):
        return [own_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: own_numbers(one) for key, one in value.items()}
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and _finite(value):
        return float(value)
    numpy = sys.modules.get("numpy")  # where it was never imported, nothing is of its kinds
    return value.item() if numpy and isinstance(value, numpy.generic) else value


def own_fields(config: Any) -> None:
    """Numbers in a dataclass as Python's own, which JSON, torch and hashes of settings need."""
    for entry in fields(config):
        object.__setattr__(config, entry.name, own_numbers(getattr(config, entry.name)))


def require_fields(config: Any) -> None:
    """Hold every field of a dataclass against its annotation, or raise :class:`InputError`.

    int: a whole number; float: a finite one, or a whole one; bool, str, Literal: just that; tuples,
    dictionaries and ``X | None`` of these. A truth value is no number, and 1.5 is no whole one.
    Fields of any other type are left to their own checks. Numbers become Python's own.
    """
    own_fields(config)
    made: Any = type(config)
    for name, kind in _annotations(made).items():
        value = getattr(config, name)
        if get_origin(kind) is dict and isinstance(value, dict):  # the entry says more than all
            for key, one in value.items():
                require(_is(one, get_args(kind)[1]), str(key), one, _told(get_args(kind)[1]))
        require(_is(value, kind), name, value, _told(kind))


@cache
def _annotations(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {entry.name: hints[entry.name] for entry in fields(kind)}


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is what an annotation says; True for annotations that are not known here."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (int, float):
        number = isinstance(value, Integral if kind is int else Real)
        return number and not isinstance(value, bool) and _finite(value)
    if kind in (bool, str, type(None)):
        return isinstance(value, kind)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin in (Union, UnionType):
        return any(_is(value, one) for one in inner)
    if origin is tuple and inner[1:] == (Ellipsis,):
        return isinstance(value, tuple) and all(_is(one, inner[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(_is(one, inner[1]) for one in value.values())
    return isinstance(value, kind) if isinstance(kind, type) else True


def _finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float can hold
        return False


def _told(kind: Any) -> str:
    """An annotation in words."""
    origin, inner = get_origin(kind), get_args(kind)
    known = {int: "a whole number", float: "a finite number", bool: "True or False", str: "text"}
    known |= {type(None): "None"}
    if kind in known:
        return known[kind]
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in (Union, UnionType):
        return " or ".join(map(_told, inner))
    if origin in (tuple, dict):
        return f"{origin.__name__} of: {_told(inner[0] if origin is tuple else inner[1])}"
    return f"a {getattr(kind, '__name__', kind)}"


def require_room(name: str, value: Any, numbers: float) -> None:
    """Raise :class:`InputError` if ``value`` asks for more numbers, of 8 bytes, than can be held.

    A size that no machine of this kind has is refused at once, and not after it is out of memory.
    """
    allowed = f"so large that at most {MOST_NUMBERS} numbers are held at once"
    require(numbers <= MOST_NUMBERS, name, value, allowed)


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
