"""Facts: declared once, known without a run, and never able to end one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from rdverify import InputError
from rdverify.study import Facts, Measured, NotMeasured
from rdverify.study.tolerance import interval_of

NUMBERS = st.floats(-1e6, 1e6)
SIDES = {"left": "the left side", "right": "the right side"}


def made_up() -> Facts[dict[str, list[float]]]:
    fact = Facts[dict[str, list[float]]]()

    @fact("toy.{side}.mean", "mean over {side}", side=SIDES)
    def mean(runs: dict[str, list[float]], side: str) -> list[float]:
        return runs[side]

    @fact("toy.{side}.{kind}.count", "how many {kind} values", side=("left",), kind=("big", "all"))
    def count(runs: dict[str, list[float]], side: str, kind: str) -> float:
        return sum(value > 1 or kind == "all" for value in runs[side])

    @fact("toy.label", "a label")
    def label(runs: dict[str, list[float]]) -> str:
        return "spots"

    @fact("toy.truth", "a truth value")
    def truth(runs: dict[str, list[float]]) -> np.bool_:
        return np.bool_(True)

    @fact("toy.crash", "1 / 0")
    def crash(runs: dict[str, list[float]]) -> float:
        return 1 / 0

    @fact("toy.absent", "from a record that is not there")
    def absent(runs: dict[str, list[float]]) -> float:
        raise NotMeasured

    return fact


def test_names_and_places_are_known_without_a_run() -> None:
    fact = made_up()
    assert fact.names() == [
        "toy.left.mean",
        "toy.right.mean",
        "toy.left.big.count",
        "toy.left.all.count",
        "toy.label",
        "toy.truth",
        "toy.crash",
        "toy.absent",
    ]
    for name in fact.names():
        path, _, line = fact.declaration(name).place.rpartition(":")
        assert Path(path).name == "test_facts.py"
        source = Path(__file__).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert source.strip().startswith(("@fact", "def "))


def test_what_a_function_returns_is_the_measurement() -> None:
    found = made_up().measure({"left": [1.0, 2.0, 4.0], "right": [0.0, 1.0]})
    interval = interval_of([1.0, 2.0, 4.0])
    assert found["toy.left.mean"] == Measured(
        interval.mean,
        interval.low,
        interval.high,
        3,
        "mean over the left side",
        runs=(1.0, 2.0, 4.0),
        how="student-t",
    )
    assert found["toy.left.big.count"] == Measured(2.0, what="how many big values")
    assert found["toy.label"].value == "spots"
    assert found["toy.truth"].value is True
    assert "toy.absent" not in found


def test_a_crash_is_an_error_of_that_fact_alone() -> None:
    found = made_up().measure({"left": [1.0], "right": []})
    assert found["toy.crash"].error == "ZeroDivisionError: division by zero"
    assert found["toy.crash"].what == "1 / 0"
    assert found["toy.right.mean"].error.startswith("InputError: values")
    assert not found["toy.left.mean"].error


def test_a_name_is_declared_once_and_a_parameter_that_is_misspelt_shows_at_once() -> None:
    fact = made_up()
    with pytest.raises(InputError, match=r"toy\.left\.mean"):
        fact("toy.{side}.mean", "again", side=SIDES)(lambda runs, side: 0.0)
    with pytest.raises(KeyError, match="sied"):
        fact("toy.{side}.x", "over {sied}", side=SIDES)(lambda runs, side: 0.0)
