"""The reverse process as a list of steps, each a drift and a kick of noise (eq14, eq17).

A :class:`Schedule` makes one by the paper's formulas, :func:`of_scheduler` in
``schedulers.py`` one with the numbers of a diffusers scheduler; the sampler runs either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from rdverify.ddpm.schedule import Schedule, Variance, index
from rdverify.tools.errors import require_number
from rdverify.trace import FloatArray

Prediction = Literal["epsilon", "sample", "v_prediction"]


@dataclass(frozen=True, eq=False)
class ReverseProcess:
    """x <- x + drift + sigma z at each of T steps, z ~ N(0, Id), in order of generation.

    What the network returns, o, implies an image and a noise, by what it was trained to
    predict. With r = sqrt(alpha_bar) and s = sqrt(1 - alpha_bar) at the step's time, where
    x = r x_0 + s eps:

    =============  ==================  =============
    prediction     x_0                 eps
    =============  ==================  =============
    epsilon        (x - s o) / r       o
    sample         o                   (x - r o) / s
    v_prediction   r x - s o           s x + r o
    =============  ==================  =============

    and the drift, the term of Eq. (14) as corrected, is

        drift = mu - x = to_image limit(x_0) + to_noise eps + to_state x,

    limit being the clipping or thresholding of x_0. Without one it is affine, a x + b o.

    Attributes:
        times: what the network is asked for at each step, shape (T,).
        prediction: what the network predicts.
        root_bar, root_rest: r and s, shape (T,).
        to_image, to_noise, to_state: the coefficients of the drift, shape (T,) or one for all.
        sigma: that of Eq. (17), shape (T,); where ``spread`` is given its upper end.
        added: whether a step adds its noise to the state, shape (T,).
        counted: whether it counts as the step's diffusion, added or not, shape (T,).
        linear: (a, b), each of shape (T,); default worked out from the others.
        limit: x_0 -> x_0 as the sampler limits it, or None.
        spread: (v, k) -> sigma pixel by pixel at step k, from the second half of the
            channels that the network returns; None where it predicts no variance.
        wide: whether a drift with a limit is added up in float64: near the data its parts
            nearly cancel.
        settings: what it was made from, plain JSON values.
    """

    times: tuple[int, ...]
    root_bar: FloatArray
    root_rest: FloatArray
    to_image: FloatArray
    to_state: FloatArray
    sigma: FloatArray
    added: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    to_noise: FloatArray | float = 0.0
    prediction: Prediction = "epsilon"
    linear: tuple[FloatArray, FloatArray] | None = None
    limit: Callable[[torch.Tensor], torch.Tensor] | None = None
    spread: Callable[[torch.Tensor, int], torch.Tensor] | None = None
    wide: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.times)

    @classmethod
    def of_schedule(
        cls,
        schedule: Schedule,
        variance: Variance = "beta",
        clip: float | None = None,
        last_noise: bool = False,
    ) -> ReverseProcess:
        """The paper's, over all of a schedule; arguments as :func:`reverse_step` has them."""
        if clip is not None:
            clip = require_number("clip", clip, "None or a positive finite range", lambda c: c > 0)
        back = slice(None, None, -1)
        a, b = schedule.drift_coefficients()
        bar, before, rest = (
            schedule.alpha_bar,
            schedule.alpha_bar_before,
            schedule.one_minus_alpha_bar,
        )
        added = np.ones(schedule.T, dtype=bool)
        added[-1] = last_noise
        return cls(
            times=tuple(range(schedule.T - 1, -1, -1)),
            root_bar=np.sqrt(bar)[back],
            root_rest=np.sqrt(rest)[back],
            # q(x_{t-1} | x_t, x_0) has mean c_0 x_0 + c_t x_t (Ho et al., Eq. 7)
            to_image=(np.sqrt(before) * schedule.beta / rest)[back],
            to_state=(np.sqrt(schedule.alpha) * (1 - before) / rest)[back] - 1,
            sigma=schedule.sigma(variance)[back],
            added=added,
            counted=np.ones(schedule.T, dtype=bool),
            linear=(a[back], b[back]),
            limit=None if clip is None else clipping(clip),
            wide=False,  # as the shipped records were made
            settings={
                "schedule": schedule.name,
                "T": schedule.T,
                "variance": variance,
                "clip": clip,
                "last_noise": last_noise,
                "beta_1": float(schedule.beta[0]),
                "beta_T": float(schedule.beta[-1]),
            },
        )

    def drift(self, x: torch.Tensor, output: torch.Tensor, k: int) -> torch.Tensor:
        """The drift mu - x at step k, from what the network returned for x.

        It has the shape of ``x``, and its precision or a wider one.
        """
        if self.limit is None:
            a, b = self._affine[k]
            return torch.mul(x, a).add_(output, alpha=b)
        if self.wide and x.device.type != "mps":  # which has no float64
            x, output = x.double(), output.double()
        to_image, to_state, to_noise = self._drift[k]
        drift = self.limit(self.image(x, output, k)).mul_(to_image).add_(x, alpha=to_state)
        return drift.add_(self.noise(x, output, k), alpha=to_noise) if to_noise else drift

    def image(self, x: torch.Tensor, output: torch.Tensor, k: int) -> torch.Tensor:
        """The x_0 that the network's output implies at step k, before any limit."""
        own, given, over = self._image[k]
        return torch.mul(x, own).add_(output, alpha=given).div_(over)

    def noise(self, x: torch.Tensor, output: torch.Tensor, k: int) -> torch.Tensor:
        """The eps that the network's output implies at step k."""
        if self.prediction == "epsilon":
            return output
        own, given = self._noise[k]
        return torch.mul(x, own).add_(output, alpha=given)

    # what follows are the numbers of each step, as Python floats that a chain looks up

    @cached_property
    def _image(self) -> list[list[float]]:
        """(x, o, over) of x_0 = (x x_t + o o) / over."""
        r, s = self.root_bar, self.root_rest
        columns: dict[Prediction, Sequence[FloatArray | float]] = {
            "epsilon": (1.0, -s, r),
            "sample": (0.0, 1.0, 1.0),
            "v_prediction": (r, -s, 1.0),
        }
        return _rows(columns[self.prediction], self.T)

    @cached_property
    def _noise(self) -> list[list[float]]:
        """(x, o) of eps = x x_t + o o."""
        r, s = self.root_bar, self.root_rest
        columns: dict[Prediction, Sequence[FloatArray | float]] = {
            "epsilon": (0.0, 1.0),
            "sample": (1 / s, -r / s),
            "v_prediction": (s, r),
        }
        return _rows(columns[self.prediction], self.T)

    @cached_property
    def _drift(self) -> list[list[float]]:
        return _rows((self.to_image, self.to_state, self.to_noise), self.T)

    @cached_property
    def _affine(self) -> list[list[float]]:
        """(a, b) of a drift without a limit."""
        if self.linear is not None:
            return _rows(self.linear, self.T)
        image, noise = np.array(self._image), np.array(self._noise)
        through_image, through_noise = image[:, :2] / image[:, 2:], noise
        to_image, to_state, to_noise = np.array(self._drift).T
        both = to_image[:, None] * through_image + to_noise[:, None] * through_noise
        both[:, 0] += to_state
        rows: list[list[float]] = both.tolist()
        return rows


def _rows(columns: Sequence[FloatArray | float], T: int) -> list[list[float]]:
    """One list for each step of numbers that are given as arrays of shape (T,), or for all."""
    rows: list[list[float]] = np.stack([np.broadcast_to(c, T) for c in columns], axis=1).tolist()
    return rows


def clipping(reach: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """x_0 -> x_0 clipped to [-reach, reach], in place."""
    return lambda x_0: x_0.clamp_(-reach, reach)


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
    k = schedule.T - 1 - index(t, schedule)
    process = ReverseProcess.of_schedule(schedule, variance, clip, last_noise)
    drift, kick = process.drift(x_t, eps, k), float(process.sigma[k]) * noise
    x = x_t + drift
    return (x + kick if process.added[k] else x), drift, kick
