"""Records and dataclasses are values: once made, none of their fields can be set."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rdverify import Trace, balance_of
from rdverify.tools.paths import PACKAGE

# what grows while a training runs
GROWS = {"rdverify.ddpm.checkpoint.Record", "rdverify.ddpm.training._Training"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [
    name_of(path)
    for path in sorted(PACKAGE.rglob("*.py"))
    if re.search(r"^@dataclass|^class .*\b(Struct|Record)\b", path.read_text("utf-8"), re.M)
]


def frozen(kind: type[Any]) -> bool:
    """Whether it refuses that its fields are set."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_config__.frozen
    value = object.__new__(kind)
    for field in dataclasses.fields(kind):
        with contextlib.suppress(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
            return False
    return True


@pytest.mark.parametrize("name", MODULES)
def test_a_value_refuses_to_be_changed(name: str) -> None:
    for kind in vars(importlib.import_module(name)).values():
        if not inspect.isclass(kind) or kind.__module__ != name:
            continue
        if dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct):
            place = f"{name}.{kind.__qualname__}"
            assert frozen(kind) == (place not in GROWS), place


@pytest.mark.parametrize("name", [name for name in MODULES if ".ddpm." in name])
def test_what_holds_arrays_or_networks_is_known_by_itself(name: str) -> None:
    """Their comparison is no yes or no."""
    for kind in vars(importlib.import_module(name)).values():
        if inspect.isclass(kind) and kind.__module__ == name and dataclasses.is_dataclass(kind):
            types = " ".join(str(field.type) for field in dataclasses.fields(kind))
            by_itself = re.search(r"Array|Tensor|Module|Any", types) is not None
            assert (kind.__eq__ is object.__eq__) == by_itself, kind.__qualname__
            assert kind.__hash__ is not None or not frozen(kind), kind.__qualname__


def test_a_trace_and_its_balance_are_known_by_themselves_and_not_by_their_arrays() -> None:
    one, other = Trace([[1.0]], [[2.0]]), Trace([[1.0]], [[2.0]])
    for a, b in ((one, other), (balance_of(one), balance_of(other))):
        assert a == a
        assert a != b
        assert len({a, b}) == 2
    with pytest.raises(ValueError, match="read-only"):
        one.times[0] = 0
