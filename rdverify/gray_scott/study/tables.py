"""The tables of the reconstruction: the search, the choice, and what moves each number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdverify.gray_scott.study import plane
from rdverify.gray_scott.study.feed_rates import feed_rate_rows, ratio_rows
from rdverify.gray_scott.study.plan import variations
from rdverify.gray_scott.study.runs import Runs
from rdverify.gray_scott.study.settings import (
    AXES,
    COLUMNS,
    REGIMES,
    ROWS,
    contenders,
    one_seed,
    ranked,
    three,
)
from rdverify.study import QUANTITIES, Table, glossary
from rdverify.study.ranking import plausible, spread_as_well
from rdverify.study.sensitivity import sensitivity
from rdverify.study.tolerance import LEVEL

LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)  # beside 0.05, at which verdicts are given
WORDS: Mapping[str, str] = {
    "n": "cells on a side of the square grid",
    "dx": "side of a cell, in the unit of length of D_u and D_v",
    "dt": "time step of explicit Euler",
    "steps": "T, the number of steps",
    "square": "cells on a side of the initial square in the middle",
    "square_u, square_v": "u and v inside it; outside u = 1 and v = 0",
    "noise, noise_kind": "size of the random numbers added to both initial fields: standard "
    "deviation (normal) or half width (uniform)",
    "stage": "design: space-filling; refine: around its best; round: settings a person would type",
    "spot_, stripe_": "at F = 0.029 and F = 0.055",
    "m_react, m_diff, r": "Eqs. (12), (15), (18)",
}


def tables(runs: Runs) -> dict[str, Table]:
    """Ranking, chosen setting, what fits as well, sensitivity, seeds, patterns, stability."""
    return {"rd.words": glossary("RD", WORDS)} | _of_the_search(runs) | _of_the_runs(runs)


def _of_the_search(runs: Runs) -> dict[str, Table]:
    tried = one_seed(runs.record)
    failed = int((tried["error"] != "").sum())
    ranking = ranked(tried, runs.targets).head(10)
    several = contenders(runs.record, runs.targets)
    return {
        "rd.ranking": Table(
            f"The ten settings nearest to print by their four M's, one seed each, of {len(tried)} "
            f"tried in three stages ({failed} of them had no stable step and stay in the record). "
            "R did not count.",
            [setting_row(row, "stage") for row in ranking.to_dict("records")],
        ),
        "rd.contenders": Table(
            "Settings tried with several seeds; the mean over seeds of the four M's chose the "
            "first, R did not count. Those with ten seeds, finer in the noise, were added after a "
            "look at those with six, the best of which came near.",
            [setting_row(row, "seeds") for row in several.to_dict("records")],
        ),
        "rd.as_well": Table(
            "Which settings fit as well, at other levels than the 5 % of the verdicts: print's "
            'four M\'s may be one run of them, R took no part. "part" is what the tolerance gets '
            "from them: the largest distance from the chosen setting's R, less plausible settings "
            "counting in proportion to p.",
            level_rows(runs),
        ),
        "rd.cross": Table(
            "Fitted to one row or to the M's only, what follows for the rest: the setting of the "
            "search that fits best, and all of which print's fitted numbers may be one run "
            "(p >= 0.05).",
            cross_prediction(runs),
        ),
        "rd.sensitivity": Table(
            "Over the whole search: partial rank correlation of each number with each choice, the "
            "other choices held fixed (stage 1 only, which fills the ranges).",
            sensitivity_rows(runs),
        ),
    }


def _of_the_runs(runs: Runs) -> dict[str, Table]:
    return {
        "rd.seeds": Table(
            f"The chosen setting over {len(runs.seeds)} seeds that took no part in the "
            "search, beside print.",
            seed_rows(runs),
        ),
        "rd.choices": Table(
            "One choice changed at a time, the others held, so that with dt or steps the time T "
            "changes, and with n or dx the domain: relative change of each number in percent, "
            "first seed. The last column of the first row is what seeds alone do (standard "
            "deviation).",
            choice_rows(runs),
        ),
        "rd.budget": Table(
            "What moves each number, in its own unit.",
            [
                {"setting": row.setting, "quantity": quantity}
                | {name: f"{value:+.2e}" for name, value in moved.items()}
                for regime, row in ROWS.items()
                for quantity, moved in runs.effects(regime).items()
            ],
        ),
        "rd.feed_rates": Table(
            "Section 4.1's range of feed rates, run through with the chosen setting and its first "
            "seed. Spots turn into stripes on the way, while R hardly moves: it does not tell one "
            "pattern from the other.",
            feed_rate_rows(runs),
        ),
        "rd.ratios": Table(
            "How much faster u must diffuse than v: the pattern at T for other coefficients of v "
            "(the paper's ratio is 0.5), first seed. That u is the faster is not enough.",
            ratio_rows(runs),
        ),
        "rd.states": Table(
            "Uniform steady states and their linear stability (rates per unit of time).",
            state_rows(runs),
        ),
        "rd.plane": plane.table(runs.sweep),
    }


def setting_row(row: Mapping[Any, Any], first: str) -> dict[str, Any]:
    """One setting of the search with its six numbers, behind the column ``first``."""
    shown = {first: row[first]} | {
        axis.name: f"{row[axis.name]:.4g}" if isinstance(row[axis.name], float) else row[axis.name]
        for axis in AXES
    }
    numbers = {name: f"{row[name]:.4f}" for name in COLUMNS}
    return shown | numbers | {"largest deviation of M": f"{row['distance']:.2%}"}


def seed_rows(runs: Runs) -> list[dict[str, Any]]:
    """Mean and spread of each number over the seeds."""
    return [
        {
            "setting": row.setting,
            "quantity": quantity,
            "printed": f"{printed:.4f}",
            "mean": f"{values.mean():.5f}",
            "standard deviation": f"{values.std(ddof=1):.5f}",
            "least": f"{values.min():.5f}",
            "greatest": f"{values.max():.5f}",
            "mean - printed": f"{values.mean() - printed:+.5f}",
            "relative": f"{values.mean() / printed - 1:+.2%}",
        }
        for regime, row in ROWS.items()
        for quantity, values in runs.values(regime).items()
        for printed in [runs.targets[f"{regime}_{quantity}"]]
    ]


def cross_prediction(runs: Runs) -> list[dict[str, Any]]:
    """Fit on one row and predict the other; fit both M's of a row and predict its R."""
    rows = []
    tried, names = one_seed(runs.record), [axis.name for axis in AXES]
    for fitted, other in (("spot", "stripe"), ("stripe", "spot")):
        m_names = [f"{fitted}_m_react", f"{fitted}_m_diff"]
        its_r = f"{fitted}_r"
        for name, fit, predicted in (
            (f"{fitted} row", [*m_names, its_r], [f"{other}_{name}" for name in QUANTITIES]),
            (f"M's of the {fitted} row", m_names, [its_r]),
        ):
            best = ranked(tried, runs.targets, fit).iloc[0]
            fits = plausible(runs.record, names, {column: runs.targets[column] for column in fit})
            near = fits[fits["p"] >= LEVEL]
            for column in predicted:
                printed = runs.targets[column]
                error = best[column] - printed
                rows.append(
                    {
                        "fitted to": name,
                        "fit within": f"{best['distance']:.2%}",
                        "predicts": column,
                        "printed": f"{printed:.4f}",
                        "best fit's": f"{best[column]:.4f}",
                        "off by": f"{error:+.4f} ({error / printed:+.2%})",
                        "settings that fit": len(near),
                        "their range": f"{near[column].min():.4f} to {near[column].max():.4f}",
                    }
                )
    return rows


def level_rows(runs: Runs) -> list[dict[str, Any]]:
    """How the settings part of both R's hangs on the level at which a setting fits as well."""
    rows = []
    for level in LEVELS:
        near = runs.fits[runs.fits["p"] >= level]
        row: dict[str, Any] = {"level": f"{level:g}", "settings": len(near)}
        for regime in REGIMES:
            name, mean = f"{regime}_r", float(runs.values(regime)["r"].mean())
            part = spread_as_well(runs.fits, name, mean, level)
            row[f"{name}: part"] = f"{part:.5f}"
            row[f"{name}: their range"] = (
                f"{near[name].min():.4f} to {near[name].max():.4f}" if len(near) else ""
            )
            row[f"{name}: |print - mean|"] = f"{abs(runs.targets[name] - mean):.5f}"
        rows.append(row)
    return rows


def choice_rows(runs: Runs) -> list[dict[str, Any]]:
    """What one changed choice does to each number, and what seeds do."""
    values = {f"{r} {q}": each for r in REGIMES for q, each in runs.values(r).items()}
    rows: list[dict[str, Any]] = [
        {"choice": "seed", "from": "", "to": "others"}
        | {name: f"± {each.std(ddof=1) / each[0]:.2%}" for name, each in values.items()}
    ]
    for choice, value in variations(runs.setting):
        changed = {r: three(runs.simulations["varied", r, choice, value].trace) for r in REGIMES}
        rows.append(
            {"choice": choice, "from": runs.setting[choice], "to": str(value)}
            | {
                f"{r} {q}": f"{number / values[f'{r} {q}'][0] - 1:+.2%}"
                for r in REGIMES
                for q, number in changed[r].items()
            }
        )
    return rows


def sensitivity_rows(runs: Runs) -> list[dict[str, Any]]:
    """Partial rank correlation of each number with each choice, with its interval."""
    table = sensitivity(runs.record[runs.record["stage"] == "design"], AXES, COLUMNS)
    return [
        {"choice": axis}
        | {
            str(row["column"]): f"{row['correlation']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
            for row in group.to_dict("records")
        }
        for axis, group in table.groupby("axis", sort=False)
    ]


def state_rows(runs: Runs) -> list[dict[str, Any]]:
    """Every uniform steady state, also with the coefficients exchanged."""
    return [
        {
            "F": feed_rate,
            "D": "exchanged" if exchanged else "as in the paper",
            "u": f"{s.u:.4f}",
            "v": f"{s.v:.4f}",
            "growth without diffusion": f"{s.growth_uniform:+.4f}",
            "with": f"{s.growth_max:+.4f}",
            "wavelength": f"{s.wavelength:.3f}" if s.turing else "",
            "Turing": "yes" if s.turing else "no",
        }
        for regime, feed_rate in REGIMES.items()
        for exchanged in (False, True)
        for s in runs.states(regime, exchanged)
    ]
