"""The quick verification, kept by content: what it rests on, and what has changed since.

A verification is a function of the code, of what is recorded, of every installed package, of the
machine and of the environment variables that number crunching listens to. All of these make up
its key, so that a change of any of them measures anew; a change of documents or of other tests
doesn't. Nor does another Python with the very same packages: what was measured says under which
Python that was. ``pytest --cache-clear`` forgets all that is kept.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

import pytest

import rdverify
import spec
from rdverify.judge.records import Results
from rdverify.tools.errors import InputError
from rdverify.tools.files import to_json
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import Record, plain, read_record, write_record

MOST = 12  # kept at a time, the oldest go
TOLD = 3  # changes that are told by name
# what BLAS, OpenMP, oneDNN, PyTorch, Numba and this project read
LISTENED_TO = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "DNNL_")
LISTENED_TO += ("ONEDNN_", "ATEN_", "TORCH", "PYTORCH_", "NUMBA_", "NPY_", "RDVERIFY_")
OWN = ("conftest.py", "kept.py")  # how a verification is made and kept
SILENT = ("RDVERIFY_ENVIRONMENT", "RDVERIFY_ENVIRONMENTS", "RDVERIFY_BROWSER")  # of tests alone


class Kept(Record, frozen=True):
    """A verification, what it rests on, and its own hash."""

    rests_on: dict[str, str]
    sha256: str
    results: Results


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def files_below(name: str, folder: Path) -> dict[str, str]:
    """Hash of every file that a run may read, by its path; compiled code is none."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {f"{name}/{p.relative_to(folder).as_posix()}": digest(p.read_bytes()) for p in paths}


def processor() -> str:
    """The processor, with what it can do: rounding depends on which instructions are there."""
    told = Path("/proc/cpuinfo")
    if not told.is_file():
        return platform.processor()
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
    wanted = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return digest("\n".join(sorted(wanted)).encode())


def rests_on() -> dict[str, str]:
    """Everything that a verification here rests on: its name -> its content, or a hash of it."""
    folders = {
        "rdverify": Path(rdverify.__file__).parent,
        "spec": Path(spec.__file__).parent,
        "golden": golden_folder(),
    }
    found = {k: v for name, folder in folders.items() for k, v in files_below(name, folder).items()}
    found |= {name: digest((Path(__file__).parent / name).read_bytes()) for name in OWN}
    found |= {f"package {one.name}": one.version for one in distributions()}
    found |= {
        f"variable {name}": value
        for name, value in os.environ.items()
        if name.startswith(LISTENED_TO) and name not in SILENT
    }
    return found | {
        "Python": platform.python_implementation(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
    }


def key_of(parts: Mapping[str, str]) -> str:
    """One name for all that a verification rests on."""
    return digest("\n".join(f"{name}={value!r}" for name, value in sorted(parts.items())).encode())


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of what is not as it was, or not there on one side."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


class Store:
    """A folder of kept verifications.

    Args:
        folder: where they lie; made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, parts: Mapping[str, str]) -> tuple[Results | None, str]:
        """The verification that rests on exactly ``parts``, or None; and why, in words."""
        path = self.folder / f"{key_of(parts)}.json"
        kept = self._read(path)
        if kept is not None and kept.rests_on == parts:
            under = f"measured under Python {kept.results.provenance.python}"
            return kept.results, f"reused, {under}: nothing that it rests on has changed"
        read = (self._read(path) for path in self._paths())
        others = [changes(other.rests_on, parts) for other in read if other is not None]
        if not others:
            return None, "measured: none is kept"
        nearest = min(others, key=len)
        more = f" and {len(nearest) - TOLD} more" if len(nearest) > TOLD else ""
        return None, f"measured anew: changed {', '.join(nearest[:TOLD])}{more}"

    def keep(self, parts: Mapping[str, str], results: Results) -> bool:
        """Keep a verification; one in which a fact could not be measured is not kept."""
        if any(fact.error for fact in results.facts.values()):
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = Kept(dict(parts), _hash(results), results)
        write_record(self.folder / f"{key_of(parts)}.json", kept)
        for old in self._paths()[:-MOST]:
            old.unlink(missing_ok=True)
        return True

    def _paths(self) -> list[Path]:
        """From the oldest to the newest."""
        found: Iterable[Path] = self.folder.glob("*.json") if self.folder.is_dir() else ()
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)

    def _read(self, path: Path) -> Kept | None:
        """One that is whole; a damaged one, or one of another version, counts as none."""
        try:
            kept = read_record(path, Kept, "kept verification")
        except InputError:
            return None
        return kept if kept.sha256 == _hash(kept.results) else None


def store_of(config: pytest.Config) -> Store | None:
    """What pytest keeps of verifications; None where it keeps nothing."""
    return Store(config.cache.mkdir("verifications")) if hasattr(config, "cache") else None


def _hash(results: Results) -> str:
    return digest(to_json(plain(results)).encode())
