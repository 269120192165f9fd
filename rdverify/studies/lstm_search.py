"""Search of what the paper leaves open about its LSTM, against the nine printed numbers.

Three stages, all kept in one record per row: a space-filling design over the
stated ranges, further data settings for the training protocols that came
nearest on all three rows, and further seeds of the nearest settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rdverify.lstm import build
from rdverify.lstm_skill import one_step
from rdverify.lstm_training import train
from rdverify.progress import Reporter
from rdverify.reconstruct import (
    Axis,
    Setting,
    design,
    evaluate_settings,
    setting_of,
)
from rdverify.studies.lstm_rows import (
    ROWS,
    TRAINING,
    VARIANTS,
    Row,
    config_of,
    numbers_of,
    unseen,
)

FIRST, OTHER = 208, 32  # settings a row: Adam, and the other optimisers
PER_PROTOCOL, PROTOCOLS = 24, 3
SEEDS, NEAREST = 4, 10
DESIGN_SEED = 1
OPTIMISERS = Axis("optimiser", choices=("rmsprop", "sgd"))
KEYS = ("stage", "seed", "optimiser", *(axis.name for axis in TRAINING))


def evaluate(row: Row, setting: Setting) -> dict[str, float]:
    """Train one network and read it in every way; columns of the record.

    ``r_untrained`` is R of the same network before training, ``skill`` the better
    naive prediction's one-step error over its own ("next" only), ``loss`` the last epoch's.
    """
    config = config_of(row, setting)
    x = unseen(row, setting)
    before = numbers_of(build(config), x, "same")
    trained = train(config)
    found = numbers_of(trained.model, x, config.target)
    extra = {"r_untrained": before["r_whole"], "r_untrained_late": before["r_late"],
             "loss": float(trained.losses[-1])}
    if config.target == "next":
        extra["skill"] = one_step(trained.model, x).factor
    return found | extra


def first_stage(row: Row, count: int = FIRST, other: int = OTHER) -> list[Setting]:
    """Scrambled Sobol points over all choices; seeds differ from setting to setting."""
    axes = [*TRAINING, *row.axes]
    settings = [{"optimiser": "adam", **point} for point in design(axes, count, DESIGN_SEED)]
    settings += [{"optimiser": point.pop("optimiser"), **point}
                 for point in design([*axes, OPTIMISERS], other, DESIGN_SEED + 1)]
    return [{"stage": 1, "seed": index, **setting} for index, setting in enumerate(settings)]


def distances(row: Row, frame: pd.DataFrame) -> pd.DataFrame:
    """One line per run and variant: protocol, variant, distance of the fitted M's, R."""
    parts = []
    for variant in VARIANTS:
        if f"m_react_{variant}" not in frame:
            continue
        deviations = [np.abs(frame[column].to_numpy(float) / target - 1)
                      for column, target in row.targets(variant).items()]
        part = frame.assign(variant=variant, distance=np.maximum(*deviations),
                            m_react=frame[f"m_react_{variant}"],
                            m_diff=frame[f"m_diff_{variant}"], r=frame[f"r_{variant}"])
        parts.append(part[np.isfinite(part["distance"].to_numpy(float))])
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["distance", "index"], kind="stable").reset_index(drop=True)


PROTOCOL = ["optimiser", *(axis.name for axis in TRAINING), "variant"]


def protocols(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Training choices and variant tried on all rows, nearest first.

    A protocol's distance on a row is that of the best data setting tried with it,
    its distance overall the largest of the three.
    """
    best = [table.groupby(PROTOCOL)["distance"].min() for table in tables]
    joined = pd.concat(best, axis=1, keys=[row.key for row in ROWS]).dropna()
    joined["distance"] = joined.max(axis=1)
    return joined.sort_values("distance", kind="stable").reset_index()


def second_stage(row: Row, chosen: Sequence[Setting], start: int,
                 count: int = PER_PROTOCOL) -> list[Setting]:
    """Further data settings for each chosen protocol."""
    settings = []
    for place, protocol in enumerate(chosen):
        for point in design(row.axes, count, DESIGN_SEED + 10 + place):
            settings.append({"stage": 2, "seed": start + len(settings), **protocol, **point})
    return settings


def third_stage(row: Row, table: pd.DataFrame, start: int, nearest: int = NEAREST,
                seeds: int = SEEDS) -> list[Setting]:
    """Further seeds of the settings that came nearest, best of their variants."""
    axes = [*TRAINING, *row.axes]
    best = table.drop_duplicates("index").head(nearest).to_dict("records")
    settings = []
    for line in best:
        point = {"optimiser": line["optimiser"], **setting_of(line, axes)}
        for _ in range(seeds):
            settings.append({"stage": 3, "seed": start + len(settings), **point})
    return settings


def run_stage(row: Row, settings: Sequence[Setting], path: Path,
              progress: Reporter | None = None, workers: int = 1) -> pd.DataFrame:
    """Evaluate settings with a record beside; a stopped run goes on."""
    return evaluate_settings(
        settings, lambda setting: evaluate(row, setting), path, progress, workers,
        name=f"search {row.key}", stated={"row": dataclasses.asdict(row), "settings":
                                           [dict(setting) for setting in settings]})
