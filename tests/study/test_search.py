"""The search keeps every run, resumes, round-trips, and ranks by the fitted numbers alone."""

import math
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rdverify.study.frames import read_frame, write_frame
from rdverify.study.ranking import admissible, rank, spread_of
from rdverify.study.search import evaluate_settings, search
from rdverify.study.sensitivity import sensitivity
from rdverify.sweep.axes import Axis, setting_of
from rdverify.sweep.design import design
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter

AXES = (
    Axis("x", 0.5, 4.0),
    Axis("rate", 1e-4, 1e-1, "log"),
    Axis("n", 3, 6, "integer"),
    Axis("kind", choices=("normal", "uniform")),
)


class Told(Reporter):
    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


def model(setting):
    if setting["n"] == 6:
        raise FloatingPointError("diverged at\nstep 3")
    return {"m": setting["x"] ** 2 / 3, "r": math.log(setting["rate"]) + setting["n"] / 7}


def test_design_fills_every_axis_evenly_on_its_own_scale():
    points = design(AXES, 128, 3)
    for name, position in (
        ("x", lambda v: (v - 0.5) / 3.5),
        ("rate", lambda v: math.log(v / 1e-4) / math.log(1e3)),
    ):
        units = [position(point[name]) for point in points]
        # stratified: each sixteenth of the axis holds a sixteenth of the points
        assert np.histogram(units, 16, (0, 1))[0].tolist() == [8] * 16
    assert [sum(p["n"] == n for p in points) for n in (3, 4, 5, 6)] == [32] * 4
    assert sum(p["kind"] == "normal" for p in points) == 64


def test_design_is_the_seeds_and_sobol_is_prolonged():
    assert design(AXES, 40, 1) == design(AXES, 40, 1)
    assert design(AXES, 40, 1) != design(AXES, 40, 2)
    assert design(AXES, 100, 1)[:40] == design(AXES, 40, 1)
    kinds = {type(value) for point in design(AXES, 8, 0) for value in point.values()}
    assert kinds == {float, int, str}


@given(st.sampled_from(AXES[:3]), st.floats(0, 1, exclude_max=True))
def test_axis_value_stays_in_range_and_position_inverts_it(axis, unit):
    value = axis.value(unit)
    assert axis.low <= value <= axis.high
    if axis.scale != "integer":
        assert axis.position(value) == pytest.approx(unit, abs=1e-12)


@given(st.sampled_from(AXES[:3]), st.floats(0, 1, exclude_max=True), st.floats(0.01, 1))
def test_axis_around_is_inside_and_holds_its_centre(axis, unit, share):
    value = axis.value(unit)
    narrow = axis.around(value, share)
    assert axis.low <= narrow.low <= value <= narrow.high <= axis.high
    if axis.scale == "log":
        assert math.log(narrow.high / narrow.low) <= share * math.log(1e3) * (1 + 1e-9)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "x", "low": 2, "high": 1},
        {"name": "x", "low": 0, "high": 1, "scale": "log"},
        {"name": "x", "low": 0.5, "high": 2, "scale": "integer"},
        {"name": "x", "choices": (1,)},
        {"name": "x", "choices": (1, "a")},
        {"name": "x", "choices": (1, 2), "low": 0},
        {"name": "x", "low": math.nan, "high": 1},
        {"name": "error", "low": 0, "high": 1},
        {"name": "x", "low": 0, "high": 1, "scale": "square"},
    ],
)
def test_bad_axis_is_one_line(bad):
    with pytest.raises(InputError) as caught:
        Axis(**bad)
    assert "\n" not in str(caught.value)
    assert "is not allowed" in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [((), 4, 0), (AXES, 0, 0), (AXES, 4, -1), ((AXES[0], AXES[0]), 4, 0)]
)
def test_bad_design_is_refused(arguments):
    with pytest.raises(InputError):
        design(*arguments)


def test_every_run_is_kept_also_one_that_failed(tmp_path):
    frame = search(AXES, 32, 0, model, tmp_path)
    assert frame["index"].tolist() == list(range(32))
    failed = frame["n"] == 6
    assert failed.any()
    assert set(frame.loc[failed, "error"]) == {"FloatingPointError: diverged at step 3"}
    assert frame.loc[failed, "m"].isna().all()
    assert set(frame.loc[~failed, "error"]) == {""}
    assert rank(frame, {"m": 1.0})["distance"].tail(int(failed.sum())).eq(np.inf).all()


def test_record_round_trips_every_bit(tmp_path):
    frame = search(AXES, 32, 0, model, tmp_path)
    write_frame(tmp_path / "s.csv", frame)
    pd.testing.assert_frame_equal(
        read_frame(tmp_path / "s.csv"), frame, check_exact=True, check_dtype=False
    )
    rows = read_frame(tmp_path / "s.csv").to_dict("records")
    assert [setting_of(row, AXES) for row in rows] == design(AXES, 32, 0)


@settings(max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_round_trip_exactly(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "f.csv"
    write_frame(
        path, pd.DataFrame({"design": "d", "index": range(len(values)), "v": values, "error": ""})
    )
    assert read_frame(path)["v"].tolist() == values


def test_interrupted_search_goes_on_and_gives_the_same(tmp_path):
    whole = search(AXES, 24, 5, model, tmp_path / "whole")
    calls, told = [], Told()

    def stopped(setting):
        if len(calls) == 10:
            raise KeyboardInterrupt
        calls.append(setting)
        return model(setting)

    with pytest.raises(KeyboardInterrupt):
        search(AXES, 24, 5, stopped, tmp_path / "part")
    later = []
    frame = search(AXES, 24, 5, lambda s: (later.append(s), model(s))[1], tmp_path / "part", told)
    assert later == design(AXES, 24, 5)[10:]
    pd.testing.assert_frame_equal(frame, whole, check_exact=True)
    assert any("10 of 24 found" in line for line in told.lines)
    search(AXES, 24, 5, lambda s: pytest.fail("nothing is left to do"), tmp_path / "part")


@pytest.mark.parametrize("change", [{"seed": 6}, {"n": 23}, {"axes": AXES[:3]}])
def test_changed_design_has_a_record_of_its_own(tmp_path, change):
    arguments = {"axes": AXES, "n": 24, "seed": 5, "folder": tmp_path}
    search(**arguments, evaluate=model)
    frame = search(**(arguments | change), evaluate=model)
    assert len(frame) == (arguments | change)["n"]
    kept = search(**arguments, evaluate=lambda s: pytest.fail("nothing is left to do"))
    assert len(kept) == 24


def test_no_record_is_no_frame(tmp_path):
    (tmp_path / "s.csv").write_text("not,a,record\n1,2,3\n")
    for name in ("s.csv", "absent.csv"):
        with pytest.raises(InputError):
            read_frame(tmp_path / name, ["design"])


def test_a_record_is_that_of_its_settings_or_of_what_is_stated_of_them(tmp_path):
    def evaluated(settings, **stated):
        done = []
        evaluate_settings(
            settings=settings,
            evaluate=lambda setting: (done.append(setting), {"y": setting["x"] ** 2.0})[1],
            folder=tmp_path,
            progress=Reporter(),
            workers=1,
            **stated,
        )
        return done

    one, other = [{"x": 1}, {"x": 2}], [{"x": 2}, {"x": 3}]
    assert evaluated(one) == one
    assert evaluated(one) == []
    assert evaluated(other) == other
    assert evaluated(one, stated={"which": "first"}, name="work") == one
    assert evaluated(one, stated={"which": "first"}) == []
    with pytest.raises(InputError, match="keys of a setting"):
        evaluated([{"x": 1}, {"z": 2}])


def test_one_setting_is_a_search_and_none_is_refused(tmp_path):
    frame = evaluate_settings([{"x": 3}], lambda setting: {"y": setting["x"] ** 2})
    assert list(frame.columns) == ["design", "index", "x", "y", "error"]
    assert frame["y"].tolist() == [9.0]
    assert frame.dtypes[["x", "y"]].tolist() == [int, float]
    with pytest.raises(InputError, match=r"settings = \[\] .*at least one"):
        evaluate_settings([], model)


@pytest.mark.parametrize("failure", [MemoryError, OSError])
def test_a_failure_of_the_machine_ends_the_search_and_its_row_is_tried_again(tmp_path, failure):
    def fails(setting):
        raise failure

    with pytest.raises(failure):
        search(AXES, 4, 0, fails, tmp_path)
    assert len(search(AXES, 4, 0, model, tmp_path)) == 4


def test_threads_give_what_one_by_one_gives(tmp_path):
    one = search(AXES, 30, 2, model)
    pd.testing.assert_frame_equal(search(AXES, 30, 2, model, workers=3), one)
    seen = set()
    search(AXES, 30, 2, lambda s: (seen.add(threading.get_ident()), model(s))[1])
    assert seen == {threading.get_ident()}


def test_rank_is_the_largest_relative_deviation_over_fitted_columns_only():
    frame = pd.DataFrame(
        {"a": [1.0, 2.0, 1.1, np.nan], "b": [10.0, 10.0, 10.5, 10.0], "c": [7.0, 8.0, 9.0, 1.0]}
    )
    ranked = rank(frame, {"a": 1.05, "b": 10.0})
    by_hand = {1.0: 0.05 / 1.05, 1.1: 0.05, 2.0: 0.95 / 1.05}
    assert ranked["a"].tolist()[:3] == [1.0, 1.1, 2.0]
    assert ranked["distance"].tolist() == pytest.approx(
        [by_hand[1.0], by_hand[1.1], by_hand[2.0], np.inf], abs=1e-15
    )
    changed = rank(frame.assign(c=frame["c"][::-1].to_numpy()), {"a": 1.05, "b": 10.0})
    assert changed["distance"].tolist() == ranked["distance"].tolist()
    assert admissible(frame, {"a": 1.05, "b": 10.0}, 0.06)["a"].tolist() == [1.0, 1.1]
    assert spread_of(frame, "c", 8.5) == 7.5
    assert spread_of(frame[:0], "c", 8.5) == 0.0


@pytest.mark.parametrize("targets", [{}, {"absent": 1.0}, {"a": 0.0}, {"a": math.inf}])
def test_rank_refuses_targets_that_mean_nothing(targets):
    with pytest.raises(InputError):
        rank(pd.DataFrame({"a": [1.0]}), targets)


@pytest.mark.parametrize("within", [-1e-9, -0.5, -1.0, math.nan, math.inf])
def test_admissible_refuses_a_distance_that_is_none(within):
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(InputError, match="within"):
        admissible(frame, {"a": 1.0}, within)
    assert admissible(frame, {"a": 1.0}, 0)["a"].tolist() == [1.0]  # what meets its target


def test_sensitivity_finds_the_planted_slopes_and_nothing_else():
    points = design(AXES, 256, 0)
    noise = np.random.default_rng(0).normal(0, 0.05, 256)
    frame = pd.DataFrame(points).assign(
        y=[
            10
            + AXES[0].position(p["x"])
            - 2 * AXES[1].position(p["rate"])
            + 3 * (p["kind"] == "uniform")
            for p in points
        ]
        + noise
    )
    table = sensitivity(frame, AXES, ["y"]).set_index("axis")
    slopes = table["change"] * frame["y"].mean()
    assert slopes["x"] == pytest.approx(1, abs=0.03)
    assert slopes["rate"] == pytest.approx(-2, abs=0.03)
    assert slopes["kind=uniform"] == pytest.approx(3, abs=0.03)
    assert table.loc["n", "low"] < 0.1
    assert table.loc["n", "high"] > -0.1
    assert table.loc["x", "correlation"] > 0.9
    assert table.loc["rate", "correlation"] < -0.9
    assert (table["low"] <= table["correlation"]).all()
    assert (table["correlation"] <= table["high"]).all()


def test_sensitivity_of_one_axis_is_spearmans_rank_correlation():
    points = design(AXES[:1], 64, 1)
    values = np.sin(3 * np.array([p["x"] for p in points]))
    frame = pd.DataFrame(points).assign(y=values)
    expected = stats.spearmanr(frame["x"], frame["y"]).statistic
    assert sensitivity(frame, AXES[:1], ["y"])["correlation"][0] == pytest.approx(expected, 1e-12)
