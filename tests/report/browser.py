"""A real browser for the tests of report.html: Chromium, without a network."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from rdverify.tools.paths import golden_folder

RAW: dict[str, Any] = json.loads((golden_folder() / "results.json").read_text("utf-8"))
NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def chromium() -> Iterator[Browser]:
    """Chromium; without one the test is skipped, or fails where RDVERIFY_BROWSER=required."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        missing = f"no browser is installed (none of {', '.join(NAMES)})"
        if os.environ.get("RDVERIFY_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, place: str = "", **options: Any) -> Iterator[Page]:
    """A page on ``file``; at its end, no error was logged and nothing but the file was asked for.

    Args:
        browser: as :func:`chromium` gives it.
        file: the page.
        place: what follows in the address, such as ``#RD-07``.
        options: of the browser's context: viewport, colours, scripts.
    """
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **options})
    context.route(
        lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: route.abort()
    )
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request", lambda request: asked.append(request.url.partition(",")[0].partition("#")[0])
    )
    page.goto(f"{file.as_uri()}{place}")
    yield page
    context.close()
    assert said == []
    own = file.as_uri()
    assert [url for url in asked if not url.startswith(("data:image/", "data:font/", own))] == []


# opens each place by its link, and says what is then to be seen
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
