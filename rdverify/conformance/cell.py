"""Eqs. (2) to (7) and (11) read out of a whole LSTM cell.

A cell keeps its gates to itself: what it gives are h_t and C_t. A gate is read with the
others held, by biases, where C_t or h_t is that gate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
Cell = Callable[..., tuple[Array, Array]]
Equation = Callable[..., Array]

GATES = "ifco"
OPEN, SHUT = 50.0, -80.0  # sigma(50) = tanh(50) = 1, sigma(-80) = 2e-35, in doubles and in singles


def log_odds(p: Array) -> Array:
    """The pre-activation of a gate at p in [0, 1]."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-np.asarray(p, float)), SHUT, OPEN)


def area_tanh(value: Array) -> Array:
    """The pre-activation of a candidate in [-1, 1]."""
    with np.errstate(divide="ignore"):
        return np.clip(np.arctanh(value), -OPEN, OPEN)


def equations_of(cell: Cell, order: str) -> dict[str, Equation]:
    """The equations of a cell, by their names.

    Args:
        cell: (h_t, C_t) of (x_t, h_{t-1}, C_{t-1}, W, U, b): vectors (d,), (h,), (h,), and
            the weights of all gates one below the other, (4h, d), (4h, h), (4h,).
        order: of the gates in W, U and b, such as ``ifco`` for i, f, candidate, o.

    """

    def at(x_t: Array, h_prev: Array, c_prev: Array, **pre: Any) -> tuple[Array, Array]:
        """One step; ``pre`` has for each gate (W, U, b), or the bias that holds it."""
        h, d = len(c_prev), len(x_t)

        def weights(value: Any) -> tuple[Array, Array, Array]:
            if isinstance(value, tuple):
                return value
            return np.zeros((h, d)), np.zeros((h, h)), np.broadcast_to(np.asarray(value), (h,))

        blocks = zip(*(weights(pre[gate]) for gate in order), strict=True)
        return cell(x_t, h_prev, c_prev, *(np.concatenate(block) for block in blocks))

    def gate(name: str, c_prev: float, reads: int, **held: float) -> Equation:
        def equation(x_t: Array, h_prev: Array, w: Array, u: Array, b: Array) -> Array:
            pre = dict.fromkeys(GATES, 0.3) | held | {name: (w, u, b)}
            return at(x_t, h_prev, np.full(len(b), c_prev), **pre)[reads]

        return equation

    def state(f_t: Array, c_prev: Array, i_t: Array, c_tilde: Array) -> Array:
        pre = {"f": log_odds(f_t), "i": log_odds(i_t), "c": area_tanh(c_tilde), "o": 0.3}
        return at(np.ones(1), 0 * c_prev, c_prev, **pre)[1]

    def hidden(o_t: Array, c_t: Array) -> Array:
        pre = {"f": OPEN, "i": SHUT, "c": 0.3, "o": log_odds(o_t)}  # C_t = C_{t-1}
        return at(np.ones(1), 0 * c_t, c_t, **pre)[0]

    return {
        "eq02": gate("f", 1, 1, i=SHUT),  # C_t = f 1
        "eq03": gate("i", 0, 1, c=OPEN),  # C_t = i 1
        "eq04": gate("c", 0, 1, i=OPEN),  # C_t = 1 c~
        "eq05": state,
        "eq06": gate("o", OPEN, 0, f=OPEN),  # h_t = o tanh(50)
        "eq07": hidden,
        "eq11": lambda f_t, c_prev, *rest: state(f_t, c_prev, *rest) - c_prev,
    }
