"""The house: layers, faces, no pickles, nothing heavy where it is not needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import spec

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*(ROOT / "rdverify").rglob("*.py"), *(ROOT / "spec").rglob("*.py")])
FACES = (
    "rdverify",
    "rdverify.gray_scott",
    "rdverify.lstm",
    "rdverify.ddpm",
    "rdverify.measure",
)
# contract -> a file, and an import there that must not be
VIOLATIONS = {
    "layers": ("rdverify/balance.py", "import rdverify.study.tolerance"),
    "circles": ("rdverify/study/tolerance.py", "import rdverify.study.study"),
    "faces": ("rdverify/lstm/kernel.py", "import rdverify.lstm.study.rows"),
    "judges": ("rdverify/judge/cells.py", "import rdverify.gray_scott.model"),
    "spec": ("spec/lstm.py", "import rdverify.trace"),
    "conformance": ("rdverify/conformance/lstm.py", "import spec.lstm"),
    "measured": ("rdverify/gray_scott/model.py", "import spec.reaction_diffusion"),
}


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone, to break something in."""
    folder = tmp_path_factory.mktemp("house")
    for name in ("rdverify", "spec"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_import_contracts_hold(copy: Path) -> None:
    done = contracts(copy)
    assert done.returncode == 0, done.stdout
    assert f"Contracts: {len(VIOLATIONS)} kept, 0 broken" in done.stdout


@pytest.mark.once
@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_broken_contract_is_caught(copy: Path, contract: str) -> None:
    file, line = VIOLATIONS[contract]
    path = copy / file
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n\ndef broken() -> None:\n    {line}\n", encoding="utf-8")
    try:
        done = contracts(copy)
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stdout
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    name = re.search(rf'id = "{contract}"\nname = "(.*)"', text)
    assert name
    plain = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)  # older import-linter colours even a pipe
    assert f"{name[1]} BROKEN" in " ".join(plain.split())


def loaded(statement: str, names: str) -> str:
    script = f"import sys; {statement}; print([m for m in {names} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.once
@pytest.mark.parametrize("face", FACES)
def test_measuring_loads_no_study_and_nothing_that_only_reports_need(face: str) -> None:
    names = f"('pandas', 'matplotlib', 'diffusers', 'jinja2', '{face}.study', 'spec')"
    assert loaded(f"import {face}; {face}.__all__", names) == "[]"


def test_importing_the_spec_loads_numpy_and_nothing_of_the_implementation() -> None:
    assert loaded("import spec", "('rdverify', 'torch', 'scipy')") == "[]"


@pytest.mark.once
@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["verify", "--nonsense"],
        ["verify", "--only", "gray-scot"],
        ["verify", "--profile", "slow"],
        ["train", "nonsense"],
        ["measure", "--help"],
        ["measure", "lstm", "nowhere.pt", "nowhere.npy"],
        ["measure", "pde", "schnakenberg", "--field", "w"],
    ],
)
def test_help_and_bad_usage_load_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from rdverify import cli; sys.argv = ['rdverify', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'diffusers', 'scipy', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("row", spec.table1(), ids=lambda row: row["setting"])
def test_a_printed_number_is_typed_in_the_table_alone(row: dict[str, str]) -> None:
    for path in (ROOT / "rdverify").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        typed = [row[name] for name in ("m_react", "m_diff", "r") if row[name] in text]
        assert not typed, path


@pytest.mark.once
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_pickle_is_ever_loaded(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    unsafe = r"\btorch\.load\((?![^)]*weights_only=True)|\bpickle\.loads?\(|allow_pickle=True"
    assert not re.search(unsafe, text)
