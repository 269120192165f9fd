"""The three data sets against what is known of the systems."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    frequencies,
    generate,
    lorenz_slope,
    noise_like,
    shuffle_time,
    van_der_pol_slope,
)
from rdverify.tools.errors import InputError

EVERY: list[DataConfig] = [
    SineConfig(sequences=6),
    LorenzConfig(sequences=6),
    VanDerPolConfig(sequences=6),
]
by_kind = pytest.mark.parametrize("config", EVERY, ids=lambda config: type(config).__name__)


def period(mu: float, dt: float = 0.05, span: float = 120.0, burn_in: float = 60.0) -> float:
    """Mean time between upward zero crossings of one generated sequence."""
    config = VanDerPolConfig(
        mu=mu, dt=dt, length=int(span / dt), sequences=1, burn_in=burn_in, normalisation="none"
    )
    x = generate(config)[0]
    curve = CubicSpline(dt * np.arange(len(x)), x)
    crossings = curve.roots(extrapolate=False)
    upward = crossings[curve(crossings, 1) > 0]
    return float(np.diff(upward).mean())


@pytest.mark.once
@pytest.mark.parametrize(
    ("mu", "expected"),
    [(1.0, 6.66328686), (2.0, 7.62987448), (3.0, 8.85909550), (5.0, 11.61223067)],
)
def test_van_der_pol_has_the_tabulated_period(mu: float, expected: float) -> None:
    # the cubic interpolation of the zero is the coarser part: dt^4 of a curve of order one
    assert period(mu) == pytest.approx(expected, rel=2e-6)


@pytest.mark.once
def test_van_der_pol_period_grows_as_mu_squared_over_16() -> None:
    mu = np.array([0.1, 0.2, 0.4])
    # a weakly nonlinear cycle is reached in a time of 1/mu
    found = np.array([period(m, 0.1, 150.0, burn_in=150.0) for m in mu])
    excess = found / (2 * np.pi) - 1
    slope = np.polyfit(np.log(mu), np.log(excess), 1)[0]
    assert slope == pytest.approx(2, abs=0.02)
    # the next term of the series is -5 mu^4 / 3072
    assert excess == pytest.approx(mu**2 / 16 - 5 * mu**4 / 3072, rel=2e-3)


@pytest.mark.once
def test_van_der_pol_period_at_large_mu() -> None:
    """T = (3 - 2 ln 2) mu + 7.0143 mu^(-1/3) - (2/3) ln(mu)/mu - 1.3246/mu + ..."""
    gap = []
    for mu in (7.0, 14.0):
        expected = (
            (3 - 2 * np.log(2)) * mu
            + 7.0143 * mu ** (-1 / 3)
            - (2 / 3) * np.log(mu) / mu
            - 1.3246 / mu
        )
        gap.append(abs(period(mu) / expected - 1))
    assert gap[1] < gap[0] < 0.01
    assert gap[1] < 0.002


def test_van_der_pol_without_mu_keeps_its_energy() -> None:
    shared: dict[str, Any] = {"mu": 0.0, "sequences": 5, "normalisation": "none", "burn_in": 0.0}
    x, v = (generate(VanDerPolConfig(coordinate=c, **shared)) for c in ("x", "v"))
    energy = x**2 + v**2
    assert energy == pytest.approx(np.broadcast_to(energy[:, :1], energy.shape), rel=1e-7)


@pytest.mark.once
def test_van_der_pol_sequences_may_differ_in_mu() -> None:
    same = VanDerPolConfig(mu=1.0, sequences=40, length=400)
    spread = dataclasses.replace(same, mu=0.5, mu_high=4.0, coordinate="v", normalisation="none")
    peaks = generate(spread).max(axis=1)
    # the greatest speed on the cycle grows with mu
    slowest, fastest = (
        generate(dataclasses.replace(spread, mu=mu, mu_high=None, sequences=1)).max()
        for mu in (0.5, 4.0)
    )
    assert slowest < peaks.min() < slowest + 0.5
    assert fastest - 0.5 < peaks.max() < fastest


@pytest.mark.once
def test_lorenz_largest_lyapunov_exponent() -> None:
    """The growth of a small distance, from generated states, against 0.906."""
    shared: dict[str, Any] = {"sequences": 128, "length": 2, "normalisation": "none"}
    coordinates = [generate(LorenzConfig(coordinate=c, **shared))[:, -1] for c in ("x", "y", "z")]
    slope = lorenz_slope(LorenzConfig())
    count, step, every, distance = 128, 0.01, 10, 1e-7
    base = np.array(coordinates)  # (3, n)
    apart = np.zeros_like(base)
    apart[0] = distance
    growth = []
    for interval in range(400):
        state = np.concatenate([base, base + apart], axis=1).ravel()  # x of both, y of both, z
        for _ in range(every):  # classical Runge-Kutta, independent of the generator's integrator
            k1 = slope(0, state)
            k2 = slope(0, state + step / 2 * k1)
            k3 = slope(0, state + step / 2 * k2)
            k4 = slope(0, state + step * k3)
            state = state + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        both = state.reshape(3, 2 * count)
        base, apart = both[:, :count], both[:, count:] - both[:, :count]
        length = np.linalg.norm(apart, axis=0)
        if interval >= 50:  # until the distance points along the growing direction
            growth.append(np.log(length / distance) / (every * step))
        apart = apart * distance / length
    per_trajectory = np.mean(growth, axis=0)  # (n,)
    error = float(per_trajectory.std(ddof=1) / np.sqrt(count))
    assert error < 0.01
    assert abs(per_trajectory.mean() - 0.9056) < 4 * error


@pytest.mark.once
def test_lorenz_time_averages() -> None:
    shared: dict[str, Any] = {
        "sequences": 128,
        "length": 800,
        "dt": 0.05,
        "normalisation": "none",
        "seed": 5,
    }
    x, y, z = (generate(LorenzConfig(coordinate=c, **shared)) for c in ("x", "y", "z"))

    def mean_and_error(values: np.ndarray) -> tuple[float, float]:
        means = values.mean(axis=1)
        return float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))

    for values, expected in ((z, 23.55), (x, 0.0), (y, 0.0)):
        mean, error = mean_and_error(values)
        assert error < 0.4
        assert abs(mean - expected) < 4 * error + 0.005  # 23.55 is rounded
    # d<z>/dt = <xy> - beta <z> exactly; the trapezoidal rule's error is far below 1 %
    span = 0.05 * 799
    balance = np.trapezoid(x * y - 8 / 3 * z, dx=0.05, axis=1) / span
    assert balance == pytest.approx((z[:, -1] - z[:, 0]) / span, abs=0.02 * 8 / 3 * 23.55)


@pytest.mark.parametrize("kind", ["lorenz", "van der pol"])
@pytest.mark.once
def test_sequences_obey_their_equation_to_second_order(kind: str) -> None:
    """The central difference of generated samples approaches the slope as dt^2."""
    errors = []
    steps = np.array([0.004, 0.002, 0.001])
    for dt in steps:
        shared: dict[str, Any] = {
            "sequences": 4,
            "length": 3,
            "dt": float(dt),
            "normalisation": "none",
            "burn_in": 5.0,
        }
        if kind == "lorenz":
            sets = [generate(LorenzConfig(coordinate=c, **shared)) for c in ("x", "y", "z")]
            slope = lorenz_slope(LorenzConfig())
        else:
            sets = [generate(VanDerPolConfig(mu=2.0, coordinate=c, **shared)) for c in ("x", "v")]
            slope = van_der_pol_slope(2.0)
        states = np.stack(sets)  # (coordinates, sequences, 3)
        difference = (states[:, :, 2] - states[:, :, 0]) / (2 * dt)
        errors.append(np.abs(difference.ravel() - slope(0, states[:, :, 1].ravel())).max())
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order == pytest.approx(2, abs=0.1)


@pytest.mark.once
@given(
    low=st.floats(0.001, 0.2),
    width=st.floats(0, 0.3),
    amplitude=st.floats(0.1, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25)
def test_sines_have_their_frequency_and_amplitude(
    low: float, width: float, amplitude: float, seed: int
) -> None:
    config = SineConfig(
        frequency_low=low,
        frequency_high=low + width,
        amplitude=amplitude,
        seed=seed,
        sequences=20,
        normalisation="none",
    )
    x, f = generate(config), frequencies(config)
    assert np.all((low <= f) & (f <= low + width))
    # a sine, and only a sine, obeys x_{t+1} + x_{t-1} = 2 cos(2 pi f) x_t
    expected = 2 * np.cos(2 * np.pi * f)[:, None] * x[:, 1:-1]
    assert x[:, 2:] + x[:, :-2] == pytest.approx(expected, abs=1e-11 * amplitude)
    # sin^2 + cos^2 = 1, the cosine from two neighbours
    cosine = (x[:, 2:] - x[:, :-2]) / (2 * np.sin(2 * np.pi * f)[:, None])
    assert np.hypot(x[:, 1:-1], cosine) == pytest.approx(amplitude, rel=1e-9)


def test_sine_phases_and_frequencies_are_uniform() -> None:
    config = SineConfig(sequences=4000)
    x, f = generate(config), frequencies(config)
    cosine = (x[:, 2] - x[:, 0]) / (2 * np.sin(2 * np.pi * f))
    phase = np.arctan2(x[:, 1], cosine) / (2 * np.pi) % 1
    for sample in (phase, (f - 0.01) / 0.04):
        counts = np.histogram(sample, 20, (0, 1))[0]
        chi_square = np.sum((counts - 200) ** 2 / 200)
        assert chi_square < 43.8  # the 0.999 quantile at 19 degrees of freedom


@by_kind
@pytest.mark.once
def test_equal_settings_give_equal_sequences_and_seeds_differ(config: DataConfig) -> None:
    first = generate(config)
    assert first.shape == (6, 200)
    assert first.dtype == np.float64
    assert np.array_equal(first, generate(dataclasses.replace(config)))
    other = generate(dataclasses.replace(config, seed=1))
    unseen = generate(config, "unseen")
    for different in (other, unseen):
        assert np.abs(first - different).max() > 0.1
    first += 1.0  # the caller's copy, not the cache's
    assert not np.array_equal(first, generate(config))
    assert generate(config, "unseen", 9).shape == (9, 200)


@pytest.mark.once
@by_kind
def test_normalisation(config: DataConfig) -> None:
    def made(normalisation: str, part: Any = "train") -> np.ndarray:
        return generate(dataclasses.replace(config, normalisation=normalisation), part)

    raw, standard = made("none"), made("standard")
    assert made("scale") == pytest.approx(raw / config.scale)
    assert standard.mean() == pytest.approx(0, abs=1e-12)
    assert standard.std() == pytest.approx(1)
    for name, low in (("minmax", -1.0), ("unit", 0.0)):
        values = made(name)
        assert (values.min(), values.max()) == pytest.approx((low, 1.0))
    # unseen sequences are moved by the training part's constants
    expected = (made("none", "unseen") - raw.mean()) / raw.std()
    assert made("standard", "unseen") == pytest.approx(expected)


@pytest.mark.once
def test_controls_keep_what_they_claim_to_keep() -> None:
    x = generate(LorenzConfig(sequences=50))
    noise, shuffled = noise_like(x, 3), shuffle_time(x, 3)
    assert noise.mean() == pytest.approx(x.mean(), abs=4 * x.std() / np.sqrt(x.size))
    assert noise.std() == pytest.approx(x.std(), rel=0.03)
    assert np.array_equal(np.sort(shuffled, axis=1), np.sort(x, axis=1))

    def neighbours(values: np.ndarray) -> float:
        return float(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1])

    assert neighbours(x) > 0.9
    assert abs(neighbours(noise)) < 0.05
    assert neighbours(shuffled) < 0.5
    assert np.array_equal(noise, noise_like(x, 3))
    assert np.array_equal(shuffled, shuffle_time(x, 3))


@pytest.mark.parametrize(
    ("kind", "changes", "named"),
    [
        (SineConfig, {"frequency_low": 0.0}, "frequency_low"),
        (SineConfig, {"frequency_high": 0.6}, "frequency_low"),
        (SineConfig, {"amplitude": float("nan")}, "amplitude"),
        (SineConfig, {"length": 1}, "length"),
        (SineConfig, {"sequences": 0}, "sequences"),
        (SineConfig, {"seed": 1.5}, "seed"),
        (LorenzConfig, {"coordinate": "w"}, "coordinate"),
        (LorenzConfig, {"dt": 0.0}, "dt"),
        (LorenzConfig, {"normalisation": "log"}, "normalisation"),
        (VanDerPolConfig, {"mu": -1.0}, "mu"),
        (VanDerPolConfig, {"mu": 50.001}, "mu"),
        (VanDerPolConfig, {"mu_high": 50.001}, "mu_high"),
        (VanDerPolConfig, {"mu": 3.0, "mu_high": 2.0}, "mu_high"),
        (VanDerPolConfig, {"burn_in": -1.0}, "burn_in"),
        (VanDerPolConfig, {"scale": 0.0}, "scale"),
    ],
)
def test_bad_settings_are_named(kind: Any, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=f"^{named}"):
        kind(**changes)
