"""REPORT.md and its pages from results.json alone: templates over a view, no arithmetic."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.findings import FINDINGS, SHOWN, holds
from rdverify.report.markdown import FILTERS
from rdverify.report.site import MAIN, all_pages
from rdverify.report.view import PARTS, View, all_passed, ran
from rdverify.tools.templates import environment


@cache
def templates() -> Environment:
    """The templates; values are shown as they are, never rendered."""
    found = environment("rdverify.report")
    found.filters.update(FILTERS)
    found.globals.update(Verdict=Verdict, PARTS=PARTS, all_passed=all_passed, ran=ran)
    return found


def render(results: Results, figures: str) -> dict[str, str]:
    """Every page's text by its path, REPORT.md first.

    Args:
        results: as recorded.
        figures: the folder that the figures lie in, seen from REPORT.md.
    """
    pages = all_pages(View(results).parts)
    written = tuple(page for page in pages if _body(View(results, figures, page)))
    return {page.file: _whole(View(results, figures, page, written)) for page in written}


def verdict_block(results: Results) -> str:
    """What README.md carries between its markers."""
    return _section("verdicts", View(results))


def conclusion(results: Results) -> str:
    """Whether the paper holds, in one paragraph; empty where no sentence was judged."""
    return _section("holds", View(results))


def findings(view: View) -> list[str]:
    """The first few in order of weight; one that has nothing to tell is left out."""
    told = [finding for finding in FINDINGS if holds(finding, view.results)]
    return [
        _section(
            f"findings/{finding.template}",
            view,
            facts={name: view.results.facts[name].value for name in finding.facts},
        )
        for finding in told[:SHOWN]
    ]


def _whole(view: View) -> str:
    return f"{_section('head', view)}\n\n{_body(view)}\n"


def _body(view: View) -> str:
    told = findings(view) if view.page is MAIN else []
    shown = [_section(name, view, findings=told) for name in view.page.sections]
    return "\n\n".join(section for section in shown if section)


def _section(name: str, view: View, **more: Any) -> str:
    text = templates().get_template(f"{name}.md.j2").render(view=view, results=view.results, **more)
    return text.strip()
