"""Tables in Parquet files: no size is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rdverify.tools.reading import check_growth, refused, require_file

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path | str, argument: str, allowed: str) -> pd.DataFrame:
    """The table of a Parquet file.

    A column of equal values takes a few bytes in the file and eight a row in memory; what it
    would take is found in the file's end, before anything is unpacked.

    Args:
        path: the file.
        argument: how a message names it.
        allowed: what it must be, in words.

    Raises:
        InputError: naming ``argument``, if the file is missing, damaged or no Parquet file, has
            two columns of one name, or would take more than 256 MiB and more than a hundred
            times its size.
    """
    file = require_file(argument, path)
    with refused(argument, path, allowed):
        import pyarrow.parquet as pq

        with pq.ParquetFile(file) as parquet:
            told = parquet.metadata
            rows = sum(told.row_group(k).num_rows for k in range(told.num_row_groups))
            check_growth(file, 8 * max(rows, told.num_rows) * told.num_columns)
            frame: pd.DataFrame = parquet.read().to_pandas()
        check_names(frame.columns)
        return frame


def check_names(names: Iterable[object]) -> None:
    """ValueError where two columns of a table have one name, as text."""
    counts = Counter(map(str, names))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"more than one column named {twice[0]!r:.40}")
