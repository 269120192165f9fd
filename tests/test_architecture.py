"""Spec and numerical code never import each other; nothing loads pickles; no path of a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "rdverify").rglob("*.py"), *(ROOT / "spec").rglob("*.py")])
SEES_THE_LEDGER = {"verify", "index", "cli"}


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_spec_and_numerical_code_do_not_import_each_other(path: Path) -> None:
    if path.parent.name == "spec":
        assert "rdverify" not in imports(path)
    elif path.stem not in SEES_THE_LEDGER:
        assert "spec" not in imports(path)


def test_importing_the_spec_loads_numpy_and_nothing_of_the_implementation() -> None:
    others = "('rdverify', 'torch', 'scipy')"
    script = f"import sys, spec; print([m for m in sys.modules if m.startswith({others})])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_pickle_is_ever_loaded(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\btorch\.load\(|\bpickle\.loads?\(|allow_pickle=True", text)
