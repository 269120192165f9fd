"""Sine waves, one Lorenz coordinate and the Van der Pol oscillator as sequences (section 4.1).

The paper states the sequence length, 200, and that a sine's frequency and phase
are random. Everything else it leaves out is a field of a configuration here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from rdverify.tools.errors import (
    require,
    require_fields,
    require_integer,
    require_room,
)
from rdverify.trace import FloatArray

Normalisation = Literal["none", "scale", "standard", "minmax", "unit"]
Part = Literal["train", "unseen"]
NORMALISATIONS = ("none", "scale", "standard", "minmax", "unit")
# far below what a float32 network resolves; the chaos of 20 Lorenz time units
# multiplies it by e^18, and what remains is still a Lorenz trajectory
RTOL, ATOL = 1e-9, 1e-10


@dataclass(frozen=True)
class _Sequences:
    """What all three data sets share.

    Args:
        length: steps of a sequence, the paper's s = 200.
        sequences: how many; 128 fill a batch and train in seconds.
        seed: of the random frequencies, phases and initial values.
        normalisation: "none"; "scale" divides by ``scale``, which no data can
            shift; "standard" to mean 0 and deviation 1, "minmax" to [-1, 1],
            "unit" to [0, 1], with the constants of the training part.
        scale: the divisor of "scale", in the signal's own unit.
    """

    length: int = 200
    sequences: int = 128
    seed: int = 0
    normalisation: Normalisation = "scale"
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_fields(self)
        for name, least in (("length", 2), ("sequences", 1), ("seed", 0)):
            require_integer(name, getattr(self, name), least)
        require_room("sequences", self.sequences, self.length * self.sequences)
        require(self.scale > 0, "scale", self.scale, "a positive number")


@dataclass(frozen=True)
class SineConfig(_Sequences):
    """x_t = amplitude sin(2 pi (f t + phase)), f and phase drawn once per sequence.

    Args:
        frequency_low, frequency_high: f is uniform between them, in cycles a step,
            0 < low <= high <= 0.5 (Nyquist). Default 2 to 10 cycles in 200 steps:
            more than one period to see, and at least 20 samples a period.
        amplitude: of every sequence, 1, the range of tanh.
    """

    frequency_low: float = 0.01
    frequency_high: float = 0.05
    amplitude: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            0 < self.frequency_low <= self.frequency_high <= 0.5,
            "frequency_low, frequency_high",
            (self.frequency_low, self.frequency_high),
            "0 < low <= high <= 0.5 cycles a step",
        )
        require(self.amplitude > 0, "amplitude", self.amplitude, "a positive number")


@dataclass(frozen=True)
class LorenzConfig(_Sequences):
    """One coordinate of x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z.

    Args:
        coordinate: "x" (default), "y" or "z"; the paper says "one equation".
        dt: time between samples, > 0; 0.05 gives about 15 samples a loop.
        burn_in: time left out before the first sample, >= 0; 10 is ten times the
            time in which neighbours part and a hundred times that of the
            approach to the attractor.
        sigma, rho, beta: Lorenz's own 10, 28, 8/3.
        scale: 20, about the largest |x|.
    """

    scale: float = 20.0
    coordinate: Literal["x", "y", "z"] = "x"
    dt: float = 0.05
    burn_in: float = 10.0
    sigma: float = 10.0
    rho: float = 28.0
    beta: float = 8.0 / 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.coordinate in ("x", "y", "z"), "coordinate", self.coordinate, "x, y or z")
        _require_times(self.dt, self.burn_in)


@dataclass(frozen=True)
class VanDerPolConfig(_Sequences):
    """The position x of x'' - mu (1 - x^2) x' + x = 0.

    Args:
        mu: >= 0; 1, between the harmonic and the relaxation oscillator.
        mu_high: None for one mu, else mu is uniform in [mu, mu_high], per sequence.
        coordinate: "x" (default) or "v", its velocity.
        dt: time between samples, > 0; 0.1 gives 67 samples a period at mu = 1.
        burn_in: time left out before the first sample, >= 0; 20 is three periods,
            after which the cycle is reached to about e^-20 at mu = 1.
        start: initial x and x' are uniform in [-start, start]; the cycle's own size.
        scale: 2, the amplitude of the cycle.
    """

    scale: float = 2.0
    mu: float = 1.0
    mu_high: float | None = None
    coordinate: Literal["x", "v"] = "x"
    dt: float = 0.1
    burn_in: float = 20.0
    start: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.mu <= 50, "mu", self.mu, "in [0, 50]; beyond that the problem is stiff")
        if self.mu_high is not None:
            require(self.mu <= self.mu_high <= 50, "mu_high", self.mu_high, "in [mu, 50] or None")
        require(self.coordinate in ("x", "v"), "coordinate", self.coordinate, "x or v")
        require(self.start > 0, "start", self.start, "a positive number")
        _require_times(self.dt, self.burn_in)


DataConfig = SineConfig | LorenzConfig | VanDerPolConfig


def generate(config: DataConfig, part: Part = "train", sequences: int | None = None) -> FloatArray:
    """Sequences of a configuration.

    Args:
        config: which system and how it is sampled.
        part: "train", or "unseen": drawn independently of the training part and
            normalised with the training part's constants.
        sequences: how many, default ``config.sequences``; only for "unseen".

    Returns:
        x, shape (sequences, length), float64. Equal arguments give equal arrays.

    Raises:
        InputError: naming the argument.

    Source: section 4.1.
    """
    require(part in ("train", "unseen"), "part", part, "train or unseen")
    count = config.sequences if sequences is None else sequences
    count = require_integer("sequences", count, 1)
    require(
        part == "unseen" or count == config.sequences,
        "sequences",
        count,
        "config.sequences for the training part",
    )
    shift, divisor = normaliser(config)
    return (_raw(config, part, count) - shift) / divisor


def normaliser(config: DataConfig) -> tuple[float, float]:
    """(shift, divisor): the normalised signal is (x - shift) / divisor."""
    if config.normalisation == "none":
        return 0.0, 1.0
    if config.normalisation == "scale":
        return 0.0, config.scale
    x = _raw(config, "train", config.sequences)
    if config.normalisation == "standard":
        return float(x.mean()), float(x.std())
    low, high = float(x.min()), float(x.max())
    if config.normalisation == "minmax":
        return (low + high) / 2, (high - low) / 2
    return low, high - low


def frequencies(
    config: SineConfig, part: Part = "train", sequences: int | None = None
) -> FloatArray:
    """The frequencies of :func:`generate`'s sines, shape (sequences,), cycles a step."""
    count = config.sequences if sequences is None else sequences
    return _rng(config, part).uniform(config.frequency_low, config.frequency_high, count)


def noise_like(x: npt.ArrayLike, seed: int) -> FloatArray:
    """Control: white normal noise of the same shape, mean and deviation as ``x``."""
    array = np.asarray(x, dtype=float)
    return np.random.default_rng(seed).normal(array.mean(), array.std(), array.shape)


def shuffle_time(x: npt.ArrayLike, seed: int) -> FloatArray:
    """Control: each sequence's own values, shape (sequences, length), in random order."""
    return np.random.default_rng(seed).permuted(np.asarray(x, dtype=float), axis=1)


def lorenz_slope(config: LorenzConfig) -> Callable[[float, FloatArray], FloatArray]:
    """d/dt of the flat state (x_1 .. x_n, y_1 .. y_n, z_1 .. z_n), shape (3 n,)."""
    sigma, rho, beta = config.sigma, config.rho, config.beta

    def slope(_t: float, state: FloatArray) -> FloatArray:
        x, y, z = state.reshape(3, -1)  # (3, n)
        return np.concatenate([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    return slope


def van_der_pol_slope(mu: float | FloatArray) -> Callable[[float, FloatArray], FloatArray]:
    """d/dt of the flat state (x_1 .. x_n, v_1 .. v_n), shape (2 n,); mu a number or (n,)."""

    def slope(_t: float, state: FloatArray) -> FloatArray:
        x, v = state.reshape(2, -1)  # (2, n)
        return np.concatenate([v, mu * (1 - x * x) * v - x])

    return slope


@lru_cache(maxsize=64)  # a study asks for some forty, and again
def _cached(config: DataConfig, part: Part, count: int) -> FloatArray:
    rng = _rng(config, part)
    if isinstance(config, SineConfig):
        frequency = rng.uniform(config.frequency_low, config.frequency_high, count)
        phase = rng.uniform(0, 1, count)
        steps = np.arange(config.length)
        turns = frequency[:, None] * steps + phase[:, None]  # (sequences, length)
        return config.amplitude * np.sin(2 * np.pi * turns)
    times = config.burn_in + config.dt * np.arange(config.length)
    if isinstance(config, LorenzConfig):
        # a box around the attractor; no start on the z-axis, which never leaves it
        start = np.concatenate(
            [
                rng.uniform(1, 15, count) * rng.choice([-1, 1], count),
                rng.uniform(-20, 20, count),
                rng.uniform(5, 40, count),
            ]
        )
        states = _integrate(lorenz_slope(config), start, times).reshape(3, count, -1)
        return cast(FloatArray, states["xyz".index(config.coordinate)])
    high = config.mu if config.mu_high is None else config.mu_high
    mu = rng.uniform(config.mu, high, count) if high > config.mu else config.mu
    start = rng.uniform(-config.start, config.start, 2 * count)
    states = _integrate(van_der_pol_slope(mu), start, times).reshape(2, count, -1)
    return cast(FloatArray, states["xv".index(config.coordinate)])


def _raw(config: DataConfig, part: Part, count: int) -> FloatArray:
    require(
        isinstance(config, (SineConfig, LorenzConfig, VanDerPolConfig)),
        "config",
        config,
        "a SineConfig, LorenzConfig or VanDerPolConfig",
    )
    return _cached(config, part, count)


def _rng(config: DataConfig, part: Part) -> np.random.Generator:
    return np.random.default_rng([config.seed, ("train", "unseen").index(part)])


def _integrate(
    slope: Callable[[float, FloatArray], FloatArray], start: npt.ArrayLike, times: npt.ArrayLike
) -> FloatArray:
    """States at ``times``, shape (len(start), len(times)); all sequences in one system."""
    sampled = np.asarray(times, dtype=float)
    result = solve_ivp(
        slope, (0.0, float(sampled[-1])), start, "DOP853", sampled, rtol=RTOL, atol=ATOL
    )
    if not result.success:
        raise ArithmeticError(f"the integrator stopped: {result.message}")
    return cast(FloatArray, result.y)


def _require_times(dt: float, burn_in: float) -> None:
    require(0 < dt <= 100, "dt", dt, "in (0, 100]")
    require(0 <= burn_in <= 1e5, "burn_in", burn_in, "in [0, 1e5]")
