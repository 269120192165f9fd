"""From every sentence of the paper that asserts something to its line in the ledger, and back."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

import spec

SENTENCES: list[dict[str, Any]] = tomllib.loads(spec.text_of("sentences.toml"))["sentence"]
SECTIONS = [
    "Abstract",
    "1",
    "2.1",
    "2.2",
    "2.3",
    "3",
    "3.1",
    "3.2",
    "4",
    "4.1",
    "4.2",
    "4.3",
    "4.4",
    "5",
    "6",
]
IDS = {claim["id"] for claim in spec.claims()}
# a part's claims come into the ledger together; ids of parts not there yet can't be checked
FAMILIES = {name.partition("-")[0] for name in IDS}


def faults(sentences: list[dict[str, Any]], ids: set[str]) -> list[str]:
    """What is wrong with a map from sentences to claims."""
    families = {name.partition("-")[0] for name in ids}
    named = {name for line in sentences for name in line.get("claims", [])}
    found = [f"{name} is judged by no sentence" for name in sorted(ids - named)]
    found += [
        f"{name} is not in the ledger"
        for name in sorted(named - ids)
        if name.partition("-")[0] in families
    ]
    return found


def test_every_claim_is_reached_and_every_claim_named_exists() -> None:
    assert not faults(SENTENCES, IDS)


def test_the_check_finds_a_claim_without_sentence_and_a_name_without_claim() -> None:
    line = {"claims": ["RD-01", "RD-99", "LSTM-01"]}
    assert faults([line], {"RD-01", "RD-02"}) == [
        "RD-02 is judged by no sentence",
        "RD-99 is not in the ledger",
    ]


@pytest.mark.parametrize("line", SENTENCES, ids=lambda line: line["begins"][:40])
def test_a_sentence_has_its_fields_and_either_claims_or_a_reason(line: dict[str, Any]) -> None:
    verdict = {"claims", "nothing_testable"} & set(line)
    assert set(line) == {"section", "begins", "asserts", *verdict}
    assert len(verdict) == 1
    assert line["section"] in SECTIONS
    assert 2 <= len(line["begins"].split()) <= 8  # enough to find it, not the whole text
    assert line["asserts"].strip()
    if "claims" in line:
        assert line["claims"]
        assert len(set(line["claims"])) == len(line["claims"])
        assert all(re.fullmatch(r"(RD|LSTM|DDPM|GEN)-\d\d", name) for name in line["claims"])
    else:
        assert len(line["nothing_testable"].split()) >= 2


def test_sentences_stand_in_the_order_of_the_sections_and_none_twice() -> None:
    places = [SECTIONS.index(line["section"]) for line in SENTENCES]
    assert places == sorted(places)
    assert set(places) == set(range(len(SECTIONS)))
    begins = [(line["section"], line["begins"]) for line in SENTENCES]
    assert len(set(begins)) == len(begins)
