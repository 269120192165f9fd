"""A space-filling search over settings that the paper leaves out; every run is kept.

The order of work that keeps it honest: state the axes, evaluate a design that
fills them, rank by the *fitted* numbers alone, choose, and only then look at
the numbers that were not fitted. Nothing here knows any model.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rdverify.study.axes import BOOKKEEPING, Axis, Setting, design, setting_of
from rdverify.study.frames import read_frame, write_frame
from rdverify.study.ranking import admissible, rank, spread_of
from rdverify.study.sensitivity import sensitivity
from rdverify.tools.errors import InputError, one_line, require, require_integer
from rdverify.tools.files import check_output_folder
from rdverify.tools.progress import Reporter

Evaluate = Callable[[Setting], Mapping[str, float]]
__all__ = [
    "Axis",
    "Setting",
    "admissible",
    "design",
    "evaluate_settings",
    "rank",
    "read_frame",
    "search",
    "sensitivity",
    "setting_of",
    "spread_of",
    "write_frame",
]


def search(
    axes: Sequence[Axis],
    n: int,
    seed: int,
    evaluate: Evaluate,
    path: Path | str | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    chunk: int = 16,
    name: str = "search",
) -> pd.DataFrame:
    """Evaluate a design over ``axes``; every run is kept, also one that failed.

    Args:
        axes: stated ranges, see :func:`design`.
        n: how many settings, see :func:`design`.
        seed: of the design, see :func:`design`.
        evaluate: setting -> numbers.
        path: CSV record that a stopped search goes on from.
        progress: where progress is told.
        workers: threads for ``evaluate``.
        chunk: settings between two writes.
        name: of the work, for the reader.

    Returns:
        the frame of :func:`evaluate_settings`, n rows.
    """
    stated = {"axes": [axis.describe() for axis in axes], "n": n, "seed": seed, "method": "sobol"}
    return evaluate_settings(
        design(axes, n, seed),
        evaluate,
        path,
        progress,
        workers,
        chunk=chunk,
        name=name,
        stated=stated,
    )


def evaluate_settings(
    settings: Sequence[Setting],
    evaluate: Evaluate,
    path: Path | str | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    chunk: int = 16,
    name: str = "search",
    stated: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Evaluate settings in chunks, keep every row, and go on where a stopped run left off.

    Args:
        settings: dicts with equal keys.
        evaluate: setting -> column name -> number; an exception becomes the row's
            ``error``, but for MemoryError and OSError, which end the search: resumed, it tries
            the row again.
        path: CSV file; written anew, atomically, after every chunk. Rows already
            there are reused if they belong to the same design (hash of ``stated``
            or, without it, of the settings); otherwise all is done again and
            ``progress`` says why.
        progress: where progress is told.
        workers: threads for ``evaluate``; its heavy part must release the GIL.
        chunk: settings between two writes.
        name: of the work, for the reader.
        stated: what defines the design, plain values.

    Returns:
        frame with the columns design, index, the settings, the numbers, error
        ("" where the run succeeded), ordered by index.

    Raises:
        InputError: if the settings' keys differ.
    """
    require(len(settings) > 0, "settings", list(settings), "at least one")
    require_integer("chunk", chunk, 1)
    require_integer("workers", workers, 1)
    progress = progress or Reporter()
    keys = list(settings[0])
    for setting in settings:
        require(list(setting) == keys, "keys of a setting", list(setting), f"{keys}")
    digest = _digest(stated if stated is not None else {"settings": list(settings)})
    rows = _rows_done(Path(path), digest, progress, name) if path is not None else {}
    missing = [index for index in range(len(settings)) if index not in rows]
    if missing and path is not None:
        check_output_folder(Path(path).parent)
    if rows and missing:
        progress.say(f"{name}: {len(rows)} of {len(settings)} found in {path}, going on")
    with progress.task(name, len(settings)) as task:
        task.advance(len(settings) - len(missing))
        for start in range(0, len(missing), chunk):
            indices = missing[start : start + chunk]
            batch = [dict(settings[index]) for index in indices]
            outcomes = _attempt_all(evaluate, batch, workers)
            for index, setting, outcome in zip(indices, batch, outcomes, strict=True):
                rows[index] = {"design": digest, "index": index, **setting, **outcome}
            if path is not None:
                write_frame(path, _frame(rows, keys))
            task.advance(len(indices))
    return _frame(rows, keys)


def _attempt_all(evaluate: Evaluate, batch: list[Setting], workers: int) -> list[dict[str, Any]]:
    attempt = partial(_attempt, evaluate)
    if workers == 1:  # in this thread, where an interruption ends it at once
        return list(map(attempt, batch))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attempt, batch))


def _attempt(evaluate: Evaluate, setting: Setting) -> dict[str, Any]:
    """One row's numbers; a failed run is a row of the record, too, but not the machine's fault."""
    try:
        numbers = evaluate(setting)
        return {**{column: float(value) for column, value in numbers.items()}, "error": ""}
    except (MemoryError, OSError):
        raise
    except Exception as error:
        return {"error": one_line(error, most=10_000, kind=True)}


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rows_done(path: Path, digest: str, progress: Reporter, name: str) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        frame = read_frame(path, BOOKKEEPING)
    except InputError as error:
        progress.say(f"{name}: starts anew, {error}")
        return {}
    found = sorted(set(frame["design"]))
    if found != [digest]:
        progress.say(
            f"{name}: starts anew, {path} holds design {', '.join(map(str, found))} "
            f"and this is {digest} (axes, length, seed or settings changed)"
        )
        return {}
    # NaN marks a column that this row has not; it comes back when the frame is built
    return {
        int(row["index"]): {
            str(key): value
            for key, value in row.items()
            if not (isinstance(value, float) and math.isnan(value))
        }
        for row in frame.to_dict("records")
    }


def _frame(rows: Mapping[int, Mapping[str, Any]], keys: Sequence[str]) -> pd.DataFrame:
    ordered = [rows[index] for index in sorted(rows)]
    numbers = list(
        dict.fromkeys(
            column for row in ordered for column in row if column not in (*BOOKKEEPING, *keys)
        )
    )
    columns = ["design", "index", *keys, *numbers, "error"]
    frame = pd.DataFrame([dict(row) for row in ordered], columns=columns)
    return frame.astype(dict.fromkeys(numbers, float))
