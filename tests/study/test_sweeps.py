"""The shipped records of the three sweeps: what their studies ask for, once and in order."""

import itertools
import tomllib

import numpy as np
import pandas as pd
import pytest

from rdverify import InputError
from rdverify.study.frames import read_sweep
from rdverify.sweep.target import attempted, load
from rdverify.systems import TARGETS
from rdverify.tools.paths import golden_folder

FOLDER = golden_folder() / "sweep"


@pytest.fixture(params=TARGETS)
def swept(request: pytest.FixtureRequest) -> tuple[str, dict, pd.DataFrame]:
    study = tomllib.loads((FOLDER / f"{request.param}.toml").read_text(encoding="utf-8"))
    return request.param, study, pd.read_parquet(FOLDER / f"{request.param}.parquet")


def values(axis: object) -> list:
    """An axis of a grid: its list, or equal steps from low to high."""
    if isinstance(axis, list):
        return axis
    assert isinstance(axis, dict)
    return np.linspace(axis["low"], axis["high"], axis["points"]).tolist()


def test_a_record_has_a_row_for_every_point_of_its_grid_in_order(swept):
    name, study, frame = swept
    axes = {axis: values(given) for axis, given in study["axes"].items()}
    points = list(itertools.product(*axes.values(), study.get("seeds", [0])))
    assert len(frame) == len(points)
    assert frame["index"].tolist() == list(range(len(points)))
    for place, axis in enumerate(axes):
        wanted = [point[place] for point in points]
        if isinstance(wanted[0], str):
            assert frame[axis].tolist() == wanted
        else:
            assert frame[axis].to_numpy() == pytest.approx(wanted, rel=1e-12)
    if "seeds" in study:
        assert frame["seed"].tolist() == [point[-1] for point in points]
    assert (frame["error"] == "").all()
    says = load(TARGETS[name]).says
    assert says is not None
    seed = {"seed"} if "seeds" in study else set()
    assert set(frame) == {"index", *axes, *seed, *says, "error"}


# the cheapest rows of each: a run that dies, the shortest sequences, the fewest steps
CHEAP = {
    "gray-scott": ({"feed_rate": 0.075, "kill_rate": 0.1}, {"r": 1e-9, "m_diff": 1e-9}),
    "lstm": (
        {"length": 25, "frequency": 0.04, "hidden": 4, "seed": 1},
        {"r_untrained": 1e-4, "r": 0.05},  # training multiplies what rounding differs by
    ),
    "ddpm": ({"schedule": "cosine", "T": 32, "dimension": 4}, {"r": 1e-4, "expected_r": 1e-9}),
}


def test_a_row_of_a_record_is_made_again(swept):
    name, study, frame = swept
    at, tolerances = CHEAP[name]
    here = np.logical_and.reduce(
        [
            frame[key] == value if isinstance(value, str) else np.isclose(frame[key], value)
            for key, value in at.items()
        ]
    )
    row = frame[here].iloc[0]
    found = attempted(load(TARGETS[name]).run, study["fixed"] | at)
    for column, tolerance in tolerances.items():
        assert found[column] == pytest.approx(row[column], rel=tolerance)


def test_a_record_that_is_missing_or_another_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"lstm.parquet.*no such file"):
        read_sweep(tmp_path, "lstm", ())
    (tmp_path / "sweep").mkdir()
    errors = ["FloatingPointError: diverged", "", ""]
    frame = pd.DataFrame({"r": [np.nan, 1.0, 2.0], "error": errors})
    frame.to_parquet(tmp_path / "sweep" / "lstm.parquet")
    with pytest.raises(InputError, match="no columns skill"):
        read_sweep(tmp_path, "lstm", ("r", "skill"))
    whole = pd.DataFrame({"r": [1.0, 2.0], "error": ["", ""]})  # as if the failed run never was
    pd.testing.assert_frame_equal(
        read_sweep(tmp_path, "lstm", ("r",)), whole, check_dtype=False, check_index_type=False
    )
