"""Tables and cells of the LSTM study, from the search's record and the recorded networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rdverify.lstm.study.choice import ADMISSIBLE, Chosen, finalists
from rdverify.lstm.study.rows import ROWS, TRAINING, VARIANTS, Row
from rdverify.lstm.study.settings import CLOSE_M, CLOSE_R, distances, names_of
from rdverify.study import Control, MeasuredCell, Quantity, Table
from rdverify.study.search import Axis, sensitivity, spread_of
from rdverify.study.tolerance import Part, interval_of, rounding_half_width

FloatArray = npt.NDArray[np.float64]
QUANTITIES: tuple[Quantity, ...] = ("m_react", "m_diff", "r")
PLATFORM = 1e-4  # relative; re-evaluating shipped weights elsewhere


def printed(row: Row) -> dict[Quantity, float]:
    """The row's numbers of Table 1."""
    return {"m_react": row.m_react, "m_diff": row.m_diff, "r": row.r}


def words(row: Row, chosen: Chosen | Mapping[str, Any]) -> str:
    """A setting in one line."""
    setting = chosen.setting if isinstance(chosen, Chosen) else chosen
    return ", ".join(f"{name} {_short(setting[name])}" for name in names_of(row))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def cells(
    row: Row,
    frame: pd.DataFrame,
    chosen: Chosen,
    runs: Mapping[str, FloatArray],
    drift: float,
    sampling: Mapping[str, float],
    untrained: Mapping[str, FloatArray],
) -> list[MeasuredCell]:
    """The row's three cells: both M's fitted, R predicted.

    Args:
        row: of Table 1.
        frame: the search's record.
        chosen: what was chosen by the M's.
        runs: quantity -> one value per recorded network.
        drift: largest relative difference between float32, float64 and thread counts.
        sampling: quantity -> half width from the number of sequences.
        untrained: as ``runs``, of the same networks before training.
    """
    found = []
    for quantity in QUANTITIES:
        values = runs[quantity]
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
                sampling[quantity],
                "95 % of a network's mean over 64 unseen sequences, by their spread; all networks "
                "read the same ones",
            ),
        ]
        note = (
            "Fitted: chosen by the two M's. The settings are ours; the paper states none of them."
        )
        if quantity == "r":
            everything = distances(row, frame)
            near = everything[everything["distance"] <= ADMISSIBLE]
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
            if not brackets(near["r"], row.r):
                others = (
                    "; others have R on both sides of it"
                    if brackets(everything["r"], row.r)
                    else ""
                )
                note += f" No setting of the search whose M's come that near has this R{others}."
        found.append(
            MeasuredCell(
                "LSTM",
                row.setting,
                quantity,
                "corrected",
                values,
                quantity != "r",
                tuple(parts),
                f"{note} Read: {VARIANTS[chosen.variant]}.",
                Control(
                    "the same networks before training, same data",
                    float(untrained[quantity].mean()),
                ),
            )
        )
    return found


def ranking(frames: Mapping[str, pd.DataFrame], count: int = 4) -> Table:
    """The nearest settings of each row, repeated ones by the mean over their seeds."""
    rows = []
    for row in ROWS:
        near = finalists(row, frames[row.key])
        lines = near.head(count).to_dict("records")
        # and the nearest one in all three numbers, which the choice does not look at
        lines += near.sort_values("score", kind="stable").head(1).to_dict("records")
        for place, line in enumerate(lines):
            setting = {str(name): value for name, value in line.items()}
            rows.append(
                {
                    "Row": row.setting,
                    "Nearest": "in all three" if place == count else "in the M's",
                    "Setting": words(row, setting),
                    "Reading": line["variant"],
                    "Seeds": line["seeds"],
                    "M_react": line["m_react"],
                    "M_diff": line["m_diff"],
                    "Largest misfit of the M's": f"{line['distance']:.2%}",
                    "R": line["r"],
                    "R - print": line["r"] - row.r,
                    "Within 5 %, 5 %, 0.01": bool(line["score"] <= 1),
                }
            )
    total = sum(len(frame) for frame in frames.values())
    return Table(
        f"LSTM: the nearest of {total} trainings read in up to {len(VARIANTS)} ways, "
        "ranked by the M's alone (mean over the seeds of a setting)",
        rows,
    )


def chosen_table(
    choice: Mapping[str, Mapping[str, Chosen]],
    runs: Mapping[str, Mapping[str, Mapping[str, FloatArray]]],
) -> Table:
    """What was chosen, and what ten fresh seeds give."""
    rows: list[dict[str, Any]] = []
    for kind, name in (("best", "best for the row"), ("common", "one protocol for all")):
        for row in ROWS:
            values = runs[kind][row.key]
            means = {quantity: float(values[quantity].mean()) for quantity in QUANTITIES}
            close = (
                abs(means["m_react"] / row.m_react - 1) <= CLOSE_M
                and abs(means["m_diff"] / row.m_diff - 1) <= CLOSE_M
                and abs(means["r"] - row.r) <= CLOSE_R
            )
            line: dict[str, Any] = {
                "Row": row.setting,
                "Kind": name,
                "Setting": words(row, choice[kind][row.key]),
                "Reading": choice[kind][row.key].variant,
            }
            for quantity in QUANTITIES:
                line[quantity] = f"{means[quantity]:.4f} ± {values[quantity].std(ddof=1):.4f}"
            line["Printed"] = f"{row.m_react} / {row.m_diff} / {row.r}"
            rows.append({**line, "Within 5 %, 5 %, 0.01": bool(close)})
    return Table(
        "LSTM: the chosen settings on ten seeds that no search has used "
        "(mean ± standard deviation)",
        rows,
    )


def brackets(values: pd.Series, target: float) -> bool:
    """Whether ``target`` lies between the least and the greatest value; False where none is."""
    return bool(len(values) and values.min() <= target <= values.max())


def reach(
    frames: Mapping[str, pd.DataFrame], runs: Mapping[str, Mapping[str, FloatArray]]
) -> Table:
    """For each of the nine numbers: reached, reachable or outside everything tried."""
    rows = []
    for row in ROWS:
        everything = distances(row, frames[row.key])
        near = everything[everything["distance"] <= ADMISSIBLE]
        for quantity, target in printed(row).items():
            interval = interval_of(runs[row.key][quantity])
            tried = everything[quantity].to_numpy(float)
            low, high = float(tried.min()), float(tried.max())
            half = rounding_half_width(f"{target:.4f}")
            if interval.predicted_low - half <= target <= interval.predicted_high + half:
                verdict = "reached: inside the interval of one run"
            elif brackets(everything[quantity], target):
                verdict = "reachable: other settings of the search lie on both sides of it" + (
                    ""
                    if brackets(near[quantity], target)
                    else ", but none with both M's within 5 % of print"
                )
            else:
                verdict = "outside everything tried"
            rows.append(
                {
                    "Row": row.setting,
                    "Number": quantity,
                    "Printed": f"{target:.4f}",
                    "Mean of 10 seeds": interval.mean,
                    "95 % of one run": f"[{interval.predicted_low:.4f}, "
                    f"{interval.predicted_high:.4f}]",
                    "All tried": f"[{low:.3g}, {high:.3g}]",
                    "Tried with both M's within 5 %": (
                        f"[{near[quantity].min():.4f}, {near[quantity].max():.4f}]"
                        if len(near)
                        else "none"
                    ),
                    "In words": verdict,
                }
            )
    return Table(
        "LSTM: is each printed number reached, reachable or outside everything tried?", rows
    )


def sensitivities(frames: Mapping[str, pd.DataFrame]) -> Table:
    """The three choices that move each number most, stage 1 of each search."""
    optimiser = Axis("optimiser", choices=("adam", "rmsprop", "sgd"))
    rows = []
    for row in ROWS:
        frame = frames[row.key]
        first = frame[(frame["stage"] == 1) & (frame["error"] == "")]
        moved = sensitivity(
            first, [optimiser, *TRAINING, *row.axes], ["m_react_whole", "m_diff_whole", "r_whole"]
        )
        for column in ("m_react_whole", "m_diff_whole", "r_whole"):
            part = moved[moved["column"] == column]
            order = part["correlation"].abs().sort_values(ascending=False, kind="stable").index
            for line in part.loc[order].head(4).to_dict("records"):
                rows.append(
                    {
                        "Row": row.setting,
                        "Number": column.removesuffix("_whole"),
                        "Choice": line["axis"],
                        "Rank correlation": line["correlation"],
                        "95 %": f"[{line['low']:.2f}, {line['high']:.2f}]",
                        "Change over the range": f"{line['change']:+.1%}",
                    }
                )
    return Table(
        "LSTM: the four choices that move each number most (partial rank correlation, "
        "all steps read)",
        rows,
    )


def start_up_table(
    frames: Mapping[str, pd.DataFrame],
    late: Mapping[str, Mapping[str, FloatArray]],
    law: Sequence[Mapping[str, float]],
) -> list[Table]:
    """How much of R's distance from 1 is the start from C_0 = 0."""
    rows = []
    for row in ROWS:
        frame = frames[row.key]
        good = frame[(frame["stage"] == 1) & (frame["error"] == "")]
        whole, later = late[row.key]["whole"], late[row.key]["late"]
        rows.append(
            {
                "Row": row.setting,
                "R, all steps (recorded networks)": float(whole.mean()),
                "R without the first 50": float(later.mean()),
                "Share of |R - 1| that is start-up": (
                    f"{1 - abs(later.mean() - 1) / abs(whole.mean() - 1):.0%}"
                ),
                "Search: median R, all steps": float(good["r_whole"].median()),
                "Search: median R without the first 50": float(good["r_late"].median()),
                "Search: middle 90 % of R, all steps": _middle(good["r_whole"]),
                "Untrained, same settings": _middle(good["r_untrained"]),
            }
        )
    lengths = [name.removeprefix("law_") for name in law[0] if name.startswith("law_")]
    laws = [
        {
            "T": int(steps),
            "R - 1": float(np.mean([line[f"distance_{steps}"] for line in law])),
            "T (1 - f) (R - 1)": float(np.mean([line[f"law_{steps}"] for line in law])),
        }
        for steps in lengths
    ]
    return [
        Table("LSTM: how much of R's distance from 1 is start-up", rows),
        Table(
            "LSTM: the start-up law on slow sines (0.002 to 0.005 cycles a step): "
            "T (1 - f) (R - 1) is about 1 where the law holds",
            laws,
        ),
    ]


def _middle(values: pd.Series) -> str:
    low, high = np.quantile(values.to_numpy(float), [0.05, 0.95])
    return f"[{low:.4f}, {high:.4f}]"


def controls_table(found: Mapping[str, Mapping[str, Sequence[Mapping[str, float]]]]) -> Table:
    """R and its oscillation in every run and control."""
    rows = []
    for row in ROWS:
        for kind, values in found[row.key].items():

            def mean(key: str, values: Sequence[Mapping[str, float]] = values) -> float:
                return float(np.mean([value[key] for value in values]))

            rows.append(
                {
                    "Row": row.setting,
                    "Networks": "trained" if kind == "best" else kind,
                    "R": mean("r"),
                    "mean |R_t - 1|": mean("amplitude"),
                    "Crossings in 100 steps": mean("crossings"),
                    "corr(R_t, i)": mean("corr_i"),
                    "corr(R_t, 1 - f)": mean("corr_forget"),
                    "corr(R_t, growth)": mean("corr_growth"),
                    "i c~ enlarges": mean("enlarges"),
                }
            )
    return Table(
        "LSTM: trained networks beside their controls on the same data (with f = 1 the "
        "diffusion term is 0 and R infinite; with i = 0 R is 0)",
        rows,
    )
