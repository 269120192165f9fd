"""What settings did Table 1's RD rows come from? Stated ranges, five stages, every run kept.

Both regimes are run with the same setting and seed. Only the four M's rank a
setting; its two R's are looked at afterwards. What print says, the ``targets``, is given:
column of the record -> number of Table 1. The stages, all in one record:

1. ``design``: a scrambled Sobol design over :data:`AXES`, one seed each.
2. ``refine``: a second design in a third of each range around the best of stage 1.
3. ``round``: settings a person would type, all combinations of :data:`ROUND`.
4. ``seeds``: the eight best of all so far (and no other) with five further seeds,
   because one seed moves an M by about half a percent.
5. ``finer``: the best of stage 4 at three sizes of the noise and two grids, ten
   further seeds each. Added after the best of stage 4 (n = 256, noise 0.02) had
   been run with ten new seeds and its M_diff at F = 0.055 came out 0.62 % high:
   six seeds left a standard error of 0.3 %, too coarse to choose between neighbours.

The mean of the four M's over all seeds of stages 1 to 5 decides among the settings
of stages 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdverify.balance import balance_of
from rdverify.gray_scott import GrayScottConfig, run_many
from rdverify.study import QUANTITIES, Context, Quantity, Row
from rdverify.study.frames import write_frame
from rdverify.study.ranking import rank
from rdverify.study.search import evaluate_settings, search
from rdverify.sweep.axes import Axis, Setting, setting_of
from rdverify.tools.progress import Reporter
from rdverify.trace import Trace

Targets = Mapping[str, float]
REGIMES = {"spot": 0.029, "stripe": 0.055}  # F, section 4.1
ROWS = {
    "spot": Row("spot", "RD", "Spot Regime", "#1f77b4", (), "o"),
    "stripe": Row("stripe", "RD", "Stripe Regime", "#ff7f0e", (), "^"),
}
COLUMNS = tuple(f"{regime}_{quantity}" for regime in REGIMES for quantity in QUANTITIES)
M_OF_BOTH = tuple(name for name in COLUMNS if not name.endswith("_r"))

AXES = (
    Axis("n", 128, 320, "integer"),  # cells a side; fewer hold no 20 stripes, more are rare
    Axis("dx", 0.005, 0.02, "log"),  # 5 to 20 cells a wavelength of about 0.1
    Axis("dt", 0.25, 2.0, "log"),  # beyond the stable step a run fails, and is kept as failed
    Axis("steps", 2_000, 20_000, "integer"),
    Axis("square", 4, 40, "integer"),
    Axis("noise", 0.0, 0.1),
    Axis("noise_kind", choices=("normal", "uniform")),
    Axis("square_u", 0.25, 0.75),
    Axis("square_v", 0.15, 0.5),
)
DESIGN_RUNS, REFINE_RUNS, REFINE_SHARE, SEARCH_SEED = 384, 64, 1 / 3, 20
# Pearson's numbers (ref. 5) and the powers of two and tens beside them.
ROUND: Mapping[str, tuple[Any, ...]] = {
    "n": (128, 200, 256),
    "dx": (0.01,),
    "dt": (1.0,),
    "steps": (10_000,),
    "square": (10, 20, 40),
    "noise": (0.01, 0.02, 0.05),
    "noise_kind": ("normal", "uniform"),
    "square_u": (0.5,),
    "square_v": (0.25,),
}
CONTENDERS, FURTHER_SEEDS = 8, (101, 102, 103, 104, 105)
FINER_NOISE, FINER_N = (0.01, 0.015, 0.02), (200, 256)
FINER_SEEDS = tuple(range(201, 211))
STAGES = ("design", "refine", "round", "seeds", "finer")
SEVERAL = ("seeds", "finer")  # the stages that run a setting with several seeds


def config_of(setting: Mapping[str, Any], regime: str, seed: int, **more: Any) -> GrayScottConfig:
    """The simulator's configuration of one setting of the search."""
    keys = ("dx", "dt", "steps", "square", "noise", "noise_kind", "square_u", "square_v")
    return GrayScottConfig(
        feed_rate=REGIMES[regime],
        rows=setting["n"],
        cols=setting["n"],
        seed=seed,
        **({key: setting[key] for key in keys} | more),
    )


def targets_of(context: Context) -> dict[str, float]:
    """Both rows of Table 1 as the search aims at them: column of the record -> number."""
    return {
        f"{regime}_{quantity}": float(context.numbers(row)[quantity])
        for regime, row in ROWS.items()
        for quantity in QUANTITIES
    }


def three(trace: Trace, length_ratio: float = 1.0) -> dict[Quantity, float]:
    """m_react, m_diff, r of all steps; M's times ``length_ratio``.

    The grid norm of a field grows like 1/dx: halving dx on the same domain doubles
    it without any change of the field, hence the factor dx'/dx for a comparison.
    """
    balance = balance_of(trace)
    return {
        "m_react": balance.m_react * length_ratio,
        "m_diff": balance.m_diff * length_ratio,
        "r": balance.r,
    }


def evaluate(setting: Setting) -> dict[str, float]:
    """The six numbers of both regimes, and how much of a pattern is left at the end.

    The seed is ``setting["seed"]`` where that is given, else 0.
    """
    configs = [config_of(setting, regime, setting.get("seed", 0)) for regime in REGIMES]
    numbers: dict[str, float] = {}
    contrasts: dict[str, float] = {}
    for regime, simulation in zip(REGIMES, run_many(configs, 1), strict=True):
        if simulation.diverged_at is not None:
            raise FloatingPointError(f"{regime} diverged after {simulation.diverged_at} steps")
        numbers |= {f"{regime}_{name}": value for name, value in three(simulation.trace).items()}
        contrasts[f"{regime}_contrast"] = float(np.ptp(simulation.v))
    return numbers | contrasts


def search_all(folder: Path, targets: Targets, progress: Reporter, workers: int) -> pd.DataFrame:
    """Run all five stages, each resumable in ``folder``, and return the one record."""
    frames: list[pd.DataFrame] = []

    def stage(evaluated: Callable[..., pd.DataFrame], *what: Any) -> None:
        place = folder / f"rd-{STAGES[len(frames)]}"
        name = f"search, stage {len(frames) + 1} of {len(STAGES)}"
        frames.append(evaluated(*what, evaluate, place, progress, workers, name=name))

    stage(search, AXES, DESIGN_RUNS, SEARCH_SEED)
    best = setting_of(ranked(frames[0], targets).iloc[0].to_dict(), AXES)
    near = [axis.around(best[axis.name], REFINE_SHARE) for axis in AXES]
    stage(search, near, REFINE_RUNS, SEARCH_SEED)
    typed = [dict(zip(ROUND, values, strict=True)) for values in product(*ROUND.values())]
    stage(evaluate_settings, typed)
    again = [
        setting_of(row, AXES) | {"seed": seed}
        for row in ranked(joined(frames), targets).head(CONTENDERS).to_dict("records")
        for seed in FURTHER_SEEDS
    ]
    stage(evaluate_settings, again)
    winner = chosen(joined(frames), targets)
    finer = [
        winner | {"noise": noise, "n": n, "seed": seed}
        for n in FINER_N
        for noise in FINER_NOISE
        for seed in FINER_SEEDS
    ]
    stage(evaluate_settings, finer)
    record = joined(frames)
    write_frame(folder / "rd.csv", record)
    return record


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One record of all stages, with the columns stage and seed."""
    parts = []
    for stage, frame in zip(STAGES, frames, strict=False):
        seed = frame.get("seed", 0)
        parts.append(frame.drop(columns="seed", errors="ignore").assign(stage=stage, seed=seed))
    whole = pd.concat(parts, ignore_index=True)
    first = ["design", "stage", "index", "seed"]
    return whole[[*first, *(column for column in whole if column not in first)]]


def one_seed(record: pd.DataFrame) -> pd.DataFrame:
    """The runs of stages 1 to 3: every setting once."""
    return record[~record["stage"].isin(SEVERAL)].reset_index(drop=True)


def ranked(
    record: pd.DataFrame, targets: Targets, columns: Sequence[str] = M_OF_BOTH
) -> pd.DataFrame:
    """Runs by their distance to the targets of ``columns``, by default the four M's."""
    return rank(record, {column: targets[column] for column in columns})


def contenders(record: pd.DataFrame, targets: Targets) -> pd.DataFrame:
    """The settings of stages 4 and 5, means over all seeds tried, nearest by the four M's first."""
    names = [axis.name for axis in AXES]
    again = record[record["stage"].isin(SEVERAL)][names].drop_duplicates()
    runs = record.merge(again, on=names).groupby(names, sort=False)
    means = runs[list(COLUMNS)].mean().join(runs.size().rename("seeds"))
    return ranked(means.reset_index(), targets)


def chosen(record: pd.DataFrame, targets: Targets) -> Setting:
    """The setting whose mean over seeds fits the four M's best."""
    return setting_of(contenders(record, targets).iloc[0].to_dict(), AXES)
