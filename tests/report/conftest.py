"""The browser and the page that the tests of report.html share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from report.browser import chromium

from rdverify.judge.records import Results
from rdverify.report.html import render_html
from rdverify.tools.paths import golden_folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from chromium()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory, recorded: Results) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_text(render_html(recorded, golden_folder() / "figures"), encoding="utf-8")
    return path
