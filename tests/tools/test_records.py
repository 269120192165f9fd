"""Records: what is read is a whole record of its type, and nothing in a file is left unread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rdverify import InputError
from rdverify.tools.records import (
    Record,
    _require_read,
    as_written,
    convert,
    decoded,
    plain,
    read_record,
    schema_of,
    write_record,
)


class Inner(Record, frozen=True):
    """A record

    within another.
    """

    name: str
    size: float = 0.0


@dataclass(frozen=True)
class Plain:
    """No record: msgspec lets its further fields pass."""

    n: int = 1


class Outer(Record, frozen=True):
    """One of each."""

    inner: Inner
    many: tuple[Inner, ...] = ()
    other: Plain = Plain()
    either: int | str | None = None


WHOLE = Outer(Inner("a", 0.5), (Inner("b"), Inner("c", 2.0)), Plain(7), "x")


class Text(str):
    """As torch's version is one."""


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = write_record(tmp_path / "r.json", WHOLE)
    assert read_record(path, Outer, "record") == WHOLE
    assert list(json.loads(path.read_text())) == ["inner", "many", "other", "either"]
    assert convert(plain(WHOLE), Outer) == WHOLE
    assert as_written(Inner("a", 1 / 3)) == Inner("a", 0.333333333333)


def test_other_kinds_of_numbers_and_text_become_plain() -> None:
    found = plain({"n": np.int64(3), "x": np.float32(0.5), "a": np.eye(2), "t": Text("2.0")})
    assert found == {"n": 3, "x": 0.5, "a": [[1.0, 0.0], [0.0, 1.0]], "t": "2.0"}
    assert [type(found[name]) for name in "nxat"] == [int, float, list, str]
    with pytest.raises(TypeError, match=r"^object is no plain value$"):
        plain({"x": object()})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"inner": {"name": "a", "sise": 1.0}}, "sise"),
        ({"more": 1}, "more"),
        ({"other": {"n": 1, "m": 2}}, r"unknown field 'm' at \$\.other"),
        ({"inner": {"name": 1}}, r"\$\.inner\.name"),
        ({"many": [{"name": "b"}, {"size": 1.0}]}, r"missing required field `name`.*\$\.many"),
        ({"either": 1.5}, r"\$\.either"),
    ],
)
def test_a_field_that_is_none_of_the_record_s_is_named_with_its_place(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"inner": {"name": "a"}} | change))
    with pytest.raises(InputError, match=rf"record = .*{why}.*of this version of rdverify$"):
        read_record(path, Outer, "record")


def test_a_field_that_a_dataclass_would_skip_is_found_at_any_depth() -> None:
    kind = dict[str, list[tuple[Plain, int]]]
    assert decoded('{"a": [[{"n": 2}, 3]]}', kind) == {"a": [(Plain(2), 3)]}
    with pytest.raises(ValueError, match=r"^unknown field 'm' at \$\.a\[1\]\[0\]$"):
        decoded('{"a": [[{"n": 2}, 3], [{"n": 2, "m": 1}, 3]]}', kind)


def test_what_is_read_as_another_value_than_was_written_is_refused() -> None:
    assert decoded("[1, 2]", list[int]) == [1, 2]
    assert decoded("1", float) == 1.0
    with pytest.raises(ValueError, match=r"^\[1, 1\] at \$ is read as \[1\]$"):
        decoded("[1, 1]", set[int])
    long = ["x" * 99, "x" * 99]
    with pytest.raises(ValueError, match=r" at \$\[0\] is read as ") as caught:
        decoded(json.dumps([long]), list[set[str]])
    assert str(caught.value) == f"{repr(long)[:40]} at $[0] is read as {repr(long[:1])[:40]}"


def test_what_is_no_object_on_one_side_alone_is_told_as_such() -> None:
    for written, read in (({"a": 1}, []), (["a"], {"a": 1}), ([1], 1), ([1], [1, 2])):
        with pytest.raises(ValueError, match=r"^.* at \$\.x is read as .*$"):
            _require_read(written, read, "$.x")


@pytest.mark.parametrize("text", ['{"n": 1, "n": 2}', '{"n": 1, "n": 1}'])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^key 'n' twice$"):
        decoded(text, dict[str, int])
    with pytest.raises(ValueError, match=r"^key 'b' twice$"):
        decoded('{"a": 1, "b": 1, "c": 1, "b": 2}', dict[str, int])


def test_a_schema_orders_alternatives_and_cleans_what_is_told() -> None:
    found = schema_of(Outer)
    parts = found["$defs"]
    assert parts["Inner"]["description"] == "A record\n\nwithin another."
    kinds = [one["type"] for one in parts["Outer"]["properties"]["either"]["anyOf"]]
    assert kinds == sorted(kinds) == ["integer", "null", "string"]
    assert parts["Inner"]["additionalProperties"] is False
    assert parts["Inner"]["required"] == ["name"]


def test_a_record_takes_no_other_fields_and_is_known_by_its_values() -> None:
    assert Inner("a") == Inner("a", 0.0) != Inner("b")
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        convert({"name": "a", "more": 1}, Inner)
    with pytest.raises(AttributeError):
        WHOLE.either = 1  # type: ignore[misc]
