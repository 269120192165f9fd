"""The ledger against the registries of facts: known, found and used, without a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rdverify import systems
from rdverify.judge.paper import the_paper
from rdverify.report.findings import FINDINGS

ROOT = Path(__file__).resolve().parent.parent
PLACES = systems.fact_places()
CLAIMS = {
    claim.id: sorted({n for test in claim.test for n in (test.fact, test.control, *test.also) if n})
    for claim in the_paper().claims
}


@pytest.mark.once
@pytest.mark.parametrize("claim", CLAIMS)
def test_every_fact_that_a_claim_names_is_declared(claim: str) -> None:
    assert not [name for name in CLAIMS[claim] if name not in PLACES]


@pytest.mark.parametrize("system", systems.SYSTEMS)
def test_every_fact_serves_a_claim_or_a_finding_or_says_what_it_is_for(system: str) -> None:
    used = {name for names in CLAIMS.values() for name in names}
    used |= {name for finding in FINDINGS for name in finding.facts}
    facts = systems.study(system).facts
    idle = [n for n in facts.names() if n not in used and not facts.declaration(n).serves]
    assert not idle


@pytest.mark.once
@pytest.mark.parametrize("name", sorted({name for names in CLAIMS.values() for name in names}))
def test_a_name_of_the_ledger_is_found_in_the_source_where_it_is_computed(name: str) -> None:
    path, _, line = PLACES[name].rpartition(":")
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    declaration = "\n".join(lines[int(line) - 1 : int(line) + 12])
    assert declaration.lstrip().startswith("@fact")
    last = name.rpartition(".")[2]
    # a parameter may stand before its last word: {row}_kernel_distance_ratio
    ends = [
        re.escape(last[place:]) for place in range(len(last)) if place == 0 or last[place] == "_"
    ]
    assert re.search(rf"[.}}](?:{'|'.join(ends)})\"", declaration), declaration
