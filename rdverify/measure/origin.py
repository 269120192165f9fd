"""Where a certificate's numbers come from: hashes of what was read, versions, the command."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rdverify
from rdverify.measure.certificate import Origin
from rdverify.tools.provenance import sha256_of


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
