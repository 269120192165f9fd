"""What can be swept: a system's settings by name, and one run of it as plain numbers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from difflib import get_close_matches
from typing import Any

from rdverify.sweep.axes import Setting
from rdverify.tools.errors import InputError, one_line

Outcome = Mapping[str, float | bool | str]


@dataclass(frozen=True)
class Target:
    """A system as a sweep sees it.

    Attributes:
        run: setting -> column -> number, truth value or text; a function of its
            argument alone, so that a run is the same wherever it is done. An exception
            becomes the row's error.
        check: setting -> nothing, without long work; raises InputError where ``run`` would.
        defaults: name -> value of every setting that there is, None where it must be given;
            None if any name will do.
        says: column -> what it is, in words.
    """

    run: Callable[[Setting], Outcome]
    check: Callable[[Setting], object] = lambda setting: None
    defaults: Mapping[str, Any] | None = None
    says: Mapping[str, str] | None = None

    def known(self, names: Mapping[str, Any]) -> None:
        """Raise InputError if a setting of that name is unknown, with the nearest ones named."""
        if self.defaults is None:
            return
        for name in names:
            if name not in self.defaults:
                near = get_close_matches(name, self.defaults, 3, 0.5) or sorted(self.defaults)
                raise InputError(
                    f"field {name!r} is not allowed: must be a setting of the system, such as "
                    f"{', '.join(near)}"
                )


def defaults_of(config: type) -> dict[str, Any]:
    """Name -> default of every field of a configuration; None where it has none."""
    return {
        field.name: field.default if field.default is not MISSING else None
        for field in fields(config)
    }


def load(place: str) -> Target:
    """The target at ``package.module:name``, where a function is a target without a check.

    Raises:
        InputError: if there is no such module or name, or it can't be called.
    """
    module, _, name = place.partition(":")
    try:
        if "" not in sys.path:  # a user's own module beside the study, as python -m has it
            sys.path.insert(0, "")
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a user's module does as it is imported
        raise InputError(
            f"system = {place!r} is not allowed ({one_line(error, kind=True)}): must be a system "
            "of rdverify or package.module:function"
        ) from error
    if isinstance(found, Target):
        return found
    if not callable(found):
        raise InputError(f"system = {place!r} is not allowed: must name a function of a setting")
    return Target(found)


def attempt(place: str, setting: Setting) -> dict[str, float | bool | str]:
    """One row's numbers; a failed run is a row of the record, too. Made to travel: plain values."""
    return attempted(load(place).run, setting)


def attempted(
    run: Callable[[Setting], Mapping[str, Any]],
    setting: Setting,
    through: tuple[type[Exception], ...] = (),
) -> dict[str, float | bool | str]:
    """Columns of one run, plain: numbers as float, truth values, text; and ``error``, "".

    Args:
        run: setting -> columns.
        setting: what is run.
        through: exceptions that are raised; any other becomes the row's error.
    """
    try:
        numbers = run(setting)
        return {column: _plain(value) for column, value in numbers.items()} | {"error": ""}
    except through:
        raise
    except Exception as error:
        return {"error": one_line(error, most=10_000, kind=True)}


def _plain(value: Any) -> float | bool | str:
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, bool | str) else float(value)
