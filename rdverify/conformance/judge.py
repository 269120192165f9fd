"""One equation of one implementation judged, and what is said if a law is broken."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np

from rdverify.conformance.arrays import NoNumbers
from rdverify.conformance.checks import CHECKS, asks_for, symbols
from rdverify.conformance.expect import Rejected, coarsest, shown, tolerance
from rdverify.conformance.implementation import Implementation


class Raised(Exception):
    """The implementation raised its cause."""


class Watched:
    """A function that remembers its last arguments, and raises nothing but ``Raised``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.arguments: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        self.arguments = arguments
        try:
            return self.function(*arguments)
        except Exception as error:
            raise Raised from error


def verdict(token: str, implementation: Implementation) -> tuple[str | None, str]:
    """What is wrong with an equation, in a few lines, and the precision it was judged in.

    Args:
        token: name of the equation, such as ``eq07``, one that the implementation offers.
        implementation: whose function is judged.

    Returns:
        None, or a message that names the law; ``float64``, or ``float32`` with its tolerance.

    """
    return copy_context().run(_verdict, token, implementation)


def _verdict(token: str, implementation: Implementation) -> tuple[str | None, str]:
    watched = Watched(implementation.functions[token])
    message = None
    try:
        with np.errstate(all="ignore"):
            CHECKS[token](watched)
    except Rejected as error:
        lines = {"law": error.reason, "expected": error.expected, "found": error.found}
        if error.allowed:
            lines["allowed"] = f"{error.allowed} ({precision()})"
        message = said(token, implementation.name, "breaks a law", lines, watched.arguments)
    except Raised as error:
        cause = error.__cause__
        assert cause is not None
        if isinstance(cause, NoNumbers):
            lines = {"found": str(cause)}
        else:
            place = traceback.extract_tb(cause.__traceback__)[-1]
            lines = {
                "raised": f"{type(cause).__name__}: {' '.join(str(cause).split())}",
                "in": f"{place.filename}:{place.lineno}",
            }
        message = said(token, implementation.name, "fails", lines, watched.arguments)
    except Exception as error:  # the check could not compute with what it got
        lines = {"found": f"a result of another kind or shape ({error})"}
        message = said(token, implementation.name, "fails", lines, watched.arguments)
    return message, precision()


def said(
    token: str, name: str, what: str, lines: dict[str, str], arguments: tuple[Any, ...]
) -> str:
    """The message: the equation in the paper's symbols, the lines, the last call."""
    names = symbols(token)
    call = ", ".join(
        f"{symbol} = {shown(value)}" for symbol, value in zip(names, arguments, strict=False)
    )
    rows = [f"{name}: {token} {what}.", f"  {'equation':<10}{asks_for(token)}"]
    rows += [f"  {key:<10}{text}" for key, text in (lines | {"last call": call}).items()]
    return "\n".join(rows)


def precision() -> str:
    """Of the results so far."""
    if coarsest.get() <= np.finfo(np.float64).eps:
        return "float64"
    return f"float32, laws held within {tolerance()[0]:.1g}"
