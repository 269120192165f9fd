"""The variance that the reverse process should have, against beta_t Id (section 2.3)."""

from __future__ import annotations

import numpy as np
import torch

from rdverify.ddpm import Schedule, q_sample
from rdverify.ddpm.study.field import asked
from rdverify.ddpm.study.rows import CONTROL_SEED, SCHEDULE
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.trace import FloatArray


def variance_share(schedule: Schedule, error: FloatArray | float = 0.0) -> FloatArray:
    """Variance of the exact reverse step over beta_t, per pixel, shape (T - 1,), t = 1 to T - 1.

    Var(x_{t-1} | x_t) = beta~_t + c_0^2 Var(x_0 | x_t), a mean over pixels, with Var(x_0 | x_t) =
    (1 - alpha_bar_t)/alpha_bar_t times the least mean-square error of predicting the noise. With
    c_0 = sqrt(alpha_bar_{t-1}) beta_t / (1 - alpha_bar_t) the share is

        (1 - alpha_bar_{t-1} + error_t beta_t / alpha_t) / (1 - alpha_bar_t).

    With ``error`` 0 (x_0 is known) it is the least there can be; for white data of variance 1,
    whose error is alpha_bar_t, it is 1 at each step.
    """
    before, after = schedule.one_minus_alpha_bar[:-1], schedule.one_minus_alpha_bar[1:]
    return np.asarray((before + schedule.beta[1:] / schedule.alpha[1:] * error) / after)


SCHEDULES = {"reverse_variance": 1000, "control.short.reverse_variance": 20}


@fact(
    "ddpm.{name}.mean",
    "mean over the steps that draw noise of the variance of the exact reverse step over beta_t, at "
    "its least, where x_0 is known, {name}",
    name={name: f"T = {T}" for name, T in SCHEDULES.items()},
)
def _mean_variance(runs: Runs, name: str) -> float:
    return float(variance_share(Schedule.linear(SCHEDULES[name])).mean())


@fact(
    "ddpm.reverse_variance.last_drawn",
    "variance of the exact reverse step over beta_t at the last step that draws noise, t = 1, with "
    "the trained MNIST network's error for the least there is, which it can't be below",
)
def _last_variance(runs: Runs) -> FloatArray:
    network, images = asked(runs, "mnist")
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    eps = torch.randn(images.shape, generator=generator)
    with torch.no_grad():
        found = network(q_sample(images, 1, SCHEDULE, eps), torch.full((len(images),), 1))
    error = (getattr(found, "sample", found) - eps).square().flatten(1).mean(1).double()
    return np.array([variance_share(SCHEDULE, float(e))[0] for e in error])
