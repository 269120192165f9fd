"""Section 2.2 and 3.1: the LSTM cell (the operator written as a circled dot is *)."""

from __future__ import annotations

from typing import Any

import numpy as np

from spec.equation import equation

Array = Any


def sigmoid(a: Array) -> Array:
    """1 / (1 + e^-a), written so that it neither overflows nor cancels where it is small."""
    return np.exp(-np.logaddexp(0, -np.asarray(a)))


@equation(2, "Forget gate", "2.2", r"f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)")
def eq02(x_t: Array, h_prev: Array, w_f: Array, u_f: Array, b_f: Array) -> Array:
    """f_t, shape (h,)."""
    return sigmoid(w_f @ x_t + u_f @ h_prev + b_f)


@equation(3, "Input gate", "2.2", r"i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)")
def eq03(x_t: Array, h_prev: Array, w_i: Array, u_i: Array, b_i: Array) -> Array:
    """i_t, shape (h,)."""
    return sigmoid(w_i @ x_t + u_i @ h_prev + b_i)


@equation(4, "Candidate cell state", "2.2", r"\tilde{C}_t = \tanh(W_C x_t + U_C h_{t-1} + b_C)")
def eq04(x_t: Array, h_prev: Array, w_c: Array, u_c: Array, b_c: Array) -> Array:
    """The candidate, shape (h,)."""
    return np.tanh(w_c @ x_t + u_c @ h_prev + b_c)


@equation(
    5,
    "Cell state update",
    "2.2",
    r"C_t = f_t \odot C_{t-1} + i_t \odot \tilde{C}_t",
    errata=("E03",),
)
def eq05(f_t: Array, c_prev: Array, i_t: Array, c_tilde: Array) -> Array:
    """C_t, shape (h,)."""
    return f_t * c_prev + i_t * c_tilde


@equation(6, "Output gate", "2.2", r"o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)")
def eq06(x_t: Array, h_prev: Array, w_o: Array, u_o: Array, b_o: Array) -> Array:
    """o_t, shape (h,)."""
    return sigmoid(w_o @ x_t + u_o @ h_prev + b_o)


@equation(7, "Hidden state", "2.2", r"h_t = o_t \odot \tanh(C_t)")
def eq07(o_t: Array, c_t: Array) -> Array:
    """h_t, shape (h,)."""
    return o_t * np.tanh(c_t)


@equation(
    11,
    "Cell state increment",
    "3.1",
    r"C_t - C_{t-1} = \underbrace{-(1 - f_t) \odot C_{t-1}}_\text{diffusion} "
    r"+ \underbrace{i_t \odot \tilde{C}_t}_\text{reaction}",
    errata=("E03",),
)
def eq11(f_t: Array, c_prev: Array, i_t: Array, c_tilde: Array) -> Array:
    """C_t - C_{t-1}, shape (h,)."""
    return -(1 - f_t) * c_prev + i_t * c_tilde
