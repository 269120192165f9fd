"""Series of arrays and tables, of equal and unequal length; what doesn't fit is one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rdverify import InputError
from rdverify.measure.sequences import read_sequences


def test_series_as_arrays(tmp_path):
    def read(array, features):
        np.save(tmp_path / "x.npy", array)
        return read_sequences(tmp_path / "x.npy", features)

    assert read(np.zeros((3, 20, 2)), 2).values.shape == (3, 20, 2)
    assert read(np.zeros((20, 2)), 2).values.shape == (1, 20, 2)
    assert read(np.zeros((3, 20)), 1).values.shape == (3, 20, 1)
    assert read(np.zeros((20, 1)), 1).values.shape == (1, 20, 1)
    assert read(np.zeros(20, int), 1).values.shape == (1, 20, 1)
    ended = np.ones((2, 6, 2))
    ended[1, 4:] = np.nan
    found = read(ended, 2)
    assert found.lengths == (6, 4)
    assert found.values[1, 4:].sum() == 0
    for array, message in (
        (np.zeros((3, 20, 3)), "shape"),
        (np.zeros((1, 1, 2)), "length of series = 1"),
        (np.full((1, 9, 2), np.inf), "inside"),
        (np.where(np.arange(18).reshape(1, 9, 2) == 6, np.nan, 0), "inside"),
        (np.zeros((0, 9, 2)), "at least one sequence"),
        (np.array(["a", "b"]), "dtype"),
        (np.array([{}], dtype=object), "without pickles"),
    ):
        with pytest.raises(InputError, match=message):
            read(array, 2)


def test_series_as_tables(tmp_path):
    table = pd.DataFrame({"run": [1, 1, 1, 2, 2], "a": range(5), "b": np.arange(5.0) / 2})
    table.to_csv(tmp_path / "x.csv", index=False)
    found = read_sequences(tmp_path / "x.csv", 2, sequence="run")
    assert found.lengths == (3, 2)
    assert found.values[1, :2].tolist() == [[3, 1.5], [4, 2]]
    turned = read_sequences(tmp_path / "x.csv", 2, columns=["b", "a"])
    assert turned.values[0, 4].tolist() == [2, 4]
    (tmp_path / "bad.csv").write_text("a,b\n1,x\n2,\n")
    (tmp_path / "gap.csv").write_text("a,b\n1,2\n2,\n")
    for name, more, message in (
        ("x.csv", {}, "columns = 'run,a,b'.*must be 2"),
        ("x.csv", {"columns": ["c", "a"]}, "column = 'c'.*run, a, b"),
        ("x.csv", {"sequence": "who"}, "column = 'who'"),
        ("bad.csv", {}, "column b"),
        ("gap.csv", {}, "column b = 'with gaps'"),
        ("none.csv", {}, "exists"),
        ("x.txt", {}, "a file of .npy, .csv, .parquet"),
    ):
        with pytest.raises(InputError, match=message):
            read_sequences(tmp_path / name, 2, **more)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a,a\n1,2\n3,4\n", "more than one column named 'a'"),
        ('"a ",b,"a "\n1,2,3\n4,5,6\n', "more than one column named 'a '"),
        ("0.5,1.5\n1,2\n3,4\n", "first line names no columns: '0.5,1.5'"),
        ("1e-3,nan\n1,2\n3,4\n", "first line names no columns"),
        ("0.5,1.5,\n1,2,3\n3,4,5\n", "first line names no columns: '0.5,1.5'"),
        ("a,b\n1,2,3\n4,5,6\n", "Expected 2 fields in line 2, saw 3"),
        ("a,b\n0,2,3\n1,5,6\n", "Expected 2 fields"),
        ("a,b\n1,2,\n4,5,\n", "Expected 2 fields in line 2, saw 3"),
    ],
)
def test_a_table_whose_columns_are_not_what_its_first_line_says_is_refused(
    tmp_path, written, message
):
    """Taken as it is, a column or a step would be another or be lost without a word."""
    (tmp_path / "x.csv").write_text(written)
    with pytest.raises(InputError, match=message):
        read_sequences(tmp_path / "x.csv", 2)


@pytest.mark.parametrize(
    ("names", "asked"),
    [("a,b", ()), ("0,1", ()), ("1e5x,2", ()), ("2001,2002", ["2001", "2002"]), (",a", ["a"])],
)
def test_columns_may_have_any_names_of_their_own(tmp_path, names, asked):
    (tmp_path / "x.csv").write_text(f"{names}\n1,2\n3,4\n")
    found = read_sequences(tmp_path / "x.csv", len(asked) or 2, columns=asked).values
    assert found.tolist() == ([[[2], [4]]] if len(asked) == 1 else [[[1, 2], [3, 4]]])


def test_columns_without_a_name_are_no_two_of_one_name(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,,\n1,2,,\n3,4,,\n")
    found = read_sequences(tmp_path / "x.csv", 2, columns=["a", "b"])
    assert found.values.tolist() == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("start", ["", "\n", " \n\n"])
def test_empty_lines_around_a_table_are_nothing_and_inside_it_a_gap(tmp_path, start, end):
    (tmp_path / "x.csv").write_text(f"{start}a\n1\n2\n3{end}")
    assert read_sequences(tmp_path / "x.csv", 1).values.ravel().tolist() == [1, 2, 3]
    (tmp_path / "gap.csv").write_text(f"{start}a\n1\n\n3{end}")
    with pytest.raises(InputError, match=r"^column a = 'with gaps'"):
        read_sequences(tmp_path / "gap.csv", 1)


def test_columns_are_typed_as_a_whole(tmp_path):
    """In parts, one run would be 748 here and "748" there: two sequences."""
    rows = "".join(f"{k // 700},{k}.0000000000\n" for k in range(600_000))
    (tmp_path / "x.csv").write_text(f"run,a\n{rows}x,1\nx,2\n")
    found = read_sequences(tmp_path / "x.csv", 1, sequence="run")
    assert found.lengths == (*[700] * 857, 100, 2)


@pytest.mark.parametrize("kind", ["Int64", "Float64", "float64"])
def test_a_gap_at_the_end_of_a_column_is_no_end_of_a_sequence(tmp_path, kind):
    table = pd.DataFrame({"a": pd.array([1, 2, 3, None], kind)})
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"^column a = 'with gaps'"):
        read_sequences(tmp_path / "x.parquet", 1)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_row_that_is_of_no_sequence_is_not_left_out_in_silence(tmp_path, kind):
    table = pd.DataFrame({"run": [1, 1, None, 2, 2], "a": range(5)})
    table.to_csv(tmp_path / "x.csv", index=False)
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"^column run = 'with gaps'"):
        read_sequences(tmp_path / f"x.{kind}", 1, sequence="run")


def test_parquet_is_read_as_csv_is(tmp_path):
    table = pd.DataFrame({"a": np.linspace(-1, 1, 5), "b": range(5), "run": [0, 0, 0, 1, 1]})
    table.to_csv(tmp_path / "x.csv", index=False)
    table.to_parquet(tmp_path / "x.parquet")
    one, other = (
        read_sequences(tmp_path / name, 2, sequence="run", columns=["a", "b"])
        for name in ("x.csv", "x.parquet")
    )
    assert one.lengths == other.lengths == (3, 2)
    assert np.array_equal(one.values, other.values)
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "x.parquet").read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cut\.parquet"):
        read_sequences(tmp_path / "cut.parquet", 2)
