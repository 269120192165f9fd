"""Every sentence of the paper, word for word, to its line in the ledger, and back."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import spec

FILE: dict[str, Any] = tomllib.loads(spec.text_of("sentences.toml"))
SENTENCES: list[dict[str, Any]] = FILE["sentence"]
CLAIMS: list[dict[str, Any]] = spec.claims()
PAPER = Path(__file__).resolve().parents[3] / "shared" / "paper.md"
SECTIONS = ["Abstract", "1", "2.1", "2.2", "2.3", "3", "3.1", "3.2", "4"]
SECTIONS += ["4.1", "4.2", "4.3", "4.4", "5", "6"]


def plain(text: str) -> str:
    """Without white space, which a line break and the typesetting of formulas add."""
    return re.sub(r"\s+", "", text)


def body(paper: str) -> str:
    """The paper without the footnote that a page break puts into a sentence."""
    return plain(re.sub(r"†.*", "", paper))


def faults(sentences: list[dict[str, Any]], claims: list[dict[str, Any]]) -> list[str]:
    """What is wrong with a map from sentences to claims."""
    homes = {claim["id"]: claim["sentence"] for claim in claims}
    named = {line["id"]: line.get("claims", []) for line in sentences}
    found = [
        f"{name} is not among the claims of its sentence {home}"
        for name, home in homes.items()
        if name not in named.get(home, [])
    ]
    listed = {name for names in named.values() for name in names}
    return found + [f"{name} is not in the ledger" for name in sorted(listed - homes.keys())]


def test_every_claim_is_under_its_sentence_and_every_claim_named_exists() -> None:
    assert not faults(SENTENCES, CLAIMS)


def test_the_check_finds_a_claim_without_sentence_and_a_name_without_claim() -> None:
    lines = [{"id": "5.01", "claims": ["RD-01", "RD-99"]}]
    claims = [{"id": "RD-01", "sentence": "5.01"}, {"id": "RD-02", "sentence": "5.01"}]
    assert faults(lines, claims) == [
        "RD-02 is not among the claims of its sentence 5.01",
        "RD-99 is not in the ledger",
    ]


@pytest.mark.parametrize("line", SENTENCES, ids=lambda line: line["id"])
def test_a_sentence_has_its_fields_and_either_claims_or_a_reason(line: dict[str, Any]) -> None:
    verdict = {"claims", "nothing_testable"} & set(line)
    assert set(line) == {"id", "section", "quote", "standing", *verdict}
    assert len(verdict) == 1
    assert line["section"] in SECTIONS
    assert line["standing"] in ("assertion", "hypothesis", "background", "caveat")
    assert re.fullmatch(line["section"].replace("Abstract", "A") + r"\.\d\d", line["id"])
    if "claims" in line:
        assert line["claims"]
        assert len(set(line["claims"])) == len(line["claims"])
        assert all(re.fullmatch(r"(RD|LSTM|DDPM|GEN)-\d\d", name) for name in line["claims"])
    else:
        assert len(line["nothing_testable"].split()) >= 2


def test_the_quotations_are_those_that_the_hash_was_taken_of() -> None:
    assert spec.quotations_sha256() == FILE["quotations_sha256"]


@pytest.mark.skipif(not PAPER.is_file(), reason="the paper's text does not lie beside the clone")
def test_every_quotation_is_in_the_paper_word_for_word_and_in_its_order() -> None:
    text, at = body(PAPER.read_text(encoding="utf-8")), 0
    for line in SENTENCES:
        found = text.find(plain(line["quote"]), at)
        assert found >= 0, line["id"]
        at = found + len(plain(line["quote"]))


def test_one_altered_word_would_be_found() -> None:
    text = body("One † note\n word, and $x$ .")
    assert plain("One word, and $x$.") in text
    assert plain("One word, or $x$.") not in text


def test_sentences_stand_in_the_order_of_the_sections_and_none_twice() -> None:
    places = [SECTIONS.index(line["section"]) for line in SENTENCES]
    assert places == sorted(places)
    assert set(places) == set(range(len(SECTIONS)))
    ids = [line["id"] for line in SENTENCES]
    assert len(set(ids)) == len(ids)
    assert len({line["quote"] for line in SENTENCES}) == len(SENTENCES)


def test_hypotheses_of_sections_3_and_4_4_stand_as_hypotheses() -> None:
    """Section 3 maps "under qualitative hypotheses and assumptions"; 4.4 supposes what if."""
    supposed = {line["id"] for line in SENTENCES if line["standing"] == "hypothesis"}
    conditional = {
        line["id"]
        for line in SENTENCES
        if re.match(r"(We admit hypothetically|If |On the contrary, if )", line["quote"])
    }
    assert conditional <= supposed
    assert {line["id"] for line in SENTENCES if line["section"] == "3.2"} <= supposed
