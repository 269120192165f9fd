"""The record of one equation of the paper, and the decorator that makes it.

An equation is a NumPy function of a few lines whose parameters are the paper's
symbols. The record adds number, section and LaTeX, as printed and as corrected,
and looks the symbols up in ``spec.symbols`` by the parameters' names.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spec.symbols import SYMBOLS, Symbol

Function = Callable[..., Any]


@dataclass(frozen=True)
class Equation:
    """One numbered equation.

    Attributes:
        number: 1 to 20.
        title: what it defines, in a few words.
        section: where it is printed.
        latex: as printed.
        latex_corrected: as meant; equal to ``latex`` where nothing is wrong.
        printed: the printed form as a function, or None if it can't be evaluated.
        corrected: the corrected form; the same function where nothing is wrong.
        symbols: parameter name -> meaning, shape, domain, unit.
        errata: ids in spec/errata.toml.
        variants: further readings that the paper's text supports, name -> function.

    """

    number: int
    title: str
    section: str
    latex: str
    latex_corrected: str
    printed: Function | None
    corrected: Function | None
    symbols: Mapping[str, Symbol]
    errata: tuple[str, ...] = ()
    variants: Mapping[str, Function] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The greppable name, such as ``eq07``."""
        return f"eq{self.number:02d}"

    @property
    def differs(self) -> bool:
        """Whether print and meaning differ."""
        return self.printed is not self.corrected


EQUATIONS: dict[int, Equation] = {}


def equation(
    number: int,
    title: str,
    section: str,
    latex: str,
    *,
    latex_corrected: str | None = None,
    printed: Function | None = None,
    errata: tuple[str, ...] = (),
    variants: Mapping[str, Function] | None = None,
) -> Callable[[Function], Function]:
    """Register the decorated function as the corrected form of equation ``number``.

    ``printed`` is the printed form where it differs; otherwise both are the
    decorated function. Every parameter of either must stand in the glossary.
    """

    def register(function: Function) -> Function:
        literal = printed or function
        names = [*inspect.signature(function).parameters, *inspect.signature(literal).parameters]
        unknown = sorted({name for name in names if name not in SYMBOLS})
        if unknown:
            raise KeyError(f"eq{number:02d}: no such symbol in spec.symbols: {unknown}")
        if number in EQUATIONS:
            raise KeyError(f"eq{number:02d} is defined twice")
        EQUATIONS[number] = Equation(
            number=number,
            title=title,
            section=section,
            latex=latex,
            latex_corrected=latex_corrected or latex,
            printed=literal,
            corrected=function,
            symbols={name: SYMBOLS[name] for name in dict.fromkeys(names)},
            errata=errata,
            variants=dict(variants or {}),
        )
        return function

    return register
