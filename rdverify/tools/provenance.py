"""Where numbers come from: commit, command as typed, hashes of files, cores that could be used."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

from rdverify.tools.paths import repository


def commit() -> str:
    """The commit that runs, or why there is none to name."""
    root = repository()
    if root is None:
        return "installed from a wheel"
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return head.stdout.strip()


def typed_command() -> str:
    """The command line as it was typed."""
    return shlex.join(["rdverify", *sys.argv[1:]])


def cores() -> int:
    """Processors that this process may use, which ``taskset`` or a container can make fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
