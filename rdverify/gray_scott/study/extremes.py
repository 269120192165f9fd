"""Runs whose ratio is far from 1: what section 4.4 says of R << 1 and of R >> 1, measured."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from rdverify.balance import balance_of
from rdverify.gray_scott import GrayScottConfig, initial_state, step
from rdverify.gray_scott.study.facts import fact
from rdverify.gray_scott.study.runs import Runs
from rdverify.gray_scott.study.settings import REGIMES
from rdverify.study import Measured
from rdverify.trace import FloatArray, Trace

LOOKED_AT = 400  # steps; by then R_t is beyond 1,000 and every wave past its peak
GAIN = (
    f"amplitude of v's waves over that at the start, its largest within {LOOKED_AT} steps, each "
    "looked at, per octave of wavelengths:"
)


@fact(
    "rd.homogeneous.largest_r",
    "largest R among the runs that end homogeneous (dying, flat, noise; both F)",
)
def _largest_r(runs: Runs) -> Measured:
    ended = [
        run for what in ("dying", "flat", "noise") for r in REGIMES for run in runs.of(what, r)
    ]
    return Measured(max(balance_of(run.trace).r for run in ended), n=len(ended))


@fact(
    "rd.{regime}.smoothing.r",
    "R of a square of one cell on a grid so fine that it diffuses away at once",
    regime=REGIMES,
)
def _smoothing_r(runs: Runs, regime: str) -> float:
    return balance_of(runs.one("smoothing", regime).trace).r


@fact("rd.{regime}.smoothing.contrast", "final contrast of v of the same run", regime=REGIMES)
def _smoothing_contrast(runs: Runs, regime: str) -> float:
    return float(np.ptp(runs.one("smoothing", regime).v))


@fact(
    "rd.{regime}.reactive.r",
    "R of runs that start uniform at the square's concentrations, but for noise of 0.001",
    regime=REGIMES,
)
def _reactive_r(runs: Runs, regime: str) -> FloatArray:
    return np.array([balance_of(run.trace).r for run in runs.of("reactive", regime)])


@fact(
    "rd.{regime}.reactive.least_gain",
    f"{GAIN} the least over the octaves, in the same runs; > 1 if every wave is amplified",
    regime=REGIMES,
)
def _least_gain(runs: Runs, regime: str) -> FloatArray:
    return np.array([largest_gains(run.trace).min() for run in runs.of("reactive", regime)])


@fact(
    "rd.{regime}.reactive.greatest_gain",
    f"{GAIN} the greatest over the octaves, in the same runs; > 1 if some wave is amplified",
    serves="tells that the runs of RD-17 amplify some fluctuations, though not every one",
    regime=REGIMES,
)
def _greatest_gain(runs: Runs, regime: str) -> FloatArray:
    return np.array([largest_gains(run.trace).max() for run in runs.of("reactive", regime)])


@fact(
    "rd.{regime}.noise.r",
    "R of the run that starts from noise alone",
    regime=REGIMES,
)
def _noise_r(runs: Runs, regime: str) -> float:
    return balance_of(runs.one("noise", regime).trace).r


@fact(
    "rd.{regime}.noise.least_gain",
    f"{GAIN} the least over the octaves, in the run that starts from noise alone",
    regime=REGIMES,
)
def _noise_least_gain(runs: Runs, regime: str) -> float:
    return float(largest_gains(runs.one("noise", regime).trace).min())


def octaves(v: FloatArray) -> FloatArray:
    """Root mean square amplitude of v's waves per octave of wave number, the longest first.

    Wave numbers in waves per side of a square domain: 1 to 2, 2 to 4, up to the grid's diagonal.
    """
    octave, waves = _octaves(len(v))
    power = np.abs(np.fft.fft2(v)).ravel()[1:] ** 2
    return np.asarray(np.sqrt(np.bincount(octave, power) / waves))


@cache
def _octaves(size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The octave of each wave of a square grid but its mean, and how many waves each has."""
    numbers = np.fft.fftfreq(size, 1 / size)
    number = np.hypot(numbers[:, None], numbers).ravel()
    octave = np.floor(np.log2(number[1:])).astype(np.int64)  # the first is the mean, no wave
    return octave, np.bincount(octave)


def largest_gains(trace: Trace) -> FloatArray:
    """Per octave the largest amplitude after 1 to 400 steps over that at the run's start."""
    return _largest_gains(GrayScottConfig(**trace.config))


@cache
def _largest_gains(config: GrayScottConfig) -> FloatArray:
    u, v = initial_state(config)
    start, largest = octaves(v), np.zeros(1)
    for _ in range(min(LOOKED_AT, config.steps)):
        u, v = step(u, v, config)
        largest = np.maximum(largest, octaves(v))
    return largest / start
