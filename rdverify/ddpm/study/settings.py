"""What the paper leaves out of its DDPM: a grid in closed form, and sampled variants.

The schedule is fitted on MNIST's two M's in closed form, which costs nothing, so
the grid is walked whole. What the closed form can't see (clipping, the network)
is sampled with the trained networks; the record of that is shipped.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats

from rdverify.balance import Balance, balance_of
from rdverify.ddpm import Schedule, expected_balance, q_sample, sample
from rdverify.ddpm.denoisers import Remapped
from rdverify.ddpm.expected import mean_norm
from rdverify.ddpm.study.observables import neighbour_correlation, pairwise_correlation, smooth
from rdverify.ddpm.study.rows import CONTROL_SEED, ROWS, SCHEDULE, load_row
from rdverify.study.frames import read_frame, write_frame
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter

GRID: Mapping[str, tuple[Any, ...]] = {
    "T": (100, 200, 250, 400, 500, 1000, 2000, 4000),
    "beta_1": (1e-5, 1e-4, 1e-3),
    "beta_T": (0.01, 0.02, 0.03, 0.05),
    "direction": ("increasing", "decreasing"),
    "sigma": ("beta", "posterior"),
    "size": (28, 32),
    "pixels": ("[-1,1]", "[0,1]"),
}
# how far print may lie from the closed form: the network moves M_react by a few per cent,
# while M_diff knows neither network nor data and has a standard error of 0.07 % for one run
ALLOWED_REACT, ALLOWED_DIFF = 0.03, 0.003
SAMPLED = 4  # trajectories per variant of the record
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "as trained": {},
    "beta decreasing": {"direction": "decreasing"},
    "pixels in [0,1]": {"pixels": "[0,1]"},
    "beta decreasing, pixels in [0,1]": {"direction": "decreasing", "pixels": "[0,1]"},
    "sigma of the posterior": {"variance": "posterior"},
    "clipped to [-1,1]": {"clip": True},
    "noise in the last step": {"last_noise": True},
    "no noise": {"variance": "none"},
}
# the settings that MNIST's M's leave open; they alone are sampled for every row
OPEN = (
    "as trained",
    "beta decreasing",
    "pixels in [0,1]",
    "beta decreasing, pixels in [0,1]",
    "sigma of the posterior",
    "clipped to [-1,1]",
)
STEP_VARIANTS = tuple(
    (T, scaling) for scaling in ("endpoints", "1/T") for T in (50, 200, 500, 4000)
)


def closed_form(
    setting: Mapping[str, Any], mean_squares: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """The nine numbers of one setting in closed form: "MNIST.m_react" and so on.

    Args:
        setting: one value for each name of :data:`GRID`.
        mean_squares: per row, the training pixels' mean square by pixel range.
    """
    schedule = Schedule.linear(
        setting["T"], setting["beta_1"], setting["beta_T"], setting["direction"]
    )
    numbers: dict[str, float] = {}
    for name, row in ROWS.items():
        expected = expected_balance(
            schedule,
            row.channels * setting["size"] ** 2,
            mean_squares[name][setting["pixels"]],
            setting["sigma"],
        )
        numbers |= {
            f"{name}.m_react": expected.m_react,
            f"{name}.m_diff": expected.m_diff,
            f"{name}.r": expected.r,
        }
    return numbers


def fit(mean_squares: Mapping[str, Mapping[str, float]], react: float, diff: float) -> pd.DataFrame:
    """The whole grid in closed form, with each setting's distance from MNIST's two M's.

    ``miss`` is the larger of |M_react - print| / 3 % and |M_diff - print| / 0.3 %; a
    setting fits where it is at most 1. Rows are sorted by ``miss``. No other printed
    number is looked at. Where M_diff alone misses by more than 5 the rest is not worked out.

    Args:
        mean_squares: per row, the training pixels' mean square by pixel range.
        react: MNIST's M_react as printed.
        diff: its M_diff.
    """
    rows = []
    chi = {size: float(mean_norm(np.ones(1), size**2, np.zeros(1))[0]) for size in GRID["size"]}
    for values in product(*GRID.values()):
        setting = dict(zip(GRID, values, strict=True))
        schedule = Schedule.linear(
            setting["T"], setting["beta_1"], setting["beta_T"], setting["direction"]
        )
        mean_noise = float(schedule.sigma(setting["sigma"]).mean() * chi[setting["size"]])
        numbers, miss = {}, abs(mean_noise / diff - 1) / ALLOWED_DIFF
        if miss <= 5:
            numbers = closed_form(setting, mean_squares)
            miss = max(miss, abs(numbers["MNIST.m_react"] / react - 1) / ALLOWED_REACT)
        rows.append(setting | numbers | {"miss": miss})
    return pd.DataFrame(rows).sort_values("miss", kind="stable").reset_index(drop=True)


def trajectories_behind(
    printed: Sequence[float], expected: Sequence[float], errors_of_one: Sequence[float]
) -> tuple[float, int]:
    """How many trajectories print can be the mean of, from how far M_diff misses its expectation.

    M_diff knows neither data nor network, so print minus expectation is sampling
    error of size s / sqrt(n). n = s^2 / mean((print - expectation)^2) estimates n;
    sum((print - expectation)^2) n / s^2 is chi-square with one degree per number.

    Returns:
        (estimate, largest n that is not rejected at 95 %).
    """
    z = (np.array(printed) - np.array(expected)) / np.array(errors_of_one)
    return float(1 / np.mean(z**2)), int(stats.chi2.ppf(0.95, z.size) / np.sum(z**2))


def sample_variant(
    network: Any,
    variant: Mapping[str, Any],
    images: int,
    seed: int,
    T: int = 1000,
    scaling: str = "endpoints",
    progress: Reporter | None = None,
    name: str = "sampling",
) -> dict[str, float]:
    """Run one variant of the sampler with a trained network; see :class:`Remapped`."""
    options = dict(variant)
    schedule = Schedule.linear(
        T,
        direction=options.pop("direction", "increasing"),
        scaling="1/T" if scaling == "1/T" else "endpoints",
    )
    unit = options.pop("pixels", "[-1,1]") == "[0,1]"
    scale, shift = (0.5, 0.5) if unit else (1.0, 0.0)
    carried = Remapped(network, SCHEDULE, schedule, scale, shift)
    ends, trace = sample(
        carried, schedule, images=images, seed=seed, progress=progress, name=name, **options
    )
    balance = balance_of(trace)
    root = math.sqrt(images)
    curve = smooth(balance.r_t_pooled[None, :], max(1, T // 40))[0]
    finite = bool(np.isfinite(curve).all())
    return {
        "m_react": balance.m_react,
        "m_react_se": float(balance.m_react_runs.std(ddof=1)) / root,
        "m_diff": balance.m_diff,
        "m_diff_se": float(balance.m_diff_runs.std(ddof=1)) / root,
        "r": balance.r,
        "r_se": float(balance.r_runs.std(ddof=1)) / root if finite else math.nan,
        "final_ratio": float(balance.r_t[:, -1].mean()),
        "r_t_start": float(curve[0]),
        "r_t_min": float(curve.min()),
        "u_min": float(curve.argmin() / len(curve)),
        "neighbour_correlation": float(neighbour_correlation(ends).mean()),
        "pairwise_correlation": float(pairwise_correlation(ends).mean()),
        "image_norm": float(ends.flatten(1).norm(dim=1).mean()),
    }


def begun_with(network: Any, images: torch.Tensor, schedule: Schedule) -> Balance:
    """The balance of chains whose x_T has the law of q(x_T | x_0), as the closed form has it.

    A sampler begins with N(0, Id) instead, which is the same only where alpha_bar_T is near 0.

    Args:
        network: trained on :data:`SCHEDULE`.
        images: x_0, shape (n, C, H, W); one chain each.
        schedule: of the chains.
    """
    eps = torch.randn(images.shape, generator=torch.Generator().manual_seed(CONTROL_SEED))
    _, trace = sample(
        Remapped(network, SCHEDULE, schedule),
        schedule,
        images=len(images),
        seed=CONTROL_SEED,
        initial=q_sample(images, schedule.T - 1, schedule, eps),
    )
    return balance_of(trace)


def digest(weights: Path, row: str) -> str:
    """First 12 digits of the SHA-256 of a row's weights."""
    path = weights / "weights" / f"{ROWS[row].file}.safetensors"
    try:
        return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise InputError(
            f"weights = {str(path)!r} is not allowed ({error.strerror}): "
            "must be a file that can be read"
        ) from error


def search(
    weights: Path,
    path: Path,
    progress: Reporter,
    images: int = SAMPLED,
    only: Sequence[str] = tuple(ROWS),
) -> pd.DataFrame:
    """Sample every variant and step count, resuming from what ``path`` already holds.

    Written after each run, so that a run cut short loses one variant at most. Entries
    of other weights, or of another number of trajectories, are measured again.
    """
    words = ("row", "variant", "scaling", "weights")
    done = read_frame(path, ("n", *words), words) if path.exists() else pd.DataFrame()
    digests = {row: digest(weights, row) for row in ROWS}
    if len(done):
        current = done["weights"].eq(done["row"].map(digests)) & done["n"].eq(images)
        progress.say(f"{path}: {int(current.sum())} entries kept, {int((~current).sum())} stale")
        done = done[current].reset_index(drop=True)
    # what the verdicts need comes first
    jobs = [(row, name, VARIANTS[name], 1000, "endpoints") for row in ROWS for name in OPEN]
    jobs += [("MNIST", f"T = {T}, {scaling}", {}, T, scaling) for T, scaling in STEP_VARIANTS]
    jobs += [("CIFAR10", "T = 4000, endpoints", {}, 4000, "endpoints")]
    jobs += [
        ("MNIST", name, variant, 1000, "endpoints")
        for name, variant in VARIANTS.items()
        if name not in OPEN
    ]
    jobs = [job for job in jobs if job[0] in only]
    networks: dict[str, Any] = {}
    for row, name, variant, T, scaling in jobs:
        if len(done) and ((done["row"] == row) & (done["variant"] == name)).any():
            continue
        if row not in networks:
            networks[row] = load_row(weights, row)[0]
        numbers = sample_variant(
            networks[row], variant, images, 10, T, scaling, progress, f"{row}, {name}"
        )
        entry = {
            "row": row,
            "variant": name,
            "T": T,
            "scaling": scaling,
            "n": images,
            "seed": 10,
            "weights": digests[row],
        }
        done = pd.concat([done, pd.DataFrame([entry | numbers])], ignore_index=True)
        write_frame(path, done)
    return done
