"""A folder's files with their hashes: what is shipped is what was recorded, or is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rdverify.tools.errors import InputError
from rdverify.tools.files import write_json
from rdverify.tools.reading import refused
from rdverify.tools.records import read_record

FILE = "manifest.json"


def manifest_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below ``folder`` but the manifest and hidden ones, by its path there.

    Hidden files are an editor's or a system's, or left by a killed run.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths if path.name[0] != "."}
    with refused("recorded files", folder, "a folder whose files can be read"):
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in named.items()
            if name != FILE
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

    So is one that the manifest doesn't name: without that a manifest that lost its entries
    would hold nothing.
    """
    recorded = read_record(folder / FILE, dict[str, str], "manifest")
    found = manifest_of(folder)
    for name in sorted(recorded.keys() | found.keys()):
        if found.get(name) != recorded.get(name):
            what = "was altered" if recorded.get(name) else "was added"
            raise InputError(
                f"{folder / name} {what if name in found else 'is missing'} since it was recorded: "
                "restore what was there, or make it part of a new record with "
                "`rdverify verify --record`"
            )
