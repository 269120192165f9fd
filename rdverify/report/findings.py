"""The findings that matter most, each a template and what it presumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict


@dataclass(frozen=True)
class Finding:
    """One sentence of the first page.

    Args:
        template: its file below templates/findings/, without ending.
        systems: that must have run.
        facts: that it shows; each must be among the facts of its systems.
        claims: id -> the verdict that it tells of.
        weak: ids of claims whose control must satisfy the same tests.
    """

    template: str
    systems: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    claims: Mapping[str, Verdict] = field(default_factory=dict)
    weak: tuple[str, ...] = ()


SHOWN = 5  # on the first page

FINDINGS = (
    Finding(
        "excuse",
        systems=("ddpm",),
        facts=("ddpm.closed_form.mnist.r", "ddpm.mnist.r", "ddpm.steps.endpoints.gain"),
        claims={"DDPM-26": Verdict.REFUTED, "DDPM-27": Verdict.REFUTED},
    ),
    Finding(
        "as_printed",
        systems=("ddpm",),
        facts=("ddpm.mnist.r_printed",),
    ),
    Finding(
        "one_protocol",
        systems=("lstm",),
        facts=("lstm.declared.reproduced", "lstm.slower.reproduced", "lstm.search.reproduced"),
    ),
    Finding(
        "untrained",
        systems=("lstm",),
        facts=("lstm.sine.r", "lstm.control.untrained.sine.r"),
        weak=("LSTM-02",),
    ),
    Finding(
        "same_pattern",
        systems=("metric",),
        facts=(
            "metric.turing.rd.r",
            "metric.turing.ddpm.r",
            "metric.refine.rd.r_exponent",
            "metric.refine.ddpm.r_exponent",
        ),
        claims={"GEN-11": Verdict.REFUTED, "GEN-07": Verdict.REFUTED},
    ),
    Finding(
        "turing",
        systems=("gray-scott",),
        facts=("rd.spot.trivial_growth", "rd.spot.change", "rd.stripe.change"),
        claims={
            "RD-12": Verdict.REFUTED,
            "RD-14": Verdict.REFUTED,
            "RD-05": Verdict.REFUTED,
        },
    ),
)


def holds(finding: Finding, results: Results) -> bool:
    """Whether what a finding presumes is so; one of another verdict has nothing to tell.

    Raises:
        KeyError: for a fact or claim that is misspelt, whatever the others are.
    """
    claims = {claim.id: claim for claim in results.claims}
    if not claims or not set(finding.systems) <= set(results.provenance.systems):
        return False
    # lists, so that every name is looked up before the first that is otherwise settles it
    measured = [results.facts[name].value is not None for name in finding.facts]
    told = [claims[name].verdict == verdict for name, verdict in finding.claims.items()]
    weak = [claims[name].discriminating is False for name in finding.weak]
    return all(measured + told + weak)
