"""Runs whose ratio is far from 1: what section 4.4 says of R << 1 and of R >> 1, measured."""

from __future__ import annotations

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott import Simulation
from rdverify.gray_scott.study.facts import fact, growth_of
from rdverify.gray_scott.study.runs import Runs
from rdverify.gray_scott.study.settings import REGIMES
from rdverify.study import Measured
from rdverify.trace import FloatArray


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
    "rd.{regime}.reactive.growth",
    "largest contrast of v in the same runs, looked at seven times within 400 steps and at the "
    "end, over that of their noise; > 1 if it was amplified",
    regime=REGIMES,
)
def _reactive_growth(runs: Runs, regime: str) -> FloatArray:
    return np.array([_peak(run) for run in runs.of("reactive", regime)])


def _peak(run: Simulation) -> float:
    """Largest growth at the times at which the state was kept, and at the end."""
    return max(growth_of(run), *(growth_of(run, v) for _, v in run.snapshots.values()))


@fact(
    "rd.{regime}.noise.r",
    "R of the run that starts from noise alone",
    regime=REGIMES,
)
def _noise_r(runs: Runs, regime: str) -> float:
    return balance_of(runs.one("noise", regime).trace).r


@fact(
    "rd.{regime}.noise.growth",
    "contrast of v at the end of the same run over that of the noise",
    regime=REGIMES,
)
def _noise_growth(runs: Runs, regime: str) -> float:
    return growth_of(runs.one("noise", regime))
