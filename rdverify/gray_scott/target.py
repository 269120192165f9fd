"""What a sweep runs of Gray-Scott: one run's M's, R, pattern, and whether it has come to rest."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rdverify.balance import balance_of, ratio
from rdverify.gray_scott.config import GrayScottConfig
from rdverify.gray_scott.model import Simulation, simulate
from rdverify.gray_scott.patterns import UNIFORM_BELOW, classify
from rdverify.sweep.axes import Setting
from rdverify.sweep.target import Outcome, Target, defaults_of
from rdverify.tools.errors import require
from rdverify.trace import Trace

# what a run keeps besides its two norms; no column rests on it
KEPT = ("snapshots", "inner_products", "u_terms")
DEFAULTS = {name: value for name, value in defaults_of(GrayScottConfig).items() if name not in KEPT}
AT_REST_BELOW = 0.01  # a third of the paper's band around R = 1, which the residual bounds
GONE = 1e-16  # v below it: u v^2 is lost in rounding beside v, which only decays from there on
LOOK = 2_000  # steps between two looks at whether v is gone

SAYS = {
    "m_react": "M_react (Eq. 12), the mean over steps of ||u v^2 - (F + k) v||",
    "m_diff": "M_diff (Eq. 15), the mean over steps of ||D_v lap(v)||",
    "r": "R = M_react / M_diff (Eq. 18)",
    "final_ratio": "R_t at the last step; NaN where v had died out before",
    "pattern": "label of v after the last step: uniform, spots, stripes, holes or mixed",
    "pattern_before": "the same after half of the steps",
    "contrast": "highest minus lowest v after the last step",
    "residual": "largest ||dv/dt|| / ||D_v lap(v)||, which bounds |R_t - 1|, over the last "
    "relaxation time L^2 / (4 pi^2 D) of the torus; NaN where v is uniform",
    "stationary": f"v is not uniform and its residual at most {AT_REST_BELOW:g}",
    "supply": "largest u v over F + k after the last step: above 1 somewhere in a steady pattern",
}


def config_of(setting: Setting) -> GrayScottConfig:
    """The configuration of a setting; InputError as :class:`GrayScottConfig`."""
    TARGET.known(setting)
    require("feed_rate" in setting, "feed_rate", None, "given, a positive finite number")
    config = GrayScottConfig(**setting)
    side = min(config.rows, config.cols)
    require(side >= 4, "rows, cols", side, "at least 4, for a pattern to be told")
    return config


def relaxation(config: GrayScottConfig) -> int:
    """Steps in tau = L^2 / (4 pi^2 D), of the torus' longest wave, at most half of the run.

    L is the longer side and D the larger coefficient. What a pattern still does when it has
    filled the torus is to even out its phase, which spreads by diffusion: a wave of length L
    relaxes as exp(-D (2 pi / L)^2 t).
    """
    side = config.dx * max(config.rows, config.cols)
    tau = side**2 / (4 * math.pi**2 * max(config.d_u, config.d_v))
    return max(1, min(round(tau / config.dt), config.steps // 2))


def run(setting: Setting) -> Outcome:
    """One run's numbers, see ``SAYS``; FloatingPointError if it diverges."""
    config = config_of(setting)
    trace, last, half = _until_gone(config)
    balance = balance_of(trace)
    contrast = float(np.ptp(last.v))
    late = slice(-relaxation(config), None)
    moving = float(ratio(trace.extras["change"], trace.diff)[0, late].max())
    residual = moving if contrast > UNIFORM_BELOW else math.nan
    # all steps count in the means; those after v was gone would add nothing to the sums
    share = trace.steps / config.steps
    return {
        "m_react": balance.m_react * share,
        "m_diff": balance.m_diff * share,
        "r": balance.r,
        "final_ratio": float(balance.r_t[0, -1]) if trace.steps == config.steps else math.nan,
        "pattern": classify(last.v).label,
        "pattern_before": classify(half.v).label,
        "contrast": contrast,
        "residual": residual,
        "stationary": residual <= AT_REST_BELOW,
        "supply": float((last.u * last.v).max()) / (config.feed_rate + config.kill_rate),
    }


def _until_gone(config: GrayScottConfig) -> tuple[Trace, Simulation, Simulation]:
    """The run in pieces, up to the look that finds v gone: trace, last piece, piece at T / 2.

    Numbers far below 1e-300 take ten times as long to count with, and say nothing.
    """
    pieces: list[Simulation] = []
    half: Simulation | None = None
    done = 0
    while done < config.steps and (not pieces or np.abs(pieces[-1].v).max() > GONE):
        border = config.steps // 2 if done < config.steps // 2 else config.steps
        length = min(LOOK, border - done)
        piece = replace(config, steps=length, inner_products=True)
        pieces.append(simulate(piece, (pieces[-1].u, pieces[-1].v) if pieces else None))
        if pieces[-1].diverged_at is not None:
            raise FloatingPointError(f"diverged after {done + pieces[-1].diverged_at} steps")
        done += length
        if done == config.steps // 2:
            half = pieces[-1]
    traces = [piece.trace for piece in pieces]
    react = np.concatenate([trace.react for trace in traces], axis=1)
    diff = np.concatenate([trace.diff for trace in traces], axis=1)
    change = np.concatenate([trace.extras["change"] for trace in traces], axis=1)
    whole = Trace(react, diff, system="RD", extras={"change": change})
    return whole, pieces[-1], half or pieces[-1]


TARGET = Target(run=run, check=config_of, defaults=DEFAULTS, says=SAYS)
