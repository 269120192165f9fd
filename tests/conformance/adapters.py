"""Rdverify's public functions under the spec's signatures, with as little added as may be.

What has to be added: gates at given values are made by biases, a prescribed noise goes
through ``reverse_step`` since ``sample`` draws its own, a given alpha_bar_t comes from a
chain of two steps. Means over time are always those of ``balance_of``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import reverse_step, sample
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.schedule import forward_step as ddpm_forward_step
from rdverify.ddpm.sde import forward_increment, reverse_increment
from rdverify.gray_scott import GrayScottConfig, simulate, step
from rdverify.lstm import Gates, gates, probe
from rdverify.trace import Trace

Array = Any
NONE = 1e-300  # a rate or coefficient must be positive; this one has no effect in doubles
SATURATED = 600.0  # sigma(-600) = 1e-261


def mean_over_time(norms: Any) -> float:
    """M of the norms (T,) at each step."""
    row = np.asarray(norms, float)[None]
    return balance_of(Trace(row, row)).m_react


def tensor(values: Array) -> torch.Tensor:
    """A float64 copy."""
    return torch.from_numpy(np.array(values, float))


# --- reaction-diffusion -------------------------------------------------------------


def gray_scott(shape: tuple[int, ...], **settings: Any) -> GrayScottConfig:
    """A configuration without square and noise; what is not given has no effect."""
    defaults: dict[str, Any] = {"feed_rate": NONE, "kill_rate": NONE, "d_u": NONE, "d_v": NONE}
    defaults |= {"dx": 1.0, "dt": 1e-3, "steps": 1, "square": 0, "noise": 0.0}
    return GrayScottConfig(rows=shape[0], cols=shape[1], **(defaults | settings))


def eq01(
    u: Array,
    v: Array,
    d_u: float,
    d_v: float,
    dx: float,
    r_u: Any,
    r_v: Any,
) -> tuple[Array, Array]:
    """rdverify's transport of u (where v = 0) and of v (where u = 0), and the given reaction.

    Its own reaction is Gray-Scott's, ``eq01_kinetics`` below.
    """
    dt = 0.05 * dx**2 / max(d_u, d_v)
    config = gray_scott(u.shape, d_u=d_u, d_v=d_v, dx=dx, dt=dt)
    after_u = step(u, 0 * v, config)[0]
    after_v = step(0 * u, v, config)[1]
    return (after_u - u) / dt + r_u(u, v), (after_v - v) / dt + r_v(u, v)


def eq01_kinetics(
    u: Array,
    v: Array,
    feed_rate: float,
    kill_rate: float,
    kinetics: str = "uv2",
) -> tuple[Array, Array]:
    """The change of both fields in one step without diffusion, per unit of time."""
    config = gray_scott(u.shape, feed_rate=feed_rate, kill_rate=kill_rate, kinetics=kinetics)
    after_u, after_v = step(u, v, config)
    return (after_u - u) / config.dt, (after_v - v) / config.dt


def eq12(u: Array, v: Array, feed_rate: float, kill_rate: float, kinetics: str = "uv2") -> float:
    config = gray_scott(u.shape[1:], feed_rate=feed_rate, kill_rate=kill_rate, kinetics=kinetics)
    states = zip(u, v, strict=True)
    return mean_over_time([simulate(config, state).trace.react[0, 0] for state in states])


def eq15(v: Array, d_v: float, dx: float, **settings: Any) -> float:
    dt = 0.05 * dx**2 / d_v
    config = gray_scott(v.shape[1:], d_v=d_v, dx=dx, dt=dt, **settings)
    return mean_over_time([simulate(config, (0 * a, a)).trace.diff[0, 0] for a in v])


# --- LSTM ---------------------------------------------------------------------------


def lstm_of(w: Array, u: Array, b: Array) -> torch.nn.LSTM:
    """A layer with the weights of the gates i, f, c, o one below the other."""
    lstm = torch.nn.LSTM(w.shape[1], u.shape[1], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for name, value in (("weight_ih_l0", w), ("weight_hh_l0", u), ("bias_ih_l0", b)):
            getattr(lstm, name).copy_(tensor(value))
        lstm.bias_hh_l0.zero_()
    return lstm


def layer(gate: str, read: str = "") -> Callable[..., Array]:
    """One gate of ``gates``; the other three have weights of their own, made up."""
    slot = ("i", "f", "c_tilde", "o").index(gate)

    def equation(x_t: Array, h_prev: Array, w: Array, u: Array, b: Array) -> Array:
        h, d = np.shape(w)
        rng = np.random.default_rng(13)
        blocks = [rng.normal(size=(4, *shape)) for shape in ((h, d), (h, h), (h,))]
        for block, value in zip(blocks, (w, u, b), strict=True):
            block[slot] = value
        lstm = lstm_of(*(block.reshape(4 * h, *block.shape[2:]) for block in blocks))
        x = tensor([[x_t, x_t]])  # two steps, of which the first is read
        state = (tensor([[h_prev]]), tensor(np.zeros((1, 1, h))))
        return getattr(gates(lstm, x, state), read or gate)[0, 0]

    return equation


eq02, eq03, eq04, eq06 = layer("f"), layer("i"), layer("c_tilde"), layer("o")


def held(i: Array, f: Array, c_tilde: Array, o: Array) -> tuple[torch.nn.LSTM, torch.Tensor]:
    """A layer and its input (T, 2, T) for which run t has the gates i[t], f[t], c~[t], o[t].

    Each of shape (T, h). Input t is the unit vector e_t, twice; column t of W makes the gates.
    """
    with np.errstate(divide="ignore"):
        pre = [np.log(p) - np.log1p(-p) for p in (i, f)] + [np.arctanh(c_tilde)]
        pre += [np.log(o) - np.log1p(-o)]
    w = np.clip(np.concatenate(pre, axis=1).T, -SATURATED, SATURATED)  # (4 h, T)
    steps, h = np.shape(i)
    x = tensor(np.repeat(np.eye(steps)[:, None], 2, axis=1))  # (T, 2, T)
    return lstm_of(w, np.zeros((4 * h, h)), np.zeros(4 * h)), x


def inside(i: Array, f: Array, c_tilde: Array, o: Array, c_prev: Array) -> Gates:
    """``gates`` of one step from C_{t-1} at given gates, each of shape (h,)."""
    lstm, x = held(*(np.asarray(a, float)[None] for a in (i, f, c_tilde, o)))
    c_0 = tensor(c_prev)[None, None]
    return gates(lstm, x, (torch.zeros_like(c_0), c_0))


def norms(i: Array, f: Array, c_tilde: Array, c_prev: Array) -> Trace:
    """``probe`` of one step of each run t at given gates and states, each of shape (T, h)."""
    lstm, x = held(i, f, c_tilde, 0 * f + 0.5)
    c_0 = tensor(c_prev)[None]
    return probe(lstm, x, (torch.zeros_like(c_0), c_0))


def eq05(f_t: Array, c_prev: Array, i_t: Array, c_tilde: Array) -> Array:
    return inside(i_t, f_t, c_tilde, 0 * f_t + 0.5, c_prev).c[0, 0]


def eq07(o_t: Array, c_t: Array) -> Array:
    zero = 0 * np.asarray(o_t)
    return inside(zero, zero + 1, zero, o_t, c_t).h[0, 0]  # f = 1, i = 0: C_t = C_{t-1}


def eq11(f_t: Array, c_prev: Array, i_t: Array, c_tilde: Array) -> Array:
    made = inside(i_t, f_t, c_tilde, 0 * f_t + 0.5, c_prev)
    return (made.c - made.c_prev)[0, 0]


def eq13(i_t: Array, c_tilde: Array) -> float:
    return mean_over_time(norms(i_t, 0 * i_t + 0.5, c_tilde, 0 * i_t + 1).react[:, 0])


def eq16(f_t: Array, c_prev: Array) -> float:
    return mean_over_time(norms(0 * f_t + 0.5, f_t, 0 * f_t + 0.5, c_prev).diff[:, 0])


# --- diffusion model ----------------------------------------------------------------


def eq08(x_t: Array, beta: Array, t: int, epsilon_t: Array) -> Array:
    """Index t of a Schedule is the paper's t + 1, so that beta_0 has no place in it."""
    return ddpm_forward_step(tensor(x_t), t, Schedule(beta[1:]), tensor(epsilon_t)).numpy()


eq09, eq10 = forward_increment, reverse_increment


def chain_to(beta_t: float, alpha_bar_t: float) -> Schedule:
    """Two steps of which the second has the given beta and alpha_bar."""
    return Schedule(np.array([1 - alpha_bar_t / (1 - beta_t), beta_t]))


def eq14(
    x: Array,
    epsilon_theta: Array,
    beta_t: Array,
    alpha_bar_t: Array,
    **settings: Any,
) -> float:
    """The first step of ``sample`` from x with a network that answers epsilon."""
    found = []
    for x_s, eps, b, bar in zip(x, epsilon_theta, beta_t, alpha_bar_t, strict=True):
        image, answer = (tensor(a).reshape(1, 1, 1, -1) for a in (x_s, eps))
        trace = sample(
            lambda x, t, answer=answer: answer,
            chain_to(b, bar),
            images=1,
            initial=image,
            dtype=torch.float64,
            **settings,
        )[1]
        found.append(trace.react[0, 0])
    return mean_over_time(found)


def eq17(sigma_t: Array, z: Array, variance: Any = "beta") -> float:
    """The kick of ``reverse_step``; its norm is taken here."""
    found = []
    for s, z_s in zip(sigma_t, z, strict=True):
        noise = tensor(z_s)
        schedule = Schedule(np.array([0.5, s**2]))
        kick = reverse_step(0 * noise, noise, 1, schedule, noise, variance=variance)[2]
        found.append(torch.linalg.vector_norm(kick).item())
    return mean_over_time(found)


# --- balance ------------------------------------------------------------------------


def eq18(m_react: float, m_diff: float) -> float:
    return balance_of(Trace(np.array([[m_react]]), np.array([[m_diff]]))).r


def eq19(m_it: Array) -> float:
    return mean_over_time(m_it)


def eq20(m_react_t: Array, m_diff_t: Array) -> Array:
    return balance_of(Trace(m_react_t[None], m_diff_t[None])).r_t[0]
