"""What R is invariant under: units, time step, number of components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, expected_balance
from rdverify.gray_scott import initial_state, simulate
from rdverify.lstm import LSTMConfig, as_input, build, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.metric.systems import CELLS, SPOTS, regime, untrained
from rdverify.study import Metric, Metrics, Table
from rdverify.tools.progress import Task

FloatArray = npt.NDArray[np.float64]
LENGTH, TIME, AMOUNT = 1000.0, 60.0, 7.0  # by which the numbers of a quantity grow
AMPLITUDE = 10.0  # of the same signal in another unit
MEAN_SQUARES = (0.942860, 0.085752)  # MNIST's pixels in [-1, 1] and in [0, 1], training set
TIME_SPAN = 4000.0  # over which time steps are compared: transients and a grown pattern
RD_SEEDS = 3
DT = (2.0, 1.0, 0.5, 0.25)
DDPM_STEPS = (250, 500, 1000, 2000, 4000)  # beta is then 4 to 1/4 times that of T = 1000
SAMPLES = (100, 200, 400, 800)  # of the same curves
TILES = (1, 2, 3)
HIDDEN = (4, 8, 16, 32, 64, 128)
SIZES = (64, 256, 1024, 3072, 12288)  # 8x8 .. 3x64x64
NETWORKS = 8


@dataclass
class Curves:
    """Measured (x, R, M_react) by label, means over seeds, for table and figure."""

    of: dict[str, tuple[list[float], list[float], list[float]]] = field(default_factory=dict)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of log y against log x, least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def scaling(metrics: Metrics, task: Task) -> tuple[Table, Curves]:
    """All measurements of this module, as metrics, a table, and curves for the figure."""
    curves = Curves()
    _units(metrics)
    task.advance()
    for name, kind, label, x, run, seeds in (
        ("refine.rd", "time step", "RD, time step dt", DT, refined_rd, RD_SEEDS),
        (
            "refine.lstm",
            "time step",
            "LSTM, samples of the same curves",
            SAMPLES,
            refined_lstm,
            NETWORKS,
        ),
        ("refine.ddpm", "time step", "DDPM, steps T, beta ~ 1/T", DDPM_STEPS, refined_ddpm, 1),
        (
            "refine.control.noise",
            "time step",
            "Ornstein-Uhlenbeck, steps",
            DDPM_STEPS,
            refined_noise,
            1,
        ),
        (
            "size.rd",
            "components",
            "RD, cells",
            [CELLS**2 * n * n for n in TILES],
            larger_rd,
            RD_SEEDS,
        ),
        ("size.lstm", "components", "LSTM, hidden units", HIDDEN, larger_lstm, NETWORKS),
        ("size.ddpm", "components", "DDPM, pixels", SIZES, larger_ddpm, 1),
    ):
        _powers(metrics, curves, name, kind, label, [float(value) for value in x], run, seeds)
        task.advance()
    rows = [
        {
            "refined or enlarged": label,
            "from": x[0],
            "to": x[-1],
            "R from": r[0],
            "R to": r[-1],
            "exponent of R": exponent(x, r),
            "exponent of M_react": exponent(x, m),
        }
        for label, (x, r, m) in curves.of.items()
    ]
    return Table(
        "What the metric is invariant under: exponents of a power law, 0 where nothing "
        "changes. A noise term enters as the root of dt and a drift as dt, so a ratio of "
        "the two goes with the root of the step; a ratio of two drifts does not. "
        "Undivided norms of fields grow as the root of the number of components; those of "
        "an untrained LSTM hardly grow, since torch scales initial weights down with it",
        rows,
    ), curves


Run = Callable[[float, int], tuple[float, float]]


def _powers(
    metrics: Metrics,
    curves: Curves,
    name: str,
    kind: str,
    label: str,
    x: Sequence[float],
    run: Run,
    seeds: int,
) -> None:
    """Exponents of R and M_react in x, one for each seed."""
    what = f"exponent of {{}} in {'steps or step' if kind == 'time step' else kind}: {label}"
    names = {"r": f"metric.{name}.r_exponent", "m": f"metric.{name}.m_exponent"}
    try:
        found = np.array([[run(value, seed) for value in x] for seed in range(seeds)])
    except Exception as error:  # a crash is no refutation
        for key, metric in names.items():
            metrics[metric] = Metric(
                None, what.format(key), error=f"{type(error).__name__}: {error}"
            )
        return
    for place, (key, metric) in enumerate(names.items()):
        slopes = [exponent(x, row) for row in found[:, :, place]]
        metrics[metric] = Metric.of(slopes, what.format("R" if key == "r" else "M_react"))
    mean = found.mean(axis=0)  # (len(x), 2)
    curves.of[label] = (list(x), mean[:, 0].tolist(), mean[:, 1].tolist())


def plain(
    u: FloatArray,
    v: FloatArray,
    *,
    feed: float,
    kill: float,
    d_u: float,
    d_v: float,
    dx: float,
    dt: float,
    steps: int,
    rate: float = 1.0,
    full: float = 1.0,
) -> tuple[float, float]:
    """R and M_react of Gray-Scott with every constant spelt out, so that units can be changed.

    du/dt = D_u lap u - rate u v^2 + F (full - u), dv/dt = D_v lap v + rate u v^2 - (F + k) v.
    The paper's form has rate = full = 1, numbers that have units: rate is 1 / (amount^2
    time), full an amount.
    """

    def spread(values: FloatArray) -> FloatArray:
        return (
            np.roll(values, 1, 0)
            + np.roll(values, -1, 0)
            + np.roll(values, 1, 1)
            + np.roll(values, -1, 1)
            - 4 * values
        ) / dx**2

    react, diff = 0.0, 0.0
    for _ in range(steps):
        product = rate * u * v**2
        reaction, diffusion = product - (feed + kill) * v, d_v * spread(v)
        react += float(np.linalg.norm(reaction))
        diff += float(np.linalg.norm(diffusion))
        u = u + dt * (d_u * spread(u) - product + feed * (full - u))
        v = v + dt * (reaction + diffusion)
    return react / diff, react / steps


def _units(metrics: Metrics) -> None:
    def run() -> tuple[float, float]:
        config = regime(SPOTS, 0)
        u, v = initial_state(config)
        one = plain(
            u,
            v,
            feed=config.feed_rate,
            kill=config.kill_rate,
            d_u=config.d_u,
            d_v=config.d_v,
            dx=config.dx,
            dt=config.dt,
            steps=1000,
        )
        two = plain(
            AMOUNT * u,
            AMOUNT * v,
            feed=config.feed_rate / TIME,
            kill=config.kill_rate / TIME,
            d_u=config.d_u * LENGTH**2 / TIME,
            d_v=config.d_v * LENGTH**2 / TIME,
            dx=config.dx * LENGTH,
            dt=config.dt * TIME,
            steps=1000,
            rate=1 / (AMOUNT**2 * TIME),
            full=AMOUNT,
        )
        return abs(two[0] / one[0] - 1), abs(two[1] / one[1] - 1)

    where = (
        f"Gray-Scott, spots, 1,000 steps, with lengths, times and amounts counted in units "
        f"{LENGTH:g}, {TIME:g} and {AMOUNT:g} times smaller"
    )
    ran = lru_cache(run)
    metrics.measure(
        "metric.units.rd.r_change",
        f"|R'/R - 1|, {where}",
        lambda: Metric(ran()[0], f"|R'/R - 1|, {where}"),
    )
    metrics.measure(
        "metric.units.control.m_change",
        f"|M_react'/M_react - 1|, {where}",
        lambda: Metric(ran()[1], f"|M_react'/M_react - 1|, {where}"),
    )

    pixels = "|R'/R - 1| of the DDPM's closed form, MNIST's pixels in [0, 1] against [-1, 1]"
    metrics.measure(
        "metric.units.ddpm.r_change",
        pixels,
        lambda: Metric(
            abs(
                expected_balance(Schedule.linear(), 1024, MEAN_SQUARES[1]).r
                / expected_balance(Schedule.linear(), 1024, MEAN_SQUARES[0]).r
                - 1
            ),
            pixels,
        ),
    )
    signal = (
        f"|R'/R - 1| of untrained LSTMs when the same sines are counted in a unit "
        f"{AMPLITUDE:g} times smaller"
    )

    def lstm() -> Metric:
        changes = []
        for seed in range(NETWORKS):
            config = LSTMConfig(data=SineConfig(sequences=32, seed=seed), seed=seed)
            model, x = build(config), generate(config.data)
            r = [
                balance_of(probe(model.lstm, as_input(scale * x, model))).r
                for scale in (1.0, AMPLITUDE)
            ]
            changes.append(abs(r[1] / r[0] - 1))
        return Metric.of(changes, signal)

    metrics.measure("metric.units.lstm.r_change", signal, lstm)


def refined_rd(dt: float, seed: int) -> tuple[float, float]:
    """R and M_react of spots over the same time with another step."""
    balance = balance_of(
        simulate(
            regime(SPOTS, seed, dt=dt, steps=round(TIME_SPAN / dt), inner_products=False)
        ).trace
    )
    return balance.r, balance.m_react


def refined_lstm(samples: float, seed: int) -> tuple[float, float]:
    """R and M_react of an untrained network on the same 2 to 10 periods, sampled more finely."""
    length = round(samples)
    data = SineConfig(
        length=length, sequences=32, seed=seed, frequency_low=2 / length, frequency_high=10 / length
    )
    balance = balance_of(untrained(16, seed, data))
    return balance.r, balance.m_react


def refined_ddpm(steps: float, seed: int) -> tuple[float, float]:
    """R and M_react in closed form, total noise kept (beta proportional to 1/T)."""
    expected = expected_balance(Schedule.linear(round(steps), scaling="1/T"), 1024, 0.5)
    return expected.r, expected.m_react


def refined_noise(steps: float, seed: int) -> tuple[float, float]:
    """Ornstein-Uhlenbeck at rest, dx = -x dt + sqrt(2) dw over a time of 1, in one dimension.

    E|x| dt over sqrt(2 dt) E|z|, with x of variance 1: sqrt(dt / 2).
    """
    dt = 1 / steps
    return float(np.sqrt(dt / 2)), float(np.sqrt(2 / np.pi) * dt)


def larger_rd(cells: float, seed: int) -> tuple[float, float]:
    """R and M_react of n x n copies of the small run, each with noise of its own."""
    tiles = round((cells / CELLS**2) ** 0.5)
    parts = [
        [initial_state(regime(SPOTS, seed + 100 * (i * tiles + j))) for j in range(tiles)]
        for i in range(tiles)
    ]
    u, v = (np.block([[part[place] for part in row] for row in parts]) for place in (0, 1))
    config = replace(
        regime(SPOTS, seed, steps=round(TIME_SPAN), inner_products=False),
        rows=CELLS * tiles,
        cols=CELLS * tiles,
    )
    balance = balance_of(simulate(config, (u, v)).trace)
    return balance.r, balance.m_react


def larger_lstm(hidden: float, seed: int) -> tuple[float, float]:
    """R and M_react of an untrained network of another size on the same sines."""
    balance = balance_of(untrained(round(hidden), seed))
    return balance.r, balance.m_react


def larger_ddpm(pixels: float, seed: int) -> tuple[float, float]:
    """R and M_react in closed form for images of another size and equal mean square."""
    expected = expected_balance(Schedule.linear(), round(pixels), 0.5)
    return expected.r, expected.m_react
