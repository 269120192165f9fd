"""Table 1's three LSTM rows: cells with their tolerance parts and the control of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from rdverify.balance import balance_of
from rdverify.lstm import SequenceModel
from rdverify.lstm.study.choice import ADMISSIBLE
from rdverify.lstm.study.rows import ROWS, VARIANTS, Row, read
from rdverify.lstm.study.runs import Runs
from rdverify.study import QUANTITIES, Cell, Control, Part, Quantity
from rdverify.study.ranking import spread_of
from rdverify.trace import FloatArray

PLATFORM = 1e-4  # relative; re-evaluating shipped weights elsewhere


def cells(runs: Runs) -> list[Cell]:
    """The nine cells: both M's of a row fitted, R predicted."""
    return [cell for row in ROWS for cell in cells_of(runs, row)]


def cells_of(runs: Runs, row: Row) -> list[Cell]:
    """The three cells of a row."""
    variant, printed = runs.variant(row.key), runs.targets[row.key]
    drift = platform_drift(runs.networks[row.key]["best"][:3], runs.unseen[row.key], variant)
    everything, near = runs.tried[row.key], runs.near(row.key)
    found = []
    for quantity, values in runs.values("best", row.key).items():
        mean = float(values.mean())
        parts = [
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
        ]
        note = (
            "Fitted: chosen by the two M's. The settings are ours; the paper states none of them."
        )
        if quantity == "r":
            parts.append(
                Part(
                    "settings",
                    spread_of(near, "r", mean),
                    "largest distance of R over all settings and readings of the search "
                    f"whose two M's lie within {ADMISSIBLE:.0%} of print "
                    f"({len(near)} on {row.setting})",
                )
            )
            note = (
                "Predicted, but R is the quotient of the two fitted M's: within 5 % each they "
                "leave it free by 10 %, and no further."
            )
            if not brackets(near["r"], printed["r"]):
                either = brackets(everything["r"], printed["r"])
                others = "; others have R on both sides of it" if either else ""
                note += f" No setting of the search whose M's come that near has this R{others}."
        untrained = float(runs.values("untrained", row.key)[quantity].mean())
        found.append(
            Cell(
                row,
                quantity,
                values,
                fitted=quantity != "r",
                parts=tuple(parts),
                note=f"{note} Read: {VARIANTS[variant]}.",
                control=Control("the same networks before training, same data", untrained),
            )
        )
    return found


def sampling(runs: Runs, row: Row, quantity: Quantity) -> float:
    """Half width of the 95 % interval of a network's mean over its sequences, mean of networks."""
    each = [getattr(balance, f"{quantity}_runs") for balance in runs.balances["best", row.key]]
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
