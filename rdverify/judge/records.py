"""results.json as typed records: all that was measured, and how it was judged."""

from __future__ import annotations

from typing import Any, Final, Literal

from rdverify.judge.judged import (
    CellKey,
    ErrorRates,
    Family,
    JudgedCell,
    JudgedClaim,
    JudgedSentence,
)
from rdverify.judge.paper import Erratum
from rdverify.study import Figure, Measured, Profile, Row, Table
from rdverify.tools.records import Record

SCHEMA: Final = "rdverify-results-3"


class Provenance(Record, frozen=True):
    """Where a record comes from; everything but the time repeats exactly."""

    command: str
    profile: Profile
    systems: list[str]
    time: str
    rdverify: str
    commit: str
    ledger_sha256: str
    python: str
    machine: str
    packages: dict[str, str]


class ConsistencyCheck(Record, frozen=True):
    """A printed number against what the other printed digits allow."""

    check: str
    printed: str
    low: float
    high: float
    consistent: bool


class CurveRecord(Record, frozen=True):
    """A line of Fig. 2 with its band and style, as :class:`rdverify.study.Curve` has them."""

    system: str
    setting: str
    x: list[float]
    y: list[float | None]
    low: list[float | None] = []
    high: list[float | None] = []
    what: str = ""
    runs: str = ""
    colour: str = "#000000"
    dashes: list[float] = []

    @property
    def row(self) -> Row:
        """Its row of Table 1, for its label and line."""
        return Row(self.setting, self.system, self.setting, self.colour, tuple(self.dashes))


class StudyRecord(Record, frozen=True):
    """What a study shows in the report, and with which settings it ran; ``rows`` of Table 1."""

    name: str
    title: str
    about: str
    rows: list[str] = []
    caveats: list[str] = []
    tables: dict[str, Table] = {}
    figures: dict[str, Figure] = {}
    curves: list[CurveRecord] = []
    config: dict[str, Any] = {}


class MutationScore(Record, frozen=True):
    """How many wrong forms of an equation its checks reject, and the smallest error they see."""

    rejected: int
    total: int
    resolution: float | None


class Mutant(Record, frozen=True):
    """One wrong form of an equation, and the law that rejects it."""

    name: str
    kind: str
    rejected_by: str | None


class EquivalentForm(Record, frozen=True):
    """A form that is written differently and means the same, with the proof."""

    name: str
    proof: str


class EquationMutants(Record, frozen=True):
    """All that was tried on one equation."""

    number: int
    mutants: list[Mutant]
    equivalent: list[EquivalentForm]
    rejected: int
    total: int
    resolution: float | None


class MutationFile(Record, frozen=True):
    """The whole of golden/mutation.json."""

    equations: list[EquationMutants]


UNTRIED = "untried"  # stands among outcomes, and counts what there is beside what was tried


class TriedKind(Record, frozen=True):
    """How many of one kind were tried on the suite, and how they ended."""

    kind: str
    outcomes: dict[str, int]


class Trials(Record, frozen=True):
    """What was tried on the suite itself.

    Attributes:
        title: what was tried, such as "Altered files".
        command: that counted it.
        versions: of Python and of this package.
        outcomes: name -> what it means, in words.
        failures: those of ``outcomes`` that should not happen.
        kinds: the counts.
        seconds: how long all of them took.
    """

    title: str
    command: str
    versions: dict[str, str]
    outcomes: dict[str, str]
    failures: list[str]
    kinds: list[TriedKind]
    seconds: float

    def total(self) -> int:
        """How many were tried."""
        counts = (kind.outcomes for kind in self.kinds)
        return sum(n for count in counts for outcome, n in count.items() if outcome != UNTRIED)

    def failed(self) -> dict[str, int]:
        """How many ended in each way that should not happen."""
        return {
            name: sum(kind.outcomes.get(name, 0) for kind in self.kinds) for name in self.failures
        }


class TrialsFile(Record, frozen=True):
    """The whole of golden/trials.json."""

    trials: list[Trials]


class EquationRecord(Record, frozen=True):
    """Where an equation is specified, implemented and tested."""

    number: int
    token: str
    title: str
    section: str
    latex: str
    latex_corrected: str
    differs: bool
    errata: list[str]
    spec: str
    implementation: list[str]
    tests: list[str]
    mutants: MutationScore
    claims: list[str]
    environments: dict[str, str] = {}


class EquationChecks(Record, frozen=True):
    """What an environment's test run said of one equation."""

    passed: int
    failed: list[str]
    claims: list[str]


class EnvironmentCell(Record, frozen=True):
    """What a cell measured in one environment."""

    key: CellKey
    measured: float


class Environment(Record, frozen=True):
    """Versions and numbers of one environment's run."""

    profile: Profile
    python: str
    machine: str
    packages: dict[str, str]
    cells: list[EnvironmentCell]


class Results(Record, frozen=True):
    """The whole of results.json."""

    schema: Literal["rdverify-results-3"]
    provenance: Provenance
    table1: list[JudgedCell]
    claims: list[JudgedClaim]
    consistency: list[ConsistencyCheck]
    facts: dict[str, Measured]
    studies: list[StudyRecord]
    figures: dict[str, Figure]
    equations: list[EquationRecord]
    errata: list[Erratum]
    sentences: list[JudgedSentence]
    family: Family
    error_rates: ErrorRates
    environments: dict[str, Environment] = {}
    equation_checks: dict[str, EquationChecks] = {}
    trials: list[Trials] = []

    def corrected(self) -> list[JudgedCell]:
        """The cells of Table 1 in the corrected reading."""
        return [cell for cell in self.table1 if cell.key.form == "corrected"]

    def independent(self) -> list[JudgedCell]:
        """The predictions that follow from no other number."""
        ran = [cell for cell in self.corrected() if cell.measured is not None]
        return [cell for cell in ran if not cell.fitted and not cell.follows]

    def counted(self) -> list[JudgedSentence]:
        """The sentences with a verdict of their own."""
        return [sentence for sentence in self.sentences if sentence.verdict is not None]

    def as_printed(self) -> list[JudgedCell]:
        """The cells by formulas that an erratum changes."""
        return [cell for cell in self.table1 if cell.key.form == "printed"]

    def curves(self) -> list[CurveRecord]:
        """The lines of Fig. 2, of all studies."""
        return [curve for study in self.studies for curve in study.curves]

    def all_figures(self) -> list[Figure]:
        """Those drawn from several systems, then each study's."""
        return [
            *self.figures.values(),
            *(figure for study in self.studies for figure in study.figures.values()),
        ]
