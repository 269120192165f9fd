"""REPORT.md from results.json alone: words around recorded values, no arithmetic on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from rdverify.environments import platform_rows
from rdverify.findings import findings
from rdverify.results import cell_name, platform_budget
from rdverify.verdict import Verdict

Results = Mapping[str, Any]
QUANTITY = {
    "m_react": r"$\mathcal{M}_\text{react}$",
    "m_diff": r"$\mathcal{M}_\text{diff}$",
    "r": "$R$",
}


def render(results: Results, figures: str) -> str:
    """The report as Markdown; ``figures`` is the folder its images lie in, as it links to them."""
    sections = (
        _head,
        _table1_section,
        _findings_section,
        _figure2_section,
        _claims_section,
        _printed_section,
        _reconstruction_section,
        _budget_section,
        _patterns_section,
        _consistency_section,
        _errata_section,
        _equations_section,
        _environments_section,
        _provenance_section,
    )
    parts = [section(results) for section in sections]
    text = "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
    return text.replace("FIGURES/", f"{figures}/")


def number(value: Any, digits: int = 5) -> str:
    """A value for the reader: five significant digits, words for truth values, a dash for none."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, str)):
        return str(value)
    return f"{value:.{digits}g}"


def interval(low: Any, high: Any) -> str:
    """``[low, high]``, or a dash where there is none."""
    return "–" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """A pipe table; all cells are text already or become it by :func:`number`."""
    texts = [{key: _cell(value) for key, value in row.items()} for row in rows]
    return tabulate(texts, headers="keys", tablefmt="pipe", missingval="–", disable_numparse=True)


def _cell(value: Any) -> str:
    return number(value).replace("\n", " ").replace("|", "\\|")


def verdict_text(record: Mapping[str, Any]) -> str:
    """The verdict with its flag: a confirmed claim that its control satisfies too says so."""
    flag = ""
    if record.get("discriminating") is False and record["verdict"] == Verdict.CONFIRMED:
        flag = " (not discriminating)"
    return f"**{record['verdict']}**{flag}"


def counts(records: Iterable[Mapping[str, Any]]) -> str:
    """``3 CONFIRMED, 1 REFUTED``, in the order of :class:`Verdict`; empty kinds left out."""
    tally = Counter(str(record["verdict"]) for record in records)
    return ", ".join(f"{tally[kind]} {kind}" for kind in Verdict if tally[kind])


def verdict_block(results: Results) -> str:
    """What README.md carries between its markers."""
    rows = [
        {"": "Table 1, corrected reading", "verdicts": counts(_corrected(results))},
        {"": "Claims in prose", "verdicts": counts(results["claims"])},
    ]
    weak = sum(
        claim["discriminating"] is False and claim["verdict"] == Verdict.CONFIRMED
        for claim in results["claims"]
    )
    return (
        markdown_table(rows) + f"\n\nOf the confirmed claims {weak} are *not discriminating*: "
        "a negative control satisfies them too."
    )


def _corrected(results: Results) -> list[Mapping[str, Any]]:
    return [cell for cell in results["table1"] if cell["form"] == "corrected"]


def _head(results: Results) -> str:
    meanings = "\n".join(f"* **{kind}**: {kind.meaning}." for kind in Verdict)
    systems = ", ".join(results["provenance"]["systems"])
    return f"""# Verification report

*A Comparative Study of Diffusion Models and Long Short-Term Memory Networks through the
Reaction-Diffusion Equation* (Lo, Nishimura, Ikeda): every equation as executable specification,
every printed number measured, every claim held against evidence and a negative control.
Systems run: {systems}. This page is generated from `results.json`; no number in it is typed.

{verdict_block(results)}

<details><summary>What the verdicts mean</summary>

{meanings}

*Not discriminating* marks a confirmed claim whose negative control passes the same test: it is
true, and says nothing about the model.
</details>"""


def _table1_section(results: Results) -> str:
    rows = [
        {
            "System": cell["system"],
            "Setting": cell["setting"],
            "Number": QUANTITY[cell["quantity"]],
            "Printed": cell["printed"],
            "Measured": cell["measured"],
            "95 % of the mean": interval(cell["low"], cell["high"]),
            "95 % of one run": interval(cell["predicted_low"], cell["predicted_high"]),
            "n": cell["n"],
            "Fitted?": _fitted(cell),
            "Verdict": verdict_text(cell),
        }
        for cell in _corrected(results)
    ]
    return f"""## Table 1, side by side

*Fitted* numbers chose the setting and can only be REACHED; *predicted* ones follow from it.
Print is judged against the interval of one run, widened by the tolerances below.

{markdown_table(rows)}"""


def _fitted(cell: Mapping[str, Any]) -> str:
    if cell["measured"] is None:
        return "–"
    return "fitted" if cell["fitted"] else "predicted"


def _findings_section(results: Results) -> str:
    sentences = findings(results)
    if not sentences:
        return ""
    return "## What matters most\n\n" + "\n".join(
        f"{place}. {sentence}" for place, sentence in enumerate(sentences, 1)
    )


def _figure_block(figure: Mapping[str, str]) -> str:
    return f"![{figure['alt']}](FIGURES/{figure['file']})\n\n*{figure['caption']}*"


def _figure2_section(results: Results) -> str:
    chosen = [figure for name, figure in results["figures"].items() if name.startswith("fig")]
    if not chosen:
        return ""
    return "## Figures 2 and 3\n\n" + "\n\n".join(_figure_block(figure) for figure in chosen)


def _patterns_section(results: Results) -> str:
    chosen = [figure for name, figure in results["figures"].items() if not name.startswith("fig")]
    if not chosen:
        return ""
    return "## Patterns, curves and samples\n\n" + "\n\n".join(_figure_block(f) for f in chosen)


def _claims_section(results: Results) -> str:
    parts = ["## Claims by section"]
    # a claim made in several sections, "2.1, 5", stands under the first
    first = {claim["id"]: claim["section"].partition(",")[0] for claim in results["claims"]}
    sections = sorted(set(first.values()), key=lambda name: [int(part) for part in name.split(".")])
    for section in sections:
        claims = [claim for claim in results["claims"] if first[claim["id"]] == section]
        rows = [
            {
                "Id": f"[{claim['id']}](#{claim['id'].lower()})",
                "Claim": claim["text"],
                "Verdict": verdict_text(claim),
            }
            for claim in claims
        ]
        parts += [f"### Section {section}", markdown_table(rows)]
        parts += [_claim_block(claim) for claim in claims]
    return "\n\n".join(parts)


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


def _printed_section(results: Results) -> str:
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


def _reconstruction_section(results: Results) -> str:
    if not results["tables"]:
        return ""
    parts = [
        "## Reconstruction: what the paper leaves out\n\nEvery setting below is ours, not the "
        "paper's. Searches cover stated ranges and keep every run."
    ]
    parts += [
        f"**{table['caption']}**\n\n{markdown_table(table['rows'])}"
        for table in results["tables"].values()
    ]
    return "\n\n".join(parts)


def _budget_section(results: Results) -> str:
    rows = []
    for cell in _corrected(results):
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
        for cell in _corrected(results)
        if cell["tolerance"]
        for part in cell["tolerance"]["parts"]
    }
    listed = "\n".join(f"* {name}: {reason}." for name, reason in sorted(reasons))
    return f"""## Tolerance budget

Half widths, added up. *Resolution* is the smallest deviation from print that the check would have
caught. *Settings*, the spread over settings that fit as well, does not make a pass: it only
separates REFUTED from UNDECIDED.

{markdown_table(rows)}

<details><summary>Where each part comes from</summary>

{listed}
</details>"""


def _consistency_section(results: Results) -> str:
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


def _errata_section(results: Results) -> str:
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


def _equations_section(results: Results) -> str:
    rows = [
        {
            "Eq.": f"({record['number']}) `{record['token']}`",
            "Title": record["title"],
            "As printed": math(f"${record['latex']}$"),
            "As corrected": math(f"${record['latex_corrected']}$") if record["differs"] else "same",
            "Spec": f"`{record['spec']}`",
            "Implementation": _files(record["implementation"]),
            "Tests": len(record["tests"]),
            "Checks": _checks(record),
            "Claims": ", ".join(record["claims"]) or "–",
        }
        for record in results["equations"]
    ]
    return "## Equations\n\n" + markdown_table(rows)


def _environments_section(results: Results) -> str:
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
    return f"## Claims by environment\n\n{markdown_table(rows)}{measured}"


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


def math(text: str) -> str:
    """LaTeX that survives a Markdown table: no bars."""
    return text.replace(r"\|", r"\Vert ").replace("|", r"\mid ")


def _provenance_section(results: Results) -> str:
    origin = results["provenance"]
    packages = ", ".join(f"{name} {version}" for name, version in origin["packages"].items())
    return f"""## Provenance, and how to run it again

* Command: `{origin["command"]}`, recorded {origin["time"]}
* rdverify {origin["rdverify"]}, commit `{origin["commit"]}`
* Ledger and Table 1: sha256 `{origin["ledger_sha256"]}`
* Python {origin["python"]} on {origin["machine"]}; {packages}
* Settings and seeds of every run: `config` and `metrics` in `results.json`

`pip install .` and `{origin["command"]}` write this report again; `pip install tox && tox` runs the
tests on every supported Python and re-evaluates each number and claim there."""


def summary(results: Results, drifted: Sequence[str]) -> str:
    """What the terminal shows at the end of a run."""
    ran = [cell for cell in _corrected(results) if cell["verdict"] != Verdict.NOT_RUN]
    lines = [
        f"{cell_name(cell):<34} printed {cell['printed']:<7} measured "
        f"{number(cell['measured']):<8} "
        f"{interval(cell['predicted_low'], cell['predicted_high']):<20} "
        f"{'fitted' if cell['fitted'] else 'predicted':<9} {cell['verdict']}"
        for cell in ran
    ]
    judged = [claim for claim in results["claims"] if claim["verdict"] != Verdict.NOT_RUN]
    lines.append(f"Table 1: {counts(ran)}")
    lines.append(f"Claims:  {counts(judged)}")
    if drifted:
        lines += ["DRIFT from the record:", *(f"  {line}" for line in drifted)]
    else:
        lines.append("Every number and verdict agrees with the record within its budget.")
    return "\n".join(lines)
