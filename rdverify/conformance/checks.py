"""The checks by the name of their equation.

A check takes a function of the paper's symbols, in the order that its docstring gives,
and asserts mathematics: arithmetic done by hand, limits, invariances, inverses, scaling,
independent libraries. It calls no other implementation of the paper, so that none is
taken for right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rdverify.conformance import balance, diffusion_model, lstm, reaction_diffusion

Check = Callable[[Callable[..., Any]], None]

_MODULES = (reaction_diffusion, lstm, diffusion_model, balance)
CHECKS: dict[str, Check] = dict(
    sorted(
        (name.removeprefix("check_"), function)
        for module in _MODULES
        for name, function in vars(module).items()
        if name.startswith("check_eq")
    )
)


def asks_for(token: str) -> str:
    """What an equation's function gives and takes, such as ``h_t of (o_t, C_t), ...``."""
    return (CHECKS[token].__doc__ or "").splitlines()[0].rstrip(".")


def symbols(token: str) -> list[str]:
    """The paper's symbols of the arguments, in their order."""
    found = re.search(r"\bof \(([^)]*)\)", asks_for(token))
    return found[1].split(", ") if found else []
