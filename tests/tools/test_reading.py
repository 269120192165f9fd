"""What is wrong with a file is one line, and no size that it claims is believed beyond a limit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rdverify import InputError
from rdverify.tools.reading import check_growth, refused, require_file, require_sha256


def sparse(path: Path, size: int) -> Path:
    path.touch()
    os.truncate(path, size)
    return path


def test_a_file_may_unpack_to_256_mib_or_to_a_hundred_times_its_size(tmp_path: Path) -> None:
    for size, most in ((0, 2**28), (2**20, 2**28), (2**22, 100 * 2**22), (2**28, 100 * 2**28)):
        path = sparse(tmp_path / "f", size)
        check_growth(path, most)
        check_growth(str(path), 0)
        with pytest.raises(ValueError, match=f"^it unpacks to {most + 1} bytes, more than {most}$"):
            check_growth(path, most + 1)


def test_whatever_a_reader_raises_is_one_line_that_names_the_file() -> None:
    for error in (ValueError("a\nb"), RecursionError("a b"), MemoryError("a b"), OSError("a b")):
        with pytest.raises(InputError) as caught, refused("table", Path("t"), "whole"):
            raise error
        assert str(caught.value) == "table = 't' is not allowed (a b): must be whole"
        assert caught.value.__cause__ is error


def test_a_file_that_is_gone_is_said_to_be_and_a_refusal_stays_as_it_is() -> None:
    with pytest.raises(InputError) as caught, refused("table", "t", "whole"):
        raise FileNotFoundError(2, "No such file")
    assert str(caught.value) == "table = 't' is not allowed: there is no such file"
    inner = InputError("its own words")
    with pytest.raises(InputError) as caught, refused("table", "t", "whole"):
        raise inner
    assert caught.value is inner
    with pytest.raises(KeyboardInterrupt), refused("table", "t", "whole"):
        raise KeyboardInterrupt


def test_only_a_regular_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with pytest.raises(InputError, match="there is no such file"):
        require_file("table", path)
    path.touch()
    assert require_file("table", str(path)) == path
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InputError, match=r"table = .*a file, no folder, pipe or device"):
            require_file("table", odd)
    with pytest.raises(InputError, match=r"table = 'a\?b'|table = 'a\\x00b'"):
        require_file("table", "a\0b")


def test_content_of_another_hash_is_refused_by_the_beginnings_of_both() -> None:
    right, wrong = (hashlib.sha256(word).hexdigest() for word in (b"right", b"wrong"))
    require_sha256("weights", "w", b"right", right)
    with pytest.raises(InputError) as caught:
        require_sha256("weights", "w", b"wrong", right)
    assert str(caught.value) == (
        f"weights = 'w' is not allowed: must be of SHA-256 {right[:12]}..., as its card says, "
        f"and is of {wrong[:12]}..."
    )
