"""The settings that MNIST's M's leave open, sampled: what each trajectory shows under each.

Beta's direction decides much of what section 5 says of R_t, and print does not tell it. A network
serves another schedule or pixel range by a change of variables (:class:`Remapped`), so that no
setting needs a training of its own. One line of the record is one trajectory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdverify.ddpm import Schedule
from rdverify.ddpm.denoisers import Remapped
from rdverify.ddpm.study.observables import (
    before,
    details,
    early_max,
    fall,
    rise,
    time_of_crossing,
    towards_balance,
    visible,
)
from rdverify.ddpm.study.rows import ROWS, SCHEDULE, load_row
from rdverify.ddpm.study.sampled import Sampled, run_row
from rdverify.ddpm.study.settings import VARIANTS, digest
from rdverify.study.frames import read_frame, write_frame
from rdverify.tools.progress import Reporter
from rdverify.trace import FloatArray

# name in facts -> variant of :data:`VARIANTS`
SETTINGS = {
    "decreasing": "beta decreasing",
    "unit": "pixels in [0,1]",
    "decreasing_unit": "beta decreasing, pixels in [0,1]",
    "posterior": "sigma of the posterior",
    "clipped": "clipped to [-1,1]",
}
NOISY = {name: words for name, words in SETTINGS.items() if name != "posterior"}
MORE_STEPS = "T = 4000, endpoints"  # of CIFAR10 alone: whether steps close the gap
IMAGES = 8  # trajectories of each

# what is read off one sampled model, one number a trajectory
OBSERVED: Mapping[str, Callable[[Sampled], FloatArray]] = {
    "m_react": lambda s: s.balance.m_react_runs,
    "m_diff": lambda s: s.balance.m_diff_runs,
    "r": lambda s: s.balance.r_runs,
    "final_ratio": lambda s: s.balance.r_t[:, -1],
    "early_max": lambda s: early_max(s.balance.r_t),
    "r_t_fall": lambda s: fall(s.balance.r_t),
    "rise": lambda s: rise(s.balance.r_t),
    "towards_balance": lambda s: towards_balance(s.balance.r_t),
    "early_visible": lambda s: before(s.watched.times, visible(s)),
    "early_coarse": lambda s: before(s.watched.times, details(s)["coarse"]),
    "early_fine": lambda s: before(s.watched.times, details(s)["fine"]),
    "early_guess": lambda s: before(s.watched.times, visible(s, guessed=True)),
    "early_fine_guess": lambda s: before(s.watched.times, details(s, guessed=True)["fine"]),
    # when the same correlations reach a half
    "visible_time": lambda s: time_of_crossing(s.watched.times, visible(s), 0.5),
    "coarse_time": lambda s: time_of_crossing(s.watched.times, details(s)["coarse"], 0.5),
    "fine_time": lambda s: time_of_crossing(s.watched.times, details(s)["fine"], 0.5),
}


def sample_setting(
    network: Any,
    row: str,
    variant: str,
    mean_square: float,
    images: int,
    progress: Reporter,
    T: int = SCHEDULE.T,
) -> Sampled:
    """Trajectories of a row's network under one setting, with the row's own noise.

    Args:
        network: eps_theta, trained with :data:`SCHEDULE` on pixels in [-1, 1].
        row: setting of Table 1, for its seed.
        variant: a name of :data:`VARIANTS`.
        mean_square: of the training pixels on [-1, 1].
        images: trajectories.
        progress: where progress is told.
        T: number of steps, end points of beta kept.
    """
    options = dict(VARIANTS[variant])
    schedule = Schedule.linear(T, direction=options.pop("direction", "increasing"))
    scale, shift = (0.5, 0.5) if options.pop("pixels", "[-1,1]") == "[0,1]" else (1.0, 0.0)
    carried = Remapped(network, SCHEDULE, schedule, scale, shift)
    return run_row(
        carried, row, "", mean_square, images, progress, schedule=schedule, options=options
    )


def measure_open(
    weights: Path,
    path: Path,
    progress: Reporter,
    images: int = IMAGES,
    only: Sequence[str] = tuple(ROWS),
) -> pd.DataFrame:
    """Every open setting with every row's network; written to ``path`` after each.

    Entries of other weights, of another number of trajectories, or without all that is observed
    are measured again.
    """
    words = ("row", "setting", "weights")
    done = read_frame(path, ("n", *words), words) if path.exists() else pd.DataFrame()
    if not set(OBSERVED) <= set(done):
        done = pd.DataFrame()  # written by a version that observed something else
    digests = {row: digest(weights, row) for row in ROWS}
    if len(done):
        current = done["weights"].eq(done["row"].map(digests)) & done["n"].eq(images)
        done = done[current].reset_index(drop=True)
    jobs = [(row, name, variant, SCHEDULE.T) for row in only for name, variant in SETTINGS.items()]
    jobs += [("CIFAR10", "more_steps", "as trained", 4000)] * ("CIFAR10" in only)
    for row, name, variant, T in jobs:
        if len(done) and ((done["row"] == row) & (done["setting"] == name)).any():
            continue
        network, _, mean_square = load_row(weights, row)
        sampled = sample_setting(network, row, variant, mean_square, images, progress, T)
        told = {"row": row, "setting": name, "n": images, "weights": digests[row]}
        lines = pd.DataFrame(
            {
                **{key: [value] * images for key, value in told.items()},
                "trajectory": range(images),
                **{key: np.round(read(sampled), 9) for key, read in OBSERVED.items()},
            }
        )
        done = pd.concat([done, lines], ignore_index=True) if len(done) else lines
        write_frame(path, done)
    return done
