"""Sensitivities: partial rank correlations with Fisher's intervals, and slopes, that are known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rdverify import InputError
from rdverify.study.sensitivity import sensitivity
from rdverify.sweep.axes import Axis

X, Z = Axis("x", 0.0, 2.0), Axis("z", 1.0, 3.0)
KIND = Axis("kind", choices=("a", "b", "c"))


def drawn(n: int, seed: int = 0) -> pd.DataFrame:
    """Runs over two axes that hang together, and a number of both with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 2, n)
    z = 1 + 0.5 * x + rng.uniform(0, 1, n)
    return pd.DataFrame({"x": x, "z": z, "y": np.exp(x) - z + rng.normal(0, 0.5, n)})


def test_of_one_axis_the_interval_is_that_of_a_correlation_of_ranks() -> None:
    for n in (5, 40):
        frame = drawn(n)
        (found,) = sensitivity(frame, [X], ["y"]).to_dict("records")
        ranks = stats.pearsonr(stats.rankdata(frame["x"]), stats.rankdata(frame["y"]))
        interval = ranks.confidence_interval(0.95)
        expected = (ranks.statistic, interval.low, interval.high)
        assert tuple(found[k] for k in ("correlation", "low", "high")) == pytest.approx(expected)
        assert (found["axis"], found["column"], found["runs"]) == ("x", "y", n)


def test_of_two_axes_each_is_correlated_with_the_other_held_fixed() -> None:
    alike = pd.DataFrame({"x": np.arange(8) / 4, "z": 1 + np.array([0, 1, 2, 4, 3, 5, 6, 7]) / 4})
    alike["y"] = [0, 2, 1, 3, 4, 5, 7, 6]
    for frame in (drawn(40), alike):
        hold_fixed(frame)


def hold_fixed(frame: pd.DataFrame) -> None:
    n = len(frame)
    (x, z) = sensitivity(frame, [X, Z], ["y"]).to_dict("records")
    xz, xy, zy = (frame[[a, b]].corr("spearman").iloc[0, 1] for a, b in ("xz", "xy", "zy"))
    for found, own, other in ((x, xy, zy), (z, zy, xy)):
        partial = (own - xz * other) / math.sqrt((1 - xz**2) * (1 - other**2))
        assert found["correlation"] == pytest.approx(partial)
        # one variable is held fixed, which costs one run
        reach = 1.959963984540054 / math.sqrt(n - 1 - 3)
        ends = [math.tanh(math.atanh(partial) + side * reach) for side in (-1, 1)]
        assert [found["low"], found["high"]] == pytest.approx(ends)


@pytest.mark.parametrize("constant", [10.0, -10.0])
def test_a_change_is_that_from_the_low_to_the_high_end_relative_to_the_mean(
    constant: float,
) -> None:
    frame = drawn(30)
    plane = constant + 3 * frame["x"] - 0.5 * frame["z"]
    kinds = np.resize(["a", "b", "c"], 30)
    for y, changes in (
        (plane, {"x": 6, "z": -1}),
        (plane + 4 * (kinds == "c"), {"x": 6, "z": -1, "kind=b": 0, "kind=c": 4}),
    ):
        axes = [X, Z, KIND][: 2 + (len(changes) > 2)]
        found = sensitivity(frame.assign(y=y, kind=kinds), axes, ["y"]).set_index("axis")["change"]
        expected = {name: change / abs(y.mean()) for name, change in changes.items()}
        assert found.to_dict() == pytest.approx(expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_only_rises_or_falls_has_a_correlation_of_one_and_an_interval(sign: int) -> None:
    frame = drawn(20)
    (found,) = sensitivity(frame.assign(y=sign * frame["x"] ** 3), [X], ["y"]).to_dict("records")
    assert found["correlation"] == pytest.approx(sign)
    assert [found["low"], found["high"]] == pytest.approx([sign, sign], abs=1e-9)
    assert -1 < found["low"] < found["high"] < 1


def test_what_does_not_move_is_correlated_with_nothing() -> None:
    table = sensitivity(drawn(20).assign(y=2.0), [X, Z], ["y"])
    assert table["correlation"].tolist() == [0.0, 0.0]
    assert table["change"].tolist() == pytest.approx([0, 0])
    assert (-table["low"]).tolist() == table["high"].tolist()


def test_each_column_leaves_out_the_runs_that_failed_to_give_it() -> None:
    frame = drawn(30)
    both = frame.assign(w=frame["y"].where(frame.index % 3 != 0, np.inf), y=frame["y"])
    table = sensitivity(both, [X, Z], ["y", "w"])
    assert table["column"].tolist() == ["y", "y", "w", "w"]
    assert table["runs"].tolist() == [30, 30, 20, 20]
    alone = sensitivity(frame[frame.index % 3 != 0], [X, Z], ["y"])
    numbers = ["correlation", "low", "high", "change"]
    assert table[numbers].iloc[2:].to_numpy() == pytest.approx(alone[numbers].to_numpy())


@pytest.mark.parametrize(("axes", "inputs"), [([X], 1), ([X, Z], 2), ([X, KIND], 3)])
def test_four_runs_more_than_there_are_axes_are_asked_for(axes: list[Axis], inputs: int) -> None:
    frame = drawn(inputs + 4).assign(kind=np.resize(["a", "b", "c"], inputs + 4))
    assert len(sensitivity(frame, axes, ["y"])) == inputs
    few = f"runs with y = {inputs + 3} .*at least {inputs + 4} for {inputs} axes"
    with pytest.raises(InputError, match=few):
        sensitivity(frame[1:], axes, ["y"])
