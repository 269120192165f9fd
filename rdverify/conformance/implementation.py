"""What a module declares of its implementation, and the functions to check in it.

A module offers what it has, nothing of it is asked for:

* functions ``eq01`` .. ``eq20`` and ``eq01_kinetics``, of the symbols that the check of
  that name gives in its docstring, or under names of its own in a mapping ``EQUATIONS``;
* ``lstm_cell(x_t, h_prev, c_prev, w, u, b) -> (h_t, C_t)`` with the weights of all gates
  one below the other, (4h, d), (4h, h), (4h,), in the order ``GATES`` (``ifco`` for i, f,
  candidate, o), for Eqs. (2) to (7) and (11) at once;
* ``ARRAYS``, ``numpy`` (default) or ``torch``: what its functions take;
* ``DTYPE``, ``float64`` (default) or ``float32``: of the arrays that they get.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from rdverify.conformance.arrays import ARRAYS, DTYPES, in_its_arrays
from rdverify.conformance.cell import GATES, equations_of
from rdverify.conformance.checks import CHECKS

Function = Callable[..., Any]


class NoImplementation(Exception):
    """The named module can't be checked; one line says why."""


class Implementation(NamedTuple):
    """What is checked: functions of NumPy arrays by the names of their equations."""

    name: str
    functions: Mapping[str, Function]


def of_module(name: str) -> Implementation:
    """Whatever a module offers.

    Raises:
        NoImplementation: it can't be imported, offers nothing, or declares what is not allowed.

    """
    try:
        if "" not in sys.path:  # a module in the current folder, as python -m has it
            sys.path.insert(0, "")
        module = importlib.import_module(name)
    except Exception as error:  # a stranger's module may fail in any way
        reason = " ".join(str(error).split())
        raise NoImplementation(
            f"implementation {name!r} can't be imported ({type(error).__name__}: {reason}): "
            "must be a module on the path that offers eq01 .. eq20"
        ) from error
    arrays, dtype = (
        declared(module, key, allowed) for key, allowed in (("ARRAYS", ARRAYS), ("DTYPE", DTYPES))
    )
    found = {
        token: in_its_arrays(function, arrays, dtype)
        for token, function in (named(module) | mapped(module)).items()
    }
    if hasattr(module, "lstm_cell"):
        cell = in_its_arrays(callable_of(module, "lstm_cell", module.lstm_cell), arrays, dtype)
        found = equations_of(cell, gates(module)) | found
    if not found:
        raise NoImplementation(
            f"implementation {name!r} offers none of eq01 .. eq20: nothing to check"
        )
    return Implementation(name, found)


def declared(module: ModuleType, key: str, allowed: tuple[str, ...]) -> str:
    """The module's choice among what is allowed; the first of it by default."""
    value = getattr(module, key, allowed[0])
    if value not in allowed:
        raise NoImplementation(
            f"implementation {module.__name__!r}: {key} = {value!r} is not allowed: "
            f"must be {' or '.join(map(repr, allowed))}"
        )
    return str(value)


def named(module: ModuleType) -> dict[str, Function]:
    """The functions that have the names of the checks."""
    return {
        token: callable_of(module, token, getattr(module, token))
        for token in CHECKS
        if hasattr(module, token)
    }


def mapped(module: ModuleType) -> dict[str, Function]:
    """The functions of its mapping ``EQUATIONS``."""
    mapping = getattr(module, "EQUATIONS", {})
    where = f"implementation {module.__name__!r}: EQUATIONS"
    if not isinstance(mapping, Mapping):
        raise NoImplementation(f"{where} must map names such as 'eq07' to functions")
    for token in mapping:
        if token not in CHECKS:
            raise NoImplementation(f"{where} names {token!r}: must be one of {', '.join(CHECKS)}")
    return {
        token: callable_of(module, f"EQUATIONS[{token!r}]", function)
        for token, function in mapping.items()
    }


def gates(module: ModuleType) -> str:
    """The order of the gates in the weights of ``lstm_cell``, as letters of ``ifco``."""
    order = getattr(module, "GATES", None)
    letters = "".join(order).replace("g", "c") if isinstance(order, str | list | tuple) else ""
    if sorted(letters) != sorted(GATES):
        raise NoImplementation(
            f"implementation {module.__name__!r}: GATES = {order!r} is not allowed: lstm_cell "
            "needs the order of its gates, each of i, f, c (candidate, also g), o once"
        )
    return letters


def callable_of(module: ModuleType, name: str, function: Any) -> Function:
    """``function``, if it is one."""
    if not callable(function):
        raise NoImplementation(f"implementation {module.__name__!r}: {name} is no function")
    return function  # type: ignore[no-any-return]
