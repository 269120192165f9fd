"""Appendix of the LSTM study: which printed numbers a fit reaches, and with what reading.

A fit says that a number can be had, no more: its M's were aimed at, and each row's networks are
trained and read in a way of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdverify.lstm.study.cells import brackets
from rdverify.lstm.study.choice import finalists
from rdverify.lstm.study.networks import RELAXING, RELAXING_FREE
from rdverify.lstm.study.rows import ROWS, VARIANTS, Row
from rdverify.lstm.study.runs import FITTED, Runs
from rdverify.lstm.study.settings import CLOSE_M, CLOSE_R
from rdverify.study import QUANTITIES, Table
from rdverify.study.tolerance import interval_of, rounding_half_width

Line = dict[str, Any]
NAMES: Mapping[str, str] = {
    "best": "fitted to the row",
    "common": "fitted to all rows",
    "relaxing": "relaxing",
    "relaxing_free": "relaxing, stronger",
}


def appendix(runs: Runs) -> dict[str, Table]:
    """Fits on fresh seeds, what they reach, and the nearest settings of the search."""
    searched = sum(len(frame) for frame in runs.frames.values())
    kinds = [(row, kind) for kind in FITTED for row in ROWS if kind in runs.networks[row.key]]
    return {
        "lstm-fits": Table(
            "LSTM, appendix: fitted settings on ten seeds that no search has used "
            "(mean ± standard deviation)",
            [fit(runs, row, kind) for row, kind in kinds],
        ),
        "lstm-reach": Table(
            "LSTM, appendix: is each printed number reached by a fit, and by which?",
            [line for row in ROWS for line in reach(runs, row)],
        ),
        "lstm-ranking": Table(
            f"LSTM, appendix: the nearest of {searched} trainings read in up to {len(VARIANTS)} "
            "ways (mean over the seeds of a setting). The choice looks at the M's alone; the "
            "last line of each row, stage 4's closest settings, and Van der Pol's stages 2b, 5 "
            "and 6, look at R as well",
            [line for row in ROWS for line in ranking(runs, row)],
        ),
    }


def words(row: Row, setting: Mapping[Any, Any]) -> str:
    """A setting in one line."""
    shown = {
        name: f"{setting[name]:.3g}" if isinstance(setting[name], float) else setting[name]
        for name in row.names
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def fit(runs: Runs, row: Row, kind: str) -> Line:
    """What ten seeds of a kind give beside print."""
    values, printed = runs.values(kind, row.key), runs.targets[row.key]
    off = {q: abs(float(each.mean()) - printed[q]) for q, each in values.items()}
    close = off["r"] <= CLOSE_R and all(
        off[q] <= CLOSE_M * printed[q] for q in ("m_react", "m_diff")
    )
    line: Line = {"Row": row.setting, "Kind": NAMES.get(kind, kind)}
    if kind in FITTED:
        own = {"relaxing": RELAXING, "relaxing_free": RELAXING_FREE}
        setting = own[kind] if kind in own else runs.choice[kind][row.key].setting
        line["Setting"] = words(row, setting)
    measured: Line = {
        "Reading": runs.reading(kind, row.key),
        **{q: f"{x.mean():.4f} ± {x.std(ddof=1):.4f}" for q, x in values.items()},
        "Printed": " / ".join(runs.printed[row.key][q] for q in QUANTITIES),
        "Within 5 %, 5 %, 0.01": close,
    }
    return line | measured


def reach(runs: Runs, row: Row) -> list[Line]:
    """For each number of a row: reached, reachable or outside everything tried."""
    lines = []
    everything, near = runs.everything(row.key), runs.near(row.key)
    kinds = [kind for kind in FITTED if kind in runs.networks[row.key]]
    for quantity, target in runs.targets[row.key].items():
        printed = runs.printed[row.key][quantity]
        half = rounding_half_width(printed)
        reached = []
        for kind in kinds:
            interval = interval_of(runs.values(kind, row.key)[quantity])
            if interval.predicted_low - half <= target <= interval.predicted_high + half:
                reached.append(f"{NAMES[kind]} (read: {runs.reading(kind, row.key)})")
        tried, close = everything[quantity], near[quantity]
        if reached:
            verdict = f"REACHED by one run of {', of '.join(reached)}"
        elif brackets(tried, target):
            verdict = "reachable: other settings of the search lie on both sides of it"
        else:
            verdict = "outside everything tried"
        lines.append(
            {
                "Row": row.setting,
                "Number": quantity,
                "Printed": printed,
                "All tried": f"[{tried.min():.3g}, {tried.max():.3g}]",
                "Searched with both M's within 5 %": (
                    f"[{close.min():.4f}, {close.max():.4f}]" if len(close) else "none"
                ),
                "In words": verdict,
            }
        )
    return lines


def ranking(runs: Runs, row: Row, count: int = 2) -> list[Line]:
    """The nearest settings of a row, repeated ones by the mean over their seeds."""
    printed = runs.targets[row.key]
    near = finalists(row, runs.frames[row.key], printed)
    nearest = near.head(count).to_dict("records")
    # and the nearest one in all three numbers, which the choice does not look at
    nearest += near.sort_values("score", kind="stable").head(1).to_dict("records")
    return [
        {
            "Row": row.setting,
            "Nearest": "in all three" if place == count else "in the M's",
            "Setting": words(row, line),
            "Reading": line["variant"],
            "Seeds": line["seeds"],
            "M_react": line["m_react"],
            "M_diff": line["m_diff"],
            "Largest misfit of the M's": f"{line['distance']:.2%}",
            "R": line["r"],
            "R - print": line["r"] - printed["r"],
            "Within 5 %, 5 %, 0.01": bool(line["score"] <= 1),
        }
        for place, line in enumerate(nearest)
    ]
