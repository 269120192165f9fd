"""Section 2.1's feedback, measured: who enhances, who suppresses, how far, and who must be faster.

As printed u is the activator and v the inhibitor. Of Gray-Scott's two fields v is the one that
enhances its own production, so as corrected v is the activator and u takes the inhibitor's place.
"""

from __future__ import annotations

import math

import numpy as np

from rdverify.gray_scott import GrayScottConfig, Simulation, classify, initial_state
from rdverify.gray_scott.stability import jacobian, laplacian, reaction
from rdverify.gray_scott.study.facts import fact
from rdverify.gray_scott.study.runs import REACH_STEPS, Runs
from rdverify.gray_scott.study.settings import REGIMES, config_of
from rdverify.study import Measured
from rdverify.trace import FloatArray

FED = 1.0  # concentration of u in the feed: without a sink nothing exceeds it
RUNAWAY = 10.0  # times that: no way back
REACHED = 0.01  # of the feed's concentration, the classifier's bound of what is uniform


def _jacobians(runs: Runs, regime: str) -> list[tuple[FloatArray, FloatArray]]:
    """J in every cell at T, shape (2, 2, n, n), and where v is above half its largest, per seed."""
    config = config_of(runs.setting, regime, 0)
    states = [run.snapshots[runs.steps] for run in runs.of("main", regime)]
    return [
        (jacobian(u, v, config.feed_rate, config.kill_rate), v > v.max() / 2) for u, v in states
    ]


def _own_production(runs: Runs, regime: str, index: int) -> FloatArray:
    """Largest dR_x/dx over all cells per seed, x = u (index 0) or v (1), to 12 digits."""
    largest = [matrix[index, index].max() for matrix, _ in _jacobians(runs, regime)]
    return np.round(largest, 12)  # for u it is -F to the last digits, which are no scatter


@fact(
    "rd.{regime}.own_production_u",
    "largest dR_u/du over the cells of the pattern at T, per unit of time; > 0 enhances itself",
    regime=REGIMES,
)
def _own_production_u(runs: Runs, regime: str) -> FloatArray:
    return _own_production(runs, regime, 0)


@fact(
    "rd.{regime}.own_production_v",
    "largest dR_v/dv over the cells of the pattern at T, per unit of time; > 0 enhances itself",
    regime=REGIMES,
)
def _own_production_v(runs: Runs, regime: str) -> FloatArray:
    return _own_production(runs, regime, 1)


@fact(
    "rd.{regime}.effect_of_v_on_u",
    "mean dR_u/dv where the pattern is (v above half its largest at T), per unit of time; < 0 "
    "suppresses",
    regime=REGIMES,
)
def _effect_of_v_on_u(runs: Runs, regime: str) -> FloatArray:
    return np.array([matrix[0, 1][there].mean() for matrix, there in _jacobians(runs, regime)])


@fact(
    "rd.{regime}.effect_of_u_on_v",
    "mean dR_v/du at the same places, per unit of time; < 0 suppresses",
    regime=REGIMES,
)
def _effect_of_u_on_v(runs: Runs, regime: str) -> FloatArray:
    return np.array([matrix[1, 0][there].mean() for matrix, there in _jacobians(runs, regime)])


@fact(
    "rd.{regime}.loop",
    "mean (dR_v/du)(dR_u/dv) at the same places, per unit of time squared: v's effect on itself "
    "by way of u; < 0 counteracts",
    regime=REGIMES,
)
def _loop(runs: Runs, regime: str) -> FloatArray:
    found = _jacobians(runs, regime)
    return np.array([(matrix[1, 0] * matrix[0, 1])[there].mean() for matrix, there in found])


@fact("rd.{regime}.largest_v", "largest v at T, in the feed's concentration of u", regime=REGIMES)
def _largest_v(runs: Runs, regime: str) -> FloatArray:
    return np.array([run.snapshots[runs.steps][1].max() for run in runs.of("main", regime)])


def unchecked(config: GrayScottConfig) -> float:
    """Largest v of the run with u held at the feed's concentration: v without its counterpart.

    Ends at T, or once v reaches ten times the feed's concentration, which is then returned.
    """
    v = np.asarray(initial_state(config)[1], float)
    full = np.full_like(v, FED)
    for _ in range(config.steps):
        growth = reaction(full, v, config.feed_rate, config.kill_rate)[1]
        v = v + config.dt * (config.d_v * laplacian(v, config.dx) + growth)
        if v.max() > RUNAWAY * FED:
            break
    return min(float(v.max()), RUNAWAY * FED)


@fact(
    "rd.{regime}.unchecked.largest_v",
    f"the same with u held at 1, so that v can't use it up; the run ends at T or at {RUNAWAY:g}",
    regime=REGIMES,
)
def _unchecked(runs: Runs, regime: str) -> FloatArray:
    seeds = runs.seeds[:3]
    return np.array([unchecked(config_of(runs.setting, regime, seed)) for seed in seeds])


def _contrasts(ended: list[Simulation]) -> FloatArray:
    return np.array([np.ptp(run.v) for run in ended])


@fact("rd.{regime}.contrast", "largest minus smallest v at T", regime=REGIMES)
def _contrast(runs: Runs, regime: str) -> FloatArray:
    return np.array([np.ptp(run.snapshots[runs.steps][1]) for run in runs.of("main", regime)])


@fact("rd.{regime}.equal.contrast", "the same for D_v = D_u, at T or once dead", regime=REGIMES)
def _equal_contrast(runs: Runs, regime: str) -> FloatArray:
    return _contrasts(runs.of("ratio", regime, 1.0))


@fact(
    "rd.{regime}.slowed.contrast",
    "the same for D_u as small as D_v, the inhibitor slowed, at T or once dead",
    regime=REGIMES,
)
def _slowed_contrast(runs: Runs, regime: str) -> FloatArray:
    return _contrasts(runs.of("slowed", regime))


@fact("rd.{regime}.slowed.level", "mean v at the end of the same runs", regime=REGIMES)
def _slowed_level(runs: Runs, regime: str) -> FloatArray:
    return np.array([run.v.mean() for run in runs.of("slowed", regime)])


def _patterned(ended: list[Simulation]) -> Measured:
    labels = [classify(run.v).label for run in ended]
    return Measured(set(labels) != {"uniform"}, n=len(labels))


@fact(
    "rd.{regime}.exchanged.has_pattern",
    "whether v at T is not uniform in any seed, D_u and D_v exchanged",
    regime=REGIMES,
)
def _exchanged_has_pattern(runs: Runs, regime: str) -> Measured:
    return _patterned(runs.of("exchanged", regime))


@fact(
    "rd.{regime}.equal.has_pattern",
    "whether v at T is not uniform in any seed, D_v = D_u",
    regime=REGIMES,
)
def _equal_has_pattern(runs: Runs, regime: str) -> Measured:
    return _patterned(runs.of("ratio", regime, 1.0))


@fact(
    "rd.{regime}.little_faster.has_pattern",
    "the same, D_v = 0.9 D_u and D_v = 0.8 D_u",
    serves="shows that D_u > D_v is necessary here and not enough",
    regime=REGIMES,
)
def _little_faster_has_pattern(runs: Runs, regime: str) -> Measured:
    return _patterned(runs.of("ratio", regime, 0.9) + runs.of("ratio", regime, 0.8))


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


@fact("rd.diffusion_ratio.printed", "D_v / D_u, inhibitor over activator as printed")
def _ratio_printed(runs: Runs) -> float:
    config = config_of(runs.setting, "spot", 0)
    return config.d_v / config.d_u


@fact("rd.diffusion_ratio.corrected", "D_u / D_v, inhibitor over activator as corrected")
def _ratio_corrected(runs: Runs) -> float:
    config = config_of(runs.setting, "spot", 0)
    return config.d_u / config.d_v


@fact("rd.diffusion_ratio.equal", "the same of equal coefficients")
def _ratio_equal(runs: Runs) -> float:
    return 1.0


def reach(run: Simulation) -> float:
    """How much farther than v the depletion of u has got, as a share of the domain's side.

    Radii of discs as large as the area where v, and 1 - u, exceed 1 % of the feed's concentration.
    """
    radii = [math.sqrt((field > REACHED).mean() / math.pi) for field in (run.v, FED - run.u)]
    return radii[1] - radii[0]


@fact(
    "rd.{regime}.reach",
    f"how much farther than v u's depletion has got after {REACH_STEPS} steps, as a share of the "
    "domain's side",
    regime=REGIMES,
)
def _reach(runs: Runs, regime: str) -> float:
    return reach(runs.one("early", regime))
