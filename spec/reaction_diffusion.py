"""Section 2.1 and 4.1: the reaction-diffusion system and the Gray-Scott kinetics."""

from __future__ import annotations

from typing import Any

import numpy as np

from spec.equation import equation

Array = Any


def laplacian(field: Array, dx: float) -> Array:
    """Five-point Laplacian on a periodic grid; ``field`` (..., n, m), result in [field]/L^2.

    The paper gives none; this is the usual one, of second order in dx.
    """
    neighbours = sum(np.roll(field, shift, axis) for shift in (1, -1) for axis in (-2, -1))
    return (neighbours - 4 * field) / dx**2


@equation(
    1,
    "Reaction-diffusion system",
    "2.1",
    r"\partial_t \mathbf{u} = D_u \nabla^2 \mathbf{u} + R_u(\mathbf{u}, \mathbf{v}), \quad "
    r"\partial_t \mathbf{v} = D_v \nabla^2 \mathbf{v} + R_v(\mathbf{u}, \mathbf{v})",
    errata=("E02",),
)
def eq01(u: Array, v: Array, d_u: float, d_v: float, dx: float, r_u: Any, r_v: Any) -> Any:
    """Time derivatives of u and v, each (n, m)."""
    return d_u * laplacian(u, dx) + r_u(u, v), d_v * laplacian(v, dx) + r_v(u, v)


def gray_scott_kinetics(u: Array, v: Array, feed_rate: float, kill_rate: float) -> Any:
    """R_u and R_v of the Gray-Scott model (Pearson 1993), with u v^2; erratum E01."""
    return (
        -u * v**2 + feed_rate * (1 - u),
        u * v**2 - (feed_rate + kill_rate) * v,
    )


def gray_scott_kinetics_printed(u: Array, v: Array, feed_rate: float, kill_rate: float) -> Any:
    """R_u and R_v as section 4.1 prints them, with u^2 v; erratum E01."""
    return (
        -(u**2) * v + feed_rate * (1 - u),
        u**2 * v - (feed_rate + kill_rate) * v,
    )
