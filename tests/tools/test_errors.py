"""Refusals: they name the argument, show its value in little room, and draw each limit exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Optional

import numpy as np
import pytest

from rdverify import InputError
from rdverify.tools.errors import (
    one_line,
    own_numbers,
    require,
    require_fields,
    require_integer,
    require_number,
    require_room,
)


class Mute:
    """It can't say what it is."""

    def __repr__(self) -> str:
        raise RuntimeError


class MuteError(Exception):
    """Nor can this."""

    def __str__(self) -> str:
        raise RuntimeError


def refusal(value: object) -> str:
    """How a value is shown that is refused."""
    with pytest.raises(InputError) as caught:
        require(False, "x", value, "short")
    told = str(caught.value)
    assert told.endswith(" is not allowed: must be short")
    return told.removeprefix("x = ").removesuffix(" is not allowed: must be short")


def test_a_value_is_shown_whole_up_to_eighty_characters_and_then_cut_to_them() -> None:
    assert refusal("a" * 78) == repr("a" * 78)
    assert refusal("a" * 79) == "'" + "a" * 76 + "..."
    assert len(refusal("a" * 500)) == 80
    assert refusal(Mute()) == "a Mute"
    assert refusal(-(10**5000)) == "a int"


def test_a_message_is_one_line_of_what_can_be_printed() -> None:
    assert str(InputError("a\n b\tc \x1b[2J")) == "a b c ?[2J"
    assert str(InputError()) == ""
    assert str(InputError(7)) == "7"
    require(True, "x", Mute(), "anything")


@pytest.mark.parametrize("value", [2, 3, 5, np.int64(5)])
def test_a_whole_number_within_its_limits_is_taken(value: Any) -> None:
    require_integer("n", value, 2, 5)
    require_integer("n", value + 100, 2)


@pytest.mark.parametrize("value", [1, 6, True, 3.0, "3", None, math.nan])
def test_what_is_no_whole_number_within_its_limits_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=rf"n = {value!r} is .*: must be an integer, 2 to 5$"):
        require_integer("n", value, 2, 5)
    if value != 6:
        with pytest.raises(InputError, match=r"must be an integer, 2 or more$"):
            require_integer("n", value, 2)
    with pytest.raises(InputError, match="an integer, -1 to 0"):
        require_integer("n", True, -1, 0)


def test_a_number_is_real_finite_and_what_is_asked_of_it() -> None:
    asked: list[object] = []
    for good in (2, 2.5, np.float32(2.5), np.int64(3)):
        require_number("x", good, "2 or more", lambda x: asked.append(x) or x >= 2)  # type: ignore[func-returns-value]
    assert {type(one) for one in asked} == {float}
    for bad in (1.5, True, "3", None, 3j, math.nan, math.inf, 10**400):
        with pytest.raises(InputError, match=r"x = .*: must be 2 or more$"):
            require_number("x", bad, "2 or more", lambda x: x >= 2)
    given = require_number("x", np.uint8(3), "any", lambda x: True)
    assert (given, type(given)) == (3, float)


def test_more_numbers_than_memory_holds_are_refused_and_as_many_are_not() -> None:
    require_room("size", 2**33, 2**33)
    with pytest.raises(InputError, match=r"size = 7 .*at most 8589934592 numbers are held"):
        require_room("size", 7, 2**33 + 1)


@dataclass(frozen=True)
class Made:
    """A field of each kind that is known."""

    count: int = 1
    size: float = 1.0
    on: bool = True
    name: str = ""
    kind: Literal["a", 1] = "a"
    many: tuple[int, ...] = ()
    either: int | str | None = None
    older: Optional[float] = None  # noqa: UP045
    table: dict[str, float] = field(default_factory=dict)
    pair: tuple[int, int] = (1, 2)
    inner: complex = 1j
    rest: Sequence[int] = ()


GOOD = [
    ("count", (-3, 0, np.int64(2), 10**30)),
    ("size", (0, -1.5, np.float64(2.0), 7)),
    ("on", (False,)),
    ("name", ("x",)),
    ("kind", ("a", 1)),
    ("many", ((), (1,), (1, 2, 3))),
    ("either", (1, "x", None)),
    ("older", (1, 2.5, None)),
    ("table", ({}, {"a": 1.0, "b": 2})),
    ("pair", ((1, 2), "of any kind", 3)),  # left to its own check
    ("inner", (2j,)),
    ("rest", ([1], "x", 7)),
]
BAD = [
    ("count", (1.0, True, "1", None, 1j), "a whole number"),
    ("size", (True, "1", None, math.nan, math.inf, 10**400, 1j), "a finite number"),
    ("on", (1, 0, None, "True"), "True or False"),
    ("name", (1, None, b"x"), "text"),
    ("kind", ("b", "", 0, 2, True, 1.0, None), "'a' or 1"),
    ("many", ([1], 1, (1, 2.5), (2.5, 1), (True,), None), "tuple of: a whole number"),
    ("either", (1.5, True, b"x"), "a whole number or text or None"),
    ("older", ("x", True, math.nan), "a finite number or None"),
    ("table", ([], None, (("a", 1.0),)), "dict of: a finite number"),
    ("inner", ("x", None), "a complex"),
]


@pytest.mark.parametrize(("name", "values"), GOOD)
def test_a_field_takes_what_it_is_annotated_with(name: str, values: Sequence[object]) -> None:
    for value in values:
        require_fields(Made(**{name: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "values", "allowed"), BAD)
def test_a_field_that_is_something_else_is_named_with_what_it_must_be(
    name: str, values: Sequence[object], allowed: str
) -> None:
    for value in values:
        with pytest.raises(InputError) as caught:
            require_fields(Made(**{name: value}))  # type: ignore[arg-type]
        told = str(caught.value)
        assert told.startswith(f"{name} = ")
        assert told.endswith(f" is not allowed: must be {allowed}")


def test_of_a_table_the_entry_is_named() -> None:
    with pytest.raises(InputError, match=r"^b = 'x' is not allowed: must be a finite number$"):
        require_fields(Made(table={"a": 1.0, "b": "x"}))  # type: ignore[dict-item]


def test_an_error_that_can_not_say_what_it_is_is_told_by_its_kind() -> None:
    assert one_line(MuteError(), kind=True) == "MuteError:"
    assert one_line(MuteError()) == "MuteError:"
    assert one_line(ValueError("a\n\x00b")) == "a ?b"
    assert one_line(ValueError("x" * 30), 20) == "x" * 20


def test_numbers_become_python_s_own_and_nothing_else_changes() -> None:
    found = own_numbers((np.int8(3), [np.int8(3)], {"a": (np.float32(0.5), np.bool_(True))}, "b"))
    assert found == (3, [3], {"a": (0.5, True)}, "b")
    kinds = [type(one) for one in (found[0], *found[1], *found[2]["a"])]
    assert kinds == [int, int, float, bool]
    assert own_numbers(True) is True
    assert type(own_numbers(np.str_("x"))) is str
    assert math.isinf(own_numbers(np.float64("inf")))
    assert own_numbers(huge := Fraction(10**400)) is huge  # refused later, with its name
    assert type(require_integer("n", np.uint8(3), 1)) is int
