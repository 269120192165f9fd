"""One check for each equation, for any implementation of it: ``CHECKS["eq07"](implementation)``.

A check takes a function with the signature of the spec's equation (the arguments
in that order) and asserts mathematics: arithmetic done by hand, limits, invariances,
inverses, scaling, independent libraries. It never calls the spec, so that the spec
itself can be checked, and a stranger's code as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance import balance, diffusion_model, lstm, reaction_diffusion
from conformance.expect import Rejected

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

__all__ = ["CHECKS", "Check", "Rejected"]
