"""The reverse process of a DDPM and the norms of its two terms (eq14, eq17).

``sample`` runs any network that predicts the noise and returns images and a
:class:`rdverify.trace.Trace`; ``expected_balance`` says what the schedule alone
makes of the balance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from rdverify.ddpm.network import (
    Denoiser,
    device_of,
    evaluating,
    image_shape,
    predicted_noise,
    take_apart,
)
from rdverify.ddpm.schedule import Schedule, Variance, index
from rdverify.tools.errors import InputError, require
from rdverify.tools.progress import Reporter
from rdverify.tools.torchkit import seeded
from rdverify.trace import FloatArray, Trace

Observer = Callable[[int, torch.Tensor, torch.Tensor], None]


def reverse_step(
    x_t: torch.Tensor,
    eps: torch.Tensor,
    t: int,
    schedule: Schedule,
    noise: torch.Tensor,
    *,
    variance: Variance = "beta",
    clip: float | None = None,
    last_noise: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One step of p(x_{t-1} | x_t) (section 2.3): x_{t-1} = mu_theta(x_t, t) + sigma_t z.

    mu_theta = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_theta) / sqrt(alpha_t).

    Args:
        x_t: the state, any shape.
        eps: eps_theta(x_t, t), the shape of ``x_t``.
        t: index of the schedule, T-1 (noise) .. 0 (data).
        schedule: beta_t.
        noise: z ~ N(0, Id), the shape of ``x_t``.
        variance: sigma_t^2 = "beta" (the paper's), "posterior", or "none" (sigma_t = 0).
        clip: None, or the range c > 0: the image that eps implies is clipped to
            [-c, c] and mu is the mean of q(x_{t-1} | x_t, x_0) at the clipped image.
        last_noise: whether the step t = 0 adds its noise too; the standard
            sampler (Ho et al., algorithm 2) does not.

    Returns:
        (x_{t-1}, drift, kick): drift = mu_theta - x_t, the term of Eq. (14) as
        corrected (eq14), and kick = sigma_t z, that of Eq. (17) (eq17), both the
        shape of ``x_t``. At t = 0 ``kick`` is sigma z whether it was added or not.
    """
    index(t, schedule)
    step = _Steps(schedule, variance, clip)
    drift, kick = step.drift(x_t, eps, t), step.sigma[t] * noise
    x = x_t + drift
    return (x + kick if t > 0 or last_noise else x), drift, kick


class _Steps:
    """The schedule's numbers as Python floats, worked out once for a whole chain."""

    def __init__(self, schedule: Schedule, variance: Variance, clip: float | None) -> None:
        require(
            clip is None or (np.isfinite(clip) and clip > 0),
            "clip",
            clip,
            "None or a positive finite range",
        )
        a, b = schedule.drift_coefficients()
        self.a, self.b = a.tolist(), b.tolist()
        self.sigma: list[float] = schedule.sigma(variance).tolist()
        self.clip = clip
        rest = schedule.one_minus_alpha_bar
        self.root_bar = np.sqrt(schedule.alpha_bar).tolist()
        self.root_rest = np.sqrt(rest).tolist()
        # q(x_{t-1} | x_t, x_0) has mean c_0 x_0 + c_t x_t (Ho et al., Eq. 7)
        self.c_0 = (np.sqrt(schedule.alpha_bar_before) * schedule.beta / rest).tolist()
        self.c_t = (np.sqrt(schedule.alpha) * (1 - schedule.alpha_bar_before) / rest).tolist()

    def drift(self, x: torch.Tensor, eps: torch.Tensor, t: int) -> torch.Tensor:
        if self.clip is None:
            return torch.mul(x, self.a[t]).add_(eps, alpha=self.b[t])
        x_0 = torch.sub(x, eps, alpha=self.root_rest[t]).div_(self.root_bar[t])
        x_0.clamp_(-self.clip, self.clip)
        return x_0.mul_(self.c_0[t]).add_(x, alpha=self.c_t[t] - 1)


def sample(
    denoiser: Any,
    schedule: Schedule | None = None,
    shape: Sequence[int] | None = None,
    images: int = 16,
    seed: int = 0,
    *,
    variance: Variance | None = None,
    clip: bool | float | None = None,
    last_noise: bool = False,
    dtype: torch.dtype = torch.float32,
    initial: torch.Tensor | None = None,
    device: torch.device | str | None = None,
    batch: int | None = None,
    observe: Observer | None = None,
    progress: Reporter | None = None,
    name: str = "sampling",
) -> tuple[torch.Tensor, Trace]:
    """Generate images over the full reverse chain, with both norms at each step (eq14, eq17).

    Args:
        denoiser: eps_theta. Called as ``denoiser(x, t)`` with x of shape
            (images, C, H, W) and t an int64 tensor of shape (images,) that holds the
            index t in 0 .. T-1; returns eps of x's shape, as a tensor or in
            ``.sample`` as diffusers' UNet2DModel does. Or a diffusers pipeline:
            its ``unet`` and its scheduler's betas, variance and clipping are taken.
        schedule: beta_t; needed unless a pipeline brings one. Default linear, T = 1000.
        shape: (C, H, W) of one image; default from the network's configuration.
        images: number of trajectories, >= 1.
        seed: >= 0. Image k draws from its own stream seeded by (seed, k), so its
            noise does not depend on how many images are made or on ``batch``.
        variance: sigma_t^2 = "beta" (default), "posterior", or "none" (sigma_t = 0).
        clip: False (default), True for the range 1, or the range itself.
        last_noise: whether the last step adds sigma_1 z. The standard sampler does
            not, and the images then are mu_theta(x_1, 1).
        dtype: of the state; the network must accept it.
        initial: x_T, shape (images, C, H, W); default N(0, Id).
        device: default the network's.
        batch: images per call of the network; default all.
        observe: called before each step as ``observe(t, x_t, eps)``.
        progress: where progress is told.
        name: what progress calls this work.

    Returns:
        (images, trace): images of shape (images, C, H, W) in the pixel scale of the
        network; the trace has one run per image and T steps in order of generation.

        * ``react``: ||mu_theta(x_t, t) - x_t||, the drift of one reverse step.
        * ``diff``: ||sigma_t z||. At the last step the z that was drawn counts even
          where it was not added (``last_noise=False``): Fig. 3's final ratio needs a
          denominator there, and Eq. (17) has no exception. What was added is
          ``extras["added"]``, which differs in that one step only.
        * ``extras["epsilon"]``: ||eps_theta||, Eq. (14) as printed.

    Raises:
        InputError: on arguments outside their domain, a network that predicts
            anything but epsilon, output of another shape, or one that is not
            finite: the message names the step.

    Source: Eqs. (14), (17); Ho, Jain, Abbeel 2020, algorithm 2.
    """
    network, schedule, variance, clip = take_apart(denoiser, schedule, variance, clip)
    require(images >= 1, "images", images, "at least 1")
    require(seed >= 0, "seed", seed, "an integer >= 0")
    require(batch is None or batch >= 1, "batch", batch, "at least 1")
    require(dtype.is_floating_point, "dtype", dtype, "a floating-point type")
    one = image_shape(network, shape, initial, images)
    device = device_of(network) if device is None else device
    limit = None if clip is None or clip is False else float(clip)
    steps = _Steps(schedule, variance, limit)
    seeds = [seeded(seed, k).initial_seed() for k in range(images)]
    size = batch or images
    parts = []
    with (
        evaluating(network),
        (progress or Reporter()).task(name, schedule.T * -(-images // size)) as task,
    ):
        for start in range(0, images, size):
            chunk = slice(start, min(start + size, images))
            generators = [torch.Generator(device).manual_seed(s) for s in seeds[chunk]]
            x = torch.empty((len(generators), *one), dtype=dtype, device=device)
            _fill(x, generators)  # drawn even where given, so that z does not depend on it
            if initial is not None:
                x.copy_(initial[chunk])
            parts.append(
                _chain(network, x, generators, schedule.T, steps, last_noise, observe, task.advance)
            )
    state = torch.cat([part[0] for part in parts])
    norms = torch.cat([part[1] for part in parts], dim=2).double().cpu().numpy()
    config = {
        "schedule": schedule.name,
        "T": schedule.T,
        "variance": variance,
        "clip": limit,
        "last_noise": last_noise,
        "shape": list(one),
        "seed": seed,
        "dtype": str(dtype).removeprefix("torch."),
        "beta_1": float(schedule.beta[0]),
        "beta_T": float(schedule.beta[-1]),
    }
    return state, _trace(norms, config, seeds)


def _trace(norms: FloatArray, config: dict[str, Any], seeds: list[int]) -> Trace:
    """From the norms of drift, drawn noise and epsilon, each of shape (T, images)."""
    react, drawn, epsilon = norms
    added = drawn.copy()
    if not config["last_noise"]:
        added[-1] = 0.0
    return Trace(
        react.T,
        drawn.T,
        system="DDPM",
        config=config,
        seeds=seeds,
        extras={"epsilon": epsilon.T, "added": added.T},
    )


def _chain(
    network: Denoiser,
    x: torch.Tensor,
    generators: list[torch.Generator],
    T: int,
    steps: _Steps,
    last_noise: bool,
    observe: Observer | None,
    advance: Callable[[], None],
) -> tuple[torch.Tensor, torch.Tensor]:
    """All steps for one batch; norms of shape (3, T, batch) stay on the device until the end."""
    n = x.shape[0]
    norms = torch.zeros((3, T, n), dtype=x.dtype, device=x.device)
    times = torch.arange(T, device=x.device).repeat_interleave(n).reshape(T, n)
    noise = torch.empty_like(x)
    look = 1 if x.device.type == "cpu" else 50  # a look at a GPU's numbers makes it wait
    for step, t in enumerate(range(T - 1, -1, -1)):
        eps = predicted_noise(network(x, times[t]), x, t)
        if observe is not None:
            observe(t, x, eps)
        drift = steps.drift(x, eps, t)
        _fill(noise, generators)
        norms[0, step] = norm(drift)
        norms[1, step] = norm(noise).mul_(steps.sigma[t])
        norms[2, step] = norm(eps)
        x = x + drift
        if t > 0 or last_noise:
            x.add_(noise, alpha=steps.sigma[t])
        if (step + 1) % look == 0 or t == 0:
            _check_finite(norms, step, T)
        advance()
    return x, norms


def norm(values: torch.Tensor) -> torch.Tensor:
    """L2 norm over all pixels and channels of each image: (n, C, H, W) -> (n,)."""
    length: torch.Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return length


def _fill(out: torch.Tensor, generators: list[torch.Generator]) -> None:
    for image, generator in zip(out, generators, strict=True):
        image.normal_(generator=generator)


def _check_finite(norms: torch.Tensor, step: int, T: int) -> None:
    if not bool(torch.isfinite(norms[:, : step + 1]).all()):
        first = int((~torch.isfinite(norms)).any(dim=2).any(dim=0).nonzero()[0, 0])
        raise InputError(
            f"denoiser's output at step {first + 1} of {T} (t = {T - 1 - first}) = "
            "NaN or infinity is not allowed: must be finite, with a finite norm"
        )
