"""A tracker that measures a py-pde run while it runs, on any grid and boundary that py-pde has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from rdverify.measure.certificate import Certificate
from rdverify.measure.origin import origin_of
from rdverify.measure.pdes import certify_fields
from rdverify.measure.recorder import Recorder
from rdverify.tools.errors import InputError, require, require_number
from rdverify.trace import Trace

try:
    from pde.trackers.base import TrackerBase
except ImportError as error:
    raise InputError("py-pde is missing: pip install py-pde") from error

Norm = Literal["cells", "volume"]


class BalanceTracker(TrackerBase):
    """Both terms of each diffusing field, whenever py-pde calls it.

    The diffusion is D times py-pde's own Laplacian under the equation's own boundary
    condition; the reaction all else of py-pde's own evolution rate. Noise is in neither.
    Made by :func:`pde_tracker`.
    """

    def __init__(
        self,
        equation: Any,
        diffusivity: Mapping[str, float] | float,
        bc: Any = None,
        interrupts: Any = 1,
        norm: Norm = "cells",
    ) -> None:
        super().__init__(interrupts)
        require(hasattr(equation, "evolution_rate"), "equation", equation, "a py-pde equation")
        require(norm in ("cells", "volume"), "norm", norm, "cells or volume")
        self.equation, self.bc, self.norm = equation, bc, norm
        self.given = diffusivity
        self.recorders: dict[str, Recorder] = {}
        self.grid: Any = None

    def initialize(self, field: Any, info: Any = None) -> float:
        """Check that what is diffusing is there; py-pde calls it before the run."""
        names = self._names(field)
        spread = self.given
        if not isinstance(spread, Mapping):
            require(len(names) == 1, "diffusivity", spread, f"one for each of {', '.join(names)}")
            spread = {names[0]: spread}
        self.spread, self.grid = {}, field.grid
        for name, value in spread.items():
            require(name in names, "field", name, f"one of {', '.join(names)}")
            what = f"diffusivity of {name}"
            self.spread[name] = require_number(what, value, "a number >= 0", lambda d: d >= 0)
        self.boundaries = {name: self._boundary(name) for name in self.spread}
        config = {"D": self.spread, "grid": self._grid(), "norm": self.norm}
        self.recorders = {name: Recorder(system="PDE", config=config) for name in self.spread}
        volumes = np.broadcast_to(self.grid.cell_volumes, self.grid.shape)
        self.weights = np.sqrt(volumes) if self.norm == "volume" else 1.0
        self.unequal = bool(np.ptp(volumes) > 1e-9 * np.max(volumes))
        first: float = super().initialize(field, info)
        return first

    def handle(self, field: Any, t: float) -> None:
        """Note both terms at this state; py-pde calls it."""
        rate, names = self.equation.evolution_rate(field, t), self._names(field)
        for name, recorder in self.recorders.items():
            at = names.index(name)
            one, total = (field[at], rate[at]) if hasattr(field, "fields") else (field, rate)
            diffusion = self.spread[name] * one.laplace(self.boundaries[name]).data
            terms = (total.data - diffusion) * self.weights, diffusion * self.weights
            recorder.record(*terms, time=t)

    def trace(self, field: str | None = None) -> Trace:
        """The trace of a field, by default the last that diffuses."""
        require(bool(self.recorders), "tracker", "unused", "handed to equation.solve(tracker=...)")
        return self.recorders[self._chosen(field)].trace()

    def certificate(self, field: str | None = None, measured: str = "") -> Certificate:
        """The certificate of the run, with R of ``field``, by default the last that diffuses."""
        trace = self.trace(field)
        notes = []
        if self.unequal and self.norm == "cells":
            notes.append("Cells are of unequal volume and count alike; norm='volume' weighs them.")
        return certify_fields(
            measured or f"A run of py-pde on a {self._grid()}, measured at {trace.steps} times.",
            {name: recorder.trace() for name, recorder in self.recorders.items()},
            self._chosen(field),
            origin_of(["py-pde", "numpy"], {}, {**trace.config, "boundary": str(self.boundaries)}),
            scatters="runs",
            notes=notes,
        )

    def _grid(self) -> str:
        cells = " x ".join(map(str, self.grid.shape))
        bounds = ", ".join(f"{low:g} to {high:g}" for low, high in self.grid.axes_bounds)
        return f"{type(self.grid).__name__} of {cells} cells, {bounds}"

    def _chosen(self, field: str | None) -> str:
        chosen = list(self.recorders)[-1] if field is None else field
        require(chosen in self.recorders, "field", chosen, f"one of {', '.join(self.recorders)}")
        return chosen

    def _names(self, field: Any) -> list[str]:
        """Names of the state's fields: the equation's variables, else their labels."""
        variables = getattr(self.equation, "variables", None)
        if variables:
            return [str(name) for name in variables]
        labels = getattr(field, "labels", None)
        if hasattr(field, "fields"):
            return [str(label or k) for k, label in enumerate(labels or field.fields)]
        return [str(field.label or "c")]

    def _boundary(self, name: str) -> Any:
        """The condition that the equation's own Laplacian of this field has."""
        if isinstance(self.bc, Mapping) and name in self.bc:
            return self.bc[name]
        if self.bc is not None:
            return self.bc
        listed = getattr(self.equation, "bcs", None)
        if isinstance(listed, Mapping):
            for key in (f"{name}:laplace", f"{name}:*", "*:laplace", "*:*"):
                if key in listed:
                    return listed[key]
        bc = getattr(self.equation, "bc", None)
        require(bc is not None, "bc", bc, "given: the equation doesn't tell its boundary condition")
        return bc


def pde_tracker(
    equation: Any,
    diffusivity: Mapping[str, float] | float,
    bc: Any = None,
    interrupts: Any = 1,
    norm: Norm = "cells",
) -> BalanceTracker:
    """A tracker for ``equation.solve(state, t_range, tracker=[tracker])``.

    Args:
        equation: of py-pde, such as ``pde.PDE``.
        diffusivity: name of a field -> its D; a number where there is one field.
        bc: boundary condition of the Laplacian, for all fields or name -> condition; default
            the equation's own.
        interrupts: when to measure, as py-pde takes it: a time step or a list of times.
        norm: "cells" counts every cell alike, as the paper does; "volume" weighs the squares
            with the cells' volumes, which differ on spherical and cylindrical grids.

    Returns:
        :class:`BalanceTracker`; afterwards ``.trace("v")`` and ``.certificate("v")``.

    Raises:
        InputError: for an unknown field or norm, when the run begins.
    """
    return BalanceTracker(equation, diffusivity, bc, interrupts, norm)
