"""The study of Table 1's LSTM rows: reconstruction, claims and controls (sections 4, 5).

Cells and claims are judged by one declared protocol (:mod:`.protocol`) on ten seeds; what fits
to single rows reach stands beside them, from the records of the search
(``golden/search/lstm-*.csv``; the "full" profile makes them anew).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rdverify.lstm.study import (  # noqa: F401  (declare more facts)
    cell_facts,
    reproduction,
    skill_facts,
)
from rdverify.lstm.study.cells import cells
from rdverify.lstm.study.choice import ADMISSIBLE
from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.figures import curves, figures
from rdverify.lstm.study.networks import KINDS
from rdverify.lstm.study.rows import ROWS, START_UP, UNSEEN, VARIANTS
from rdverify.lstm.study.runs import FITTED, Runs, run
from rdverify.lstm.study.tables import tables
from rdverify.study import Study


def config(runs: Runs) -> dict[str, Any]:
    """All settings and seeds of the recorded networks."""
    return {
        "readings": dict(VARIANTS),
        "start_up_steps": START_UP,
        "unseen_sequences": UNSEEN,
        "fit_within": ADMISSIBLE,
        "kinds": dict(KINDS),
        "rows": {
            row.setting: {
                kind: {
                    "reading": runs.reading(kind, row.key),
                    "config": each[0].as_json(),
                    "seeds": [config.seed for config in each],
                }
                for kind, each in runs.configs[row.key].items()
                if kind in ("declared", "slower", *FITTED)
            }
            for row in ROWS
        },
    }


STUDY = Study(
    name="lstm",
    title="LSTM",
    run=run,
    facts=fact,
    about=Path(__file__).with_name("about.md").read_text(encoding="utf-8"),
    rows=ROWS,
    cells=cells,
    tables=tables,
    figures=figures,
    curves=curves,
    config=config,
    threads=1,
)
