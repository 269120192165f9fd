"""The report is the record: every cell, claim, sentence, erratum and equation, to the byte."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest
from msgspec.structs import replace

import spec
from rdverify import systems
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.markdown import caption
from rdverify.report.page import render, verdict_block
from rdverify.study import Figure, Table
from rdverify.tools.paths import golden_folder

ROOT = Path(__file__).resolve().parents[2]
FIRST = "REPORT.md"


def whole(results: Results, figures: str = "x") -> str:
    """All pages, one after the other."""
    return "\n".join(render(results, figures).values())


def test_rendering_the_record_gives_the_committed_pages_to_the_byte(recorded: Results) -> None:
    pages = render(recorded, "golden/figures")
    for file, text in pages.items():
        assert (ROOT / file).read_bytes() == text.encode(), file
    committed = {f"report/{path.name}" for path in (ROOT / "report").iterdir()}
    assert committed | {FIRST} == set(pages)


def test_the_first_page_has_at_most_40_kb_and_the_others_100(recorded: Results) -> None:
    sizes = {file: len(text.encode()) for file, text in render(recorded, "golden/figures").items()}
    assert sizes.pop(FIRST) <= 40_000
    assert len(sizes) > 10
    assert max(sizes.values()) <= 100_000


def test_readme_carries_the_verdict_table_of_the_record(recorded: Results) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- verdicts -->\n(.*?)\n<!-- /verdicts -->", text, re.DOTALL)
    assert block
    assert block[1] == verdict_block(recorded)


def test_report_names_every_cell_claim_sentence_erratum_and_equation(recorded: Results) -> None:
    pages, text = render(recorded, "x"), whole(recorded)
    for cell in recorded.corrected():
        assert cell.printed in pages[FIRST]
    for claim in recorded.claims:
        assert claim.text in pages[FIRST]
    places = re.findall(r'<a id="([^"]+)"></a>', text)
    assert len(places) == len(set(places))
    assert set(places) == {
        *(claim.id.lower() for claim in recorded.claims),
        *(sentence.id.lower() for sentence in recorded.sentences),
        *(entry.id.lower() for entry in recorded.errata),
        *(record.token for record in spec.EQUATIONS.values()),
    }
    for sentence in recorded.sentences:
        assert text.count(f"\n> {sentence.quote}\n") == 1


def test_every_measurement_and_control_of_a_claim_stands_with_it(recorded: Results) -> None:
    text = whole(recorded)
    for claim in recorded.claims:
        own = text.partition(f'<a id="{claim.id.lower()}"></a>')[2].partition("<a id=")[0]
        for item in claim.evidence:
            assert f"`{item.fact}`" in own
            assert item.control_what in own


def test_every_figure_of_the_record_is_there_once_and_linked(recorded: Results) -> None:
    pages = render(recorded, "golden/figures")
    shown = [
        normpath(join(dirname(file), link))
        for file, text in pages.items()
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    ]
    assert len(shown) == len(set(shown)) > 10
    drawn = {f"golden/figures/{figure.file}" for figure in recorded.all_figures()}
    assert drawn <= set(shown)
    for link in shown:
        assert (ROOT / link).read_bytes().startswith(b"\x89PNG")
    for figure in recorded.all_figures():
        assert (golden_folder() / "figures" / figure.file).is_file()
        assert len(figure.alt) > 20
        assert len(figure.caption) > 40


def test_a_report_of_other_values_shows_other_values(recorded: Results) -> None:
    cell = next(cell for cell in recorded.table1 if cell.measured is not None)
    cells = [replace(c, measured=0.123456) if c is cell else c for c in recorded.table1]
    changed = render(replace(recorded, table1=cells), "x")
    assert "0.12346" in changed[FIRST]
    assert "0.12346" in changed["report/table1.md"]
    assert render(recorded, "x") != changed


def test_every_table_has_as_many_cells_in_each_row_and_fits_the_page(recorded: Results) -> None:
    tables = 0
    for block in re.findall(r"(?:^\|.*\n?)+", whole(recorded), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1, block[:200]
        assert max(widths) <= 11, block[:200]
        tables += 1
    assert tables > 50


def links(pages: dict[str, str]) -> list[tuple[str, str, str]]:
    """Every link as the page it is on, the file it leads to and the place there."""
    found = []
    for file, text in pages.items():
        for link in re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)\)", re.sub(r"\$[^$]*\$", "", text)):
            away, _, place = link.partition("#")
            found.append((file, normpath(join(dirname(file), away)) if away else file, place))
    return found


def dead_links(pages: dict[str, str]) -> list[tuple[str, str, str]]:
    """Links that lead to no page, or to no place on it."""
    places = {}
    for file, text in pages.items():
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        named = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
        places[file] = named | set(re.findall(r'<a id="([^"]+)">', text)) | {""}
    return [link for link in links(pages) if link[2] not in places.get(link[1], ())]


def test_no_link_is_dead(recorded: Results) -> None:
    bare = [replace(study, tables={}, figures={}) for study in recorded.studies]
    assert dead_links(render(recorded, "x")) == []
    assert dead_links(render(replace(recorded, studies=bare, figures={}), "x")) == []
    told = render(recorded, "x")
    told[FIRST] += "[a](report/section-5.md#rd-99)[b](#nowhere)[c](report/none.md)"
    assert len(dead_links(told)) == 3


def test_every_page_leads_to_every_other(recorded: Results) -> None:
    pages = render(recorded, "x")
    told = {(file, to) for file, to, _ in links(pages)}
    assert told >= {(file, other) for file in pages for other in pages if file != other}


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
    text = whole(replace(recorded, claims=claims, table1=cells, studies=studies))
    assert text.count(f"| {shown} |") == 2 * len(studies)  # heads and rows
    expected = (f"Reading: {hostile}", f"> {hostile}", f"![{hostile}](../x/f.png)", f"*{hostile}*")
    for part in expected:
        assert part in text
    assert "42 {%" not in text


@pytest.mark.once
@pytest.mark.parametrize("system", systems.SYSTEMS)
def test_a_run_of_one_system_gives_pages_without_the_others(recorded: Results, system: str) -> None:
    missing = {"verdict": Verdict.NOT_RUN, "measured": None, "low": None, "tolerance": None}
    alone = replace(
        recorded,
        provenance=replace(recorded.provenance, systems=[system]),
        studies=[study for study in recorded.studies if study.name == system],
        table1=[replace(cell, **missing) for cell in recorded.table1],
        figures={},
    )
    pages, text = render(alone, "x"), whole(alone)
    assert f"Studies run: {system}." in pages[FIRST]
    assert "half widths" not in text.lower()
    assert dead_links(pages) == []
    for study in recorded.studies:
        for table in study.tables.values():
            assert (caption(table.caption) in text) == (study.name == system)


@pytest.mark.parametrize("rows", [[], ["Ring"]], ids=["without rows", "with rows"])
@pytest.mark.once
def test_a_figure_of_the_paper_stands_on_the_first_page_whatever_its_study_is(
    recorded: Results, rows: list[str]
) -> None:
    drawn = {of: Figure(f"{of}.png", "caption", "alt", of) for of in ("Fig. 4", "")}
    study = replace(recorded.studies[0], rows=rows, figures=drawn)
    pages = render(replace(recorded, studies=[study], figures={}), "x")
    first = pages.pop(FIRST)
    others = "".join(pages.values())
    assert (first.count("](x/Fig. 4.png)"), others.count("x/Fig. 4.png)")) == (1, 0)
    assert (first.count("](x/.png)"), others.count("](../x/.png)")) == (0, 1)


def test_an_equation_without_implementation_says_so(recorded: Results) -> None:
    bare = [replace(equation, implementation=[]) for equation in recorded.equations]
    text = render(replace(recorded, equations=bare), "x")["report/equations.md"]
    assert text.count("Implementation: pending") == len(bare)


def test_a_caveat_of_a_study_stands_above_the_findings(recorded: Results) -> None:
    warned = [replace(study, caveats=["**Interim.** So far."]) for study in recorded.studies]
    first = render(replace(recorded, studies=warned), "x")[FIRST]
    assert "> **Interim.** So far." in first.partition("## What matters most")[0]


@pytest.mark.once
def test_the_conclusion_follows_the_verdicts(recorded: Results) -> None:
    def concluded(**verdicts: Verdict) -> str:
        told = [replace(s, verdict=s.verdict and verdicts["all"]) for s in recorded.sentences]
        text = render(replace(recorded, sentences=told), "x")[FIRST]
        return text.partition("## Does this paper hold?\n\n")[2].partition(" Of the")[0]

    first = render(recorded, "x")[FIRST]
    assert "## Does this paper hold?\n\n**In part.**" in first
    assert concluded(all=Verdict.CONFIRMED) == "**So far as tested.**"
    assert concluded(all=Verdict.REFUTED) == "**No.**"
