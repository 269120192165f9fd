"""py-pde: fields on a periodic grid of cells of side dx, with its SciPy backend."""

import numpy as np
from pde import CartesianGrid, ScalarField


def field(values, dx):
    bounds = [[0, cells * dx] for cells in values.shape]
    return ScalarField(CartesianGrid(bounds, values.shape, periodic=True), values)


def laplacian(values, dx):
    return field(values, dx).laplace("auto_periodic_neumann", backend="scipy").data


def mean_norm(frames):
    return np.mean([np.linalg.norm(frame) for frame in frames])


def eq01(u, v, d_u, d_v, dx, r_u, r_v):
    du = d_u * laplacian(u, dx) + r_u(u, v)
    dv = d_v * laplacian(v, dx) + r_v(u, v)
    return du, dv


def eq12(u, v, feed_rate, kill_rate):
    u, v = ([field(frame, 1.0) for frame in frames] for frames in (u, v))
    reactions = [a * b**2 - (feed_rate + kill_rate) * b for a, b in zip(u, v, strict=True)]
    return mean_norm(reaction.data for reaction in reactions)


def eq15(v, d_v, dx):
    return mean_norm(d_v * laplacian(frame, dx) for frame in v)
