"""What a sweep runs of the DDPM: a reverse chain with an exact denoiser, beside the closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from rdverify.balance import balance_of
from rdverify.ddpm import denoisers
from rdverify.ddpm.expected import expected_balance
from rdverify.ddpm.sampler import check_draws, sample
from rdverify.ddpm.schedule import BETA_1, BETA_T, T_REFERENCE, Scaling, Schedule, Variance
from rdverify.sweep.axes import Setting
from rdverify.sweep.target import Outcome, Target, defaults_of
from rdverify.tools.errors import own_fields, require, require_integer, require_number
from rdverify.tools.torchkit import seeded

SCHEDULES = ("linear", "linear-decreasing", "cosine")
DENOISERS = ("gaussian", "set", "true_noise", "zero")
COMPONENTS = 8  # images of the data set "set"
DATA_SEED = 1_000  # of the data's images, beside the chain's own stream (see ``_images``)


@dataclass(frozen=True)
class ChainConfig:
    """A chain without a trained network; raises InputError when made with what cannot work.

    Args:
        schedule: "linear", "linear-decreasing" in forward time (section 2.3), or "cosine".
        T: number of steps, >= 2.
        beta_1, beta_T: end points of a linear beta, in (0, 1); a cosine has none.
        scaling: "endpoints" or "1/T", see :meth:`Schedule.linear`; a cosine keeps its total
            noise whatever T, by either.
        variance: sigma_t^2 = "beta" or "posterior". With the latter the last step adds no
            noise, so that its ratio is infinite.
        dimension: d, pixels times channels, >= 1.
        denoiser: "gaussian": the best predictor where pixels are independent normal numbers of
            deviation ``spread``. "set": the best one where the data are eight pictures of such
            pixels. "true_noise": the same of one picture. "zero": none, eps = 0.
        spread: deviation of the data's pixels, >= 0; 0.5, about that of MNIST in [-1, 1].
        images: chains, >= 1.
        seed: of the chains and of the data's pictures, >= 0.
    """

    schedule: Literal["linear", "linear-decreasing", "cosine"] = "linear"
    T: int = T_REFERENCE
    beta_1: float = BETA_1
    beta_T: float = BETA_T
    scaling: Scaling = "endpoints"
    variance: Variance = "beta"
    dimension: int = 784
    denoiser: Literal["gaussian", "set", "true_noise", "zero"] = "gaussian"
    spread: float = 0.5
    images: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        own_fields(self)
        for name, allowed in (("schedule", SCHEDULES), ("denoiser", DENOISERS)):
            value = getattr(self, name)
            require(value in allowed, name, value, f"one of {', '.join(allowed)}")
        require(
            self.variance in ("beta", "posterior"), "variance", self.variance, "beta or posterior"
        )
        require_integer("dimension", self.dimension, 1)
        require_number("spread", self.spread, "a finite number >= 0", lambda s: s >= 0)
        check_draws(self.images, self.seed, None)
        for name, default in (("beta_1", BETA_1), ("beta_T", BETA_T)):
            ok = self.schedule != "cosine" or getattr(self, name) == default
            require(ok, name, getattr(self, name), "left out where schedule = 'cosine'")
        self.made()

    def made(self) -> Schedule:
        """The schedule; InputError if it can't be made."""
        if self.schedule == "cosine":
            return Schedule.cosine(self.T)
        return Schedule.linear(
            self.T,
            self.beta_1,
            self.beta_T,
            "increasing" if self.schedule == "linear" else "decreasing",
            self.scaling,
        )


DEFAULTS = defaults_of(ChainConfig)
SAYS = {
    "m_react": "M_react (Eq. 14 as corrected), the mean over steps and chains of ||mu - x_t||",
    "m_diff": "M_diff (Eq. 17), likewise of ||sigma_t z||",
    "r": "R = M_react / M_diff (Eq. 18)",
    "r_error": "standard error of r over the chains; NaN for one chain",
    "final_ratio": "R_t at the last step, mean over chains",
    "expected_m_react": "M_react of a perfect network, in closed form",
    "expected_m_diff": "M_diff in closed form",
    "expected_r": "R of a perfect network, in closed form",
    "expected_final_ratio": "R_t at the last step of a perfect network, in closed form",
    "kept": "root of alpha_bar_T: the share of an image that is left in x_T",
}


def config_of(setting: Setting) -> ChainConfig:
    """The configuration of a setting; InputError if a name or value is not allowed."""
    TARGET.known(setting)
    return ChainConfig(**setting)


def run(setting: Setting) -> Outcome:
    """One chain's numbers, see ``SAYS``."""
    config = config_of(setting)
    schedule = config.made()
    denoiser, mean_square = _data(config, schedule)
    shape = (1, 1, config.dimension)
    _, trace = sample(
        denoiser, schedule, shape, config.images, config.seed, variance=config.variance
    )
    balance = balance_of(trace)
    expected = expected_balance(schedule, config.dimension, mean_square, config.variance)
    scatter = balance.r_runs.std(ddof=1) if config.images > 1 else math.nan
    return {
        "m_react": balance.m_react,
        "m_diff": balance.m_diff,
        "r": balance.r,
        "r_error": float(scatter) / math.sqrt(config.images),
        "final_ratio": float(balance.r_t[:, -1].mean()),
        "expected_m_react": expected.m_react,
        "expected_m_diff": expected.m_diff,
        "expected_r": expected.r,
        "expected_final_ratio": float(expected.r_t[-1]),
        "kept": math.sqrt(schedule.alpha_bar[-1]),
    }


def _data(config: ChainConfig, schedule: Schedule) -> tuple[Any, Any]:
    """The denoiser, and the mean square of the pixels of its data, one or one per picture."""
    if config.denoiser in ("gaussian", "zero"):
        square = config.spread**2
        gaussian = denoisers.GaussianDenoiser(schedule, 0.0, square)
        return (denoisers.zero if config.denoiser == "zero" else gaussian), square
    count = COMPONENTS if config.denoiser == "set" else 1
    generator = seeded(config.seed, DATA_SEED)
    pictures = config.spread * torch.randn((count, 1, 1, config.dimension), generator=generator)
    squares = pictures.double().square().mean(dim=(1, 2, 3)).numpy()
    if config.denoiser == "set":
        return denoisers.MixtureDenoiser(schedule, pictures), squares
    return denoisers.TrueNoise(schedule, pictures[0]), squares


TARGET = Target(run=run, check=config_of, defaults=DEFAULTS, says=SAYS)
