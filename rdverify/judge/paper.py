"""What the paper says, as typed records: its numbers, claims, sentences and slips."""

from __future__ import annotations

from typing import Literal

import spec
from rdverify.study import Form, Quantity
from rdverify.tools.records import Record, convert


class Within(Record, frozen=True, tag_field="type", tag="within"):
    """The number lies in [low, high]."""

    low: float
    high: float


class AtLeast(Record, frozen=True, tag_field="type", tag="at_least"):
    """The number is ``value`` or more."""

    value: float


class AtMost(Record, frozen=True, tag_field="type", tag="at_most"):
    """The number is ``value`` or less."""

    value: float


class Holds(Record, frozen=True, tag_field="type", tag="holds"):
    """The truth value is true."""


class Fails(Record, frozen=True, tag_field="type", tag="fails"):
    """The truth value is false."""


class Equals(Record, frozen=True, tag_field="type", tag="equals"):
    """The label is ``value``."""

    value: str


Predicate = Within | AtLeast | AtMost | Holds | Fails | Equals


class Condition(Record, frozen=True):
    """One test of a claim: a fact, what it must satisfy, and the negative control."""

    fact: str
    predicate: Predicate
    control: str = ""
    control_what: str = ""
    form: Literal["", "printed", "corrected"] = ""


class Claim(Record, frozen=True):
    """One line of the ledger."""

    id: str
    section: str
    text: str
    equations: list[int]
    reading: str = ""
    test: list[Condition] = []
    untestable: str = ""
    undecided: str = ""
    no_control: str = ""


class PrintedRow(Record, frozen=True):
    """One row of Table 1; numbers are strings, since their digits are their precision."""

    system: str
    setting: str
    m_react: str
    m_diff: str
    r: str

    def number(self, quantity: Quantity) -> str:
        """One of its three numbers."""
        return {"m_react": self.m_react, "m_diff": self.m_diff, "r": self.r}[quantity]


class Erratum(Record, frozen=True):
    """One slip of the paper."""

    id: str
    where: str
    kind: Literal["slip", "notation", "unspecified"]
    equations: list[int]
    printed: str
    corrected: str
    evidence: str
    test: str


class Sentence(Record, frozen=True):
    """One sentence that asserts something, and where it is judged."""

    section: str
    begins: str
    asserts: str
    claims: list[str] = []
    nothing_testable: str = ""


class Paper(Record, frozen=True):
    """All that is held against measurements; :func:`the_paper` is this project's."""

    rows: list[PrintedRow]
    claims: list[Claim]
    errata: list[Erratum] = []
    sentences: list[Sentence] = []

    def printed(self) -> dict[tuple[str, str], dict[Quantity, str]]:
        """Table 1 as a study's Context takes it."""
        return {
            (row.system, row.setting): {"m_react": row.m_react, "m_diff": row.m_diff, "r": row.r}
            for row in self.rows
        }


def the_paper() -> Paper:
    """The paper of ``spec``; a line of the ledger that is not well formed raises."""
    return convert(
        {
            "rows": spec.table1(),
            "claims": spec.claims(),
            "errata": spec.errata(),
            "sentences": spec.sentences(),
        },
        Paper,
    )


__all__ = [
    "AtLeast",
    "AtMost",
    "Claim",
    "Condition",
    "Equals",
    "Erratum",
    "Fails",
    "Form",
    "Holds",
    "Paper",
    "Predicate",
    "PrintedRow",
    "Sentence",
    "Within",
    "the_paper",
]
