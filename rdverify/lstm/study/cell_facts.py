"""Facts of one step of the cell: Eq. (11), and how its decay differs from diffusion."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

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


def inside(runs: Runs, kind: str = "declared") -> Iterator[Gates]:
    """All gates and states of every network of a kind in turn, read on the unseen sequences."""
    for key in KEYS:
        for model in runs.networks[key][kind]:
            yield gates(model.lstm, as_input(runs.unseen[key], model))


@fact(
    "lstm.{form}.ulp",
    "largest |C_t - C_(t-1) - (-(1-f) C + i c~)| in float32 units in the last place of the "
    "largest term{form}",
    form=FORMS,
)
def _eq11_ulp(runs: Runs, form: str) -> Measured:
    sign = 1 if form == "eq11" else -1
    worst = []
    for g in inside(runs):
        a, b = g.i * g.c_tilde, g.one_minus_f * g.c_prev
        largest = np.max(np.abs([a, b, g.c, g.c_prev]), axis=0)
        ulp = np.spacing(largest.astype(np.float32)).astype(float)
        worst.append(float((np.abs(g.c - g.c_prev - (a - sign * b)) / ulp).max()))
    return Measured(max(worst), n=UNSEEN * len(worst))


@fact(
    "lstm.{run}.opposes",
    "share of units and steps in which -(1 - f) C does not point along C (networks: {run})",
    run={"decay": "declared", "control.untrained.decay": "untrained"},
)
def _opposes(runs: Runs, run: str) -> Measured:
    kind = "declared" if run == "decay" else "untrained"
    shares = [float((g.one_minus_f >= 0).mean()) for g in inside(runs, kind)]
    return Measured(min(shares), n=UNSEEN * len(shares))


@fact("lstm.decay.imbalance", "|sum over units of (1 - f) C| over the sum of |(1 - f) C|")
def _imbalance(runs: Runs) -> FloatArray:
    shares = []
    for g in inside(runs):
        b = (g.one_minus_f * g.c_prev)[:, 1:]  # the first step has C_0 = 0
        shares.append((np.abs(b.sum(axis=2)) / np.abs(b).sum(axis=2)).mean())
    return np.array(shares)


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
