"""Table 1's two RD rows: cells with their tolerance parts, and the tables of the reconstruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rdverify.balance import balance_of
from rdverify.gray_scott import Simulation
from rdverify.gray_scott.stability import all_states
from rdverify.gray_scott.study.runs import DYING_KILL_RATE, Runs, until
from rdverify.gray_scott.study.settings import (
    AXES,
    EQUALLY_WELL,
    M_OF_BOTH,
    PRINTED,
    QUANTITIES,
    REGIMES,
    SETTINGS,
    WORDS,
    contenders,
    one_seed,
    ranked,
)
from rdverify.study import Control, MeasuredCell, Table, glossary
from rdverify.study.search import admissible, sensitivity, spread_of
from rdverify.study.tolerance import Part

Numbers = dict[str, float]
PLATFORM_FLOOR = 1e-6  # relative; libraries and compilers reorder sums


def three(simulation: Simulation, steps: int, length_ratio: float = 1.0) -> Numbers:
    """m_react, m_diff, r over the first ``steps``; M's times ``length_ratio``.

    The grid norm of a field grows like 1/dx: halving dx on the same domain doubles
    it without any change of the field, hence the factor dx'/dx for a comparison.
    """
    balance = balance_of(until(simulation.trace, steps))
    return {
        "m_react": balance.m_react * length_ratio,
        "m_diff": balance.m_diff * length_ratio,
        "r": balance.r,
    }


def seed_values(runs: Runs, regime: str) -> dict[str, npt.NDArray[np.float64]]:
    """Each quantity over the seeds, shape (seeds,)."""
    steps = runs.setting["steps"]
    values = [three(simulation, steps) for simulation in runs.main[regime]]
    return {quantity: np.array([row[quantity] for row in values]) for quantity in QUANTITIES}


def effects(runs: Runs, regime: str) -> dict[str, Numbers]:
    """What half a step, half a cell and single precision change, per quantity, first seed."""
    steps = runs.setting["steps"]
    plain = three(runs.main[regime][0], steps)
    half_dt = three(runs.fine[regime]["dt"], 2 * steps)
    half_dx = three(runs.fine[regime]["dx"], runs.fine[regime]["dx"].trace.steps, 0.5)
    single = three(runs.single[regime], steps)
    return {
        q: {
            "dt": half_dt[q] - plain[q],
            "dx": half_dx[q] - half_dt[q],
            "float32": single[q] - plain[q],
        }
        for q in QUANTITIES
    }


def cells(runs: Runs, record: pd.DataFrame) -> list[MeasuredCell]:
    """The six cells, and the six of the kinetics as printed.

    The M's chose the setting (fitted), the R's did not. The budget counts half a
    step as discretisation. Half a cell is not in it: a cell's side is itself one
    of the settings looked for, so its effect belongs to the spread over settings.
    """
    found = []
    near = admissible(one_seed(record), {name: PRINTED[name] for name in M_OF_BOTH}, EQUALLY_WELL)
    for regime, setting in SETTINGS.items():
        values, moved = seed_values(runs, regime), effects(runs, regime)
        control = dying(runs, regime)
        for quantity in QUANTITIES:
            mean = float(values[quantity].mean())
            platform = max(abs(moved[quantity]["float32"]), PLATFORM_FLOOR * mean)
            parts = (
                Part(
                    "discretisation",
                    abs(moved[quantity]["dt"]),
                    "measured: dt halved, same time span and initial state",
                ),
                Part(
                    "platform",
                    platform,
                    "measured: float32 against float64, at least 1e-6 of the value",
                ),
                Part(
                    "settings",
                    spread_of(near, f"{regime}_{quantity}", mean),
                    f"largest distance over the {len(near)} settings of the search whose four "
                    f"M's are all within {EQUALLY_WELL:.1%} of print",
                ),
            )
            dx = moved[quantity]["dx"]
            found.append(
                MeasuredCell(
                    "RD",
                    setting,
                    quantity,
                    "corrected",
                    values[quantity],
                    quantity != "r",
                    parts,
                    f"Halving dx on the same domain moves it by {dx:+.4f}"
                    + (
                        ", compared per unit of length"
                        if quantity != "r"
                        else ". R is the quotient of "
                        "two fitted M's, which within 0.6 % each leave it free by 1.2 %"
                    ),
                    Control(
                        f"kill rate {DYING_KILL_RATE:g}: the pattern dies out", control[quantity]
                    ),
                )
            )
    found += [
        MeasuredCell(
            "RD", setting, quantity, "printed", np.empty(0), False, note=printed_note(runs, regime)
        )
        for regime, setting in SETTINGS.items()
        for quantity in QUANTITIES
    ]
    return found


def dying(runs: Runs, regime: str) -> Numbers:
    """The numbers of the pattern that dies out, over T steps; after its run all norms are 0."""
    run = runs.controls[f"dying_{regime}"]
    share = run.trace.steps / runs.setting["steps"]
    numbers = three(run, run.trace.steps)
    return {name: value if name == "r" else value * share for name, value in numbers.items()}


def printed_note(runs: Runs, regime: str) -> str:
    """What becomes of the kinetics u^2 v of section 4.1 in the chosen setting."""
    words = []
    for (dt, noise), simulations in runs.printed.items():
        simulation = simulations[regime]
        if simulation.diverged_at is not None:
            words.append(f"dt = {dt:g}: diverges after {simulation.diverged_at} steps")
        else:
            numbers = three(simulation, simulation.trace.steps)
            words.append(
                f"dt = {dt:g}, noise {noise:g}: M_react {numbers['m_react']:.4f}, "
                f"R {numbers['r']:.3f}, final contrast {np.ptp(simulation.v):.1g}"
            )
    return "With the kinetics printed in section 4.1, u^2 v: " + "; ".join(words)


def tables(runs: Runs, record: pd.DataFrame) -> dict[str, Table]:
    """Ranking, chosen setting, sensitivity, cross-prediction, seeds, stability."""
    tried = one_seed(record)
    failed = int((tried["error"] != "").sum())
    ranking = ranked(tried).head(10)
    return {
        "rd.words": glossary("RD", WORDS),
        "rd.ranking": Table(
            f"The ten settings nearest to print by their four M's, one seed each, of {len(tried)} "
            f"tried in three stages ({failed} of them had no stable step and stay in the record). "
            "R did not count.",
            [_setting_row(row) for row in ranking.to_dict("records")],
        ),
        "rd.contenders": Table(
            "Settings tried with several seeds; the mean over seeds of the four M's chose the "
            "first, R did not count. Those with ten seeds, finer in the noise, were added after a "
            "look at those with six: the best of these missed the mark of 0.6 % by little.",
            [_setting_row(row) for row in contenders(record).to_dict("records")],
        ),
        "rd.seeds": Table(
            f"The chosen setting over {len(runs.main['spot'])} seeds that took no part in the "
            "search, beside print.",
            _seed_rows(runs),
        ),
        "rd.cross": Table(
            "Fitted to one row or to the M's only, what follows for the rest: the setting of the "
            "search that fits best, and all that fit within "
            f"{EQUALLY_WELL:.1%}.",
            cross_prediction(tried),
        ),
        "rd.choices": Table(
            "One choice changed at a time, first seed: relative change of each number in percent. "
            "The last column of the first row is what seeds alone do (standard deviation).",
            _choice_rows(runs),
        ),
        "rd.sensitivity": Table(
            "Over the whole search: partial rank correlation of each number with each choice, the "
            "other choices held fixed (stage 1 only, which fills the ranges).",
            _sensitivity_rows(record),
        ),
        "rd.budget": Table("What moves each number, in its own unit.", _budget_rows(runs)),
        "rd.states": Table(
            "Uniform steady states and their linear stability (rates per unit of time).",
            _state_rows(runs),
        ),
    }


def _setting_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"stage": row["stage"]} if "stage" in row else {"seeds": row["seeds"]}
    for axis in AXES:
        value = row[axis.name]
        shown[axis.name] = f"{value:.4g}" if isinstance(value, float) else value
    return (
        shown
        | {f"{name}": f"{row[name]:.4f}" for name in PRINTED}
        | {"largest deviation of M": f"{row['distance']:.2%}"}
    )


def _seed_rows(runs: Runs) -> list[dict[str, Any]]:
    rows = []
    for regime in REGIMES:
        for quantity, values in seed_values(runs, regime).items():
            printed = PRINTED[f"{regime}_{quantity}"]
            rows.append(
                {
                    "setting": SETTINGS[regime],
                    "quantity": quantity,
                    "printed": f"{printed:.4f}",
                    "mean": f"{values.mean():.5f}",
                    "standard deviation": f"{values.std(ddof=1):.5f}",
                    "least": f"{values.min():.5f}",
                    "greatest": f"{values.max():.5f}",
                    "mean - printed": f"{values.mean() - printed:+.5f}",
                    "relative": f"{values.mean() / printed - 1:+.2%}",
                }
            )
    return rows


def cross_prediction(tried: pd.DataFrame) -> list[dict[str, Any]]:
    """Fit on one row and predict the other; fit both M's of a row and predict its R."""
    rows = []
    cases: list[tuple[str, Sequence[str], Sequence[str]]] = []
    for fitted, other in (("spot", "stripe"), ("stripe", "spot")):
        m_names = [f"{fitted}_m_react", f"{fitted}_m_diff"]
        cases.append(
            (
                f"{fitted} row",
                [*m_names, f"{fitted}_r"],
                [f"{other}_{quantity}" for quantity in QUANTITIES],
            )
        )
        cases.append((f"M's of the {fitted} row", m_names, [f"{fitted}_r"]))
    for name, fit, predicted in cases:
        targets = {column: PRINTED[column] for column in fit}
        best, near = ranked(tried, fit).iloc[0], admissible(tried, targets, EQUALLY_WELL)
        for column in predicted:
            error = best[column] - PRINTED[column]
            rows.append(
                {
                    "fitted to": name,
                    "fit within": f"{best['distance']:.2%}",
                    "predicts": column,
                    "printed": f"{PRINTED[column]:.4f}",
                    "best fit's": f"{best[column]:.4f}",
                    "off by": f"{error:+.4f} ({error / PRINTED[column]:+.2%})",
                    "settings that fit": len(near),
                    "their range": f"{near[column].min():.4f} to {near[column].max():.4f}",
                }
            )
    return rows


def _choice_rows(runs: Runs) -> list[dict[str, Any]]:
    steps = runs.setting["steps"]
    base = {r: three(runs.main[r][0], steps) for r in REGIMES}
    spread = {r: seed_values(runs, r) for r in REGIMES}
    rows: list[dict[str, Any]] = [
        {"choice": "seed", "from": "", "to": "others"}
        | {
            f"{r} {q}": f"± {spread[r][q].std(ddof=1) / base[r][q]:.2%}"
            for r in REGIMES
            for q in QUANTITIES
        }
    ]
    for (choice, value), simulations in runs.varied.items():
        row: dict[str, Any] = {"choice": choice, "from": runs.setting[choice], "to": value}
        for regime, simulation in simulations.items():
            numbers = three(simulation, simulation.trace.steps)
            row |= {f"{regime} {q}": f"{numbers[q] / base[regime][q] - 1:+.2%}" for q in QUANTITIES}
        rows.append(row)
    return rows


def _sensitivity_rows(record: pd.DataFrame) -> list[dict[str, Any]]:
    table = sensitivity(record[record["stage"] == "design"], AXES, list(PRINTED))
    return [
        {"choice": axis}
        | {
            str(row["column"]): f"{row['correlation']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
            for row in group.to_dict("records")
        }
        for axis, group in table.groupby("axis", sort=False)
    ]


def _budget_rows(runs: Runs) -> list[dict[str, Any]]:
    return [
        {"setting": SETTINGS[regime], "quantity": quantity}
        | {
            f"half {name}" if name != "float32" else name: f"{value:+.2e}"
            for name, value in moved.items()
        }
        for regime in REGIMES
        for quantity, moved in effects(runs, regime).items()
    ]


def _state_rows(runs: Runs) -> list[dict[str, Any]]:
    rows = []
    for regime in REGIMES:
        config = runs.main[regime][0].trace.config
        for exchanged in (False, True):
            pair = (config["d_u"], config["d_v"])
            d_u, d_v = pair[::-1] if exchanged else pair
            for s in all_states(config["feed_rate"], config["kill_rate"], d_u, d_v):
                rows.append(
                    {
                        "F": config["feed_rate"],
                        "D": "exchanged" if exchanged else "as in the paper",
                        "u": f"{s.u:.4f}",
                        "v": f"{s.v:.4f}",
                        "growth without diffusion": f"{s.growth_uniform:+.4f}",
                        "with": f"{s.growth_max:+.4f}",
                        "wavelength": f"{s.wavelength:.3f}" if s.turing else "",
                        "Turing": "yes" if s.turing else "no",
                    }
                )
    return rows
