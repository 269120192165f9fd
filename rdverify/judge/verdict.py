"""Verdicts: what can be said of a claim or of a printed number."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

COARSE = 0.1  # of what a printed number is about: print is confirmed within so much
TELLS = 0.5  # of the same: a check that print and half of it both pass is not compatible, but blind
NEAR_ONE = 0.1  # an R so near to 1 is about its distance from 1


class Verdict(StrEnum):
    """An outcome; ``meaning`` says what it does and does not say."""

    CONFIRMED = "CONFIRMED"
    COMPATIBLE = "COMPATIBLE"
    REACHED = "REACHED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"
    UNTESTABLE = "UNTESTABLE"
    NOT_RUN = "NOT_RUN"
    ERROR = "ERROR"

    @property
    def meaning(self) -> str:
        """One sentence for the reader of the report."""
        return _MEANING[self]


UNMEASURED = (Verdict.ERROR, Verdict.NOT_RUN)

_MEANING = {
    Verdict.CONFIRMED: "measured and found as the paper says, to within a margin stated beforehand",
    Verdict.COMPATIBLE: "not contradicted: one run may give it, but scatter and open settings "
    "together exceed the margin that CONFIRMED asks for",
    Verdict.REACHED: "a setting fitted to this very number gives it: possible, not predicted",
    Verdict.REFUTED: "measured and found otherwise, by more than every tolerance allows",
    Verdict.UNDECIDED: "the paper leaves out what decides it, or the interval covers both answers",
    Verdict.UNTESTABLE: "no measurement could decide it as it is worded",
    Verdict.NOT_RUN: "its system was not run",
    Verdict.ERROR: "the measurement failed; this says nothing about the paper",
}


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """Verdict of a conjunction: one failed part refutes it, whatever is undecided."""
    for worst in (
        Verdict.ERROR,
        Verdict.NOT_RUN,
        Verdict.REFUTED,
        Verdict.UNDECIDED,
        Verdict.UNTESTABLE,
        Verdict.COMPATIBLE,
        Verdict.REACHED,
    ):
        if worst in verdicts:
            return worst
    return Verdict.CONFIRMED


def agree(verdicts: Sequence[Verdict]) -> Verdict:
    """Verdict of what can be read or set in several ways: theirs if all agree, else UNDECIDED."""
    for absent in UNMEASURED:
        if absent in verdicts:
            return absent
    return verdicts[0] if len(set(verdicts)) == 1 else Verdict.UNDECIDED


class Judged(Protocol):
    """A claim, a sentence or a number of Table 1 with its verdict."""

    @property
    def name(self) -> str:
        """How it is called in messages."""

    @property
    def verdict(self) -> Verdict | None:
        """What was found; None of a sentence that is judged elsewhere."""

    @property
    def discriminating(self) -> bool | None:
        """Whether its negative controls fail; None where it has none."""


def not_discriminating(record: Judged) -> bool:
    """Whether a claim or number holds and its negative control satisfies it too."""
    held = record.verdict in (Verdict.CONFIRMED, Verdict.COMPATIBLE, Verdict.REACHED)
    return held and record.discriminating is False
