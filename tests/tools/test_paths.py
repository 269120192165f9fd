"""Where recorded files lie: in a wheel or beside the package, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdverify import InputError
from rdverify.tools import paths
from rdverify.tools.manifest import write_manifest
from rdverify.tools.paths import golden_folder, repository


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package without anything, in a folder of its own."""
    package = tmp_path / "rdverify"
    package.mkdir()
    monkeypatch.setattr(paths, "PACKAGE", package)
    return package


def test_the_package_is_the_folder_of_its_modules() -> None:
    assert (paths.PACKAGE / "tools" / "paths.py").samefile(paths.__file__)


def test_the_wheel_s_files_come_before_those_beside_the_package(package: Path) -> None:
    inside, beside = package / "golden", package.parent / "golden"
    with pytest.raises(InputError) as caught:
        golden_folder()
    assert f"golden files are missing: looked in {inside} and {beside};" in str(caught.value)
    for folder in (beside, inside):
        folder.mkdir()
        assert golden_folder(held=False) == folder
        write_manifest(folder)
        assert golden_folder() == folder


def test_a_folder_that_is_another_than_was_recorded_is_refused_unless_it_is_made_anew(
    package: Path,
) -> None:
    folder = package / "golden"
    folder.mkdir()
    write_manifest(folder)
    (folder / "more").touch()
    assert golden_folder(False) == folder
    with pytest.raises(InputError, match="more was added since it was recorded"):
        golden_folder()


def test_a_clone_has_a_project_file_and_tests(package: Path) -> None:
    root = package.parent
    assert repository() is None
    (root / "pyproject.toml").touch()
    assert repository() is None
    (root / "tests").mkdir()
    assert repository() == root
    (root / "pyproject.toml").unlink()
    assert repository() is None
