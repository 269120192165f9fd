"""Verify a paper on the balance of reaction and diffusion in three kinds of model.

``Trace`` and ``balance_of`` are the two names that measure any model; the models
are ``rdverify.gray_scott``, ``rdverify.lstm`` and ``rdverify.ddpm``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdverify.balance import Balance, balance_of
    from rdverify.tools.errors import InputError
    from rdverify.trace import Trace

__version__ = "0.1.0"
__all__ = ["Balance", "InputError", "Trace", "__version__", "balance_of"]

# loaded on first use: the command line answers bad usage without NumPy
_HOMES = {
    "Balance": "rdverify.balance",
    "InputError": "rdverify.tools.errors",
    "Trace": "rdverify.trace",
    "balance_of": "rdverify.balance",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
