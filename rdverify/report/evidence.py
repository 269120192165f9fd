"""The report on what the verdicts rest on: settings, tolerances, errata, equations, origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdverify.judge.environments import cell_values, platform_rows
from rdverify.judge.results import cell_name, corrected, platform_budget
from rdverify.report.markdown import interval, markdown_table, math, verdict_text

Results = Mapping[str, Any]


def tables_section(results: Results, title: str, prefixes: tuple[str, ...], lead: str) -> str:
    """The studies' tables whose names begin with one of ``prefixes``, each with its caption."""
    chosen = [table for name, table in results["tables"].items() if name.startswith(prefixes)]
    if not chosen:
        return ""
    blocks = [f"**{table['caption']}**\n\n{markdown_table(table['rows'])}" for table in chosen]
    return "\n\n".join([f"## {title}", lead, *blocks])


def budget_section(results: Results) -> str:
    """Half widths of every part, per cell, and where each comes from."""
    rows = []
    for cell in corrected(results):
        if cell["tolerance"] is None:
            continue
        parts = {part["name"]: part["half_width"] for part in cell["tolerance"]["parts"]}
        rows.append(
            {
                "Cell": cell_name(cell),
                "Print − measured": cell["deviation"],
                **{
                    name: parts.get(name)
                    for name in (
                        "rounding",
                        "seeds",
                        "monte-carlo",
                        "discretisation",
                        "platform",
                        "settings",
                    )
                },
                "Resolution": cell["resolution"],
                "Verdict": verdict_text(cell),
            }
        )
    if not rows:
        return ""
    reasons = {
        (part["name"], part["reason"])
        for cell in corrected(results)
        if cell["tolerance"]
        for part in cell["tolerance"]["parts"]
    }
    listed = "\n".join(f"* {name}: {reason}." for name, reason in sorted(reasons))
    return f"""## Tolerance budget

Half widths, added up. *Resolution* is the smallest deviation from print that the check would have
caught. *Settings*, the spread over settings that fit as well, does not make a pass: it only
separates REFUTED from UNDECIDED. *Discretisation* is what halving dt moves where the model means
a continuous time. The grid spacing has no part: the norms are taken over the grid as it is, so it
is a setting like the others, chosen with them; what halving it moves stands with each verdict
above.

{markdown_table(rows)}

<details><summary>Where each part comes from</summary>

{listed}
</details>"""


def consistency_section(results: Results) -> str:
    """Printed numbers against the digits they derive from."""
    rows = [
        {
            "Check": item["check"],
            "Printed": item["printed"],
            "Allowed by the other digits": interval(item["low"], item["high"]),
            "Consistent": item["consistent"],
        }
        for item in results.get("consistency", [])
    ]
    return (
        (
            "## Self-consistency of print\n\nBefore anything runs: derived numbers against the "
            "digits they derive from.\n\n" + markdown_table(rows)
        )
        if rows
        else ""
    )


def errata_section(results: Results) -> str:
    """The slips of the paper, as printed and as meant."""
    rows = [
        {
            "Id": item["id"],
            "Where": item["where"],
            "Printed": math(item["printed"]),
            "Meant": math(item["corrected"]),
            "Evidence": math(item["evidence"]),
        }
        for item in results["errata"]
    ]
    return "## Errata\n\n" + markdown_table(rows)


def equations_section(results: Results) -> str:
    """One row per equation: forms, places, tests, wrong forms rejected."""
    rows = [
        {
            "Eq.": f"({record['number']}) `{record['token']}`",
            "Title": record["title"],
            "As printed": math(f"${record['latex']}$"),
            "As corrected": math(f"${record['latex_corrected']}$") if record["differs"] else "same",
            "Spec": f"`{record['spec']}`",
            "Implementation": _files(record["implementation"]),
            "Tests": len(record["tests"]),
            "Wrong forms rejected": f"{record['mutants']['rejected']}/{record['mutants']['total']}",
            "Checks": _checks(record),
            "Claims": ", ".join(record["claims"]) or "–",
        }
        for record in results["equations"]
    ]
    return "## Equations\n\n" + markdown_table(rows)


def environments_section(results: Results) -> str:
    """Verdicts, and the spread of the numbers, over the environments that were run."""
    names = sorted({name for claim in results["claims"] for name in claim["environments"]})
    if not names:
        return ""
    rows = [
        {
            "Claim": claim["id"],
            "Recorded": claim["verdict"],
            **{name: claim["environments"].get(name) for name in names},
        }
        for claim in results["claims"]
    ]
    spread = [
        {
            "Cell": cell_name(row["cell"]),
            "Environments": row["environments"],
            "Largest distance from the record": row["largest"],
            "Platform budget": platform_budget(row["cell"]),
        }
        for row in platform_rows(results)
    ]
    measured = (
        ("\n\nThe measured numbers differ between environments by:\n\n" + markdown_table(spread))
        if spread
        else ""
    )
    return f"## Claims by environment\n\n{markdown_table(rows)}{measured}{_trained_anew(results)}"


def _trained_anew(results: Results) -> str:
    """What searching and training everything once more gave, where that is recorded."""
    names = [
        name
        for name, run in results.get("environments", {}).items()
        if run.get("profile") == "full"
    ]
    if not names:
        return ""
    rows = [
        {
            "Cell": cell_name(cell),
            "Printed": cell["printed"],
            "Recorded": cell["measured"],
            "95 % of one run": interval(cell["predicted_low"], cell["predicted_high"]),
            **cell_values(results, cell, "full"),
        }
        for cell in corrected(results)
    ]
    other = [
        claim["id"]
        for claim in results["claims"]
        if any(
            claim["environments"][name] != claim["verdict"]
            for name in names
            if name in claim["environments"]
        )
    ]
    return (
        f"\n\nIn *{', '.join(names)}* every search was made and every network trained anew: it "
        "shows what the shipped ones owe to chance. The verdict is another on "
        f"{', '.join(other) or 'no claim'}; such a verdict hangs on which of several nearly equal "
        f"settings and trainings a search ends with, and weighs the less.\n\n"
        + markdown_table(rows)
    )


def _checks(record: Mapping[str, Any]) -> str:
    """What the tests of an equation said in each environment, shortened where all agree."""
    outcomes = record.get("environments", {})
    if not outcomes:
        return "–"
    if set(outcomes.values()) == {"passed"}:
        return "passed: " + ", ".join(outcomes)
    fallen = ", ".join(record["claims"]) or "none"
    listed = ", ".join(f"{name}: {outcome}" for name, outcome in outcomes.items())
    return f"{listed}; claims that fall: {fallen}"


def _files(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "pending"


def provenance_section(results: Results) -> str:
    """Where this record comes from, and how to make it again."""
    origin = results["provenance"]
    packages = ", ".join(f"{name} {version}" for name, version in origin["packages"].items())
    return f"""## Provenance, and how to run it again

* Command: `{origin["command"]}`, recorded {origin["time"]}
* rdverify {origin["rdverify"]}, commit {origin["commit"]}
* Ledger and Table 1: sha256 `{origin["ledger_sha256"]}`
* Python {origin["python"]} on {origin["machine"]}; {packages}
* Settings and seeds of every run: `config` and `metrics` in `results.json`

`pip install .` and `{origin["command"]}` write this report again; `pip install tox && tox` runs the
tests on every supported Python and re-evaluates each number and claim there."""
