"""Wrong forms of the LSTM cell, Eqs. (2) to (7) and (11)."""

from __future__ import annotations

from typing import Any

import numpy as np

from mutants.mutant import Mutant, mutants

Array = Any


def sigma(a: Array) -> Array:
    return 1 / (1 + np.exp(-np.asarray(a, float)))


def softmax(a: Array) -> Array:
    e = np.exp(a - np.max(a))
    return e / e.sum()


def layers(token: str, right: Any, wrong: dict[str, Any]) -> list[Mutant]:
    """Wrong forms of a layer: the squashing functions in ``wrong``, and all else."""

    def square(w: Array, x: Array, h: Array) -> tuple[Array, Array]:
        """Exchange x and h where the shapes allow it, and leave W x where they don't."""
        return (w @ h, x) if w.shape[1] == len(h) else (w @ x, h)

    def transposed(w: Array) -> Array:
        return w.T if w.shape[0] == w.shape[1] else w

    return [
        *(
            Mutant(token, "function", name, lambda x, h, w, u, b, s=s: s(w @ x + u @ h + b))
            for name, s in wrong.items()
        ),
        *mutants(
            token,
            (
                "sign",
                "the whole pre-activation negated",
                lambda x, h, w, u, b: right(-(w @ x + u @ h + b)),
            ),
            ("sign", "W x subtracted", lambda x, h, w, u, b: right(-w @ x + u @ h + b)),
            ("sign", "U h subtracted", lambda x, h, w, u, b: right(w @ x - u @ h + b)),
            ("sign", "b subtracted", lambda x, h, w, u, b: right(w @ x + u @ h - b)),
            ("missing", "no W x", lambda x, h, w, u, b: right(u @ h + b)),
            ("missing", "no U h", lambda x, h, w, u, b: right(w @ x + b)),
            ("missing", "no b", lambda x, h, w, u, b: right(w @ x + u @ h)),
            (
                "operand",
                "b twice, as if both of torch's were alike",
                lambda x, h, w, u, b: right(w @ x + u @ h + 2 * b),
            ),
            (
                "operand",
                "W h where h and x are of one size",
                lambda x, h, w, u, b: right(square(w, x, h)[0] + u @ h + b),
            ),
            (
                "operand",
                "U in W's place where both are square",
                lambda x, h, w, u, b: right((u if u.shape == w.shape else w) @ x + u @ h + b),
            ),
            (
                "axis",
                "W transposed where it is square",
                lambda x, h, w, u, b: right(transposed(w) @ x + u @ h + b),
            ),
            ("axis", "U transposed", lambda x, h, w, u, b: right(w @ x + u.T @ h + b)),
            (
                "axis",
                "U h entry by entry: only the diagonal of U",
                lambda x, h, w, u, b: right(w @ x + np.diag(u) * h + b),
            ),
            ("function", "squashed twice", lambda x, h, w, u, b: right(right(w @ x + u @ h + b))),
            (
                "normalisation",
                "divided by the root of the hidden size",
                lambda x, h, w, u, b: right((w @ x + u @ h) / np.sqrt(len(h)) + b),
            ),
        ),
    ]


NOT_SIGMA = {
    "tanh in sigma's place": np.tanh,
    "sigma of twice the argument": lambda a: sigma(2 * a),
    "a hard sigma": lambda a: np.clip(a / 6 + 0.5, 0, 1),
    "a softmax over the units": softmax,
    "no squashing": lambda a: a,
}
NOT_TANH = {
    "sigma in tanh's place": sigma,
    "tanh of half the argument": lambda a: np.tanh(a / 2),
    "a hard tanh": lambda a: np.clip(a, -1, 1),
    "an arc tangent": np.arctan,
    "no squashing": lambda a: a,
}

MUTANTS = [
    *layers("eq02", sigma, NOT_SIGMA),
    *layers("eq03", sigma, NOT_SIGMA),
    *layers("eq04", np.tanh, NOT_TANH),
    *mutants(
        "eq05",
        ("operand", "f and i exchanged", lambda f, c, i, g: i * c + f * g),
        ("operand", "1 - f in f's place", lambda f, c, i, g: (1 - f) * c + i * g),
        ("operand", "1 - f in i's place, as in a GRU", lambda f, c, i, g: f * c + (1 - f) * g),
        ("operand", "1 - i in f's place", lambda f, c, i, g: (1 - i) * c + i * g),
        ("operand", "states exchanged", lambda f, c, i, g: f * g + i * c),
        ("sign", "the candidate subtracted", lambda f, c, i, g: f * c - i * g),
        ("sign", "the old state negated", lambda f, c, i, g: -f * c + i * g),
        ("missing", "no f", lambda f, c, i, g: c + i * g),
        ("missing", "no i", lambda f, c, i, g: f * c + g),
        ("missing", "nothing injected", lambda f, c, i, g: f * c),
        ("missing", "nothing kept", lambda f, c, i, g: i * g),
        ("function", "squashed by tanh", lambda f, c, i, g: np.tanh(f * c + i * g)),
        ("function", "the candidate squashed again", lambda f, c, i, g: f * c + i * np.tanh(g)),
        (
            "axis",
            "a dot product in the Hadamard product's place",
            lambda f, c, i, g: f * c + np.dot(i, g),
        ),
        ("axis", "gates of the neighbouring unit", lambda f, c, i, g: np.roll(f, 1) * c + i * g),
        ("normalisation", "the mean of both terms", lambda f, c, i, g: (f * c + i * g) / 2),
    ),
    *layers("eq06", sigma, NOT_SIGMA),
    *mutants(
        "eq07",
        ("sign", "negated", lambda o, c: -o * np.tanh(c)),
        ("missing", "no tanh", lambda o, c: o * c),
        ("missing", "no output gate", lambda o, c: np.tanh(c)),
        ("operand", "o and C exchanged", lambda o, c: c * np.tanh(o)),
        ("operand", "1 - o in o's place", lambda o, c: (1 - o) * np.tanh(c)),
        ("operand", "o inside tanh", lambda o, c: np.tanh(o * c)),
        ("operand", "a sum in the product's place", lambda o, c: o + np.tanh(c)),
        ("operand", "o squared", lambda o, c: o**2 * np.tanh(c)),
        ("operand", "|C| in C's place", lambda o, c: o * np.tanh(np.abs(c))),
        ("function", "sigma in tanh's place", lambda o, c: o * sigma(c)),
        ("function", "tanh of half the state", lambda o, c: o * np.tanh(c / 2)),
        ("function", "a hard tanh", lambda o, c: o * np.clip(c, -1, 1)),
        ("function", "an arc tangent, scaled to 1", lambda o, c: o * 2 / np.pi * np.arctan(c)),
        ("function", "softsign", lambda o, c: o * c / (1 + np.abs(c))),
        ("axis", "a dot product", lambda o, c: np.dot(o, np.tanh(c)) + 0 * o),
        ("axis", "the gate of the neighbouring unit", lambda o, c: np.roll(o, 1) * np.tanh(c)),
        (
            "normalisation",
            "divided by the root of the hidden size",
            lambda o, c: o * np.tanh(c) / np.sqrt(len(c)),
        ),
    ),
    *mutants(
        "eq11",
        ("sign", "decay added", lambda f, c, i, g: (1 - f) * c + i * g),
        ("sign", "injection subtracted", lambda f, c, i, g: -(1 - f) * c - i * g),
        ("sign", "C_{t-1} - C_t", lambda f, c, i, g: (1 - f) * c - i * g),
        ("sign", "-(1 + f)", lambda f, c, i, g: -(1 + f) * c + i * g),
        (
            "erratum",
            "f C as the inhibition, as the text has it (E03)",
            lambda f, c, i, g: -f * c + i * g,
        ),
        ("operand", "f and i exchanged", lambda f, c, i, g: -(1 - i) * c + f * g),
        ("operand", "states exchanged", lambda f, c, i, g: -(1 - f) * g + i * c),
        ("operand", "1 - f in i's place", lambda f, c, i, g: (1 - f) * (g - c)),
        ("operand", "i in 1 - f's place", lambda f, c, i, g: i * (g - c)),
        ("missing", "C_t itself, nothing subtracted", lambda f, c, i, g: f * c + i * g),
        ("missing", "decay alone", lambda f, c, i, g: -(1 - f) * c),
        ("missing", "injection alone", lambda f, c, i, g: i * g),
        ("missing", "no i", lambda f, c, i, g: -(1 - f) * c + g),
        ("missing", "no 1 - f", lambda f, c, i, g: -c + i * g),
        (
            "index",
            "decay of C_t in C_{t-1}'s place",
            lambda f, c, i, g: -(1 - f) * (f * c + i * g) + i * g,
        ),
        ("axis", "a dot product", lambda f, c, i, g: -(1 - f) * c + np.dot(i, g)),
        ("normalisation", "the mean of both terms", lambda f, c, i, g: (-(1 - f) * c + i * g) / 2),
    ),
]
