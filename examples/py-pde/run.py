"""A Schnakenberg pattern by py-pde, between walls that nothing passes, measured while it grows."""

import numpy as np
import pde

from rdverify.measure import pde_tracker, write

grid = pde.CartesianGrid([[0, 32], [0, 24]], [32, 24])
equation = pde.PDE(
    {
        "u": "laplace(u) + 0.1 - u + u**2 * v",
        "v": "10 * laplace(v) + 0.9 - u**2 * v",
    },
    bc={"derivative": 0},
)
rng = np.random.default_rng(0)
state = pde.FieldCollection(
    [pde.ScalarField(grid, level + 0.01 * rng.standard_normal((32, 24))) for level in (1.0, 0.9)]
)

tracker = pde_tracker(equation, diffusivity={"u": 1, "v": 10}, interrupts=1)
equation.solve(state, t_range=120, dt=0.02, tracker=[tracker], backend="numpy")

certificate = tracker.certificate("v")
write(certificate, "rdverify-measure")
print(f"R of v = {certificate.r.value:.4f}, resembling the mode {certificate.mode.label!r}")
