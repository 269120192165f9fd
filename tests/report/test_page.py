"""The report is the record: every cell, claim, erratum and equation, to the byte."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import spec
from rdverify.judge.results import verdict_digest
from rdverify.report.markdown import markdown_table, math, number
from rdverify.report.page import render, verdict_block
from rdverify.tools.paths import golden_folder

ROOT = Path(__file__).resolve().parents[2]


def test_rendering_the_record_gives_the_committed_report_to_the_byte(
    recorded: dict[str, Any],
) -> None:
    committed = (ROOT / "REPORT.md").read_bytes()
    assert render(recorded, "golden/figures").encode() == committed


def test_readme_carries_the_verdict_table_of_the_record(recorded: dict[str, Any]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- verdicts -->\n(.*?)\n<!-- /verdicts -->", text, re.DOTALL)
    assert block
    assert block[1] == verdict_block(recorded)


def test_the_record_follows_the_published_schema(recorded: dict[str, Any]) -> None:
    schema = json.loads((golden_folder() / "results.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(recorded, schema)
    broken = json.loads(json.dumps(recorded))
    broken["table1"][0]["verdict"] = "MAYBE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_the_record_was_judged_by_the_ledger_as_it_stands(recorded: dict[str, Any]) -> None:
    text = "".join(spec.text_of(name) for name in ("claims.toml", "table1.toml"))
    assert recorded["provenance"]["ledger_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert [claim["id"] for claim in recorded["claims"]] == [c["id"] for c in spec.claims()]


def test_a_changed_verdict_needs_a_changelog_entry(recorded: dict[str, Any]) -> None:
    digest = verdict_digest(recorded)
    assert f"verdicts {digest}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    changed = json.loads(json.dumps(recorded))
    changed["claims"][0]["verdict"] = (
        "UNDECIDED" if changed["claims"][0]["verdict"] != "UNDECIDED" else "REFUTED"
    )
    assert verdict_digest(changed) != digest


def test_report_names_every_cell_claim_erratum_and_equation(recorded: dict[str, Any]) -> None:
    text = render(recorded, "x")
    for cell in recorded["table1"]:
        assert cell["printed"] in text
    for claim in recorded["claims"]:
        assert f'<a id="{claim["id"].lower()}"></a>' in text
        assert claim["text"].replace("|", r"\|") in text
    for entry in recorded["errata"]:
        assert entry["id"] in text
    for record in spec.EQUATIONS.values():
        assert f"`{record.token}`" in text


def test_every_figure_of_the_record_is_there_and_linked(recorded: dict[str, Any]) -> None:
    text = render(recorded, "golden/figures")
    assert recorded["figures"]
    for figure in recorded["figures"].values():
        assert f"](golden/figures/{figure['file']})" in text
        assert (golden_folder() / "figures" / figure["file"]).read_bytes().startswith(b"\x89PNG")
        assert len(figure["alt"]) > 20
        assert len(figure["caption"]) > 40


def test_a_report_of_other_values_shows_other_values(recorded: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(recorded))
    cell = next(c for c in changed["table1"] if c["measured"] is not None)
    cell["measured"] = 0.123456
    assert "0.12346" in render(changed, "x")
    assert render(recorded, "x") != render(changed, "x")


def test_every_table_of_the_report_has_as_many_cells_in_each_row(recorded: dict[str, Any]) -> None:
    tables = 0
    for block in re.findall(r"(?:^\|.*\n?)+", render(recorded, "x"), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1, block[:200]
        tables += 1
    assert tables > 50


def test_every_link_on_the_page_has_its_place(recorded: dict[str, Any]) -> None:
    for results in (recorded, {**recorded, "tables": {}, "figures": {}}):
        text = render(results, "x")
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        places = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
        places |= set(re.findall(r'<a id="([^"]+)">', text))
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= places


def test_tables_survive_bars_and_missing_values() -> None:
    table = markdown_table([{"a": "x|y", "b": None}, {"a": True, "b": 1.234567}])
    assert table.splitlines()[2:] == [r"| x\|y | – |", "| yes | 1.2346 |"]
    assert "|" not in math(r"\|a\| + q(x | y)")
    assert number(float("nan")) == "–"
