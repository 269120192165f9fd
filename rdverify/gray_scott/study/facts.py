"""What the paper's sentences on the ratio, the pattern and its instability come down to.

What section 2.1 says of feedback is in ``feedback``, the range of F in ``feed_rates``.
"""

from __future__ import annotations

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott import GrayScottConfig, Simulation, classify, initial_state
from rdverify.gray_scott.study.runs import (
    DYING_KILL_RATE,
    LONG,
    Runs,
    change_over_diffusion,
    distance_from_one,
)
from rdverify.gray_scott.study.settings import REGIMES, config_of
from rdverify.study import Facts, Measured
from rdverify.trace import FloatArray

EARLY = 0.05  # share of the time axis of Fig. 2
BALANCED = 0.03  # the paper's own band, "1.00 ± 0.03"
STILL = 0.01  # of the diffusion term: a change that counts as none
DYING = f"kill rate {DYING_KILL_RATE:g}: the square dies out"
PLATE = "a plate under a fixed pattern of heat, cold at first, as fine as the pattern at T"
CONTROLS = {f"control.dying_{name}": f"; {DYING}" for name in REGIMES} | {
    f"control.plate_{name}": f"; {PLATE}" for name in REGIMES
}
# The main runs with their controls, and the long runs too where they end.
OVER_T = dict.fromkeys(REGIMES, "") | CONTROLS
AT_END = (
    dict.fromkeys(REGIMES, "t = T")
    | {f"{regime}.long": f"t = {LONG} T" for regime in REGIMES}
    | {
        run: f"the last step at which it is finite ({words.removeprefix('; ')})"
        for run, words in CONTROLS.items()
    }
    | {
        f"{run}.long": f"t = {LONG} T ({words.removeprefix('; ')})"
        for run, words in CONTROLS.items()
    }
)
TINY_GROWTH = (
    "contrast of v at the end over that at the start (noise of 0.001, no square) around "
    "the uniform state; > 1 if the fluctuation grows"
)

fact = Facts[Runs]()


def samples(values: FloatArray) -> FloatArray | float:
    """One value per run; a single run has no interval."""
    return values if len(values) > 1 else float(values[0])


def last(series: FloatArray) -> FloatArray | float:
    """The last finite value of every run, of shape (runs, T): once dead, a run has none."""
    return samples(np.array([row[np.isfinite(row)][-1] for row in series]))


def agreed(labels: list[str]) -> Measured:
    """The label that all runs share, or "mixed" if they differ."""
    return Measured(labels[0] if len(set(labels)) == 1 else "mixed", n=len(labels))


@fact("rd.{run}.r", "R = M_react / M_diff over T steps, one value per seed{run}", run=OVER_T)
def _r(runs: Runs, run: str) -> FloatArray | float:
    return samples(balance_of(runs.traces[run]).r_runs)


@fact("rd.{run}.transient", "largest |R_t - 1| in the first 5 % of T{run}", run=OVER_T)
def _transient(runs: Runs, run: str) -> FloatArray | float:
    off = distance_from_one(runs.traces[run])
    return samples(np.nanmax(off[:, : round(EARLY * off.shape[1])], axis=1))


def last_above(series: FloatArray, bound: float, steps: int) -> FloatArray:
    """Per run the last step with more than ``bound`` or no number, as a share of ``steps``.

    0 if there is none; 1, and as much as the run is long, if it is the last.
    """
    above = ~(series <= bound)
    after = np.argmax(above[:, ::-1], axis=1)  # how many steps lie behind the last one above
    return np.where(above.any(axis=1), series.shape[1] - after, 0) / steps


@fact(
    "rd.{run}.settling",
    f"share of T after which R_t stays within 1 ± {BALANCED} up to T; 1 if it never does{{run}}",
    run=OVER_T,
)
def _settling(runs: Runs, run: str) -> FloatArray | float:
    off = distance_from_one(runs.traces[run])
    return samples(last_above(off, BALANCED, off.shape[1]))


@fact(
    "rd.{regime}.rest",
    f"time in T after which ||change|| stays at or below {STILL:.0%} of ||diffusion|| "
    f"up to {LONG} T; {LONG} if it never does",
    serves="RD-05 and RD-30: when the pattern comes to rest",
    regime=REGIMES,
)
def _rest(runs: Runs, regime: str) -> FloatArray | float:
    change = change_over_diffusion(runs.traces[f"{regime}.long"])
    return samples(last_above(change, STILL, runs.steps))


@fact("rd.{run}.off_at_end", "|R_t - 1| at {run}", run=AT_END)
def _off_at_end(runs: Runs, run: str) -> FloatArray | float:
    return last(distance_from_one(runs.traces[run]))


@fact(
    "rd.{run}.change",
    "||change|| / ||diffusion|| at {run}: 0 where production exactly matches diffusion",
    run=AT_END,
)
def _change(runs: Runs, run: str) -> FloatArray | float:
    return last(change_over_diffusion(runs.traces[run]))


@fact(
    "rd.{regime}.converges",
    "|R_t - 1| at T minus |R_t - 1| at 2 T; > 0 if it goes on converging",
    regime=REGIMES,
)
def _converges(runs: Runs, regime: str) -> FloatArray:
    off = distance_from_one(runs.double[regime])
    return np.asarray(off[:, runs.steps - 1] - off[:, -1])


@fact(
    "rd.{run}.change_when_balanced",
    f"largest ||change|| / ||diffusion|| up to T among the steps with |R_t - 1| <= {BALANCED}, or "
    "where R_t is nearest to 1 in a run that has none{run}",
    run=OVER_T,
)
def _change_when_balanced(runs: Runs, run: str) -> FloatArray | float:
    trace = runs.traces[run]
    return samples(when_balanced(distance_from_one(trace), change_over_diffusion(trace)))


def when_balanced(off: FloatArray, change: FloatArray) -> FloatArray:
    """Per run the largest change where ``off`` is in the band, or least if it is never in it."""
    bound = np.maximum(BALANCED, np.nanmin(off, axis=1, keepdims=True))
    return np.asarray(np.nanmax(np.where(off <= bound, change, np.nan), axis=1))


@fact(
    "rd.{regime}.pattern",
    "label of v at T by rdverify.gray_scott.patterns, the same for all seeds (else mixed)",
    regime=REGIMES,
)
def _pattern(runs: Runs, regime: str) -> Measured:
    return agreed(runs.labels[regime])


@fact("rd.control.dying_spot.pattern", f"label of v: {DYING}")
def _dying_pattern(runs: Runs) -> Measured:
    return agreed([classify(run.v).label for run in runs.of("dying", "spot")])


@fact(
    "rd.{regime}.has_pattern",
    "whether v at T is not uniform (contrast > 0.01) in every seed",
    regime=REGIMES,
)
def _has_pattern(runs: Runs, regime: str) -> Measured:
    labels = runs.labels[regime]
    return Measured("uniform" not in labels, n=len(labels))


@fact(
    "rd.{regime}.turing_exists",
    "whether some uniform steady state is stable without diffusion and unstable with it",
    regime=REGIMES,
)
def _turing_exists(runs: Runs, regime: str) -> bool:
    return any(state.turing for state in runs.states(regime))


@fact("rd.{regime}.exchanged.turing_exists", "the same with D_u and D_v exchanged", regime=REGIMES)
def _exchanged_turing_exists(runs: Runs, regime: str) -> bool:
    return any(state.turing for state in runs.states(regime, exchanged=True))


@fact(
    "rd.{regime}.trivial_growth",
    "largest growth rate of a small perturbation of (1, 0), over all wave numbers, per unit "
    "of time",
    regime=REGIMES,
)
def _trivial_growth(runs: Runs, regime: str) -> float:
    return runs.states(regime)[0].growth_max


@fact(
    "rd.{regime}.starts_turing_unstable",
    "whether the run's initial state lies, outside its square, within 0.05 of a "
    "Turing-unstable uniform state",
    regime=REGIMES,
)
def _starts_turing_unstable(runs: Runs, regime: str) -> bool:
    u, v = map(np.median, initial_state(config_of(runs.setting, regime, 0)))
    return any(
        state.turing and np.hypot(state.u - u, state.v - v) < 0.05 for state in runs.states(regime)
    )


def growth_of(simulation: Simulation) -> float:
    """Contrast of v at the end over that of the state that the run started from."""
    start = initial_state(GrayScottConfig(**simulation.trace.config))[1]
    return float(np.ptp(simulation.v) / np.ptp(start))


@fact("rd.{regime}.tiny_growth", f"{TINY_GROWTH} (1, 0)", regime=REGIMES)
def _tiny_growth(runs: Runs, regime: str) -> float:
    return growth_of(runs.one("tiny", regime))


@fact("rd.turing.tiny_growth", f"{TINY_GROWTH} that is Turing-unstable, F = {REGIMES['stripe']}")
def _turing_tiny_growth(runs: Runs) -> float:
    return growth_of(runs.one("turing", "stripe"))


@fact("rd.turing.exchanged.tiny_growth", "the same with D_u and D_v exchanged")
def _turing_exchanged_tiny_growth(runs: Runs) -> float:
    return growth_of(runs.one("turing exchanged", "stripe"))
