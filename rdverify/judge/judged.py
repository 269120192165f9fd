"""Numbers, claims and sentences of the paper as they were judged, with the evidence."""

from __future__ import annotations

from typing import Literal

from rdverify.judge.paper import Predicate, Standing
from rdverify.judge.verdict import Verdict
from rdverify.study import Form, Part, Quantity
from rdverify.tools.records import Record


class CellKey(Record, frozen=True):
    """Which number of Table 1, in which form."""

    system: str
    setting: str
    quantity: Quantity
    form: Form = "corrected"

    @property
    def name(self) -> str:
        """The cell in messages and test ids, such as ``RD/Spot Regime/r``."""
        suffix = "" if self.form == "corrected" else " (as printed)"
        return f"{self.system}/{self.setting}/{self.quantity}{suffix}"


class Budget(Record, frozen=True):
    """The tolerance of one number, in its own unit."""

    half_width: float
    with_settings: float
    parts: list[Part]


class JudgedCell(Record, frozen=True):
    """One number of Table 1, measured and judged.

    Attributes:
        reason: the verdict in words; ``note`` what was measured and read how.
        resolution: the smallest deviation of print that would not have been accepted.
        margin: within which print must be equivalent to be confirmed, stated beforehand.
        p: of a print so far away, if it were one more run of ours.
        likelihood_ratio: how much likelier print is under the model than under its control.
        follows: from which other numbers it follows; empty where it is a prediction of its own.
        runs: the values of the runs.
    """

    key: CellKey
    printed: str
    verdict: Verdict
    reason: str
    note: str = ""
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    predicted_low: float | None = None
    predicted_high: float | None = None
    n: int = 0
    fitted: bool = False
    control: str | None = None
    control_value: float | None = None
    discriminating: bool | None = None
    tolerance: Budget | None = None
    resolution: float | None = None
    deviation: float | None = None
    margin: float | None = None
    p: float | None = None
    likelihood_ratio: float | None = None
    follows: str = ""
    runs: list[float] = []

    @property
    def name(self) -> str:
        """As :attr:`CellKey.name`."""
        return self.key.name


class Gap(Record, frozen=True):
    """Score of the model minus that of its control, with the 95 % interval of the difference."""

    value: float
    low: float
    high: float


class Segment(Record, frozen=True):
    """The outcome for all thresholds from ``start`` to ``end``."""

    start: float
    end: float
    outcome: Verdict


class Other(Record, frozen=True):
    """The same fact under a setting that print leaves open."""

    fact: str
    value: float | bool | str | None
    low: float | None
    high: float | None
    outcome: Verdict


class Evidence(Record, frozen=True):
    """One test of a claim: what was measured, what it must satisfy, and the control beside it.

    Attributes:
        alone: the outcome of this test by itself.
        outcome: with the level shared among the claim's parts, under every setting left open,
            and against the control where the claim says why.
        p: of what was measured if the predicate held.
        also: the same under settings that print leaves open.
        gap: how much nearer than its control the model comes.
        discriminates: whether the control fails and the gap lies above 0.
        strip: the outcome as a function of the threshold, where that is our choice.
        fixed: why it is not.
    """

    fact: str
    what: str
    value: float | bool | str | None
    low: float | None
    high: float | None
    n: int
    predicate: Predicate
    form: Literal["", "printed", "corrected"]
    alone: Verdict
    outcome: Verdict
    p: float | None
    margin: float | None
    error: str
    control: str
    control_what: str
    control_value: float | bool | str | None
    control_outcome: Verdict | None
    also: list[Other] = []
    also_what: str = ""
    gap: Gap | None = None
    discriminates: bool | None = None
    strip: list[Segment] = []
    fixed: str = ""


class JudgedClaim(Record, frozen=True):
    """One claim with its verdict and the evidence.

    Attributes:
        p: of the evidence if the claim were true, the level shared among its parts; None where
            nothing in it is statistical.
        fragile: what would turn its verdict, in words; empty where nothing was found.
    """

    id: str
    sentence: str
    section: str
    standing: Standing
    text: str
    equations: list[int]
    reading: str
    part: str
    decides: str
    inference: bool
    cause: bool
    verdict: Verdict
    verdict_as_printed: Verdict | None
    why: str
    discriminating: bool | None
    no_control: str
    evidence: list[Evidence]
    p: float | None = None
    p_as_printed: float | None = None
    fragile: list[str] = []
    environments: dict[str, Verdict] = {}

    @property
    def name(self) -> str:
        """As cells have one: the id."""
        return self.id


class JudgedSentence(Record, frozen=True):
    """One sentence of the paper with the one verdict that counts, from all readings of it.

    Attributes:
        verdict: None where it is judged under another sentence, or nothing in it can be tested.
        readings: ids of the claims that were read out of it and count.
        inferences: ids of those that go beyond it.
        seen: ids of claims of other sentences that bear on it.
        why: what kept it from a plain verdict.
    """

    id: str
    section: str
    quote: str
    standing: Standing
    verdict: Verdict | None
    verdict_as_printed: Verdict | None
    readings: list[str]
    inferences: list[str]
    seen: list[str]
    why: str
    discriminating: bool | None
    fragile: list[str]
    nothing_testable: str

    @property
    def name(self) -> str:
        """As cells have one: the id."""
        return self.id


class Family(Record, frozen=True):
    """Error rates of the ledger as a whole.

    Attributes:
        claims: how many rest on measurements with scatter.
        level: at which one that is true is refuted, its parts sharing it.
        expected: refutations at most, if all were true.
        one_or_more: the chance of one at least, were they independent.
        lost: ids of refuted claims that are not refuted once the level is shared among all.
    """

    claims: int
    level: float
    expected: float
    one_or_more: float
    lost: list[str]


class FamilyRate(Record, frozen=True):
    """Made-up papers none of whose numbers is wrong, one system.

    Attributes:
        predicted: how many of its numbers are predicted; fitted ones can't be refuted.
        recorded: share of papers with one refuted number or more, held against the recorded runs.
        anew: the same with our runs drawn anew for each paper as well; with its 95 % interval.
        unshared: as ``anew``, each number refuted at 5 % by itself.
    """

    system: str
    predicted: int
    papers: int
    recorded: float
    anew: float
    anew_low: float
    anew_high: float
    unshared: float


class Power(Record, frozen=True):
    """How a predicted number falls when it is off, our runs drawn anew.

    Attributes:
        name: of the cell, such as ``RD/Spot Regime/r``.
        false: share refuted when it is right.
        deviations: by which share of itself it is off, either way.
        refuted: share of papers in which it is REFUTED, the mean of both ways.
        caught: the deviation from which on it falls in 90 % of the papers, whichever way it is
            off, by linear interpolation between the deviations tried; None beyond them.
    """

    name: str
    false: float
    deviations: list[float]
    refuted: list[float]
    caught: float | None


class ErrorRates(Record, frozen=True):
    """How often judging Table 1 errs: on true numbers, and on numbers that are off."""

    families: list[FamilyRate]
    power: list[Power]
