"""Tables of the LSTM study, from the search's record and the recorded networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rdverify.lstm.study import swept
from rdverify.lstm.study.behaviour import Skill, start_up_law
from rdverify.lstm.study.memory import RECALLED
from rdverify.lstm.study.protocol import OTHER_RATE, RATE
from rdverify.lstm.study.reach_tables import Line, appendix, fit
from rdverify.lstm.study.rows import KEYS, ROWS, VARIANTS, Row
from rdverify.lstm.study.runs import Runs
from rdverify.study import QUANTITIES, Table, glossary
from rdverify.study.intervals import median
from rdverify.study.sensitivity import sensitivity

WORDS: Mapping[str, str] = {
    "m_react, m_diff, r": "Eqs. (13), (16), (18)",
    **{f"reading: {name}": meaning for name, meaning in VARIANTS.items()},
    "declared": "the one protocol that was fixed beforehand and aims at no printed number",
    "fitted to the row": "the setting whose two M's come nearest to the row's print",
    "fitted to all rows": "the training choices and reading that serve all three rows best",
    "relaxing": "two settings with strong relaxation oscillations, chosen by R as well",
    'networks "skilled"': "trained to predict well: for 300 epochs at a falling rate",
    "rest": "the row's networks fed each sequence's mean as a constant",
    "noise, shuffled": "networks trained on white noise, or on the data in shuffled time",
    'networks "steadied"': 'as "skilled", four times as long and with noise on what is read',
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


def tables(runs: Runs) -> dict[str, Table]:
    """Protocol, sensitivity, start-up, controls, what was learned, and what a fit reaches."""
    return {
        "lstm-words": glossary("LSTM", WORDS),
        "lstm-protocol": Table(
            "LSTM: the declared protocol beside print, and the other usual rate (mean ± standard "
            "deviation of ten seeds)",
            protocols(runs),
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
                for steps, off, law in start_up_law(runs.networks["sine"]["declared"])
            ],
        ),
        "lstm-controls": Table(
            "LSTM: trained networks beside their controls on the same data (with f = 1 the "
            "diffusion term is 0 and R infinite; with i = 0 R is 0)",
            controls(runs),
        ),
        "lstm-skill": Table(
            "LSTM: what networks have learned, on unseen sequences of their own kind of data "
            "(mean over ten seeds)",
            skills(runs),
        ),
        "lstm-memory": Table(
            "LSTM: a value recalled after a lag of noise (share of the variance missed; "
            f"recalled: less than {RECALLED:g})",
            recalled(runs.memory),
        ),
        "lstm-sweep": swept.table(runs.sweep),
        **appendix(runs),
    }


def protocols(runs: Runs) -> list[Line]:
    """The kinds declared and slower beside print."""
    names = {"declared": f"declared: Adam at {RATE:g}", "slower": f"the same at {OTHER_RATE:g}"}
    return [fit(runs, row, kind) | {"Kind": names[kind]} for kind in names for row in ROWS]


def recalled(frame: pd.DataFrame) -> list[Line]:
    """What the task of :mod:`rdverify.lstm.study.memory` showed."""
    return [
        {
            "Network": network,
            "Lag": lag,
            "Recalled": f"{int((missed < RECALLED).sum())} of {len(missed)}",
            "Missed, median": float(missed.median()),
            "Least": float(missed.min()),
            "Most": float(missed.max()),
        }
        for (lag, network), missed in frame.groupby(["lag", "network"], sort=False)["missed"]
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
    whole, late = (float(runs.values(w, row.key)["r"].mean()) for w in ("declared", "late"))
    return {
        "Row": row.setting,
        "R, all steps (declared protocol)": whole,
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
        "corr(rise of R_t, i)": "rise_i",
        "corr(rise of R_t, 1 - f)": "rise_forget",
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
    """Every way to train, and the untrained networks of the declared one's seeds."""
    names = {
        "": "declared",
        "slower.": f"at the rate {OTHER_RATE:g}",
        "control.untrained.": "untrained",
        "skilled.": "skilled",
        "steadied.": "steadied",
    }
    return [
        skill_line(key, name, runs.skills[prefix + key])
        for key in KEYS
        for prefix, name in names.items()
        if prefix + key in runs.skills
    ]


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
