"""Wrong forms of Eq. (1) and of the Gray-Scott kinetics."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from mutants.mutant import mutants
from spec.reaction_diffusion import gray_scott_kinetics_printed

Array = Any


def lap(a: Array, dx: float, mode: str = "wrap", axes: Any = (-2, -1), power: int = 2) -> Array:
    """A Laplacian with what may be wrong in it."""
    return sum(ndimage.correlate1d(a, [1, -2, 1], axis, mode=mode) for axis in axes) / dx**power


def nine_points(a: Array, dx: float) -> Array:
    kernel = np.array([[1, 1, 1], [1, -8, 1], [1, 1, 1]]) / 3
    return ndimage.correlate(a, kernel, mode="wrap") / dx**2


def two_apart(a: Array, dx: float) -> Array:
    return sum(np.roll(a, s, axis) for s in (2, -2) for axis in (-2, -1)) / dx**2 - 4 * a / dx**2


def gradient(a: Array, dx: float) -> Array:
    return (np.roll(a, -1, -1) - np.roll(a, 1, -1)) / (2 * dx)


def centre_three(a: Array, dx: float) -> Array:
    return lap(a, dx) + a / dx**2


MUTANTS = [
    *mutants(
        "eq01",
        (
            "sign",
            "both reactions subtracted",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx) - f(u, v), b * lap(v, dx) - g(u, v)),
        ),
        (
            "sign",
            "diffusion sharpens",
            lambda u, v, a, b, dx, f, g: (-a * lap(u, dx) + f(u, v), -b * lap(v, dx) + g(u, v)),
        ),
        (
            "missing",
            "no reaction of u",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx), b * lap(v, dx) + g(u, v)),
        ),
        (
            "missing",
            "v does not diffuse",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx) + f(u, v), g(u, v)),
        ),
        (
            "missing",
            "not divided by dx^2",
            lambda u, v, a, b, dx, f, g: (a * lap(u, 1) + f(u, v), b * lap(v, 1) + g(u, v)),
        ),
        (
            "missing",
            "divided by dx once",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, power=1) + f(u, v),
                b * lap(v, dx, power=1) + g(u, v),
            ),
        ),
        (
            "operand",
            "D_u and D_v exchanged",
            lambda u, v, a, b, dx, f, g: (b * lap(u, dx) + f(u, v), a * lap(v, dx) + g(u, v)),
        ),
        (
            "operand",
            "D_u for both",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx) + f(u, v), a * lap(v, dx) + g(u, v)),
        ),
        (
            "operand",
            "Laplacians exchanged",
            lambda u, v, a, b, dx, f, g: (a * lap(v, dx) + f(u, v), b * lap(u, dx) + g(u, v)),
        ),
        (
            "operand",
            "reactions exchanged",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx) + g(u, v), b * lap(v, dx) + f(u, v)),
        ),
        (
            "operand",
            "reactions of (v, u)",
            lambda u, v, a, b, dx, f, g: (a * lap(u, dx) + f(v, u), b * lap(v, dx) + g(v, u)),
        ),
        (
            "operand",
            "the results exchanged",
            lambda u, v, a, b, dx, f, g: (b * lap(v, dx) + g(u, v), a * lap(u, dx) + f(u, v)),
        ),
        (
            "boundary",
            "no flux through the edge",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, "nearest") + f(u, v),
                b * lap(v, dx, "nearest") + g(u, v),
            ),
        ),
        (
            "boundary",
            "zero outside",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, "constant") + f(u, v),
                b * lap(v, dx, "constant") + g(u, v),
            ),
        ),
        (
            "boundary",
            "mirrored at the edge",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, "mirror") + f(u, v),
                b * lap(v, dx, "mirror") + g(u, v),
            ),
        ),
        (
            "axis",
            "along n only",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, axes=(-2,)) + f(u, v),
                b * lap(v, dx, axes=(-2,)) + g(u, v),
            ),
        ),
        (
            "axis",
            "along m twice",
            lambda u, v, a, b, dx, f, g: (
                a * lap(u, dx, axes=(-1, -1)) + f(u, v),
                b * lap(v, dx, axes=(-1, -1)) + g(u, v),
            ),
        ),
        (
            "function",
            "nine points",
            lambda u, v, a, b, dx, f, g: (
                a * nine_points(u, dx) + f(u, v),
                b * nine_points(v, dx) + g(u, v),
            ),
        ),
        (
            "function",
            "neighbours two cells away",
            lambda u, v, a, b, dx, f, g: (
                a * two_apart(u, dx) + f(u, v),
                b * two_apart(v, dx) + g(u, v),
            ),
        ),
        (
            "function",
            "a gradient",
            lambda u, v, a, b, dx, f, g: (
                a * gradient(u, dx) + f(u, v),
                b * gradient(v, dx) + g(u, v),
            ),
        ),
        (
            "function",
            "centre weight -3",
            lambda u, v, a, b, dx, f, g: (
                a * centre_three(u, dx) + f(u, v),
                b * centre_three(v, dx) + g(u, v),
            ),
        ),
    ),
    *mutants(
        "eq01_kinetics",
        ("erratum", "u^2 v, section 4.1 as printed (E01)", gray_scott_kinetics_printed),
        (
            "operand",
            "u^2 v in R_v alone",
            lambda u, v, F, k: (-u * v**2 + F * (1 - u), u**2 * v - (F + k) * v),
        ),
        ("operand", "u v^3", lambda u, v, F, k: (-u * v**3 + F * (1 - u), u * v**3 - (F + k) * v)),
        (
            "sign",
            "u made where v is made",
            lambda u, v, F, k: (u * v**2 + F * (1 - u), u * v**2 - (F + k) * v),
        ),
        (
            "sign",
            "feed the wrong way",
            lambda u, v, F, k: (-u * v**2 - F * (1 - u), u * v**2 - (F + k) * v),
        ),
        (
            "sign",
            "v grows at F + k",
            lambda u, v, F, k: (-u * v**2 + F * (1 - u), u * v**2 + (F + k) * v),
        ),
        (
            "missing",
            "v decays at k",
            lambda u, v, F, k: (-u * v**2 + F * (1 - u), u * v**2 - k * v),
        ),
        (
            "missing",
            "v decays at F",
            lambda u, v, F, k: (-u * v**2 + F * (1 - u), u * v**2 - F * v),
        ),
        ("missing", "no feed", lambda u, v, F, k: (-u * v**2, u * v**2 - (F + k) * v)),
        (
            "missing",
            "fed at F, no outflow of u",
            lambda u, v, F, k: (-u * v**2 + F, u * v**2 - (F + k) * v),
        ),
        (
            "operand",
            "fed at F (1 - v)",
            lambda u, v, F, k: (-u * v**2 + F * (1 - v), u * v**2 - (F + k) * v),
        ),
        (
            "operand",
            "F and k exchanged",
            lambda u, v, F, k: (-u * v**2 + k * (1 - u), u * v**2 - (F + k) * v),
        ),
        (
            "operand",
            "the results exchanged",
            lambda u, v, F, k: (u * v**2 - (F + k) * v, -u * v**2 + F * (1 - u)),
        ),
    ),
]
