"""How often the judging of Table 1 errs: papers that are made up from the recorded runs.

A made-up paper is one whose numbers the model itself gave: for each row one run is drawn from the
law of the recorded runs, both M's together, R is their ratio, and all are rounded as print is.
None of its numbers is wrong, so each refutation is an error. A paper that is off has one number
multiplied by a stated factor; how often that number falls is the power of the check.

The rules are those of :mod:`rdverify.judge.cells`, on arrays, since hundreds of thousands of
numbers are judged here; a test holds the two against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from rdverify.judge.cells import ERRORS
from rdverify.judge.judged import ErrorRates, FamilyRate, JudgedCell, Power
from rdverify.judge.verdict import COARSE, NEAR_ONE
from rdverify.study import QUANTITIES
from rdverify.study.intervals import share
from rdverify.study.tolerance import CONFIDENCE, LEVEL

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# (numbers of shape (papers, cells), our means and standard deviations of that shape or (cells,))
# -> which are REFUTED; the level is shared within each system
Judge = Callable[[Floats, Floats, Floats], Flags]

PAPERS = 1000
SEED = 11
OFF = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # of the number
CAUGHT = 0.9  # share of papers in which a number that is off must fall


@dataclass(frozen=True, eq=False)
class Checks:
    """What the judging of some cells depends on besides print and the runs, shape (cells,) each.

    Attributes:
        n: number of runs.
        errors: what is no chance, rounding and the other errors of the tolerance.
        settings: the spread over settings that fit as well.
        fitted: whether it chose the setting.
        ratio: whether it is an R.
        family: index of the system whose numbers share a level.
    """

    n: npt.NDArray[np.int64]
    errors: Floats
    settings: Floats
    fitted: Flags
    ratio: Flags
    family: npt.NDArray[np.int64]

    @classmethod
    def of(cls, cells: Sequence[JudgedCell]) -> Checks:
        """From judged cells, each with its tolerance."""
        systems = list(dict.fromkeys(cell.key.system for cell in cells))

        def sizes(cell: JudgedCell, *names: str) -> float:
            parts = cell.tolerance.parts if cell.tolerance else []
            return math.fsum(part.half_width for part in parts if part.name in names)

        return cls(
            np.array([cell.n for cell in cells], dtype=np.int64),
            np.array([sizes(cell, *ERRORS) for cell in cells]),
            np.array([sizes(cell, "settings") for cell in cells]),
            np.array([cell.fitted for cell in cells], dtype=np.bool_),
            np.array([cell.key.quantity == "r" for cell in cells], dtype=np.bool_),
            np.array([systems.index(cell.key.system) for cell in cells], dtype=np.int64),
        )

    def refuted(self, print_: Floats, mean: Floats, deviation: Floats) -> Flags:
        """Which numbers are REFUTED at a level shared within each system: a :data:`Judge`."""
        alone, p = self.alone(print_, mean, deviation)
        fallen = np.zeros_like(alone)
        for system in np.unique(self.family):
            members = np.flatnonzero((self.family == system) & ~self.fitted)
            fallen[:, members] = holm_rows(p[:, members])
        return np.asarray(alone & fallen, dtype=np.bool_)

    def alone(self, print_: Floats, mean: Floats, deviation: Floats) -> tuple[Flags, Floats]:
        """Which numbers are REFUTED by themselves, and their p."""
        one_run = deviation * np.sqrt(1 + 1 / self.n)
        off = np.abs(print_ - mean)
        two_sided, one_sided = (
            stats.t.ppf(q, self.n - 1) for q in (0.5 + CONFIDENCE / 2, CONFIDENCE)
        )
        surely = self.errors + self.settings
        near = self.ratio & (np.minimum(np.abs(print_ - 1), np.abs(mean - 1)) <= NEAR_ONE)
        about = np.where(near, np.abs(print_ - 1), np.abs(print_))
        equivalent = off + one_sided * one_run + surely <= COARSE * about
        outside = off > two_sided * one_run + surely
        beyond = np.maximum(off - surely, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.where(beyond > 0, 2 * stats.t.sf(beyond / one_run, self.n - 1), 1.0)
        return np.asarray(outside & ~equivalent & ~self.fitted, dtype=np.bool_), p


def holm_rows(p: Floats, level: float = LEVEL) -> Flags:
    """Holm's rejections in each row of ``p``, shape (papers, hypotheses)."""
    order = np.argsort(p, axis=1)
    allowed = level / (p.shape[1] - np.arange(p.shape[1]))
    falls = np.logical_and.accumulate(np.take_along_axis(p, order, axis=1) <= allowed, axis=1)
    found = np.zeros(p.shape, dtype=np.bool_)
    np.put_along_axis(found, order, falls, axis=1)
    return found


@dataclass(frozen=True, eq=False)
class Law:
    """The recorded runs of the rows as a law: both M's jointly normal, R their ratio.

    Attributes:
        means: of M_react and M_diff, shape (rows, 2).
        roots: roots of their covariance matrices, shape (rows, 2, 2).
    """

    means: Floats
    roots: Floats

    @classmethod
    def of(cls, cells: Sequence[JudgedCell]) -> Law:
        """From cells in rows of three, M_react, M_diff, R, with their runs.

        Runs of one row that are no pairs, since one of its M's has a law of its own, are taken
        to be independent.
        """
        pairs = [
            [np.array(cell.runs) for cell in cells[k : k + 2]] for k in range(0, len(cells), 3)
        ]
        means = np.array([[runs.mean() for runs in pair] for pair in pairs])
        roots = np.zeros((len(pairs), 2, 2))
        for k, (react, diff) in enumerate(pairs):
            paired = len(react) == len(diff)
            spread = (
                np.cov(react, diff) if paired else np.diag([react.var(ddof=1), diff.var(ddof=1)])
            )
            values, vectors = np.linalg.eigh(spread)  # one may be 0: Cholesky would fail
            roots[k] = vectors * np.sqrt(np.maximum(values, 0))
        return cls(means, roots)

    def draw(self, rng: np.random.Generator, *shape: int) -> Floats:
        """Runs of all rows, shape (*shape, 3 rows): M_react, M_diff and R of each."""
        z = rng.standard_normal((*shape, *self.means.shape, 1))
        both = self.means + (self.roots @ z)[..., 0]
        found = np.concatenate([both, both[..., :1] / both[..., 1:]], axis=-1)
        return np.asarray(found.reshape(*shape, -1))


def complete_rows(cells: Sequence[JudgedCell]) -> list[JudgedCell]:
    """The corrected cells of the rows all of whose three numbers have several runs."""
    rows: dict[tuple[str, str], dict[str, JudgedCell]] = {}
    for cell in cells:
        if cell.key.form == "corrected":
            rows.setdefault((cell.key.system, cell.key.setting), {})[cell.key.quantity] = cell
    found = []
    for row in rows.values():
        three = [row[quantity] for quantity in QUANTITIES if quantity in row]
        if len(three) == 3 and all(len(cell.runs) == cell.n > 1 for cell in three):
            found += three
    return found


def error_rates(
    cells: Sequence[JudgedCell],
    papers: int = PAPERS,
    seed: int = SEED,
    off: Sequence[float] = OFF,
    judge: Judge | None = None,
) -> ErrorRates:
    """Error rates and power of the judging of Table 1, from the runs of its cells.

    Args:
        cells: judged cells, with their runs and tolerances; rows without are left out.
        papers: how many are made up.
        seed: of all draws; equal seeds give equal tables.
        off: by which shares of itself one number is made wrong, rising.
        judge: what refutes; default the rules of this project.
    """
    cells = complete_rows(cells)
    if not cells:
        return ErrorRates([], [])
    checks, law = Checks.of(cells), Law.of(cells)
    refute = judge or checks.refuted
    rng = np.random.default_rng(seed)
    digits = np.array([len(cell.printed.partition(".")[2]) for cell in cells])
    drawn = law.draw(rng, papers)
    runs = [_moments(law, rng, papers, n) for n in sorted({cell.n for cell in cells})]
    place = np.searchsorted(sorted({cell.n for cell in cells}), checks.n)
    mean, deviation = (
        np.stack([runs[k][which][:, c] for c, k in enumerate(place)], axis=1) for which in (0, 1)
    )
    recorded = np.array([[np.mean(c.runs), np.std(c.runs, ddof=1)] for c in cells]).T
    true = rounded(drawn, digits)
    anew = refute(true, mean, deviation)
    unshared, _ = checks.alone(true, mean, deviation)
    fixed = refute(true, *recorded)
    families = [
        _family(system, cells, papers, fixed, anew, unshared)
        for system in dict.fromkeys(cell.key.system for cell in cells)
    ]
    power = []
    for c, cell in enumerate(cells):
        if not cell.fitted:
            shares = [
                [_caught(c, 1 + sign * by, drawn, digits, refute, mean, deviation) for by in off]
                for sign in (1, -1)
            ]
            power.append(_power(cell, float(anew[:, c].mean()), off, np.array(shares)))
    return ErrorRates(families, power)


def rounded(numbers: Floats, digits: npt.NDArray[np.int64]) -> Floats:
    """Each column to so many digits after the point."""
    unit = 10.0**digits
    return np.asarray(np.round(numbers * unit) / unit)


def _moments(law: Law, rng: np.random.Generator, papers: int, n: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of n runs for each paper, shape (papers, cells) each."""
    drawn = law.draw(rng, papers, n)
    return drawn.mean(axis=1), drawn.std(axis=1, ddof=1)


def _family(
    system: str,
    cells: Sequence[JudgedCell],
    papers: int,
    fixed: Flags,
    anew: Flags,
    unshared: Flags,
) -> FamilyRate:
    own = [c for c, cell in enumerate(cells) if cell.key.system == system]
    hits = int(anew[:, own].any(axis=1).sum())
    low, high = share(hits, papers).ends
    return FamilyRate(
        system=system,
        predicted=sum(not cells[c].fitted for c in own),
        papers=papers,
        recorded=float(fixed[:, own].any(axis=1).mean()),
        anew=hits / papers,
        anew_low=low,
        anew_high=high,
        unshared=float(unshared[:, own].any(axis=1).mean()),
    )


def _caught(
    c: int,
    factor: float,
    drawn: Floats,
    digits: npt.NDArray[np.int64],
    refute: Judge,
    mean: Floats,
    deviation: Floats,
) -> float:
    """Share of papers in which number c is REFUTED when it alone is ``factor`` times itself."""
    wrong = drawn.copy()
    wrong[:, c] *= factor
    return float(refute(rounded(wrong, digits), mean, deviation)[:, c].mean())


def _power(cell: JudgedCell, false: float, off: Sequence[float], shares: Floats) -> Power:
    """``shares`` of shape (2, deviations), upwards and downwards."""
    worst = np.minimum(*shares)
    missed = np.flatnonzero(worst < CAUGHT)
    k = int(missed[-1]) + 1 if missed.size else 0  # all deviations from here on are caught
    caught = None
    if k < len(off):
        x, y = [0.0, *off], [min(false, CAUGHT), *worst]
        caught = float(np.interp(CAUGHT, y[k : k + 2], x[k : k + 2]))
    return Power(cell.name, false, list(off), shares.mean(axis=0).tolist(), caught)
