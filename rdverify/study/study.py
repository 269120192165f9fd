"""What a study of one system gets and what it hands on.

A study runs one system with its controls and measures. It knows nothing of
what the paper claims: it returns named metrics and table cells, and the ledger
holds them against the paper afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from rdverify.study.tolerance import Part, interval_of
from rdverify.tools.progress import Reporter

Profile = Literal["quick", "full"]
Quantity = Literal["m_react", "m_diff", "r"]


@dataclass(frozen=True)
class Metric:
    """One measured fact, with its 95 % interval where it has one.

    Args:
        value: a number, a truth value or a label.
        what: its definition, in words or a formula.
        low, high: the 95 % interval; both None where the value is exact.
        n: how many runs, seeds or samples it rests on.
        error: why it could not be measured; the claims on it are then ERROR.

    """

    value: float | bool | str | None
    what: str
    low: float | None = None
    high: float | None = None
    n: int = 1
    error: str = ""

    @classmethod
    def of(cls, samples: npt.ArrayLike, what: str) -> Metric:
        """Mean of ``samples`` (shape (n,)) with its Student-t interval."""
        interval = interval_of(samples)
        return cls(interval.mean, what, interval.low, interval.high, interval.n)

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; an exact value, or 0 for none, is both its ends."""
        exact = float(self.value or 0.0)
        return (
            exact if self.low is None else float(self.low),
            exact if self.high is None else float(self.high),
        )

    def reaching(self, others: Iterable[float], what: str) -> Metric:
        """The same value with an interval that also covers ``others``: what print leaves open."""
        covered = [*self.ends, *others]
        return replace(self, what=what, low=min(covered), high=max(covered))


class Metrics(dict[str, Metric]):
    """Metrics by name, such as ``rd.spot.r``; a name is given once."""

    def __setitem__(self, name: str, metric: Metric) -> None:
        if name in self:
            raise ValueError(f"metric {name} is given twice")
        super().__setitem__(name, metric)

    def measure(self, name: str, what: str, compute: Callable[[], Metric]) -> None:
        """Store ``compute()``; if it raises, store the error: a crash is no refutation."""
        try:
            self[name] = compute()
        except Exception as error:  # every failure must reach the ledger as ERROR
            self[name] = Metric(None, what, error=f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class Control:
    """The same number where the model is missing: what was taken instead, and its value."""

    what: str
    value: float


@dataclass(frozen=True, eq=False)
class MeasuredCell:
    """One number of Table 1 as measured, before it is held against print.

    Args:
        system, setting, quantity: as in Table 1, "RD", "Spot Regime", "m_react".
        form: "corrected", or "printed" where the printed formula reads otherwise.
        runs: shape (n,), one value per run in the chosen setting; empty where
            no finite value exists (then ``note`` says why).
        fitted: whether this very number was used to choose the setting.
        parts: what besides rounding and seeds may move it: "discretisation",
            "platform", "settings" (spread over settings that fit equally well).
        note: one sentence for the report.
        control: the negative control's number, or None where none has a finite one.

    """

    system: str
    setting: str
    quantity: Quantity
    form: Literal["printed", "corrected"]
    runs: npt.NDArray[np.float64]
    fitted: bool
    parts: tuple[Part, ...] = ()
    note: str = ""
    control: Control | None = None


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
    """A figure: file name below figures/, what to see in it, and a text for who can't see it."""

    file: str
    caption: str
    alt: str


@dataclass(frozen=True)
class StudyResult:
    """All that later stages may know of a study; plain values throughout.

    ``series`` holds curves that figures across systems need: name -> {"x", "y"},
    such as ``fig2/RD/Spot Regime``, at most a few hundred points each.
    """

    cells: Sequence[MeasuredCell] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    series: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


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

    """

    profile: Profile
    golden: Path
    figures: Path | None
    work: Path
    data_root: Path | None = None
    download: bool = False
    workers: int = max(1, os.cpu_count() or 1)
    progress: Reporter = field(default_factory=Reporter)


class Study(Protocol):
    """A module of ``rdverify.studies``: one function, and ``check(context)`` where it needs one."""

    def study(self, context: Context) -> StudyResult:
        """Run the system and its controls, and measure."""
