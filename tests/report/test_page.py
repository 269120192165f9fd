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
from rdverify.report.page import render, verdict_block
from rdverify.study import Figure, Table
from rdverify.tools.paths import golden_folder

ROOT = Path(__file__).resolve().parents[2]


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
    assert len(recorded.all_figures()) > 10
    for figure in recorded.all_figures():
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
    hostile = "{{ 6 * 7 }} {% for %} {# | ends\nhere"
    shown = r"{{ 6 * 7 }} {% for %} {# \| ends here"  # in a table
    claims = [replace(recorded.claims[0], text=hostile, reading=hostile), *recorded.claims[1:]]
    cells = [replace(recorded.table1[0], reason=hostile), *recorded.table1[1:]]
    more = {
        "about": hostile,
        "caveats": [hostile],
        "tables": {"t": Table(hostile, [{hostile: hostile}])},
        "figures": {"f": Figure("f.png", hostile, hostile)},
    }
    studies = [replace(study, **more) for study in recorded.studies]
    text = render(replace(recorded, claims=claims, table1=cells, studies=studies), "x")
    assert text.count(f"| {shown} |") == 2 + 2 * len(studies)  # claim, cell, heads and rows
    for whole in (f"Reading: {hostile}", f"> {hostile}", f"![{hostile}](x/f.png)", f"*{hostile}*"):
        assert whole in text
    assert "42 {%" not in text


@pytest.mark.parametrize("system", systems.SYSTEMS)
def test_a_run_of_one_system_gives_a_page_without_the_others(
    recorded: Results, system: str
) -> None:
    missing = {"verdict": Verdict.NOT_RUN, "measured": None, "low": None, "tolerance": None}
    alone = replace(
        recorded,
        provenance=replace(recorded.provenance, systems=[system]),
        studies=[study for study in recorded.studies if study.name == system],
        table1=[replace(cell, **missing) for cell in recorded.table1],
        figures={},
    )
    text = render(alone, "x")
    assert f"Studies run: {system}." in text
    assert "## Tolerance budget" not in text
    for study in recorded.studies:
        for table in study.tables.values():
            assert (f"**{table.caption}**" in text) == (study.name == system)


@pytest.mark.parametrize("rows", [[], ["Ring"]], ids=["without rows", "with rows"])
def test_a_figure_of_the_paper_stands_with_the_paper_s_whatever_its_study_is(
    recorded: Results, rows: list[str]
) -> None:
    drawn = {of: Figure(f"{of}.png", "caption", "alt", of) for of in ("Fig. 4", "")}
    study = replace(recorded.studies[0], rows=rows, figures=drawn)
    text = render(replace(recorded, studies=[study], figures={}), "x")
    above, below = text.split("## Claims by section")
    assert (above.count("](x/Fig. 4.png)"), below.count("](x/Fig. 4.png)")) == (1, 0)
    assert (above.count("](x/.png)"), below.count("](x/.png)")) == (0, 1)


def test_an_equation_without_implementation_says_so(recorded: Results) -> None:
    bare = [replace(equation, implementation=[]) for equation in recorded.equations]
    text = render(replace(recorded, equations=bare), "x")
    assert text.count("| pending |") == len(bare)


def test_a_caveat_of_a_study_stands_on_the_first_screen(recorded: Results) -> None:
    warned = [replace(study, caveats=["**Interim.** So far."]) for study in recorded.studies]
    head = render(replace(recorded, studies=warned), "x").partition("On this page")[0]
    assert "> **Interim.** So far." in head
