"""A folder's files with their hashes: what is shipped is what was recorded, or is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rdverify.tools.errors import InputError
from rdverify.tools.files import write_json
from rdverify.tools.records import read_record
from rdverify.tools.staging import PREFIX

FILE = "manifest.json"


def manifest_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder`` but the manifest, by its path from there."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != FILE and not path.name.startswith(PREFIX)
    )
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def write_manifest(folder: Path, new: Path | None = None) -> Path:
    """Write ``manifest.json`` for the files as they are.

    Args:
        folder: with the files.
        new: a folder whose files are about to take their places in ``folder``; the manifest
            is written there.
    """
    after = manifest_of(folder) | (manifest_of(new) if new else {})
    return write_json((new or folder) / FILE, dict(sorted(after.items())))


def check_manifest(folder: Path) -> None:
    """Hold the files against their manifest; InputError names the first that is another.

    A file that the manifest doesn't name is no fault: nothing that is recorded rests on it.
    """
    recorded = read_record(folder / FILE, dict[str, str], "manifest")
    found = manifest_of(folder)
    for name, sha256 in recorded.items():
        if found.get(name) != sha256:
            what = "was altered" if name in found else "is missing"
            raise InputError(
                f"{folder / name} {what} since it was recorded: restore it, or make it part of a "
                "new record with `rdverify verify --record`"
            )
