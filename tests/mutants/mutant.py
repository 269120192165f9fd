"""One wrong form of one equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

KINDS = {
    "sign": "a sign is wrong",
    "index": "a time index is wrong",
    "operand": "another quantity stands in a place",
    "missing": "a factor or a term is left out",
    "function": "another function is applied",
    "normalisation": "another norm, or another mean over time",
    "axis": "another axis, a transposed matrix",
    "boundary": "another boundary condition",
    "erratum": "the paper's own printed form",
    "wiring": "rdverify's numbers put together wrongly",
}


class Mutant(NamedTuple):
    """A wrong form: ``token`` names the check that has to reject ``function``."""

    token: str
    kind: str
    name: str
    function: Callable[..., Any]

    @property
    def number(self) -> int:
        """Of the equation."""
        return int(self.token[2:4])


class Equivalent(NamedTuple):
    """Another way of writing the same, with the proof that it is the same."""

    token: str
    name: str
    proof: str
    function: Callable[..., Any]

    @property
    def number(self) -> int:
        """Of the equation."""
        return int(self.token[2:4])


def mutants(token: str, *rows: tuple[str, str, Callable[..., Any]]) -> list[Mutant]:
    """Rows of kind, name and wrong form of one equation."""
    return [Mutant(token, *row) for row in rows]
