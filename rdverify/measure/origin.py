"""Where a certificate's numbers come from: hashes of what was read, versions, the command."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rdverify
from rdverify.measure.certificate import Origin


def origin_of(
    packages: Sequence[str],
    read: Mapping[str, Path | str | bytes],
    settings: Mapping[str, Any] | None = None,
    command: str = "",
) -> Origin:
    """Versions of ``packages`` and SHA-256 of all that was read.

    Args:
        packages: whose code the numbers rest on, as installed.
        read: name -> a file, a folder (all its files by name and content), or bytes.
        settings: plain values that the numbers depend on.
        command: as typed; "" for a call from Python.
    """
    versions = {"rdverify": rdverify.__version__, "python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed as a package"
    hashes = {name: sha256_of(source) for name, source in read.items()}
    return Origin(command, versions, hashes, dict(settings or {}))


def sha256_of(source: Path | str | bytes) -> str:
    """SHA-256 of bytes, of a file, or of a folder's files with their names in order."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    path = Path(source)
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()
