"""The report on claims: each with reading, evidence, control and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdverify.judge.results import cell_name
from rdverify.report.markdown import interval, markdown_table, number, verdict_text

Results = Mapping[str, Any]
INTRODUCTION = """## Claims by section

Each claim opens to its reading, tests, controls and margins. A claim is CONFIRMED if all its tests
are, REFUTED if one is (premises are tests, too), else UNDECIDED. Thresholds are ours unless the
reading quotes the paper; *margin* says how far the interval is from the threshold, and where it is
small the verdict hangs on that choice. A control is negative, something that the claim should not
hold for; under a refuted claim it shows what the same test says elsewhere. A sentence that the
paper repeats for several systems, or that can be read in several ways, is several claims here."""


def claims_section(results: Results) -> str:
    """All claims, by the section that makes them first."""
    parts = [INTRODUCTION]
    # a claim made in several sections, "2.1, 5", stands under the first
    first = {claim["id"]: claim["section"].partition(",")[0] for claim in results["claims"]}
    sections = sorted(set(first.values()), key=_place)
    for section in sections:
        claims = [claim for claim in results["claims"] if first[claim["id"]] == section]
        rows = [
            {
                "Id": f"[{claim['id']}](#{claim['id'].lower()})",
                "Claim": claim["text"],
                "Verdict": verdict_text(claim) + _as_printed(claim),
            }
            for claim in claims
        ]
        parts += [
            f"### Section {section}" if section[0].isdigit() else f"### {section}",
            markdown_table(rows),
        ]
        parts += [_claim_block(claim) for claim in claims]
    return "\n\n".join(parts)


def _as_printed(claim: Mapping[str, Any]) -> str:
    """The verdict before the errata, where it is another."""
    printed = claim["verdict_as_printed"]
    return f"; as printed {printed}" if printed and printed != claim["verdict"] else ""


def _place(section: str) -> list[int]:
    """Sort key of a section: "Abstract" comes before "2.1" before "5"."""
    return [int(part) for part in section.split(".")] if section[0].isdigit() else [0]


def _claim_block(claim: Mapping[str, Any]) -> str:
    tests = [
        {
            "Metric": f"`{item['metric']}`: {item['what']}",
            "Value": item["value"],
            "95 %": interval(item["low"], item["high"]),
            "n": item["n"],
            "Must satisfy": predicate_text(item["predicate"]),
            "Outcome": _outcome_text(item),
            "Margin": item["margin"],
            "Control": _control_text(item),
        }
        for item in claim["evidence"]
    ]
    environments = ", ".join(
        f"{name}: {verdict}" for name, verdict in claim.get("environments", {}).items()
    )
    lines = [
        f'<a id="{claim["id"].lower()}"></a>',
        f"<details><summary>{claim['id']}: {claim['verdict']}. {claim['text']}</summary>",
        "",
        f"Reading: {claim['reading']}" if claim["reading"] else "",
        f"Why: {claim['why']}" if claim["why"] else "",
        f"As printed: **{claim['verdict_as_printed']}**." if claim["verdict_as_printed"] else "",
        f"No control: {claim['no_control']}" if claim["no_control"] else "",
        "Rests on " + ", ".join(f"Eq. ({n})" for n in claim["equations"]) + "."
        if claim["equations"]
        else "",
        markdown_table(tests),
        f"Environments: {environments}." if environments else "",
        "</details>",
    ]
    return "\n\n".join(line for line in lines if line)


def _outcome_text(item: Mapping[str, Any]) -> str:
    form = f" ({item['form']} form)" if item["form"] else ""
    error = f": {item['error']}" if item["error"] else ""
    return f"{item['outcome']}{form}{error}"


def _control_text(item: Mapping[str, Any]) -> str:
    if not item["control"]:
        return "–"
    return f"{item['control_what']}: {number(item['control_value'])}, {item['control_outcome']}"


def predicate_text(predicate: Mapping[str, Any]) -> str:
    """A predicate in words."""
    match predicate["type"]:
        case "within":
            return f"in [{number(predicate['low'])}, {number(predicate['high'])}]"
        case "at_least":
            return f"≥ {number(predicate['value'])}"
        case "at_most":
            return f"≤ {number(predicate['value'])}"
        case "equals":
            return f"= {number(predicate['value'])}"
        case kind:
            return {"holds": "true", "fails": "false"}[kind]


def printed_section(results: Results) -> str:
    """The cells of Table 1 by the formulas as printed."""
    rows = [
        {
            "Cell": cell_name(cell),
            "Printed": cell["printed"],
            "Measured": cell["measured"],
            "95 % of one run": interval(cell["predicted_low"], cell["predicted_high"]),
            "Verdict": verdict_text(cell),
            "Reason": cell["reason"],
        }
        for cell in results["table1"]
        if cell["form"] == "printed"
    ]
    if not rows:
        return ""
    return (
        "## Table 1 by the formulas as printed\n\nWhere an erratum changes a formula, "
        "this is what its printed form gives.\n\n" + markdown_table(rows)
    )


def sentences_section(results: Results) -> str:
    """From every asserting sentence to its claims, or why nothing in it can be tested."""
    known = {claim["id"] for claim in results["claims"]}
    rows = [
        {
            "Section": item["section"],
            "Sentence": f"{item['begins']} …",
            "Asserts": item["asserts"],
            "Claims": ", ".join(
                f"[{name}](#{name.lower()})" for name in item.get("claims", []) if name in known
            )
            or item.get("nothing_testable", "–"),
        }
        for item in results["sentences"]
    ]
    return f"""## Sentence by sentence

Every sentence of the paper that asserts something, and where it is judged; or why nothing in it
can be tested.

<details><summary>{len(rows)} sentences</summary>

{markdown_table(rows)}

</details>"""
