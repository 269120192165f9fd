"""The balance along a training: both metrics of weights kept at several steps.

On the command line: ``python -m rdverify.ddpm.study.training_curve OUT.csv CARD.json=FOLDER ...``,
each card beside the weights that the snapshots in the folder led to.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rdverify.balance import balance_of
from rdverify.ddpm import sample
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.unet import load_unet
from rdverify.tools.errors import InputError
from rdverify.tools.files import write_text
from rdverify.tools.progress import ConsoleReporter, Reporter

COLUMNS = (
    "dataset",
    "step",
    "weights",
    "n",
    "m_react",
    "m_react_sd",
    "m_diff",
    "m_diff_sd",
    "r",
    "r_sd",
    "final_ratio",
    "final_ratio_sd",
    "epsilon_norm",
    "validation_mse",
)
_NAME = re.compile(r"step-(\d+)-(raw|ema)\.safetensors")


def measure_weights(
    path: Path, images: int = 8, seed: int = 0, schedule: Schedule | None = None
) -> dict[str, Any]:
    """Means and standard deviations over trajectories of one file's network.

    Args:
        path: weights, as ``save_unet`` writes them.
        images: n, trajectories over the full chain.
        seed: of the noise; equal seeds give equal noise to all weights.
        schedule: beta_t; default linear, T = 1000.

    Returns:
        n, m_react and m_diff (Eqs. 14 in the drift reading, 17), r (Eq. 18), the final
        ratio (Eq. 20 as corrected, last step), each with its standard deviation over
        trajectories, and epsilon_norm, the mean of ||eps_theta|| (Eq. 14 as printed).

    """
    _, trace = sample(load_unet(path), schedule or Schedule.linear(), images=images, seed=seed)
    balance = balance_of(trace)
    row: dict[str, Any] = {"n": images}
    for name, values in (
        ("m_react", balance.m_react_runs),
        ("m_diff", balance.m_diff_runs),
        ("r", balance.r_runs),
        ("final_ratio", balance.r_t[:, -1]),
    ):
        row[name] = float(np.mean(values))
        row[f"{name}_sd"] = float(np.std(values, ddof=1)) if images > 1 else 0.0
    row["epsilon_norm"] = float(trace.extras["epsilon"].mean())
    return row


def measure_training(
    out: Path,
    dataset: str,
    folder: Path,
    *,
    card: Mapping[str, Any] | None = None,
    images: int = 8,
    progress: Reporter | None = None,
) -> None:
    """Add to ``out`` the raw weights of every step kept in ``folder``, and the last averaged ones.

    Rows that are there already are kept.

    Args:
        out: a .csv file of the columns ``COLUMNS``.
        dataset: for the column of that name.
        folder: of "step-00100-raw.safetensors", "-ema", as training leaves them.
        card: of the training, for the epsilon-MSE on held-out images at each step.
        images: trajectories a row.
        progress: where progress is told.

    """
    rows = read_rows(out)
    errors = {
        (entry["step"], kind): entry[f"mse_{kind}"]
        for entry in (card or {}).get("validation", [])
        for kind in ("raw", "ema")
    }
    found = sorted(
        (int(match[1]), match[2], path)
        for path in folder.glob("*.safetensors")
        if (match := _NAME.fullmatch(path.name))
    )
    last = max((step for step, _, _ in found), default=0)
    for step, weights, path in found:
        if weights == "ema" and step < last:
            continue
        if (dataset, step, weights) in {(r["dataset"], int(r["step"]), r["weights"]) for r in rows}:
            continue
        measured = measure_weights(path, images)
        mse = errors.get((step, weights), "")
        rows.append(
            {
                "dataset": dataset,
                "step": step,
                "weights": weights,
                **{
                    name: f"{value:.6g}" if isinstance(value, float) else value
                    for name, value in {**measured, "validation_mse": mse}.items()
                },
            }
        )
        (progress or Reporter()).say(f"{dataset} step {step} {weights}: R = {measured['r']:.5f}")
        write_rows(out, rows)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a record, or none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InputError(
                f"record = {str(path)!r} is not allowed: must have the columns {', '.join(COLUMNS)}"
            )
        return list(reader)


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a record, atomically, ordered by data set, kind of weights and step."""
    order = sorted(rows, key=lambda row: (row["dataset"], row["weights"], int(row["step"])))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(order)
    write_text(path, stream.getvalue())


def main(arguments: Sequence[str]) -> None:
    """One record from the folders of several trainings."""
    out, *pairs = arguments
    for pair in pairs:
        path, _, folder = pair.partition("=")
        card = json.loads(Path(path).read_text(encoding="utf-8"))
        measure_training(
            Path(out), card["dataset"], Path(folder), card=card, progress=ConsoleReporter()
        )


if __name__ == "__main__":
    main(sys.argv[1:])
