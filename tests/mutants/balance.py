"""Wrong forms of the metrics and of their ratio, Eqs. (12) to (20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mutants.mutant import Equivalent, Mutant, mutants
from mutants.reaction_diffusion import gradient, lap, nine_points, two_apart
from spec.balance import eq12_section_4_1, eq14_printed, eq20_printed

Array = Any
Terms = Callable[..., Array]


def by_step(weights: Array, like: Array) -> Array:
    """(T,) -> (T, 1, ..), to multiply fields of ``like``'s rank."""
    return np.reshape(weights, (-1,) + (1,) * (np.ndim(like) - 1))


def norms(terms: Array) -> Array:
    """L2 norm of each step, (T, ...) -> (T,)."""
    return np.sqrt(np.sum(np.reshape(terms, (len(terms), -1)) ** 2, axis=1))


def flat(terms: Array) -> Array:
    return np.reshape(terms, (len(terms), -1))


def spectral(terms: Array) -> Array:
    """The largest singular value of each step's matrix (T, .., n, m), where it is one."""
    rows = np.reshape(terms, (len(terms), -1, terms.shape[-1]))
    return np.linalg.norm(rows, ord=2, axis=(1, 2))


NORMS: dict[str, Callable[[Array], Any]] = {
    "the squared norm": lambda a: np.mean(norms(a) ** 2),
    "root mean square over the entries": lambda a: np.mean(norms(a) / np.sqrt(flat(a).shape[1])),
    "divided by the number of entries": lambda a: np.mean(norms(a) / flat(a).shape[1]),
    "L1 norm": lambda a: np.mean(np.sum(np.abs(flat(a)), axis=1)),
    "largest entry": lambda a: np.mean(np.max(np.abs(flat(a)), axis=1)),
    "norm of the mean entry": lambda a: np.mean(np.abs(np.mean(flat(a), axis=1))),
    "sum over time": lambda a: np.sum(norms(a)),
    "divided by T - 1": lambda a: np.sum(norms(a)) / max(len(a) - 1, 0.5),
    "divided by T + 1": lambda a: np.sum(norms(a)) / (len(a) + 1),
    "root mean square over time": lambda a: np.sqrt(np.mean(norms(a) ** 2)),
    "one norm over space and time": lambda a: np.sqrt(np.sum(a**2)) / len(a),
    "median over time": lambda a: np.median(norms(a)),
    "the last step alone": lambda a: norms(a)[-1],
    "without the first step": lambda a: np.mean(norms(a)[1:] if len(a) > 1 else norms(a)),
    "norm of the mean over time": lambda a: norms(np.mean(a, axis=0, keepdims=True))[0],
}
AXES: dict[str, Callable[[Array], Any]] = {
    "norm over time, mean over space": lambda a: np.mean(np.sqrt(np.sum(flat(a) ** 2, axis=0))),
}
MATRIX: dict[str, Callable[[Array], Any]] = {
    "spectral norm of the field as a matrix": lambda a: np.mean(spectral(a)),
    "norm over the last axis, mean over the other": lambda a: np.mean(
        np.sqrt(np.sum(a**2, axis=-1))
    ),
}


def metric(token: str, right: Terms, fields: bool, *rows: tuple[str, str, Terms]) -> list[Mutant]:
    """Right terms under wrong norms, and wrong terms under the right norm."""
    wrong = [("normalisation", name, of) for name, of in NORMS.items()]
    wrong += [("axis", name, of) for name, of in (AXES | (MATRIX if fields else {})).items()]
    return [
        *(Mutant(token, kind, name, lambda *a, of=of: of(right(*a))) for kind, name, of in wrong),
        *(
            Mutant(token, kind, name, lambda *a, terms=terms: np.mean(norms(terms(*a))))
            for kind, name, terms in rows
        ),
    ]


def drift(x: Array, e: Array, b: Array, bar: Array) -> Array:
    """mu_theta - x_t at each step."""
    b, bar = by_step(b, x), by_step(bar, x)
    return (x - b / np.sqrt(1 - bar) * e) / np.sqrt(1 - b) - x


def drift_of(form: Callable[..., Array]) -> Terms:
    """A form of (x, e, b, bar) with b and bar in the rank of x."""
    return lambda x, e, b, bar: form(x, e, by_step(b, x), by_step(bar, x))


MUTANTS = [
    *metric(
        "eq12",
        lambda u, v, F, k: u * v**2 - (F + k) * v,
        True,
        ("operand", "u^2 v: the reaction of u's power", lambda u, v, F, k: u**2 * v - (F + k) * v),
        ("operand", "u v", lambda u, v, F, k: u * v - (F + k) * v),
        ("operand", "v^3", lambda u, v, F, k: v**3 - (F + k) * v),
        ("operand", "the reaction of u", lambda u, v, F, k: -u * v**2 + F * (1 - u)),
        ("operand", "u and v exchanged", lambda u, v, F, k: v * u**2 - (F + k) * u),
        ("operand", "F k in F + k's place", lambda u, v, F, k: u * v**2 - F * k * v),
        ("operand", "(F + k) u", lambda u, v, F, k: u * v**2 - (F + k) * u),
        ("sign", "v grows at F + k", lambda u, v, F, k: u * v**2 + (F + k) * v),
        ("sign", "F - k", lambda u, v, F, k: u * v**2 - (F - k) * v),
        ("missing", "k alone", lambda u, v, F, k: u * v**2 - k * v),
        ("missing", "F alone", lambda u, v, F, k: u * v**2 - F * v),
        ("missing", "no decay", lambda u, v, F, k: u * v**2),
        ("missing", "decay alone", lambda u, v, F, k: (F + k) * v),
        ("index", "u of the next step", lambda u, v, F, k: np.roll(u, -1, 0) * v**2 - (F + k) * v),
    ),
    Mutant("eq12", "erratum", "the kinetics of section 4.1 as printed (E01)", eq12_section_4_1),
    *metric(
        "eq13",
        lambda i, c: i * c,
        False,
        ("operand", "1 - i in i's place", lambda i, c: (1 - i) * c),
        ("operand", "i squared", lambda i, c: i**2 * c),
        ("operand", "a sum in the product's place", lambda i, c: i + c),
        ("operand", "the candidate squared", lambda i, c: i * c**2),
        ("sign", "a difference in the product's place", lambda i, c: i - c),
        ("missing", "no i", lambda i, c: c),
        ("missing", "no candidate", lambda i, c: i),
        ("function", "the candidate squashed again", lambda i, c: i * np.tanh(c)),
        ("index", "the candidate of the next step", lambda i, c: i * np.roll(c, -1, 0)),
        ("index", "the gate of the step before", lambda i, c: np.roll(i, 1, 0) * c),
        (
            "axis",
            "a dot product in the Hadamard product's place",
            lambda i, c: np.sum(i * c, axis=1, keepdims=True),
        ),
        ("axis", "the product of both norms", lambda i, c: norms(i)[:, None] * norms(c)[:, None]),
        ("axis", "the gate of the neighbouring unit", lambda i, c: np.roll(i, 1, 1) * c),
    ),
    *metric(
        "eq14",
        drift,
        True,
        (
            "missing",
            "mu itself, x not subtracted",
            drift_of(lambda x, e, b, a: (x - b / np.sqrt(1 - a) * e) / np.sqrt(1 - b)),
        ),
        ("missing", "no 1/sqrt(1 - beta)", drift_of(lambda x, e, b, a: -b / np.sqrt(1 - a) * e)),
        (
            "missing",
            "no sqrt(1 - alpha_bar)",
            drift_of(lambda x, e, b, a: (x - b * e) / np.sqrt(1 - b) - x),
        ),
        (
            "missing",
            "no root over 1 - alpha_bar",
            drift_of(lambda x, e, b, a: (x - b / (1 - a) * e) / np.sqrt(1 - b) - x),
        ),
        (
            "missing",
            "no root over 1 - beta",
            drift_of(lambda x, e, b, a: (x - b / np.sqrt(1 - a) * e) / (1 - b) - x),
        ),
        (
            "missing",
            "no beta",
            drift_of(lambda x, e, b, a: (x - e / np.sqrt(1 - a)) / np.sqrt(1 - b) - x),
        ),
        ("missing", "the pull of x alone", drift_of(lambda x, e, b, a: x / np.sqrt(1 - b) - x)),
        (
            "sign",
            "epsilon added",
            drift_of(lambda x, e, b, a: (x + b / np.sqrt(1 - a) * e) / np.sqrt(1 - b) - x),
        ),
        (
            "sign",
            "x added",
            drift_of(lambda x, e, b, a: (x - b / np.sqrt(1 - a) * e) / np.sqrt(1 - b) + x),
        ),
        (
            "operand",
            "alpha_bar in 1 - alpha_bar's place",
            drift_of(lambda x, e, b, a: (x - b / np.sqrt(a) * e) / np.sqrt(1 - b) - x),
        ),
        (
            "operand",
            "beta in 1 - alpha_bar's place",
            drift_of(lambda x, e, b, a: (x - np.sqrt(b) * e) / np.sqrt(1 - b) - x),
        ),
        (
            "operand",
            "sqrt(beta) in beta's place",
            drift_of(lambda x, e, b, a: (x - np.sqrt(b) / np.sqrt(1 - a) * e) / np.sqrt(1 - b) - x),
        ),
        (
            "operand",
            "multiplied by sqrt(1 - beta)",
            drift_of(lambda x, e, b, a: (x - b / np.sqrt(1 - a) * e) * np.sqrt(1 - b) - x),
        ),
        (
            "operand",
            "x and epsilon exchanged",
            drift_of(lambda x, e, b, a: (e - b / np.sqrt(1 - a) * x) / np.sqrt(1 - b) - e),
        ),
        (
            "operand",
            "the score in the drift's place",
            drift_of(lambda x, e, b, a: -e / np.sqrt(1 - a)),
        ),
        (
            "operand",
            "the image that epsilon implies",
            drift_of(lambda x, e, b, a: (x - np.sqrt(1 - a) * e) / np.sqrt(a)),
        ),
        ("index", "beta of the next step", lambda x, e, b, a: drift(x, e, np.roll(b, -1), a)),
        (
            "index",
            "alpha_bar of the step before",
            drift_of(
                lambda x, e, b, a: (x - b / np.sqrt(1 - a / (1 - b)) * e) / np.sqrt(1 - b) - x
            ),
        ),
        ("index", "the schedule run backwards", lambda x, e, b, a: drift(x, e, b[::-1], a[::-1])),
    ),
    Mutant("eq14", "erratum", "the norm of epsilon, as printed (E08)", eq14_printed),
    *metric(
        "eq15",
        lambda v, d, dx: d * lap(v, dx),
        True,
        ("missing", "no D_v", lambda v, d, dx: lap(v, dx)),
        ("missing", "not divided by dx^2", lambda v, d, dx: d * lap(v, 1)),
        ("missing", "divided by dx once", lambda v, d, dx: d * lap(v, dx, power=1)),
        ("operand", "D_v squared", lambda v, d, dx: d**2 * lap(v, dx)),
        ("operand", "the field itself", lambda v, d, dx: d * v),
        ("operand", "multiplied by dx^2", lambda v, d, dx: d * lap(v, 1) * dx**2),
        ("function", "a gradient", lambda v, d, dx: d * gradient(v, dx)),
        ("function", "nine points", lambda v, d, dx: np.stack([d * nine_points(a, dx) for a in v])),
        ("function", "neighbours two cells away", lambda v, d, dx: d * two_apart(v, dx)),
        ("function", "twice, a biharmonic", lambda v, d, dx: d * lap(lap(v, dx), dx)),
        ("sign", "centre weight +4", lambda v, d, dx: d * (lap(v, dx) + 8 * v / dx**2)),
        ("boundary", "no flux through the edge", lambda v, d, dx: d * lap(v, dx, "nearest")),
        ("boundary", "zero outside", lambda v, d, dx: d * lap(v, dx, "constant")),
        ("boundary", "mirrored at the edge", lambda v, d, dx: d * lap(v, dx, "mirror")),
        ("axis", "along n only", lambda v, d, dx: d * lap(v, dx, axes=(-2,))),
        ("axis", "along m only", lambda v, d, dx: d * lap(v, dx, axes=(-1,))),
        ("axis", "along time and m", lambda v, d, dx: d * lap(v, dx, axes=(0, -1))),
        ("axis", "along time too", lambda v, d, dx: d * lap(v, dx, axes=(0, -2, -1))),
    ),
    *metric(
        "eq16",
        lambda f, c: (1 - f) * c,
        False,
        ("erratum", "f C, the inhibition of section 2.2 (E03)", lambda f, c: f * c),
        ("sign", "1 + f", lambda f, c: (1 + f) * c),
        ("missing", "no 1 - f", lambda f, c: c),
        ("missing", "no C", lambda f, c: 1 - f),
        ("operand", "1 - f squared", lambda f, c: (1 - f) ** 2 * c),
        ("operand", "1 - f^2", lambda f, c: (1 - f**2) * c),
        ("operand", "a sum in the product's place", lambda f, c: (1 - f) + c),
        ("function", "tanh(C) in C's place", lambda f, c: (1 - f) * np.tanh(c)),
        (
            "function",
            "-log f, the rate in the decay's place",
            lambda f, c: -np.log(np.maximum(f, 1e-300)) * c,
        ),
        ("index", "C_t in C_{t-1}'s place", lambda f, c: (1 - f) * np.roll(c, -1, 0)),
        ("index", "f of the step before", lambda f, c: (1 - np.roll(f, 1, 0)) * c),
        (
            "axis",
            "a dot product in the Hadamard product's place",
            lambda f, c: np.sum((1 - f) * c, axis=1, keepdims=True),
        ),
        (
            "axis",
            "the product of both norms",
            lambda f, c: norms(1 - f)[:, None] * norms(c)[:, None],
        ),
        ("axis", "the gate of the neighbouring unit", lambda f, c: (1 - np.roll(f, 1, 1)) * c),
    ),
    *metric(
        "eq17",
        lambda s, z: by_step(s, z) * z,
        True,
        ("missing", "no sigma", lambda s, z: z),
        ("missing", "no z, sigma in every pixel", lambda s, z: by_step(s, z) + 0 * z),
        ("operand", "the variance in sigma's place", lambda s, z: by_step(s, z) ** 2 * z),
        ("operand", "the root of sigma", lambda s, z: np.sqrt(by_step(s, z)) * z),
        (
            "operand",
            "sqrt(1 - sigma^2), the signal's factor",
            lambda s, z: np.sqrt(1 - by_step(s, z) ** 2) * z,
        ),
        ("operand", "z squared", lambda s, z: by_step(s, z) * z**2),
        ("operand", "a sum in the product's place", lambda s, z: by_step(s, z) + z),
        ("index", "sigma of the next step", lambda s, z: by_step(np.roll(s, -1), z) * z),
        ("index", "the schedule run backwards", lambda s, z: by_step(s[::-1], z) * z),
        ("index", "the first sigma throughout", lambda s, z: s[0] * z),
        ("normalisation", "the mean sigma throughout", lambda s, z: np.mean(s) * z),
        (
            "axis",
            "no noise in the mean of the pixels, as if it were centred",
            lambda s, z: by_step(s, z) * (z - by_step(flat(z).mean(axis=1), z)),
        ),
    ),
    *mutants(
        "eq18",
        ("operand", "inverted", lambda a, b: b / a),
        ("operand", "the product", lambda a, b: a * b),
        ("operand", "reaction over reaction, as Eq. (20) is printed", lambda a, b: a / a),
        ("sign", "the difference", lambda a, b: a - b),
        ("sign", "the relative difference", lambda a, b: (a - b) / b),
        ("normalisation", "the share of the reaction", lambda a, b: a / (a + b)),
        ("normalisation", "over the mean of both", lambda a, b: 2 * a / (a + b)),
        ("normalisation", "smaller over larger", lambda a, b: min(a, b) / max(a, b)),
        ("function", "the logarithm", lambda a, b: np.log(a / b)),
        ("function", "squared, as of energies", lambda a, b: (a / b) ** 2),
        ("function", "the root", lambda a, b: np.sqrt(a / b)),
        ("missing", "not divided", lambda a, b: a),
        ("missing", "the inverse of the diffusion alone", lambda a, b: 1 / b),
    ),
    *mutants(
        "eq19",
        ("missing", "not divided by T", np.sum),
        ("index", "divided by T - 1", lambda m: np.sum(m) / max(len(m) - 1, 0.5)),
        ("index", "divided by T + 1", lambda m: np.sum(m) / (len(m) + 1)),
        ("index", "without the first step", lambda m: np.mean(m[1:] if len(m) > 1 else m)),
        ("index", "without the last step", lambda m: np.mean(m[:-1] if len(m) > 1 else m)),
        ("index", "the last step alone", lambda m: m[-1]),
        ("function", "the median", np.median),
        ("function", "the largest", np.max),
        ("function", "the smallest", np.min),
        ("normalisation", "root mean square", lambda m: np.sqrt(np.mean(m**2))),
        ("normalisation", "geometric mean", lambda m: np.exp(np.mean(np.log(m)))),
        ("normalisation", "harmonic mean", lambda m: 1 / np.mean(1 / m)),
        (
            "normalisation",
            "trapezoids over T - 1 intervals",
            lambda m: np.trapezoid(m) / (len(m) - 1) if len(m) > 1 else m[0],
        ),
        ("normalisation", "divided by the root of T", lambda m: np.sum(m) / np.sqrt(len(m))),
        ("operand", "the mean change", lambda m: np.mean(np.abs(np.diff(m, prepend=m[0])))),
    ),
    *mutants(
        "eq20",
        ("erratum", "reaction over reaction, as printed (E10)", eq20_printed),
        ("operand", "diffusion over diffusion", lambda a, b: b / b),
        ("operand", "inverted", lambda a, b: b / a),
        ("operand", "the product", lambda a, b: a * b),
        ("sign", "the difference", lambda a, b: a - b),
        ("sign", "the relative difference", lambda a, b: (a - b) / b),
        ("index", "diffusion of the next step", lambda a, b: a / np.roll(b, -1)),
        ("index", "reaction of the step before", lambda a, b: np.roll(a, 1) / b),
        ("index", "in the order of forward time", lambda a, b: (a / b)[::-1]),
        ("normalisation", "over the mean diffusion", lambda a, b: a / np.mean(b)),
        (
            "normalisation",
            "the mean ratio at every step",
            lambda a, b: np.full(len(a), np.mean(a) / np.mean(b)),
        ),
        ("normalisation", "of the sums so far", lambda a, b: np.cumsum(a) / np.cumsum(b)),
        (
            "normalisation",
            "of means over two steps",
            lambda a, b: np.convolve(a, [0.5, 0.5], "same") / np.convolve(b, [0.5, 0.5], "same"),
        ),
        ("normalisation", "the share of the reaction", lambda a, b: a / (a + b)),
        ("axis", "every step over every step", lambda a, b: a[:, None] / b[None, :]),
        ("function", "squared, as of energies", lambda a, b: (a / b) ** 2),
        ("function", "the logarithm", lambda a, b: np.log(a / b)),
        ("missing", "not divided", lambda a, b: a),
    ),
]

EVEN = "||-a|| = ||a||: the norm of each step does not see the sign of its term."
EQUIVALENT = [
    Equivalent(
        "eq12", "(F + k) v - u v^2", EVEN, lambda u, v, F, k: np.mean(norms((F + k) * v - u * v**2))
    ),
    Equivalent("eq13", "-i times the candidate", EVEN, lambda i, c: np.mean(norms(-i * c))),
    Equivalent("eq14", "x_t - mu_theta", EVEN, lambda *a: np.mean(norms(-drift(*a)))),
    Equivalent(
        "eq15", "diffusion that sharpens", EVEN, lambda v, d, dx: np.mean(norms(-d * lap(v, dx)))
    ),
    Equivalent(
        "eq15",
        "steps in the order of falling time",
        "A mean does not depend on the order of its terms.",
        lambda v, d, dx: np.mean(norms(d * lap(v[::-1], dx))),
    ),
    Equivalent(
        "eq16", "-(1 - f) C, as in Eq. (11)", EVEN, lambda f, c: np.mean(norms((f - 1) * c))
    ),
    Equivalent("eq17", "-sigma z", EVEN, lambda s, z: np.mean(norms(-by_step(s, z) * z))),
    Equivalent(
        "eq17",
        "sigma ||z||",
        "||s z|| = |s| ||z|| and sigma_t is not negative.",
        lambda s, z: np.mean(s * norms(z)),
    ),
]
