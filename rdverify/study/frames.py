"""Records of many runs as CSV: every float to its last bit, one codec for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rdverify.tools.errors import InputError, one_line
from rdverify.tools.files import write_text

TEXT = ("design", "error")  # columns that stay text whatever they hold


def write_frame(path: Path | str, frame: pd.DataFrame) -> Path:
    """Write a frame as CSV, atomically; floats as their shortest exact decimal."""
    return write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_frame(path: Path | str, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read what :func:`write_frame` wrote.

    Args:
        path: the file.
        columns: names that must be among its columns.

    Raises:
        InputError: if the file is missing, no table, or lacks one of ``columns``.
    """
    try:
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
        absent = [column for column in columns if column not in frame]
        if absent:
            raise ValueError(f"no columns {', '.join(absent)}")
    except (OSError, ValueError) as error:
        listed = f" with the columns {', '.join(columns)}" if columns else ""
        raise InputError(
            f"record = {str(path)!r} is not allowed ({one_line(error)}): must be a CSV file that "
            f"rdverify wrote{listed}"
        ) from error
    return pd.DataFrame(
        {
            column: frame[column] if column in TEXT else _values(frame[column].tolist())
            for column in frame
        }
    )


def _values(texts: list[str]) -> list[Any]:
    """Truth values, whole numbers, floats or text, whichever all of them are; "" is NaN."""
    if texts and set(texts) <= {"True", "False"}:
        return [text == "True" for text in texts]
    # Python's own conversion is exact; that of a CSV reader depends on its version
    for convert in (int, lambda text: float(text or math.nan)):
        try:
            return [convert(text) for text in texts]
        except ValueError:
            continue
    return list(texts)
