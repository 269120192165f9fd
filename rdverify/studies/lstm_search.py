"""Search of what the paper leaves open about its LSTM, against the nine printed numbers.

Three stages, all kept in one record per row: a space-filling design over the
stated ranges; further data settings for the training protocols that came nearest
on all three rows and around the row's nearest settings; further seeds of the
nearest settings. Only the M's decide what is near.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdverify.lstm import build
from rdverify.lstm_skill import one_step
from rdverify.progress import Reporter
from rdverify.reconstruct import (
    Axis,
    Setting,
    design,
    evaluate_settings,
)
from rdverify.studies.lstm_fast import train_fast
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
PER_PROTOCOL, PROTOCOLS = 20, 2
NEIGHBOURHOODS, NEIGHBOURHOOD = 2, 1 / 3
SEEDS, NEAREST = 4, 8
DESIGN_SEED = 1
PROTOCOL = ["optimiser", *(axis.name for axis in TRAINING), "variant"]
OPTIMISERS = Axis("optimiser", choices=("rmsprop", "sgd"))


def evaluate(row: Row, setting: Setting) -> dict[str, float]:
    """Train one network and read it in every way; columns of the record.

    ``r_untrained`` is R of the same network before training, ``skill`` the better
    naive prediction's one-step error over its own ("next" only), ``loss`` the last epoch's.
    """
    config = config_of(row, setting)
    x = unseen(row, setting)
    before = numbers_of(build(config), x, "same")
    model, losses = train_fast(config)
    found = numbers_of(model, x, config.target)
    extra = {"r_untrained": before["r_whole"], "r_untrained_late": before["r_late"],
             "loss": float(losses[-1])}
    if config.target == "next":
        extra["skill"] = one_step(model, x).factor
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
    ordered = table.sort_values(["distance", "index"], kind="stable")
    return pd.DataFrame(ordered.reset_index(drop=True))


def protocols(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Training choices and variant tried on all rows, nearest first.

    A protocol's distance on a row is that of the best data setting tried with it,
    its distance overall the largest of the three.
    """
    best = [table.groupby(PROTOCOL)["distance"].min() for table in tables.values()]
    joined = pd.concat(best, axis=1, keys=list(tables)).dropna()
    joined["distance"] = joined.max(axis=1)
    return pd.DataFrame(joined.sort_values("distance", kind="stable").reset_index())


def nearest_protocols(tables: Mapping[str, pd.DataFrame], count: int) -> list[Setting]:
    """The ``count`` nearest protocols, each with its best variant."""
    lines = protocols(tables).drop_duplicates(PROTOCOL[:-1]).head(count)
    return [_plain(line, PROTOCOL) for line in lines.to_dict("records")]


def second_stage(row: Row, table: pd.DataFrame, chosen: Sequence[Setting], start: int,
                 count: int = PER_PROTOCOL) -> list[Setting]:
    """Further data settings: over the whole ranges for each chosen protocol, and near the best.

    Near means a third of each (log) range around each of the row's NEIGHBOURHOODS
    nearest settings, with their training choices.
    """
    lines = table.drop_duplicates("index").head(NEIGHBOURHOODS).to_dict("records")
    designs: list[tuple[Mapping[Any, Any], tuple[Axis, ...]]]
    designs = [(protocol, row.axes) for protocol in chosen]
    designs += [(line, tuple(axis.around(line[axis.name], NEIGHBOURHOOD) for axis in row.axes))
                for line in lines]
    settings: list[Setting] = []
    for place, (training, axes) in enumerate(designs):
        kept = _plain(training, PROTOCOL[:-1])
        if place >= len(chosen):  # near the best its other choices are kept, too
            kept |= {axis.name: training[axis.name] for axis in axes if axis.choices}
        free = [axis for axis in axes if axis.name not in kept]
        for point in design(free, count, DESIGN_SEED + 10 + place):
            values = {**kept, **point}
            settings.append({"stage": 2, "seed": start + len(settings),
                             **{name: values[name] for name in
                                (*PROTOCOL[:-1], *(axis.name for axis in axes))}})
    return settings


# R < 1 was seen beforehand in one place, one seed: relaxation oscillations at a high rate,
# read without start-up or free-running; the ranges there get a design of their own
FURTHER = {"van_der_pol": (
    Axis("epochs", choices=(100, 200)), Axis("batch_size", choices=(16, 64)),
    Axis("mu", 2.0, 7.0, "log"), Axis("dt", 0.1, 0.35, "log"),
    Axis("coordinate", choices=("x", "v")), Axis("burn_in", choices=(0.0, 20.0)),
    Axis("normalisation", choices=("standard", "minmax")))}
FURTHER_FIXED = {"optimiser": "adam", "learning_rate": 1e-2, "target": "next"}
FURTHER_COUNT = 32


def further_stage(row: Row, start: int, count: int = FURTHER_COUNT) -> list[Setting]:
    """A further space-filling design in the ranges of FURTHER, or nothing for other rows."""
    if row.key not in FURTHER:
        return []
    names = (*PROTOCOL[:-1], *(axis.name for axis in row.axes))
    points = [{**FURTHER_FIXED, **point}
              for point in design(FURTHER[row.key], count, DESIGN_SEED + 50)]
    return [{"stage": 2, "seed": start + place, **{name: point[name] for name in names}}
            for place, point in enumerate(points)]


def third_stage(row: Row, table: pd.DataFrame, chosen: Sequence[Setting], start: int,
                nearest: int = NEAREST, seeds: int = SEEDS) -> list[Setting]:
    """Further seeds of the row's nearest settings and of each protocol's nearest one."""
    lines = table.drop_duplicates("index").head(nearest).to_dict("records")
    for protocol in chosen:
        same = np.logical_and.reduce([table[name] == protocol[name] for name in PROTOCOL])
        lines += table[same].head(1).to_dict("records")
    unique = {line["index"]: line for line in lines}
    names = [*PROTOCOL[:-1], *(axis.name for axis in row.axes)]
    settings: list[Setting] = []
    for line in unique.values():
        for _ in range(seeds):
            settings.append({"stage": 3, "seed": start + len(settings), **_plain(line, names)})
    return settings


def _plain(line: Mapping[Any, Any], names: Sequence[str]) -> Setting:
    return {name: line[name].item() if hasattr(line[name], "item") else line[name]
            for name in names}


def run_stage(row: Row, settings: Sequence[Setting], path: Path,
              progress: Reporter | None = None, workers: int = 1) -> pd.DataFrame:
    """Evaluate settings with a record beside; a stopped run goes on."""
    return evaluate_settings(
        settings, lambda setting: evaluate(row, setting), path, progress, workers,
        name=f"search {row.key}", stated={"row": dataclasses.asdict(row), "settings":
                                           [dict(setting) for setting in settings]})


def search_all(folder: Path, progress: Reporter | None = None,
               workers: int = 1) -> dict[str, pd.DataFrame]:
    """All stages of all rows, each stage with its own file in ``folder``."""
    frames = {row.key: [run_stage(row, first_stage(row), folder / f"{row.file}-1.csv", progress,
                                  workers)] for row in ROWS}
    for stage in ("2", "2b", "3"):
        tables = {row.key: distances(row, merged(frames[row.key])) for row in ROWS}
        chosen = nearest_protocols(tables, PROTOCOLS)
        for row in ROWS:
            done = sum(len(frame) for frame in frames[row.key])
            settings = (second_stage(row, tables[row.key], chosen, done) if stage == "2"
                        else further_stage(row, done) if stage == "2b"
                        else third_stage(row, tables[row.key], chosen, done))
            path = folder / f"{row.file}-{stage}.csv"
            if settings:
                frames[row.key].append(run_stage(row, settings, path, progress, workers))
    return {key: merged(parts) for key, parts in frames.items()}


def merged(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The stages of a row as one record, numbered through."""
    whole = pd.concat(parts, ignore_index=True)
    whole["error"] = whole["error"].fillna("")
    return whole.assign(index=np.arange(len(whole)))
