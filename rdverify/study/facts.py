"""Measured facts: each a function with a name, a definition and a guard.

A study declares its facts in a registry::

    fact = Facts[Runs]()

    @fact("rd.{regime}.settled", "largest |R_t - 1| from 10 % of T on", regime=REGIMES)
    def settled(runs: Runs, regime: str) -> FloatArray: ...

One declaration stands for a fact per combination of its parameters, here ``rd.spot.settled`` and
``rd.stripe.settled``: their names are known without a run. What the function returns is the
measurement: an array (the mean of its samples with a 95 % interval), one exact value, or a
:class:`Measured` whose interval was worked out in another way. If it raises, the fact is an
error, and the claims that rest on it say so: a crash is no refutation.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from rdverify.study.tolerance import interval_of
from rdverify.tools.errors import one_line, require
from rdverify.tools.paths import PACKAGE

R = TypeVar("R")


class NotMeasured(Exception):
    """Raised by a fact whose record is not there: it is left out, and its claims are not run."""


Value = float | bool | str | None


@dataclass(frozen=True)
class Measured:
    """One measured value, with its 95 % interval where it has one.

    Args:
        value: a number, a truth value or a label.
        low, high: the 95 % interval; both None where the value is exact.
        n: how many runs, seeds or samples it rests on.
        what: its definition, in words or a formula; given by the declaration unless set here.
        error: why it could not be measured; the claims on it are then ERROR.
        runs: the values of the runs, from which the interval can be worked out anew.
        how: how the interval was worked out, such as "student-t" or "clopper-pearson".
    """

    value: Value
    low: float | None = None
    high: float | None = None
    n: int = 1
    what: str = ""
    error: str = ""
    runs: Sequence[float] = ()
    how: str = ""

    @classmethod
    def of(cls, samples: npt.ArrayLike, what: str = "") -> Measured:
        """Mean of ``samples`` (shape (n,)) with its Student-t interval."""
        interval = interval_of(samples)
        runs = tuple(np.asarray(samples, float).ravel().tolist())
        how = "student-t" if interval.n > 1 else "one run: no interval"
        return cls(interval.mean, interval.low, interval.high, interval.n, what, "", runs, how)

    @property
    def ends(self) -> tuple[float, float]:
        """The interval; an exact value, or 0 for none, is both its ends."""
        exact = float(self.value or 0.0)
        return (
            exact if self.low is None else float(self.low),
            exact if self.high is None else float(self.high),
        )


@dataclass(frozen=True)
class Fact(Generic[R]):
    """One declaration: a function, and the names of what it measures.

    Attributes:
        template: the name, with parameters in braces, such as ``rd.{regime}.settled``.
        what: the definition; a parameter in braces stands for its words.
        over: parameter -> its values, with their words where they have any.
        function: (runs, **parameters) -> measurement.
        place: file and line of the declaration, such as ``rdverify/lstm/study/facts.py:57``.
        serves: what it is for, where no claim asks for it.
    """

    template: str
    what: str
    over: Mapping[str, Collection[str]]
    function: Callable[..., Any]
    place: str
    serves: str = ""

    def instances(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Name and parameters of every fact that this declaration stands for."""
        for values in itertools.product(*self.over.values()):
            chosen = dict(zip(self.over, values, strict=True))
            yield self.template.format(**chosen), chosen

    def definition(self, chosen: Mapping[str, str]) -> str:
        """``what`` with the words of the chosen parameters."""
        words = {
            name: values[chosen[name]] if isinstance(values, Mapping) else chosen[name]
            for name, values in self.over.items()
        }
        return self.what.format(**words)

    def measure(self, runs: R, chosen: Mapping[str, str]) -> Measured | None:
        """One fact, with its definition; an exception becomes its error, NotMeasured nothing."""
        what = self.definition(chosen)
        try:
            found = _measured(self.function(runs, **chosen))
        except NotMeasured:
            return None
        except MemoryError:  # of the machine, not of what is measured
            raise
        except Exception as error:  # every failure must reach the ledger as ERROR
            return Measured(None, what=what, error=one_line(error, 10_000, kind=True))
        return replace(found, what=found.what or what)


class Facts(Generic[R]):
    """The registry of one study: calling it declares a fact, iterating gives the declarations."""

    def __init__(self) -> None:
        self._declared: list[Fact[R]] = []
        self._by_name: dict[str, tuple[Fact[R], dict[str, str]]] = {}

    def __call__(
        self, template: str, what: str, *, serves: str = "", **over: Collection[str]
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare the decorated function as the fact ``template``; see :class:`Fact`.

        Raises:
            InputError: if a name is declared twice.
        """
        place = _place(sys._getframe(1))

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            fact = Fact[R](template, what, over, function, place, serves)
            for name, chosen in fact.instances():
                fact.definition(chosen)  # a parameter that is misspelt shows here, not in a run
                require(name not in self._by_name, "fact", name, "declared once")
                self._by_name[name] = (fact, chosen)
            self._declared.append(fact)
            return function

        return declare

    def __iter__(self) -> Iterator[Fact[R]]:
        return iter(self._declared)

    def names(self) -> list[str]:
        """Every fact's name, in the order of declaration; nothing is run."""
        return list(self._by_name)

    def declaration(self, name: str) -> Fact[R]:
        """Where the fact ``name`` is declared; KeyError if it is not one of this study's."""
        return self._by_name[name][0]

    def measure(self, runs: R) -> dict[str, Measured]:
        """All facts by name; those that raise NotMeasured are left out."""
        found = {name: fact.measure(runs, chosen) for name, (fact, chosen) in self._by_name.items()}
        return {name: measured for name, measured in found.items() if measured is not None}


def _place(frame: FrameType) -> str:
    """File, from the package's folder on where it lies there, and line."""
    path, root = Path(frame.f_code.co_filename), PACKAGE.parent
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown.as_posix()}:{frame.f_lineno}"


def _measured(found: Any) -> Measured:
    """What a fact's function returned, as a Measured."""
    if isinstance(found, Measured):
        return found
    if isinstance(found, (bool, np.bool_)):
        return Measured(bool(found))
    if isinstance(found, str) or np.ndim(found) == 0:
        return Measured(found if isinstance(found, str) else float(found))
    return Measured.of(found)
