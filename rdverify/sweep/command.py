"""``rdverify sweep``: from a study file to a sorted table, told as it goes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import rdverify
from rdverify.sweep.definition import read
from rdverify.sweep.pools import Pool, dask, processes
from rdverify.sweep.record import Record
from rdverify.sweep.run import run_all
from rdverify.sweep.target import attempt, load
from rdverify.tools.errors import InputError
from rdverify.tools.files import check_output_folder
from rdverify.tools.progress import Reporter
from rdverify.tools.provenance import commit, cores

PACKAGES = ("numpy", "scipy", "torch", "numba", "pyarrow")
SHOWN = 3  # kinds of failures


def sweep(
    study: Path,
    systems: Mapping[str, str],
    progress: Reporter,
    *,
    output: Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    retry_failed: bool = False,
    command: str = "",
) -> Path:
    """Run what is not yet done of a study, and bring it into one sorted file.

    Args:
        study: TOML file, see :func:`rdverify.sweep.definition.read`.
        systems: name -> place of its target.
        progress: where progress is told.
        output: folder of the record; default the study's name beside it.
        workers: processes here, default the cores that may be used.
        scheduler: address of a Dask scheduler that is used in their place.
        retry_failed: do failed runs again.
        command: as typed, for the record.

    Returns:
        path of results.parquet.

    Raises:
        InputError: on a bad study, folder or scheduler, before any run.
    """
    definition = read(study, systems)
    folder = check_output_folder(output or study.with_suffix(""))
    design = definition.design
    with _pool(scheduler, workers) as pool:
        record = Record(folder, definition.stated, design.shown, len(design), progress)
        if retry_failed and (again := record.forget_failed()):
            progress.say(f"{again} failed runs are done again")
        left = int((~record.done).sum())
        run_all(design, partial(attempt, definition.place), pool, record, progress, study.stem)
        return record.finish(_session(command, pool.name, left) if left else None)


def _pool(scheduler: str | None, workers: int | None) -> contextlib.AbstractContextManager[Pool]:
    if scheduler is None:
        return processes(workers or cores())
    if workers is not None:
        raise InputError("workers is not allowed with scheduler: a cluster has its own")
    return dask(scheduler)


def _session(command: str, where: str, runs: int) -> dict[str, object]:
    versions = {"rdverify": rdverify.__version__}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "command": command,
        "where": where,
        "runs": runs,
        "commit": commit(),
        "versions": versions,
    }


def summary(results: Path) -> tuple[str, list[tuple[str, str, str, str]]]:
    """What came out: a line on runs and failures, and low, median and high of each number."""
    table = pq.read_table(results)
    errors = [text for text in table["error"].to_pylist() if text]
    line = f"{table.num_rows} runs, {len(errors)} failed: {results}"
    for text, count in Counter(errors).most_common(SHOWN):
        line += f"\n  {count} x {text[:200]}"
    rows = []
    for name in table.column_names:
        if str(table.schema.field(name).type) != "double":
            continue
        values = table[name].drop_null().to_numpy()
        finite = values[np.isfinite(values)]
        if finite.size:
            low, middle, high = (f"{x:.4g}" for x in np.quantile(finite, (0, 0.5, 1)))
            rows.append((name, low, middle, high))
    return line, rows


def fields_text(place: str) -> str:
    """A line for each setting of a target, with its default, and for what a run tells."""
    target = load(place)
    if target.defaults is None:
        return "any setting"
    width = max(map(len, (*target.defaults, *(target.says or ()))))
    lines = [
        f"  {name:<{width}}  {'must be given' if value is None else value}"
        for name, value in target.defaults.items()
    ]
    lines += ["a run tells:"] if target.says else []
    lines += [f"  {name:<{width}}  {words}" for name, words in (target.says or {}).items()]
    return "\n".join(lines)
