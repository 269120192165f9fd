"""Wrong forms of the forward chain and of the stochastic differential equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from mutants.mutant import mutants
from spec.diffusion_model import eq08_printed, eq10_printed

Array = Any


def bar(beta: Array, t: int) -> float:
    return float(np.prod(1 - beta[1 : t + 2]))


MUTANTS = [
    *mutants(
        "eq08",
        ("erratum", "beta_t, as printed (E04)", eq08_printed),
        (
            "index",
            "the schedule run backwards",
            lambda x, b, t, e: np.sqrt(1 - b[-1 - t]) * x + np.sqrt(b[-1 - t]) * e,
        ),
        (
            "index",
            "beta_{t+2}, round at the end",
            lambda x, b, t, e: (
                np.sqrt(1 - b[1 + (t + 1) % (len(b) - 1)]) * x
                + np.sqrt(b[1 + (t + 1) % (len(b) - 1)]) * e
            ),
        ),
        (
            "index",
            "noise one step late",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x + np.sqrt(b[max(t, 1)]) * e,
        ),
        (
            "index",
            "all steps up to t at once",
            lambda x, b, t, e: np.sqrt(bar(b, t)) * x + np.sqrt(1 - bar(b, t)) * e,
        ),
        (
            "missing",
            "no root over the signal's factor",
            lambda x, b, t, e: (1 - b[t + 1]) * x + np.sqrt(b[t + 1]) * e,
        ),
        (
            "missing",
            "no root over the noise's factor",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x + b[t + 1] * e,
        ),
        (
            "missing",
            "the signal is not damped, the variance explodes",
            lambda x, b, t, e: x + np.sqrt(b[t + 1]) * e,
        ),
        ("missing", "no noise", lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x),
        ("missing", "noise without its factor", lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x + e),
        (
            "operand",
            "factors exchanged",
            lambda x, b, t, e: np.sqrt(b[t + 1]) * x + np.sqrt(1 - b[t + 1]) * e,
        ),
        (
            "operand",
            "signal and noise exchanged",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * e + np.sqrt(b[t + 1]) * x,
        ),
        ("sign", "1 + beta", lambda x, b, t, e: np.sqrt(1 + b[t + 1]) * x + np.sqrt(b[t + 1]) * e),
        (
            "sign",
            "noise subtracted",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x - np.sqrt(b[t + 1]) * e,
        ),
        (
            "function",
            "the first order, 1 - beta/2",
            lambda x, b, t, e: (1 - b[t + 1] / 2) * x + np.sqrt(b[t + 1]) * e,
        ),
        (
            "function",
            "|noise|",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * x + np.sqrt(b[t + 1]) * np.abs(e),
        ),
        (
            "function",
            "|signal|",
            lambda x, b, t, e: np.sqrt(1 - b[t + 1]) * np.abs(x) + np.sqrt(b[t + 1]) * e,
        ),
        (
            "normalisation",
            "the weighted mean of signal and noise",
            lambda x, b, t, e: (1 - b[t + 1]) * x + b[t + 1] * e,
        ),
    ),
    *mutants(
        "eq09",
        ("sign", "drift subtracted", lambda x, t, dt, f, g, dw: -f(x, t) * dt + g(t) * dw),
        ("sign", "noise subtracted", lambda x, t, dt, f, g, dw: f(x, t) * dt - g(t) * dw),
        ("missing", "no dt", lambda x, t, dt, f, g, dw: f(x, t) + g(t) * dw),
        ("missing", "no noise", lambda x, t, dt, f, g, dw: f(x, t) * dt),
        ("missing", "no drift", lambda x, t, dt, f, g, dw: g(t) * dw),
        ("missing", "no g", lambda x, t, dt, f, g, dw: f(x, t) * dt + dw),
        ("operand", "dt on the noise too", lambda x, t, dt, f, g, dw: (f(x, t) + g(t) * dw) * dt),
        (
            "operand",
            "sqrt(dt) on a dw that has it already",
            lambda x, t, dt, f, g, dw: f(x, t) * dt + g(t) * np.sqrt(abs(dt)) * dw,
        ),
        ("operand", "g^2 on the noise", lambda x, t, dt, f, g, dw: f(x, t) * dt + g(t) ** 2 * dw),
        ("operand", "f of (t, x)", lambda x, t, dt, f, g, dw: f(t, x) * dt + g(t) * dw),
        ("operand", "g on the drift too", lambda x, t, dt, f, g, dw: g(t) * (f(x, t) * dt + dw)),
        (
            "operand",
            "the new state in dx's place",
            lambda x, t, dt, f, g, dw: x + f(x, t) * dt + g(t) * dw,
        ),
        (
            "index",
            "f at the end of the step",
            lambda x, t, dt, f, g, dw: f(x, t + dt) * dt + g(t) * dw,
        ),
        (
            "index",
            "g at the end of the step",
            lambda x, t, dt, f, g, dw: f(x, t) * dt + g(t + dt) * dw,
        ),
        ("index", "f at time 0", lambda x, t, dt, f, g, dw: f(x, 0.0) * dt + g(t) * dw),
        (
            "function",
            "f at the moved state, an implicit drift",
            lambda x, t, dt, f, g, dw: f(x + f(x, t) * dt, t) * dt + g(t) * dw,
        ),
        (
            "function",
            "noise times the state",
            lambda x, t, dt, f, g, dw: f(x, t) * dt + g(t) * x * dw,
        ),
        (
            "axis",
            "one noise for all pixels",
            lambda x, t, dt, f, g, dw: f(x, t) * dt + g(t) * np.mean(dw),
        ),
    ),
    *mutants(
        "eq10",
        ("erratum", "the score of the data for all t, as printed (E07)", eq10_printed),
        (
            "erratum",
            "the score's sign that epsilon in its place gives (E06)",
            lambda x, t, dt, f, g, s, dw: (f(x, t) + g(t) ** 2 * s(x, t)) * dt + g(t) * dw,
        ),
        (
            "sign",
            "drift of the other sign",
            lambda x, t, dt, f, g, s, dw: (-f(x, t) - g(t) ** 2 * s(x, t)) * dt + g(t) * dw,
        ),
        (
            "sign",
            "time run forwards",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t)) * abs(dt) + g(t) * dw,
        ),
        (
            "sign",
            "noise subtracted",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t)) * dt - g(t) * dw,
        ),
        ("missing", "no score", lambda x, t, dt, f, g, s, dw: f(x, t) * dt + g(t) * dw),
        (
            "missing",
            "no drift",
            lambda x, t, dt, f, g, s, dw: -(g(t) ** 2) * s(x, t) * dt + g(t) * dw,
        ),
        ("missing", "no noise", lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t)) * dt),
        (
            "missing",
            "no g^2 on the score",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - s(x, t)) * dt + g(t) * dw,
        ),
        (
            "missing",
            "the score without dt",
            lambda x, t, dt, f, g, s, dw: f(x, t) * dt - g(t) ** 2 * s(x, t) + g(t) * dw,
        ),
        (
            "operand",
            "g in g^2's place",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) * s(x, t)) * dt + g(t) * dw,
        ),
        (
            "operand",
            "half the score, that of the probability flow, with noise",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t) / 2) * dt + g(t) * dw,
        ),
        (
            "operand",
            "g score^2",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) * s(x, t) ** 2) * dt + g(t) * dw,
        ),
        (
            "operand",
            "f times score",
            lambda x, t, dt, f, g, s, dw: f(x, t) * (1 - g(t) ** 2 * s(x, t)) * dt + g(t) * dw,
        ),
        (
            "operand",
            "g^2 on the noise",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t)) * dt + g(t) ** 2 * dw,
        ),
        (
            "index",
            "the score at the end of the step",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t) ** 2 * s(x, t + dt)) * dt + g(t) * dw,
        ),
        (
            "index",
            "g of the score at the end of the step",
            lambda x, t, dt, f, g, s, dw: (f(x, t) - g(t + dt) ** 2 * s(x, t)) * dt + g(t) * dw,
        ),
        (
            "index",
            "all at 1 - t",
            lambda x, t, dt, f, g, s, dw: (
                (f(x, 1 - t) - g(1 - t) ** 2 * s(x, 1 - t)) * dt + g(1 - t) * dw
            ),
        ),
    ),
]
