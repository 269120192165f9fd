"""What the states on the way, and the images at the end, show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rdverify.ddpm import q_sample
from rdverify.ddpm.study.rows import CONTROL_SEED, SCHEDULE
from rdverify.ddpm.study.sampled import Sampled
from rdverify.trace import FloatArray


def correlation(a: torch.Tensor, b: torch.Tensor) -> FloatArray:
    """Pearson correlation over pixels, image by image: (n, ...), (n, ...) -> (n,)."""
    x, y = (v.double().flatten(1) for v in (a, b))
    x, y = (v - v.mean(1, keepdim=True) for v in (x, y))
    norms = x.norm(dim=1) * y.norm(dim=1)
    return np.asarray(((x * y).sum(1) / norms.clamp_min(1e-300)).numpy(), dtype=float)


def seen(sampled: Sampled, guessed: bool) -> Iterator[torch.Tensor]:
    """x_t of every look, or ("guessed") the image that the network predicts from it."""
    if not guessed:
        yield from sampled.watched.states
        return
    for t, x, eps in sampled.watched:
        bar, rest = sampled.schedule.alpha_bar[t], sampled.schedule.one_minus_alpha_bar[t]
        yield (x - float(rest) ** 0.5 * eps) / float(bar) ** 0.5


def visible(sampled: Sampled, guessed: bool = False) -> FloatArray:
    """|correlation| of what is :func:`seen` with the trajectory's own final image, shape (k, n)."""
    return np.array([np.abs(correlation(x, sampled.images)) for x in seen(sampled, guessed)])


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


def bands(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Coarse and fine part of images: wavelengths above and below four pixels."""
    size = images.shape[-1]
    f = torch.fft.fftfreq(images.shape[-2])[:, None], torch.fft.fftfreq(size)[None, :]
    low = (f[0] ** 2 + f[1] ** 2).sqrt() <= 0.25
    spectrum = torch.fft.fft2(images.double())
    coarse = torch.fft.ifft2(spectrum * low).real
    return coarse, images.double() - coarse


def details(sampled: Sampled, guessed: bool = False) -> dict[str, FloatArray]:
    """As :func:`visible`, of the coarse and of the fine part, each of shape (k, n)."""
    ends = bands(sampled.images)
    curves: dict[str, list[FloatArray]] = {"coarse": [], "fine": []}
    for x in seen(sampled, guessed):
        for name, now, end in zip(curves, bands(x), ends, strict=True):
            curves[name].append(np.abs(correlation(now, end)))
    return {name: np.array(values) for name, values in curves.items()}


def before(times: FloatArray, curves: FloatArray, end: float = 0.8) -> FloatArray:
    """Largest value of each curve up to time ``end``, shapes (k,), (k, n) -> (n,)."""
    return np.asarray(curves[times <= end].max(axis=0))


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


def running(r_t: FloatArray) -> FloatArray:
    """R_t as a moving mean over a fortieth of the steps, shape (n, T) -> (n, fewer)."""
    return smooth(r_t, max(1, r_t.shape[1] // 40))


def early_max(r_t: FloatArray) -> FloatArray:
    """Largest :func:`running` R_t before t = 0.8, shape (n, T) -> (n,)."""
    steps = r_t.shape[1]
    end = max(1, int(0.8 * steps) - max(1, steps // 40) + 1)
    return np.asarray(running(r_t)[:, :end].max(axis=1))


def fall(r_t: FloatArray) -> FloatArray:
    """Largest fall of :func:`running` R_t from what it had reached, as a share, (n, T) -> (n,)."""
    curve = running(r_t)
    highest = np.maximum.accumulate(curve, axis=1)
    kept = np.divide(curve, highest, out=np.ones_like(curve), where=np.isfinite(curve))
    return np.asarray((1 - kept).max(axis=1))  # R_t is infinite where no noise is drawn: no fall


def rise(r_t: FloatArray) -> FloatArray:
    """Mean R_t in the last hundredth over that before t = 0.8, shape (n, T) -> (n,)."""
    steps = r_t.shape[1]
    late, early = r_t[:, -max(1, steps // 100) :], r_t[:, : int(0.8 * steps)]
    return np.asarray(late.mean(axis=1) / early.mean(axis=1))


def towards_balance(r_t: FloatArray) -> FloatArray:
    """How much nearer to 1 the last R_t is than the one at t = 0.8, shape (n, T) -> (n,)."""
    before = running(r_t)[:, max(0, int(0.8 * r_t.shape[1]) - max(1, r_t.shape[1] // 40))]
    return np.asarray(np.abs(before - 1) - np.abs(r_t[:, -1] - 1))
