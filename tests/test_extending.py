"""docs/extending.md, word for word: a made-up system gets its verdicts and its pages."""

from __future__ import annotations

import re
import sys
import tomllib
import types
from pathlib import Path

import pytest

from rdverify import systems
from rdverify.conformance import of_module, verdict
from rdverify.judge.paper import Paper
from rdverify.judge.results import gather
from rdverify.judge.verdict import Verdict
from rdverify.report.page import render
from rdverify.side_by_side import measure
from rdverify.study import Context
from rdverify.tools.records import convert
from rdverify.verify import provenance

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
ROW = {"system": "Heat", "setting": "Ring", "m_react": "0.99", "m_diff": "0.98", "r": "1.03"}


def block(language: str, containing: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    (chosen,) = (text for text in found if containing in text)
    return chosen


@pytest.fixture
def heat(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The page's module, and its one line in systems.py."""
    module = types.ModuleType("heat_study")
    exec(compile(block("python", "STUDY"), "docs/extending.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "heat_study", module)
    monkeypatch.setitem(systems.SYSTEMS, "heat", "heat_study")
    return module


def test_a_made_up_system_gets_its_cells_claims_figures_and_section(
    heat: types.ModuleType, tmp_path: Path
) -> None:
    claims = tomllib.loads(block("toml", "[[claim]]"))["claim"]
    sentences = tomllib.loads(block("toml", "[[sentence]]"))["sentence"]
    paper = convert({"rows": [ROW], "claims": claims, "sentences": sentences}, Paper)
    context = Context("quick", tmp_path, tmp_path, tmp_path / "work", printed=paper.printed())
    assert systems.chosen("heat") == ["heat"]
    assert systems.fact_places()["heat.ring.final_ratio"].startswith("docs/extending.md:")
    measured = measure(["heat"], context)
    results = gather(paper, measured, None, provenance("test", "quick", ["heat"], "now"))

    cells = {cell.key.quantity: cell for cell in results.corrected()}
    assert cells["m_react"].verdict is Verdict.NOT_RUN
    assert cells["r"].measured is not None
    assert cells["r"].verdict not in (Verdict.NOT_RUN, Verdict.ERROR)
    (claim,) = results.claims
    assert (claim.verdict, claim.discriminating) == (Verdict.CONFIRMED, True)
    assert (tmp_path / "heat.png").stat().st_size > 1000

    page = "\n".join(render(results, "figures").values())
    assert "Heated ring" in page
    assert "The paper leaves out the ring's length." in page
    assert "![A falling line.](../figures/heat.png)" in page
    assert "| 64 | 0.2 |" in page
    assert "HEAT-01" in page


def test_the_implementation_shown_keeps_every_law(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_cell")
    exec(compile(block("python", "lstm_cell"), "docs/extending.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, "my_cell", module)
    mine = of_module("my_cell")
    assert len(mine.functions) == 8
    for token in mine.functions:
        assert verdict(token, mine) == (None, "float64")


def test_the_fact_shown_is_one_of_ours() -> None:
    shown = block("python", "rd.{run}.transient").splitlines()[0]
    source = (ROOT / "rdverify/gray_scott/study/facts.py").read_text(encoding="utf-8")
    assert shown in source
