"""Table 1's two RD rows: cells with their tolerance parts and the control of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott.study.plan import printed_choices
from rdverify.gray_scott.study.runs import DYING_KILL_RATE, Runs, since
from rdverify.gray_scott.study.settings import ROWS, three
from rdverify.study import QUANTITIES, Cell, Control, Part, Quantity
from rdverify.study.ranking import spread_as_well

PLATFORM_FLOOR = 1e-6  # relative; libraries and compilers reorder sums


def cells(runs: Runs) -> list[Cell]:
    """The six cells, and the six of the kinetics as printed.

    The M's chose the setting (fitted), the R's did not. Neither half a step nor half a cell is
    an error of these numbers: dt and dx are themselves looked for, so what they do belongs to
    the spread over settings that fit as well.
    """
    corrected = [
        _cell(runs, regime, quantity, moved)
        for regime in ROWS
        for quantity, moved in runs.effects(regime).items()
    ]
    printed = [
        Cell(row, quantity, np.empty(0), False, note=note, form="printed")
        for regime, row in ROWS.items()
        for note in [printed_note(runs, regime)]
        for quantity in QUANTITIES
    ]
    return corrected + printed


def _cell(runs: Runs, regime: str, quantity: Quantity, moved: Mapping[str, float]) -> Cell:
    values = runs.values(regime)[quantity]
    mean = float(values.mean())
    compared = "" if quantity == "r" else ", compared per unit of length"
    parts = (
        Part(
            "platform",
            max(abs(moved["float32"]), PLATFORM_FLOOR * mean),
            "measured: float32 against float64, at least 1e-6 of the value",
        ),
        Part(
            "settings",
            spread_as_well(runs.fits, f"{regime}_{quantity}", mean),
            f"largest distance over the {len(runs.near)} settings of the search whose four M's "
            "fit as well: print may be one run of them (p >= 0.05; less plausible ones count in "
            "proportion to p)",
        ),
    )
    halved = (
        f"Halving dt at the same T moves it by {moved['half dt']:+.4f}, halving dx on the same "
        f"domain by {moved['half dx']:+.4f}{compared}"
    )
    return Cell(
        ROWS[regime],
        quantity,
        values,
        fitted=quantity != "r",
        parts=parts,
        note=f"{halved}. {own_prediction(runs, regime)}" if quantity == "r" else halved,
        control=at_rest(runs, regime) if quantity == "r" else dying(runs, regime, quantity),
    )


def own_prediction(runs: Runs, regime: str) -> str:
    """Why R, a quotient of two fitted numbers, is a prediction all the same."""
    numbers = runs.values(regime)
    off = max(
        abs(numbers[name].mean() / runs.targets[f"{regime}_{name}"] - 1)
        for name in ("m_react", "m_diff")
    )
    return (
        f"R is the quotient of two M's that were fitted, each alone and to {off:.1%} here: that "
        f"leaves R free by twice as much, while |R - 1| is {abs(numbers['r'].mean() - 1):.2%} and "
        f"seeds move it by {numbers['r'].std(ddof=1):.3%}. So R was not fitted, and is a "
        "prediction of its own; its scale is |R - 1|"
    )


def dying(runs: Runs, regime: str, quantity: Quantity) -> Control:
    """The number of the pattern that dies out, over T steps; after its run all norms are 0."""
    traces = [run.trace for run in runs.of("dying", regime)]
    values = np.array([three(trace)[quantity] * trace.steps / runs.steps for trace in traces])
    what = f"kill rate {DYING_KILL_RATE:g}: the pattern dies out"
    return Control(what, float(values.mean()), values)


def at_rest(runs: Runs, regime: str) -> Control:
    """R of the same runs from T to 2 T: what anything that has come to rest gives, about 1."""
    values = balance_of(since(runs.double[regime], runs.steps)).r_runs
    what = "the same runs from T to 2 T, nearly at rest, where R is 1 whatever made the pattern"
    return Control(what, float(values.mean()), values)


def printed_note(runs: Runs, regime: str) -> str:
    """What becomes of the kinetics u^2 v of section 4.1 in the chosen setting."""
    words = []
    for dt, noise in printed_choices(runs.setting):
        simulation = runs.simulations["u2v", regime, dt, noise]
        if simulation.diverged_at is not None:
            words.append(f"dt = {dt:g}: diverges after {simulation.diverged_at} steps")
        else:
            numbers = three(simulation.trace)
            words.append(
                f"dt = {dt:g}, noise {noise:g}: M_react {numbers['m_react']:.4f}, "
                f"R {numbers['r']:.3f}, final contrast {np.ptp(simulation.v):.1g}"
            )
    return "With the kinetics printed in section 4.1, u^2 v: " + "; ".join(words)
