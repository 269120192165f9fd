"""What the paper says, executable: twenty equations, Table 1, the claims, the errata.

NumPy only, and nothing of ``rdverify``: the check is not circular.

``EQUATIONS[7]`` is the record of Eq. (7); ``table1()``, ``claims()`` and
``errata()`` read the TOML files beside this module.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from spec import balance, diffusion_model, lstm, reaction_diffusion
from spec.equation import EQUATIONS as _BY_NUMBER
from spec.equation import Equation
from spec.symbols import SYMBOLS, Symbol

EQUATIONS: dict[int, Equation] = dict(sorted(_BY_NUMBER.items()))

__all__ = [
    "EQUATIONS",
    "SYMBOLS",
    "Equation",
    "Symbol",
    "balance",
    "claims",
    "diffusion_model",
    "errata",
    "lstm",
    "reaction_diffusion",
    "sentences",
    "table1",
    "text_of",
]


def table1() -> list[dict[str, str]]:
    """The rows of Table 1; the numbers are strings, since their digits are their precision."""
    return list(tomllib.loads(text_of("table1.toml"))["row"])


def claims() -> list[dict[str, Any]]:
    """The ledger, in the order of the file."""
    return list(tomllib.loads(text_of("claims.toml"))["claim"])


def errata() -> list[dict[str, Any]]:
    """The slips of the paper: as printed, as corrected, and the evidence."""
    return list(tomllib.loads(text_of("errata.toml"))["erratum"])


def sentences() -> list[dict[str, Any]]:
    """Every sentence that asserts something, in the paper's order, and where it is judged."""
    return list(tomllib.loads(text_of("sentences.toml"))["sentence"])


def text_of(name: str) -> str:
    """The text of a file of the spec, such as ``claims.toml``."""
    return files("spec").joinpath(name).read_text(encoding="utf-8")
