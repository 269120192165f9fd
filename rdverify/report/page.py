"""REPORT.md from results.json alone: templates over a view, no arithmetic on recorded values."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.findings import FINDINGS, holds
from rdverify.report.markdown import FILTERS
from rdverify.report.view import PARTS, View, all_passed, ran

# the page's sections, in order; one that comes out empty is left out
SECTIONS = (
    "table1",
    "findings",
    "redrawn",
    "claims",
    "against",
    "printed",
    "reconstruction",
    "budget",
    "error_rates",
    "drawn",
    "others",
    "consistency",
    "errata",
    "equations",
    "sentences",
    "environments",
    "provenance",
)


@cache
def templates() -> Environment:
    """The templates; values are shown as they are, never rendered."""
    found = Environment(
        loader=PackageLoader("rdverify.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    found.filters.update(FILTERS)
    found.globals.update(Verdict=Verdict, PARTS=PARTS, all_passed=all_passed, ran=ran)
    return found


def render(results: Results, figures: str) -> str:
    """The report as Markdown; ``figures`` is the folder its images lie in, as it links to them."""
    view = View(results, figures)
    told = findings(view)
    shown = [_section(name, view, findings=told) for name in SECTIONS]
    body = "\n\n".join(section for section in shown if section)
    titles = [line.removeprefix("## ") for line in body.splitlines() if line.startswith("## ")]
    head = _section("head", view, links=[(title, _anchor(title)) for title in titles])
    return f"{head}\n\n{body}\n"


def verdict_block(results: Results) -> str:
    """What README.md carries between its markers."""
    return _section("verdicts", View(results, ""))


def findings(view: View) -> list[str]:
    """Sentences in order of weight; one that has nothing to tell is left out."""
    return [
        _section(
            f"findings/{finding.template}",
            view,
            facts={name: view.results.facts[name].value for name in finding.facts},
        )
        for finding in FINDINGS
        if holds(finding, view.results)
    ]


def _section(name: str, view: View, **more: Any) -> str:
    text = templates().get_template(f"{name}.md.j2").render(view=view, results=view.results, **more)
    return text.strip()


def _anchor(title: str) -> str:
    """The place of a heading on a page that GitHub shows."""
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")
