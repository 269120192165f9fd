"""Designs by number: what a product, SciPy's samplers and the seeds give, one at a time."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from rdverify.sweep.axes import Axis
from rdverify.sweep.design import Design, filling, grid, levels_of
from rdverify.tools.errors import InputError

LEVELS = {"a": [1, 2, 3], "b": ["x", "y"], "c": [0.5, 0.25, 0.125, 0.0]}
AXES = [Axis("a", 0.0, 2.0), Axis("b", 1e-3, 1.0, "log"), Axis("c", 1, 4, "integer")]


def test_a_grid_is_the_product_in_the_order_of_its_axes():
    count, point = grid(LEVELS)
    assert [tuple(point(i).values()) for i in range(count)] == list(product(*LEVELS.values()))
    assert list(point(7)) == list(LEVELS)


@given(st.integers(0, 10**15))
def test_a_point_of_a_grid_too_large_to_be_listed(number):
    sides = {f"axis {i}": range(1000) for i in range(6)}
    count, point = grid(sides)
    assert count == 1000**6
    values = list(point(number).values())
    assert sum(v * 1000**p for v, p in zip(values, range(5, -1, -1), strict=True)) == number


@pytest.mark.parametrize("kind", ["sobol", "halton", "latin-hypercube"])
def test_space_filling_designs_leave_no_hole(kind):
    count, point = filling(kind, AXES, 256, 3)
    points = [point(i) for i in range(count)]
    units = np.array([[axis.position(p[axis.name]) for axis in AXES[:2]] for p in points])
    # uniform draws have a discrepancy some ten times as large
    assert qmc.discrepancy(units) < qmc.discrepancy(np.random.default_rng(0).random((256, 2))) / 2
    assert {p["c"] for p in points} == {1, 2, 3, 4}
    again, other = filling(kind, AXES, 256, 3)[1], filling(kind, AXES, 256, 4)[1]
    assert again(17) == point(17) != other(17)


def test_seeds_of_a_point_stand_side_by_side():
    design = Design(*grid({"x": [0.5, 1.5]}), {"rows": 8}, [3, 4, 5])
    assert len(design) == 6
    assert [tuple(design.shown(i).values()) for i in range(6)] == list(
        product([0.5, 1.5], [3, 4, 5])
    )
    assert design[4] == {"x": 1.5, "seed": 4, "rows": 8}
    assert design.shown(4) == {"x": 1.5, "seed": 4}
    with pytest.raises(IndexError):
        design[6]


@pytest.mark.parametrize(
    ("axis", "points", "expected"),
    [
        (Axis("x", 0, 1), 5, [0, 0.25, 0.5, 0.75, 1]),
        (Axis("x", 1, 100, "log"), 3, [1, 10, 100]),
        (Axis("x", 2, 10, "integer"), 3, [2, 6, 10]),
        (Axis("x", 1, 3, "integer"), 3, [1, 2, 3]),
    ],
)
def test_levels_reach_both_ends_in_equal_steps(axis, points, expected):
    assert levels_of(axis, points) == pytest.approx(expected, rel=1e-12)


def test_more_levels_than_integers_are_refused():
    with pytest.raises(InputError, match="at most 3, the integers"):
        levels_of(Axis("x", 1, 3, "integer"), 4)
