"""The systems that are studied: a new one is its own folder, and one line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rdverify.tools.errors import require

if TYPE_CHECKING:
    from rdverify.study import Study

# name, as --only takes it -> module whose STUDY it is
SYSTEMS = {
    "gray-scott": "rdverify.gray_scott.study",
    "lstm": "rdverify.lstm.study",
    "ddpm": "rdverify.ddpm.study",
    "metric": "rdverify.metric.study",
}


def chosen(only: str | None = None) -> list[str]:
    """Systems of a comma-separated list, all for None; InputError if one is unknown."""
    if only is None:
        return list(SYSTEMS)
    names = [name.strip() for name in only.split(",") if name.strip()]
    require(bool(names), "only", only, f"a comma-separated list of {', '.join(SYSTEMS)}")
    for name in names:
        require(name in SYSTEMS, "only", name, f"among {', '.join(SYSTEMS)}")
    return [name for name in SYSTEMS if name in names]


def study(name: str) -> Study[Any]:
    """The study of one system; importing it loads what it runs on."""
    found: Study[Any] = importlib.import_module(SYSTEMS[name]).STUDY
    return found


def fact_places() -> dict[str, str]:
    """Every fact's name and where it is computed, file and line; nothing is run."""
    return {
        name: facts.declaration(name).place
        for facts in (study(system).facts for system in SYSTEMS)
        for name in facts.names()
    }


# what `rdverify sweep` runs: name in a study -> where its Target stands
TARGETS = {
    "gray-scott": "rdverify.gray_scott.target:TARGET",
    "lstm": "rdverify.lstm.target:TARGET",
    "ddpm": "rdverify.ddpm.target:TARGET",
}
