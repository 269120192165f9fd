"""The study of Table 1's RD rows: Gray-Scott in both regimes, with its controls.

The setting comes from the record of the search (``golden/search/rd.csv``; the
"full" profile makes it anew), chosen by the four M's alone. Ten seeds that took
no part in the search then give the cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rdverify.gray_scott.study import extremes, feed_rates, feedback
from rdverify.gray_scott.study.cells import cells
from rdverify.gray_scott.study.facts import fact
from rdverify.gray_scott.study.figures import curves, figures
from rdverify.gray_scott.study.plan import run
from rdverify.gray_scott.study.runs import Runs
from rdverify.gray_scott.study.settings import REGIMES, ROWS
from rdverify.gray_scott.study.tables import tables
from rdverify.study import Study

DECLARED_IN = (extremes, feed_rates, feedback)  # modules that add to the registry of facts


def config(runs: Runs) -> dict[str, Any]:
    """Setting and seeds, for the record."""
    return {
        "setting": dict(runs.setting),
        "seeds": list(runs.seeds),
        "regimes": REGIMES,
        "search_runs": len(runs.record),
    }


STUDY = Study(
    name="gray-scott",
    title="Gray-Scott",
    run=run,
    facts=fact,
    about=Path(__file__).with_name("about.md").read_text(encoding="utf-8"),
    rows=tuple(ROWS.values()),
    cells=cells,
    tables=tables,
    figures=figures,
    curves=curves,
    config=config,
)
