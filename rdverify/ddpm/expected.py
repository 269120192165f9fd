"""The DDPM's balance in closed form: the forward marginals with the true noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from rdverify.ddpm.reverse import ReverseProcess
from rdverify.ddpm.schedule import Schedule, Variance
from rdverify.tools.errors import require, require_integer
from rdverify.trace import FloatArray


@dataclass(frozen=True, eq=False)
class ExpectedBalance:
    """Expected norms in order of generation (t = T first), and what follows from them.

    Attributes:
        react_t, diff_t: expected norms of drift and noise per step, shape (T,).
        react_std_t, diff_std_t: their standard deviations over trajectories, shape (T,).
        epsilon_t: expected ||eps||, the printed reading of Eq. (14), shape (T,).
        m_react, m_diff, r, r_t: as in :class:`rdverify.balance.Balance`.
        m_epsilon: M_react of the printed reading.
    """

    react_t: FloatArray
    diff_t: FloatArray
    react_std_t: FloatArray
    diff_std_t: FloatArray
    epsilon_t: FloatArray

    @property
    def m_react(self) -> float:
        """M_react, drift reading."""
        return float(self.react_t.mean())

    @property
    def m_diff(self) -> float:
        """M_diff (Eq. 17)."""
        return float(self.diff_t.mean())

    @property
    def r(self) -> float:
        """R = M_react / M_diff (Eq. 18)."""
        return self.m_react / self.m_diff

    @property
    def m_epsilon(self) -> float:
        """M_react as Eq. (14) is printed: the mean of ||eps||."""
        return float(self.epsilon_t.mean())

    @property
    def r_t(self) -> FloatArray:
        """R_t in order of generation, shape (T,); inf where sigma_t = 0."""
        with np.errstate(divide="ignore"):
            return self.react_t / self.diff_t

    def monte_carlo_error(self, n: int) -> tuple[float, float]:
        """Standard errors of M_react and M_diff that n trajectories leave.

        sqrt(sum_t var_t) / (T sqrt(n)): exact for M_diff, whose noise is fresh at
        each step; for M_react exact when x_t is drawn anew at each step, a lower
        bound along a chain, where neighbouring steps resemble each other.
        """
        n = require_integer("n", n, 1)
        scale = self.react_t.size * np.sqrt(n)
        return (
            float(np.sqrt(np.sum(self.react_std_t**2)) / scale),
            float(np.sqrt(np.sum(self.diff_std_t**2)) / scale),
        )


def expected_balance(
    schedule: Schedule,
    dimension: int,
    mean_square: float | npt.NDArray[np.float64],
    variance: Variance = "beta",
) -> ExpectedBalance:
    """M_react, M_diff, R and R_t on q(x_t | x_0) with the true noise (eq14 corrected, eq17).

    Derivation. With x_t = sqrt(alpha_bar) x_0 + s eps, s = sqrt(1 - alpha_bar), the
    drift of one reverse step is (see ``Schedule.drift_coefficients``)

        mu - x_t = a x_t + b eps = a sqrt(alpha_bar) x_0 + (a s + b) eps,

    for given x_0 a Gaussian vector with mean a sqrt(alpha_bar) x_0 and covariance
    c^2 Id, c = a s + b. Its norm over |c| is non-central chi with d degrees of
    freedom and lambda = a^2 alpha_bar d m2 / c^2, d m2 = ||x_0||^2, so that

        E||mu - x_t|| = |c| sqrt(2) Gamma((d+1)/2)/Gamma(d/2) 1F1(-1/2; d/2; -lambda/2)

    and E||mu - x_t||^2 = c^2 d + a^2 alpha_bar d m2. The noise term is sigma_t times
    a chi variable. Evaluated to 1e-9 relative (see ``mean_norm``).

    Args:
        schedule: beta_t.
        dimension: d, number of pixels times channels, >= 1.
        mean_square: m2 = ||x_0||^2 / d, >= 0, one number or one per image, shape
            (n,); with several the expectation is also over the images.
        variance: sigma_t^2 = beta_t or the posterior's.

    Returns:
        :class:`ExpectedBalance`, in order of generation.

    Raises:
        InputError: if dimension < 1 or a mean square is negative or not finite.

    Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2,
    chapter 29 (non-central chi).
    """
    a, b = schedule.drift_coefficients()
    c = a * np.sqrt(schedule.one_minus_alpha_bar) + b
    shift, sigma = a**2 * schedule.alpha_bar, schedule.sigma(variance)
    return _expected(c[::-1], shift[::-1], sigma[::-1], dimension, mean_square)


def expected_of(
    process: ReverseProcess, dimension: int, mean_square: float | npt.NDArray[np.float64]
) -> ExpectedBalance:
    """The same for any reverse process, whatever its network predicts (eq14 corrected, eq17).

    With the true image and noise the drift is, x_t being r x_0 + s eps,

        mu - x_t = (to_image + to_state r) x_0 + (to_state s + to_noise) eps,

    and a limit of x_0 changes nothing. The noise of a learned variance is taken at its
    upper end, beta_t: without the network no other is known.

    Args:
        process: its steps.
        dimension: d, number of pixels times channels, >= 1.
        mean_square: m2 = ||x_0||^2 / d, as in :func:`expected_balance`.
    """
    mean = process.to_image + process.to_state * process.root_bar
    c = process.to_state * process.root_rest + process.to_noise
    sigma = process.sigma * process.counted
    return _expected(c, mean**2, sigma, dimension, mean_square)


def _expected(
    c: FloatArray,
    shift: FloatArray,
    sigma: FloatArray,
    dimension: int,
    mean_square: float | npt.NDArray[np.float64],
) -> ExpectedBalance:
    """From drifts of law N(m, c^2 Id) with ||m||^2 = shift d m2, in order of generation."""
    dimension = require_integer("dimension", dimension, 1)
    m2 = np.atleast_1d(np.asarray(mean_square, dtype=float)).ravel()
    require(
        m2.size > 0 and bool(np.all(np.isfinite(m2) & (m2 >= 0))),
        "mean_square",
        mean_square,
        "finite and >= 0",
    )
    # unequal images: all lie close together, so that their quantiles stand for them
    points = m2 if m2.size <= 64 else np.quantile(m2, (np.arange(64) + 0.5) / 64)
    norms = np.array(
        [mean_norm(np.abs(c), dimension, shift * dimension * value) for value in points]
    )  # (points, T)
    react = norms.mean(axis=0)
    second = c**2 * dimension + shift * dimension * float(points.mean())
    chi = float(mean_norm(np.array([1.0]), dimension, np.array([0.0]))[0])
    chi_std = np.sqrt(max(dimension - chi**2, 0.0))
    return ExpectedBalance(
        react_t=react,
        diff_t=sigma * chi,
        react_std_t=np.sqrt(np.maximum(second - react**2, 0.0)),
        diff_std_t=sigma * chi_std,
        epsilon_t=np.full(len(c), chi),
    )


def mean_norm(scale: FloatArray, dimension: int, mean_squared_length: FloatArray) -> FloatArray:
    """E||m + scale z|| for z ~ N(0, Id_d), elementwise over ``scale`` >= 0 and ||m||^2.

    scale sqrt(2) Gamma((d+1)/2)/Gamma(d/2) 1F1(-1/2; d/2; -lambda/2), lambda = ||m||^2/scale^2.
    SciPy's hyp1f1 returns inf for many such arguments, so 1F1 is summed here: by its
    own series while lambda < d/2, where the terms fall at least as 2^-k, and beyond
    by the mixture sum_k Poisson(k; lambda/2) Gamma(d/2+k+1/2)/Gamma(d/2+k), all of
    whose terms are positive. Relative accuracy 1e-9 up to lambda = 1e5, 1e-5 at 1e10 (lgamma).
    """
    half = dimension / 2
    # nothing scatters: sqrt(||m||^2 + scale^2 d) to the same accuracy
    still = scale**2 * dimension <= 1e-9 * mean_squared_length
    if still.any() or not scale.all():
        found = np.sqrt(mean_squared_length + scale**2 * dimension)
        rest = ~still & (scale > 0)
        found[rest] = mean_norm(scale[rest], dimension, mean_squared_length[rest])
        return found
    z = mean_squared_length / scale**2 / 2
    factor = np.ones_like(z)
    near = z < half / 2
    term = np.ones_like(z[near])
    for k in range(60):
        term = term * (k - 0.5) / (half + k) * -z[near] / (k + 1)
        factor[near] += term
    log_chi = special.gammaln(half + 0.5) - special.gammaln(half)
    for at in np.flatnonzero(~near):
        width = 9 * np.sqrt(z[at]) + 40  # beyond it the Poisson weight is below 1e-17
        count = np.arange(np.floor(max(z[at] - width, 0)), z[at] + width)
        weight = np.exp(special.xlogy(count, z[at]) - z[at] - special.gammaln(count + 1))
        chi = np.exp(special.gammaln(half + count + 0.5) - special.gammaln(half + count) - log_chi)
        factor[at] = np.sum(weight * chi)
    return np.asarray(scale * np.sqrt(2.0) * np.exp(log_chi) * factor, dtype=float)


def final_ratio(mmse: float, dimension: int) -> float:
    """Ratio at the last step of a network with a given error, on the marginals.

    At t = 0 of the schedule the drift is sqrt(beta_1) eps_hat up to O(beta_1), the
    noise sqrt(beta_1) z, so R_T = ||eps_hat|| / ||z||. A minimum-mean-square
    estimate is orthogonal to its error: E||eps_hat||^2 = d - mmse. Hence
    R_T = sqrt(1 - mmse / d), with mmse = E||eps - eps_hat||^2 in [0, d].
    """
    dimension = require_integer("dimension", dimension, 1)
    require(0 <= mmse <= dimension, "mmse", mmse, f"in [0, d = {dimension}]")
    return float(np.sqrt(1 - mmse / dimension))
