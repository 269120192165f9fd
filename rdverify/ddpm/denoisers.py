"""Noise predictors that are known exactly: the controls of a trained network.

Each is called as ``denoiser(x, t)`` with x of shape (n, C, H, W) and t an integer
tensor of shape (n,), all entries alike, and returns eps of x's shape, as
:func:`rdverify.ddpm.sampler.sample` wants it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rdverify.ddpm.schedule import Schedule
from rdverify.tools.errors import require


def zero(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The network that has learned nothing: eps_theta = 0.

    Args:
        x: x_t, shape (n, C, H, W).
        t: index of the schedule, shape (n,); not used.
    """
    return torch.zeros_like(x)


@dataclass(frozen=True, eq=False)
class TrueNoise:
    """The noise that leads from one fixed image to x_t.

    eps = (x_t - sqrt(alpha_bar_t) x_0) / sqrt(1 - alpha_bar_t). The reverse chain
    ends in ``x_0`` whatever its start: the network of a data set of one image.

    Args:
        schedule: beta_t.
        x_0: the image, shape (C, H, W) or (n, C, H, W).
    """

    schedule: Schedule
    x_0: torch.Tensor

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return eps for x_t of shape (n, C, H, W)."""
        root_bar, root_rest = _roots(self.schedule, t)
        return (x - root_bar * self.x_0.to(x)) / root_rest


@dataclass(frozen=True, eq=False)
class GaussianDenoiser:
    """E[eps | x_t] where the pixels are independent Gaussians, the best of all predictors.

    eps = sqrt(1 - alpha_bar_t) (x_t - sqrt(alpha_bar_t) m) / (alpha_bar_t v + 1 - alpha_bar_t).

    Args:
        schedule: beta_t.
        mean: m, a number or a tensor of shape (C, H, W).
        variance: v >= 0, likewise.
    """

    schedule: Schedule
    mean: torch.Tensor | float = 0.0
    variance: torch.Tensor | float = 1.0

    def __post_init__(self) -> None:
        require(
            bool((torch.as_tensor(self.variance) >= 0).all()),
            "variance",
            self.variance,
            ">= 0 in every pixel",
        )

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return E[eps | x_t] for x_t of shape (n, C, H, W)."""
        root_bar, root_rest = _roots(self.schedule, t)
        mean, variance = (torch.as_tensor(v).to(x) for v in (self.mean, self.variance))
        return root_rest * (x - root_bar * mean) / (root_bar**2 * variance + root_rest**2)

    def mmse(self, t: int) -> torch.Tensor:
        """E||eps - E[eps | x_t]||^2 / d = mean of alpha_bar v / (alpha_bar v + 1 - alpha_bar)."""
        bar, rest = float(self.schedule.alpha_bar[t]), float(self.schedule.one_minus_alpha_bar[t])
        signal = bar * torch.as_tensor(self.variance, dtype=torch.float64)
        return (signal / (signal + rest)).mean()


@dataclass(frozen=True, eq=False)
class MixtureDenoiser:
    """E[eps | x_t] where the data are an isotropic Gaussian mixture or a finite set.

    With component means m_k, weights w_k and variance v per pixel, and
    s = alpha_bar_t v + 1 - alpha_bar_t, the posterior of the component is
    p_k ~ w_k exp(-||x_t - sqrt(alpha_bar_t) m_k||^2 / (2 s)), and

        eps = sqrt(1 - alpha_bar_t)/s (x_t - sqrt(alpha_bar_t) sum_k p_k m_k).

    v = 0 is the empirical distribution of the m_k, the network that has learned
    its training set by heart.

    Args:
        schedule: beta_t.
        means: m_k, shape (K, C, H, W).
        variance: v >= 0.
        weights: w_k >= 0, shape (K,); default equal.
    """

    schedule: Schedule
    means: torch.Tensor
    variance: float = 0.0
    weights: torch.Tensor | None = None

    def __post_init__(self) -> None:
        require(
            self.means.ndim >= 2 and self.means.shape[0] >= 1,
            "means.shape",
            tuple(self.means.shape),
            "(K, C, H, W) with K >= 1",
        )
        require(
            math.isfinite(self.variance) and self.variance >= 0,
            "variance",
            self.variance,
            "finite and >= 0",
        )
        if self.weights is not None:
            require(
                self.weights.shape == self.means.shape[:1] and bool((self.weights >= 0).all()),
                "weights",
                self.weights,
                "one number >= 0 for each component",
            )

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return E[eps | x_t] for x_t of shape (n, C, H, W)."""
        root_bar, root_rest = _roots(self.schedule, t)
        spread = root_bar**2 * self.variance + root_rest**2
        means = self.means.to(x).flatten(1)  # (K, d)
        flat = x.flatten(1)  # (n, d)
        # ||x - r m_k||^2 without ||x||^2, which all components share
        distance = (root_bar * means).square().sum(1) - 2 * root_bar * flat @ means.T  # (n, K)
        logits = -distance / (2 * spread)
        if self.weights is not None:
            logits = logits + self.weights.to(x).log()
        centre = (logits.softmax(1) @ means).reshape(x.shape)  # (n, K) (K, d) -> (n, C, H, W)
        return root_rest / spread * (x - root_bar * centre)


class Remapped:
    """A trained network under another schedule or pixel scale, by a change of variables.

    What a noise predictor knows depends on the noise level alone. For data
    y_0 = scale x_0 + shift with x_0 the network's own scale,

        y_t = sqrt(alpha_bar_t) y_0 + sqrt(1 - alpha_bar_t) eps
        => (y_t - sqrt(alpha_bar_t) shift) / (scale k) = sqrt(bar') x_0 + sqrt(1 - bar') eps

    with k^2 = alpha_bar_t + (1 - alpha_bar_t)/scale^2 and bar' = alpha_bar_t / k^2. The
    network is asked at the (fractional) t' of its own schedule where alpha_bar is
    bar', found by linear interpolation of log bar'/(1 - bar'). Beyond its noisiest step,
    where it was never trained, the state itself is the answer: there x = sqrt(bar') x_0 +
    sqrt(1 - bar') eps with bar' below the schedule's last alpha_bar (4e-5 for 1000 steps),
    so E[eps | x] = x up to sqrt(bar'). A network asked there for its last step instead
    makes errors that T steps amplify without bound.

    Args:
        network: eps_theta, called with a float tensor t' of shape (n,).
        own: the schedule that it was trained with.
        schedule: the one to be sampled.
        scale: > 0, pixels of y per pixel of x; 0.5 with shift 0.5 takes [-1, 1] to [0, 1].
        shift: see ``scale``.
    """

    def __init__(
        self,
        network: Any,
        own: Schedule,
        schedule: Schedule,
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> None:
        require(math.isfinite(scale) and scale > 0, "scale", scale, "positive and finite")
        self.network, self.scale, self.shift = network, scale, shift
        self.config = getattr(network, "config", None)  # tells the image's shape
        rest = schedule.one_minus_alpha_bar / scale**2
        level = np.log(schedule.alpha_bar / rest)
        levels = np.log(own.alpha_bar / own.one_minus_alpha_bar)
        self.t_own = np.interp(level, levels[::-1], np.arange(own.T - 1.0, -1.0, -1.0))
        self.beyond = level < levels[-1]
        self.k = np.sqrt(schedule.alpha_bar + rest)
        self.root_bar = np.sqrt(schedule.alpha_bar)

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> Any:
        """Return the network's output for y_t of shape (n, C, H, W)."""
        at = int(t.reshape(-1)[0])
        own = (x - float(self.root_bar[at]) * self.shift) / (self.scale * float(self.k[at]))
        if self.beyond[at]:
            return own
        return self.network(own, torch.full((len(x),), float(self.t_own[at]), device=x.device))


def _roots(schedule: Schedule, t: torch.Tensor) -> tuple[float, float]:
    """sqrt(alpha_bar_t), sqrt(1 - alpha_bar_t) at the common index of a batch."""
    at = int(t.reshape(-1)[0])
    return (math.sqrt(schedule.alpha_bar[at]), math.sqrt(schedule.one_minus_alpha_bar[at]))
