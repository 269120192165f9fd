"""report.html in a real browser: by keyboard, on a phone, in the dark, in print, its plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from report.browser import OPEN_EACH, PHONE, RAW, opened

pytestmark = pytest.mark.end_to_end


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


def violations(page: Page, within: str | None) -> list[str]:
    found = Axe().run(page, within).response["violations"]
    return [
        f"{item['id']}: {node['target']}"
        for item in found
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


@pytest.mark.parametrize(
    ("options", "place", "within"),
    [
        ({}, "", None),
        ({"color_scheme": "dark"}, "#LSTM-10", ".current"),
        ({**PHONE, "color_scheme": "light"}, "#LSTM-10", ".current"),
        ({**PHONE, "color_scheme": "dark"}, "", None),
    ],
    ids=["light", "dark, a claim", "phone, a claim", "dark phone"],
)
def test_axe_finds_nothing_serious(
    browser: Browser, report: Path, options: dict[str, Any], place: str, within: str | None
) -> None:
    with opened(browser, report, place, **options) as page:
        drawn(page)
        for box in page.locator(".current details.equations > summary").all():
            box.click()
        page.locator("[data-tip] .name").first.focus()
        assert violations(page, within) == []


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
