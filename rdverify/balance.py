"""From a Trace to M_react, M_diff, R and R_t (eq18, eq19, eq20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from rdverify.trace import FloatArray, Trace


@dataclass(frozen=True, eq=False)
class Balance:
    """Both metrics and their ratio, over all runs and for each.

    Attributes:
        m_react: M_react, the mean over steps and runs of ||reaction||_2 (Eqs. 12-14, 19).
        m_diff: M_diff, likewise of ||diffusion||_2 (Eqs. 15-17, 19).
        r: R = M_react / M_diff (Eq. 18), a ratio of means over all runs.
        r_t: R_t per run and step, shape (runs, T) (Eq. 20 as corrected).
        r_t_pooled: shape (T,), the ratio at each step of the runs' mean norms.
        m_react_runs, m_diff_runs, r_runs: the same for each run, shape (runs,).

    R is a ratio of means, R_t a ratio at one step. R is the mean of R_t weighted
    by ||diffusion||: R = sum_t w_t R_t with w_t = ||diff_t|| / sum_s ||diff_s||.
    The plain mean of R_t differs from R by the covariance of R_t with the weight,
    mean(R_t) - R = -cov(R_t, ||diff_t||) / M_diff; the two agree only if R_t and
    the size of the diffusion term are uncorrelated over time.

    Zero denominators: where ||diff_t|| = 0, R_t is inf if ||react_t|| > 0 and NaN
    if both vanish (nothing happens, so nothing is balanced). Such steps still
    count in the means. R is inf or NaN by the same rule. No step is dropped.

    Runs of unequal length: a run's means are over its own steps, and every run counts
    alike; at a step, those runs count that still go on.

    Source: Eqs. (18)-(20), sections 4.4 and 5.

    """

    m_react: float
    m_diff: float
    r: float
    r_t: FloatArray
    r_t_pooled: FloatArray
    m_react_runs: FloatArray
    m_diff_runs: FloatArray
    r_runs: FloatArray


def balance_of(trace: Trace) -> Balance:
    """Mean metrics and dynamic balance ratios of a trace (eq18, eq19, eq20).

    Args:
        trace: norms of shape (runs, T).

    Returns:
        :class:`Balance`; see there for the policy on zero denominators.

    """
    m_react_runs = trace.react.mean(axis=1, **trace.counted)
    m_diff_runs = trace.diff.mean(axis=1, **trace.counted)
    m_react, m_diff = float(m_react_runs.mean()), float(m_diff_runs.mean())
    return Balance(
        m_react=m_react,
        m_diff=m_diff,
        r=float(ratio(np.array(m_react), np.array(m_diff))),
        r_t=ratio(trace.react, trace.diff),
        r_t_pooled=ratio(_over_runs(trace.react, trace), _over_runs(trace.diff, trace)),
        m_react_runs=m_react_runs,
        m_diff_runs=m_diff_runs,
        r_runs=ratio(m_react_runs, m_diff_runs),
    )


def _over_runs(norms: FloatArray, trace: Trace) -> FloatArray:
    """Mean over the runs that have a step, shape (T,); NaN where none has."""
    found = np.full(trace.steps, np.nan)
    last = max(trace.lengths, default=trace.steps)
    counted = {name: where[:, :last] for name, where in trace.counted.items()}
    found[:last] = norms[:, :last].mean(axis=0, **counted)
    return found


def ratio(react: FloatArray, diff: FloatArray) -> FloatArray:
    """React / diff by the policy of :class:`Balance`: x/0 = inf for x > 0, 0/0 = NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return cast(FloatArray, np.divide(react, diff))
