"""Gray-Scott's terms on whole fields, and the linear stability of its uniform steady states.

Around a uniform state a perturbation exp(i q x + lambda t) grows at the rates
lambda(q), the eigenvalues of A(q) = J - q^2 diag(D_u, D_v), J the Jacobian of
the kinetics. Source: Turing 1952; Murray, Mathematical Biology II, section 2.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from rdverify.tools.errors import require, require_number

Array = npt.NDArray[np.float64]
Kinetics = Literal["uv2", "u2v"]


def reaction(
    u: npt.ArrayLike,
    v: npt.ArrayLike,
    feed_rate: float,
    kill_rate: float,
    kinetics: Kinetics = "uv2",
    *,
    rate: float = 1.0,
    full: float = 1.0,
) -> tuple[Array, Array]:
    """R_u = -p + F (1 - u) and R_v = p - (F + k) v, with p = u v^2 or, as printed, u^2 v (eq01).

    Both 1's of the model have units once concentrations do: p = rate u v^2, F (full - u).

    Args:
        u: concentration of the substrate, any shape.
        v: concentration of the autocatalyst, shape as u.
        feed_rate: F, 1/time.
        kill_rate: k, 1/time.
        kinetics: "uv2" (Eq. 12 and Pearson 1993) or "u2v" (section 4.1 as printed).
        rate: of the autocatalysis, 1 / (concentration^2 time).
        full: concentration of u in the feed.
    """
    u, v = np.asarray(u, float), np.asarray(v, float)
    product = rate * u * v**2 if _checked(kinetics) == "uv2" else rate * u**2 * v
    return -product + feed_rate * (full - u), product - (feed_rate + kill_rate) * v


def laplacian(field: npt.ArrayLike, dx: float) -> Array:
    """The 5-point Laplacian of a periodic field of shape (rows, cols), cells of side ``dx``."""
    return np.asarray(ndimage.laplace(np.asarray(field, float), mode="wrap") / float(dx) ** 2)


def jacobian(
    u: npt.ArrayLike,
    v: npt.ArrayLike,
    feed_rate: float,
    kill_rate: float,
    kinetics: Kinetics = "uv2",
) -> Array:
    """J = [[dR_u/du, dR_u/dv], [dR_v/du, dR_v/dv]] at (u, v), shape (2, 2, *u.shape), 1/time."""
    u, v = np.asarray(u, float), np.asarray(v, float)
    if _checked(kinetics) == "uv2":
        p_u, p_v = v**2, 2 * u * v
    else:
        p_u, p_v = 2 * u * v, u**2
    return np.array([[-p_u - feed_rate, -p_v], [p_u, p_v - feed_rate - kill_rate]])


def steady_states(
    feed_rate: float, kill_rate: float, kinetics: Kinetics = "uv2"
) -> list[tuple[float, float]]:
    """All uniform states (u, v) with R_u = R_v = 0, the trivial (1, 0) first.

    Adding both equations gives F (1 - u) = (F + k) v. With uv2 the others solve
    u v = F + k: u = (1 -+ sqrt(1 - 4 (F + k)^2 / F)) / 2, real if and only if
    F >= 4 (F + k)^2; the one of larger v comes second. With u2v they solve
    u^2 = F + k: one state, u = sqrt(F + k), with v > 0 if and only if F + k < 1.

    Args:
        feed_rate: F > 0, 1/time.
        kill_rate: k >= 0, 1/time.
        kinetics: see :func:`reaction`.
    """
    feed_rate, kill_rate = _feed_and_kill(feed_rate, kill_rate)
    loss = feed_rate + kill_rate
    states = [(1.0, 0.0)]
    if _checked(kinetics) == "u2v":
        u = math.sqrt(loss)
        return [*states, (u, feed_rate * (1 - u) / loss)]
    square = 1 - 4 * loss**2 / feed_rate
    if square >= 0:
        # of u_1 u_2 = loss^2 / F, so that neither root suffers cancellation
        larger = (1 + math.sqrt(square)) / 2
        for u in dict.fromkeys((loss**2 / feed_rate / larger, larger)):
            states.append((u, loss / u))
    return states


def growth(wavenumber: npt.ArrayLike, matrix: Array, d_u: float, d_v: float) -> Array:
    """Largest real part of the eigenvalues of J - q^2 diag(D_u, D_v), the dispersion relation.

    lambda = tr/2 + Re sqrt(tr^2/4 - det) with trace and determinant of that matrix.

    Args:
        wavenumber: q, any shape, 1/length.
        matrix: J, shape (2, 2), 1/time.
        d_u: D_u, length^2/time.
        d_v: D_v, length^2/time.
    """
    q2 = np.asarray(wavenumber, float) ** 2
    a, d = matrix[0, 0] - q2 * d_u, matrix[1, 1] - q2 * d_v
    half_trace = (a + d) / 2
    # tr^2/4 - det written as a sum, without cancellation of large q
    under = ((a - d) / 2) ** 2 + matrix[0, 1] * matrix[1, 0]
    return np.asarray(half_trace + np.sqrt(np.maximum(under, 0.0)), dtype=np.float64)


@dataclass(frozen=True)
class StateStability:
    """One uniform state, judged.

    Attributes:
        u, v: the state.
        growth_uniform: largest real part without diffusion (q = 0), 1/time.
        growth_max: largest over all q >= 0, 1/time.
        wavenumber: q of ``growth_max``, 1/length; 0 if the uniform mode grows fastest.
        turing: stable without diffusion and unstable with it.
    """

    u: float
    v: float
    growth_uniform: float
    growth_max: float
    wavenumber: float
    turing: bool

    @property
    def wavelength(self) -> float:
        """2 pi / q of the fastest mode, length; inf for the uniform one."""
        return 2 * math.pi / self.wavenumber if self.wavenumber > 0 else math.inf


def stability(
    state: tuple[float, float],
    feed_rate: float,
    kill_rate: float,
    d_u: float,
    d_v: float,
    kinetics: Kinetics = "uv2",
) -> StateStability:
    """Stability of one uniform steady state, by closed forms.

    Where both eigenvalues are real, d lambda/d(q^2) = 0 has the solution (Murray,
    Eq. 2.27, rewritten for the fastest mode): with s = q^2, D = D_u - D_v,
    a = J_11, d = J_22, m = -J_12 J_21 > 0, the interior extremum is at
    a - d - s D = -+ (D_u + D_v) sqrt(m / (D_u D_v)).

    Args:
        state: (u, v), a state of :func:`steady_states`.
        feed_rate: F, 1/time.
        kill_rate: k, 1/time.
        d_u: D_u > 0, length^2/time.
        d_v: D_v > 0, length^2/time.
        kinetics: see :func:`reaction`.
    """
    feed_rate, kill_rate = _feed_and_kill(feed_rate, kill_rate)
    d_u, d_v = diffusivities(d_u, d_v)
    matrix = jacobian(*state, feed_rate, kill_rate, kinetics)
    candidates = [0.0]
    coupling = -matrix[0, 1] * matrix[1, 0]
    if coupling > 0 and d_u != d_v:
        reach = (d_u + d_v) * math.sqrt(coupling / (d_u * d_v))
        for side in (-reach, reach):
            squared = (matrix[0, 0] - matrix[1, 1] - side) / (d_u - d_v)
            if squared > 0:
                candidates.append(math.sqrt(squared))
    rates = growth(candidates, matrix, d_u, d_v)
    best = int(np.argmax(rates))
    uniform = float(rates[0])
    return StateStability(
        state[0],
        state[1],
        uniform,
        float(rates[best]),
        candidates[best],
        turing=uniform < 0 < float(rates[best]),
    )


def all_states(
    feed_rate: float, kill_rate: float, d_u: float, d_v: float, kinetics: Kinetics = "uv2"
) -> list[StateStability]:
    """Stability of every uniform steady state, (1, 0) first; arguments as in :func:`stability`."""
    return [
        stability(state, feed_rate, kill_rate, d_u, d_v, kinetics)
        for state in steady_states(feed_rate, kill_rate, kinetics)
    ]


def _checked(kinetics: str) -> str:
    require(kinetics in ("uv2", "u2v"), "kinetics", kinetics, "uv2 or u2v")
    return kinetics


def _feed_and_kill(feed_rate: float, kill_rate: float) -> tuple[float, float]:
    feed = require_number("feed_rate", feed_rate, "a positive finite number", lambda rate: rate > 0)
    return feed, require_number("kill_rate", kill_rate, "a finite number >= 0", lambda r: r >= 0)


def diffusivities(d_u: float, d_v: float) -> tuple[float, float]:
    """D_u and D_v as floats; InputError unless both are positive and finite."""
    allowed = "a positive finite number"
    u, v = (
        require_number(name, value, allowed, lambda rate: rate > 0)
        for name, value in (("d_u", d_u), ("d_v", d_v))
    )
    return u, v
