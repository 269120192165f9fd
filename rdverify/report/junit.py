"""JUnit: one test case per cell and claim, failed where it drifted from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from rdverify.judge.results import cell_name


def junit(results: Mapping[str, Any], drifted: Sequence[str]) -> str:
    """JUnit XML; a verdict is a property, not an outcome: a refuted claim is no failure.

    Args:
        results: what this run measured and judged.
        drifted: lines of :func:`rdverify.judge.results.drifts`, "NAME: what".
    """
    suite = ElementTree.Element("testsuite", name="rdverify")
    cases = [
        *((cell_name(cell), "table1", cell) for cell in results["table1"]),
        *((claim["id"], "claim", claim) for claim in results["claims"]),
    ]
    failures = skipped = 0
    for name, kind, record in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=kind, name=name)
        properties = ElementTree.SubElement(case, "properties")
        values = {
            kind: name,
            "verdict": record["verdict"],
            "discriminating": record.get("discriminating"),
        }
        for key, value in values.items():
            if value is not None:
                ElementTree.SubElement(properties, "property", name=key, value=str(value))
        found = [line for line in drifted if line.startswith(f"{name}: ")]
        if found:
            failures += 1
            ElementTree.SubElement(case, "failure", message=found[0]).text = "\n".join(found)
        elif record["verdict"] == "NOT_RUN":
            skipped += 1
            ElementTree.SubElement(case, "skipped", message="its system was not run")
    suite.attrib |= {
        "tests": str(len(cases)),
        "failures": str(failures),
        "skipped": str(skipped),
        "errors": "0",
    }
    ElementTree.indent(suite)
    body = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'
