"""Sequences that a network reads: from arrays and tables, of equal or unequal length."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rdverify.tools.arrays import read_array
from rdverify.tools.errors import require
from rdverify.tools.reading import refused
from rdverify.tools.tables import check_names, read_parquet

if TYPE_CHECKING:
    import pandas as pd

KINDS = (".npy", ".csv", ".parquet")
Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences side by side.

    Attributes:
        values: shape (n, T, d), finite, zero beyond a sequence's end.
        lengths: steps of each, 2 .. T.
        how: how the file was read, in words.
    """

    values: Array
    lengths: tuple[int, ...]
    how: str

    @property
    def steps(self) -> str:
        """The range of lengths, such as "200" or "50 to 200"."""
        low, high = min(self.lengths), max(self.lengths)
        return f"{low}" if low == high else f"{low} to {high}"


def read_sequences(
    path: Path | str,
    features: int,
    *,
    columns: Sequence[str] = (),
    sequence: str | None = None,
) -> Sequences:
    """Read sequences of ``features`` numbers a step.

    Args:
        path: ``.npy`` of shape (n, T, d), (T, d), or with d = 1 also (n, T) and (T,); NaN
            from some step on ends a sequence there. ``.csv`` and ``.parquet``: one row a
            step, one column a feature, below a line with the columns' names. Names that are
            numbers are taken for a first step, and refused, unless asked for or 0, 1, 2, ...
        features: d.
        columns: of a table, the features in order; default all but ``sequence``.
        sequence: the column of a table that numbers the sequences, in every row; default one
            sequence.

    Raises:
        InputError: naming the file, the column or the shape that doesn't fit.
    """
    file = Path(path)
    kind = file.suffix.lower()
    require(kind in KINDS, "series", str(path), f"a file of {', '.join(KINDS)}")
    require(file.is_file(), "series", str(path), "a file that exists")
    if kind == ".npy":
        plain = not columns and sequence is None
        require(plain, "columns and sequence", "given", "left out for .npy, which has no columns")
        return of_array(read_array(file, "series"), features)
    return _of_table(_table(file, {*columns, sequence}), features, columns, sequence)


def of_array(array: Array, features: int, name: str = "series") -> Sequences:
    """Sequences of an array, shaped as :func:`read_sequences` says."""
    require(array.dtype.kind in "fiu", f"dtype of {name}", array.dtype.name, "real numbers")
    values, shape = array.astype(np.promote_types(array.dtype, np.float32)), array.shape
    if values.ndim == 1 and features == 1:
        values = values[None, :, None]
    elif values.ndim == 2 and features == 1 and shape[1] > 1:
        values = values[:, :, None]
    elif values.ndim == 2:
        values = values[None]
    allowed = f"(n, T, {features}) or (T, {features})"
    allowed += ", (n, T) or (T,)" if features == 1 else ""
    fits = values.ndim == 3 and values.shape[2] == features
    require(fits, f"shape of {name}", shape, f"{allowed}, as the network has d = {features}")
    require(values.shape[0] >= 1, f"shape of {name}", shape, "at least one sequence")
    missing = np.isnan(values).any(axis=2)
    steps = values.shape[1]
    lengths = np.where(missing.any(axis=1), missing.argmax(axis=1), steps)
    beyond = np.arange(steps) >= lengths[:, None]
    holes = np.isnan(values).all(axis=2) != beyond
    clean = not holes.any() and not np.isinf(values).any()
    require(clean, name, "with NaN or infinity inside", "finite up to where a sequence ends")
    require(
        min(lengths, default=0) >= 2, f"length of {name}", int(lengths.min()), "2 steps or more"
    )
    values[beyond] = 0
    how = f"Read as {len(values)} sequence(s) of {features} feature(s) from shape {shape}."
    return Sequences(values, tuple(map(int, lengths)), how)


def _table(file: Path, asked: set[str | None]) -> pd.DataFrame:
    allowed = "a table with one row a step, below a line that names its columns"
    if file.suffix.lower() == ".parquet":
        return read_parquet(file, "series", allowed)
    with refused("series", file, allowed):
        return _csv(file, asked)


def _csv(file: Path, asked: set[str | None]) -> pd.DataFrame:
    """The table as its first line says, where pandas would take what it finds in its own way."""
    import pandas as pd

    # read as if nothing named its columns: more fields below the first line are then refused, and
    # not taken for names of rows
    first = pd.read_csv(file, header=None, nrows=2, dtype=str, keep_default_na=False)
    names = [name for name in first.iloc[0] if name]
    check_names(names)  # the second of two alike would be named anew
    numbered = names == list(map(str, range(len(names))))
    if not numbered and not asked & set(names) and all(map(_is_number, names)):
        raise ValueError(f"its first line names no columns: {','.join(names)!r:.40}")
    with file.open(encoding="utf-8-sig") as stream:
        empty = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), stream))
    # typed as a whole, where parts could differ; an empty line between others is a step with gaps
    table = pd.read_csv(file, skiprows=empty, skip_blank_lines=False, low_memory=False)
    filled = np.flatnonzero(table.notna().any(axis=1))
    return table.iloc[: filled[-1] + 1 if filled.size else 0]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _of_table(
    table: pd.DataFrame, features: int, columns: Sequence[str], sequence: str | None
) -> Sequences:
    found = [str(name) for name in table.columns]
    table = table.set_axis(found, axis=1)
    for name in (*columns, *([sequence] if sequence else [])):
        require(name in found, "column", name, f"one of {', '.join(found)}")
    chosen = list(columns) or [name for name in found if name != sequence]
    require(
        len(chosen) == features,
        "columns",
        ",".join(chosen),
        f"{features}, as the network has d = {features} (--columns)",
    )
    if sequence:
        given = bool(table[sequence].notna().all())
        require(given, f"column {sequence}", "with gaps", "given in every row")
    for name in chosen:
        numeric = table[name].dtype.kind in "fiu"
        require(numeric, f"column {name}", table[name].dtype.name, "numbers throughout")
        values = table[name].to_numpy(float, na_value=np.nan)
        require(bool(np.isfinite(values).all()), f"column {name}", "with gaps", "finite")
    parts = (
        [table] if sequence is None else [part for _, part in table.groupby(sequence, sort=False)]
    )
    lengths = [len(part) for part in parts]
    require(
        min(lengths, default=0) >= 2, "length of series", min(lengths, default=0), "2 steps or more"
    )
    values = np.full((len(parts), max(lengths), features), np.nan)
    for row, part in enumerate(parts):
        values[row, : len(part)] = part[chosen].to_numpy(float)
    return of_array(values, features)
