"""What the paper says, as typed records: its numbers, claims, sentences and slips."""

from __future__ import annotations

from typing import Literal

from rdverify.judge.ledger import spec
from rdverify.study import Form, Quantity
from rdverify.tools.records import Record, convert


class Within(Record, frozen=True, tag_field="type", tag="within"):
    """The number lies in [low, high]."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Of the band: what the number should be."""
        return (self.low + self.high) / 2

    @property
    def half_width(self) -> float:
        """Of the band: by how much it may be off."""
        return (self.high - self.low) / 2


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
    """One test of a claim: a fact, what it must satisfy, and the negative control.

    Attributes:
        fact: what is measured.
        predicate: what it must satisfy.
        control: the same measured where the claim should not hold; the strongest there is.
        control_what: in words.
        form: counts for the formulas as printed, as corrected, or for both.
        also: the same fact under settings that print leaves open; if the outcomes differ, the
            test is UNDECIDED.
        also_what: in words.
        range: where the threshold is our choice, the values that others might have chosen
            (for ``within`` of its half width); default from half to twice of it.
        fixed: why the threshold is no choice of ours.
    """

    fact: str
    predicate: Predicate
    control: str = ""
    control_what: str = ""
    form: Literal["", "printed", "corrected"] = ""
    also: list[str] = []
    also_what: str = ""
    range: tuple[float, float] | None = None
    fixed: str = ""


class Claim(Record, frozen=True):
    """One line of the ledger: a reading of a sentence of the paper that can be tested.

    Attributes:
        sentence: id of the sentence that it reads.
        part: claims of one sentence with the same part are readings of the same statement;
            others are parts that must all hold.
        decides: what would decide between the readings.
        inference: goes beyond the sentence; shown, and never counted.
        cause: the sentence says why; then the model must do more than its control.
    """

    id: str
    sentence: str
    text: str
    equations: list[int]
    reading: str = ""
    part: str = ""
    decides: str = ""
    inference: bool = False
    cause: bool = False
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


Standing = Literal["assertion", "hypothesis", "background", "caveat"]


class Sentence(Record, frozen=True):
    """One sentence of the paper, word for word, and the claims that judge it or bear on it."""

    id: str
    section: str
    quote: str
    standing: Standing
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
    "Standing",
    "Within",
    "the_paper",
]
