"""Every claim of the ledger, judged in this run and held against the record."""

from __future__ import annotations

from typing import Any

import pytest

import spec
from rdverify.judge.results import drifts


@pytest.mark.parametrize("claim", [line["id"] for line in spec.claims()])
def test_claim_has_the_recorded_verdict(
    claim: str, verification: dict[str, Any], recorded: dict[str, Any], record_property: Any
) -> None:
    record_property("claim", claim)
    record = next(item for item in verification["claims"] if item["id"] == claim)
    record_property("verdict", record["verdict"])
    assert record["verdict"] != "ERROR", [item["error"] for item in record["evidence"]]
    assert not [line for line in drifts(verification, recorded) if line.startswith(f"{claim}:")]


def test_claims_rest_on_metrics_that_were_measured(verification: dict[str, Any]) -> None:
    for line in spec.claims():
        for test in line.get("test", []):
            for name in (test["metric"], test.get("control")):
                assert not name or name in verification["metrics"], f"{line['id']}: {name}"
