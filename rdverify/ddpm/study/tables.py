"""Tables of the DDPM study, and what they take from the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rdverify.ddpm import Schedule, expected_balance, final_ratio
from rdverify.ddpm.study import choices, noise
from rdverify.ddpm.study.rows import (
    ARCHITECTURE_RECORD,
    FINAL_RECORD,
    NOISE_RECORD,
    OPEN_RECORD,
    ROWS,
)
from rdverify.ddpm.study.runs import Runs
from rdverify.ddpm.study.sampled import Sampled
from rdverify.ddpm.study.settings import trajectories_behind
from rdverify.study import Table, glossary
from rdverify.study.tolerance import interval_of

WORDS: Mapping[str, str] = {
    "M_react": "mean over t of the norm of one reverse step's drift, mu_theta(x_t, t) - x_t",
    "M_diff": "mean over t of the norm of sigma_t z, Eq. (17)",
    "by formula": "both on the forward process with the true noise in place of the network; it "
    "needs the schedule, the number of pixels and the data's mean square only",
    "beta_1, beta_T": "ends of the linear schedule; decreasing: run the other way",
    "endpoints, 1/T": "what is kept as T varies: beta's ends, or T times beta",
    "sigma": "beta: sigma_t^2 = beta_t; posterior: that of q(x_t-1 given x_t and x_0)",
    "final ratio": "R_t at the last step of generation",
    "at t": "normalised time of the lowest R_t",
    "miss": "distance from MNIST's M_react and M_diff in units of what is allowed; 1 just fits",
}


def tables(runs: Runs) -> dict[str, Table]:
    """All tables of the report's DDPM part."""
    return {
        "ddpm.words": glossary("DDPM", WORDS),
        "ddpm.departure": _departure(runs),
        "ddpm.readings": _readings(runs),
        "ddpm.controls": _controls(runs),
        "ddpm.fit": _fit(runs.grid),
        "ddpm.closed_form": choices.closed_form(runs),
        "ddpm.trajectories": _trajectories(runs),
        "ddpm.final": _final(runs),
        "ddpm.variants": choices.variants(runs.variants),
        "ddpm.open": choices.open_settings(runs.records[OPEN_RECORD]),
        "ddpm.architecture": choices.architectures(runs.records[ARCHITECTURE_RECORD]),
    }


def _pm(values: Any, digits: int = 4) -> str:
    """Mean and half width of its 95 % interval."""
    i = interval_of(values)
    return f"{i.mean:.{digits}f} ± {(i.high - i.low) / 2:.{digits}f}"


def _departure(runs: Runs) -> Table:
    lines = []
    for name, sampled in runs.rows.items():
        b, e, printed = sampled.balance, sampled.expected, runs.printed[name]
        react = printed["m_react"]
        lines.append(
            {
                "row": name,
                "printed M_react": react,
                "network": _pm(b.m_react_runs),
                "by formula": round(e.m_react, 4),
                "departure": f"{b.m_react / e.m_react - 1:+.2%}",
                "network nearer to print": "yes"
                if abs(b.m_react - react) < abs(e.m_react - react)
                else "no",
                "printed R": printed["r"],
                "R, network": _pm(b.r_runs, 5),
                "R, by formula": round(e.r, 5),
                "M_diff, expected": round(e.m_diff, 4),
                "M_diff, network": _pm(b.m_diff_runs),
                "standard error of M_diff, one run": round(e.monte_carlo_error(1)[1], 4),
                "distance of ours in its standard errors": round(_distance(sampled), 2),
            }
        )
    chance = noise.told(runs.records[NOISE_RECORD], _distance(runs.rows["MNIST"]))
    seen = "; ".join(f"{name}: {sampled.card['data']}" for name, sampled in runs.rows.items())
    return Table(
        "What the trained network adds to the schedule: the drift's norm against that of "
        "a perfect network, by formula (pixels on [-1,1], 95 % intervals of the mean). "
        f"What the networks were trained on: {seen}. {chance}",
        lines,
    )


def _distance(sampled: Sampled) -> float:
    """How far a row's mean M_diff lies from its expectation, in its known standard errors."""
    known = sampled.expected
    return (sampled.balance.m_diff - known.m_diff) / known.monte_carlo_error(sampled.trace.runs)[1]


def _readings(runs: Runs) -> Table:
    lines = []
    for name, sampled in runs.rows.items():
        lines.append(
            {
                "row": name,
                "print": runs.printed[name]["m_react"],
                "drift of one step": _pm(sampled.balance.m_react_runs),
                "norm of epsilon (as printed)": _pm(sampled.epsilon, 2),
                "R printed reading": _pm(sampled.epsilon / sampled.balance.m_diff_runs, 2),
                "R drift reading": _pm(sampled.balance.r_runs),
            }
        )
    return Table(
        "Eq. (14) read both ways: as printed, the norm of the network's output, and as "
        "Table 1 must have been made, the drift of one reverse step.",
        lines,
    )


def _controls(runs: Runs) -> Table:
    lines = []
    for sampled in runs.of.values():
        b = sampled.balance
        lines.append(
            {
                "network": sampled.setting,
                "n": sampled.trace.runs,
                "M_react": round(b.m_react, 4),
                "M_diff": round(b.m_diff, 4),
                "R": round(b.r, 4),
                "final ratio": round(float(b.r_t[:, -1].mean()), 4),
                "R by formula": round(sampled.expected.r, 4),
            }
        )
    return Table(
        "The trained networks and their controls. Exact denoisers, which no training can "
        "improve, have the same R: it "
        "belongs to the schedule. The final ratio of a chain to single "
        "images exceeds 1: with sigma_t^2 = beta_t the chain's states near the data are "
        "noisier than the forward marginals.",
        lines,
    )


def _fit(grid: pd.DataFrame) -> Table:
    columns = [
        "T",
        "beta_1",
        "beta_T",
        "direction",
        "sigma",
        "size",
        "pixels",
        "MNIST.m_react",
        "MNIST.m_diff",
        "FashionMNIST.m_react",
        "FashionMNIST.m_diff",
        "CIFAR10.m_react",
        "CIFAR10.m_diff",
        "miss",
    ]
    best = grid[columns].head(12)
    lines = [
        {
            key: (round(value, 4) if isinstance(value, float) and key != "beta_1" else value)
            for key, value in row.items()
        }
        for row in best.to_dict("records")
    ]
    return Table(
        f"The twelve best of {len(grid)} settings, fitted on MNIST's M_react (to 3 %) and "
        "M_diff (to 0.3 %) by formula; a miss of at most 1 fits. The other rows "
        "played no part. Of those that fit the networks were trained with the setting of "
        "Ho et al. 2020, the model that the paper cites: increasing, beta, [-1,1]; the "
        "others are sampled below.",
        [{str(k): v for k, v in line.items()} for line in lines],
    )


def _trajectories(runs: Runs) -> Table:
    lines, printed, expected, errors = [], [], [], []
    for name, row in ROWS.items():
        e = expected_balance(Schedule.linear(), row.dimension, 0.0)
        printed.append(runs.printed[name]["m_diff"])
        expected.append(e.m_diff)
        errors.append(e.monte_carlo_error(1)[1])
        distance = (printed[-1] - e.m_diff) / errors[-1]
        lines.append(
            {
                "row": name,
                "printed M_diff": printed[-1],
                "expected": round(e.m_diff, 4),
                "standard error, one trajectory": round(errors[-1], 4),
                "distance in standard errors of one": round(distance, 2),
                "of 16": round(4 * distance, 2),
            }
        )
    _, most = trajectories_behind(printed, expected, errors)
    return Table(
        "How many trajectories are behind print: M_diff depends on neither data nor "
        "network, so its distance from the expectation is sampling error. The three "
        f"distances are those of single trajectories; means of more than {most} are "
        "rejected at 95 %.",
        lines,
    )


def _final(runs: Runs) -> Table:
    held_out = {entry["row"]: entry for entry in runs.records[FINAL_RECORD].to_dict("records")}
    lines = []
    for name, sampled in runs.rows.items():
        line: dict[str, Any] = {
            "row": name,
            "final ratio, sampled": _pm(sampled.balance.r_t[:, -1]),
        }
        own = held_out[name]
        line["on real images with the last step's noise"] = round(float(own["ratio"]), 4)
        expected = final_ratio(min(float(own["error"]), 1.0), 1)
        line["sqrt(1 - error/d) there"] = round(expected, 4)
        line |= {
            "perfect network, by formula": round(float(sampled.expected.r_t[-1]), 4),
            "with the noise that the sampler adds": "no denominator",
        }
        lines.append(line)
    return Table(
        "Fig. 3: the ratio at the last step, and the denoising error that goes with it. "
        "The standard sampler adds no noise there; sigma_1 z counts as drawn.",
        lines,
    )
