"""The examples run as their pages show them, and print what stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rdverify.measure import read_certificate

pytestmark = pytest.mark.end_to_end

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
NUMBER = re.compile(r"-?\d+\.\d+")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_prints_what_its_page_shows(name: str, tmp_path: Path) -> None:
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    folder = Path(shutil.copytree(EXAMPLES / name, tmp_path / name))
    (folder / "certificate.png").unlink()
    (tmp_path / "rdverify").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rdverify "$@"\n')
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for command in ("rdverify", "python"):
        (tmp_path / command).chmod(0o755)
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", blocks(page, "sh")[0]],
        cwd=folder,
        text=True,
        capture_output=True,
        env={**os.environ, **path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown, printed = blocks(page, "text")[0], done.stdout
    # trained and summed elsewhere, so that digits may differ; what is said may not
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    for one, other in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert float(one) == pytest.approx(float(other), rel=0.02)
    read_certificate(folder / "rdverify-measure" / "certificate.json")
    assert "](certificate.png)" in page


def test_the_index_lists_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(([\w-]+)/README\.md\)", index) == FOLDERS
