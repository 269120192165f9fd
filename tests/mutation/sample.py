"""Which files are changed, in which groups, and which of their mutants are tried."""

from __future__ import annotations

import random
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from mutation.mutants import Mutant, mutants

ARGUED = Path(__file__).with_name("argued.toml")
GROUPS = {
    "spec": ("spec/*.py",),
    "judge": ("rdverify/judge/*.py",),
    "study": ("rdverify/study/*.py",),
    "balance and trace": ("rdverify/balance.py", "rdverify/trace.py"),
    "kernels": (
        "rdverify/gray_scott/kernel.py",
        "rdverify/lstm/*kernel.py",
        "rdverify/lstm/comp*.py",
    ),
    "gray_scott": ("rdverify/gray_scott/*.py",),
    "lstm": ("rdverify/lstm/*.py",),
    "ddpm": ("rdverify/ddpm/*.py",),
    "readers": ("rdverify/tools/*.py",),
}


def files(root: Path, groups: list[str]) -> dict[str, str]:
    """File -> its group, the first that names it."""
    found: dict[str, str] = {}
    for group, patterns in GROUPS.items():
        for path in (path for pattern in patterns for path in sorted(root.glob(pattern))):
            found.setdefault(str(path.relative_to(root)), group)
    return {file: group for file, group in found.items() if group in groups}


def argued() -> dict[tuple[str, str, str], str]:
    """(file, line before, line after) -> why that change changes nothing that is promised."""
    entries = tomllib.loads(ARGUED.read_text(encoding="utf-8")).get("argued", [])
    return {(one["file"], one["before"], one["after"]): one["why"] for one in entries}


def drawn(root: Path, groups: list[str], seed: int) -> list[Mutant]:
    """One mutant for each place and kind of operator, drawn with a seed, in a drawn order.

    Several changes of one place mostly stand or fall together; one of them is counted. The groups
    take turns, so that a run that is ended early has tried as many of each.
    """
    turns = []
    found: dict[str, list[tuple[float, Mutant]]] = defaultdict(list)
    for file, group in files(root, groups).items():
        places: dict[tuple[Any, ...], list[Mutant]] = defaultdict(list)
        for mutant in mutants(root, file):
            places[(mutant.start, mutant.end, mutant.operator.partition("_")[0])].append(mutant)
        for place, there in sorted(places.items()):
            # a chance of its own, so that another file's change draws no other mutant here
            chance = random.Random(f"{seed}/{file}/{place}")
            found[group].append((chance.random(), chance.choice(there)))
    for group, members in found.items():
        members.sort(key=lambda member: member[0])
        turns += [(k, group, one) for k, (_, one) in enumerate(members)]
    return [mutant for *_, mutant in sorted(turns, key=lambda turn: turn[:2])]
