"""Files are whole or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
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
