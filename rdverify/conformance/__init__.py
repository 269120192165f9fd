"""One check for each equation, for any implementation of it: ``CHECKS["eq07"](implementation)``.

``pytest --pyargs rdverify.conformance --implementation package.module`` runs them on the
functions of a module; docs/extending.md tells what such a module declares.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdverify.conformance.checks import CHECKS, Check
    from rdverify.conformance.expect import Rejected
    from rdverify.conformance.implementation import Implementation, NoImplementation, of_module
    from rdverify.conformance.judge import verdict

__all__ = [
    "CHECKS",
    "Check",
    "Implementation",
    "NoImplementation",
    "Rejected",
    "of_module",
    "verdict",
]

# loaded on first use: pytest loads the plugin beside this file in every run
_HOMES = {
    "CHECKS": "checks",
    "Check": "checks",
    "Implementation": "implementation",
    "NoImplementation": "implementation",
    "Rejected": "expect",
    "of_module": "implementation",
    "verdict": "judge",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
