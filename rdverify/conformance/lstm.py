"""Checks of the LSTM cell, Eqs. (2) to (7) and (11); the judge beside arithmetic is torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from rdverify.conformance.cell import equations_of
from rdverify.conformance.expect import expect, expect_true

Array = Any
Equation = Callable[..., Any]


def torch_cell(x: Array, h: Array, c: Array, w: Array, u: Array, b: Array) -> tuple[Array, Array]:
    """(h', C') of torch.nn.LSTMCell."""
    import torch  # slow to import, hence not for every check

    cell = torch.nn.LSTMCell(len(x), len(h), dtype=torch.float64)
    with torch.no_grad():
        for name, value in (("weight_ih", w), ("weight_hh", u), ("bias_ih", b)):
            getattr(cell, name).copy_(torch.from_numpy(value))
        cell.bias_hh.zero_()
        state = tuple(torch.from_numpy(np.asarray(value, float))[None] for value in (h, c))
        h_next, c_next = cell(torch.from_numpy(x)[None], state)
    return h_next[0].numpy(), c_next[0].numpy()


TORCH = equations_of(torch_cell, "ifco")


def layer(eq: Equation, token: str, odd: bool) -> None:
    """What Eqs. (2), (3), (4), (6) share: a squashed W x + U h + b."""
    zero, square = np.zeros(2), np.zeros((2, 2))
    log3 = math.log(3)  # sigma(log 3) = 3/4, tanh(log 3) = 4/5
    value = 0.8 if odd else 0.75

    def mirror(a: Array) -> Array:
        return -a if odd else 1 - a

    rest = eq(zero, zero, square, square, zero)
    expect("nothing in: the middle of the range", rest, zero if odd else zero + 0.5)
    out = eq(zero, zero, square, square, np.array([log3, -log3]))
    expect("the bias alone, by hand", out, [value, mirror(value)])
    w = np.array([[0.0, log3], [0.0, 0.0]])
    expect("W x by hand", eq(np.array([5.0, 1.0]), zero, w, square, zero), [value, rest[1]])
    expect("U h by hand", eq(zero, np.array([5.0, 1.0]), square, w, zero), [value, rest[1]])

    rng = np.random.default_rng(2)
    x, h = rng.normal(size=3), rng.uniform(-1, 1, 4)
    w, u, b = rng.normal(size=(4, 3)), rng.normal(size=(4, 4)), rng.normal(size=4)
    out = eq(x, h, w, u, b)
    expect("W, U and b negated: mirrored", eq(x, h, -w, -u, -b), mirror(out))
    expect("b can stand in for W x", eq(0 * x, h, w, u, b + w @ x), out)
    expect("b can stand in for U h", eq(x, 0 * h, w, u, b + u @ h), out)
    low, high = (-1, 1) if odd else (0, 1)
    expect("saturates above", eq(x, h, w, u, b + 60), [high] * 4)
    expect("saturates below", eq(x, h, w, u, b - 60), [low] * 4)
    expect_true("stays within its range", (low < out) & (out < high), out)
    order = np.array([2, 0, 3, 1])
    mixed = eq(x, h, w[order], u[order], b[order])
    expect("units exchanged: exchanged likewise", mixed, out[order])

    expect("as in torch.nn.LSTMCell", out, TORCH[token](x, h, w, u, b))


def check_eq02(eq: Equation) -> None:
    """f_t of (x_t, h_{t-1}, W_f, U_f, b_f)."""
    layer(eq, "eq02", odd=False)


def check_eq03(eq: Equation) -> None:
    """i_t of (x_t, h_{t-1}, W_i, U_i, b_i)."""
    layer(eq, "eq03", odd=False)


def check_eq04(eq: Equation) -> None:
    """C~_t of (x_t, h_{t-1}, W_C, U_C, b_C)."""
    layer(eq, "eq04", odd=True)


def check_eq06(eq: Equation) -> None:
    """o_t of (x_t, h_{t-1}, W_o, U_o, b_o)."""
    layer(eq, "eq06", odd=False)


def cell_numbers() -> tuple[Array, Array, Array, Array]:
    """(f, C_{t-1}, i, candidate), each of shape (4,)."""
    rng = np.random.default_rng(3)
    return rng.uniform(0, 1, 4), 2 * rng.normal(size=4), rng.uniform(0, 1, 4), rng.uniform(-1, 1, 4)


def check_eq05(eq: Equation) -> None:
    """C_t of (f_t, C_{t-1}, i_t, C~_t), each of shape (h,)."""
    f, c, i, c_tilde = cell_numbers()
    one, zero = np.ones(4), np.zeros(4)
    expect("f = 1, i = 0 keeps the cell", eq(one, c, zero, c_tilde), c)
    expect("f = 0, i = 1 replaces it by the candidate", eq(zero, c, one, c_tilde), c_tilde)
    expect("f = 0, i = 0 empties it", eq(zero, c, zero, c_tilde), zero)
    by_hand = eq(*(np.array([value]) for value in (0.25, 2.0, 0.5, -0.5)))
    expect("by hand: 0.5 - 0.25", by_hand, [0.25])
    out = eq(f, c, i, c_tilde)
    expect("odd in state and candidate together", eq(f, -c, i, -c_tilde), -out)
    expect("linear in C_{t-1} with slope f", eq(f, c + 1, i, c_tilde) - out, f)
    expect("linear in the candidate with slope i", eq(f, c, i, c_tilde / 2) - out, -i * c_tilde / 2)
    expect("as in torch.nn.LSTMCell", out, TORCH["eq05"](f, c, i, c_tilde))


def check_eq07(eq: Equation) -> None:
    """h_t of (o_t, C_t), each of shape (h,)."""
    rng = np.random.default_rng(4)
    o, c = rng.uniform(0.1, 0.9, 5), 2 * rng.normal(size=5)
    out = eq(o, c)
    expect("a closed output gate gives 0", eq(0 * o, c), 0 * o)
    expect("an empty cell gives 0", eq(o, 0 * c), 0 * o)
    expect("by hand: 0.5 tanh(log 2) = 0.3", eq(np.array([0.5]), np.array([math.log(2)])), [0.3])
    expect("odd in C", eq(o, -c), -out)
    expect("proportional to o", eq(o / 2, c), out / 2)
    expect("a full cell gives o", eq(o, 0 * c + 40), o)
    expect_true("within (-o, o)", np.abs(out) < o, out)
    expect(
        "tanh(2a) = 2 tanh(a) / (1 + tanh(a)^2)",
        eq(o, 2 * c) / o,
        2 * (out / o) / (1 + (out / o) ** 2),
    )
    expect("as in torch.nn.LSTMCell", out, TORCH["eq07"](o, c))


def check_eq11(eq: Equation) -> None:
    """C_t - C_{t-1} of (f_t, C_{t-1}, i_t, C~_t), each of shape (h,)."""
    f, c, i, c_tilde = cell_numbers()
    one, zero = np.ones(4), np.zeros(4)
    expect("f = 1, i = 0: nothing changes", eq(one, c, zero, c_tilde), zero)
    expect("f = 0, i = 0: the cell decays at once", eq(zero, c, zero, c_tilde), -c)
    expect("f = 1, i = 1: the candidate is added", eq(one, c, one, c_tilde), c_tilde)
    by_hand = eq(*(np.array([value]) for value in (0.25, 2.0, 0.5, -0.5)))
    expect("by hand: -1.5 - 0.25", by_hand, [-1.75])
    rest = i * c_tilde / (1 - f)
    expect("at rest where decay and injection cancel", eq(f, rest, i, c_tilde), zero)
    out = eq(f, c, i, c_tilde)
    expect("linear in C_{t-1} with slope f - 1", eq(f, c + 1, i, c_tilde) - out, f - 1)
    expect("the change in torch.nn.LSTMCell", out, TORCH["eq11"](f, c, i, c_tilde))
