"""What the paper says, executable: twenty equations, Table 1, the claims, the errata.

NumPy only, and nothing of ``rdverify``: the check is not circular.

``EQUATIONS[7]`` is the record of Eq. (7); ``table1()``, ``claims()`` and
``errata()`` read the TOML files beside this module.
"""

from __future__ import annotations

import hashlib
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
    "ledger_sha256",
    "lstm",
    "quotations_sha256",
    "reaction_diffusion",
    "sentences",
    "table1",
    "text_of",
]


def table1() -> list[dict[str, str]]:
    """The rows of Table 1; the numbers are strings, since their digits are their precision."""
    return list(tomllib.loads(text_of("table1.toml"))["row"])


LEDGER = ("rd", "lstm", "ddpm", "gen")


def claims() -> list[dict[str, Any]]:
    """The ledger: the claims of the three systems, then those of none."""
    return [
        claim for name in LEDGER for claim in tomllib.loads(text_of(f"claims/{name}.toml"))["claim"]
    ]


def errata() -> list[dict[str, Any]]:
    """The slips of the paper: as printed, as corrected, and the evidence."""
    return list(tomllib.loads(text_of("errata.toml"))["erratum"])


def sentences() -> list[dict[str, Any]]:
    """The paper's sentences, word for word and in its order, and where each is judged."""
    return list(tomllib.loads(text_of("sentences.toml"))["sentence"])


def quotations_sha256() -> str:
    """One hash over all quotations; the file states what it must be."""
    quotes = "\n".join(sentence["quote"] for sentence in sentences())
    return hashlib.sha256(quotes.encode()).hexdigest()


def ledger_sha256() -> str:
    """One hash over all that verdicts depend on: claims, sentences, Table 1."""
    names = [*(f"claims/{name}.toml" for name in LEDGER), "sentences.toml", "table1.toml"]
    return hashlib.sha256("".join(text_of(name) for name in names).encode()).hexdigest()


def text_of(name: str) -> str:
    """The text of a file of the spec, such as ``table1.toml``."""
    return files("spec").joinpath(name).read_text(encoding="utf-8")
