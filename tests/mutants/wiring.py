"""Rdverify's own numbers, put together wrongly: what a slip in an adapter would be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from conformance import adapters

from mutants.mutant import mutants
from rdverify.balance import balance_of
from rdverify.ddpm.schedule import Schedule, forward_step, q_sample
from rdverify.gray_scott import simulate
from rdverify.lstm import gates
from rdverify.trace import Trace

Array = Any


def eq01_padded(u: Array, v: Array, d_u: float, d_v: float, dx: float, r_u: Any, r_v: Any) -> Any:
    """A rim of copies round the grid, which makes the periodic kernel one without flux."""
    u, v = np.pad(u, 1, mode="edge"), np.pad(v, 1, mode="edge")
    du, dv = adapters.eq01(u, v, d_u, d_v, dx, r_u, r_v)
    return du[1:-1, 1:-1], dv[1:-1, 1:-1]


def eq08_at(t_of: Any) -> Any:
    def equation(x: Array, beta: Array, t: int, eps: Array) -> Array:
        schedule = Schedule(beta[1:])
        at = t_of(t, schedule.T)
        return forward_step(adapters.tensor(x), at, schedule, adapters.tensor(eps)).numpy()

    return equation


def eq08_at_once(x: Array, beta: Array, t: int, eps: Array) -> Array:
    return q_sample(adapters.tensor(x), t, Schedule(beta[1:]), adapters.tensor(eps)).numpy()


def eq05_late(f: Array, c: Array, i: Array, g: Array) -> Array:
    return adapters.inside(i, f, g, 0 * f + 0.5, c).c[0, 1]


def eq07_late(o: Array, c: Array) -> Array:
    lstm, x = adapters.held(*(a[None] for a in (0 * o + 0.2, 0 * o + 0.9, 0 * o + 0.5, o)))
    c_0 = adapters.tensor(c)[None, None]
    return gates(lstm, x, (torch.zeros_like(c_0), c_0)).h[0, 0]


def eq12_of(name: str) -> Any:
    """Another series of the same simulation in the reaction's place."""

    def equation(u: Array, v: Array, F: float, k: float) -> float:
        config = adapters.gray_scott(u.shape[1:], feed_rate=F, kill_rate=k, u_terms=True)
        traces = [simulate(config, state).trace for state in zip(u, v, strict=True)]
        series = [t.diff if name == "diff" else t.extras[name] for t in traces]
        return adapters.mean_over_time([s[0, 0] for s in series])

    return equation


def eq14_epsilon(x: Array, eps: Array, b: Array, a: Array) -> float:
    return adapters.mean_over_time([np.linalg.norm(e) for e in eps])


def one_run(react: Array, diff: Array) -> Trace:
    return Trace(np.atleast_2d(react), np.atleast_2d(diff))


MUTANTS = [
    *mutants(
        "eq01",
        ("wiring", "the kernel on a padded grid", eq01_padded),
        (
            "wiring",
            "the kernel with rows and columns exchanged in one field",
            lambda u, v, *rest: adapters.eq01(u, np.roll(v.T.reshape(v.shape), 1), *rest),
        ),
    ),
    *mutants(
        "eq01_kinetics",
        (
            "wiring",
            "the kernel of section 4.1 as printed",
            lambda u, v, F, k: adapters.eq01_kinetics(u, v, F, k, "u2v"),
        ),
        (
            "wiring",
            "the step in the rate's place",
            lambda u, v, F, k: tuple(1e-3 * np.array(adapters.eq01_kinetics(u, v, F, k))),
        ),
    ),
    *mutants(
        "eq02",
        *(
            ("wiring", f"{r} is read", adapters.layer("f", r))
            for r in ("i", "o", "c_tilde", "one_minus_f")
        ),
    ),
    *mutants(
        "eq03", *(("wiring", f"{r} is read", adapters.layer("i", r)) for r in ("f", "o", "c_tilde"))
    ),
    *mutants(
        "eq04",
        *(("wiring", f"{r} is read", adapters.layer("c_tilde", r)) for r in ("i", "o", "c", "h")),
    ),
    *mutants("eq05", ("wiring", "one step late", eq05_late)),
    *mutants(
        "eq06", *(("wiring", f"{r} is read", adapters.layer("o", r)) for r in ("i", "f", "h"))
    ),
    *mutants("eq07", ("wiring", "C_t after another step", eq07_late)),
    *mutants(
        "eq08",
        ("wiring", "index t - 1 of the schedule", eq08_at(lambda t, T: max(t - 1, 0))),
        ("wiring", "the schedule from its end", eq08_at(lambda t, T: T - 1 - t)),
        ("wiring", "q(x_t | x_0) in the step's place", eq08_at_once),
    ),
    *mutants(
        "eq12",
        (
            "wiring",
            "the kernel of section 4.1 as printed",
            lambda u, v, F, k: adapters.eq12(u, v, F, k, "u2v"),
        ),
        ("wiring", "the diffusion's series", eq12_of("diff")),
        ("wiring", "the series of u's reaction", eq12_of("react_u")),
    ),
    *mutants(
        "eq13",
        (
            "wiring",
            "the diffusion's series",
            lambda i, c: adapters.mean_over_time(
                adapters.norms(i, 0 * i + 0.5, c, 0 * i + 1).diff[:, 0]
            ),
        ),
        (
            "wiring",
            "the change's series",
            lambda i, c: adapters.mean_over_time(
                adapters.norms(i, 0 * i + 0.5, c, 0 * i + 1).extras["change"][:, 0]
            ),
        ),
    ),
    *mutants(
        "eq14",
        ("wiring", "the epsilon's series", eq14_epsilon),
        ("wiring", "clipped to [-1, 1]", lambda *a: adapters.eq14(*a, clip=1.0)),
    ),
    *mutants(
        "eq15",
        (
            "wiring",
            "on a padded grid",
            lambda v, d, dx: adapters.eq15(np.pad(v, ((0, 0), (1, 1), (1, 1)), mode="edge"), d, dx),
        ),
    ),
    *mutants(
        "eq16",
        (
            "wiring",
            "the reaction's series",
            lambda f, c: adapters.mean_over_time(
                adapters.norms(0 * f + 0.5, f, 0 * f + 0.5, c).react[:, 0]
            ),
        ),
        (
            "wiring",
            "one step late",
            lambda f, c: adapters.mean_over_time(
                adapters.norms(0 * f + 0.5, f, 0 * f + 0.5, c).diff[:, 1]
            ),
        ),
    ),
    *mutants(
        "eq17",
        ("wiring", "the posterior's variance", lambda s, z: adapters.eq17(s, z, "posterior")),
    ),
    *mutants("eq18", ("wiring", "terms exchanged", lambda a, b: balance_of(one_run(b, a)).r)),
    *mutants(
        "eq19",
        (
            "wiring",
            "steps taken for runs and the first one read",
            lambda m: balance_of(one_run(m[:, None], m[:, None])).m_react_runs[0],
        ),
    ),
    *mutants("eq20", ("wiring", "terms exchanged", lambda a, b: balance_of(one_run(b, a)).r_t[0])),
]
