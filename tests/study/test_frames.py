"""Records of runs as CSV: every value comes back as what it was, and no table that is not whole."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from rdverify import InputError
from rdverify.study.frames import read_frame, write_frame

WHOLE = 10**18 - 1  # the largest of eighteen digits


def of(folder: Path, text: str) -> Path:
    path = folder / "s.csv"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["True", "False"], [True, False]),
        (["True", "true"], ["True", "true"]),
        (["1", "-0", str(WHOLE), str(-WHOLE)], [1, 0, WHOLE, -WHOLE]),
        (["1", str(WHOLE + 1)], [1.0, 1e18]),
        (["1", "2.5", "-3e-05", "1.e+2"], [1.0, 2.5, -3e-5, 100.0]),
        (["0", "inf", "-inf"], [0.0, math.inf, -math.inf]),
        (["1_000", "2"], ["1_000", "2"]),
        (["\u0661", "2"], ["\u0661", "2"]),
        (["+1", "2"], ["+1", "2"]),
        (["1", "x"], ["1", "x"]),
        (["infinity", "2"], ["infinity", "2"]),
    ],
)
def test_a_column_is_of_the_kind_that_all_its_values_have(
    tmp_path: Path, texts: list[str], values: list[object]
) -> None:
    found = read_frame(of(tmp_path, "v\n" + "".join(f"{text}\n" for text in texts)))["v"].tolist()
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_what_is_empty_is_not_a_number_and_no_value_of_a_text_is_turned_into_one(
    tmp_path: Path,
) -> None:
    frame = read_frame(of(tmp_path, "design,x,error\n1,2.5,\nTrue,,1\n"))
    assert frame["design"].tolist() == ["1", "True"]
    assert frame["error"].tolist() == ["", "1"]
    assert frame["x"][0] == 2.5
    assert math.isnan(frame["x"][1])


def test_a_table_without_rows_has_its_columns_and_blank_lines_are_none(tmp_path: Path) -> None:
    empty = read_frame(of(tmp_path, "a,b\n"))
    assert (list(empty), len(empty)) == (["a", "b"], 0)
    assert read_frame(of(tmp_path, "\na,b\n\n1,2\n\n")).to_dict("list") == {"a": [1], "b": [2]}


def test_text_with_commas_quotes_and_ends_of_lines_comes_back(tmp_path: Path) -> None:
    said = ['a, "b"', "c\nd", "e\r\nf", "g"]
    path = write_frame(tmp_path / "s.csv", pd.DataFrame({"x": [1, 2, 3, 4], "error": said}))
    assert read_frame(path).to_dict("list") == {"x": [1, 2, 3, 4], "error": said}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cut short"),
        ("\n", "no table"),
        ("a,a\n1,2\n", "no table"),
        ("a,b\n1,2", "cut short: its last line has no end"),
        ("a,b\n1,2\n3\n", "row 2 has 1 of 2 fields"),
        ("a,b\n1,2,3\n4,5\n6\n", "row 1 has 3 of 2 fields"),
        ('a,b\n"x"y,2\n', "expected after"),
        ('a,b\n"x,2\n', "unexpected end of data"),
    ],
)
def test_a_table_that_is_not_whole_is_refused_and_why_is_said(
    tmp_path: Path, text: str, why: str
) -> None:
    path = of(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_frame(path)
    told = str(caught.value)
    assert told.startswith(f"record = {str(path)!r} is not allowed")
    assert why in told
    assert told.endswith("must be a CSV file that rdverify wrote")


def test_columns_that_are_asked_for_and_missing_are_named(tmp_path: Path) -> None:
    path = of(tmp_path, "a,b\n1,2\n")
    assert list(read_frame(path, ["b"])) == ["a", "b"]
    with pytest.raises(InputError, match=r"\(no columns x, y\).* with the columns a, x, y$"):
        read_frame(path, ["a", "x", "y"])


@pytest.mark.parametrize("cell", ["o1", "1e", "--1", "1 000", "nan", "x" * 60])
def test_a_number_that_is_none_is_told_where_only_some_columns_may_hold_text(
    tmp_path: Path, cell: str
) -> None:
    path = of(tmp_path, f"design,kind,a,b\nd,u,,1\nd,v,2.5,True\nd,w,{cell},x\n")
    assert read_frame(path, text=("a", "b", "kind"))["a"].tolist() == ["", "2.5", cell]
    with pytest.raises(InputError) as caught:
        read_frame(path, text=("kind", "b"))
    assert f"(a holds {repr(cell)[:40]})" in str(caught.value)
    with pytest.raises(InputError, match="kind holds 'u'"):
        read_frame(path, text=("a", "b"))


def test_where_only_some_columns_may_hold_text_numbers_and_truth_values_may_stand_anywhere(
    tmp_path: Path,
) -> None:
    assert read_frame(of(tmp_path, "a,b\n1,True\n"), text=()).to_dict("list") == {
        "a": [1],
        "b": [True],
    }
    path = of(tmp_path, "design,a,b,error\nd,True,1,\nd,False,,failed\n")
    frame = read_frame(path, text=())
    assert frame["a"].tolist() == [True, False]
    assert frame["error"].tolist() == ["", "failed"]
