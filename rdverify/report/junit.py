"""JUnit: one test case per cell and claim, failed where it drifted from the record."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from rdverify.judge.judged import JudgedCell, JudgedClaim
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict


def junit(results: Results, drifted: Sequence[str]) -> str:
    """JUnit XML; a verdict is a property, not an outcome: a refuted claim is no failure.

    Args:
        results: what this run measured and judged.
        drifted: lines of :func:`rdverify.judge.drift.drifts`, "NAME: what".
    """
    suite = ElementTree.Element("testsuite", name="rdverify")
    cases: list[tuple[str, JudgedCell | JudgedClaim]] = [
        *(("table1", cell) for cell in results.table1),
        *(("claim", claim) for claim in results.claims),
    ]
    failures = skipped = 0
    for kind, record in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=kind, name=record.name)
        properties = ElementTree.SubElement(case, "properties")
        values = {kind: record.name, "verdict": record.verdict}
        if record.discriminating is not None:
            values["discriminating"] = str(record.discriminating)
        for key, value in values.items():
            ElementTree.SubElement(properties, "property", name=key, value=value)
        found = [line for line in drifted if line.startswith(f"{record.name}: ")]
        if found:
            failures += 1
            ElementTree.SubElement(case, "failure", message=found[0]).text = "\n".join(found)
        elif record.verdict == Verdict.NOT_RUN:
            skipped += 1
            ElementTree.SubElement(case, "skipped", message="its system was not run")
    tally = {"tests": len(cases), "failures": failures, "skipped": skipped, "errors": 0}
    suite.attrib |= {name: str(count) for name, count in tally.items()}
    ElementTree.indent(suite)
    body = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'
