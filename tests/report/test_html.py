"""report.html as a file: whole, repeatable, of bounded size, and never run by what it shows."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect
from report.browser import opened

from rdverify import systems
from rdverify.judge.judged import CellKey
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report import html
from rdverify.report.html import LARGEST, render_html
from rdverify.report.view import View
from rdverify.study import Figure, Table
from rdverify.tools.paths import golden_folder

FIGURES = golden_folder() / "figures"
TAGS = '<img src=x onerror="window.ran = 1">'
HOSTILE = (
    f"{TAGS} </script><script>window.ran = 2</script> \"' onfocus='window.ran = 3' autofocus "
    "javascript:window.ran=4 {{ 6 * 7 }} <!-- $\\href{javascript:window.ran=5}{x}$ \u2028"
)


@pytest.fixture(scope="module")
def page(recorded: Results) -> str:
    return render_html(recorded, FIGURES)


@pytest.mark.once
def test_the_page_is_repeatable_and_of_bounded_size(recorded: Results, page: str) -> None:
    assert render_html(recorded, FIGURES) == page
    assert len(page.encode()) <= LARGEST == 5_000_000


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    shown = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for value in re.findall(r'\b(?:src|href|action|data)="([^"]*)"', shown):
        assert value.startswith(("#", "data:image/", "figures/")), value[:80]
    for value in re.findall(r"url\(([^)]*)\)", shown):
        assert value.startswith("data:font/woff2;base64,")
    assert "@import" not in shown


def test_the_page_allows_its_own_scripts_alone(page: str) -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    rule = policy[1].partition("script-src")[2].partition(";")[0]
    assert "unsafe" not in rule
    scripts = [*re.findall(r"<script>(.*?)</script>", page, re.DOTALL)]
    scripts.append((Path(html.__file__).parent / "vendor" / html.PLOTTING).read_text("utf-8"))
    for text in scripts:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rule
    assert rule.count("sha256-") == len(scripts) == 4


def test_what_is_vendored_is_what_its_note_says(page: str) -> None:
    folder = Path(html.__file__).parent / "vendor"
    note = (folder / "README.md").read_text("utf-8")
    for name in (html.PLOTTING, html.FONT):
        assert f"`{name}`" in note
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in note
    assert len(list(folder.glob("*.LICENSE"))) == 2
    assert "</script" not in (folder / html.PLOTTING).read_text("utf-8")


def test_every_cell_claim_sentence_equation_and_erratum_is_there(
    recorded: Results, page: str
) -> None:
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    named = [*recorded.claims, *recorded.sentences, *recorded.errata]
    assert {item.id for item in named} <= set(ids)
    assert {equation.token for equation in recorded.equations} <= set(ids)
    assert page.count("data-tip=") == len(recorded.table1)
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(ids)
    for figure in recorded.all_figures():
        assert page.count(str(html.templates().from_string("{{ x }}").render(x=figure.alt))) == 1


@pytest.mark.once
def test_figures_are_inside_until_the_page_is_full(
    recorded: Results, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {figure.file for figure in recorded.all_figures()}
    bare = len(html._page(View(recorded, "figures"), {}).encode())
    monkeypatch.setattr(html, "LARGEST", bare + 1_000_000)
    page = render_html(recorded, FIGURES)
    linked = set(re.findall(r'<a href="figures/([^"]*)">', page))
    inside = files - linked
    assert len(page.encode()) <= html.LARGEST
    assert inside
    assert linked
    sizes = {name: len(html._image(FIGURES, name)) for name in files}
    assert max(sizes[name] for name in inside) <= min(sizes[name] for name in linked)
    shown = {kind: page.count(f"data:{kind};base64,") for kind in ("image/png", "image/svg+xml")}
    assert sum(shown.values()) == len(inside)

    (tmp_path / "fig2.png").write_bytes(b"bitmap")
    (tmp_path / "fig2.svg").write_bytes(b"drawing")
    page = render_html(recorded, tmp_path, "golden/figures")
    assert f"data:image/svg+xml;base64,{base64.b64encode(b'drawing').decode()}" in page
    assert base64.b64encode(b"bitmap").decode() not in page
    assert page.count('href="golden/figures/') == len(files) - 1


@pytest.mark.once
def test_a_file_outside_the_folder_of_figures_is_not_read(recorded: Results) -> None:
    outside = Figure("../figures/fig2.png", "caption", "alt")
    results = replace(recorded, studies=[], figures={"x": outside})
    page = render_html(results, FIGURES)
    assert "data:image/" not in page
    assert 'href="figures/../figures/fig2.png"' in page


def test_the_command_of_a_claim_runs_all_that_it_rests_on(recorded: Results, page: str) -> None:
    view = View(recorded, "figures")
    facts = {name: set(systems.study(name).facts.names()) for name in systems.SYSTEMS}
    for claim in recorded.claims:
        names = {test.fact for test in claim.evidence}
        names |= {test.control for test in claim.evidence if test.control}
        names |= {other.fact for test in claim.evidence for other in test.also}
        run = view.rests_on(claim)
        assert systems.chosen(",".join(run) or None)
        assert names <= set().union(*(facts[name] for name in run))
        assert all(names & facts[name] for name in run)
        option = f" --only {','.join(run)}" if run else ""
        assert f"<code>rdverify verify{option}</code><br><code>pytest -k {claim.id}</code>" in page


def infested(results: Results) -> Results:
    """The record with hostile words wherever a word may stand."""
    claim, cell, line = results.claims[0], results.table1[0], results.sentences[0]
    test = replace(
        results.claims[1].evidence[0], fact=HOSTILE, what=HOSTILE, control=HOSTILE,
        control_what=HOSTILE, error=HOSTILE, fixed=HOSTILE, also_what=HOSTILE,
    )  # fmt: skip
    words = dict.fromkeys(("text", "reading", "why", "decides", "no_control"), HOSTILE)
    bad_claim = replace(
        claim, **words, fragile=[HOSTILE], evidence=[test],
        environments={HOSTILE: Verdict.CONFIRMED},
    )  # fmt: skip
    key = CellKey(HOSTILE, HOSTILE, cell.key.quantity)
    bad_cell = replace(
        cell, key=key, reason=HOSTILE, note=HOSTILE, control=HOSTILE, follows=HOSTILE
    )
    bad_line = replace(line, quote=HOSTILE, nothing_testable=HOSTILE, section=HOSTILE)
    equation = replace(
        results.equations[0], title=HOSTILE, latex=HOSTILE, latex_corrected=HOSTILE, differs=True,
        spec=HOSTILE, implementation=[HOSTILE], tests=[HOSTILE], environments={HOSTILE: HOSTILE},
    )  # fmt: skip
    erratum = replace(results.errata[0], where=HOSTILE, printed=HOSTILE, evidence=HOSTILE)
    figure = Figure("javascript:window.ran=6", HOSTILE, HOSTILE, HOSTILE)
    curve = replace(results.studies[0].curves[0], system=HOSTILE, setting=HOSTILE)
    study = replace(
        results.studies[0], name=HOSTILE, title=HOSTILE, caveats=[f"**{HOSTILE}**"],
        figures={HOSTILE: figure}, tables={HOSTILE: Table(HOSTILE, [])}, curves=[curve],
    )  # fmt: skip
    return replace(
        results,
        claims=[bad_claim, *results.claims[1:]],
        table1=[bad_cell, *results.table1[1:]],
        sentences=[bad_line, *results.sentences[1:]],
        equations=[equation, *results.equations[1:]],
        errata=[erratum, *results.errata[1:]],
        studies=[study, *results.studies[1:]],
        figures={HOSTILE: figure},
        provenance=replace(results.provenance, command=HOSTILE, packages={HOSTILE: HOSTILE}),
    )


@pytest.mark.once
def test_hostile_content_is_shown_as_text_and_runs_nothing(
    browser: Browser, recorded: Results, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    results = infested(recorded)
    path.write_text(render_html(results, FIGURES), encoding="utf-8")
    with opened(browser, path, f"#{results.claims[0].id}") as page:
        page.locator("[name=q]").fill("onerror")
        assert page.locator(".entry:visible").count() >= 1
        for plot in page.locator(".plot").all():
            plot.scroll_into_view_if_needed()
        expect(page.locator(".plot.drawn .scatterlayer")).to_have_count(2)
        page.locator("[data-tip] .name").first.focus()
        assert page.evaluate("() => typeof window.ran") == "undefined"
        assert page.locator("img[src=x]").count() == 0
        assert page.locator('[href^="javascript:"], [onerror], [onfocus]').count() == 0
        shown = page.locator(f'[id="{results.claims[0].id}"] .text').inner_text()
        assert TAGS in shown
        assert "{{ 6 * 7 }}" in shown
        names = page.locator("[data-plot=curves] .canvas").evaluate("e => e.data.map(t => t.name)")
        assert "<" not in names[0]
        assert "&lt;img" in names[0]


def test_what_was_not_run_gives_a_page_as_well(recorded: Results, tmp_path: Path) -> None:
    missing: dict[str, Any] = {"verdict": Verdict.NOT_RUN, "measured": None, "low": None}
    none = replace(
        recorded,
        studies=[],
        table1=[replace(cell, **missing) for cell in recorded.table1],
        claims=[replace(c, evidence=[], verdict=Verdict.NOT_RUN) for c in recorded.claims],
        equations=[],
        errata=[],
        figures={},
    )
    page = render_html(none, tmp_path)
    assert 'id="curves"' not in page
    assert 'id="figures"' not in page
    assert page.count(">NOT RUN</span>") >= len(recorded.claims)
