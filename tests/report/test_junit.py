"""JUnit tells drift from refutation."""

from __future__ import annotations

from xml.etree import ElementTree

from rdverify.judge.records import Results
from rdverify.report.junit import junit


def test_a_refuted_claim_is_no_failure_and_a_drift_is(recorded: Results) -> None:
    refuted = [c.id for c in recorded.claims if c.verdict == "REFUTED"]
    cell = recorded.table1[0].name
    suite = ElementTree.fromstring(junit(recorded, [f"{cell}: measured 1 -> 2"]))
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == [cell]
    assert suite.get("failures") == "1"
    assert int(str(suite.get("tests"))) == len(recorded.table1) + len(recorded.claims)
    properties = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in suite
    }
    assert refuted
    for claim in refuted:
        assert properties[claim]["claim"] == claim
        assert properties[claim]["verdict"] == "REFUTED"
