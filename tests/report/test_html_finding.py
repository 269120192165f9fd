"""report.html in a real browser: searched, filtered, and opened by links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from report.browser import OPEN_EACH, RAW, opened

from rdverify import systems

pytestmark = pytest.mark.end_to_end

HELD = ("CONFIRMED", "COMPATIBLE", "REACHED")
FLAGS = ("fragile", "blind", "inference")


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
    """Every value of every filter, and some with another."""
    one = [
        {name: value}
        for name in ("verdict", "section", "standing")
        for value in sorted({item[name] for item in ITEMS})
    ]
    one += [{"system": value} for value in [*systems.SYSTEMS, "none"]]
    one += [{name: "1"} for name in FLAGS]
    others = [other for other in one if other.keys() & {"system", *FLAGS}]
    pairs = [{"verdict": "REFUTED", **other} for other in others]
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


def test_claims_are_found_by_their_words_and_by_those_of_their_sentences(
    browser: Browser, report: Path
) -> None:
    quotes = {line["id"]: line["quote"] for line in RAW["sentences"]}
    with opened(browser, report) as page:
        for claim in RAW["claims"][::12]:
            facts = [test["fact"] for test in claim["evidence"]]
            for words in (claim["text"], claim["reading"], quotes[claim["sentence"]], *facts):
                if words:
                    page.locator("[name=q]").fill(words.upper())
                    found = page.locator(f'.chips > li:not(.dim)[data-id="{claim["id"]}"]')
                    assert found.count() == 1, (claim["id"], words)
        page.locator("[name=q]").fill("no such word")
        assert counted(page) == (0, 0, 0)
        expect(page.get_by_text("Nothing matches.")).to_be_visible()


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
