"""The map of the (F, k) plane: how it sorts runs, and that none lies where a proof forbids it."""

import numpy as np
import pandas as pd
import pytest

from rdverify.gray_scott.plane import hopf, pattern_bound, saddle_node
from rdverify.gray_scott.study import plane
from rdverify.gray_scott.study.runs import SWEPT
from rdverify.study.frames import read_sweep
from rdverify.tools.paths import golden_folder


@pytest.fixture(scope="module")
def sweep():
    return read_sweep(golden_folder(), "gray-scott", SWEPT)


def test_runs_are_sorted_by_shape_rest_and_what_is_left():
    made = pd.DataFrame(
        {
            "pattern": ["spots", "holes", "stripes", "uniform", "uniform"],
            "stationary": [True, True, False, False, False],
            "supply": [1.3, 1.2, 1.5, 1.0, 1e-90],
        }
    )
    assert plane.classes(made).tolist() == [
        "spots",
        "holes",
        "not at rest",
        "uniform, v > 0",
        "v gone",
    ]
    assert plane.at_rest(made).tolist() == [True, True, False, False, False]


def test_no_pattern_is_where_the_proof_forbids_one(sweep):
    beyond = sweep[plane.forbidden(sweep)]
    assert len(beyond) > 50
    assert (beyond["pattern"] == "uniform").all()
    # the side of each run, by the proof's own inequality
    g = plane.D_V / plane.D_U
    slack = sweep["kill_rate"] + (1 - g) * sweep["feed_rate"] - 1 / (16 * g)
    assert (plane.forbidden(sweep) == (slack > 0)).all()


def test_what_rests_is_fed_from_more_than_it_loses(sweep):
    assert (sweep.loc[plane.at_rest(sweep), "supply"] > 1).all()


def test_the_papers_two_points_have_its_two_patterns(sweep):
    found = plane.classes(sweep)
    spot, stripe = (plane.point(sweep, feed) for feed in (0.029, 0.055))
    assert found[spot.name] == "spots"
    assert found[stripe.name] == "stripes"
    # and the saddle-node, read as a border of patterns, would forbid the first
    assert spot["kill_rate"] > saddle_node(0.029)
    assert spot["kill_rate"] < pattern_bound(0.029, plane.D_U, plane.D_V)


def test_a_uniform_state_is_only_left_where_it_exists_and_is_stable(sweep):
    left = sweep[plane.classes(sweep) == "uniform, v > 0"]
    assert len(left) > 100
    assert (left["kill_rate"] < saddle_node(left["feed_rate"].to_numpy())).all()
    assert (left["feed_rate"] > hopf(left["kill_rate"].to_numpy())).all()


def test_a_pattern_at_rest_has_a_ratio_near_one_whatever_its_shape(sweep):
    found = plane.classes(sweep)
    for name in ("spots", "stripes", "holes"):
        assert np.abs(sweep.loc[found == name, "final_ratio"] - 1).max() <= 0.01
