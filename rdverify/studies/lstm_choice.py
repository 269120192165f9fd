"""Which settings the search's record speaks for: by the M's alone, one protocol or best each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdverify.reconstruct import Setting, read_frame
from rdverify.studies.lstm_rows import ROWS, VARIANTS, Row
from rdverify.studies.lstm_search import PROTOCOL

ADMISSIBLE = 0.05  # both M's within 5 % of print: the settings that fit "as well"
REPEATED = 3  # a setting is chosen on the mean of at least so many seeds


@dataclass(frozen=True)
class Chosen:
    """A setting with the way its run is read.

    Attributes:
        setting: training and data choices (without seed).
        variant: key of VARIANTS.
        distance: largest relative distance of the M's from print, mean over ``seeds``.
        seeds: how many networks that mean is over.

    """

    setting: Setting
    variant: str
    distance: float
    seeds: int


def records(folder: Path) -> dict[str, pd.DataFrame]:
    """The recorded search of each row, as shipped."""
    return {row.key: read_frame(folder / f"{row.file}.csv") for row in ROWS}


def names_of(row: Row) -> list[str]:
    """Columns that make up a setting of a row."""
    return [*PROTOCOL[:-1], *(axis.name for axis in row.axes)]


def repeated(row: Row, frame: pd.DataFrame) -> pd.DataFrame:
    """One line per setting run with several seeds, and variant: mean M's, R, distance.

    R is the quotient of the mean M's. Distances use the M's alone.
    """
    names = names_of(row)
    lines: list[dict[str, Any]] = []
    good = frame[frame["error"] == ""]
    for values, group in good.groupby(names, sort=False):
        if len(group) < REPEATED:
            continue
        setting = dict(zip(names, values, strict=True))
        for variant in VARIANTS:
            react = group[f"m_react_{variant}"].to_numpy(float)
            diff = group[f"m_diff_{variant}"].to_numpy(float)
            if not np.isfinite(react).all():
                continue
            m_react, m_diff = float(react.mean()), float(diff.mean())
            lines.append({**setting, "variant": variant, "seeds": len(group),
                          "m_react": m_react, "m_diff": m_diff, "r": m_react / m_diff,
                          "distance": max(abs(m_react / row.m_react - 1),
                                          abs(m_diff / row.m_diff - 1))})
    return pd.DataFrame(lines).sort_values("distance", kind="stable").reset_index(drop=True)


def choose(frames: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Chosen]]:
    """"best" and "common" -> row -> what was chosen.

    best: for each row the nearest setting and variant of its own. common: the
    protocol (training choices and variant) whose worst row is nearest, with the
    nearest data setting of each row. R is not looked at.
    """
    tables = {row.key: repeated(row, frames[row.key]) for row in ROWS}
    best = {row.key: _chosen(row, tables[row.key].iloc[0]) for row in ROWS}
    per_row = [table.groupby(PROTOCOL)["distance"].min() for table in tables.values()]
    worst = pd.concat(per_row, axis=1).dropna().max(axis=1).sort_values(kind="stable")
    protocol = dict(zip(PROTOCOL, worst.index[0], strict=True))
    common = {}
    for row in ROWS:
        table = tables[row.key]
        same = np.logical_and.reduce([table[name] == value for name, value in protocol.items()])
        common[row.key] = _chosen(row, table[same].iloc[0])
    return {"best": best, "common": common}


def _chosen(row: Row, line: pd.Series) -> Chosen:
    setting = {name: line[name].item() if hasattr(line[name], "item") else line[name]
               for name in names_of(row)}
    return Chosen(setting, str(line["variant"]), float(line["distance"]), int(line["seeds"]))
