"""A study file: which system, what is varied and how, what is fixed, with which seeds."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from rdverify.sweep.axes import Axis, Setting
from rdverify.sweep.design import KINDS, Design, Point, filling, grid, levels_of
from rdverify.sweep.target import Target, load
from rdverify.tools.errors import InputError, one_line, require, require_integer

PARTS = ("system", "seeds", "design", "fixed", "axes")
OF_DESIGN = ("kind", "runs", "seed")
OF_AXIS = ("low", "high", "scale", "points")
LOOKED_AT = 1000  # settings that are checked before the first run
MOST = 10**8  # runs; a grid's size is a product, and quickly a slip


@dataclass(frozen=True)
class Definition:
    """A study that can run.

    Attributes:
        place: of the target, ``package.module:name``.
        target: what is run.
        design: every setting.
        stated: the study as plain values, which define it.
    """

    place: str
    target: Target
    design: Design
    stated: Mapping[str, Any]


def read(path: Path | str, systems: Mapping[str, str]) -> Definition:
    """Read and check a study, before any work.

    ``system`` is a name of ``systems`` or package.module:function. ``[axes]`` has for each
    setting that varies a list of values or a table low, high, scale (linear, log, integer) and,
    in a grid, points. ``[design]`` has kind (grid, sobol, halton, latin-hypercube) and, but for
    a grid, runs and seed. ``[fixed]`` has settings that are other than the system's defaults.
    ``seeds`` is a list: every point is run with each.

    Args:
        path: TOML file.
        systems: name -> place of its target.

    Raises:
        InputError: if the file can't be read, a name or value is not allowed, or none of the
            first settings can run; it says which.
    """
    try:
        stated = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(
            f"study = {str(path)!r} can't be read ({one_line(error)}): must be a TOML file"
        ) from error
    return define(stated, systems)


def define(stated: Mapping[str, Any], systems: Mapping[str, str]) -> Definition:
    """The study that plain values state, see :func:`read`."""
    _only(stated, PARTS, "the study")
    system = stated.get("system")
    named = isinstance(system, str) and (system in systems or ":" in system)
    allowed = f"{', '.join(systems)} or package.module:function"
    require(named, "system", system, allowed)
    place = systems.get(str(system), str(system))
    target = load(place)
    fixed, axes = _table(stated, "fixed"), _table(stated, "axes")
    require(bool(axes), "axes", axes, "a table with at least one setting that varies")
    target.known({**axes, **fixed})
    for name, value in fixed.items():
        plain = isinstance(value, bool | int | float | str)
        require(plain, f"fixed {name}", value, "a number, a truth value or text")
        require(name not in axes, f"fixed {name}", value, "left out where it is an axis")
    seeds = _seeds(stated.get("seeds"), {**axes, **fixed})
    if seeds is not None:
        target.known({"seed": None})
    count, point = _points(_table(stated, "design"), axes)
    design = Design(count, point, fixed, seeds)
    require(len(design) <= MOST, "number of runs", len(design), f"at most {MOST}")
    _some_can_run(target, design)
    return Definition(place, target, design, stated)


def _points(design: Mapping[str, Any], axes: Mapping[str, Any]) -> tuple[int, Point]:
    _only(design, OF_DESIGN, "[design]")
    kind = design.get("kind", "grid")
    require(kind in KINDS, "kind", kind, f"one of {', '.join(KINDS)}")
    if kind == "grid":
        for name in ("runs", "seed"):
            require(name not in design, name, design.get(name), "left out of a grid")
        return grid({name: _levels(name, stated) for name, stated in axes.items()})
    ranges = []
    for name, stated in axes.items():
        points = isinstance(stated, Mapping) and "points" in stated
        require(not points, f"points of {name}", stated, f"left out of a {kind} design: see runs")
        ranges.append(_axis(name, stated))
    return filling(kind, ranges, design.get("runs"), design.get("seed", 0))  # type: ignore[arg-type]


def _levels(name: str, stated: Any) -> Sequence[Any]:
    if isinstance(stated, list):
        return stated if len(stated) == 1 and _plain(stated) else _axis(name, stated).choices
    axis = _axis(name, stated)
    require("points" in stated, f"points of {name}", None, "given in a grid: how many values")
    return levels_of(axis, stated["points"])


def _axis(name: str, stated: Any) -> Axis:
    if isinstance(stated, list):
        require(_plain(stated), name, stated, "a list of numbers, truth values or texts")
        return Axis(name, choices=tuple(stated))
    require(isinstance(stated, Mapping), name, stated, "a list of values, or a table low, high")
    _only(stated, OF_AXIS, f"axis {name}")
    for end in ("low", "high"):
        value = stated.get(end)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(number, f"{end} of {name}", value, "a number")
    scale = stated.get("scale", "linear")
    return Axis(name, stated["low"], stated["high"], scale)


def _plain(values: list[Any]) -> bool:
    return all(isinstance(value, bool | int | float | str) for value in values)


def _seeds(seeds: Any, others: Mapping[str, Any]) -> list[int] | None:
    if seeds is None:
        return None
    require(isinstance(seeds, list) and bool(seeds), "seeds", seeds, "a list of whole numbers")
    found = [require_integer("seeds", seed, 0) for seed in seeds]
    require(len(set(seeds)) == len(seeds), "seeds", seeds, "all different")
    require("seed" not in others, "seeds", seeds, "left out where seed is an axis or fixed")
    return found


def _table(stated: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = stated.get(name, {})
    require(isinstance(found, Mapping), name, found, "a table")
    return dict(found)


def _only(stated: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for name in stated:
        near = get_close_matches(name, allowed, 1)
        meant = f"; meant is perhaps {near[0]}" if near else ""
        if name not in allowed:
            raise InputError(
                f"{name!r} in {where} is not allowed: must be one of {', '.join(allowed)}{meant}"
            )


def _some_can_run(target: Target, design: Sequence[Setting]) -> None:
    """InputError if none of the first settings passes the check; one that can't run is a row."""
    first: InputError | None = None
    for setting in islice(design, LOOKED_AT):
        try:
            target.check(setting)
            return
        except InputError as error:
            first = first or error
    if first is not None:
        raise first
