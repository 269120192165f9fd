"""Arrays come back to the bit, and no file makes its reader believe what it says of its size."""

from __future__ import annotations

import io
import resource
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdverify.tools.arrays import read_array, read_arrays, write_arrays
from rdverify.tools.errors import InputError

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text"), "empty": np.empty((0, 3))}


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def claiming(shape: tuple[int, ...]) -> bytes:
    """An .npy file of eight bytes that says it has ``shape``."""
    stream = io.BytesIO()
    told = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, told)
    return stream.getvalue() + bytes(8)


def archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for name, content in entries.items():
            stream.writestr(name, content)
    return path


def test_arrays_come_back_to_the_bit(tmp_path: Path) -> None:
    found = read_arrays(write_arrays(tmp_path / "a.npz", ARRAYS))
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    (tmp_path / "a.npy").write_bytes(npy(ARRAYS["a"]))
    assert np.array_equal(read_array(tmp_path / "a.npy"), ARRAYS["a"])


def test_equal_arrays_give_equal_bytes_in_whatever_order(tmp_path: Path) -> None:
    one = write_arrays(tmp_path / "one.npz", ARRAYS).read_bytes()
    other = write_arrays(tmp_path / "other.npz", dict(reversed(ARRAYS.items()))).read_bytes()
    assert one == other
    assert list(read_arrays(tmp_path / "other.npz")) == sorted(ARRAYS)


def test_archives_of_others_and_longer_headers_are_read_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS)  # uncompressed
    assert np.array_equal(read_arrays(tmp_path / "a.npz")["a"], ARRAYS["a"])
    archive(tmp_path / "b.npz", {"x.npy": npy(np.ones(3)), "y.npy": npy(np.zeros(()))})
    assert {name: a.shape for name, a in read_arrays(tmp_path / "b.npz").items()} == {
        "x": (3,),
        "y": (),
    }
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3), version=(2, 0))
    (tmp_path / "c.npy").write_bytes(stream.getvalue())
    assert read_array(tmp_path / "c.npy").tolist() == [0, 1, 2]
    archive(tmp_path / "none.npz", {})
    assert read_arrays(tmp_path / "none.npz") == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (claiming((2,)), r"shape \(2,\) of float64 in 8 bytes"),
        (claiming((-1, -1)), r"shape \(-1, -1\) of float64 in 8 bytes"),
        (claiming(()) + b"x", r"shape \(\) of float64 in 9 bytes"),
        (claiming((3,) * 40), r"shape \((3, ){12}3, of float64 in 8 bytes"),
        (npy(np.array([{}], dtype=object)), "a pickle, which is never read"),
        (b"\x93NUMPY\x09\x00\x01\x00 ", r"version \(9, 0\) of the .npy format"),
    ],
)
def test_why_an_array_is_refused_is_said(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_array(tmp_path / "a.npy")


def test_what_lies_between_or_after_entries_is_found(tmp_path: Path) -> None:
    path = write_arrays(tmp_path / "a.npz", ARRAYS)
    whole = path.read_bytes()
    path.write_bytes(b"x" * 7 + whole)
    with pytest.raises(InputError, match="leaves out what lies at byte 0"):
        read_arrays(path)


@pytest.mark.parametrize(
    "content",
    [
        claiming((10**12,)),
        claiming((2**62, 2**62)),
        claiming((2**64, 0, 2**64)),
        claiming((0, 7)),
        claiming(()) + b"x",
        npy(np.array([{}], dtype=object)),
        b"",
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x09\x00\x01\x00 ",
    ],
)
def test_a_header_that_lies_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(InputError, match="array = ") as caught:
        read_array(tmp_path / "a.npy")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="arrays = ") as caught:
        read_arrays(archive(tmp_path / "a.npz", {"a.npy": content}))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.once
def test_an_archive_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    """Two gigabytes of zeros in two megabytes: known from its directory, and not unpacked."""
    packer = zlib.compressobj(wbits=-15)
    part = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)  # stands by itself
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as stream:
        stream.writestr("a.npy", part * 2**7 + packer.flush())
        entry = stream.getinfo("a.npy")  # as it goes into the directory
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, 2**31
    assert (tmp_path / "bomb.npz").stat().st_size < 2**22
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="it unpacks to 2147483648 bytes, more than 268435456"):
        read_arrays(tmp_path / "bomb.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16  # kilobytes


def test_names_that_are_none_or_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not one \.npy file a name"):
        read_arrays(archive(tmp_path / "a.npz", {"a.txt": b""}))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as stream:
        stream.writestr("a.npy", npy(np.ones(1)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            stream.writestr("a.npy", npy(np.zeros(1)))
    with pytest.raises(InputError, match=r"not one \.npy file a name"):
        read_arrays(tmp_path / "b.npz")


@pytest.mark.parametrize("place", ["/dev/zero", "."])
def test_a_device_or_a_folder_is_no_file(place: str) -> None:
    with pytest.raises(InputError, match="must be a file, no folder, pipe or device"):
        read_arrays(place)


def test_an_entry_that_the_directory_has_lost_is_missed(tmp_path: Path) -> None:
    path = write_arrays(tmp_path / "a.npz", {"a": np.ones(2), "b": np.zeros(2)})
    whole = path.read_bytes()
    start = whole.rindex(b"PK\x01\x02")  # of the last entry of the directory
    size = len(whole) - 22 - whole.index(b"PK\x01\x02")
    kept = size - (len(whole) - 22 - start)
    end = bytearray(whole[-22:])
    end[8:12], end[12:16] = b"\x01\x00" * 2, kept.to_bytes(4, "little")
    path.write_bytes(whole[:start] + end)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["a.npy"]
    with pytest.raises(InputError, match="leaves out"):
        read_arrays(path)


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_an_entry_that_lies_in_another_s_place_is_none(tmp_path: Path, names: str) -> None:
    path = tmp_path / "a.npz"
    entries: dict[str, Any] = {name: np.ones(2) for name in names}
    np.savez(path, **entries)
    whole = bytearray(path.read_bytes())
    size = whole.index(b"PK\x03\x04", 4)  # all entries are as long
    place = whole.rindex(b"PK\x01\x02") + 42  # where the last begins, as the directory says
    assert whole[place : place + 4] == (size * (len(names) - 1)).to_bytes(4, "little")
    whole[place : place + 4] = bytes(4)
    path.write_bytes(whole)
    with pytest.raises(InputError, match=f"leaves out what lies at byte {size}"):
        read_arrays(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [0, 3, 512, 40_000])
def test_content_of_another_sum_is_refused(tmp_path: Path, kind: int, size: int) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", kind) as stream:
        stream.writestr("a.npy", npy(np.zeros(size)))
    assert read_arrays(path)["a"].size == size
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"PK\x01\x02") + 16] ^= 1  # the sum, as the directory says it
    path.write_bytes(whole)
    with pytest.raises(InputError, match="Bad CRC-32"):
        read_arrays(path)
