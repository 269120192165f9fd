"""Runs of py-pde through the tracker, against py-pde's own operators and the written kinetics."""

from __future__ import annotations

import numba
import numpy as np
import pde
import pytest

from rdverify import InputError, balance_of
from rdverify.measure import pde_tracker

pytestmark = pytest.mark.once

GRIDS = {
    "periodic 2-D": (pde.CartesianGrid([[0, 8], [0, 9]], [8, 6], periodic=True), "periodic"),
    "fixed edges 1-D": (pde.UnitGrid([16]), {"value": 0.5}),
    "ball": (pde.SphericalSymGrid((1, 4), 8), {"derivative": 0}),
    "cylinder": (pde.CylindricalSymGrid(3, (0, 4), (5, 6)), {"derivative": 0}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_py_pde_run_is_measured_on_any_grid_and_boundary(name, monkeypatch):
    # py-pde's operators stay Python; compiled they are in the next test and in test_pde.py
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    grid, bc = GRIDS[name]
    equation = pde.PDE(
        {"u": "0.3 * laplace(u) + u - u**3 - v", "v": "1.7 * laplace(v) + u - 0.5 * v"}, bc=bc
    )
    rng = np.random.default_rng(3)
    state = pde.FieldCollection(
        [pde.ScalarField(grid, rng.uniform(0, 1, grid.shape)) for _ in range(2)]
    )
    storage, spread = pde.MemoryStorage(), {"u": 0.3, "v": 1.7}
    trackers = {
        norm: pde_tracker(equation, spread, interrupts=0.01, norm=norm)
        for norm in ("cells", "volume")
    }
    watching = [*trackers.values(), storage.tracker(0.01)]
    equation.solve(state, 0.05, dt=0.001, tracker=watching, backend="numpy")
    volumes = np.broadcast_to(grid.cell_volumes, grid.shape)
    for norm, tracker in trackers.items():
        weights = np.sqrt(volumes) if norm == "volume" else 1
        found = {field: tracker.trace(field) for field in "uv"}
        assert found["u"].steps == len(storage)
        for t, (u, v) in enumerate(storage):
            rates = {"u": u.data - u.data**3 - v.data, "v": u.data - 0.5 * v.data}
            for field, one in (("u", u), ("v", v)):
                react = np.linalg.norm(weights * rates[field])
                diff = np.linalg.norm(weights * spread[field] * one.laplace(bc).data)
                assert found[field].react[0, t] == pytest.approx(react, rel=1e-12)
                assert found[field].diff[0, t] == pytest.approx(diff, rel=1e-12)
        certificate = tracker.certificate("u")
        assert certificate.r.value == balance_of(found["u"]).r
        told = any("unequal volume" in note for note in certificate.notes)
        assert told == (norm == "cells" and name in ("ball", "cylinder"))


def test_a_single_field_takes_a_single_diffusivity():
    grid = pde.UnitGrid([12], periodic=True)
    equation = pde.AllenCahnPDE(interface_width=2.0, bc="periodic")
    tracker = pde_tracker(equation, 2.0, interrupts=0.1)
    equation.solve(
        pde.ScalarField.random_uniform(grid, rng=np.random.default_rng(0)),
        0.3,
        dt=0.01,
        tracker=[tracker],
        backend="numpy",
    )
    assert tracker.trace().steps == 4
    assert tracker.certificate().parts == []


def test_what_is_not_there_is_named():
    equation = pde.PDE({"c": "laplace(c)"})
    state = pde.ScalarField(pde.UnitGrid([4]), 1)
    tracker = pde_tracker(equation, {"d": 1.0})
    with pytest.raises(InputError, match="field = 'd'"):
        tracker.initialize(state)
    with pytest.raises(InputError, match="tracker = 'unused'"):
        tracker.trace()
