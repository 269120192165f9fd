"""Facts of one step of the cell: Eq. (11), and how its decay differs from diffusion."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch

from rdverify.lstm import Gates, as_input, gates
from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.rows import KEYS, UNSEEN
from rdverify.lstm.study.runs import Runs
from rdverify.study import Measured
from rdverify.trace import FloatArray

FORMS = {"eq11": "", "control.eq11_sign": ", with +(1 - f) C in place of -(1 - f) C"}


def eq11_exact(sign: int, draws: int = 500) -> bool:
    """Whether f C + i c~ - C = -sign (1 - f) C + i c~ for random rationals."""
    rng = random.Random(11)

    def rational() -> Fraction:
        return Fraction(rng.randint(-(10**6), 10**6), rng.randint(1, 10**6))

    return all(
        f * c + i * g - c == -sign * (1 - f) * c + i * g
        for f, c, i, g in ([rational() for _ in range(4)] for _ in range(draws))
    )


@fact(
    "lstm.{form}.exact",
    "f C + i c~ - C = -(1 - f) C + i c~ in 500 random rationals{form}",
    form=FORMS,
)
def _eq11_exact(runs: Runs, form: str) -> Measured:
    return Measured(eq11_exact(1 if form == "eq11" else -1), n=500)


@dataclass(frozen=True)
class Decay:
    """What the gates and states of one network on the unseen sequences come down to.

    Attributes:
        ulp: the largest error of Eq. (11), by the sign of its decay, in units in the last place.
        opposes: share of units and steps in which -(1 - f) C does not point along C.
        imbalance: |sum over units of (1 - f) C| over the sum of |(1 - f) C|, mean.
    """

    ulp: dict[int, float]
    opposes: float
    imbalance: float

    @classmethod
    def of(cls, g: Gates) -> Decay:
        """Of one reading."""
        a, b = g.i * g.c_tilde, g.one_minus_f * g.c_prev
        largest = np.max(np.abs([a, b, g.c, g.c_prev]), axis=0)
        unit = np.spacing(largest.astype(np.float32)).astype(float)
        ulp = {
            sign: float((np.abs(g.c - g.c_prev - (a - sign * b)) / unit).max()) for sign in (1, -1)
        }
        b = b[:, 1:]  # the first step has C_0 = 0
        imbalance = (np.abs(b.sum(axis=2)) / np.abs(b).sum(axis=2)).mean()
        return cls(ulp, float((g.one_minus_f >= 0).mean()), float(imbalance))


@lru_cache(maxsize=2)  # each kind is read once for all facts
def decays(runs: Runs, kind: str = "declared") -> list[Decay]:
    """Every network of a kind, read on the unseen sequences."""
    return [
        Decay.of(gates(model.lstm, as_input(runs.unseen[key], model)))
        for key in KEYS
        for model in runs.networks[key][kind]
    ]


@fact(
    "lstm.{form}.ulp",
    "largest |C_t - C_(t-1) - (-(1-f) C + i c~)| in float32 units in the last place of the "
    "largest term{form}",
    form=FORMS,
)
def _eq11_ulp(runs: Runs, form: str) -> Measured:
    worst = [decay.ulp[1 if form == "eq11" else -1] for decay in decays(runs)]
    return Measured(max(worst), n=UNSEEN * len(worst))


@fact(
    "lstm.{run}.opposes",
    "share of units and steps in which -(1 - f) C does not point along C (networks: {run})",
    run={"decay": "declared", "control.untrained.decay": "untrained"},
)
def _opposes(runs: Runs, run: str) -> Measured:
    kind = "declared" if run == "decay" else "untrained"
    shares = [decay.opposes for decay in decays(runs, kind)]
    return Measured(min(shares), n=UNSEEN * len(shares))


@fact("lstm.decay.imbalance", "|sum over units of (1 - f) C| over the sum of |(1 - f) C|")
def _imbalance(runs: Runs) -> FloatArray:
    return np.array([decay.imbalance for decay in decays(runs)])


COUPLING = "derivatives to other units over those to its own, sums of magnitudes (16 units)"
Operator = Callable[[torch.Tensor], torch.Tensor]


def one_state(runs: Runs) -> tuple[torch.Tensor, torch.Tensor]:
    """1 - f and C of one network on sines at one step, each of shape (h,)."""
    model = runs.networks["sine"]["declared"][0]
    g = gates(model.lstm, as_input(runs.unseen["sine"][:1], model))
    return torch.from_numpy(g.one_minus_f[0, 100]), torch.from_numpy(g.c_prev[0, 100])


def coupling(operator: Operator, where: torch.Tensor) -> float:
    """Off-diagonal over diagonal of an operator's derivative, sums of magnitudes."""
    moved = torch.func.jacrev(operator)(where).abs()
    own = float(moved.trace())
    return (float(moved.sum()) - own) / own


def laplacian(c: torch.Tensor) -> torch.Tensor:
    """The differences to both neighbours on a ring of units."""
    return torch.roll(c, 1) + torch.roll(c, -1) - 2 * c


@fact("lstm.decay.coupling", COUPLING)
def _coupling(runs: Runs) -> float:
    keep, c = one_state(runs)
    return coupling(lambda c: -keep * c, c)


@fact("lstm.laplacian.coupling", COUPLING, serves="the positive reference of LSTM-20")
def _laplacian_coupling(runs: Runs) -> float:
    return coupling(laplacian, one_state(runs)[1])


@fact(
    "lstm.laplacian.imbalance",
    "|sum| over the sum of magnitudes",
    serves="the positive reference of LSTM-20",
)
def _laplacian_imbalance(runs: Runs) -> float:
    change = laplacian(one_state(runs)[1]).numpy()
    return float(abs(change.sum()) / np.abs(change).sum())
