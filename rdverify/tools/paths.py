"""Where the recorded files lie: inside an installed wheel, or beside the package."""

from __future__ import annotations

from pathlib import Path

from rdverify.tools.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


def golden_folder() -> Path:
    """The folder of recorded results, weights and search records."""
    folders = (PACKAGE / "golden", PACKAGE.parent / "golden")
    for folder in folders:
        if folder.is_dir():
            return folder
    raise InputError(
        f"golden files are missing: looked in {folders[0]} and {folders[1]}; "
        "install the wheel or run from a clone"
    )


def repository() -> Path | None:
    """The clone this package is run from, or None for an installed wheel."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "tests").is_dir() else None
