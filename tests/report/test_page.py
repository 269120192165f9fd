"""The report is the record: every cell, claim, erratum and equation, to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

import spec
from rdverify import systems
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.findings import FINDINGS, holds
from rdverify.report.markdown import markdown_table, math, number
from rdverify.report.page import render, verdict_block
from rdverify.study import Figure
from rdverify.tools.paths import golden_folder

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "rdverify" / "report" / "templates"


def figures_of(results: Results) -> list[Figure]:
    drawn = [figure for study in results.studies for figure in study.figures.values()]
    return [*results.figures.values(), *drawn]


def test_rendering_the_record_gives_the_committed_report_to_the_byte(recorded: Results) -> None:
    committed = (ROOT / "REPORT.md").read_bytes()
    assert render(recorded, "golden/figures").encode() == committed


def test_readme_carries_the_verdict_table_of_the_record(recorded: Results) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- verdicts -->\n(.*?)\n<!-- /verdicts -->", text, re.DOTALL)
    assert block
    assert block[1] == verdict_block(recorded)


def test_report_names_every_cell_claim_erratum_and_equation(recorded: Results) -> None:
    text = render(recorded, "x")
    for cell in recorded.table1:
        assert cell.printed in text
    for claim in recorded.claims:
        assert f'<a id="{claim.id.lower()}"></a>' in text
        assert claim.text.replace("|", r"\|") in text
    for entry in recorded.errata:
        assert entry.id in text
    for record in spec.EQUATIONS.values():
        assert f"`{record.token}`" in text


def test_every_figure_of_the_record_is_there_once_and_linked(recorded: Results) -> None:
    text = render(recorded, "golden/figures")
    assert len(figures_of(recorded)) > 10
    for figure in figures_of(recorded):
        assert text.count(f"](golden/figures/{figure.file})") == 1
        assert (golden_folder() / "figures" / figure.file).read_bytes().startswith(b"\x89PNG")
        assert len(figure.alt) > 20
        assert len(figure.caption) > 40


def test_a_report_of_other_values_shows_other_values(recorded: Results) -> None:
    cell = next(cell for cell in recorded.table1 if cell.measured is not None)
    cells = [replace(c, measured=0.123456) if c is cell else c for c in recorded.table1]
    changed = render(replace(recorded, table1=cells), "x")
    assert "0.12346" in changed
    assert render(recorded, "x") != changed


def test_every_table_of_the_report_has_as_many_cells_in_each_row(recorded: Results) -> None:
    tables = 0
    for block in re.findall(r"(?:^\|.*\n?)+", render(recorded, "x"), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1, block[:200]
        tables += 1
    assert tables > 50


def test_every_link_on_the_page_has_its_place(recorded: Results) -> None:
    bare = [replace(study, tables={}, figures={}) for study in recorded.studies]
    for results in (recorded, replace(recorded, studies=bare, figures={})):
        text = render(results, "x")
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        places = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
        places |= set(re.findall(r'<a id="([^"]+)">', text))
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= places


def test_values_are_shown_and_never_rendered(recorded: Results) -> None:
    hostile = "{{ results.schema }} {% for %} | ends\nhere"
    claims = [replace(recorded.claims[0], text=hostile), *recorded.claims[1:]]
    text = render(replace(recorded, claims=claims), "x")
    assert r"| {{ results.schema }} {% for %} \| ends here |" in text


def test_a_caveat_of_a_study_stands_on_the_first_screen(recorded: Results) -> None:
    warned = [replace(study, caveats=["**Interim.** So far."]) for study in recorded.studies]
    head = render(replace(recorded, studies=warned), "x").partition("On this page")[0]
    assert "> **Interim.** So far." in head


def test_every_fact_of_a_finding_is_declared_and_shown() -> None:
    declared = {name for system in systems.SYSTEMS for name in systems.study(system).facts.names()}
    for finding in FINDINGS:
        text = (TEMPLATES / "findings" / f"{finding.template}.md.j2").read_text(encoding="utf-8")
        assert set(re.findall(r'facts\["([^"]+)"\]', text)) == set(finding.facts)
        assert set(finding.facts) <= declared


def test_a_finding_whose_verdict_is_another_is_left_out_and_a_misspelt_one_raises(
    recorded: Results,
) -> None:
    turing = next(finding for finding in FINDINGS if finding.template == "turing")
    assert holds(turing, recorded)
    claims = [
        replace(claim, verdict=Verdict.UNDECIDED) if claim.id == "RD-12" else claim
        for claim in recorded.claims
    ]
    assert not holds(turing, replace(recorded, claims=claims))
    alone = replace(recorded, provenance=replace(recorded.provenance, systems=["lstm"]))
    assert not holds(turing, alone)
    with pytest.raises(KeyError, match=r"rd\.spott"):
        holds(type(turing)("turing", ("gray-scott",), ("rd.spott.change",)), recorded)


def test_tables_survive_bars_and_missing_values() -> None:
    table = markdown_table([{"a": "x|y", "b": None}, {"a": True, "b": 1.234567}])
    assert table.splitlines()[2:] == [r"| x\|y | – |", "| yes | 1.2346 |"]
    assert "|" not in math(r"\|a\| + q(x | y)")
    assert number(float("nan")) == "–"
