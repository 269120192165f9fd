"""Where the recorded files lie: inside an installed wheel, or beside the package."""

from __future__ import annotations

from pathlib import Path

from rdverify.tools.errors import InputError
from rdverify.tools.manifest import check_manifest

PACKAGE = Path(__file__).resolve().parents[1]


def golden_folder(held: bool = True) -> Path:
    """The folder of recorded results, weights and search records.

    Args:
        held: hold every file there against the manifest; only what makes a new record goes
            without.

    Raises:
        InputError: if there is none, or if a file is another than was recorded.
    """
    folders = (PACKAGE / "golden", PACKAGE.parent / "golden")
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is None:
        raise InputError(
            f"golden files are missing: looked in {folders[0]} and {folders[1]}; "
            "install the wheel or run from a clone"
        )
    if held:
        check_manifest(found)
    return found


def repository() -> Path | None:
    """The clone this package is run from, or None for an installed wheel."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "tests").is_dir() else None
