"""The balance along a training: both metrics of weights kept at several steps."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdverify.balance import balance_of
from rdverify.ddpm import sample
from rdverify.ddpm.card_record import read_card
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.study.quality_record import six_digits
from rdverify.ddpm.unet import load_unet
from rdverify.study.frames import read_frame, write_frame
from rdverify.tools.errors import require
from rdverify.tools.progress import ConsoleReporter, Reporter

COLUMNS = [
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
]
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
    known = (
        read_frame(out, COLUMNS, ("dataset", "weights"))
        if out.exists()
        else pd.DataFrame(columns=COLUMNS)
    )
    done = set(zip(known["dataset"], known["step"], known["weights"], strict=True))
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
        if (weights == "ema" and step < last) or (dataset, step, weights) in done:
            continue
        line = {"dataset": dataset, "step": step, "weights": weights}
        line |= measure_weights(path, images)
        line["validation_mse"] = errors.get((step, weights), math.nan)
        new = pd.DataFrame([line], columns=COLUMNS).map(six_digits)
        # by rows: pandas' concat guesses types where a column is empty
        rows = [*known.to_dict("records"), *new.to_dict("records")]
        known = pd.DataFrame(rows, columns=COLUMNS)
        (progress or Reporter()).say(f"{dataset} step {step} {weights}: R = {line['r']:.5f}")
        write_frame(out, known.sort_values(["dataset", "weights", "step"]))


def measure_trainings(trainings: Sequence[str], out: Path) -> None:
    """One record from the snapshots of several trainings, each given as ``CARD.json=FOLDER``."""
    for training in trainings:
        path, _, folder = training.partition("=")
        require(
            Path(path).is_file() and Path(folder).is_dir(),
            "training",
            training,
            "CARD.json=FOLDER, a card and the folder of its snapshots",
        )
        card = read_card(Path(path))
        measure_training(out, card["dataset"], Path(folder), card=card, progress=ConsoleReporter())
