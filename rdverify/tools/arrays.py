"""NumPy arrays in files: equal arrays give equal bytes, no pickle is read, no size is believed."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from rdverify.tools.files import write_atomically
from rdverify.tools.reading import check_growth, refused, require_file

Array = npt.NDArray[Any]
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write_arrays(path: Path | str, arrays: Mapping[str, Array]) -> Path:
    """Write ``arrays`` compressed, atomically, ordered by name."""
    ordered: dict[str, Any] = {name: arrays[name] for name in sorted(arrays)}
    return write_atomically(path, lambda stream: np.savez_compressed(stream, **ordered))


def read_arrays(path: Path | str, argument: str = "arrays") -> dict[str, Array]:
    """Read what :func:`write_arrays` wrote.

    Raises:
        InputError: naming ``argument``, if the file is missing, damaged, holds a pickle, or
            claims sizes that it can't have; what it claims is checked before it is unpacked.
    """
    with (
        refused(argument, path, "a whole .npz file without pickles"),
        require_file(argument, path).open("rb") as whole,
        zipfile.ZipFile(whole) as archive,
    ):
        _require_all(archive, whole)
        entries = archive.infolist()
        check_growth(path, sum(entry.file_size for entry in entries))
        names = [entry.filename for entry in entries]
        if len(set(names)) < len(names) or not all(name.endswith(".npy") for name in names):
            raise ValueError(f"its entries {names!r:.60} are not one .npy file a name")
        found = {}
        for entry in entries:
            with archive.open(entry) as stream:
                found[entry.filename.removesuffix(".npy")] = _array(stream, entry.file_size)
        return found


def _require_all(archive: zipfile.ZipFile, stream: IO[bytes]) -> None:
    """ValueError unless the entries fill the archive: its directory may have lost some."""
    end = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset != end:
            break
        stream.seek(end + 26)
        end += 30 + sum(struct.unpack("<HH", stream.read(4))) + entry.compress_size
    if end != archive.start_dir:
        raise ValueError(f"its directory leaves out what lies at byte {end}")


def read_array(path: Path | str, argument: str = "array") -> Array:
    """The array of an .npy file; InputError as of :func:`read_arrays`."""
    file = require_file(argument, path)
    with refused(argument, path, "a whole .npy file without pickles"), file.open("rb") as stream:
        return _array(stream, file.stat().st_size)


def _array(stream: IO[bytes], size: int) -> Array:
    """One array from ``size`` bytes, which its header must agree with, to the last byte."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the .npy format")
    shape, _, dtype = _HEADERS[version](stream)
    if dtype.hasobject:
        raise ValueError("a pickle, which is never read")
    claimed = dtype.itemsize
    for length in shape:  # Python's numbers: NumPy's would overflow
        claimed *= length
    if min(shape, default=0) < 0 or claimed != size - stream.tell():
        raise ValueError(f"shape {shape!r:.40} of {dtype} in {size - stream.tell()} bytes")
    stream.seek(0)
    found: Array = np.lib.format.read_array(stream, allow_pickle=False)
    if stream.read(1):  # also lets an archive check the sum of what was read
        raise ValueError("more bytes than its array has")
    return found
