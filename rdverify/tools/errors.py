"""Errors that speak to the person who typed the input."""

from __future__ import annotations

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
