"""diffusers' schedulers as reverse processes, with their own numbers and in their own rounding.

A step of DDPMScheduler and of DDIMScheduler goes from alpha_bar at its time to alpha_bar at
the time before it, nearer to the data (1 after the last step), alpha = alpha_bar /
alpha_bar_before, beta = 1 - alpha, and with x_0 and eps as :class:`ReverseProcess` has them

    DDPM: mu = sqrt(alpha_bar_before) beta / (1 - alpha_bar) limit(x_0)
               + sqrt(alpha) (1 - alpha_bar_before) / (1 - alpha_bar) x
    DDIM: mu = sqrt(alpha_bar_before) limit(x_0) + sqrt(1 - alpha_bar_before - sigma^2) eps

with the posterior's variance v = (1 - alpha_bar_before) / (1 - alpha_bar) beta and

    sigma^2 = v             fixed_small, fixed_small_log
              beta          fixed_large
              o_v           learned: the second half of the output's channels
              beta^f v^(1-f), f = (o_v + 1) / 2            learned_range
              eta^2 v       DDIM

Sources: Ho et al. 2020, Eq. 7; Song et al. 2021 (DDIM), Eqs. 12 and 16; Nichol and Dhariwal
2021, Eq. 15. The tables are float32 and what diffusers works out of them is too, so here
the same operations are done in the same precision before they are used in the state's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch

from rdverify.ddpm.reverse import ReverseProcess, clipping
from rdverify.tools.errors import InputError, require, require_integer, require_number
from rdverify.trace import FloatArray

PREDICTIONS = ("epsilon", "sample", "v_prediction")
VARIANCES = ("fixed_small", "fixed_small_log", "fixed_large", "learned", "learned_range")
LEARNED = ("learned", "learned_range")
SUPPORTED = "a DDPMScheduler or a DDIMScheduler"
LEAST_VARIANCE = 1e-20  # diffusers' own guard of its logarithm: no noise


def is_scheduler(thing: Any) -> bool:
    """Whether it is one of diffusers' schedulers, supported or not."""
    return hasattr(thing, "step") and hasattr(thing, "config") and hasattr(thing, "set_timesteps")


def of_scheduler(scheduler: Any, steps: int | None = None, eta: float = 0.0) -> ReverseProcess:
    """The reverse process of a diffusers scheduler, which is left as it is.

    Args:
        scheduler: DDPMScheduler or DDIMScheduler, or their parallel forms.
        steps: T, as in its ``set_timesteps``; default what was set before, or else every
            step that the network was trained with.
        eta: of DDIM, in [0, 1]: 0 adds no noise, 1 as much as a DDPM's posterior has.

    Returns:
        The process: its drift and kick, added, are the scheduler's ``step``. Steps whose
        variance is zero have none: R_t is not defined there.

    Raises:
        InputError: on a scheduler of another kind, whose step has no such decomposition or
            another, or settings at which its step is not finite.
    """
    kind = _kind(scheduler)
    if steps is not None:
        most = int(scheduler.config.num_train_timesteps)
        steps = require_integer("steps", steps, 1)
        require(steps <= most, "steps", steps, f"at most the {most} of the scheduler's training")
    eta = require_number("eta", eta, "in [0, 1]", lambda value: 0 <= value <= 1)
    require(eta == 0 or kind == "DDIM", "eta", eta, "0 for a DDPMScheduler: it is DDIM's")
    own = copy.deepcopy(scheduler)  # the user's keeps its own timesteps
    if steps is not None or (kind == "DDIM" and own.num_inference_steps is None):
        own.set_timesteps(steps or int(own.config.num_train_timesteps))
    prediction = own.config.prediction_type
    require(prediction in PREDICTIONS, "prediction_type", prediction, ", ".join(PREDICTIONS))
    levels = _Levels(own, kind)
    found = levels.ddpm() if kind == "DDPM" else levels.ddim(eta)
    process = ReverseProcess(
        times=tuple(levels.times),
        prediction=prediction,
        root_bar=_double(levels.bar**0.5),
        root_rest=_double(levels.rest**0.5),
        limit=_limit(own),
        settings=_settings(own, kind, levels, eta, bool(found["added"][-1])),
        **found,
    )
    _check(process)
    return process


class _Levels:
    """alpha_bar at both ends of every step, in the scheduler's own precision."""

    def __init__(self, scheduler: Any, kind: str) -> None:
        self.scheduler = scheduler
        self.times: list[int] = [int(t) for t in scheduler.timesteps]
        bars = scheduler.alphas_cumprod.detach().cpu()
        for t in self.times:
            allowed = f"in [0, {len(bars)}): see timestep_spacing and steps_offset"
            require(0 <= t < len(bars), "timestep", t, allowed)
        if kind == "DDPM":
            before = [int(scheduler.previous_timestep(t)) for t in scheduler.timesteps]
            last = scheduler.one
        else:
            stride = scheduler.config.num_train_timesteps // scheduler.num_inference_steps
            before, last = [t - stride for t in self.times], scheduler.final_alpha_cumprod
        self.bar = bars[self.times]
        self.before = torch.stack([bars[t] if t >= 0 else last.detach().cpu() for t in before])
        self.rest, self.rest_before = 1 - self.bar, 1 - self.before
        self.alpha = self.bar / self.before
        self.beta = 1 - self.alpha
        self.variance = self.rest_before / self.rest * self.beta

    def ddpm(self) -> dict[str, Any]:
        """Coefficients of DDPMScheduler's step; it adds noise at every time but 0."""
        kind = self.scheduler.config.variance_type
        allowed = f"one of {', '.join(VARIANCES)}: of others diffusers' own step is not finite"
        require(kind in VARIANCES, "variance_type", kind, allowed)
        least = self.variance.clamp(min=LEAST_VARIANCE)
        if kind == "fixed_small":
            sigma = least**0.5
        elif kind == "fixed_small_log":
            sigma = torch.stack([torch.exp(0.5 * torch.log(v)) for v in least])
        else:
            sigma = self.beta**0.5
        added = np.array(self.times) > 0
        noisy = (self.variance > LEAST_VARIANCE).numpy()
        return {
            "to_image": _double(self.before**0.5 * self.beta / self.rest),
            "to_state": _double(self.alpha**0.5 * self.rest_before / self.rest) - 1,
            "sigma": _double(sigma),
            "added": added,
            # where the posterior has no variance a network's range has no lower end
            "counted": {
                "fixed_large": np.ones_like(noisy),
                "learned": np.ones_like(noisy),
                "learned_range": noisy | added,
            }.get(kind, noisy),
            "spread": _spread(kind, least, self.beta),
        }

    def ddim(self, eta: float) -> dict[str, Any]:
        """Coefficients of DDIMScheduler's step."""
        sigma = eta * self.variance**0.5
        return {
            "to_image": _double(self.before**0.5),
            "to_noise": _double((1 - self.before - sigma**2) ** 0.5),
            "to_state": np.full(len(self.times), -1.0),
            "sigma": _double(sigma),
            "added": _double(sigma) > 0,
            "counted": _double(sigma) > 0,
        }


def _kind(scheduler: Any) -> str:
    """DDPM or DDIM, if it takes their step; a kin that has one of its own is refused."""
    import diffusers

    kinds = {
        "DDPM": (diffusers.DDPMScheduler, diffusers.DDPMParallelScheduler),
        "DDIM": (diffusers.DDIMScheduler, diffusers.DDIMParallelScheduler),
    }
    step = getattr(type(scheduler), "step", None)
    for kind, classes in kinds.items():
        if any(isinstance(scheduler, c) and step is c.step for c in classes):
            return kind
    raise InputError(
        f"scheduler = {type(scheduler).__name__} is not allowed: must be {SUPPORTED}, whose step "
        "is a drift and noise; take one by its from_config(scheduler.config)"
    )


def _spread(
    kind: str, variance: torch.Tensor, beta: torch.Tensor
) -> Callable[[torch.Tensor, int], torch.Tensor] | None:
    if kind == "learned":
        return lambda v, k: v**0.5
    if kind == "learned_range":
        low, high = ([torch.log(one) for one in ends] for ends in (variance, beta))

        def spread(v: torch.Tensor, k: int) -> torch.Tensor:
            share = (v + 1) / 2
            return torch.exp(0.5 * (share * high[k] + (1 - share) * low[k]))

        return spread
    return None


def _limit(scheduler: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    if scheduler.config.thresholding:
        return cast(Callable[[torch.Tensor], torch.Tensor], scheduler._threshold_sample)
    if scheduler.config.clip_sample:
        return clipping(float(scheduler.config.clip_sample_range))
    return None


def _settings(
    scheduler: Any, kind: str, levels: _Levels, eta: float, last_noise: bool
) -> dict[str, Any]:
    config = scheduler.config
    limited = "thresholding" if config.thresholding else None
    return {
        "schedule": f"{type(scheduler).__name__}, {config.beta_schedule}",
        "T": len(levels.times),
        "trained_T": int(config.num_train_timesteps),
        "prediction_type": config.prediction_type,
        "variance": config.variance_type if kind == "DDPM" else "DDIM",
        **({"eta": float(eta)} if kind == "DDIM" else {}),
        "clip": limited or (float(config.clip_sample_range) if config.clip_sample else None),
        "timestep_spacing": config.timestep_spacing,
        "zero_terminal_snr": bool(config.rescale_betas_zero_snr),
        "last_noise": last_noise,
        "alpha_bar_T": float(levels.bar[0]),
    }


def _double(values: torch.Tensor) -> FloatArray:
    return np.asarray(values.double().numpy(), dtype=np.float64)


def _check(process: ReverseProcess) -> None:
    """InputError where the scheduler's own step divides by zero or takes a root of less."""
    dark = process.prediction == "epsilon" and bool((process.root_bar == 0).any())
    clipped = isinstance(process.settings["clip"], float)  # infinity too; a quantile is not
    require(
        not dark or clipped,
        "prediction_type",
        "epsilon",
        "v_prediction or sample with rescale_betas_zero_snr: at an alpha_bar of 0 the image "
        "(x - eps) / 0 is not finite in diffusers' own step",
    )
    numbers = np.array(process._affine if process.limit is None else process._drift)
    finite = np.isfinite(np.column_stack([numbers, process.sigma])).all(axis=1)
    if not finite.all():
        t = process.times[int(np.argmin(finite))]
        raise InputError(
            f"scheduler's step at t = {t} = NaN or infinity is not allowed: must be finite; "
            "it is not in diffusers either"
        )
