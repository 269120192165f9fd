"""What the paper's sentences on reaction-diffusion come down to, measured, with controls."""

from __future__ import annotations

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott import GrayScottConfig, Simulation, classify, initial_state
from rdverify.gray_scott.stability import jacobian
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

EARLY, SETTLED_BY = 0.05, 0.1  # shares of the time axis of Fig. 2
BALANCED = 0.03  # the paper's own band, "1.00 ± 0.03"
DYING = f"kill rate {DYING_KILL_RATE:g}: the square dies out"
# The main runs with their control, and both and the long run where they end.
OVER_T = dict.fromkeys(REGIMES, "") | {f"control.dying_{name}": f"; {DYING}" for name in REGIMES}
AT_END = {
    run: words
    for regime in REGIMES
    for run, words in (
        (regime, "t = T"),
        (f"{regime}.long", f"t = {LONG} T, one seed"),
        (f"control.dying_{regime}", f"the last step at which it is finite ({DYING})"),
    )
}
TINY_GROWTH = (
    "contrast of v at the end over that of the initial noise (0.001, no square) around "
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


@fact("rd.{run}.settled", "largest |R_t - 1| from 10 % of T on{run}", run=OVER_T)
def _settled(runs: Runs, run: str) -> FloatArray | float:
    off = distance_from_one(runs.traces[run])
    return samples(np.nanmax(off[:, round(SETTLED_BY * off.shape[1]) :], axis=1))


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
    "rd.{regime}.change_when_balanced",
    f"largest ||change|| / ||diffusion|| up to T among the steps with |R_t - 1| <= {BALANCED}",
    regime=REGIMES,
)
def _change_when_balanced(runs: Runs, regime: str) -> FloatArray:
    trace = runs.traces[regime]
    balanced = distance_from_one(trace) <= BALANCED
    largest = np.where(balanced, change_over_diffusion(trace), -np.inf).max(axis=1)
    return np.asarray(largest[np.isfinite(largest)])  # seeds without such a step don't count


@fact(
    "rd.{regime}.pattern",
    "label of v at T by rdverify.gray_scott.patterns, the same for all seeds (else mixed)",
    regime=REGIMES,
)
def _pattern(runs: Runs, regime: str) -> Measured:
    return agreed(runs.labels[regime])


@fact("rd.control.dying_spot.pattern", f"label of v: {DYING}")
def _dying_pattern(runs: Runs) -> str:
    return classify(runs.one("dying", "spot").v).label


@fact(
    "rd.{regime}.has_pattern",
    "whether v at T is not uniform (contrast > 0.01) in every seed",
    regime=REGIMES,
)
def _has_pattern(runs: Runs, regime: str) -> Measured:
    labels = runs.labels[regime]
    return Measured("uniform" not in labels, n=len(labels))


@fact(
    "rd.{regime}.exchanged.has_pattern",
    "whether v at T is not uniform in any seed, D_u and D_v exchanged",
    regime=REGIMES,
)
def _exchanged_has_pattern(runs: Runs, regime: str) -> Measured:
    labels = [classify(run.v).label for run in runs.of("exchanged", regime)]
    return Measured(set(labels) != {"uniform"}, n=len(labels))


def own_production(runs: Runs, regime: str, index: int) -> FloatArray:
    """Largest dR_x/dx over all cells at T per seed, x = u (index 0) or v (1): > 0 enhances x."""
    config = config_of(runs.setting, regime, 0)
    states = [run.snapshots[runs.steps] for run in runs.of("main", regime)]
    matrices = [jacobian(*state, config.feed_rate, config.kill_rate) for state in states]
    return np.array([matrix[index, index].max() for matrix in matrices])


@fact(
    "rd.{regime}.own_production_u",
    "largest dR_u/du over the cells of the pattern at T, per unit of time",
    regime=REGIMES,
)
def _own_production_u(runs: Runs, regime: str) -> FloatArray:
    return own_production(runs, regime, 0)


@fact(
    "rd.{regime}.own_production_v",
    "largest dR_v/dv over the cells of the pattern at T, per unit of time",
    regime=REGIMES,
)
def _own_production_v(runs: Runs, regime: str) -> FloatArray:
    return own_production(runs, regime, 1)


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
    """Largest deviation of v from its mean at the end over that at the start."""
    config = simulation.trace.config
    start = config["noise"] * np.sqrt(2 * np.log(config["rows"] * config["cols"]))
    return float(np.ptp(simulation.v) / (2 * start))


@fact("rd.{regime}.tiny_growth", f"{TINY_GROWTH} (1, 0)", regime=REGIMES)
def _tiny_growth(runs: Runs, regime: str) -> float:
    return growth_of(runs.one("tiny", regime))


@fact(
    "rd.turing.tiny_growth",
    f"{TINY_GROWTH} that is Turing-unstable, F = {REGIMES['stripe']}",
    serves="shows that the measure of RD-11 can say yes",
)
def _turing_tiny_growth(runs: Runs) -> float:
    return growth_of(runs.one("turing", "stripe"))


@fact(
    "rd.inhibitor_faster.printed",
    "D_v > D_u in section 4.1's own coefficients, v the inhibitor as section 2.1 names it",
)
def _inhibitor_faster_as_printed(runs: Runs) -> bool:
    config = config_of(runs.setting, "spot", 0)
    return config.d_v > config.d_u


@fact(
    "rd.inhibitor_faster.corrected",
    "the inhibitor's coefficient is the larger, where the field with dR/d(itself) > 0 is the "
    "activator: v, and u the inhibitor",
)
def _inhibitor_faster(runs: Runs) -> bool:
    config = config_of(runs.setting, "spot", 0)
    return config.d_u > config.d_v


@fact("rd.inhibitor_faster.equal", "the same comparison for equal coefficients")
def _equally_fast(runs: Runs) -> bool:
    config = config_of(runs.setting, "spot", 0, d_v=GrayScottConfig.d_u)
    return config.d_u > config.d_v


@fact(
    "rd.homogeneous.largest_r",
    "largest R among the six runs that end homogeneous (dying, flat, noise; both F)",
)
def _largest_r(runs: Runs) -> Measured:
    ended = [runs.one(control, r) for control in ("dying", "flat", "noise") for r in REGIMES]
    return Measured(max(balance_of(run.trace).r for run in ended), n=len(ended))


@fact(
    "rd.dominated_by_reaction.growth",
    "final contrast of the runs with the largest R (flat, R > 4): how much of any fluctuation "
    "was amplified",
)
def _dominated_growth(runs: Runs) -> float:
    return max(float(np.ptp(runs.one("flat", regime).v)) for regime in REGIMES)


@fact(
    "rd.homogeneous_noise.growth",
    "final contrast of the runs that start from noise alone (R < 1)",
)
def _noise_growth(runs: Runs) -> float:
    return max(float(np.ptp(runs.one("noise", regime).v)) for regime in REGIMES)
