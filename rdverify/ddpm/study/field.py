"""What kind of field the learned drift is: a gradient or not, whereto it points, what it feeds.

Section 3.2 calls it "a gradient field pointing towards the modes" that "performs a short-range
positive feedback", and the process without noise "deterministic gradient ascent". A field is a
gradient if and only if its Jacobian is symmetric; feedback is the sign of that Jacobian along a
small bump. Both are asked of the network by automatic differentiation, the rest of a mixture
whose score is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from rdverify.ddpm import q_sample
from rdverify.ddpm.sde import reverse_increment
from rdverify.ddpm.study.exact import BATCHES, DOWN, MIXTURE, SDE
from rdverify.ddpm.study.facts import MNIST, UNTRAINED
from rdverify.ddpm.study.rows import CONTROL_SEED, SCHEDULE
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.trace import FloatArray

LEVELS = (50, 150, 300, 450, 600, 800)  # t at which networks are asked; there are no ties to print
FINE_LEVELS = (0, 10, 50, 150, 300, 450, 600, 800, 999)
PROBES, PLACES = 2, 4  # random directions, places of a bump: of each image at each level
WALKERS = 50  # trajectories of each batch in the mixture
BUMPS = {"pixel": "one pixel", "patch": "a patch of 5 by 5 pixels"}
SIZES = {"pixel": 1, "patch": 5}


def output_at(network: Any, x: torch.Tensor, t: int) -> Any:
    """eps_theta(x, t), which can be derived twice; x of shape (n, C, H, W)."""
    with sdpa_kernel(SDPBackend.MATH):  # the fused attention has no second derivative
        found = network(x, torch.full((len(x),), t))
    return getattr(found, "sample", found)


def jacobian_products(
    network: Any, x: torch.Tensor, t: int, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(J v, J^T v) of eps_theta(., t) at x, image by image; x and v of shape (n, C, H, W)."""
    x = x.detach().requires_grad_(True)
    output = output_at(network, x, t)
    weight = torch.zeros_like(output, requires_grad=True)
    (pulled,) = torch.autograd.grad(output, x, weight, create_graph=True)  # J^T weight
    (pushed,) = torch.autograd.grad(pulled, weight, v, retain_graph=True)  # linear in weight: J v
    (back,) = torch.autograd.grad(output, x, v)
    return pushed.detach(), back.detach()


def asymmetries(
    network: Any, images: torch.Tensor, levels: tuple[int, ...] = LEVELS
) -> dict[str, FloatArray]:
    """Share of eps_theta's Jacobian that is no gradient's, per image, shape (n,), in [0, 1].

    ||(J - J^T)/2||_F over ||J||_F, by random signs v (Hutchinson: E ||A v||^2 = ||A||_F^2), over
    noised ``images``, mean over levels. 0 for a gradient, sqrt(1/2) for a matrix of independent
    entries. "whole" is that; "shaped" takes J - (tr J/d) Id for the denominator: a multiple of the
    identity, most of J where noise prevails, is symmetric whatever the network has learned.
    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    odd, whole, trace = (torch.zeros(len(levels), len(images), dtype=torch.float64) for _ in "abc")
    for k, t in enumerate(levels):
        x = q_sample(images, t, SCHEDULE, torch.randn(images.shape, generator=generator))
        for _ in range(PROBES):
            v = torch.randint(2, images.shape, generator=generator).to(x) * 2 - 1
            forth, back = jacobian_products(network, x, t, v)
            odd[k] += ((forth - back) / 2).double().square().flatten(1).sum(1)
            whole[k] += forth.double().square().flatten(1).sum(1)
            trace[k] += (v * forth).double().flatten(1).sum(1)
    plain = (trace / PROBES).square() / images[0].numel()
    shaped = (whole - PROBES * plain).clamp_min(1e-12)
    of = {"whole": whole.clamp_min(1e-12), "shaped": shaped}
    return {part: np.asarray((odd / size).sqrt().mean(0).numpy()) for part, size in of.items()}


def feedback(
    network: Any, images: torch.Tensor, size: int, levels: tuple[int, ...] = LEVELS
) -> FloatArray:
    """Growth of a small bump by the drift, v.J v / (|v|^2 beta_t), per image, shape (n,).

    J is the Jacobian of one reverse step's drift a_t x + b_t eps_theta, v is 1 on ``size`` by
    ``size`` pixels and 0 elsewhere; a mean over places and levels. Positive: where there is
    more, more is produced. x_t are noised ``images``.
    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    a, b = SCHEDULE.drift_coefficients()
    high, wide = images.shape[-2:]
    found = []
    for t in levels:
        noise = torch.randn(images.shape, generator=generator)
        x = q_sample(images, t, SCHEDULE, noise).requires_grad_(True)
        output = output_at(network, x, t)
        for _ in range(PLACES):
            v = torch.zeros_like(images)
            row = int(torch.randint(high - size + 1, (1,), generator=generator))
            column = int(torch.randint(wide - size + 1, (1,), generator=generator))
            v[..., row : row + size, column : column + size] = 1
            (back,) = torch.autograd.grad(output, x, v, retain_graph=True)  # J^T v
            along = (v * back).flatten(1).sum(1) / v.square().flatten(1).sum(1)
            found.append((float(a[t]) + float(b[t]) * along.double()) / float(SCHEDULE.beta[t]))
    return np.asarray(torch.stack(found).mean(0).numpy())


def asked(runs: Runs, row: str) -> tuple[Any, torch.Tensor]:
    """A row's network, and eight of the MNIST network's images, which all are asked about."""
    return runs.networks[runs.of[row].setting], runs.rows["MNIST"].images[:8]


@fact(
    "ddpm.{row}.{part}_asymmetry",
    "share of the Jacobian of epsilon_theta, {part}, that is not symmetric; 0 for a gradient "
    "field, {row}",
    row=MNIST | UNTRAINED,
    part={"whole": "as it is", "shaped": "its multiple of the identity taken out"},
)
def _asymmetry(runs: Runs, row: str, part: str) -> FloatArray:
    return _asymmetries(runs, row)[part]


@cache
def _asymmetries(runs: Runs, row: str) -> Mapping[str, FloatArray]:
    return asymmetries(*asked(runs, row))


@fact(
    "ddpm.{row}.{bump}_feedback",
    "growth of a bump on {bump} by the drift of one reverse step, over beta_t, {row}",
    row=MNIST | UNTRAINED,
    bump=BUMPS,
)
def _feedback(runs: Runs, row: str, bump: str) -> FloatArray:
    return feedback(*asked(runs, row), SIZES[bump])


def way_back(
    output: Any, images: torch.Tensor, levels: tuple[int, ...] = FINE_LEVELS
) -> FloatArray:
    """Cosine of one step's drift with the way from x_t back to sqrt(alpha_bar_t) x_0, shape (n,).

    x_t are noised ``images`` x_0, whose way back is minus their noise; the least over levels,
    since a restoring force restores at each. ``output`` gives eps for (x_t, t).
    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    a, b = SCHEDULE.drift_coefficients()
    found = []
    for t in levels:
        noise = torch.randn(images.shape, generator=generator)
        x = q_sample(images, t, SCHEDULE, noise)
        with torch.no_grad():
            drift = float(a[t]) * x + float(b[t]) * output(x, t)
        back = torch.nn.functional.cosine_similarity(drift.flatten(1), -noise.flatten(1), eps=1e-12)
        found.append(back.double().numpy())
    return np.asarray(np.min(found, axis=0))


@fact(
    "ddpm.{row}.way_back",
    "cosine of the drift of one reverse step with the way from a noised image back to it, the "
    "least of nine noise levels, {row}",
    row=MNIST | UNTRAINED,
)
def _way_back(runs: Runs, row: str) -> FloatArray:
    network, images = asked(runs, row)
    return way_back(lambda x, t: network(x, torch.full((len(x),), t)).sample, images)


@fact(
    "ddpm.control.no_data.way_back",
    "the same for the exact denoiser of N(0, Id), which knows no data",
)
def _blind_way_back(runs: Runs) -> FloatArray:
    rest = SCHEDULE.one_minus_alpha_bar
    return way_back(lambda x, t: float(rest[t]) ** 0.5 * x, asked(runs, "mnist")[1])


def whereto(states: torch.Tensor, forces: torch.Tensor, ends: torch.Tensor) -> FloatArray:
    """Mean cosine of forces with the way to the ends, shape (n,).

    Args:
        states: shape (k, n, ...).
        forces: likewise.
        ends: shape (n, ...).
    """
    way = (ends - states).flatten(2).double()
    cosine = torch.nn.functional.cosine_similarity(forces.flatten(2).double(), way, 2, 1e-12)
    return np.asarray(cosine.mean(0).numpy())


@fact(
    "ddpm.mnist.score_towards_end",
    "mean cosine of the learned score, -epsilon_theta, with the way to the trajectory's own final "
    "image",
)
def _score_towards_end(runs: Runs) -> FloatArray:
    watched, ends = runs.rows["MNIST"].watched, runs.rows["MNIST"].images
    return whereto(watched.states, -watched.noise, ends)


@fact(
    "ddpm.control.no_data.score_towards_end",
    "the same on the same states for the score -x of N(0, Id), which knows no data",
)
def _blind_towards_end(runs: Runs) -> FloatArray:
    watched, ends = runs.rows["MNIST"].watched, runs.rows["MNIST"].images
    return whereto(watched.states, -watched.states, ends)


@cache
def walks() -> Mapping[str, FloatArray]:
    """Eq. (10) in the mixture with its exact score, with and without noise, batch by batch.

    Returns, each of shape (BATCHES,): "noise.rising" and "silent.rising", the share of the steps
    that go up ln p_t, to first order; "score" and "blind", the mean cosine of the score, and of
    -x, with the way to the mode in which the trajectory ends (with noise).
    """
    rng = np.random.default_rng(8)
    start = rng.standard_normal((BATCHES * WALKERS, 2))
    found: dict[str, FloatArray] = {}
    for name in ("noise", "silent"):
        x, states, scores, rising = start.copy(), [], [], []
        for t, dt in zip(DOWN[:-1], np.diff(DOWN), strict=True):
            dw = math.sqrt(-dt) * rng.standard_normal(x.shape) * (name == "noise")
            score = MIXTURE.score(x, float(t))
            step = reverse_increment(x, float(t), float(dt), SDE.f, SDE.g, MIXTURE.score, dw)
            states.append(x)
            scores.append(score)
            rising.append((step * score).sum(1) > 0)
            x = x + step
        found[f"{name}.rising"] = by_batch(np.mean(rising, axis=0))
        if name == "noise":
            ends = MIXTURE.means[MIXTURE.posterior(x).argmax(1)]
            now, forces, goal = (torch.from_numpy(np.asarray(v)) for v in (states, scores, ends))
            found["score"] = by_batch(whereto(now, forces, goal))
            found["blind"] = by_batch(whereto(now, -now, goal))
    return found


def by_batch(values: FloatArray) -> FloatArray:
    """Means over each batch's trajectories: (BATCHES * WALKERS,) -> (BATCHES,)."""
    return np.asarray(values.reshape(BATCHES, WALKERS).mean(1))


@fact(
    "ddpm.reverse.score_towards_mode",
    "mean cosine of the exact score of the eight-mode mixture with the way to the mode in which "
    "the trajectory ends",
)
def _score_towards_mode(runs: Runs) -> FloatArray:
    return walks()["score"]


@fact(
    "ddpm.control.no_data.score_towards_mode",
    "the same on the same states for the score -x of N(0, Id), which knows no data",
)
def _blind_towards_mode(runs: Runs) -> FloatArray:
    return walks()["blind"]


@fact(
    "ddpm.{end}.rising",
    "share of the steps ({end}) that go up ln p_t, exact score, eight-mode mixture",
    end={"silent": "without noise", "reverse": "with noise"},
)
def _rising(runs: Runs, end: str) -> FloatArray:
    return walks()[f"{'silent' if end == 'silent' else 'noise'}.rising"]
