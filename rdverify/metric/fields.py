"""Counterexamples among fields: walks, plates, splits of the terms, unstable patterns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.balance import balance_of
from rdverify.gray_scott import simulate
from rdverify.metric.rows import Rows, measure_all, row, value_of
from rdverify.metric.systems import SPOTS, Systems, regime
from rdverify.study import Metric, Metrics
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
WALK_STEPS, WALK_SIZE, WALKS = 1000, 256, 8


Step = Callable[[FloatArray, np.random.Generator], FloatArray]
KINDS: Mapping[str, Step] = {
    "heat": lambda x, rng: (
        (np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1)) / 4 - x
    ),
    "decay": lambda x, rng: -0.1 * x,
    "noise": lambda x, rng: 0.1 * rng.standard_normal(x.shape),
}


def shared_with_diffusion(step: Step) -> dict[str, bool]:
    """Which properties of D lap(x) (Eq. 1) a term has, tried on a random field of 16 x 16.

    "state": it is a function of the state. "coupling": what it does to a cell depends on
    other cells. "conserving": it leaves the total alone. "flattening": it points against
    the field's differences from its mean, on average over 200 draws, by 3 standard errors.
    """
    x = np.random.default_rng(1).random((16, 16))

    def at(field: FloatArray, seed: int) -> FloatArray:
        return step(field, np.random.default_rng((2, seed)))

    poked = x.copy()
    poked[8, 8] += 1
    moved = at(poked, 0) - at(x, 0)
    moved[8, 8] = 0
    inner = [float(np.sum((x - x.mean()) * at(x, seed))) for seed in range(200)]
    error = float(np.std(inner)) / math.sqrt(len(inner))
    return {
        "state": bool(np.array_equal(at(x, 0), at(x, 1))),
        "coupling": bool(np.any(moved != 0)),
        "conserving": bool(abs(at(x, 0).sum()) < 1e-9 * np.abs(at(x, 0)).sum()),
        "flattening": float(np.mean(inner)) < -3 * error,
    }


def kinds(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """How many properties of a diffusion a noise term, a decay and a Laplacian have."""
    for kind, name in (
        ("noise", "diffusion.noise"),
        ("decay", "diffusion.control.decay"),
        ("heat", "diffusion.heat"),
    ):
        what = (
            f"how many of four properties of Eq. (1)'s diffusion a term has: {kind} "
            "(function of the state, couples neighbours, conserves, flattens)"
        )
        metrics.measure(f"metric.{name}.shared", what, partial(_shared, KINDS[kind], what))


def _shared(step: Step, what: str) -> Metric:
    return Metric(float(sum(shared_with_diffusion(step).values())), what)


def random_walk(seed: int) -> tuple[Trace, FloatArray]:
    """Two unrelated random vectors of equal length at every step, and the walk they make.

    a_t and b_t are independent and uniform on the unit sphere; x_t = sum (a - b).

    Returns:
        the trace (react = diff = 1, change = ||a - b||) and ||x_t||^2, shape (WALK_STEPS,).
    """
    rng = np.random.default_rng((17, seed))
    a, b = rng.standard_normal((2, WALK_STEPS, WALK_SIZE))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    path = np.cumsum(a - b, axis=0)
    norms = {
        name: np.linalg.norm(v, axis=1)[None] for name, v in (("a", a), ("b", b), ("change", a - b))
    }
    return (
        Trace(norms["a"], norms["b"], system="random vectors", extras={"change": norms["change"]}),
        (path**2).sum(axis=1),
    )


def walks(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """Random vectors of equal length."""
    r_what = "R of random vectors of equal length, without any dynamics"
    growth = "exponent in time of the squared distance from the start of the walk they make"

    def compute() -> dict[str, Metric]:
        walks = [random_walk(seed) for seed in range(WALKS)]
        times = np.log(np.arange(1.0, WALK_STEPS + 1))
        return {
            "metric.random.r": Metric.of([balance_of(t).r for t, _ in walks], r_what),
            "metric.random.growth": Metric.of(
                [np.polyfit(times, np.log(square), 1)[0] for _, square in walks], growth
            ),
        }

    if measure_all(metrics, compute, {"metric.random.r": r_what, "metric.random.growth": growth}):
        row(
            rows,
            "Random vectors of equal length",
            value_of(metrics, "metric.random.r"),
            "R = 1 at every step; the state walks away without bound (squared distance ~ time^"
            f"{value_of(metrics, 'metric.random.growth'):.2f}): neither pattern nor stability",
        )


def heated_plate(cells: int = 64, times: int = 400) -> tuple[Trace, FloatArray]:
    """A plate under a fixed, drawn heat source S: dv/dt = lap v + S, solved exactly.

    Per Fourier mode of -lap with eigenvalue q: v_q(t) = S_q / q (1 - e^(-q t)), v(0) = 0,
    S without mean. Reaction: S. Nothing feeds back on v.

    Returns:
        the trace over ``times`` equal steps of time, the slowest mode decaying by e^20
        over all, and the final v, shape (cells, cells).
    """
    rng = np.random.default_rng(5)
    k = 2 * np.pi * np.fft.fftfreq(cells)
    q = (2 - 2 * np.cos(k))[:, None] + (2 - 2 * np.cos(k))[None, :]  # of the 5-point Laplacian
    source = np.fft.fft2(rng.standard_normal((cells, cells))) * (q < 0.5)
    source[0, 0] = 0
    slowest = np.sort(q, axis=None)[1]
    t = np.linspace(0, 20 / slowest, times + 1)[1:]
    grown = -np.expm1(-q * t[:, None, None])  # (times, cells, cells)
    diff = np.sqrt((np.abs(source * grown) ** 2).sum(axis=(1, 2))) / cells  # Parseval
    react = np.full(times, np.sqrt((np.abs(source) ** 2).sum()) / cells)
    final = np.divide(source * grown[-1], q, out=np.zeros_like(source), where=q > 0)
    return Trace(react[None], diff[None], t, "heated plate"), np.fft.ifft2(final).real


def plate(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """A plate heated by a fixed picture."""
    what = "R of a plate under a fixed, drawn heat source: no feedback, no instability"
    if measure_all(
        metrics,
        lambda: {"metric.control.plate.r": Metric(balance_of(heated_plate()[0]).r, what)},
        {"metric.control.plate.r": what},
    ):
        row(
            rows,
            "Plate heated by a fixed picture",
            value_of(metrics, "metric.control.plate.r"),
            "any steady state that isn't uniform has reaction = -diffusion, so R = 1: R does "
            "not tell self-organisation from a picture put in from outside",
        )


def regrouped(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """The same run with its terms put into other groups: at a steady state R = 1 for any split."""
    names = {
        "decay": (
            "metric.regrouped.decay.r",
            "R of spots at T when the decay (F + k) v is counted as diffusion, as the LSTM's is",
        ),
        "swapped": (
            "metric.regrouped.swapped.r",
            "R of spots at T when, in a random half "
            "of the cells, reaction and diffusion trade places",
        ),
    }
    outside = {
        f"metric.regrouped.{key}.r_outside": "whether the 95 % interval lies outside "
        f"1.00 +- 0.03 of the {names[key][1]}"
        for key in names
    }

    def compute() -> dict[str, Metric]:
        found: dict[str, list[float]] = {"decay": [], "swapped": []}
        for run in systems.rd["spots"]:
            reaction, diffusion, product = terms(run.u, run.v)
            found["decay"].append(
                float(np.linalg.norm(product) / np.linalg.norm(product - reaction - diffusion))
            )
            swap = np.random.default_rng(3).random(run.v.shape) < 0.5
            found["swapped"].append(
                float(
                    np.linalg.norm(np.where(swap, diffusion, reaction))
                    / np.linalg.norm(np.where(swap, reaction, diffusion))
                )
            )
        return {names[key][0]: Metric.of(found[key], names[key][1]) for key in names}

    worked = measure_all(metrics, compute, dict(names.values()))
    for key, (name, _) in names.items():
        one, told = metrics[name], f"metric.regrouped.{key}.r_outside"
        metrics[told] = (
            Metric(None, outside[told], error=one.error)
            if one.error
            else Metric(bool((one.low or 0.0) > 1.03 or (one.high or 0.0) < 0.97), outside[told])
        )
    if worked:
        row(
            rows,
            "Gray-Scott spots, decay counted as diffusion",
            value_of(metrics, "metric.regrouped.decay.r"),
            "the split of the terms, which the paper draws differently for RD and LSTM, "
            "doesn't matter at a steady state",
        )
        row(
            rows,
            "Gray-Scott spots, terms traded at random cells",
            value_of(metrics, "metric.regrouped.swapped.r"),
            "a split without meaning gives R near 1 as well",
        )


def terms(u: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R_v, D_v lap v, u v^2) of the spot regime at a state, each of shape (rows, cols)."""
    config = regime(SPOTS, 0)
    around = sum(np.roll(v, s, axis) for s in (1, -1) for axis in (0, 1))
    product = u * v**2
    return (
        product - (config.feed_rate + config.kill_rate) * v,
        config.d_v * (around - 4 * v) / config.dx**2,
        product,
    )


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


def unstable(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """A stationary pattern that does not last."""
    names = {
        "metric.unstable.r": "R of a stationary pattern of du/dt = u_xx + u - u^3",
        "metric.unstable.growth": "its largest growth rate per unit of time; stable if <= 0",
        "metric.control.uniform.growth": "growth rate of u = 0 in the same equation, where "
        "R isn't defined",
    }

    def compute() -> dict[str, Metric]:
        r, growth, _ = unstable_pattern()
        values = (r, growth, 1.0)  # at u = 0 the uniform mode grows at the rate d(u - u^3)/du = 1
        return {
            name: Metric(value, what)
            for (name, what), value in zip(names.items(), values, strict=True)
        }

    if measure_all(metrics, compute, names):
        row(
            rows,
            "Stationary pattern of u_xx + u - u^3",
            value_of(metrics, "metric.unstable.r"),
            f"R = 1 and unstable, growth rate {value_of(metrics, 'metric.unstable.growth'):.3f}: "
            "R = 1 says steady, not stable",
        )


def uniform(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """Where R is a number, and where it is none."""
    names = {
        "metric.range.never_negative": "whether every R of the systems of this study is >= 0",
        "metric.range.control.inner": "whether every <a - b, a + b>, the signed quantity "
        "behind R - 1, is >= 0",
        "metric.range.steady_state": "whether R is a number at Gray-Scott's uniform steady "
        "state (1, 0)",
        "metric.range.uniform": "whether R is a finite number in a uniform state that is "
        "not steady",
        "metric.range.patterns": "whether R is a finite number in all runs with a pattern",
    }

    def compute() -> dict[str, Metric]:
        runs = [run.trace for kind in ("spots", "stripes") for run in systems.rd[kind]]
        values = [balance_of(trace).r for trace in (*runs, systems.ddpm)]
        flat: dict[str, Any] = {"square": 0, "noise": 0.0, "steps": 50}
        steady = balance_of(simulate(regime(SPOTS, 0, **flat)).trace).r
        moving = balance_of(
            simulate(regime(SPOTS, 0, background_u=0.5, background_v=0.25, **flat)).trace
        ).r
        inner = [float(trace.extras["inner"].min()) for trace in runs]
        truths = (
            min(values) >= 0,
            min(inner) >= 0,
            not math.isnan(steady),
            math.isfinite(moving),
            all(map(math.isfinite, values)),
        )
        return {
            name: Metric(bool(truth), what)
            for (name, what), truth in zip(names.items(), truths, strict=True)
        }

    if measure_all(metrics, compute, names):
        row(rows, "Gray-Scott, uniform steady state", "0/0", "R isn't defined at homogeneity")
        row(
            rows,
            "Gray-Scott, uniform, not steady",
            "infinite",
            "homogeneity goes with R infinite here, not with R << 1",
        )
