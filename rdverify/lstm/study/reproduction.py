"""How much of Table 1's LSTM block one protocol gives: the declared one, and the luckiest tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.protocol import OTHER_RATE
from rdverify.lstm.study.rows import KEYS
from rdverify.lstm.study.runs import Runs
from rdverify.lstm.study.settings import CLOSE_M, CLOSE_R, PROTOCOL, Target
from rdverify.study import QUANTITIES, Quantity
from rdverify.study.tolerance import interval_of, rounding_half_width

BAR = f"M's within {CLOSE_M:.0%} and R within {CLOSE_R:g} of print"


BOTH_RATES = {"declared": "the declared protocol", "slower": f"Adam at {OTHER_RATE:g} instead"}
FIRST_PAGE = "says how much of Table 1 one protocol gives, for the report's first page"


@fact(
    "lstm.{plan}.reproduced",
    f"how many of Table 1's nine LSTM numbers the mean of ten networks gives ({BAR}; {{plan}})",
    serves=FIRST_PAGE,
    plan=BOTH_RATES,
)
def reproduced(runs: Runs, plan: str) -> float:
    """By a kind of networks, "declared" or "slower"."""
    found = {key: {q: x.mean() for q, x in runs.values(plan, key).items()} for key in KEYS}
    return float(sum(hits(found[key], runs.targets[key]) for key in KEYS))


def in_one_run(runs: Runs, plan: str, key: str, quantity: Quantity) -> bool:
    """Whether print lies inside the 95 % interval of one more run."""
    interval = interval_of(runs.values(plan, key)[quantity])
    half = rounding_half_width(runs.printed[key][quantity])
    off = abs(runs.targets[key][quantity] - interval.mean)
    return off <= interval.predicted_high - interval.mean + half


@fact(
    "lstm.{plan}.{numbers}_in_one_run",
    "how many of Table 1's LSTM {numbers} lie inside the 95 % interval of one run ({plan})",
    serves=FIRST_PAGE,
    plan=BOTH_RATES,
    numbers={"sizes": "M's (of six)", "ratios": "R's (of three)"},
)
def inside_one_run(runs: Runs, plan: str, numbers: str) -> float:
    """Of the M's ("sizes") or the R's ("ratios")."""
    wanted: tuple[Quantity, ...] = ("r",) if numbers == "ratios" else ("m_react", "m_diff")
    return float(sum(in_one_run(runs, plan, key, q) for key in KEYS for q in wanted))


@fact(
    "lstm.search.reproduced",
    "most of Table 1's nine LSTM numbers that one training protocol and reading of the search "
    f"gives, each row with its luckiest data setting and seed ({BAR})",
    serves=FIRST_PAGE,
)
def search_reproduced(runs: Runs) -> float:
    """By the search's luckiest protocol."""
    best = []
    for key in KEYS:
        table = runs.tried[key]
        numbers = {q: table[q].to_numpy(float) for q in QUANTITIES}
        table = table.assign(hits=hits(numbers, runs.targets[key]))
        best.append(table.groupby(PROTOCOL)["hits"].max())
    return float(pd.concat(best, axis=1).dropna().sum(axis=1).max())


def hits(found: Mapping[Quantity, Any], printed: Target) -> Any:
    """How many of a row's numbers lie within the bar, for numbers or arrays of them."""
    off = {q: np.abs(np.asarray(found[q]) - printed[q]) for q in QUANTITIES}
    within = [off[q] <= CLOSE_M * printed[q] for q in ("m_react", "m_diff")]
    return sum((part.astype(int) for part in within), (off["r"] <= CLOSE_R).astype(int))
