"""The reverse chain of a DDPM and the norms of its two terms (eq14, eq17).

``sample`` runs any network that predicts the noise, or any diffusers pipeline, and returns
images and a :class:`rdverify.trace.Trace`; ``expected_balance`` says what the schedule
alone makes of the balance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from rdverify.ddpm.network import (
    Denoiser,
    answer,
    device_of,
    dtype_of,
    image_shape,
    take_apart,
    untouched,
)
from rdverify.ddpm.reverse import ReverseProcess
from rdverify.ddpm.schedule import Schedule, Variance
from rdverify.tools.errors import InputError, require, require_integer
from rdverify.tools.progress import Reporter
from rdverify.tools.torchkit import seeded
from rdverify.trace import FloatArray, Trace

Observer = Callable[[int, torch.Tensor, torch.Tensor], None]
Generators = torch.Generator | Sequence[torch.Generator]
MOST_IMAGES = 10**6
NORMS = ("react", "diff", "epsilon", "change")


def sample(
    denoiser: Any,
    schedule: Schedule | ReverseProcess | Any = None,
    shape: Sequence[int] | None = None,
    images: int = 16,
    seed: int = 0,
    *,
    variance: Variance | None = None,
    clip: bool | float | None = None,
    last_noise: bool = False,
    dtype: torch.dtype | None = None,
    initial: torch.Tensor | None = None,
    device: torch.device | str | None = None,
    batch: int | None = None,
    generator: Generators | None = None,
    observe: Observer | None = None,
    progress: Reporter | None = None,
    name: str = "sampling",
) -> tuple[torch.Tensor, Trace]:
    """Generate images over the full reverse chain, with both norms at each step (eq14, eq17).

    Args:
        denoiser: eps_theta. Called as ``denoiser(x, t)`` with x of shape
            (images, C, H, W) and t an int64 tensor of shape (images,) that holds the
            index t in 0 .. T-1; returns eps of x's shape, as a tensor or in
            ``.sample`` as diffusers' UNet2DModel does. Or a diffusers pipeline: its
            ``unet`` is taken, and its ``scheduler`` where ``schedule`` is left out.
            It is left as it was: modes, buffers, gradients, global random state.
        schedule: beta_t; or a diffusers scheduler, whose own numbers and timesteps are
            used (see ``of_scheduler``, which also takes a number of steps, and eta of
            DDIM); or a :class:`ReverseProcess`.
        shape: (C, H, W) of one image; default from the network's configuration.
        images: number of trajectories, 1 to a million.
        seed: >= 0. Image k draws from its own stream seeded by (seed, k), so its
            noise does not depend on how many images are made or on ``batch``.
        variance: sigma_t^2 = "beta" (default), "posterior", or "none" (sigma_t = 0);
            this, ``clip`` and ``last_noise`` go with a Schedule: a scheduler has its own.
        clip: False (default), True for the range 1, or the range itself.
        last_noise: whether the last step adds sigma_1 z. The standard sampler does
            not, and the images then are mu_theta(x_1, 1).
        dtype: of the state; default that of the network, float32 for a network in half
            precision, whose state would swallow small drifts. The network is asked in
            its own precision. Norms are taken in float32 or wider.
        initial: x_T, shape (images, C, H, W); default N(0, Id).
        device: default the network's.
        batch: images per call of the network; default all.
        generator: in place of ``seed``, one for each image or one for all, as diffusers'
            pipelines take them: the same noise is drawn, in the same order.
        observe: called before each step as ``observe(t, x_t, eps)``; eps is the noise
            that the network's output implies, whatever it predicts.
        progress: where progress is told.
        name: what progress calls this work.

    Returns:
        (images, trace): images of shape (images, C, H, W) in the pixel scale of the
        network; the trace has one run per image and T steps in order of generation.

        * ``react``: ||mu_theta(x_t, t) - x_t||, the drift of one reverse step.
        * ``diff``: ||sigma_t z||. At the last step the z that was drawn counts even
          where it was not added (``last_noise=False``): Fig. 3's final ratio needs a
          denominator there, and Eq. (17) has no exception. What was added is
          ``extras["added"]``, which differs in that one step only. Where sigma_t = 0, as
          at the last step of a posterior variance, it is 0 and R_t is not defined.
        * ``extras["epsilon"]``: ||eps_theta||, Eq. (14) as printed.
        * ``extras["change"]``: ||drift + sigma_t z||.

    Raises:
        InputError: on arguments outside their domain, a network that needs more than an
            image and a time, output of another shape, or one that is not finite: the
            message names the step.

    Source: Eqs. (14), (17); Ho, Jain, Abbeel 2020, algorithm 2.
    """
    network, process = take_apart(denoiser, schedule, variance, clip, last_noise)
    images, seed, batch = check_draws(images, seed, batch)
    one = image_shape(network, shape, initial, images, process)
    dtype = _state_dtype(network, dtype)
    device = device_of(network) if device is None else device
    streams, seeds = _streams(generator, seed, images, device)
    size = batch or images
    parts = []
    with (
        untouched(network, device),
        (progress or Reporter()).task(name, process.T * -(-images // size)) as task,
    ):
        for start in range(0, images, size):
            chunk = slice(start, min(start + size, images))
            generators = streams(chunk)
            x = torch.empty((chunk.stop - start, *one), dtype=dtype, device=device)
            _fill(x, generators)  # drawn even where given, so that z does not depend on it
            if initial is not None:
                x.copy_(initial[chunk])
            parts.append(_chain(network, x, generators, process, observe, task.advance))
    state = torch.cat([part[0] for part in parts])
    norms = torch.cat([part[1] for part in parts], dim=2).double().cpu().numpy()
    config = {
        **process.settings,
        "shape": list(one),
        "seed": seed if generator is None else None,
        "dtype": str(dtype).removeprefix("torch."),
    }
    return state, _trace(norms, process, config, seeds)


def check_draws(images: Any, seed: Any, batch: Any) -> tuple[int, int, int | None]:
    """The same as Python's ints; InputError unless they are images, a seed, images at a time."""
    images = require_integer("images", images, 1)
    require(images <= MOST_IMAGES, "images", images, f"at most {MOST_IMAGES}")
    seed = require_integer("seed", seed, 0)
    return images, seed, None if batch is None else require_integer("batch", batch, 1)


def _state_dtype(network: Any, dtype: torch.dtype | None) -> torch.dtype:
    own = dtype_of(network) or torch.float32
    chosen = torch.promote_types(own, torch.float32) if dtype is None else dtype
    known = isinstance(chosen, torch.dtype) and chosen.is_floating_point
    require(known, "dtype", dtype, "a floating-point type")
    return chosen


def _streams(
    generator: Generators | None, seed: int, images: int, device: torch.device | str
) -> tuple[Callable[[slice], Generators], list[int]]:
    """Which generators a batch draws from, and the seed of each image where it has its own."""
    if isinstance(generator, torch.Generator):
        return lambda chunk: generator, []
    if generator is not None:
        given = list(generator)
        right = all(isinstance(one, torch.Generator) for one in given) and len(given) == images
        require(right, "generator", given, f"a torch.Generator, or one for each of {images} images")
        return lambda chunk: given[chunk], [one.initial_seed() for one in given]
    seeds = [seeded(seed, k).initial_seed() for k in range(images)]
    return lambda chunk: [torch.Generator(device).manual_seed(s) for s in seeds[chunk]], seeds


def _trace(
    norms: FloatArray, process: ReverseProcess, config: dict[str, Any], seeds: list[int]
) -> Trace:
    """From the norms of shape (4, T, images), in the order of NORMS."""
    react, drawn, epsilon, change = norms
    drawn = drawn * process.counted[:, None]
    extras = {"epsilon": epsilon, "added": drawn * process.added[:, None], "change": change}
    return Trace(
        react.T,
        drawn.T,
        system="DDPM",
        config=config,
        seeds=seeds,
        extras={name: values.T for name, values in extras.items()},
    )


def _chain(
    network: Denoiser,
    x: torch.Tensor,
    generators: Generators,
    process: ReverseProcess,
    observe: Observer | None,
    advance: Callable[[], None],
) -> tuple[torch.Tensor, torch.Tensor]:
    """All steps for one batch; norms of shape (4, T, batch) stay on the device until the end."""
    n, T = x.shape[0], process.T
    wide = torch.promote_types(x.dtype, torch.float32)
    norms = torch.zeros((len(NORMS), T, n), dtype=wide, device=x.device)
    times = torch.tensor(process.times, device=x.device).repeat_interleave(n).reshape(T, n)
    own = dtype_of(network) or x.dtype
    sigma = process.sigma.tolist()
    noise = torch.empty_like(x)
    for k, t in enumerate(process.times):
        # a copy: a network may work in place
        output = answer(network(x.to(own, copy=True), times[k]), x, t, process.spread is not None)
        scale: float | torch.Tensor = sigma[k]
        if process.spread is not None:
            output, spread = output.chunk(2, dim=1)
            scale = process.spread(spread, k)
        eps = process.noise(x, output, k)
        if observe is not None:
            observe(t, x, eps)
        drift = process.drift(x, output, k)
        _fill(noise, generators)
        if isinstance(scale, torch.Tensor):
            noise, scale = noise * scale, 1.0
        norms[0, k] = norm(drift)
        drift = drift.to(x.dtype)
        norms[1, k] = norm(noise).mul_(scale)
        norms[2, k] = norm(eps)
        norms[3, k] = norm(torch.add(drift, noise, alpha=scale))
        x = x + drift
        if process.added[k]:
            x.add_(noise, alpha=scale)
        if _is_looked_at(k, T, x.device.type):
            _check_finite(norms, k, process)
        advance()
    return x, norms


def norm(values: torch.Tensor) -> torch.Tensor:
    """L2 norm of each image over pixels and channels: (n, C, H, W) -> (n,), float32 or wider."""
    wide = torch.promote_types(values.dtype, torch.float32)
    length: torch.Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1, dtype=wide)
    return length


def _fill(out: torch.Tensor, generators: Generators) -> None:
    if isinstance(generators, torch.Generator):
        out.normal_(generator=generators)
        return
    for image, generator in zip(out, generators, strict=True):
        image.normal_(generator=generator)


def _is_looked_at(k: int, T: int, device: str) -> bool:
    """Whether a step's numbers are checked at once; a look at a GPU's makes it wait."""
    return (k + 1) % (1 if device == "cpu" else 50) == 0 or k == T - 1


def _check_finite(norms: torch.Tensor, k: int, process: ReverseProcess) -> None:
    if not bool(torch.isfinite(norms[:, : k + 1]).all()):
        first = int((~torch.isfinite(norms)).any(dim=2).any(dim=0).nonzero()[0, 0])
        raise InputError(
            f"denoiser's output at step {first + 1} of {process.T} (t = {process.times[first]}) = "
            "NaN or infinity is not allowed: must be finite, with a finite norm"
        )
