"""Curves in the (F, k) plane of Gray-Scott (u v^2), and where no pattern can be at rest.

With a = F + k the uniform states besides (1, 0) have u v = a. At the one of larger v, the
only one that can be stable, the kinetics have the trace k - v^2 and the determinant
a (v^2 - F); so it appears where v^2 = F and loses stability where v^2 = k.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rdverify.gray_scott.stability import Array, diffusivities
from rdverify.tools.errors import require, require_number


def saddle_node(feed_rate: npt.ArrayLike) -> Array:
    """The kill rate k = sqrt(F) / 2 - F below which there are uniform states with v > 0.

    F = 4 (F + k)^2: both states, and v^2 = F, coincide. It is largest at F = k = 1/16.

    Args:
        feed_rate: F > 0, 1/time, any shape.

    Source: Pearson 1993 (ref. 5), Fig. 3; Gray, Scott 1984.
    """
    feed = _rates("feed_rate", feed_rate)
    return np.asarray(np.sqrt(feed) / 2 - feed)


def hopf(kill_rate: npt.ArrayLike) -> Array:
    """The feed rate below which the state of larger v oscillates away without diffusion.

    v^2 = k with u v = a and F (1 - u) = a v is (F + k)^2 = F sqrt(k), of which the root with
    F < k = v^2 has a positive determinant: with r = sqrt(k),
    F = (r - 2 k - r sqrt(1 - 4 r)) / 2. It ends on the saddle-node curve at F = k = 1/16.

    Args:
        kill_rate: k in (0, 1/16], 1/time, any shape.

    Source: as :func:`saddle_node`.
    """
    kill = _rates("kill_rate", kill_rate)
    require(bool(np.all(kill <= 1 / 16)), "kill_rate", kill_rate, "at most 1/16")
    root = np.sqrt(kill)
    # the smaller of two roots of product k^2, as k^2 over the larger: without cancellation
    return np.asarray(2 * kill**2 / (root - 2 * kill + root * np.sqrt(1 - 4 * root)))


def turing(
    feed_rate: npt.ArrayLike, kill_rate: npt.ArrayLike, d_u: float, d_v: float
) -> npt.NDArray[np.bool_]:
    """Where the state of larger v is stable without diffusion and unstable with it.

    Stable without: v^2 > k, v^2 > F. Unstable with: the determinant of J - q^2 diag(D_u, D_v)
    is negative for some q, D_u a - D_v (v^2 + F) > 2 sqrt(D_u D_v a (v^2 - F)). At (1, 0) both
    fields decay alone, and the state of smaller v is a saddle: neither can be Turing's.

    Args:
        feed_rate: F > 0, 1/time, any shape.
        kill_rate: k > 0, 1/time, likewise.
        d_u: D_u > 0, length^2/time.
        d_v: D_v > 0, length^2/time.

    Source: Murray, Mathematical Biology II, Eq. 2.23.
    """
    feed, kill = _rates("feed_rate", feed_rate), _rates("kill_rate", kill_rate)
    d_u, d_v = diffusivities(d_u, d_v)
    loss = feed + kill
    root = np.sqrt(np.maximum(1 - 4 * loss**2 / feed, 0))
    v2 = (feed / (2 * loss) * (1 + root)) ** 2  # u v = a, F (1 - u) = a v
    stable = (kill < saddle_node(feed)) & (v2 > kill) & (v2 > feed)
    least = 2 * np.sqrt(d_u * d_v * loss * np.maximum(v2 - feed, 0))
    return np.asarray(stable & (d_u * loss - d_v * (v2 + feed) > least))


def pattern_bound(feed_rate: npt.ArrayLike, d_u: float, d_v: float) -> Array:
    """The kill rate above which nothing is at rest but (1, 0): 1/(16 g) - (1 - g) F, g = D_v/D_u.

    No pattern of any shape is steady there, on a torus or between walls without flux, of any
    size and in any number of dimensions, nor on a grid with the 5-point Laplacian. For
    g <= 1. Proof. Let u, v >= 0 be steady:

        D_u lap u = u v^2 - F (1 - u),    D_v lap v = a v - u v^2.

    1. Where u is largest, lap u <= 0, so that u v^2 <= F (1 - u) and u <= 1.
    2. With w = 1 - u - g v both equations add up to D_u lap w = F w - (a - g F) v. Where w is
       smallest, lap w >= 0, so that F w >= (a - g F) v >= 0: w >= 0 everywhere.
    3. Since the integrals of w lap v and v lap w are equal, so are those of
       w (a v - u v^2) and g v (F w - (a - g F) v). With w + g v = 1 - u this is

           integral of  v [w u v - (a - g F) (1 - u)]  =  0.

    4. w v <= (w + g v)^2 / (4 g) = (1 - u)^2 / (4 g) and u (1 - u) <= 1/4, so the bracket is at
       most (1 - u) [1/(16 g) - (a - g F)]. Where the last factor is negative, which is
       k > 1/(16 g) - (1 - g) F, v (1 - u) = 0 everywhere: u = 1, its largest value, wherever
       v > 0, but then v = 0 by the first line of step 1.

    It is the tangent of the saddle-node curve at F = 1/(16 g^2), where uniform states reach it
    and it can't be bettered. Between that curve and it the uniform state is gone and patterns
    may live on: the saddle-node forbids none. What lies nearer is not known to be forbidden.

    Args:
        feed_rate: F > 0, 1/time, any shape.
        d_u: D_u, length^2/time.
        d_v: D_v, length^2/time, 0 < D_v <= D_u.

    Source: the proof above; Green's second identity and the maximum principle. Bounds of other
    kinds for the same system: McGough, Riley 2004, Nonlinear Analysis RWA 5, 105-121.
    """
    feed = _rates("feed_rate", feed_rate)
    d_u = require_number("d_u", d_u, "a positive finite number", lambda rate: rate > 0)
    d_v = require_number("d_v", d_v, "in (0, d_u]", lambda rate: 0 < rate <= d_u)
    g = d_v / d_u
    return np.asarray(1 / (16 * g) - (1 - g) * feed)


def _rates(name: str, values: npt.ArrayLike) -> Array:
    rates = np.asarray(values, float)
    require(bool(np.all(np.isfinite(rates) & (rates > 0))), name, values, "positive and finite")
    return rates
