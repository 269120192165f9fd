"""Eq. (10) without its noise climbs ln p_t + |x|^2/4: its field is that potential's gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.special import logsumexp

from rdverify.ddpm.sde import reverse_increment
from rdverify.ddpm.study.exact import BATCHES, DOWN, MIXTURE, SDE
from rdverify.ddpm.study.field import WALKERS, by_batch
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.trace import FloatArray

ASKED = 50  # every so many steps the Jacobian is taken


def potential(x: FloatArray, t: float) -> FloatArray:
    """Return ln p_t + |x|^2/4 of the mixture at x of shape (n, d), up to a constant of t."""
    bar = SDE.alpha_bar(t)
    centres, spread = math.sqrt(bar) * MIXTURE.means, bar * MIXTURE.variance + 1 - bar
    square = np.sum((x[:, None, :] - centres) ** 2, axis=2)  # (n, K)
    weights: Any = MIXTURE.weights
    log_density = logsumexp(-square / (2 * spread), axis=1, b=weights)
    return np.asarray(log_density + np.sum(x**2, axis=1) / 4)


def step(x: FloatArray, t: float, dt: float, dw: FloatArray) -> FloatArray:
    """One step of Eq. (10) in the mixture with its exact score, dt < 0."""
    return reverse_increment(x, t, dt, SDE.f, SDE.g, MIXTURE.score, dw)


def silent_field(x: FloatArray, t: float) -> FloatArray:
    """dx/dt of Eq. (10) without its noise, in the direction in which it runs, t falling."""
    return step(x, t, -1.0, np.zeros_like(x))


def asymmetry(field: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    """||(J - J^T)/2|| / ||J|| of a field's Jacobian by central differences, (n, d) -> (n,)."""
    h = 1e-5 * np.eye(x.shape[1])
    jacobian = np.stack([(field(x + e) - field(x - e)) / 2e-5 for e in h], axis=2)  # (n, d, d)
    odd = (jacobian - jacobian.transpose(0, 2, 1)) / 2
    return np.asarray(np.linalg.norm(odd, axis=(1, 2)) / np.linalg.norm(jacobian, axis=(1, 2)))


@cache
def ascents() -> Mapping[str, FloatArray]:
    """Both walks from the same starts, batch by batch.

    Returns, each of shape (BATCHES,): "silent" and "noise", the share of the steps after which
    :func:`potential` at the step's own time is higher than before; "asymmetry" of the silent
    field on its way.
    """
    rng = np.random.default_rng(8)
    start = rng.standard_normal((BATCHES * WALKERS, 2))
    found: dict[str, FloatArray] = {}
    for name in ("noise", "silent"):
        x, higher, odd = start.copy(), [], []
        for k, (t, dt) in enumerate(zip(DOWN[:-1].tolist(), np.diff(DOWN).tolist(), strict=True)):
            if k % ASKED == 0:
                odd.append(asymmetry(partial(silent_field, t=t), x))
            dw = math.sqrt(-dt) * rng.standard_normal(x.shape) * (name == "noise")
            after = x + step(x, t, dt, dw)
            higher.append(potential(after, t) > potential(x, t))
            x = after
        found[name] = by_batch(np.mean(higher, axis=0))
        found["asymmetry"] = by_batch(np.mean(odd, axis=0))  # the silent walk's, the last
    return found


@fact(
    "ddpm.{end}.climbing",
    "share of the steps ({end}) after which ln p_t + |x|^2/4, at the step's own time, is higher, "
    "exact score, eight-mode mixture",
    end={"silent": "without noise", "reverse": "with noise"},
)
def _climbing(runs: Runs, end: str) -> FloatArray:
    return ascents()["silent" if end == "silent" else "noise"]


@fact(
    "ddpm.silent.asymmetry",
    "||(J - J^T)/2|| / ||J||, J the Jacobian of Eq. (10)'s field without its noise, along its own "
    "way, exact score, eight-mode mixture; 0 for a gradient",
)
def _asymmetry(runs: Runs) -> FloatArray:
    return ascents()["asymmetry"]
