"""Table 1's three LSTM rows: cells with their tolerance parts and the control of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from rdverify.balance import balance_of
from rdverify.lstm import SequenceModel
from rdverify.lstm.study.protocol import READING
from rdverify.lstm.study.rows import ROWS, VARIANTS, Row, read
from rdverify.lstm.study.runs import Runs
from rdverify.study import QUANTITIES, Cell, Control, Part, Quantity
from rdverify.study.ranking import spread_of
from rdverify.trace import FloatArray

PLATFORM = 1e-4  # relative; re-evaluating shipped weights elsewhere


NOTE = (
    "By the one declared protocol, which aims at no printed number. Print states none of its "
    "settings, so that only what no setting of the search gives is refuted; what a fit reaches "
    "stands in the tables of the appendix."
)


def cells(runs: Runs) -> list[Cell]:
    """The nine cells by the declared protocol; R follows from its row's two M's."""
    return [cell for row in ROWS for cell in cells_of(runs, row)]


def cells_of(runs: Runs, row: Row) -> list[Cell]:
    """The three cells of a row."""
    drift = platform_drift(runs.networks[row.key]["declared"][:3], runs.unseen[row.key], READING)
    untrained = runs.values("untrained", row.key)
    found = []
    for quantity, values in runs.values("declared", row.key).items():
        mean = float(values.mean())
        everything = runs.everything(row.key)
        parts = (
            Part(
                "platform",
                max(PLATFORM, 3 * drift) * mean,
                f"the larger of {PLATFORM:g} of the value and thrice the largest difference "
                "measured between float32 and float64 and between one thread and two",
            ),
            Part(
                "monte-carlo",
                sampling(runs, row, quantity),
                "95 % of a network's mean over 64 unseen sequences, by their spread; all networks "
                "read the same ones",
            ),
            Part(
                "settings",
                spread_of(everything, quantity, mean),
                "largest distance over all settings and readings of the search, which are what "
                f"print leaves open ({len(everything)} on {row.setting})",
            ),
        )
        control = untrained[quantity]
        what = "the same networks before training, same data"
        found.append(
            Cell(
                row,
                quantity,
                values,
                fitted=False,
                parts=parts,
                note=f"{NOTE} Read: {VARIANTS[READING]}.",
                control=Control(what, float(control.mean()), control),
                follows="the quotient of this row's two M's" if quantity == "r" else "",
            )
        )
    return found


def sampling(runs: Runs, row: Row, quantity: Quantity) -> float:
    """Half width of the 95 % interval of a network's mean over its sequences, mean of networks."""
    each = [getattr(balance, f"{quantity}_runs") for balance in runs.balances["declared", row.key]]
    count = len(each[0])
    spread = float(np.mean([values.std(ddof=1) for values in each])) if count > 1 else 0.0
    return 1.96 * spread / float(count**0.5)


def platform_drift(models: list[SequenceModel], x: FloatArray, variant: str) -> float:
    """Largest relative difference of M's and R of float64, and of two threads, from the plain."""
    worst = 0.0
    threads = torch.get_num_threads()
    for model in models:
        plain = balance_of(read(model, x, variant))
        wide = SequenceModel(model.lstm.hidden_size, torch.float64)
        wide.load_state_dict(model.state_dict())
        others = [balance_of(read(wide.eval(), x, variant))]
        torch.set_num_threads(2)
        try:
            others.append(balance_of(read(model, x, variant)))
        finally:
            torch.set_num_threads(threads)
        for other in others:
            for name in QUANTITIES:
                worst = max(worst, abs(getattr(other, name) / getattr(plain, name) - 1))
    return worst


def brackets(values: pd.Series, target: float) -> bool:
    """Whether ``target`` lies between the least and the greatest value; False where none is."""
    return bool(len(values) and values.min() <= target <= values.max())
