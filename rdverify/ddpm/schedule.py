"""The noise schedule of a DDPM and its forward process (eq08)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch

from rdverify.tools.errors import InputError, require, require_integer, require_number
from rdverify.trace import FloatArray

Direction = Literal["increasing", "decreasing"]
Scaling = Literal["endpoints", "1/T"]
Variance = Literal["beta", "posterior", "none"]
# Ho, Jain, Abbeel 2020, section 4; at this T "1/T" scaling leaves the end points as given
T_REFERENCE, BETA_1, BETA_T = 1000, 1e-4, 0.02


@dataclass(frozen=True, eq=False)
class Schedule:
    """beta_t and what follows from it.

    Time is counted as arrays are: index t = 0 .. T-1 is the paper's t + 1, so
    index 0 is the step next to the data and T-1 the one next to pure noise.

    Args:
        beta: beta_t, variance of the noise that forward step t adds, shape (T,),
            T >= 2, each in the open interval (0, 1).
        name: how it was made, for the record.

    Attributes:
        alpha: 1 - beta_t, shape (T,).
        alpha_bar: product of alpha up to and including t, shape (T,).
        alpha_bar_before: the same one step nearer to the data, 1 at t = 0.

    Raises:
        InputError: on fewer than two steps or a beta outside (0, 1).

    Source: Eq. (8); Ho, Jain, Abbeel 2020, section 2.
    """

    beta: FloatArray
    name: str = "given"

    def __post_init__(self) -> None:
        beta = np.array(self.beta, dtype=np.float64)
        require(beta.ndim == 1, "beta.ndim", beta.ndim, "1, for (T,)")
        require(beta.size >= 2, "T", beta.size, "at least 2 steps")
        bad = np.flatnonzero(~((beta > 0) & (beta < 1)))  # NaN is bad too
        if bad.size:
            require(False, f"beta[{bad[0]}]", float(beta[bad[0]]), "in the open interval (0, 1)")
        beta.flags.writeable = False
        object.__setattr__(self, "beta", beta)

    @classmethod
    def linear(
        cls,
        T: int = T_REFERENCE,
        beta_1: float = BETA_1,
        beta_T: float = BETA_T,
        direction: Direction = "increasing",
        scaling: Scaling = "endpoints",
    ) -> Schedule:
        """Equally spaced beta between two end points.

        Args:
            T: number of steps, >= 2.
            beta_1: one end point, in (0, 1); with ``direction`` "increasing" it
                belongs to the step next to the data.
            beta_T: the other end point, in (0, 1).
            direction: "increasing" or "decreasing" in forward time; the paper
                (section 2.3) says that beta_t decreases.
            scaling: "endpoints" keeps both whatever T; "1/T" multiplies both by
                1000 / T, which keeps the total noise, and so alpha_bar_T, alike.
        """
        T = require_integer("T", T, 2)
        require(
            direction in ("increasing", "decreasing"),
            "direction",
            direction,
            "'increasing' or 'decreasing'",
        )
        require(scaling in ("endpoints", "1/T"), "scaling", scaling, "'endpoints' or '1/T'")
        allowed = "in the open interval (0, 1)"
        beta_1 = require_number("beta_1", beta_1, allowed, lambda rate: 0 < rate < 1)
        beta_T = require_number("beta_T", beta_T, allowed, lambda rate: 0 < rate < 1)
        factor = T_REFERENCE / T if scaling == "1/T" else 1.0
        beta = np.linspace(beta_1 * factor, beta_T * factor, T)
        return cls(
            beta if direction == "increasing" else beta[::-1],
            f"linear, T = {T}, {beta_1:g} to {beta_T:g}, {direction}, {scaling}",
        )

    @classmethod
    def cosine(cls, T: int = T_REFERENCE, s: float = 0.008, beta_max: float = 0.999) -> Schedule:
        """alpha_bar(t) = cos^2(((t/T + s)/(1 + s)) pi/2), normalised to 1 at t = 0.

        Source: Nichol, Dhariwal 2021, section 3.2; beta is capped at ``beta_max``.
        """
        T = require_integer("T", T, 2)
        s = require_number("s", s, "in [0, 1)", lambda shift: 0 <= shift < 1)
        allowed = "in the open interval (0, 1)"
        beta_max = require_number("beta_max", beta_max, allowed, lambda rate: 0 < rate < 1)
        bar = np.cos((np.arange(T + 1) / T + s) / (1 + s) * math.pi / 2) ** 2
        return cls(np.minimum(1 - bar[1:] / bar[:-1], beta_max), f"cosine, T = {T}, s = {s:g}")

    @classmethod
    def from_scheduler(cls, scheduler: Any) -> Schedule:
        """Take beta from a diffusers scheduler; InputError unless it predicts epsilon."""
        config = getattr(scheduler, "config", None)
        kind = getattr(config, "prediction_type", None)
        require(
            kind == "epsilon",
            "prediction_type",
            kind,
            "'epsilon': the drift of Eq. (14) is defined for a network that predicts the noise",
        )
        betas = getattr(scheduler, "betas", None)
        if betas is None:
            raise InputError(
                f"scheduler = {type(scheduler).__name__} is not allowed: "
                "must be a scheduler with betas, like diffusers' DDPMScheduler"
            )
        return cls(
            np.asarray(betas, dtype=np.float64), f"{type(scheduler).__name__}, T = {len(betas)}"
        )

    @property
    def T(self) -> int:
        """Number of steps."""
        return int(self.beta.size)

    @cached_property
    def alpha(self) -> FloatArray:
        """1 - beta_t."""
        return 1 - self.beta

    @cached_property
    def alpha_bar(self) -> FloatArray:
        """Product of alpha_1 .. alpha_t."""
        return np.asarray(np.cumprod(self.alpha), dtype=np.float64)

    @cached_property
    def one_minus_alpha_bar(self) -> FloatArray:
        """1 - alpha_bar_t without the cancellation of that difference."""
        return np.asarray(-np.expm1(np.cumsum(np.log1p(-self.beta))), dtype=np.float64)

    @cached_property
    def alpha_bar_before(self) -> FloatArray:
        """alpha_bar one step nearer to the data: 1 at t = 0."""
        return np.concatenate([[1.0], self.alpha_bar[:-1]])

    @cached_property
    def posterior_variance(self) -> FloatArray:
        """Variance beta_t (1-alpha_bar_{t-1})/(1-alpha_bar_t) of q(x_{t-1} | x_t, x_0)."""
        before = np.concatenate([[0.0], self.one_minus_alpha_bar[:-1]])
        variance: FloatArray = self.beta * before / self.one_minus_alpha_bar
        return variance

    def sigma(self, variance: Variance = "beta") -> FloatArray:
        """sigma_t of Eq. (17), shape (T,): sqrt(beta_t), the posterior's, or 0 for "none"."""
        require(
            variance in ("beta", "posterior", "none"),
            "variance",
            variance,
            "'beta', 'posterior' or 'none'",
        )
        if variance == "none":
            return np.zeros(self.T)
        return np.sqrt(self.beta if variance == "beta" else self.posterior_variance)

    def drift_coefficients(self) -> tuple[FloatArray, FloatArray]:
        """(a_t, b_t) of the drift of one reverse step, mu_theta(x_t, t) - x_t = a_t x_t + b_t eps.

        a_t = 1/sqrt(alpha_t) - 1 and b_t = -beta_t / (sqrt(alpha_t) sqrt(1 - alpha_bar_t)),
        from mu_theta = (x_t - beta_t/sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t).
        """
        a = np.expm1(-0.5 * np.log1p(-self.beta))
        return a, -self.beta / np.sqrt(self.alpha * self.one_minus_alpha_bar)


def forward_step(
    x_t: torch.Tensor, t: int, schedule: Schedule, noise: torch.Tensor
) -> torch.Tensor:
    """One forward step (eq08): x_{t+1} = sqrt(1 - beta_t) x_t + sqrt(beta_t) eps_t.

    Args:
        x_t: the state before the step, any shape.
        t: index of beta, 0 .. T-1.
        schedule: beta_t.
        noise: eps_t ~ N(0, Id), the shape of ``x_t``.
    """
    index(t, schedule)
    beta = float(schedule.beta[t])
    return math.sqrt(1 - beta) * x_t + math.sqrt(beta) * noise


def q_sample(
    x_0: torch.Tensor, t: int | torch.Tensor, schedule: Schedule, noise: torch.Tensor
) -> torch.Tensor:
    """x_t given x_0, all forward steps up to index t at once (eq08 composed).

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, which has the law of
    t + 1 steps of Eq. (8).

    Args:
        x_0: data, any shape; shape (n, ...) where ``t`` is a tensor.
        t: index, 0 .. T-1, or one for each of n data, shape (n,), int64.
        schedule: beta_t.
        noise: eps ~ N(0, Id), the shape of ``x_0``.
    """
    if not isinstance(t, torch.Tensor):
        index(t, schedule)
        return (
            math.sqrt(schedule.alpha_bar[t]) * x_0
            + math.sqrt(schedule.one_minus_alpha_bar[t]) * noise
        )
    for end in (int(t.min()), int(t.max())):
        index(end, schedule)
    kept, added = (
        torch.from_numpy(np.sqrt(bar)[t.numpy()]).to(x_0.dtype).view(-1, *[1] * (x_0.ndim - 1))
        for bar in (schedule.alpha_bar, schedule.one_minus_alpha_bar)
    )  # (n,) -> (n, 1, ...)
    return kept * x_0 + added * noise


def index(t: int, schedule: Schedule) -> int:
    """``t`` if it is an index of ``schedule``; raises InputError if not."""
    t = require_integer("t", t, 0)
    require(t < schedule.T, "t", t, f"an index in [0, {schedule.T})")
    return t
