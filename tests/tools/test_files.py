"""Files are whole or not there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify import InputError
from rdverify.tools.errors import require
from rdverify.tools.files import (
    check_output_folder,
    to_json,
    write_atomically,
    write_json,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")

    def half(stream: IO[bytes]) -> None:
        stream.write(b"new and unfin")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, half)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_is_said_in_words_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")

    def full(stream: IO[bytes]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"can't be written \(No space left on device\)"):
        write_atomically(path, full)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "kept")
    for target in (path, path / "below"):
        with pytest.raises(InputError, match=r"output = .*must be a folder that can be written"):
            check_output_folder(target)
    assert path.read_text() == "kept"


@pytest.mark.once
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_comes_back_as_it_was(value: object) -> None:
    assert json.loads(to_json(value)) == value


def test_json_keeps_twelve_digits_and_has_no_nan(tmp_path: Path) -> None:
    value = {
        "pi": np.float64(np.pi),
        "n": np.int64(3),
        "nan": float("nan"),
        "a": np.array([1.5, np.inf]),
    }
    loaded = json.loads(write_json(tmp_path / "a.json", value).read_text())
    assert loaded == {"pi": 3.14159265359, "n": 3, "nan": None, "a": [1.5, None]}


def test_a_refusal_names_argument_value_and_what_is_allowed() -> None:
    with pytest.raises(InputError, match=r"^dx = -1 is not allowed: must be positive$"):
        require(False, "dx", -1, "positive")
    with pytest.raises(InputError) as caught:
        require(False, "x", "a\nb" * 100, "short")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
def test_a_file_has_the_rights_that_the_mask_leaves_and_the_mask_stays(
    tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        path = write_text(tmp_path / "deep" / "er" / "a.txt", "x")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_an_error_without_a_number_is_told_by_its_words(tmp_path: Path) -> None:
    def fails(stream: IO[bytes]) -> None:
        raise OSError("of a library")

    with pytest.raises(InputError, match=r"a\.txt can't be written \(of a library\): choose"):
        write_atomically(str(tmp_path / "a.txt"), fails)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\u03b5", b"\xce\xb5"),
        ("a\udcce\udcb5", b"a\xce\xb5"),  # bytes of a name, as Python hides them in text
        ("a\udcce!", "a\ufffd!".encode()),  # those of a name that is no UTF-8
        ("a\ud800\udc00b", "a\ufffd\ufffdb".encode()),  # what no encoding has
        ("\udd00\udfff", "\ufffd\ufffd".encode()),
    ],
)
def test_text_is_written_as_utf_8_whatever_it_holds(
    tmp_path: Path, text: str, content: bytes
) -> None:
    assert write_text(tmp_path / "a.txt", text).read_bytes() == content


def test_json_has_one_form() -> None:
    value = {"b": (1, True, None, 2.5), "a": {1: "\u03b5", 2.0: []}, "c": np.bool_(False)}
    assert to_json(value) == (
        '{\n  "b": [\n    1,\n    true,\n    null,\n    2.5\n  ],\n'
        '  "a": {\n    "1": "\u03b5",\n    "2.0": []\n  },\n  "c": false\n}\n'
    )


@pytest.mark.parametrize(("room", "asked"), [({}, 2**22), ({"room": 5 * 10**12}, 5 * 10**12)])
def test_a_folder_needs_the_room_that_is_asked_for_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: dict[str, int], asked: int
) -> None:
    folder = tmp_path / "new" / "er"
    for free in (asked, 2 * asked):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, n=free: SimpleNamespace(free=n))
        assert check_output_folder(str(folder), **room) == folder
        assert os.listdir(folder) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=asked - 1))
    told = f"{asked / 1e6:.0f} MB"
    with pytest.raises(InputError, match=f"where {told} have room; {told} are free$"):
        check_output_folder(folder, **room)


def test_an_output_folder_says_what_the_system_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise OSError("of a library")

    monkeypatch.setattr(shutil, "disk_usage", fails)
    with pytest.raises(InputError, match=r"output = .* \(of a library\): must be a folder that"):
        check_output_folder(tmp_path)
