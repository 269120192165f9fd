"""Derivatives of the cell: how a fluctuation of C grows, and what each term makes of C."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from rdverify.lstm import Gates, SequenceModel, State, as_input, gates
from rdverify.lstm.study.rows import START_UP
from rdverify.trace import FloatArray

FEW = 8  # sequences that a derivative is averaged over


def log10(value: float) -> float:
    """The decimal logarithm, no lower than -300."""
    return math.log10(max(value, 1e-300))


def jacobian(
    model: SequenceModel, x: FloatArray, steps: int, state: State | None = None
) -> FloatArray:
    """D C_T / d C_0 of the first FEW sequences, shape (n, h, h) (eq02 to eq07 derived).

    h_0 is held, so that the derivative starts from the cell alone.

    Args:
        model: a network.
        x: input of shape (n, >= steps).
        steps: T.
        state: (h_0, C_0) of the n sequences, or None for zero.
    """
    count = min(FEW, len(x))
    cut = (
        None
        if state is None
        else (state[0][:, :count].contiguous(), state[1][:, :count].contiguous())
    )
    inside = gates(model.lstm, as_input(x[:count, :steps], model), cut)
    u = recurrent(model)
    h = model.lstm.hidden_size
    d_c = np.broadcast_to(np.eye(h), (count, h, h)).copy()  # (n, h, h): d C_t / d C_0
    d_h = np.zeros_like(d_c)
    for t in range(steps):
        d_c, d_h = _tangent(inside, u, t, d_c, d_h)
    return d_c


def gradient(model: SequenceModel, x: FloatArray, steps: int, state: State | None = None) -> float:
    """||d C_T / d C_0||_F over that of the identity, mean over sequences: of any fluctuation."""
    d_c = jacobian(model, x, steps, state)
    return float((np.linalg.norm(d_c, axis=(1, 2)) / np.sqrt(d_c.shape[-1])).mean())


def least_gain(
    model: SequenceModel, x: FloatArray, steps: int, state: State | None = None
) -> float:
    """Smallest singular value of d C_T / d C_0, mean over sequences: what *every* one grows by."""
    values = np.linalg.svd(jacobian(model, x, steps, state), compute_uv=False)
    return float(values[:, -1].mean())


def recurrent(model: SequenceModel) -> FloatArray:
    """U, shape (4 h, h), gates in torch's order i, f, c~, o."""
    weight = dict(model.lstm.named_parameters())["weight_hh_l0"]
    return cast(FloatArray, weight.detach().double().numpy())


def _tangent(
    g: Gates, u: FloatArray, t: int, d_c: FloatArray, d_h: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """One step of the derivative of (C, h), each of shape (n, h, h)."""
    i, f, one_minus_f, c_tilde, o, c_prev, c, _ = (series[:, t, :, None] for series in g)
    d_i, d_f, d_g, d_o = np.split(u @ d_h, 4, axis=1)
    bent = np.tanh(c)
    d_c = (
        f * d_c
        + c_prev * f * one_minus_f * d_f
        + c_tilde * i * (1 - i) * d_i
        + i * (1 - c_tilde**2) * d_g
    )
    return d_c, o * (1 - bent**2) * d_c + bent * o * (1 - o) * d_o


def responses(g: Gates, u: FloatArray, t: int) -> tuple[FloatArray, FloatArray]:
    """Derivatives of i_t c~_t and of -(1 - f_t) C_{t-1} to C_{t-1}, each (n, h, h); t >= 1.

    C_{t-1} acts on itself and, through h_{t-1} = o_{t-1} tanh(C_{t-1}), on the gates.
    """
    i, f, one_minus_f, c_tilde, _, c_prev, _, _ = (series[:, t, :, None] for series in g)
    seen = (g.o[:, t - 1] * (1 - np.tanh(g.c_prev[:, t]) ** 2))[:, None]  # (n, 1, h)
    to_i, to_f, to_g, _ = np.split(u, 4)  # (h, h) each
    reaction = (c_tilde * i * (1 - i) * to_i + i * (1 - c_tilde**2) * to_g) * seen
    diffusion = c_prev * f * one_minus_f * to_f * seen - one_minus_f * np.eye(len(to_f))
    return reaction, diffusion


def feedback(model: SequenceModel, x: FloatArray) -> dict[str, float]:
    """What both terms make of the cell's state, means over FEW sequences after the start-up.

    own_reaction: derivative of a unit's i c~ to its own C. reaction_reach, diffusion_reach: size
    of a term's derivative to another unit's C over that to its own. restoring: <C, D C> / ||C||^2
    with D the derivative of -(1 - f) C. decay_time: steps in which the decay brings the state
    down to 1/e of itself, sum |C| over sum (1 - f) |C|.
    """
    inside = gates(model.lstm, as_input(x[:FEW], model))
    u, h = recurrent(model), model.lstm.hidden_size
    own, restoring = [], []
    sizes = np.zeros((2, 2))  # of the reaction, the diffusion: own, another's
    for t in range(START_UP, x.shape[1]):
        both, c = responses(inside, u, t), inside.c_prev[:, t]
        own.append(np.trace(both[0], axis1=1, axis2=2).mean() / h)
        pulled = np.einsum("nj,njk,nk->n", c, both[1], c)
        restoring.append((pulled / np.square(c).sum(axis=1)).mean())
        for row, term in zip(sizes, both, strict=True):
            diagonal = np.trace(np.abs(term), axis1=1, axis2=2).mean() / h
            row += diagonal, (np.abs(term).sum(axis=(1, 2)).mean() / h - diagonal) / (h - 1)
    state, lost = np.abs(inside.c_prev)[:, START_UP:], inside.one_minus_f[:, START_UP:]
    return {
        "own_reaction": float(np.mean(own)),
        "reaction_reach": float(sizes[0, 1] / sizes[0, 0]),
        "diffusion_reach": float(sizes[1, 1] / sizes[1, 0]),
        "restoring": float(np.mean(restoring)),
        "decay_time": float(state.sum() / (lost * state).sum()),
    }
