"""Which settings the search's record speaks for: by the M's alone, one protocol or best each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rdverify.lstm.sequences import generate
from rdverify.lstm.study.rows import ROWS, Row, data_of
from rdverify.lstm.study.settings import (
    MORE_SEEDS,
    SEEDS,
    common_protocols,
    names_of,
    repeated,
)
from rdverify.study.search import Setting, read_frame

LEARNED = 0.5  # a network that explains less than half of the variance is hardly trained
ADMISSIBLE = 0.05  # both M's within 5 % of print: the settings that fit "as well"
REPEATED = 1 + SEEDS + MORE_SEEDS  # a setting is chosen on the mean of at least so many seeds


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


def finalists(row: Row, frame: pd.DataFrame) -> pd.DataFrame:
    """:func:`repeated` of the settings with REPEATED seeds whose networks have learned.

    The paper's networks are trained: a setting counts if the mean-squared error of
    its last epoch, mean over seeds, is at most LEARNED times the data's variance.
    """
    table = repeated(row, frame, REPEATED)
    variance = {}
    for line in table.drop_duplicates(names_of(row)).to_dict("records"):
        setting = {name: line[name] for name in names_of(row)}
        data = generate(data_of(row, {**setting, "seed": 0}))
        variance[tuple(setting.values())] = float(data.var())
    keys = [tuple(values) for values in table[names_of(row)].to_numpy(object).tolist()]
    explained = np.array(
        [loss <= LEARNED * variance[key] for loss, key in zip(table["loss"], keys, strict=True)]
    )
    return pd.DataFrame(table[explained].reset_index(drop=True))


def choose(frames: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Chosen]]:
    """What was chosen: "best" or "common" -> row -> setting and reading.

    best: for each row the nearest setting and variant of its own. common: the
    protocol (training choices and variant) whose worst row is nearest, with the
    nearest data setting of each row. R is not looked at.
    """
    tables = {row.key: finalists(row, frames[row.key]) for row in ROWS}
    best = {row.key: _chosen(row, tables[row.key].iloc[0]) for row in ROWS}
    protocol = common_protocols(tables, 1)[0]
    common = {}
    for row in ROWS:
        table = tables[row.key]
        same = np.logical_and.reduce([table[name] == value for name, value in protocol.items()])
        common[row.key] = _chosen(row, table[same].iloc[0])
    return {"best": best, "common": common}


def _chosen(row: Row, line: pd.Series) -> Chosen:
    setting = {
        name: line[name].item() if hasattr(line[name], "item") else line[name]
        for name in names_of(row)
    }
    return Chosen(setting, str(line["variant"]), float(line["distance"]), int(line["seeds"]))
