"""A study is checked whole before the first run; what is wrong is named on one line."""

import pytest

from rdverify.sweep.definition import define, read
from rdverify.sweep.target import Target, defaults_of, load
from rdverify.systems import TARGETS
from rdverify.tools.errors import InputError

GRAY_SCOTT = {
    "system": "gray-scott",
    "fixed": {"rows": 16, "cols": 16, "square": 4},
    "axes": {"feed_rate": {"low": 0.02, "high": 0.06, "points": 3}},
}
MINE = {"system": "sweep.swept:wave", "axes": {"x": [0.25, 0.5]}}


def test_a_study_says_every_setting():
    definition = define(GRAY_SCOTT | {"seeds": [1, 2]}, TARGETS)
    assert len(definition.design) == 6
    assert definition.design[3] == GRAY_SCOTT["fixed"] | {
        "feed_rate": pytest.approx(0.04),
        "seed": 2,
    }
    assert define(MINE, TARGETS).design[1] == {"x": 0.5}


def test_a_file_is_read_as_its_values(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('system = "sweep.swept:wave"\n[axes]\nx = [0.25, 0.5]\n')
    assert read(file, TARGETS).stated == MINE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"system": "gray-scot"}, "gray-scott, lstm, ddpm or package.module:function"),
        ({"system": 3}, "system = 3"),
        ({"system": "sweep.swept:absent"}, "no attribute 'absent'"),
        ({"system": "no.such.module:run"}, "No module named 'no'"),
        ({"system": "sweep.swept:Path.cwd().x"}, "is not allowed"),
        ({"axes": {}}, "at least one setting that varies"),
        ({"axes": {"feed_rat": [0.02, 0.03]}}, "feed_rate"),
        ({"axes": {"feed_rate": 0.02}}, "a list of values, or a table low, high"),
        ({"axes": {"feed_rate": {"low": 0.02}}}, "high of feed_rate = None"),
        ({"axes": {"feed_rate": {"low": 0.02, "high": 0.01, "points": 3}}}, "low < high"),
        ({"axes": {"feed_rate": {"low": 0.02, "high": 0.03}}}, "points of feed_rate"),
        ({"axes": {"feed_rate": {"low": 0.1, "high": 1, "point": 2}}}, "perhaps points"),
        ({"axes": {"feed_rate": [0.02, "x"]}}, "values of one type"),
        ({"axes": {"feed_rate": [[0.02], [0.03]]}}, "a list of numbers"),
        ({"fixed": {"row": 16}}, "rows"),
        ({"fixed": {"feed_rate": 0.02}}, "left out where it is an axis"),
        ({"fixed": {"snapshots": [1]}}, "field 'snapshots' is not allowed"),
        ({"fixed": {"rows": [8]}}, "a number, a truth value or text"),
        ({"fixed": {"kinetics": "uv3"}}, "kinetics = 'uv3'"),
        ({"fixed": 3}, "fixed = 3"),
        ({"seeds": [1, 1]}, "all different"),
        ({"seeds": 3}, "a list of whole numbers"),
        ({"seeds": [-1]}, "an integer, 0 or more"),
        ({"seeds": [1], "fixed": {"seed": 2}}, "left out where seed"),
        ({"design": {"kind": "random"}}, "grid, sobol, halton, latin-hypercube"),
        (
            {"design": {"kind": "sobol"}, "axes": {"feed_rate": {"low": 0.02, "high": 0.03}}},
            "number of runs = None",
        ),
        ({"design": {"kind": "sobol", "runs": 4}}, "left out of a sobol design"),
        ({"design": {"runs": 4}}, "left out of a grid"),
        ({"desing": {}}, "perhaps design"),
        ({"axes": {"dt": {"low": 0.1, "high": 1, "points": 10**9}}}, "at most 1000000"),
        (
            {"axes": {x: {"low": 0.1, "high": 1, "points": 10**5} for x in ("dt", "dx")}},
            "number of runs = 10000000000 is not allowed: must be at most 100000000",
        ),
        ({"design": {"kind": "halton", "runs": 10**9}}, "left out of a halton design"),
    ],
)
def test_a_bad_study_is_refused_in_one_line(change, says):
    with pytest.raises(InputError) as caught:
        define(GRAY_SCOTT | change, TARGETS)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"system = ", b"\xff\xfe", b"a = [" * 5000, None])
def test_what_is_no_study_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "study.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="must be a TOML file") as caught:
        read(file, TARGETS)
    assert "\n" not in str(caught.value)


def test_a_study_of_which_some_settings_can_run_is_allowed():
    partly = GRAY_SCOTT | {"axes": {"dt": [500.0, 1.0]}, "fixed": {"feed_rate": 0.03}}
    assert len(define(partly, TARGETS).design) == 2


@pytest.mark.parametrize("system", TARGETS)
def test_every_system_knows_its_settings_and_says_its_columns(system):
    target = load(TARGETS[system])
    assert isinstance(target, Target)
    assert "seed" in target.defaults
    assert {"m_react", "m_diff", "r"} <= set(target.says)


def test_defaults_are_those_of_the_configuration():
    from rdverify.gray_scott import GrayScottConfig

    defaults = defaults_of(GrayScottConfig)
    assert defaults["feed_rate"] is None
    assert defaults["kill_rate"] == GrayScottConfig(feed_rate=0.03).kill_rate
