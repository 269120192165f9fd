"""The study of Table 1's RD rows: Gray-Scott in both regimes, with its controls.

The setting comes from the record of the search (``golden/search/rd.csv``; the
"full" profile makes it anew), chosen by the four M's alone. Ten seeds that took
no part in the search then give the cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rdverify.balance import balance_of
from rdverify.gray_scott.study import figures as draw
from rdverify.gray_scott.study.cells import cells, tables
from rdverify.gray_scott.study.facts import measure_all
from rdverify.gray_scott.study.runs import Runs, run_all, until
from rdverify.gray_scott.study.settings import (
    REGIMES,
    SETTINGS,
    chosen,
    read_record,
    search_all,
)
from rdverify.study import Context, StudyResult
from rdverify.study.search import Setting
from rdverify.trace import Trace

SEEDS = tuple(range(11, 21))  # new ones: the search used 0, 101 to 105 and 201 to 210
POINTS = 250


def study(context: Context) -> StudyResult:
    """Choose the setting by the search, run it with its controls, and measure."""
    if context.profile == "full":
        record = search_all(context.work / "rd-search", context.progress, context.workers)
    else:
        record = read_record(context.golden / "search" / "rd.csv")
    return measure_setting(chosen(record), record, SEEDS, context)


def measure_setting(
    setting: Setting, record: pd.DataFrame, seeds: Sequence[int], context: Context
) -> StudyResult:
    """Run one setting with its variations and controls; everything the report needs."""
    runs = run_all(setting, seeds, context.workers, context.progress)
    series = {f"fig2/RD/{SETTINGS[regime]}": curve(runs, regime) for regime in REGIMES}
    figures = draw.all_figures(runs, record, context.figures)
    return StudyResult(
        cells=cells(runs, record),
        metrics=measure_all(runs),
        tables=tables(runs, record),
        figures=figures,
        series=series,
        config={
            "setting": dict(setting),
            "seeds": list(seeds),
            "regimes": dict(REGIMES),
            "search_runs": len(record),
        },
    )


def curve(runs: Runs, regime: str) -> dict[str, list[float]]:
    """R_t pooled over seeds on at most 250 points of normalised time t / T.

    Each point is one step, evenly spread but for the first 50 steps, which are all
    there: the transient would fall between two points otherwise.
    """
    steps = runs.setting["steps"]
    pooled = balance_of(until(Trace.stack([run.trace for run in runs.main[regime]]), steps))
    at = np.unique(
        np.concatenate(
            [np.arange(min(50, steps)), np.linspace(0, steps - 1, POINTS - 50).round().astype(int)]
        )
    )
    return {
        "x": [float(x) for x in (at + 1) / steps],
        "y": [float(y) for y in pooled.r_t_pooled[at]],
    }
