"""M_diff of chains of noise without any network: whether a sample's distance from it is chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy import stats

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.sampler import norm
from rdverify.ddpm.study.rows import SCHEDULE
from rdverify.study.frames import write_frame
from rdverify.tools.progress import Reporter
from rdverify.tools.torchkit import seeded
from rdverify.trace import FloatArray

SAMPLES, CHAINS, FIRST_SEED = 128, 16, 1000  # as many chains a sample as a row has trajectories
SHAPE = (1, 32, 32)


def chains_of_noise(
    seed: int,
    chains: int = CHAINS,
    shape: tuple[int, int, int] = SHAPE,
    schedule: Schedule = SCHEDULE,
) -> FloatArray:
    """M_diff of each chain, shape (chains,): what ``sample`` draws with this seed, to the bit."""
    found = []
    sigma = torch.from_numpy(schedule.sigma()).flip(0)
    for k in range(chains):
        generator = seeded(seed, k)
        noise = torch.empty((1, *shape))
        noise.normal_(generator=generator)  # x_T
        norms = [float(norm(noise.normal_(generator=generator))) for _ in range(schedule.T)]
        found.append(float((sigma * torch.tensor(norms, dtype=torch.float64)).mean()))
    return np.array(found)


def measure_noise(path: Path, progress: Reporter, samples: int = SAMPLES) -> pd.DataFrame:
    """Mean and standard deviation of M_diff in each of ``samples`` samples; to ``path``."""
    lines = []
    with progress.task("chains of noise", samples) as task:
        for seed in range(FIRST_SEED, FIRST_SEED + samples):
            m_diff = chains_of_noise(seed)
            lines.append(
                {
                    "seed": seed,
                    "n": CHAINS,
                    "m_diff": round(float(m_diff.mean()), 9),
                    "m_diff_sd": round(float(m_diff.std(ddof=1)), 9),
                }
            )
            task.advance()
    frame = pd.DataFrame(lines)
    write_frame(path, frame)
    return frame


def distances(frame: pd.DataFrame) -> FloatArray:
    """Each sample's distance from the exact expectation, in its known standard errors."""
    known = expected_balance(SCHEDULE, SHAPE[1] * SHAPE[2] * SHAPE[0], 0.0)
    return np.asarray((frame["m_diff"] - known.m_diff) / known.monte_carlo_error(CHAINS)[1])


def told(frame: pd.DataFrame, distance: float) -> str:
    """One sentence: how the samples of the record lie, and how often one lies so far off."""
    z = distances(frame)
    return (
        f"MNIST's M_diff lies {distance:+.1f} standard errors off what its noise should give, "
        f"which happens by chance with p = {2 * stats.norm.sf(abs(distance)):.3f}. The generator "
        f"is not to blame: {len(z)} other samples of {CHAINS} chains, without any network "
        f"(recorded), lie {z.mean() * len(z) ** 0.5:+.1f} standard errors off in the mean and "
        f"scatter by {z.std():.2f} of theirs."
    )
