"""Records of many runs: CSV with every float to its last bit, and the Parquet of a sweep."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rdverify.tools.files import write_text
from rdverify.tools.reading import refused, require_file
from rdverify.tools.tables import read_parquet

TEXT = ("design", "error")  # columns that stay text whatever they hold
# as Python writes them: its own conversion also takes 1_000 and digits of other alphabets
WHOLE = re.compile(r"-?[0-9]{1,18}")
NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*(e[-+]?[0-9]+)?|inf)")


def write_frame(path: Path | str, frame: pd.DataFrame) -> Path:
    """Write a frame as CSV, atomically; floats as their shortest exact decimal."""
    return write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_frame(
    path: Path | str, columns: Sequence[str] = (), text: Collection[str] | None = None
) -> pd.DataFrame:
    """Read what :func:`write_frame` wrote.

    Args:
        path: the file.
        columns: names that must be among its columns.
        text: the columns that may hold text; all others then must be numbers, truth values or
            empty. None: any may hold any.

    Raises:
        InputError: if the file is missing, no table whose rows are all whole, lacks one of
            ``columns``, or has a number that is none.
    """
    listed = f" with the columns {', '.join(columns)}" if columns else ""
    file = require_file("record", path)
    with refused("record", path, f"a CSV file that rdverify wrote{listed}"):
        written = file.read_bytes().decode("utf-8")
        lines = csv.reader(io.StringIO(written, ""), strict=True)
        names, *rows = [line for line in lines if line] or [[]]
        if not written.endswith("\n"):
            raise ValueError("cut short: its last line has no end")
        absent = [column for column in columns if column not in names]
        if absent or not names or len(set(names)) < len(names):
            raise ValueError(f"no columns {', '.join(absent)}" if absent else "no table")
        odd = next((k for k, row in enumerate(rows) if len(row) != len(names)), None)
        if odd is not None:
            raise ValueError(f"row {odd + 1} has {len(rows[odd])} of {len(names)} fields")
        frame = {}
        for name, column in zip(names, zip(*rows, strict=True) if rows else names, strict=True):
            texts = list(column) if rows else []
            frame[name] = texts if name in TEXT else _values(texts)
            if text is not None and name not in (*TEXT, *text) and isinstance(frame[name][0], str):
                raise ValueError(f"{name} holds {_first_word(texts)!r:.40}")
    return pd.DataFrame(frame, columns=names)


def read_sweep(golden: Path, system: str, columns: Sequence[str]) -> pd.DataFrame:
    """The shipped record of a system's sweep, without failed runs.

    Args:
        golden: folder whose ``sweep/`` holds it, and beside it the study that it was made from
            by ``rdverify sweep``.
        system: its name there.
        columns: names that must be among its columns.

    Raises:
        InputError: if the file is missing, no Parquet file, or lacks one of ``columns``.
    """
    path = golden / "sweep" / f"{system}.parquet"
    allowed = f"what rdverify sweep made of {system}.toml"
    frame = read_parquet(path, "record", allowed)
    with refused("record", path, allowed):
        absent = [column for column in (*columns, "error") if column not in frame]
        if absent:
            raise ValueError(f"no columns {', '.join(absent)}")
    return frame[frame["error"] == ""].reset_index(drop=True)


def _values(texts: list[str]) -> list[Any]:
    """Truth values, whole numbers, floats or text, whichever all of them are; "" is NaN."""
    if texts and set(texts) <= {"True", "False"}:
        return [text == "True" for text in texts]
    # Python's own conversion is exact; that of a CSV reader depends on its version
    if all(map(WHOLE.fullmatch, texts)):
        return [int(text) for text in texts]
    if all(text == "" or NUMBER.fullmatch(text) for text in texts):
        return [float(text or math.nan) for text in texts]
    return texts


def _first_word(texts: list[str]) -> str:
    return next(text for text in texts if text and not NUMBER.fullmatch(text))
