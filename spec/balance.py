"""Sections 4.2 to 5: the two metrics and their ratio. Norms are over all axes but the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from spec.equation import equation
from spec.reaction_diffusion import laplacian

Array = Any


def mean_norm(terms: Array) -> Any:
    """(1/T) sum_t ||term_t||_2 of ``terms`` (T, ...), not divided by the number of entries."""
    return np.mean([np.linalg.norm(np.ravel(term)) for term in terms])


def eq12_section_4_1(u: Array, v: Array, feed_rate: float, kill_rate: float) -> Any:
    """Eq. (12) with R_v as section 4.1 prints it, u^2 v in place of u v^2."""
    return mean_norm(u**2 * v - (feed_rate + kill_rate) * v)


@equation(
    12,
    "Reaction metric, RD",
    "4.2",
    r"\mathcal{M}_\text{react}^\text{RD} = \frac{1}{T} \sum_{t=1}^T "
    r"\|\mathbf{u}_t \mathbf{v}_t^2 - (\mathbf{F} + \mathbf{k}) \mathbf{v}_t\|_2",
    errata=("E01", "E09", "E19"),
    variants={"kinetics of section 4.1 as printed": eq12_section_4_1},
)
def eq12(u: Array, v: Array, feed_rate: float, kill_rate: float) -> Any:
    """M_react of a simulation; u, v of shape (T, n, m)."""
    return mean_norm(u * v**2 - (feed_rate + kill_rate) * v)


@equation(
    13,
    "Reaction metric, LSTM",
    "4.2",
    r"\mathcal{M}_\text{react}^\text{LSTM} = \frac{1}{T} \sum_{t=1}^T "
    r"\|\mathbf{i}_t \odot \tilde{\mathbf{C}}_t\|_2",
    errata=("E09", "E19"),
)
def eq13(i_t: Array, c_tilde: Array) -> Any:
    """M_react of a sequence; both (T, h)."""
    return mean_norm(i_t * c_tilde)


def eq14_printed(x: Array, epsilon_theta: Array, beta_t: Array, alpha_bar_t: Array) -> Any:
    """The mean norm of the network's output, as printed."""
    return mean_norm(epsilon_theta)


@equation(
    14,
    "Reaction metric, DDPM",
    "4.2",
    r"\mathcal{M}_\text{react}^\text{DDPM} = \frac{1}{T} \sum_{t=1}^T "
    r"\|\epsilon_\theta(\mathbf{x}_t, t)\|_2",
    latex_corrected=r"\mathcal{M}_\text{react}^\text{DDPM} = \frac{1}{T} \sum_{t=1}^T "
    r"\|\mu_\theta(\mathbf{x}_t, t) - \mathbf{x}_t\|_2, \quad \mu_\theta = "
    r"\frac{1}{\sqrt{1 - \beta_t}} \left(\mathbf{x}_t - "
    r"\frac{\beta_t}{\sqrt{1 - \bar\alpha_t}} \epsilon_\theta\right)",
    printed=eq14_printed,
    errata=("E08", "E09", "E19"),
)
def eq14(x: Array, epsilon_theta: Array, beta_t: Array, alpha_bar_t: Array) -> Any:
    """The mean norm of the drift of one reverse step, mu_theta(x_t, t) - x_t."""
    return mean_norm(
        (x_s - b / np.sqrt(1 - a) * eps) / np.sqrt(1 - b) - x_s
        for x_s, eps, b, a in zip(x, epsilon_theta, beta_t, alpha_bar_t, strict=True)
    )


@equation(
    15,
    "Diffusion metric, RD",
    "4.3",
    r"\mathcal{M}_\text{diff}^\text{RD} = \frac{1}{T} \sum_{t=1}^T \|D_v \nabla^2 \mathbf{v}_t\|_2",
    errata=("E09", "E19"),
)
def eq15(v: Array, d_v: float, dx: float) -> Any:
    """M_diff of a simulation; v of shape (T, n, m)."""
    return mean_norm(d_v * laplacian(v, dx))


@equation(
    16,
    "Diffusion metric, LSTM",
    "4.3",
    r"\mathcal{M}_\text{diff}^\text{LSTM} = \frac{1}{T} \sum_{t=1}^T "
    r"\|(1 - \mathbf{f}_t) \odot \mathbf{C}_{t-1}\|_2",
    errata=("E09", "E19"),
)
def eq16(f_t: Array, c_prev: Array) -> Any:
    """M_diff of a sequence; both (T, h)."""
    return mean_norm((1 - f_t) * c_prev)


@equation(
    17,
    "Diffusion metric, DDPM",
    "4.3",
    r"\mathcal{M}_\text{diff}^\text{DDPM} = \frac{1}{T} \sum_{t=1}^T \|\sigma_t \mathbf{z}\|_2",
    errata=("E09", "E18", "E19"),
)
def eq17(sigma_t: Array, z: Array) -> Any:
    """M_diff of a sampled image; sigma_t (T,), z (T, ...)."""
    return mean_norm(s * z_s for s, z_s in zip(sigma_t, z, strict=True))


@equation(
    18,
    "Mean dynamic balance ratio",
    "4.4",
    r"R = \frac{\mathcal{M}_\text{react}}{\mathcal{M}_\text{diff}}",
)
def eq18(m_react: float, m_diff: float) -> float:
    """R, a ratio of means."""
    return m_react / m_diff


@equation(
    19,
    "Metric as a mean over time",
    "5",
    r"\mathcal{M}_i = \frac{1}{T} \sum_{t=1}^T \mathcal{M}_{i,t}",
)
def eq19(m_it: Array) -> Any:
    """M_i from its values at each step."""
    return np.sum(m_it) / len(m_it)


def eq20_printed(m_react_t: Array, m_diff_t: Array) -> Array:
    """R_t as printed: reaction over reaction."""
    return m_react_t / m_react_t


@equation(
    20,
    "Dynamic balance ratio",
    "5",
    r"R_t = \mathcal{M}_{\text{react},t} / \mathcal{M}_{\text{react},t}",
    latex_corrected=r"R_t = \mathcal{M}_{\text{react},t} / \mathcal{M}_{\text{diff},t}",
    printed=eq20_printed,
    errata=("E10",),
)
def eq20(m_react_t: Array, m_diff_t: Array) -> Array:
    """R_t at each step, shape (T,)."""
    return m_react_t / m_diff_t
