"""Section 4.1's range of feed rates, run through: which pattern each gives, and what R says."""

from __future__ import annotations

from typing import Any

import numpy as np

from rdverify.balance import balance_of
from rdverify.gray_scott import Simulation, all_states, classify
from rdverify.gray_scott.study.facts import fact
from rdverify.gray_scott.study.runs import FEED_RATES, Runs
from rdverify.gray_scott.study.settings import config_of
from rdverify.study import Measured

FINE = 2601  # feed rates of the closed form over the range, a step of 1e-5
OVER = f"{len(FEED_RATES)} feed rates from {FEED_RATES[0]} to {FEED_RATES[-1]}"


def _all(runs: Runs, what: str) -> list[Simulation]:
    return [runs.one(what, feed_rate) for feed_rate in FEED_RATES]


def turing(runs: Runs, feed_rate: float, exchanged: bool = False) -> bool:
    """Whether some uniform steady state is stable without diffusion and unstable with it."""
    config = config_of(runs.setting, "spot", 0)
    pair = (config.d_v, config.d_u) if exchanged else (config.d_u, config.d_v)
    return any(state.turing for state in all_states(feed_rate, config.kill_rate, *pair))


@fact("rd.range.contrast", f"least contrast of v at T over {OVER}")
def _contrast(runs: Runs) -> Measured:
    return Measured(min(float(np.ptp(run.v)) for run in _all(runs, "range")), n=len(FEED_RATES))


@fact("rd.range.dying.contrast", "greatest contrast of v over the same feed rates, kill rate 0.08")
def _dying_contrast(runs: Runs) -> Measured:
    ended = _all(runs, "range dying")
    return Measured(max(float(np.ptp(run.v)) for run in ended), n=len(FEED_RATES))


@fact("rd.range.off_r", f"greatest |R - 1| over {OVER}")
def _off_r(runs: Runs) -> Measured:
    off = [abs(balance_of(run.trace).r - 1) for run in _all(runs, "range")]
    return Measured(max(off), n=len(FEED_RATES))


@fact("rd.range.dying.off_r", "least |R - 1| over the same feed rates, kill rate 0.08")
def _dying_off_r(runs: Runs) -> Measured:
    off = [abs(balance_of(run.trace).r - 1) for run in _all(runs, "range dying")]
    return Measured(min(off), n=len(FEED_RATES))


def _turing_share(runs: Runs, exchanged: bool) -> float:
    feed_rates = np.linspace(FEED_RATES[0], FEED_RATES[-1], FINE)
    return float(np.mean([turing(runs, float(rate), exchanged) for rate in feed_rates]))


@fact(
    "rd.range.turing_share",
    "share of the range of F in which some uniform steady state is stable without diffusion and "
    "unstable with it (by formula)",
)
def _turing(runs: Runs) -> float:
    return _turing_share(runs, exchanged=False)


@fact("rd.range.exchanged.turing_share", "the same with D_u and D_v exchanged")
def _turing_exchanged(runs: Runs) -> float:
    return _turing_share(runs, exchanged=True)


@fact(
    "rd.range.patterns_without_turing",
    f"at how many of {OVER} there is a pattern at T and no Turing-unstable state",
)
def _without(runs: Runs) -> Measured:
    found = [
        classify(runs.one("range", rate).v).label != "uniform" and not turing(runs, rate)
        for rate in FEED_RATES
    ]
    return Measured(float(sum(found)), n=len(found))


def feed_rate_rows(runs: Runs) -> list[dict[str, Any]]:
    """A row a feed rate: pattern, R, contrast, and whether it could be Turing's."""
    rows = []
    for feed_rate in FEED_RATES:
        run = runs.one("range", feed_rate)
        seen = classify(run.v)
        rows.append(
            {
                "F": f"{feed_rate:g}",
                "pattern": seen.label,
                "area in spots": f"{seen.spot_share:.0%}",
                "area in stripes": f"{seen.stripe_share:.0%}",
                "contrast": f"{seen.contrast:.3f}",
                "R": f"{balance_of(run.trace).r:.4f}",
                "Turing-unstable state": "yes" if turing(runs, feed_rate) else "no",
            }
        )
    return rows


def ratio_rows(runs: Runs) -> list[dict[str, Any]]:
    """A row a ratio of coefficients: the pattern at both feed rates."""
    patterns: dict[float, dict[str, str]] = {}
    for key, run in runs.simulations.items():
        if key[0] == "ratio" and key[3] == runs.seeds[0]:
            seen = classify(run.v)
            patterns.setdefault(key[2], {})[key[1]] = (
                f"{seen.label}, {seen.coverage:.0%} of the domain"
                if seen.label != "uniform"
                else "none"
            )
    return [{"D_v / D_u": f"{ratio:g}"} | found for ratio, found in sorted(patterns.items())]
