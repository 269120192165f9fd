"""The last lines of a run."""

from __future__ import annotations

from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.terminal import summary


def test_the_summary_has_what_was_run_and_says_whether_it_agrees(recorded: Results) -> None:
    first, *others = recorded.table1
    missing = replace(first, verdict=Verdict.NOT_RUN, measured=None)
    results = replace(recorded, table1=[missing, *others])
    agreeing, drifted = summary(results, []), summary(results, ["RD-01: it moved"])
    assert first.name not in agreeing
    assert all(cell.name in agreeing for cell in results.corrected()[1:])
    assert agreeing.endswith("agrees with the record within its budget.")
    assert "Claims:  " in agreeing
    assert drifted.endswith("DRIFT from the record:\n  RD-01: it moved")
