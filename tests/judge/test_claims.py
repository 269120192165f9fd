"""Every claim of the ledger, judged in this run and held against the record."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.judge.drift import drifts
from rdverify.judge.paper import the_paper
from rdverify.judge.records import Results


@pytest.mark.parametrize("claim", [line.id for line in the_paper().claims])
def test_claim_has_the_recorded_verdict(
    claim: str, verification: Results, recorded: Results, record_property: Any
) -> None:
    record_property("claim", claim)
    record = next(item for item in verification.claims if item.id == claim)
    record_property("verdict", str(record.verdict))
    assert record.verdict != "ERROR", [item.error for item in record.evidence]
    assert not [line for line in drifts(verification, recorded) if line.startswith(f"{claim}:")]


def test_claims_rest_on_facts_that_were_measured(verification: Results) -> None:
    for line in the_paper().claims:
        for test in line.test:
            for name in (test.fact, test.control):
                assert not name or name in verification.facts, f"{line.id}: {name}"
