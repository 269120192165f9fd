"""Checks of Eq. (1) and of the Gray-Scott kinetics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from rdverify.conformance.expect import expect

RNG_SEED = 1


def nothing(u: Any, v: Any) -> Any:
    """No reaction."""
    return 0 * u + 0 * v


def check_eq01(eq: Callable[..., Any]) -> None:
    """Derivatives (du, dv) of (u, v, D_u, D_v, dx, R_u, R_v), fields of shape (n, m)."""
    n, m, d_u, d_v, dx = 8, 6, 0.3, 0.07, 0.5
    flat = np.ones((n, m))

    du, dv = eq(2 * flat, 0.5 * flat, d_u, d_v, dx, lambda u, v: u - 4 * v**2, lambda u, v: 3 * u)
    expect("a uniform u changes by R_u(u, v) alone", du, flat)
    expect("a uniform v changes by R_v(u, v) alone", dv, 6 * flat)

    # cos(2 pi (p y / n + q x / m)) is an eigenvector of the periodic five-point Laplacian
    y, x = np.mgrid[:n, :m]

    def wave(p: int, q: int) -> tuple[Any, float]:
        value = 2 * np.cos(2 * np.pi * p / n) + 2 * np.cos(2 * np.pi * q / m) - 4
        return np.cos(2 * np.pi * (p * y / n + q * x / m)), value / dx**2

    for p, q in ((1, 0), (0, 1), (2, 1), (4, 3)):
        pattern, eigenvalue = wave(p, q)
        du, dv = eq(pattern, flat, d_u, d_v, dx, nothing, nothing)
        expect("a plane wave in u: D_u times its eigenvalue", du, d_u * eigenvalue * pattern)
        expect("a wave in u leaves a uniform v alone", dv, 0 * flat)
        du, dv = eq(flat, pattern, d_u, d_v, dx, nothing, nothing)
        expect("a plane wave in v: D_v times its eigenvalue", dv, d_v * eigenvalue * pattern)
        expect("a wave in v leaves a uniform u alone", du, 0 * flat)

    u, v = np.random.default_rng(RNG_SEED).uniform(0, 1, (2, n, m))
    du, dv = eq(u, v, d_u, d_v, dx, nothing, nothing)
    expect("diffusion keeps the amount of both", (du.sum(), dv.sum()), (0, 0), atol=1e-10)
    expect("D_u times SciPy's Laplacian", du, d_u * ndimage.laplace(u, mode="wrap") / dx**2)
    expect("D_v times SciPy's Laplacian", dv, d_v * ndimage.laplace(v, mode="wrap") / dx**2)
    wide = eq(u, v, d_u, d_v, 2 * dx, nothing, nothing)
    expect("twice the spacing, a quarter of the diffusion", wide[0], du / 4)

    both = eq(u, v, d_u, d_v, dx, lambda u, v: u * v, lambda u, v: u - v)
    expect("reaction and diffusion of u add", both[0], du + u * v)
    expect("reaction and diffusion of v add", both[1], dv + u - v)


def check_eq01_kinetics(kinetics: Callable[..., Any]) -> None:
    """R_u and R_v of (u, v, F, k), section 4.1 read as Eq. (12) and Pearson (1993) have it."""
    feed, kill = 0.03, 0.06
    one = np.ones((2, 2))
    expect("(1, 0) is at rest", kinetics(one, 0 * one, feed, kill), np.zeros((2, 2, 2)))
    _, r_v = kinetics(one, 1e-6 * one, feed, kill)
    expect("a trace of v on u = 1 decays at F + k", r_v / 1e-6, -0.09 * one, rtol=2e-5)
    r_u, r_v = kinetics(0.5 * one, 0.2 * one, feed, kill)
    expect("R_u by hand: -0.02 + 0.015", r_u, -0.005 * one)
    expect("R_v by hand: 0.02 - 0.018", r_v, 0.002 * one)
    u, v = np.random.default_rng(RNG_SEED).uniform(0, 1, (2, 2, 3))
    r_u, r_v = kinetics(u, v, feed, kill)
    expect("what u loses by reacting v gains", r_u + r_v, feed * (1 - u) - (feed + kill) * v)
    nullcline = kinetics(u, (feed + kill) / u, feed, kill)[1]
    expect("u v = F + k is the nullcline of v", nullcline, 0 * u)
