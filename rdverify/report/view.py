"""What the templates show: results, arranged for a reader. No words here, and no Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rdverify.judge.drift import platform_budget
from rdverify.judge.environments import cell_values, platform_spread
from rdverify.judge.judged import Evidence, JudgedCell, JudgedClaim, JudgedSentence
from rdverify.judge.records import Environment, EquationRecord, Results, StudyRecord
from rdverify.judge.verdict import Verdict
from rdverify.report.site import MAIN, Page, part_file, part_of
from rdverify.study import Figure

# of the budget, in the order of its columns
PARTS = ("rounding", "seeds", "monte-carlo", "discretisation", "platform", "settings")


@dataclass(frozen=True)
class View:
    """Results as one page shows them.

    Args:
        results: as recorded.
        folder: of the figures, seen from REPORT.md.
        page: which page.
        pages: all that are written, for links to them.
    """

    results: Results
    folder: str = ""
    page: Page = MAIN
    pages: tuple[Page, ...] = ()

    @property
    def figures(self) -> str:
        """The folder of the figures, seen from this page."""
        return self.page.to(self.folder)

    def link(self, words: str, file: str) -> str:
        """A link to another page; the words alone where it is not written."""
        written = file in {page.file for page in self.pages}
        return f"[{words}]({self.page.to(file)})" if written else words

    def claim_link(self, claim_id: str) -> str:
        """From this page to where a claim is judged."""
        section = self.claims[claim_id].section
        return self._link(part_file(part_of(section)), claim_id)

    def sentence_link(self, sentence_id: str) -> str:
        """From this page to where a sentence is judged."""
        section = self.sentences[sentence_id].section
        return self._link(part_file(part_of(section)), sentence_id)

    def _link(self, file: str, place: str) -> str:
        away = "" if file == self.page.file else self.page.to(file)
        return f"{away}#{place.lower()}"

    @cached_property
    def claims(self) -> dict[str, JudgedClaim]:
        """Claims by id."""
        return {claim.id: claim for claim in self.results.claims}

    @cached_property
    def sentences(self) -> dict[str, JudgedSentence]:
        """Sentences by id."""
        return {sentence.id: sentence for sentence in self.results.sentences}

    @cached_property
    def parts(self) -> list[str]:
        """The parts of the paper that have sentences."""
        return list(dict.fromkeys(part_of(s.section) for s in self.results.sentences))

    @cached_property
    def told(self) -> dict[str, list[JudgedSentence]]:
        """This page's sentences by section, in the paper's order."""
        found: dict[str, list[JudgedSentence]] = {}
        for sentence in self.results.sentences:
            if part_of(sentence.section) == self.page.part:
                found.setdefault(sentence.section, []).append(sentence)
        return found

    def judged(self, sentence: JudgedSentence) -> list[JudgedClaim]:
        """The claims that were read out of a sentence, those that go beyond it last."""
        names = (*sentence.readings, *sentence.inferences)
        return [self.claims[name] for name in names if name in self.claims]

    def tests(self, claim: JudgedClaim) -> list[list[Evidence]]:
        """A claim's evidence, what was measured once and held against several controls together."""
        found: dict[tuple[str, str, str], list[Evidence]] = {}
        for item in claim.evidence:
            same = item.fact, f"{item.form} {item.predicate}", item.outcome
            found.setdefault(same, []).append(item)
        return list(found.values())

    @cached_property
    def systems(self) -> list[StudyRecord]:
        """The studies of Table 1's rows."""
        return [study for study in self.results.studies if study.rows]

    @cached_property
    def others(self) -> list[StudyRecord]:
        """The studies that reproduce no row."""
        return [study for study in self.results.studies if not study.rows]

    @property
    def forest(self) -> Figure | None:
        """Table 1 as a forest plot."""
        return self.results.figures.get("table1")

    @property
    def map(self) -> Figure | None:
        """Every sentence's verdict in one picture."""
        return self.results.figures.get("verdicts")

    @cached_property
    def redrawn(self) -> list[Figure]:
        """Figures of the paper, drawn again."""
        return [figure for figure in self.results.all_figures() if figure.of]

    def drawn(self, studies: Sequence[StudyRecord]) -> list[Figure]:
        """The other figures of ``studies``."""
        return [f for study in studies for f in study.figures.values() if not f.of]

    @cached_property
    def fragile(self) -> list[JudgedClaim]:
        """Claims that count and whose verdict turns with a threshold or in a run from scratch."""
        turned = set(self.anew_otherwise)
        claims = self.results.claims
        return [c for c in claims if not c.inference and (c.fragile or c.id in turned)]

    @cached_property
    def sections(self) -> dict[str, list[JudgedClaim]]:
        """Claims by the section of their sentence, in the paper's order."""
        first = {claim.id: claim.section for claim in self.results.claims}
        return {
            section: [claim for claim in self.results.claims if first[claim.id] == section]
            for section in sorted(set(first.values()), key=_place)
        }

    @cached_property
    def rows(self) -> dict[str, list[JudgedCell]]:
        """The numbers of Table 1 by row."""
        found: dict[str, list[JudgedCell]] = {}
        for cell in self.results.corrected():
            found.setdefault(f"{cell.key.system}, {cell.key.setting}", []).append(cell)
        return found

    def notes(self, cells: Sequence[JudgedCell]) -> dict[str, list[str]]:
        """How each was measured, and which quantities so."""
        found: dict[str, list[str]] = {}
        for cell in cells:
            if cell.note:
                found.setdefault(cell.note, []).append(cell.key.quantity)
        return found

    def cell(self, system: str, setting: str, quantity: str) -> JudgedCell:
        """A number of Table 1."""
        key = system, setting, quantity
        cells = self.results.corrected()
        return next(c for c in cells if (c.key.system, c.key.setting, c.key.quantity) == key)

    @cached_property
    def diverges(self) -> bool:
        """Whether Gray-Scott as printed was run, and has no finite number."""
        cells = [c for c in ran(self.results.as_printed()) if c.key.system == "RD"]
        return bool(cells) and all(cell.measured is None for cell in cells)

    @cached_property
    def open(self) -> dict[str, list[JudgedSentence]]:
        """What would decide sentences that stay open, and which."""
        found: dict[str, list[JudgedSentence]] = {}
        for sentence in self.results.counted():
            if sentence.verdict == Verdict.UNDECIDED:
                for claim in self.judged(sentence):
                    text = claim.decides
                    if text and not text.startswith("As ") and sentence not in found.get(text, []):
                        found.setdefault(text, []).append(sentence)
        return found

    @cached_property
    def budgeted(self) -> list[tuple[JudgedCell, dict[str, float | None]]]:
        """Cells with a tolerance, and the half width of each of its parts."""
        return [
            (cell, _parts(cell)) for cell in self.results.corrected() if cell.tolerance is not None
        ]

    @cached_property
    def reasons(self) -> list[tuple[str, str]]:
        """Every part's name and reason, once each."""
        return sorted(
            {
                (part.name, part.reason)
                for cell in self.results.corrected()
                if cell.tolerance
                for part in cell.tolerance.parts
            }
        )

    @cached_property
    def environments(self) -> list[str]:
        """Names of the environments whose verdicts are recorded."""
        return sorted({name for claim in self.results.claims for name in claim.environments})

    @cached_property
    def otherwise(self) -> list[tuple[JudgedClaim, list[Verdict | None]]]:
        """Claims with another verdict in one environment or more, and their verdicts in all."""
        names = self.environments
        told = [(c, [c.environments.get(name) for name in names]) for c in self.results.claims]
        return [(c, seen) for c, seen in told if any(v not in (None, c.verdict) for v in seen)]

    @cached_property
    def spread(self) -> list[tuple[JudgedCell, int, float, float]]:
        """Cell, number of environments, largest distance from the record, platform budget."""
        found = [(cell, platform_spread(self.results, cell)) for cell in self.results.table1]
        return [(cell, seen[1], seen[0], platform_budget(cell)) for cell, seen in found if seen]

    @cached_property
    def anew(self) -> dict[str, Environment]:
        """The environments that searched and trained everything once more."""
        runs = self.results.environments.items()
        return {name: run for name, run in runs if run.profile == "full"}

    @cached_property
    def anew_otherwise(self) -> list[str]:
        """Claims that came out otherwise there."""
        return [
            claim.id
            for claim in self.results.claims
            if any(
                claim.environments.get(name, claim.verdict) != claim.verdict for name in self.anew
            )
        ]

    def anew_values(self, cell: JudgedCell) -> list[float | None]:
        """What a cell measured in each of them."""
        values = cell_values(self.results, cell, "full")
        return [values.get(name) for name in self.anew]

    def rests_on(self, claim: JudgedClaim) -> list[str]:
        """Names of the studies that measured what a claim rests on, in the order of the suite.

        A study's tables and figures are named as its facts are, up to the first dot or dash.
        """
        tests = claim.evidence
        facts = {_family(name) for test in tests for name in (test.fact, test.control) if name}
        facts |= {_family(other.fact) for test in tests for other in test.also}
        return [
            study.name
            for study in self.results.studies
            if facts & {_family(name) for name in (*study.tables, *study.figures)}
        ]

    def measured_by(self, sentence: JudgedSentence) -> list[str]:
        """Names of the studies that a sentence's own claims rest on, as :meth:`rests_on`."""
        found = {name for claim in self.judged(sentence) for name in self.rests_on(claim)}
        return [study.name for study in self.results.studies if study.name in found]


def all_passed(equation: EquationRecord) -> bool:
    """Whether an equation's tests passed in every environment."""
    return set(equation.environments.values()) == {"passed"}


def ran(cells: Sequence[JudgedCell]) -> list[JudgedCell]:
    """The cells whose system was run."""
    return [cell for cell in cells if cell.verdict != Verdict.NOT_RUN]


def _parts(cell: JudgedCell) -> dict[str, float | None]:
    """Half widths by part; where a name stands for several parts, their sum."""
    found: dict[str, float | None] = dict.fromkeys(PARTS)
    for part in cell.tolerance.parts if cell.tolerance else ():
        found[part.name] = (found[part.name] or 0.0) + part.half_width
    return found


def _family(name: str) -> str:
    """The first part of a name such as ``rd.spot.r`` or ``lstm-words``."""
    return re.split(r"[.-]", name, maxsplit=1)[0]


def _place(section: str) -> list[int]:
    """Sort key of a section: "Abstract" comes before "2.1" before "5"."""
    return [int(part) for part in section.split(".")] if section[0].isdigit() else [0]
