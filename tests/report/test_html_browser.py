"""report.html in a real browser: found, filtered, read by keyboard, on a phone, in the dark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from report.browser import chromium, opened

from rdverify import systems
from rdverify.judge.records import Results
from rdverify.report.html import render_html
from rdverify.tools.paths import golden_folder

PHONE = {"viewport": {"width": 390, "height": 844}}
HELD = ("CONFIRMED", "COMPATIBLE", "REACHED")
FLAGS = ("fragile", "blind", "inference")
RAW: dict[str, Any] = json.loads((golden_folder() / "results.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, recorded: Results) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(render_html(recorded, golden_folder() / "figures"), encoding="utf-8")
    return path


def studies_of(claim: dict[str, Any]) -> set[str]:
    """Names of the studies that declare a claim's facts, from the registries."""
    tests = claim["evidence"]
    names = {name for test in tests for name in (test["fact"], test["control"]) if name}
    names |= {other["fact"] for test in tests for other in test["also"]}
    return {name for name in systems.SYSTEMS if names & set(systems.study(name).facts.names())}


def described() -> list[dict[str, Any]]:
    """Sentences and claims with what they are filtered by, from results.json alone."""
    claims = {
        claim["id"]: {
            "kind": "claim",
            "id": claim["id"],
            "home": claim["sentence"],
            "verdict": claim["verdict"],
            "section": claim["section"],
            "standing": claim["standing"],
            "system": studies_of(claim) or {"none"},
            "fragile": bool(claim["fragile"]),
            "blind": claim["verdict"] in HELD and claim["discriminating"] is False,
            "inference": claim["inference"],
        }
        for claim in RAW["claims"]
    }
    sentences = [
        {
            "kind": "sentence",
            "id": line["id"],
            "home": line["id"],
            "verdict": line["verdict"] or "none",
            "section": line["section"],
            "standing": line["standing"],
            "system": set().union(
                *(claims[name]["system"] for name in line["readings"] + line["inferences"])
            )
            - {"none"}
            or {"none"},
            "fragile": bool(line["fragile"]),
            "blind": line["verdict"] in HELD and line["discriminating"] is False,
            "inference": False,
        }
        for line in RAW["sentences"]
    ]
    return [*sentences, *claims.values()]


ITEMS = described()


def expected(**wanted: str) -> tuple[int, int, int]:
    """Sentences and claims that match, and sentences that are shown."""

    def matches(item: dict[str, Any]) -> bool:
        return all(
            item[name] is True
            if name in FLAGS
            else value in (item[name] if name == "system" else {item[name]})
            for name, value in wanted.items()
        )

    found = [item for item in ITEMS if matches(item)]
    kinds = [item["kind"] for item in found]
    return kinds.count("sentence"), kinds.count("claim"), len({item["home"] for item in found})


def counted(page: Page) -> tuple[int, int, int]:
    """What the page tells: sentences and claims found, and sentences it shows."""
    text = page.locator("[data-role=count]").inner_text()
    numbers = re.match(r"(\d+) sentences?, (\d+) claims?", text)
    assert numbers, text
    return int(numbers[1]), int(numbers[2]), page.locator(".entry:visible").count()


def choose(page: Page, **wanted: str) -> None:
    """Set the filters, one after the other, as a reader would."""
    for name, value in wanted.items():
        field = page.locator(f".filters [name={name}]")
        if name in FLAGS:
            field.check()
        else:
            field.select_option(value)


def choices() -> list[dict[str, str]]:
    """Every value of every filter, and pairs of them."""
    one = [
        {name: value}
        for name in ("verdict", "section", "standing")
        for value in sorted({item[name] for item in ITEMS})
    ]
    one += [{"system": value} for value in [*systems.SYSTEMS, "none"]]
    one += [{name: "1"} for name in FLAGS]
    pairs = [{"verdict": "REFUTED", **other} for other in one if "verdict" not in other]
    return [*one, *pairs, {"verdict": "CONFIRMED", "blind": "1", "system": "lstm", "section": "5"}]


def test_every_filter_finds_what_the_record_has(browser: Browser, report: Path) -> None:
    assert any(expected(**wanted)[1] for wanted in choices())
    with opened(browser, report) as page:
        assert counted(page) == (len(RAW["sentences"]), len(RAW["claims"]), len(RAW["sentences"]))
        for wanted in choices():
            choose(page, **wanted)
            assert counted(page) == expected(**wanted), wanted
            page.get_by_role("button", name="Clear").click()
            expect(page.locator("[data-role=count]")).not_to_contain_text("found")


def test_filters_stand_in_the_address_and_are_read_from_it(browser: Browser, report: Path) -> None:
    wanted = {"verdict": "REFUTED", "system": "lstm", "fragile": "1"}
    with opened(browser, report) as page:
        choose(page, **wanted)
        page.locator("[name=q]").fill("lstm-28")
        address = page.evaluate("location.href")
        found = counted(page)
    place = address.removeprefix(report.as_uri())
    assert place == "?q=lstm-28&verdict=REFUTED&system=lstm&fragile=1"
    with opened(browser, report, place) as page:
        assert counted(page) == found
        assert page.locator("[name=q]").input_value() == "lstm-28"
    assert found[1] == 1 < expected(**wanted)[1]


def test_every_claim_is_found_by_search_and_opens(browser: Browser, report: Path) -> None:
    homes = [(claim["id"], claim["sentence"]) for claim in RAW["claims"]]
    with opened(browser, report) as page:
        opened_by_search = """async homes => {
            const search = document.querySelector("[name=q]"), found = [];
            for (const [id] of homes) {
                search.value = id;
                search.dispatchEvent(new Event("input", { bubbles: true }));
                const link = document.querySelector(`.chips > li:not(.dim) > a[href="#${id}"]`);
                const changed = new Promise(
                    done => addEventListener("hashchange", done, { once: true }));
                if (!link.checkVisibility()) continue;
                link.click();
                await changed;
                const claim = document.getElementById(id);
                if (claim.checkVisibility()) found.push([id, claim.closest(".current").id]);
            }
            return found;
        }"""
        assert page.evaluate(opened_by_search, homes) == [list(pair) for pair in homes]


@pytest.mark.parametrize("claim", RAW["claims"][::12], ids=lambda claim: claim["id"])
def test_a_claim_is_found_by_its_words_and_by_those_of_its_sentence(
    browser: Browser, report: Path, claim: dict[str, Any]
) -> None:
    quotes = {line["id"]: line["quote"] for line in RAW["sentences"]}
    facts = [test["fact"] for test in claim["evidence"]]
    with opened(browser, report) as page:
        for words in (claim["text"], claim["reading"], quotes[claim["sentence"]], *facts):
            if words:
                page.locator("[name=q]").fill(words.upper())
                assert page.locator(f'.chips > li:not(.dim)[data-id="{claim["id"]}"]').count() == 1
        page.locator("[name=q]").fill("no such word")
        assert counted(page) == (0, 0, 0)
        expect(page.get_by_text("Nothing matches.")).to_be_visible()


OPEN_EACH = """async places => {
    const seen = [];
    for (const place of places) {
        const changed = new Promise(done => addEventListener("hashchange", done, { once: true }));
        location.hash = place;
        await changed;
        const here = document.querySelectorAll("[aria-current]");
        const box = document.getElementById(place).getBoundingClientRect();
        seen.push({
            place, current: here.length === 1 && decodeURIComponent(here[0].hash.slice(1)),
            visible: box.height > 0, left: box.left, right: box.right,
            width: document.scrollingElement.scrollWidth,
        });
    }
    return seen;
}"""


def test_every_place_opens_by_its_link(browser: Browser, report: Path) -> None:
    homes = {claim["id"]: claim["sentence"] for claim in RAW["claims"]}
    homes |= {line["id"]: line["id"] for line in RAW["sentences"]}
    with opened(browser, report) as page:
        seen = page.evaluate(OPEN_EACH, list(homes))
        assert {each["place"]: each["current"] for each in seen if each["visible"]} == homes
    for place in ("#RD-07", "#rd-07", "#5.07", "#eq07", "#E03", "#table1"):
        with opened(browser, report, place) as page:
            found = page.locator(f'[id="{place[1:].upper() if "rd" in place else place[1:]}"]')
            expect(found).to_be_in_viewport()


def test_back_and_forward_lead_through_what_was_opened(browser: Browser, report: Path) -> None:
    current = ".sentence.current"
    with opened(browser, report) as page:
        page.locator('.list a[href="#A.04"]').click()
        page.locator('.list a[href="#1.09"]').click()
        expect(page.locator(current)).to_have_attribute("id", "1.09")
        page.go_back()
        expect(page.locator(current)).to_have_attribute("id", "A.04")
        page.go_back()
        expect(page.locator(current)).to_have_count(0)
        page.go_forward()
        expect(page.locator(current)).to_have_attribute("id", "A.04")


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('href')"))


def test_the_keyboard_alone_is_enough(browser: Browser, report: Path) -> None:
    ids = [line["id"] for line in RAW["sentences"]]
    with opened(browser, report) as page:
        page.keyboard.press("Tab")
        assert focused(page) == "#sentences"
        page.keyboard.press("j")
        assert focused(page) == f"#{ids[0]}"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert focused(page) == f"#{ids[1]}"
        expect(page.locator(".sentence.current")).to_have_attribute("id", ids[1])
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.activeElement.tagName === 'H3'")
        page.keyboard.press("Escape")
        expect(page.locator(".sentence.current")).to_have_count(0)
        assert focused(page) == f"#{ids[1]}"
        page.keyboard.press("/")
        page.keyboard.type("jk")
        assert page.locator("[name=q]").input_value() == "jk"


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']}: {node['target']}"
        for item in found
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


@pytest.mark.parametrize("place", ["", "#LSTM-10"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_scheme": "dark"},
        {**PHONE, "color_scheme": "light"},
        {**PHONE, "color_scheme": "dark"},
    ],
    ids=["light", "dark", "phone", "dark phone"],
)
def test_axe_finds_nothing_serious(
    browser: Browser, report: Path, options: dict[str, Any], place: str
) -> None:
    with opened(browser, report, place, **options) as page:
        drawn(page)
        for box in page.locator(".current details.equations > summary").all():
            box.click()
        page.locator("[data-tip] .name").first.focus()
        assert violations(page) == []


def drawn(page: Page) -> None:
    """Wait until both plots are there."""
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
    expect(page.locator(".plot.drawn .scatterlayer")).to_have_count(2)


def test_nothing_moves_sideways_on_a_phone(browser: Browser, report: Path) -> None:
    width = "document.scrollingElement.scrollWidth"
    with opened(browser, report, **PHONE) as page:
        assert page.evaluate(width) <= 390
        drawn(page)
        assert page.evaluate(width) <= 390
        for each in page.evaluate(OPEN_EACH, [claim["id"] for claim in RAW["claims"]]):
            assert each["visible"]
            assert each["width"] <= 390, each
            assert 0 <= each["left"] < each["right"] <= 390, each
        heights = page.locator(".tip").evaluate_all(
            "tips => tips.map(tip => {"
            "tip.classList.add('active'); const height = tip.offsetHeight;"
            "tip.classList.remove('active'); return height; })"
        )
        assert 0 < max(heights) <= 844
        page.get_by_role("button", name="Back to the list").click()
        expect(page.locator(".list")).to_be_visible()


def test_the_plots_show_the_record_and_can_be_changed(browser: Browser, report: Path) -> None:
    measured = [cell for cell in RAW["table1"] if cell["measured"] is not None]
    lines = [curve for study in RAW["studies"] for curve in study["curves"]]
    with opened(browser, report) as page:
        assert page.locator(".main-svg").count() == 0  # drawn only when they come near
        drawn(page)
        forest, curves = (
            page.locator(f"[data-plot={name}] .canvas") for name in ("forest", "curves")
        )
        points = forest.evaluate("e => e.data.map(t => [t.name, t.x.length])")
        kinds = [count for name, count in points if name not in ("control", "as printed")]
        corrected = [cell for cell in measured if cell["key"]["form"] == "corrected"]
        assert sum(kinds) == len(corrected)
        assert dict(points)["control"] == sum(c["control_value"] is not None for c in corrected)
        assert curves.evaluate("e => e.data.map(t => t.y)") == [line["y"] for line in lines]
        curves.scroll_into_view_if_needed()
        curves.locator(".legendtoggle").first.click()
        page.wait_for_function(
            "() => document.querySelector('[data-plot=curves] .canvas')"
            ".data[0].visible === 'legendonly'"
        )
        box = curves.locator(".nsewdrag").first.bounding_box()
        assert box
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 250, box["y"] + 150, steps=5)
        page.mouse.up()
        low, high = curves.evaluate("e => e.layout.xaxis.range")
        assert 0 < low < high < 0.5


def test_table1_is_sorted_and_tells_its_reasons(browser: Browser, report: Path) -> None:
    with opened(browser, report) as page:
        table = page.locator("[data-role=sortable]")
        table.get_by_role("button", name="Printed").click()
        shown = [float(t) for t in table.locator("tbody td:nth-child(3)").all_inner_texts()]
        assert shown == sorted(float(cell["printed"]) for cell in RAW["table1"])
        expect(table.locator("thead th").nth(2)).to_have_attribute("aria-sort", "ascending")
        table.get_by_role("button", name="Measured").click()
        table.get_by_role("button", name="Measured").click()
        values = [
            float(text)
            for text in table.locator("tbody td:nth-child(4)").all_inner_texts()
            if text != "–"
        ]
        assert values == sorted(values, reverse=True)
        assert table.locator("tbody td:nth-child(4)").last.inner_text() == "–"
        table.get_by_role("button", name="Measured").click()  # and back to the paper's order
        name = table.locator("tbody .name").first
        name.focus()
        first = RAW["table1"][0]
        expect(page.locator(".tip.active")).to_contain_text(first["reason"])
        expect(page.locator(".tip.active")).to_contain_text(first["control"])
        page.keyboard.press("Escape")
        expect(page.locator(".tip.active")).to_have_count(0)
        table.locator("tbody tr").nth(3).hover()
        expect(page.locator(".tip.active")).to_contain_text(RAW["table1"][3]["reason"])


def test_a_claim_s_equations_open_with_code_and_tests(browser: Browser, report: Path) -> None:
    equation = RAW["equations"][17]
    claim = next(claim for claim in RAW["claims"] if 18 in claim["equations"])
    with opened(browser, report, f"#{claim['id']}") as page:
        box = page.locator(f'[id="{claim["id"]}"] details.equations')
        box.locator("summary").first.click()
        for text in (equation["spec"], *equation["implementation"]):
            expect(box.get_by_text(text).first).to_be_visible()
        assert set(equation["tests"]) <= set(box.locator("code").all_text_contents())


def test_print_and_a_browser_without_scripts_show_everything(
    browser: Browser, report: Path
) -> None:
    with opened(browser, report) as page:
        page.emulate_media(media="print")
        assert page.locator(".sentence:visible").count() == len(RAW["sentences"])
        assert page.locator(".tip:visible").count() == len(RAW["table1"])
        for control in (".filters", ".bar", ".list", ".skip"):
            assert not page.locator(control).is_visible()
    with opened(browser, report, java_script_enabled=False) as page:
        assert page.locator(".sentence:visible").count() == len(RAW["sentences"])
        assert page.locator(".claim:visible").count() == len(RAW["claims"])
        assert not page.locator(".filters").is_visible()
