"""Tables of the LSTM study, from the search's record and the recorded networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from rdverify.lstm.study.behaviour import Skill, start_up_law
from rdverify.lstm.study.cells import brackets
from rdverify.lstm.study.choice import finalists
from rdverify.lstm.study.rows import KEYS, ROWS, VARIANTS, Row
from rdverify.lstm.study.runs import Runs
from rdverify.lstm.study.settings import CLOSE_M, CLOSE_R
from rdverify.study import QUANTITIES, Table, glossary
from rdverify.study.intervals import median
from rdverify.study.sensitivity import sensitivity
from rdverify.study.tolerance import interval_of, rounding_half_width

WORDS: Mapping[str, str] = {
    "m_react, m_diff, r": "Eqs. (13), (16), (18)",
    **{f"reading: {name}": meaning for name, meaning in VARIANTS.items()},
    "best for the row": "the setting whose two M's come nearest to the row's print",
    "one protocol for all": "the training choices and reading that serve all three rows best",
    "rest": "the row's networks fed each sequence's mean as a constant",
    "noise, shuffled": "networks trained on white noise, or on the data in shuffled time",
    "kind steadied": "as kind skilled, four times as long and with noise on what is read",
    "target same": "the network returns the value that it has just read: no memory is needed",
    "optimiser, learning_rate, epochs, batch_size": "of the training",
    "target": "what is predicted at each step: the next value, or the same one",
    "frequency_high": "sines: the highest frequency, in cycles a step",
    "low_share": "sines: the lowest frequency over the highest",
    "amplitude": "sines: of every sequence",
    "coordinate": "Lorenz: x, y or z; Van der Pol: position x or velocity v",
    "mu": "Van der Pol: strength of the nonlinear damping",
    "dt": "Lorenz, Van der Pol: time between two samples",
    "burn_in": "time left out before the first sample",
    "normalisation": "standard: mean 0, deviation 1; minmax: [-1, 1]; unit: [0, 1]; none: as is",
}

Line = dict[str, Any]


def tables(runs: Runs) -> dict[str, Table]:
    """Choice, reach, ranking, sensitivity, start-up, controls, and what was learned."""
    searched = sum(len(frame) for frame in runs.frames.values())
    return {
        "lstm-words": glossary("LSTM", WORDS),
        "lstm-chosen": Table(
            "LSTM: the chosen settings on ten seeds that no search has used "
            "(mean ± standard deviation)",
            chosen(runs),
        ),
        "lstm-reach": Table(
            "LSTM: is each printed number reached, reachable or outside everything tried?",
            [line for row in ROWS for line in reach(runs, row)],
        ),
        "lstm-ranking": Table(
            f"LSTM: the nearest of {searched} trainings read in up to {len(VARIANTS)} ways, "
            "ranked by the M's alone (mean over the seeds of a setting)",
            [line for row in ROWS for line in ranking(runs, row)],
        ),
        "lstm-sensitivity": Table(
            "LSTM: the four choices that move each number most (partial rank correlation, "
            "all steps read)",
            [line for row in ROWS for line in sensitivities(runs, row)],
        ),
        "lstm-start-up": Table(
            "LSTM: how much of R's distance from 1 is start-up",
            [start_up(runs, row) for row in ROWS],
        ),
        "lstm-start-up-law": Table(
            "LSTM: the start-up law on slow sines (0.002 to 0.005 cycles a step): "
            "T (1 - f) (R - 1) is about 1 where the law holds",
            [
                {"T": steps, "R - 1": off, "T (1 - f) (R - 1)": law}
                for steps, off, law in start_up_law(runs.networks["sine"]["best"])
            ],
        ),
        "lstm-controls": Table(
            "LSTM: trained networks beside their controls on the same data (with f = 1 the "
            "diffusion term is 0 and R infinite; with i = 0 R is 0)",
            controls(runs),
        ),
        "lstm-skill": Table(
            "LSTM: what the networks trained for longer have learned, on unseen "
            "sequences (mean over ten seeds)",
            skills(runs),
        ),
    }


def words(row: Row, setting: Mapping[Any, Any]) -> str:
    """A setting in one line."""
    shown = {
        name: f"{setting[name]:.3g}" if isinstance(setting[name], float) else setting[name]
        for name in row.names
    }
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def chosen(runs: Runs) -> list[Line]:
    """What was chosen, and what ten fresh seeds give."""
    lines: list[Line] = []
    for kind, name in (("best", "best for the row"), ("common", "one protocol for all")):
        for row in ROWS:
            choice, printed = runs.choice[kind][row.key], runs.targets[row.key]
            values = runs.values(kind, row.key)
            off = {q: abs(float(each.mean()) - printed[q]) for q, each in values.items()}
            close = off["r"] <= CLOSE_R and all(
                off[q] <= CLOSE_M * printed[q] for q in ("m_react", "m_diff")
            )
            lines.append(
                {
                    "Row": row.setting,
                    "Kind": name,
                    "Setting": words(row, choice.setting),
                    "Reading": choice.variant,
                    **{q: f"{x.mean():.4f} ± {x.std(ddof=1):.4f}" for q, x in values.items()},
                    "Printed": " / ".join(runs.printed[row.key][q] for q in QUANTITIES),
                    "Within 5 %, 5 %, 0.01": close,
                }
            )
    return lines


def reach(runs: Runs, row: Row) -> list[Line]:
    """For each number of a row: reached, reachable or outside everything tried."""
    lines = []
    everything, near = runs.tried[row.key], runs.near(row.key)
    for quantity, target in runs.targets[row.key].items():
        printed = runs.printed[row.key][quantity]
        interval = interval_of(runs.values("best", row.key)[quantity])
        tried, close = everything[quantity], near[quantity]
        half = rounding_half_width(printed)
        if interval.predicted_low - half <= target <= interval.predicted_high + half:
            verdict = "reached: inside the interval of one run"
        elif brackets(tried, target):
            verdict = "reachable: other settings of the search lie on both sides of it"
            if not brackets(close, target):
                verdict += ", but none with both M's within 5 % of print"
        else:
            verdict = "outside everything tried"
        lines.append(
            {
                "Row": row.setting,
                "Number": quantity,
                "Printed": printed,
                "Mean of 10 seeds": interval.mean,
                "95 % of one run": f"[{interval.predicted_low:.4f}, {interval.predicted_high:.4f}]",
                "All tried": f"[{tried.min():.3g}, {tried.max():.3g}]",
                "Tried with both M's within 5 %": (
                    f"[{close.min():.4f}, {close.max():.4f}]" if len(close) else "none"
                ),
                "In words": verdict,
            }
        )
    return lines


def ranking(runs: Runs, row: Row, count: int = 4) -> list[Line]:
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


def sensitivities(runs: Runs, row: Row) -> list[Line]:
    """The four choices that move each number of a row most, stage 1 of its search."""
    columns = [f"{quantity}_whole" for quantity in QUANTITIES]
    moved = sensitivity(runs.first_stage(row.key), row.choices, columns)
    lines = []
    for quantity, column in zip(QUANTITIES, columns, strict=True):
        part = moved[moved["column"] == column]
        order = part["correlation"].abs().sort_values(ascending=False, kind="stable").index
        lines += [
            {
                "Row": row.setting,
                "Number": quantity,
                "Choice": line["axis"],
                "Rank correlation": line["correlation"],
                "95 %": f"[{line['low']:.2f}, {line['high']:.2f}]",
                "Change over the range": f"{line['change']:+.1%}",
            }
            for line in part.loc[order].head(4).to_dict("records")
        ]
    return lines


def start_up(runs: Runs, row: Row) -> Line:
    """How much of R's distance from 1 is the start from C_0 = 0."""
    good = runs.first_stage(row.key)
    whole, late = (float(runs.values(w, row.key)["r"].mean()) for w in ("whole", "late"))
    return {
        "Row": row.setting,
        "R, all steps (recorded networks)": whole,
        "R without the first 50": late,
        "Share of |R - 1| that is start-up": f"{1 - abs(late - 1) / abs(whole - 1):.0%}",
        "Search: median R, all steps": float(good["r_whole"].median()),
        "Search: median R without the first 50": float(good["r_late"].median()),
        "Search: middle 90 % of R, all steps": _middle(good["r_whole"]),
        "Untrained, same settings": _middle(good["r_untrained"]),
    }


def _middle(values: pd.Series) -> str:
    low, high = np.quantile(values.to_numpy(float), [0.05, 0.95])
    return f"[{low:.4f}, {high:.4f}]"


def controls(runs: Runs) -> list[Line]:
    """R and its oscillation in every run and control."""
    columns = {
        "R": "r",
        "mean |R_t - 1|": "amplitude",
        "Crossings in 100 steps": "crossings",
        "corr(R_t, i)": "corr_i",
        "corr(R_t, 1 - f)": "corr_forget",
        "corr(R_t, growth)": "corr_growth",
        "i c~ enlarges": "enlarges",
    }
    kinds = ("trained", "untrained", "noise", "shuffled", "rest")
    return [
        {"Row": row.setting, "Networks": kind}
        | {column: float(found[name].mean()) for column, name in columns.items()}
        for row in ROWS
        for kind in kinds
        for run in [row.key if kind == "trained" else f"control.{kind}.{row.key}"]
        for found in [runs.behaviours[run]]
    ]


def skills(runs: Runs) -> list[Line]:
    """The kind skilled beside untrained networks of the same seeds, and the kind steadied."""
    lines = []
    for key in KEYS:
        lines.append(skill_line(key, "trained", runs.skills[key]))
        lines.append(skill_line(key, "untrained", runs.skills[f"control.untrained.{key}"]))
        if key == "sine":
            kind = "trained, with noise on what is read"
            lines.append(skill_line(key, kind, runs.skills["steadied"]))
    return lines


def skill_line(data: str, networks: str, skill: Skill) -> Line:
    """What one kind of networks has learned."""
    line: Line = {
        "Data": data,
        "Networks": networks,
        "One-step RMSE": float(np.mean([step.model for step in skill.steps])),
        "Last value": skill.steps[0].last_value,
        "Linear": skill.steps[0].linear,
        "Times better": float(np.mean([step.factor for step in skill.steps])),
        "Free-run error / deviation": float(skill.free.mean()),
    }
    if skill.frequency:
        line["Frequency error (median)"] = median(skill.frequency).value
    return line
