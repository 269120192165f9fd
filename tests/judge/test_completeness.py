"""Every equation has a spec, an implementation, a test and a ledger line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spec
from rdverify.judge.equations import files_with, numerical_modules
from rdverify.tools.paths import PACKAGE

ROOT = Path(__file__).resolve().parents[2]


def test_functions_of(token: str) -> list[str]:
    names = [
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*def (test_\w+)", path.read_text(encoding="utf-8"), re.M)
    ]
    return [name for name in names if re.search(rf"_{token}(_|$)", name)]


test_functions_of.__test__ = False  # type: ignore[attr-defined]


def aspects(number: int) -> dict[str, bool]:
    token = f"eq{number:02d}"
    beyond_hand = [name for name in test_functions_of(token) if not name.endswith("_by_hand")]
    return {
        "spec": spec.EQUATIONS[number].corrected is not None,
        "implementation": bool(files_with(token, numerical_modules(), PACKAGE.parent)),
        "test": bool(beyond_hand),
        "ledger": any(number in claim["equations"] for claim in spec.claims()),
    }


@pytest.mark.once
@pytest.mark.parametrize("number", range(1, 21), ids=lambda number: f"eq{number:02d}")
def test_equation_is_complete(number: int) -> None:
    missing = [aspect for aspect, done in aspects(number).items() if not done]
    assert not missing


def test_the_token_search_tells_eq01_from_eq010_and_seq01(tmp_path: Path) -> None:
    for name, text in (
        ("a.py", "# eq01"),
        ("b.py", "eq010"),
        ("c.py", "seq01"),
        ("d.py", "eq01_x"),
    ):
        (tmp_path / name).write_text(text)
    assert files_with("eq01", tmp_path.glob("*.py"), tmp_path) == ["a.py", "d.py"]
