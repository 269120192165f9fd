"""A change within functions, made in the running program: nothing has to be imported anew."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FunctionType

Functions = dict[tuple[str, CodeType], list[FunctionType]]
Pair = tuple[CodeType, CodeType]


def functions_below(root: Path) -> Functions:
    """(file, code) -> all functions of this process that run it."""
    found: Functions = defaultdict(list)
    for one in gc.get_objects():
        # not isinstance, which asks a proxy of what is gone for its class
        if type(one) is FunctionType and one.__code__.co_filename.startswith(f"{root}/"):
            found[one.__code__.co_filename, one.__code__].append(one)
    return found


def replacements(
    functions: Functions, path: Path, before: str, after: str
) -> list[tuple[FunctionType, CodeType]] | None:
    """Functions of a file and the code that each gets, or None if that isn't the whole change.

    It isn't where something differs that runs when the file is imported: a constant, a default,
    a decorator, the body of a class.
    """
    found = []
    for old, new, within in _pairs(compiled(path, before), compiled(path, after), ()):
        if new is None:
            return None
        if own(old) != own(new):
            outer = [pair for pair in (*within, (old, new)) if pair[0].co_flags & CO_OPTIMIZED]
            there = [(f, b) for a, b in outer for f in functions.get((str(path), a), ())]
            fits = all(len(f.__code__.co_freevars) == len(b.co_freevars) for f, b in there)
            if not old.co_flags & CO_OPTIMIZED or not there or not fits:
                return None
            found += there
    return found


def compiled(path: Path, text: str) -> CodeType:
    """A file's code, as importing it compiles it."""
    return compile(text, str(path), "exec", dont_inherit=True)


def own(code: CodeType) -> tuple[object, ...]:
    """What a code does itself; not what the functions within it do."""
    constants = [repr(one) for one in code.co_consts if not isinstance(one, CodeType)]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, tuple(constants)


def _pairs(
    old: CodeType, new: CodeType, within: tuple[Pair, ...]
) -> Iterator[tuple[CodeType, CodeType | None, tuple[Pair, ...]]]:
    """Every code beside what it becomes, with those around it; None where the two don't pair."""
    yield old, new, within
    sides = [[one for one in c.co_consts if isinstance(one, CodeType)] for c in (old, new)]
    if [one.co_name for one in sides[0]] != [one.co_name for one in sides[1]]:
        yield old, None, within
        return
    for a, b in zip(*sides, strict=True):
        yield from _pairs(a, b, (*within, (old, new)))
