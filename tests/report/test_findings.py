"""Findings: told only where it is so, and never dropped for a misspelt name."""

from __future__ import annotations

import re
from dataclasses import replace as altered
from pathlib import Path

import pytest
from msgspec.structs import replace

from rdverify import systems
from rdverify.judge.paper import Paper
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report import page
from rdverify.report.findings import FINDINGS, Finding, holds
from rdverify.study import Measured

TEMPLATES = Path(page.__file__).with_name("templates")
TURING = next(finding for finding in FINDINGS if finding.template == "turing")


FALLEN = ("GEN-11", Verdict.UNDECIDED)  # without it a finding of the first five has nothing to tell


def first_page(results: Results) -> str:
    return page.render(results, "x")["REPORT.md"]


def with_verdict(results: Results, claim: str, verdict: Verdict) -> Results:
    claims = [replace(c, verdict=verdict) if c.id == claim else c for c in results.claims]
    return replace(results, claims=claims)


def test_every_fact_of_a_finding_is_one_of_its_systems_and_shown() -> None:
    shown = {
        path.name.partition(".")[0]: set(re.findall(r'facts\["(.*?)"\]', path.read_text("utf-8")))
        for path in (TEMPLATES / "findings").iterdir()
    }
    assert shown == {finding.template: set(finding.facts) for finding in FINDINGS}
    for finding in FINDINGS:
        registries = [systems.study(system).facts for system in finding.systems]
        assert set(finding.facts) <= {name for facts in registries for name in facts.names()}


def test_every_claim_of_a_finding_is_in_the_ledger(paper: Paper) -> None:
    named = {name for finding in FINDINGS for name in (*finding.claims, *finding.weak)}
    assert named <= {claim.id for claim in paper.claims}


def test_no_page_but_a_finding_shows_a_fact_by_name() -> None:
    for path in TEMPLATES.glob("*.j2"):
        assert "facts[" not in path.read_text("utf-8")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.template)
def test_the_record_has_every_finding(recorded: Results, finding: Finding) -> None:
    assert holds(finding, recorded)


def test_the_first_page_tells_the_five_that_matter_most(recorded: Results) -> None:
    told = first_page(recorded).partition("## What matters most\n\n")[2].partition("\n\n")[0]
    assert re.findall(r"^(\d)\. \*\*", told, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    assert "explanation of its DDPMs' low ratio is backwards" in told.splitlines()[0]


def test_a_finding_that_falls_makes_room_for_the_next(recorded: Results) -> None:
    assert "no Turing instability.**" not in first_page(recorded)
    assert "no Turing instability.**" in first_page(with_verdict(recorded, *FALLEN))


@pytest.mark.parametrize("claim", TURING.claims)
@pytest.mark.once
def test_a_finding_of_a_verdict_that_is_another_is_left_out(recorded: Results, claim: str) -> None:
    fallen = with_verdict(recorded, *FALLEN)
    other = with_verdict(fallen, claim, Verdict.UNDECIDED)
    assert not holds(TURING, other)
    assert "no Turing instability.**" in first_page(fallen)
    assert "no Turing instability.**" not in first_page(other)


def test_a_finding_whose_control_fails_is_left_out(recorded: Results) -> None:
    finding = next(finding for finding in FINDINGS if finding.weak)
    claims = [replace(claim, discriminating=True) for claim in recorded.claims]
    assert not holds(finding, replace(recorded, claims=claims))


def test_a_finding_of_a_system_that_was_not_run_or_crashed_is_left_out(recorded: Results) -> None:
    origin = replace(recorded.provenance, systems=["lstm"])
    assert not holds(TURING, replace(recorded, provenance=origin, facts={}))
    crashed = {**recorded.facts, TURING.facts[-1]: Measured(None, error="it crashed")}
    assert not holds(TURING, replace(recorded, facts=crashed))


def test_a_fact_that_a_system_which_ran_does_not_give_raises(recorded: Results) -> None:
    facts = {name: fact for name, fact in recorded.facts.items() if name != TURING.facts[-1]}
    with pytest.raises(KeyError, match=re.escape(TURING.facts[-1])):
        page.render(replace(recorded, facts=facts), "x")


@pytest.mark.parametrize(
    "wrong",
    [
        altered(TURING, facts=(*TURING.facts, "misspelt")),
        altered(TURING, claims={**TURING.claims, "misspelt": Verdict.REFUTED}),
        altered(TURING, weak=("misspelt",)),
    ],
    ids=["fact", "claim", "control"],
)
def test_a_misspelt_name_raises_also_where_another_verdict_settles_it(
    recorded: Results, wrong: Finding
) -> None:
    for results in (recorded, with_verdict(recorded, "RD-12", Verdict.UNDECIDED)):
        with pytest.raises(KeyError, match="misspelt"):
            holds(wrong, results)
