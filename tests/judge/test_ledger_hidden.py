"""Another package named ``spec``, which stands where ours is looked for, is refused by name."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import spec
from rdverify import InputError
from rdverify.judge import ledger


def imported_anew() -> ModuleType:
    """The module that looks for ``spec``, once more."""
    how = spec_from_file_location("ledger_anew", ledger.__file__)
    assert how is not None
    assert how.loader is not None
    module = module_from_spec(how)
    how.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("of_it", "named"),
    [
        ({"__file__": "theirs/spec.py", "__path__": ["no"]}, Path("theirs/spec.py")),
        ({"__file__": None, "__path__": ["theirs/spec"]}, Path("theirs/spec")),  # a bare folder
        ({}, Path("?")),
    ],
)
def test_a_package_that_hides_ours_is_named(
    monkeypatch: pytest.MonkeyPatch, of_it: dict[str, Any], named: Path
) -> None:
    assert imported_anew().spec is spec
    other = ModuleType("spec")
    vars(other).update(of_it)
    monkeypatch.setitem(sys.modules, "spec", other)
    with pytest.raises(InputError) as refusal:
        imported_anew()
    assert str(refusal.value).startswith(f"spec = {str(named)!r} is not allowed")
    assert "rename yours" in str(refusal.value)
