"""Which settings the search's record speaks for: by the M's alone, one protocol or best each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rdverify.lstm.sequences import generate
from rdverify.lstm.study.rows import ROWS, Row, data_of
from rdverify.lstm.study.settings import (
    MORE_SEEDS,
    SEEDS,
    Target,
    Targets,
    common_protocols,
    of_protocol,
    repeated,
)
from rdverify.sweep.axes import Setting, setting_of

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


Choice = Mapping[str, Mapping[str, Chosen]]  # "best" or "common" -> row -> chosen


def finalists(row: Row, frame: pd.DataFrame, target: Target) -> pd.DataFrame:
    """:func:`repeated` of the settings with REPEATED seeds whose networks have learned.

    The paper's networks are trained: a setting counts if the mean-squared error of
    its last epoch, mean over seeds, is at most LEARNED times the data's variance.
    """
    table = repeated(row, frame, target, REPEATED)

    def variance(line: Mapping[Any, Any]) -> float:
        return float(generate(data_of(row, {**setting_of(line, row.choices), "seed": 0})).var())

    settings = table.drop_duplicates(row.names)
    known = settings[row.names].assign(
        variance=[variance(line) for line in settings.to_dict("records")]
    )
    # a left join keeps the order of the table
    allowed = LEARNED * table[row.names].merge(known, "left", row.names)["variance"].to_numpy()
    return table[table["loss"].to_numpy() <= allowed].reset_index(drop=True)


def choose(frames: Mapping[str, pd.DataFrame], targets: Targets) -> dict[str, dict[str, Chosen]]:
    """What was chosen: "best" or "common" -> row -> setting and reading.

    best: for each row the nearest setting and variant of its own. common: the
    protocol (training choices and variant) whose worst row is nearest, with the
    nearest data setting of each row. R is not looked at.
    """
    tables = {row.key: finalists(row, frames[row.key], targets[row.key]) for row in ROWS}
    protocol = common_protocols(tables, 1)[0]
    return {
        "best": {row.key: _chosen(row, tables[row.key]) for row in ROWS},
        "common": {row.key: _chosen(row, of_protocol(tables[row.key], protocol)) for row in ROWS},
    }


def _chosen(row: Row, table: pd.DataFrame) -> Chosen:
    line = table.iloc[0]
    return Chosen(
        setting_of(line.to_dict(), row.choices),
        str(line["variant"]),
        float(line["distance"]),
        int(line["seeds"]),
    )
