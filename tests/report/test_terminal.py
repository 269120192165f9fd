"""What the terminal shows: the last lines of a run, Table 1 and the claims, in 80 columns."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict, not_discriminating
from rdverify.report.markdown import number
from rdverify.report.terminal import claim_text, claims_text, summary, table1_text


def test_the_summary_has_what_was_run_and_says_whether_it_agrees(recorded: Results) -> None:
    agreeing, drifted = summary(recorded, []), summary(recorded, ["RD-01: it moved"])
    assert agreeing.endswith("agrees with the record within its budget.")
    assert "Does the paper hold? In part. Of the" in agreeing
    assert "Sentences: " in agreeing
    assert drifted.endswith("DRIFT from the record:\n  RD-01: it moved")


def test_the_table_has_every_number_that_was_run_and_no_other(recorded: Results) -> None:
    text = table1_text(recorded)
    for cell in recorded.corrected():
        shown = f"{cell.printed:8}{number(cell.measured)} ["
        assert shown in text
        missing = replace(cell, verdict=Verdict.NOT_RUN, measured=None)
        cells = [missing if c is cell else c for c in recorded.table1]
        assert shown not in table1_text(replace(recorded, table1=cells))


def test_every_claim_is_listed_with_its_verdict(recorded: Results) -> None:
    text = claims_text(recorded)
    for claim in recorded.claims:
        assert f"\n  {claim.id:8} {claim.verdict}" in text
    heads = [line[:26].split() for line in text.splitlines() if line.startswith("  ")]
    flagged = {head[0]: head[2:] for head in heads if len(head) > 1}
    for claim in recorded.claims:
        assert ("f" in flagged[claim.id]) == bool(claim.fragile)
        assert ("n" in flagged[claim.id]) == not_discriminating(claim)
        assert ("i" in flagged[claim.id]) == claim.inference


@pytest.mark.parametrize("shown", [table1_text, claims_text, lambda r: summary(r, [])])
def test_eighty_columns_are_enough(recorded: Results, shown) -> None:
    lines = shown(recorded).splitlines()
    assert len(lines) > 30
    assert max(len(line) for line in lines) <= 80


def test_a_claim_is_shown_with_every_fact_and_control_once(recorded: Results) -> None:
    for claim in recorded.claims:
        text = claim_text(recorded, claim.id, {})
        tests = {
            (item.fact, item.form, str(item.predicate), item.outcome) for item in claim.evidence
        }
        assert text.count("must be ") == len(tests)
        assert text.count("    control, ") == sum(bool(item.control) for item in claim.evidence)
