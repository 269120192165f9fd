"""Facts: declared once, known without a run, and never able to end one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from rdverify import InputError
from rdverify.study import Facts, Measured, NotMeasured
from rdverify.study.tolerance import interval_of
from rdverify.systems import SYSTEMS, study
from rdverify.tools.paths import PACKAGE

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


def one_fact(returned: object, what: str = "a number") -> Measured:
    """What is measured where a function returns, or raises, just this."""
    fact = Facts[None]()

    @fact("toy", what)
    def toy(runs: None) -> object:
        if isinstance(returned, BaseException):
            raise returned
        return returned

    return fact.measure(None)["toy"]


def test_a_measured_value_is_exact_and_of_one_run_unless_more_is_said() -> None:
    assert Measured(2.0) == Measured(2.0, None, None, 1, "", "", (), "")
    with pytest.raises(AttributeError):
        Measured(2.0).n = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        (True, True),
        (np.bool_(False), False),
        ("spots", "spots"),
        (3, 3.0),
        (np.float32(0.5), 0.5),
        (np.array(2), 2.0),
    ],
)
def test_one_value_is_exact_and_plain(returned: object, value: object) -> None:
    found = one_fact(returned)
    assert found == Measured(value, what="a number")  # type: ignore[arg-type]
    assert type(found.value) is type(value)


def test_one_run_has_no_interval_and_says_so() -> None:
    assert one_fact([2.5]) == Measured(
        2.5, 2.5, 2.5, 1, "a number", runs=(2.5,), how="one run: no interval"
    )
    assert one_fact([1, 2]).how == "student-t"
    assert one_fact([[1, 2], [3, 4]]).runs == (1.0, 2.0, 3.0, 4.0)
    assert Measured.of([1.0, 2.0], "a mean").what == "a mean"


def test_a_measurement_s_own_definition_counts_before_the_declaration_s() -> None:
    assert one_fact(Measured(1.0, 0.5, 2.0, 7, "its own")) == Measured(1.0, 0.5, 2.0, 7, "its own")
    assert one_fact(Measured(1.0, n=7)).what == "a number"


def test_an_interval_ends_at_the_value_where_it_has_no_end() -> None:
    assert Measured(2.0).ends == (2.0, 2.0)
    assert Measured(2.0, 1.0, 4.0).ends == (1.0, 4.0)
    assert Measured(2.0, 0.0, None).ends == (0.0, 2.0)
    assert Measured(-2.0, None, 0.0).ends == (-2.0, 0.0)
    assert Measured(None, error="failed").ends == (0.0, 0.0)
    assert Measured(True).ends == (1.0, 1.0)


def test_an_error_s_first_ten_thousand_characters_are_kept_and_a_lack_of_memory_is_none() -> None:
    found = one_fact(ValueError("x" * 20_000))
    assert found.error == ("ValueError: " + "x" * 20_000)[:10_000]
    assert found.value is None
    with pytest.raises(MemoryError):
        one_fact(MemoryError("of the machine"))


def test_iterating_gives_every_declaration_once_with_what_it_serves() -> None:
    fact = made_up()
    assert [one.template for one in fact] == [
        "toy.{side}.mean",
        "toy.{side}.{kind}.count",
        "toy.label",
        "toy.truth",
        "toy.crash",
        "toy.absent",
    ]
    assert {one.serves for one in fact} == {""}
    returned = fact("toy.more", "more", serves="a figure")(len)
    assert returned is len
    assert fact.declaration("toy.more").serves == "a figure"
    with pytest.raises(KeyError):
        fact.declaration("toy.none")


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_place_of_a_shipped_fact_is_told_from_the_package_on(name: str) -> None:
    for fact in study(name).facts:
        path, _, line = fact.place.partition(":")
        assert path.startswith("rdverify/")
        lines = (PACKAGE.parent / path).read_text(encoding="utf-8").splitlines()
        assert lines[int(line) - 1].strip().startswith(("@", "def ", "fact("))
