"""A space-filling search over settings that the paper leaves out; every run is kept.

The order of work that keeps it honest: state the axes, evaluate a design that
fills them, rank by the *fitted* numbers alone, choose, and only then look at
the numbers that were not fitted. Nothing here knows any model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from rdverify.study.frames import read_frame, write_frame
from rdverify.study.ranking import admissible, rank, spread_of
from rdverify.study.sensitivity import sensitivity
from rdverify.sweep.axes import BOOKKEEPING, Axis, Setting, setting_of
from rdverify.sweep.design import design
from rdverify.sweep.pools import threads
from rdverify.sweep.record import Record, digest
from rdverify.sweep.run import run_all
from rdverify.sweep.target import attempted
from rdverify.tools.errors import require
from rdverify.tools.progress import Reporter

Evaluate = Callable[[Setting], Mapping[str, float]]
MACHINE = (MemoryError, OSError)  # no result of a setting
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
    folder: Path | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    name: str = "search",
) -> pd.DataFrame:
    """Evaluate a design over ``axes``; every run is kept, also one that failed.

    Args:
        axes: stated ranges, see :func:`design`.
        n: how many settings, see :func:`design`.
        seed: of the design, see :func:`design`.
        evaluate: setting -> numbers.
        folder: of the record that a stopped search goes on from.
        progress: where progress is told.
        workers: threads for ``evaluate``.
        name: of the work, for the reader.

    Returns:
        the frame of :func:`evaluate_settings`, n rows.
    """
    stated = {"axes": [axis.describe() for axis in axes], "n": n, "seed": seed, "method": "sobol"}
    settings = design(axes, n, seed)
    return evaluate_settings(
        settings, evaluate, folder, progress, workers, name=name, stated=stated
    )


def evaluate_settings(
    settings: Sequence[Setting],
    evaluate: Evaluate,
    folder: Path | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    name: str = "search",
    stated: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Evaluate settings as a sweep does, on threads, and go on where a stopped run left off.

    Args:
        settings: dicts with equal keys.
        evaluate: setting -> column name -> number; an exception becomes the row's
            ``error``, but for those of :data:`MACHINE`, which end the search: resumed, it
            tries the row again.
        folder: of the records of this search, one for each design, named by its digest: that
            of ``stated`` or, without it, of the settings. Rows of this design are not done again.
        progress: where progress is told.
        workers: threads for ``evaluate``; its heavy part must release the GIL.
        name: of the work, for the reader.
        stated: what defines the design, plain values.

    Returns:
        frame with the columns design, index, the settings, the numbers, error
        ("" where the run succeeded), ordered by index.

    Raises:
        InputError: if the settings' keys differ.
    """
    require(len(settings) > 0, "settings", list(settings), "at least one")
    keys = list(settings[0])
    for setting in settings:
        require(list(setting) == keys, "keys of a setting", list(setting), f"{keys}")
    progress = progress or Reporter()
    stated = stated if stated is not None else {"settings": list(settings)}
    with TemporaryDirectory() as passing, threads(workers) as pool:
        place = (folder or Path(passing)) / digest(stated)
        record = Record(place, stated, lambda index: dict(settings[index]), len(settings), progress)
        run_all(
            settings, partial(attempted, evaluate, through=MACHINE), pool, record, progress, name
        )
        frame = pd.read_parquet(record.finish())
    frame.insert(0, "design", record.design)
    numbers = [name for name in frame if name not in (*BOOKKEEPING, *keys)]
    return frame.astype(dict.fromkeys(numbers, float))
