"""Settings that the paper leaves out: stated ranges, a space-filling search, every run kept.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.stats import qmc

from rdverify.tools.errors import InputError, require
from rdverify.tools.files import write_text
from rdverify.tools.progress import Reporter

Setting = dict[str, Any]
Evaluate = Callable[[Setting], Mapping[str, float]]
EvaluateMany = Callable[[list[Setting]], Sequence[Mapping[str, float] | Exception]]
BOOKKEEPING = ("design", "index", "error")


@dataclass(frozen=True)
class Axis:
    """One choice that the paper leaves open, with the range that is searched.

    Args:
        name: the setting's key.
        low, high: ends of the range, both reached; low < high.
        scale: "linear", "log" (needs low > 0) or "integer" (both ends included).
        choices: instead of a range, the values in question (all text, all
            numbers or all truth values).

    Raises:
        InputError: if the range is empty or not finite, or both forms are given.
    """

    name: str
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log", "integer"] = "linear"
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(self.choices))
        require(
            self.name not in (*BOOKKEEPING, ""),
            "name of an axis",
            self.name,
            f"a name other than {BOOKKEEPING}",
        )
        if self.choices:
            require(
                self.low is None and self.high is None,
                f"range of {self.name}",
                (self.low, self.high),
                "left out where choices are given",
            )
            require(
                len({type(choice) for choice in self.choices}) == 1,
                f"choices of {self.name}",
                self.choices,
                "values of one type",
            )
            require(
                len(set(self.choices)) == len(self.choices) >= 2,
                f"choices of {self.name}",
                self.choices,
                "at least two, all different",
            )
            return
        require(
            self.scale in ("linear", "log", "integer"),
            f"scale of {self.name}",
            self.scale,
            "linear, log or integer",
        )
        low = math.nan if self.low is None else self.low
        high = math.nan if self.high is None else self.high
        require(
            math.isfinite(low) and math.isfinite(high) and low < high,
            f"range of {self.name}",
            (self.low, self.high),
            "two finite numbers, low < high",
        )
        require(self.scale != "log" or low > 0, f"low of {self.name}", low, "> 0 on a log scale")
        require(
            self.scale != "integer" or (low == int(low) and high == int(high)),
            f"range of {self.name}",
            (low, high),
            "whole numbers on an integer scale",
        )

    def value(self, unit: float) -> Any:
        """The setting at position ``unit`` in [0, 1): equal shares of the (log) range."""
        if self.choices:
            return self.choices[min(int(unit * len(self.choices)), len(self.choices) - 1)]
        assert self.low is not None
        assert self.high is not None
        if self.scale == "integer":
            return min(int(self.low) + int(unit * (self.high - self.low + 1)), int(self.high))
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** unit)
        return float(self.low + unit * (self.high - self.low))

    def position(self, value: Any) -> float:
        """Where ``value`` lies on the axis, 0 at low and 1 at high, on its scale."""
        if self.choices:
            return self.choices.index(value) / (len(self.choices) - 1)
        assert self.low is not None
        assert self.high is not None
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (float(value) - self.low) / (self.high - self.low)

    def around(self, value: Any, share: float) -> Axis:
        """The axis narrowed to ``share`` of its (log) range around ``value``, cut at its ends.

        Choices stay as they are; an integer axis keeps at least two values.
        """
        require(0 < share <= 1, "share", share, "in (0, 1]")
        if self.choices:
            return self
        assert self.low is not None
        assert self.high is not None
        if self.scale == "log":
            factor = (self.high / self.low) ** (share / 2)
            return replace(
                self, low=max(self.low, value / factor), high=min(self.high, value * factor)
            )
        reach = share * (self.high - self.low) / 2
        if self.scale == "integer":
            reach = max(1, round(reach))
        return replace(self, low=max(self.low, value - reach), high=min(self.high, value + reach))

    def describe(self) -> dict[str, Any]:
        """The axis as plain values, for a record beside the runs."""
        if self.choices:
            return {"name": self.name, "choices": list(self.choices)}
        return {"name": self.name, "low": self.low, "high": self.high, "scale": self.scale}


def design(
    axes: Sequence[Axis], n: int, seed: int, method: Literal["sobol", "latin"] = "sobol"
) -> list[Setting]:
    """``n`` settings that fill the box of ``axes``: scrambled Sobol or Latin hypercube.

    The first points of a Sobol design are those of any longer one with the same
    seed, so that a search can be prolonged. Balance is best for n a power of 2.

    Args:
        axes: at least one, of different names.
        n: how many settings, >= 1.
        seed: of the scrambling (or of the hypercube), >= 0.
        method: "sobol" or "latin".

    Returns:
        one dict per setting, axis name -> Python value.

    Source: SciPy's ``stats.qmc``; Owen scrambling keeps the net's balance.
    """
    axes = list(axes)
    require(len(axes) > 0, "axes", axes, "at least one axis")
    names = [axis.name for axis in axes]
    require(len(set(names)) == len(names), "names of axes", names, "all different")
    require(isinstance(n, int) and n >= 1, "n", n, "a whole number >= 1")
    require(isinstance(seed, int) and seed >= 0, "seed", seed, "a whole number >= 0")
    require(method in ("sobol", "latin"), "method", method, "sobol or latin")
    points: npt.NDArray[np.float64]
    if method == "sobol":
        # drawn in full powers of two and cut: SciPy warns about unbalanced lengths
        sampler = qmc.Sobol(len(axes), scramble=True, seed=seed)
        points = sampler.random_base2(max(0, (n - 1).bit_length()))[:n]
    else:
        points = qmc.LatinHypercube(len(axes), seed=seed).random(n)
    return [
        {axis.name: axis.value(float(unit)) for axis, unit in zip(axes, row, strict=True)}
        for row in points
    ]  # points: (n, axes)


def search(
    axes: Sequence[Axis],
    n: int,
    seed: int,
    evaluate: Evaluate | None = None,
    path: Path | str | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    evaluate_many: EvaluateMany | None = None,
    chunk: int = 16,
    method: Literal["sobol", "latin"] = "sobol",
    name: str = "search",
) -> pd.DataFrame:
    """Evaluate a design over ``axes``; every run is kept, also one that failed.

    Args:
        axes: stated ranges, see :func:`design`.
        n: how many settings, see :func:`design`.
        seed: of the design, see :func:`design`.
        evaluate: setting -> numbers, or
        evaluate_many: settings -> numbers of each; see :func:`evaluate_settings`.
        path: CSV record that a stopped search goes on from.
        progress: where progress is told.
        workers: threads for ``evaluate``.
        chunk: settings between two writes.
        method: "sobol" or "latin".
        name: of the work, for the reader.

    Returns:
        the frame of :func:`evaluate_settings`, n rows.
    """
    stated = {"axes": [axis.describe() for axis in axes], "n": n, "seed": seed, "method": method}
    return evaluate_settings(
        design(axes, n, seed, method),
        evaluate,
        path,
        progress,
        workers,
        evaluate_many=evaluate_many,
        chunk=chunk,
        name=name,
        stated=stated,
    )


def evaluate_settings(
    settings: Sequence[Setting],
    evaluate: Evaluate | None = None,
    path: Path | str | None = None,
    progress: Reporter | None = None,
    workers: int = 1,
    *,
    evaluate_many: EvaluateMany | None = None,
    chunk: int = 16,
    name: str = "search",
    stated: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Evaluate settings in chunks, keep every row, and go on where a stopped run left off.

    Args:
        settings: dicts with equal keys.
        evaluate: setting -> column name -> number; an exception becomes the row's
            ``error``. Or, in its place,
        evaluate_many: list of settings -> one such mapping (or an exception) per
            setting, for models that run several at a time. If the call itself
            raises, the chunk is taken apart, one setting a call.
        path: CSV file; written anew, atomically, after every chunk. Rows already
            there are reused if they belong to the same design (hash of ``stated``
            or, without it, of the settings); otherwise all is done again and
            ``progress`` says why.
        progress: where progress is told.
        workers: threads for ``evaluate``; its heavy part must release the GIL.
        chunk: settings between two writes, and the length handed to ``evaluate_many``.
        name: of the work, for the reader.
        stated: what defines the design, plain values.

    Returns:
        frame with the columns design, index, the settings, the numbers, error
        ("" where the run succeeded), ordered by index.

    Raises:
        InputError: unless exactly one of both evaluators is given.
    """
    require(
        (evaluate is None) != (evaluate_many is None),
        "evaluate",
        (evaluate, evaluate_many),
        "given, or evaluate_many in its place, not both",
    )
    require(len(settings) > 0, "settings", list(settings), "at least one")
    require(chunk >= 1, "chunk", chunk, ">= 1")
    require(workers >= 1, "workers", workers, ">= 1")
    progress = progress or Reporter()
    keys = list(settings[0])
    for setting in settings:
        require(list(setting) == keys, "keys of a setting", list(setting), f"{keys}")
    digest = _digest(stated if stated is not None else {"settings": list(settings)})
    rows = _rows_done(Path(path), digest, progress, name) if path is not None else {}
    missing = [index for index in range(len(settings)) if index not in rows]
    if rows and missing:
        progress.say(f"{name}: {len(rows)} of {len(settings)} found in {path}, going on")
    with progress.task(name, len(settings)) as task:
        task.advance(len(settings) - len(missing))
        for start in range(0, len(missing), chunk):
            indices = missing[start : start + chunk]
            batch = [dict(settings[index]) for index in indices]
            outcomes = (
                _one_by_one(evaluate, batch, workers)
                if evaluate is not None
                else _together(evaluate_many, batch)
            )
            for index, setting, outcome in zip(indices, batch, outcomes, strict=True):
                rows[index] = {"design": digest, "index": index, **setting, **outcome}
            if path is not None:
                write_frame(path, _frame(rows, keys))
            task.advance(len(indices))
    return _frame(rows, keys)


def _one_by_one(evaluate: Evaluate, batch: list[Setting], workers: int) -> list[dict[str, Any]]:
    def attempt(setting: Setting) -> dict[str, Any]:
        try:
            return _outcome(evaluate(setting))
        except Exception as error:  # a failed run is a row of the record, too
            return _outcome(error)

    if workers == 1:
        return [attempt(setting) for setting in batch]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attempt, batch))


def _together(evaluate_many: EvaluateMany | None, batch: list[Setting]) -> list[dict[str, Any]]:
    assert evaluate_many is not None
    try:
        results = list(evaluate_many(batch))
        if len(results) != len(batch):
            raise ValueError(f"evaluate_many gave {len(results)} results for {len(batch)} settings")
        return [_outcome(result) for result in results]
    except Exception as error:  # find the one that spoils the batch
        if len(batch) == 1:
            return [_outcome(error)]
        return [_together(evaluate_many, [setting])[0] for setting in batch]


def _outcome(result: Mapping[str, float] | Exception) -> dict[str, Any]:
    if isinstance(result, Exception):
        return {"error": " ".join(f"{type(result).__name__}: {result}".split())}
    return {**{column: float(value) for column, value in result.items()}, "error": ""}


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rows_done(path: Path, digest: str, progress: Reporter, name: str) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        frame = read_frame(path)
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


def write_frame(path: Path | str, frame: pd.DataFrame) -> Path:
    """Write a frame as CSV, atomically; floats as their shortest exact decimal."""
    return write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def read_frame(path: Path | str) -> pd.DataFrame:
    """Read what :func:`write_frame` wrote, every float to its last bit.

    Raises:
        InputError: if the file is missing or is no record of a search.
    """
    try:
        frame = pd.read_csv(path, keep_default_na=False, dtype=str)
        if any(column not in frame for column in BOOKKEEPING):
            raise ValueError(f"columns {list(frame)[:6]}")
    except (OSError, ValueError) as error:
        raise InputError(
            f"search record = {str(path)!r} is not allowed "
            f"({' '.join(str(error).split())[:120]}): must be a CSV file with the "
            f"columns {', '.join(BOOKKEEPING)}"
        ) from error
    return pd.DataFrame(
        {
            column: frame[column]
            if column in ("design", "error")
            else _values(frame[column].tolist())
            for column in frame
        }
    )


def _values(texts: list[str]) -> list[Any]:
    """Truth values, whole numbers, floats or text, whichever all of them are; "" is NaN."""
    if texts and set(texts) <= {"True", "False"}:
        return [text == "True" for text in texts]
    # Python's own conversion is exact; that of a CSV reader depends on its version
    for convert in (int, float):
        try:
            return [
                math.nan if text == "" and convert is float else convert(text) for text in texts
            ]
        except ValueError:
            continue
    return list(texts)


def setting_of(row: Mapping[Any, Any], axes: Sequence[Axis]) -> Setting:
    """The setting of one row of a frame as plain Python values."""
    setting: Setting = {}
    for axis in axes:
        value = row[axis.name]
        setting[axis.name] = value.item() if hasattr(value, "item") else value
    return setting


def rank(frame: pd.DataFrame, targets: Mapping[str, float]) -> pd.DataFrame:
    """The frame with a column ``distance``, nearest first; failed runs last, at infinity.

    distance = max over the fitted columns c of |value_c - target_c| / |target_c|.

    Args:
        frame: runs, with a column for each target.
        targets: fitted column -> printed number, not 0. Only what stands here
            influences the order.
    """
    require(len(targets) > 0, "targets", dict(targets), "at least one column")
    absent = [column for column in targets if column not in frame]
    require(not absent, "targets", absent, f"columns of the frame: {list(frame)}")
    require(
        all(math.isfinite(value) and value != 0 for value in targets.values()),
        "targets",
        dict(targets),
        "finite numbers other than 0",
    )
    deviations = np.stack(
        [
            np.abs(frame[column].to_numpy(float) - target) / abs(target)
            for column, target in targets.items()
        ]
    )  # (targets, runs)
    distance = np.where(np.isfinite(deviations).all(axis=0), deviations.max(axis=0), np.inf)
    ranked = frame.assign(distance=distance)
    return ranked.sort_values("distance", kind="stable").reset_index(drop=True)


def admissible(frame: pd.DataFrame, targets: Mapping[str, float], within: float) -> pd.DataFrame:
    """The runs whose ``distance`` to the fitted targets is at most ``within``, nearest first."""
    require(math.isfinite(within) and within >= 0, "within", within, "finite and >= 0")
    ranked = rank(frame, targets)
    return ranked[ranked["distance"] <= within].reset_index(drop=True)


def spread_of(frame: pd.DataFrame, column: str, centre: float) -> float:
    """Largest distance of ``column`` from ``centre`` over the runs; 0 if there is none.

    Over :func:`admissible` runs this is the part "settings" of a tolerance.
    """
    values = frame[column].to_numpy(float)
    values = values[np.isfinite(values)]
    return float(np.abs(values - centre).max()) if values.size else 0.0


def sensitivity(frame: pd.DataFrame, axes: Sequence[Axis], columns: Sequence[str]) -> pd.DataFrame:
    """How each number moves with each choice, all the others held fixed, over the whole search.

    Per axis and column: the partial rank correlation (Spearman, the other axes
    regressed out) with its 95 % interval by Fisher's z, and ``change``, the
    slope of a linear regression on all axes, as the relative change of the
    column from the axis' low to its high end. An axis of choices gives one row
    per choice after the first, compared with the first.

    Args:
        frame: runs; failed ones are left out.
        axes: those of the search.
        columns: numbers of the frame.

    Returns:
        frame with axis, column, correlation, low, high, change, runs.

    Source: Saltelli et al., Global Sensitivity Analysis, 2008, section 1.2.
    """
    rows: list[dict[str, Any]] = []
    for column in columns:
        runs = frame[np.isfinite(frame[column].to_numpy(float))]
        labels, inputs = _inputs(runs, axes)
        values = runs[column].to_numpy(float)
        n, k = inputs.shape
        require(n >= k + 4, f"runs with {column}", n, f"at least {k + 4} for {k} axes")
        ranks = np.apply_along_axis(stats.rankdata, 0, inputs)
        slopes = np.linalg.lstsq(np.column_stack([np.ones(n), inputs]), values, rcond=None)[0]
        for j, label in enumerate(labels):
            others = np.column_stack([np.ones(n), np.delete(ranks, j, axis=1)])
            correlation = _correlation(
                _residual(others, ranks[:, j]), _residual(others, stats.rankdata(values))
            )
            reach = stats.norm.ppf(0.975) / math.sqrt(n - k - 2)
            middle = math.atanh(min(max(correlation, -1 + 1e-12), 1 - 1e-12))
            rows.append(
                {
                    "axis": label,
                    "column": column,
                    "correlation": correlation,
                    "low": math.tanh(middle - reach),
                    "high": math.tanh(middle + reach),
                    "change": float(slopes[j + 1] / abs(values.mean())),
                    "runs": n,
                }
            )
    return pd.DataFrame(rows)


def _inputs(runs: pd.DataFrame, axes: Sequence[Axis]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Axis positions, shape (runs, inputs); one indicator per choice after the first."""
    labels: list[str] = []
    inputs: list[npt.NDArray[np.float64]] = []
    for axis in axes:
        if axis.choices:
            for choice in axis.choices[1:]:
                labels.append(f"{axis.name}={choice}")
                inputs.append((runs[axis.name] == choice).to_numpy(float))
        else:
            labels.append(axis.name)
            inputs.append(np.array([axis.position(value) for value in runs[axis.name]], float))
    return labels, np.column_stack(inputs)


def _residual(
    inputs: npt.NDArray[np.float64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    fitted = inputs @ np.linalg.lstsq(inputs, values, rcond=None)[0]
    return np.asarray(values - fitted, dtype=np.float64)


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 1e-12 * len(a) else 0.0


def record_of(axes: Sequence[Axis], **more: Any) -> dict[str, Any]:
    """Axes and further facts (n, seed, date, hardware) as plain values, to stand beside a CSV."""
    return {"axes": [axis.describe() for axis in axes], **more}


__all__ = [
    "Axis",
    "Setting",
    "admissible",
    "design",
    "evaluate_settings",
    "rank",
    "read_frame",
    "record_of",
    "search",
    "sensitivity",
    "setting_of",
    "spread_of",
    "write_frame",
]
