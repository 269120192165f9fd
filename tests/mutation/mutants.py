"""Every mutant of a file: one small change each, as Cosmic Ray's operators make them.

Left out is what would flatter the score or measure nothing: operators that arithmetic on numbers
can't survive at all (``x << y``), and what has no meaning when a program runs (annotations, a
decorator that only makes faster, the star before a function's keywords, which is no product).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import parso
from cosmic_ray.ast import Visitor, ast_nodes, get_ast
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Pow")
SETS = ("BitOr", "BitAnd", "BitXor", "Sub")
INTEGERS = ("FloorDiv", "Mod", "Div", "Mul")
SWAPS = (ARITHMETIC, SETS, INTEGERS)
FASTER_ONLY = ("njit", "cache", "lru_cache", "staticmethod", "override")
NOT_USED = ("VariableReplacer", "VariableInserter")

Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One change: in which file, by which operator, the how-manieth place of it, and where."""

    file: str
    operator: str
    occurrence: int
    start: Place
    end: Place

    @property
    def name(self) -> str:
        """A name that doesn't change with other places of the file."""
        return f"{self.file}:{self.start[0]}:{self.start[1]}:{self.operator}:{self.occurrence}"


def useful(operator: str) -> bool:
    """Whether an operator's change can mean something where it applies."""
    kind, _, swap = operator.partition("_")
    if kind in NOT_USED:
        return False
    if kind == "ReplaceBinaryOperator":
        before, after = swap.split("_")
        return any(before in group and after in group for group in SWAPS)
    if kind == "ReplaceComparisonOperator":
        return not swap.endswith(("_Is", "_IsNot")) or swap in ("Is_IsNot", "IsNot_Is")
    return True


@cache
def operators() -> dict[str, Operator]:
    """Cosmic Ray's operators that are used, by their short names."""
    names = {name.partition("/")[2]: name for name in operator_names()}
    return {short: get_operator(name)() for short, name in names.items() if useful(short)}


def meaningless(source: str) -> list[tuple[Place, Place]]:
    """Stretches of a file in which a change changes nothing that runs, or only the speed."""
    found: list[tuple[Place, Place]] = []
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.FunctionDef):
            found += _stars(node, source)
            parts.append(node.returns)
            lines = [d for d in node.decorator_list if _faster_only(d)]
            found += [((d.lineno, 0), ((d.end_lineno or d.lineno) + 1, 0)) for d in lines]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.Assign) and _is_type(node.value):
            parts.append(node.value)
        elif isinstance(node, ast.ExceptHandler) and node.type is not None:
            # a name with a dot is one that Cosmic Ray can't replace
            parts += [one for one in ast.walk(node.type) if isinstance(one, ast.Attribute)]
        found += [_stretch(part) for part in parts if part is not None]
    return found


def _stars(function: ast.FunctionDef, source: str) -> list[tuple[Place, Place]]:
    """Where a bare star stands among parameters."""
    lines = source.splitlines()
    rows = range(function.lineno, function.body[0].lineno + 1)
    return [
        ((row, star.start()), (row, star.end()))
        for row in rows
        for star in re.finditer(r"\*(?=,)", lines[row - 1])
    ]


def _stretch(part: ast.expr) -> tuple[Place, Place]:
    start = (part.lineno, max(0, part.col_offset - 1))
    return start, (part.end_lineno or part.lineno, part.end_col_offset or part.col_offset)


def _faster_only(decorator: ast.expr) -> bool:
    name = ast.unparse(decorator).partition("(")[0].rpartition(".")[2]
    return name in FASTER_ONLY


def _is_type(value: ast.expr) -> bool:
    """``A | B`` of names alone: an alias of types."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
        return _is_type(value.left) and _is_type(value.right)
    return isinstance(value, ast.Subscript | ast.Name | ast.Attribute) and (
        ast.unparse(value).partition("[")[0].rpartition(".")[2][:1].isupper()
    )


def mutants(root: Path, file: str) -> list[Mutant]:
    """All mutants of a file, in the order of its lines."""
    source = (root / file).read_text(encoding="utf-8")
    silent, found = meaningless(source), []
    nodes = list(ast_nodes(get_ast(source)))
    for name, operator in operators().items():
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        found += [
            Mutant(file, name, k, start, end)
            for k, (start, end) in enumerate(places)
            if not any(low <= start and end <= high for low, high in silent)
        ]
    return sorted(found, key=lambda one: (one.start, one.operator, one.occurrence))


class _Change(Visitor):
    """Applies an operator at one of its places."""

    def __init__(self, operator: Operator, occurrence: int) -> None:
        self.operator, self.left = operator, occurrence

    def visit(self, node: parso.tree.NodeOrLeaf) -> parso.tree.NodeOrLeaf | None:
        for index, _ in enumerate(self.operator.mutation_positions(node)):
            if self.left == 0:
                self.left = -1
                return self.operator.mutate(node, index)
            self.left -= 1
        return node


def is_program(text: str) -> bool:
    """Whether a changed text is one that Python takes; some of the operators' aren't."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def mutated(source: str, mutant: Mutant) -> str:
    """The file's text with the change."""
    tree = _Change(operators()[mutant.operator], mutant.occurrence).walk(get_ast(source))
    return str(tree.get_code())


def all_mutants(root: Path, files: Iterator[str] | list[str]) -> list[Mutant]:
    """All mutants of several files."""
    return [mutant for file in files for mutant in mutants(root, file)]
