"""Section 2.3: the forward chain and the two stochastic differential equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from spec.equation import equation

Array = Any


def eq08_printed(x_t: Array, beta: Array, t: int, epsilon_t: Array) -> Array:
    """x_{t+1} with beta_t, as printed."""
    return np.sqrt(1 - beta[t]) * x_t + np.sqrt(beta[t]) * epsilon_t


@equation(
    8,
    "One step of the forward chain",
    "2.3",
    r"x_{t+1} = \sqrt{1 - \beta_t} x_t + \sqrt{\beta_t} \epsilon_t",
    latex_corrected=r"x_{t+1} = \sqrt{1 - \beta_{t+1}} x_t + \sqrt{\beta_{t+1}} \epsilon_t",
    printed=eq08_printed,
    errata=("E04", "E11", "E14"),
)
def eq08(x_t: Array, beta: Array, t: int, epsilon_t: Array) -> Array:
    """x_{t+1} with beta_{t+1}, as q(x_t | x_{t-1}) two lines below Eq. (8) has it."""
    return np.sqrt(1 - beta[t + 1]) * x_t + np.sqrt(beta[t + 1]) * epsilon_t


@equation(
    9,
    "Forward stochastic differential equation",
    "2.3",
    r"dx = \underbrace{f(x, t) dt}_\text{drift} + \underbrace{g(t) d\omega}_\text{diffusion}",
    errata=("E05",),
)
def eq09(x: Array, t: float, dt: float, f: Any, g: Any, dw: Array) -> Array:
    """The increment dx."""
    return f(x, t) * dt + g(t) * dw


def eq10_printed(x: Array, t: float, dt: float, f: Any, g: Any, score: Any, dw: Array) -> Array:
    """The increment with the score of one density p for all times, as printed: that of t = 0."""
    return (f(x, t) - g(t) ** 2 * score(x, 0.0)) * dt + g(t) * dw


@equation(
    10,
    "Reverse stochastic differential equation",
    "2.3",
    r"dx = \underbrace{[f(x, t) - g^2(t) \nabla_x \ln p(x)] dt}_\text{drift} "
    r"+ \underbrace{g(t) d\bar{w}}_\text{diffusion}",
    latex_corrected=r"dx = \underbrace{[f(x, t) - g^2(t) \nabla_x \ln p_t(x)] dt}_\text{drift} "
    r"+ \underbrace{g(t) d\bar{w}}_\text{diffusion}",
    printed=eq10_printed,
    errata=("E05", "E06", "E07"),
)
def eq10(x: Array, t: float, dt: float, f: Any, g: Any, score: Any, dw: Array) -> Array:
    """The increment dx for dt < 0, with the score of the marginal p_t."""
    return (f(x, t) - g(t) ** 2 * score(x, t)) * dt + g(t) * dw


def score_of_epsilon(epsilon_theta: Array, alpha_bar_t: float) -> Array:
    """The score that a noise predictor stands for, -epsilon / sqrt(1 - alpha_bar); erratum E06."""
    return -epsilon_theta / np.sqrt(1 - alpha_bar_t)
