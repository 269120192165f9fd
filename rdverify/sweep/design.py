"""The settings of a sweep, made one by one as they are asked for: a grid, or points that fill it.

Setting number ``index`` is point index // len(seeds) with seed index % len(seeds), so that the
seeds of a point stand side by side and a million settings take no more memory than their points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from rdverify.sweep.axes import Axis, Setting
from rdverify.tools.errors import require, require_integer

Point = Callable[[int], Setting]
# name in a study -> SciPy's sampler; Sobol and Halton are scrambled, so that a seed matters
SAMPLERS: dict[str, type[qmc.QMCEngine]] = {
    "sobol": qmc.Sobol,
    "halton": qmc.Halton,
    "latin-hypercube": qmc.LatinHypercube,
}
KINDS = ("grid", *SAMPLERS)
FILLING = 10**7  # points of a space-filling design, which are held in memory
LEVELS = 10**6  # of one axis, which are listed: more is a slip


class Design(Sequence[Setting]):
    """Settings by number, see the module's text.

    Args:
        count: of points, >= 1.
        point: number of a point -> its values on the axes.
        fixed: values that all settings have.
        seeds: with which each point is run, as "seed"; none leaves the system's own.
    """

    def __init__(
        self, count: int, point: Point, fixed: Setting, seeds: Sequence[int] | None = None
    ) -> None:
        self.points, self.point, self.fixed, self.seeds = count, point, fixed, seeds

    def __len__(self) -> int:
        return self.points * len(self.seeds or (0,))

    def __getitem__(self, index: Any) -> Any:
        """The setting's values on the axes and its seed, then what is fixed."""
        return self.shown(index) | self.fixed

    def shown(self, index: int) -> Setting:
        """What tells this setting from the others: its values on the axes, and its seed."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.seeds is None:
            return self.point(index)
        number, place = divmod(index, len(self.seeds))
        return self.point(number) | {"seed": self.seeds[place]}


def grid(levels: dict[str, Sequence[Any]]) -> tuple[int, Point]:
    """Every combination of ``levels``, the last axis running fastest; how many, and each."""
    sizes = [len(values) for values in levels.values()]

    def point(number: int) -> Setting:
        setting: Setting = {}
        for name, values in reversed(levels.items()):
            number, place = divmod(number, len(values))
            setting[name] = values[place]
        return dict(reversed(setting.items()))

    return math.prod(sizes), point


def filling(kind: str, axes: Sequence[Axis], runs: int, seed: int) -> tuple[int, Point]:
    """``runs`` points that fill the box of ``axes``, by SciPy's quasi-Monte Carlo samplers.

    Args:
        kind: sobol (a longer design of the same seed begins with a shorter one), halton (so
            does this one) or latin-hypercube (each axis cut in ``runs`` parts, one point in each).
        axes: their ranges and choices.
        runs: >= 1.
        seed: of the scrambling, >= 0.
    """
    names = [axis.name for axis in axes]
    require(len(names) > 0, "axes", names, "at least one axis")
    require(len(set(names)) == len(names), "names of axes", names, "all different")
    require(kind in SAMPLERS, "kind", kind, f"one of {', '.join(KINDS)}")
    runs = require_integer("number of runs", runs, 1)
    require(runs <= FILLING, "number of runs", runs, f"at most {FILLING}")
    seed = require_integer("seed", seed, 0)
    sampler = SAMPLERS[kind](len(axes), seed=seed)
    units: npt.NDArray[np.float64]  # (runs, axes), in [0, 1)
    if isinstance(sampler, qmc.Sobol):
        # drawn in full powers of two and cut: SciPy warns about unbalanced lengths
        units = sampler.random_base2(max(0, (runs - 1).bit_length()))[:runs]
    else:
        units = sampler.random(runs)

    def point(number: int) -> Setting:
        return {
            axis.name: axis.value(float(unit))
            for axis, unit in zip(axes, units[number], strict=True)
        }

    return runs, point


def design(axes: Sequence[Axis], n: int, seed: int) -> list[Setting]:
    """``n`` settings that fill the box of ``axes``: a scrambled Sobol sequence.

    The first points of a Sobol design are those of any longer one with the same
    seed, so that a search can be prolonged. Balance is best for n a power of 2.

    Args:
        axes: at least one, of different names.
        n: how many settings, >= 1.
        seed: of the scrambling, >= 0.

    Returns:
        one dict per setting, axis name -> Python value.

    Source: SciPy's ``stats.qmc``; Owen scrambling keeps the net's balance.
    """
    count, point = filling("sobol", axes, n, seed)
    return [point(number) for number in range(count)]


def levels_of(axis: Axis, points: int) -> list[Any]:
    """``points`` values of a range from end to end, equally spaced on its scale."""
    points = require_integer(f"points of {axis.name}", points, 2)
    require(points <= LEVELS, f"points of {axis.name}", points, f"at most {LEVELS}")
    assert axis.low is not None
    assert axis.high is not None
    if axis.scale == "integer":
        most = int(axis.high - axis.low) + 1
        require(points <= most, f"points of {axis.name}", points, f"at most {most}, the integers")
        return [round(x) for x in np.linspace(axis.low, axis.high, points)]
    spaced = np.geomspace if axis.scale == "log" else np.linspace
    return [float(x) for x in spaced(axis.low, axis.high, points)]
