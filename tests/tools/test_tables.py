"""Tables come back as they were, and no file makes its reader believe what it says of its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rdverify.measure.sequences import read_sequences
from rdverify.tools import reading
from rdverify.tools.errors import InputError
from rdverify.tools.tables import read_parquet


def bomb(path: Path, rows: int, groups: int) -> Path:
    """Equal numbers, ``rows`` in each of ``groups``: a few bytes a group."""
    table = pa.table({"x": np.zeros(rows), "y": np.zeros(rows)})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(table)
    return path


def test_a_table_comes_back_to_the_bit(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [0.1, 5e-324, -0.0], "b": [1, 2, 3], "c": ["x", "", "y"]})
    frame.to_parquet(tmp_path / "t.parquet")
    found = read_parquet(tmp_path / "t.parquet", "record", "a table")
    pd.testing.assert_frame_equal(found, frame, check_exact=True)
    assert np.signbit(found["a"][2])


@pytest.mark.once
def test_a_file_that_unpacks_to_gigabytes_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "b.parquet", 10**6, 200)
    assert path.stat().st_size < 2**21
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("was unpacked"))
    with pytest.raises(InputError, match="unpacks to 3200000000 bytes, more than"):
        read_sequences(path, 2)


def test_a_table_that_is_as_large_in_its_file_is_read_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FREE", 0)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=10_000)})
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "t.parquet", "record", "a table"), frame)
    with pytest.raises(InputError, match="unpacks to 16000000 bytes, more than"):
        read_parquet(bomb(tmp_path / "b.parquet", 10**6, 1), "record", "a table")


def test_equal_numbers_that_take_little_are_read(tmp_path: Path) -> None:
    found = read_parquet(bomb(tmp_path / "b.parquet", 10**5, 2), "series", "a table")
    assert found.shape == (2 * 10**5, 2)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(20) + b"PAR1", b"x,y\n1,2\n"])
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"record = .*t\.parquet.* must be a table") as caught:
        read_parquet(path, "record", "a table")
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(InputError, match="there is no such file"):
        read_parquet(tmp_path / "none.parquet", "record", "a table")


@pytest.mark.parametrize("names", [["x", "x"], ["x", "y", "x"]])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, names: list[str]) -> None:
    table = pa.table([pa.array(np.zeros(3))] * len(names), names=names)
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(InputError, match="more than one column named 'x'"):
        read_parquet(tmp_path / "t.parquet", "record", "a table")
    with pytest.raises(InputError, match=r"^series .*more than one column named 'x'"):
        read_sequences(tmp_path / "t.parquet", 2, columns=["x", "y"])
