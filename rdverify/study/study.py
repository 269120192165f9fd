"""What a study is, what it gets and what it hands on.

A study runs one system with its controls and measures. It knows nothing of what the paper
claims: it returns facts and cells, and the ledger holds them against the paper afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from rdverify.study.facts import Facts, Measured
from rdverify.study.tolerance import Part
from rdverify.tools.errors import require
from rdverify.tools.progress import Reporter
from rdverify.tools.provenance import cores

R = TypeVar("R")
Profile = Literal["quick", "full"]
Quantity = Literal["m_react", "m_diff", "r"]
QUANTITIES: tuple[Quantity, ...] = ("m_react", "m_diff", "r")
Form = Literal["printed", "corrected"]
Numbers = Mapping[Quantity, str]


@dataclass(frozen=True)
class Row:
    """One row of Table 1, and how it is drawn.

    Args:
        key: its short name in facts, such as ``spot``.
        system, setting: its names in Table 1, such as "RD" and "Spot Regime".
        colour: of its line in every figure, ``#rrggbb``; that of the paper's Fig. 2.
        dashes: of its line, lengths of strokes and gaps in line widths, () for an unbroken line:
            the kind of the paper's Fig. 2, of other lengths than its neighbours', so that black
            and white suffices.
        marker: where points are drawn.
    """

    key: str
    system: str
    setting: str
    colour: str
    dashes: tuple[float, ...] = ()
    marker: str = "o"

    @property
    def label(self) -> str:
        """Its name in legends."""
        return f"{self.system}: {self.setting}"

    @property
    def line(self) -> dict[str, Any]:
        """Colour and dashes as matplotlib's ``plot`` takes them."""
        return {"color": self.colour, "linestyle": (0, self.dashes) if self.dashes else "-"}


@dataclass(frozen=True, eq=False)
class Control:
    """The same number where the model is missing: what was taken instead, its value and runs."""

    what: str
    value: float
    runs: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True, eq=False)
class Cell:
    """One number of Table 1 as measured, before it is held against print.

    Args:
        row: of Table 1.
        quantity: which of its three numbers.
        runs: shape (n,), one value per run in the chosen setting; empty where
            no finite value exists (then ``note`` says why).
        fitted: whether this very number was used to choose the setting.
        parts: what besides rounding and seeds may move it: "discretisation",
            "platform", "settings" (spread over settings that fit equally well).
        note: one sentence for the report.
        control: the negative control's number, or None where none has a finite one.
        form: "corrected", or "printed" where the printed formula reads otherwise.
        follows: from which other numbers it follows by algebra, so that it is no prediction
            of its own; empty where it is one.
    """

    row: Row
    quantity: Quantity
    runs: npt.NDArray[np.float64]
    fitted: bool
    parts: tuple[Part, ...] = ()
    note: str = ""
    control: Control | None = None
    form: Form = "corrected"
    follows: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the report: a caption, and rows of equal keys in column order."""

    caption: str
    rows: Sequence[Mapping[str, Any]]


def glossary(system: str, words: Mapping[str, str]) -> Table:
    """What the names in a system's tables mean, for a reader who has not seen the code."""
    return Table(
        f"Words of the {system} tables below.",
        [{"name": name, "meaning": meaning} for name, meaning in words.items()],
    )


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Args:
        file: its name below figures/.
        caption: what to see in it.
        alt: a text for who can't see it.
        of: the figure of the paper that it redraws, such as "Fig. 2", or nothing.
        vector: the same as SVG, where there is one; :func:`with_vectors` finds it.
    """

    file: str
    caption: str
    alt: str
    of: str = ""
    vector: str = ""


def with_vectors(figures: Mapping[str, Figure], folder: Path) -> dict[str, Figure]:
    """``figures`` as they lie in ``folder``, each with the SVG beside it, if it was drawn."""
    found = {}
    for name, figure in figures.items():
        vector = Path(figure.file).with_suffix(".svg").name
        found[name] = replace(figure, vector=vector if (folder / vector).exists() else "")
    return found


@dataclass(frozen=True)
class Curve:
    """R_t of one row over normalised time in order of generation: a line of Fig. 2.

    Args:
        row: of Table 1.
        x: normalised time in [0, 1], at most a few hundred points.
        y: R_t, one value for each of ``x``.
        low, high: of the band around it, likewise, or empty where there are no other runs; see
            :func:`rdverify.study.intervals.middle`.
        what: the line is, in words.
        runs: the band is over, in words.
    """

    row: Row
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    what: str = ""
    runs: str = ""


@dataclass(frozen=True)
class Context:
    """Where and how a study runs.

    Args:
        profile: "quick" starts from what the package ships, "full" searches and
            trains anew.
        golden: folder of the recorded files (weights/, search/).
        figures: folder to draw figures into, or None to draw none.
        work: folder for checkpoints and caches of long work.
        data_root: folder of image data sets, or None.
        download: fetch data sets that are missing there.
        workers: processes or threads side by side.
        progress: where progress is told.
        printed: Table 1, (system, setting) -> quantity -> its digits; what a search aims at.
    """

    profile: Profile
    golden: Path
    figures: Path | None
    work: Path
    data_root: Path | None = None
    download: bool = False
    workers: int = field(default_factory=cores)
    progress: Reporter = field(default_factory=Reporter)
    printed: Mapping[tuple[str, str], Numbers] = field(default_factory=dict)

    def numbers(self, row: Row) -> Numbers:
        """The row's three numbers as printed; InputError if Table 1 was not given or lacks it."""
        known = (row.system, row.setting)
        require(known in self.printed, "row of Table 1", known, f"among {list(self.printed)}")
        return self.printed[known]


@dataclass(frozen=True)
class StudyResult:
    """All that later stages may know of a study; plain values throughout."""

    cells: Sequence[Cell] = ()
    facts: Mapping[str, Measured] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    caveats: Sequence[str] = ()


def _nothing(runs: Any) -> dict[str, Any]:
    return {}


def _none(runs: Any) -> tuple[Any, ...]:
    return ()


def _draws_nothing(runs: Any, folder: Path) -> dict[str, Figure]:
    return {}


def _always(context: Context) -> None:
    """Nothing to check: the study can run anywhere."""


@dataclass(frozen=True)
class Study(Generic[R]):
    """A study as functions of what it ran; a new system is one of these.

    Args:
        name: as ``--only`` takes it, such as "gray-scott".
        title: of its part of the report.
        about: what the paper leaves out of it, and what was made of that; Markdown.
        run: context -> everything that was run, the long part.
        facts: the registry of what is measured on that.
        rows: of Table 1 that it reproduces.
        cells: the numbers of these rows.
        tables: name -> table of the report.
        figures: draws into a folder, and says what is to be seen: name -> figure.
        curves: the lines of Fig. 2.
        config: settings and seeds, for the record.
        caveats: sentences that the report's first screen must carry, such as that a network is
            not trained out.
        check: refuses, before anything runs, what would stop the study later.
        threads: of PyTorch, whose sums then have one order on every machine; 0 for a study
            that does not use it.
    """

    name: str
    title: str
    run: Callable[[Context], R]
    facts: Facts[R]
    about: str = ""
    rows: Sequence[Row] = ()
    cells: Callable[[R], Sequence[Cell]] = _none
    tables: Callable[[R], Mapping[str, Table]] = _nothing
    figures: Callable[[R, Path], Mapping[str, Figure]] = _draws_nothing
    curves: Callable[[R], Sequence[Curve]] = _none
    config: Callable[[R], Mapping[str, Any]] = _nothing
    caveats: Callable[[R], Sequence[str]] = _none
    check: Callable[[Context], None] = _always
    threads: int = 0

    def measure(self, context: Context) -> StudyResult:
        """Run the system with its controls, and measure."""
        if not self.threads:
            return self._measured(context)
        from rdverify.tools.torchkit import threads  # PyTorch takes seconds to load

        with threads(self.threads):
            return self._measured(context)

    def _measured(self, context: Context) -> StudyResult:
        runs = self.run(context)
        return StudyResult(
            cells=self.cells(runs),
            facts=self.facts.measure(runs),
            tables=self.tables(runs),
            figures=self._drawn(runs, context.figures) if context.figures else {},
            curves=self.curves(runs),
            config=self.config(runs),
            caveats=self.caveats(runs),
        )

    def _drawn(self, runs: R, folder: Path) -> dict[str, Figure]:
        return with_vectors(self.figures(runs, folder), folder)
