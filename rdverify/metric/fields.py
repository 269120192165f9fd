"""Counterexamples among fields: walks, plates, splits of the terms, unstable patterns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott import simulate
from rdverify.gray_scott.stability import laplacian, reaction
from rdverify.metric.runs import REPEATS, Runs, fact, ratios
from rdverify.metric.systems import SPOTS, WALK_STEPS, random_walk, regime
from rdverify.trace import FloatArray

GRID = 16  # cells along each side of the fields that terms are tried on
FIELDS = 20  # random fields; a property must hold in all of them
Step = Callable[[FloatArray, np.random.Generator], FloatArray]


def spread_density(p: FloatArray, rng: np.random.Generator) -> FloatArray:
    """What the noise of one step does to a density on a periodic grid: 1/2 g^2 lap(p) dt.

    Each particle moves by a normal number of standard deviation g sqrt(dt) = 1 cell in either
    direction: the law of the noise itself on the lattice, no Laplacian is put in.
    """
    offset = np.arange(-4 * GRID, 4 * GRID)
    weight = np.exp(-(offset**2) / 2.0)
    move = np.zeros((GRID, GRID))
    for k in range(GRID):
        np.add.at(move[k], (k + offset) % GRID, weight / weight.sum())
    return np.asarray(move @ p @ move.T - p)


def carry_density(p: FloatArray, rng: np.random.Generator) -> FloatArray:
    """What a drift f does to a density, -div(f p): carried towards the middle of the grid."""
    f = -np.sin(2 * np.pi * (np.arange(GRID) - GRID / 2) / GRID)

    def slope(flow: FloatArray, axis: int) -> FloatArray:
        return np.asarray((np.roll(flow, -1, axis) - np.roll(flow, 1, axis)) / 2)

    return np.asarray(-0.1 * (slope(f[:, None] * p, 0) + slope(f * p, 1)))


KINDS: Mapping[str, Step] = {
    "decay": lambda x, rng: -0.1 * x,
    "noise": lambda x, rng: 0.1 * rng.standard_normal(x.shape),
    "density": spread_density,
    "drift": carry_density,
}


def shared_with_diffusion(step: Step) -> dict[str, bool]:
    """Which properties of D lap(x) (Eq. 1) a term has, tried on random fields of 16 x 16.

    "state": it is a function of the state. "coupling": what it does to a cell depends on
    other cells. "conserving": it leaves the total alone. "flattening": in each of the fields it
    points against the differences from the mean, on average over 50 draws, by 3 standard errors.
    """
    x = np.random.default_rng(1).random((FIELDS, GRID, GRID))

    def at(field: FloatArray, seed: int) -> FloatArray:
        return step(field, np.random.default_rng((2, seed)))

    poked = x[0].copy()
    poked[5, 3] += 1
    moved = at(poked, 0) - at(x[0], 0)
    moved[5, 3] = 0
    draws = np.array([[at(field, seed) for seed in range(50)] for field in x])
    centred = x - x.mean(axis=(1, 2), keepdims=True)
    inner = (centred[:, None] * draws).sum(axis=(2, 3))  # (fields, draws)
    error = inner.std(axis=1) / math.sqrt(inner.shape[1])
    return {
        "state": bool(np.array_equal(at(x[0], 0), at(x[0], 1))),
        "coupling": bool(np.any(np.abs(moved) > 1e-12)),
        "conserving": bool(np.all(np.abs(draws.sum((2, 3))) < 1e-9 * np.abs(draws).sum((2, 3)))),
        "flattening": bool(np.all(inner.mean(axis=1) < -3 * error)),
    }


@fact(
    "metric.diffusion.{term}.shared",
    "how many of four properties of Eq. (1)'s diffusion a term has: {term} "
    "(function of the state, couples neighbours, conserves, flattens)",
    term={
        "noise": "the noise itself, added to the state",
        "density": "what the noise does to the density, on a grid",
        "control.decay": "decay",
        "control.drift": "what a drift does to the density, -div(f p)",
    },
)
def _shared(runs: Runs, term: str) -> float:
    return sum(shared_with_diffusion(KINDS[term.rpartition(".")[2]]).values())


@fact("metric.random.r", "R of random vectors of equal length, without any dynamics")
def walks_r(runs: Runs) -> list[float]:
    """One for each walk."""
    return ratios(runs, "random")


def walks_growth() -> float:
    """Exponent in time of the squared distance from the start of the walks, their mean."""
    times = np.log(np.arange(1.0, WALK_STEPS + 1))
    squares = [random_walk(seed)[1] for seed in range(REPEATS)]
    return float(np.mean([np.polyfit(times, np.log(square), 1)[0] for square in squares]))


@fact(
    "metric.control.plate.r",
    "R of plates, each under a fixed, drawn heat source: no feedback, no instability",
)
def plate_r(runs: Runs) -> list[float]:
    """One for each source."""
    return ratios(runs, "control.plate")


def terms(u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R_v, D_v lap v, (F + k) v) of the spot regime at a state, each of shape (rows, cols)."""
    config = regime(SPOTS, 0)
    return (
        reaction(u, v, config.feed_rate, config.kill_rate)[1],
        config.d_v * laplacian(v, config.dx),
        (config.feed_rate + config.kill_rate) * v,
    )


SPLITS = {
    "decay": "R of spots at T when the decay (F + k) v is counted as diffusion, as the LSTM's is",
    "swapped": "R of spots at T when, in a random half of the cells, reaction and diffusion trade "
    "places",
}


def regrouped(runs: Runs, split: str) -> list[float]:
    """R of the spots at T with the terms split otherwise (:data:`SPLITS`), one for each seed.

    At a steady state the terms add up to nothing, so R = 1 for any split into two groups.
    """
    found = []
    for run in runs.rd["spots"]:
        react, spread, decay = terms(run.u, run.v)
        if split == "decay":
            one, other = react + decay, decay - spread
        else:
            swap = np.random.default_rng(3).random(run.v.shape) < 0.5
            one, other = np.where(swap, spread, react), np.where(swap, react, spread)
        found.append(float(np.linalg.norm(one) / np.linalg.norm(other)))
    return found


@fact("metric.regrouped.swapped.r", SPLITS["swapped"])
def _swapped_r(runs: Runs) -> list[float]:
    return regrouped(runs, "swapped")


def unstable_pattern(length: float = 10.0, cells: int = 64) -> tuple[float, float, FloatArray]:
    """A stationary pattern that is unstable: du/dt = u_xx + u - u^3 on a ring.

    Newton's method from a cosine. Every pattern of this equation on a ring is unstable
    (Chafee and Infante 1974): the smallest disturbance ends it in u = 1 or -1.

    Returns:
        R = ||u - u^3|| / ||u_xx||, the largest growth rate (1/time), and u, shape (cells,).
    """
    dx = length / cells
    eye = np.eye(cells)
    lap = (np.roll(eye, 1, 0) + np.roll(eye, -1, 0) - 2 * eye) / dx**2
    x = dx * np.arange(cells)
    u = np.sqrt(4 / 3 * (1 - (2 * np.pi / length) ** 2)) * np.cos(2 * np.pi * x / length)
    for _ in range(30):  # least squares: shifting the pattern is a null direction
        change = np.linalg.lstsq(lap + np.diag(1 - 3 * u**2), -(lap @ u + u - u**3), rcond=1e-10)[0]
        u = u + change
    r = float(np.linalg.norm(u - u**3) / np.linalg.norm(lap @ u))
    return r, float(np.linalg.eigvalsh(lap + np.diag(1 - 3 * u**2)).max()), u


@fact("metric.unstable.r", "R of a stationary pattern of du/dt = u_xx + u - u^3")
def _unstable_r(runs: Runs) -> float:
    return unstable_pattern()[0]


@fact("metric.unstable.growth", "its largest growth rate per unit of time; stable if <= 0")
def _unstable_growth(runs: Runs) -> float:
    return unstable_pattern()[1]


@fact(
    "metric.control.uniform.growth",
    "growth rate of u = 0 in the same equation, where R isn't defined",
)
def _uniform_growth(runs: Runs) -> float:
    return 1.0  # at u = 0 the uniform mode grows at the rate d(u - u^3)/du = 1


def made_patterns(runs: Runs) -> list[float]:
    """R of every system of the study that makes a pattern."""
    return ratios(runs, "rd.spots", "rd.stripes", "ddpm")


@fact("metric.range.never_negative", "whether every R of the systems of this study is >= 0")
def _never_negative(runs: Runs) -> bool:
    return min(made_patterns(runs)) >= 0


def uniform_r(u: float, v: float) -> float:
    """R of Gray-Scott from a uniform state, 50 steps."""
    flat = regime(SPOTS, 0, square=0, noise=0.0, steps=50, background_u=u, background_v=v)
    return balance_of(simulate(flat).trace).r


@fact(
    "metric.range.steady_state", "whether R is a number at Gray-Scott's uniform steady state (1, 0)"
)
def _steady_state(runs: Runs) -> bool:
    return not math.isnan(uniform_r(1.0, 0.0))


@fact("metric.range.uniform", "whether R is a finite number in a uniform state that is not steady")
def _uniform(runs: Runs) -> bool:
    return math.isfinite(uniform_r(0.5, 0.25))


@fact("metric.range.patterns", "whether R is a finite number in all runs with a pattern")
def _patterns(runs: Runs) -> bool:
    return all(map(math.isfinite, made_patterns(runs)))
