"""Sampling the three trained networks and their controls, with what is seen on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rdverify.balance import Balance, balance_of
from rdverify.ddpm import ExpectedBalance, Schedule, expected_balance, q_sample, sample
from rdverify.ddpm.sde import FloatArray
from rdverify.ddpm.unet import build_unet, load_unet
from rdverify.study import Context
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter
from rdverify.trace import Trace

# setting of Table 1 -> (file stem, short name in metrics, channels)
ROWS = {
    "MNIST": ("ddpm-mnist", "mnist", 1),
    "FashionMNIST": ("ddpm-fashionmnist", "fashion", 1),
    "CIFAR10": ("ddpm-cifar10", "cifar10", 3),
}
IMAGES, CONTROL_IMAGES = 16, 8
SEEDS = {"MNIST": 0, "FashionMNIST": 1, "CIFAR10": 2}  # other noise for each row
CONTROL_SEED = 3
SCHEDULE = Schedule.linear()  # the one the networks were trained with
EVERY = 10  # steps between two looks at the state


@dataclass(frozen=True, eq=False)
class Watched:
    """What was kept of the states on the way, every :data:`EVERY` steps.

    Attributes:
        times: normalised time u = steps done / T before the step, shape (k,).
        states: x_t, shape (k, n, C, H, W), float32.
        noise: eps_theta(x_t, t), likewise.
        steps: indices t, shape (k,).
    """

    times: FloatArray
    states: torch.Tensor
    noise: torch.Tensor
    steps: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Row:
    """One sampled model.

    Attributes:
        setting: as in Table 1, or the control's name.
        key: short name in metrics.
        trace, images, watched: what sampling gave.
        mean_square: of the training pixels on [-1, 1], for the closed form.
        card: the weights' card, or empty.
        schedule: what it was sampled with.
    """

    setting: str
    key: str
    trace: Trace
    images: torch.Tensor
    watched: Watched
    mean_square: float
    card: Mapping[str, Any]
    schedule: Schedule = SCHEDULE

    @property
    def dimension(self) -> int:
        """d, pixels times channels."""
        return int(self.images[0].numel())

    @cached_property
    def balance(self) -> Balance:
        """M_react, M_diff, R and R_t."""
        return balance_of(self.trace)

    @cached_property
    def expected(self) -> ExpectedBalance:
        """The closed form with the true noise at the training data's mean square."""
        return expected_balance(self.schedule, self.dimension, self.mean_square)


def load_row(folder: Path, setting: str) -> tuple[Any, Mapping[str, Any], float]:
    """Network, card and mean square of one row; InputError if a file is missing or broken."""
    stem, _, channels = ROWS[setting]
    network = load_unet(folder / "weights" / f"{stem}.safetensors", channels=channels)
    path = folder / "weights" / f"{stem}.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        mean_square = float(card["mean_square"]["[-1,1]"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"card = {str(path)!r} is not allowed ({type(error).__name__}): "
            "must be the JSON card beside the weights"
        ) from error
    return network, card, mean_square


def run_row(
    network: Any,
    setting: str,
    key: str,
    mean_square: float,
    images: int,
    progress: Reporter,
    card: Mapping[str, Any] | None = None,
    schedule: Schedule = SCHEDULE,
    shape: tuple[int, int, int] | None = None,
) -> Row:
    """Sample ``images`` trajectories and keep a look at every tenth state."""
    states: list[torch.Tensor] = []
    noise: list[torch.Tensor] = []
    steps: list[int] = []

    def observe(t: int, x: torch.Tensor, eps: torch.Tensor) -> None:
        if (schedule.T - 1 - t) % EVERY == 0 or t == 0:
            states.append(x.clone())
            noise.append(eps.clone())
            steps.append(t)

    ends, trace = sample(
        network,
        schedule,
        shape,
        images=images,
        seed=SEEDS.get(setting, CONTROL_SEED),
        observe=observe,
        progress=progress,
        name=f"sampling {setting}",
    )
    times = np.array([(schedule.T - 1 - t) / schedule.T for t in steps])
    watched = Watched(times, torch.stack(states), torch.stack(noise), tuple(steps))
    return Row(setting, key, trace, ends, watched, mean_square, card or {}, schedule)


def sample_rows(
    context: Context, weights: Path, images: int = IMAGES, schedule: Schedule = SCHEDULE
) -> dict[str, Row]:
    """All three rows from the weights below ``weights``."""
    loaded = {setting: load_row(weights, setting) for setting in ROWS}  # all files before long work
    return {
        setting: run_row(
            network,
            setting,
            ROWS[setting][1],
            mean_square,
            images,
            context.progress,
            card,
            schedule,
        )
        for setting, (network, card, mean_square) in loaded.items()
    }


def sample_untrained(
    context: Context,
    mean_square: float,
    images: int = CONTROL_IMAGES,
    schedule: Schedule = SCHEDULE,
) -> Row:
    """The control: the MNIST architecture as initialised, seed 0."""
    return run_row(
        build_unet(1, seed=0),
        "untrained U-Net",
        "control.untrained",
        mean_square,
        images,
        context.progress,
        None,
        schedule,
    )


# --- what the states show ---------------------------------------------------------------


def correlation(a: torch.Tensor, b: torch.Tensor) -> FloatArray:
    """Pearson correlation over pixels, image by image: (n, ...), (n, ...) -> (n,)."""
    x, y = (v.double().flatten(1) for v in (a, b))
    x, y = (v - v.mean(1, keepdim=True) for v in (x, y))
    norms = x.norm(dim=1) * y.norm(dim=1)
    return np.asarray(((x * y).sum(1) / norms.clamp_min(1e-300)).numpy(), dtype=float)


def visible(row: Row) -> FloatArray:
    """|correlation| of x_t with the trajectory's own final image, shape (k, n)."""
    curves = [np.abs(correlation(x, row.images)) for x in row.watched.states]
    return np.array(curves)


def time_of_crossing(times: FloatArray, curves: FloatArray, level: float) -> FloatArray:
    """First time from which on each curve stays at or above ``level``; 1 if it never does.

    Args:
        times: shape (k,), increasing.
        curves: shape (k, n).
        level: the level.
    """
    below = curves < level
    last = np.where(below.any(0), len(times) - 1 - below[::-1].argmax(0), -1)  # last time below
    return np.asarray(np.append(times, 1.0)[last + 1], dtype=float)


def neighbour_correlation(images: torch.Tensor) -> FloatArray:
    """Correlation of pixels with their right neighbour, image by image: 0 for white noise."""
    return correlation(images[..., :-1], images[..., 1:])


def pairwise_correlation(images: torch.Tensor) -> FloatArray:
    """Mean correlation of each image with the others, shape (n,): 1 if all are the same."""
    flat = images.double().flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    flat = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-300)
    n = len(flat)
    return np.asarray(((flat @ flat.T).sum(1) - 1) / (n - 1), dtype=float)


def drift_alignment(row: Row) -> FloatArray:
    """Cosine of each watched step's drift with the way to the final image, shape (k, n)."""
    a, b = row.schedule.drift_coefficients()
    cosines = []
    for t, x, eps in zip(row.watched.steps, row.watched.states, row.watched.noise, strict=True):
        drift = (float(a[t]) * x + float(b[t]) * eps).double().flatten(1)
        way = (row.images - x).double().flatten(1)
        norms = (drift.norm(dim=1) * way.norm(dim=1)).clamp_min(1e-300)
        cosines.append(((drift * way).sum(1) / norms).numpy())
    return np.array(cosines)


def bands(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Coarse and fine part of images: wavelengths above and below four pixels."""
    size = images.shape[-1]
    f = torch.fft.fftfreq(images.shape[-2])[:, None], torch.fft.fftfreq(size)[None, :]
    low = (f[0] ** 2 + f[1] ** 2).sqrt() <= 0.25
    spectrum = torch.fft.fft2(images.double())
    coarse = torch.fft.ifft2(spectrum * low).real
    return coarse, images.double() - coarse


def detail_times(row: Row) -> dict[str, FloatArray]:
    """When the coarse and the fine part of the predicted image settle: correlation 0.5 and more."""
    coarse_end, fine_end = bands(row.images)
    curves: dict[str, list[FloatArray]] = {"coarse": [], "fine": []}
    for t, x, eps in zip(row.watched.steps, row.watched.states, row.watched.noise, strict=True):
        bar = float(row.schedule.alpha_bar[t])
        x_0 = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
        coarse, fine = bands(x_0)
        curves["coarse"].append(correlation(coarse, coarse_end))
        curves["fine"].append(correlation(fine, fine_end))
    return {
        name: time_of_crossing(row.watched.times, np.array(values), 0.5)
        for name, values in curves.items()
    }


def score_alignment(network: Any, images: torch.Tensor, draws: int = 4) -> dict[str, FloatArray]:
    """How eps_theta stands to the true noise at eight noise levels, x_0 the given images.

    Returns, per image: "cosine" with the true eps, mean over levels and draws;
    "error", the mean of ||eps - eps_theta||^2 / d.
    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    cosine, error = [], []
    with torch.no_grad():
        for t in (0, 50, 150, 300, 450, 600, 800, 999):
            for _ in range(draws):
                eps = torch.randn(images.shape, generator=generator)
                output = network(q_sample(images, t, SCHEDULE, eps), torch.full((len(images),), t))
                guess = getattr(output, "sample", output)
                flat, true = guess.flatten(1), eps.flatten(1)
                cosine.append(torch.nn.functional.cosine_similarity(flat, true, eps=1e-12).numpy())
                error.append((flat - true).square().mean(1).numpy())
    return {"cosine": np.mean(cosine, axis=0), "error": np.mean(error, axis=0)}


def smooth(r_t: FloatArray, window: int) -> FloatArray:
    """Moving average over ``window`` steps, shape (n, T) -> (n, T - window + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(r_t, window, axis=1)
    return np.asarray(windows.mean(axis=-1), dtype=float)
