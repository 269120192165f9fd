"""Table 1's two RD rows: cells with their tolerance parts and the control of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rdverify.gray_scott.study.runs import DYING_KILL_RATE, Runs, printed_choices
from rdverify.gray_scott.study.settings import EQUALLY_WELL, ROWS, three
from rdverify.study import QUANTITIES, Cell, Control, Part, Quantity
from rdverify.study.ranking import spread_of

PLATFORM_FLOOR = 1e-6  # relative; libraries and compilers reorder sums


def cells(runs: Runs) -> list[Cell]:
    """The six cells, and the six of the kinetics as printed.

    The M's chose the setting (fitted), the R's did not. The budget counts half a
    step as discretisation. Half a cell is not in it: a cell's side is itself one
    of the settings looked for, so its effect belongs to the spread over settings.
    """
    corrected = [
        _cell(runs, regime, quantity, moved, dying[quantity])
        for regime in ROWS
        for dying in [dying_numbers(runs, regime)]
        for quantity, moved in runs.effects(regime).items()
    ]
    printed = [
        Cell(row, quantity, np.empty(0), False, note=note, form="printed")
        for regime, row in ROWS.items()
        for note in [printed_note(runs, regime)]
        for quantity in QUANTITIES
    ]
    return corrected + printed


def _cell(
    runs: Runs, regime: str, quantity: Quantity, moved: Mapping[str, float], dying: float
) -> Cell:
    values = runs.values(regime)[quantity]
    mean = float(values.mean())
    compared = (
        ". R is the quotient of two fitted M's, which within 0.6 % each leave it free by 1.2 %"
        if quantity == "r"
        else ", compared per unit of length"
    )
    parts = (
        Part(
            "discretisation",
            abs(moved["half dt"]),
            "measured: dt halved, same time span and initial state",
        ),
        Part(
            "platform",
            max(abs(moved["float32"]), PLATFORM_FLOOR * mean),
            "measured: float32 against float64, at least 1e-6 of the value",
        ),
        Part(
            "settings",
            spread_of(runs.near, f"{regime}_{quantity}", mean),
            f"largest distance over the {len(runs.near)} settings of the search whose four "
            f"M's are all within {EQUALLY_WELL:.1%} of print",
        ),
    )
    return Cell(
        ROWS[regime],
        quantity,
        values,
        fitted=quantity != "r",
        parts=parts,
        note=f"Halving dx on the same domain moves it by {moved['half dx']:+.4f}{compared}",
        control=Control(f"kill rate {DYING_KILL_RATE:g}: the pattern dies out", dying),
    )


def dying_numbers(runs: Runs, regime: str) -> dict[Quantity, float]:
    """The numbers of the pattern that dies out, over T steps; after its run all norms are 0."""
    trace = runs.one("dying", regime).trace
    share = trace.steps / runs.steps
    return {name: x if name == "r" else x * share for name, x in three(trace).items()}


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
