"""What the terminal shows at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.markdown import counts, interval, number
from rdverify.report.view import ran


def summary(results: Results, drifted: Sequence[str]) -> str:
    """Table 1 as measured, the counts of verdicts, and what drifted from the record."""
    cells = ran(results.corrected())
    table = [
        {
            "cell": cell.name,
            "printed": cell.printed,
            "measured": number(cell.measured),
            "95 % of one run": interval((cell.predicted_low, cell.predicted_high)),
            "": "fitted" if cell.fitted else "predicted",
            "verdict": cell.verdict,
        }
        for cell in cells
    ]
    judged = [claim for claim in results.claims if claim.verdict != Verdict.NOT_RUN]
    drift = ["DRIFT from the record:", *(f"  {line}" for line in drifted)]
    agreement = ["Every number and verdict agrees with the record within its budget."]
    return "\n".join(
        [
            tabulate(table, headers="keys", disable_numparse=True),
            f"Table 1: {counts(cells)}",
            f"Claims:  {counts(judged)}",
            *(drift if drifted else agreement),
        ]
    )
