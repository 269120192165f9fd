"""Two-field PDEs: du/dt = D_u lap(u) + R_u(u, v), dv/dt = D_v lap(v) + R_v(u, v), measured."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rdverify.gray_scott.kernel import MARGIN, inner, wrap
from rdverify.measure.fields import BOUNDARIES, FIELDS
from rdverify.measure.kinetics import CHANGE, DIFF, NAMED, REACT, SUMS, Kinetics, kernel
from rdverify.tools.errors import (
    InputError,
    one_line,
    require,
    require_fields,
    require_integer,
    require_number,
    require_room,
)
from rdverify.tools.provenance import cores
from rdverify.trace import Trace

# a step that would move the cells by more than this times the state, on root mean square
DIVERGENCE = 1e6


@dataclass(frozen=True)
class PDEConfig:
    """Settings of one run; raises InputError when made with values that can't work.

    Args:
        kinetics: R_u and R_v.
        parameters: name -> value, over the kinetics' own.
        d_u, d_v: diffusion coefficients, >= 0, length^2 / time.
        rows, cols: cells of the grid; rows = 1 for one dimension.
        dx, dy: sides of a cell along a row and across, > 0; dy = dx unless given.
        dt: explicit Euler step, > 0 and stable for the diffusion.
        steps: T >= 1.
        noise: deviation of the normal noise on the uniform state, >= 0, relative to it.
        bc: "periodic" or "no-flux".
        seed: of the noise.
    """

    kinetics: Kinetics
    parameters: dict[str, float] = field(default_factory=dict)
    d_u: float = 1.0
    d_v: float = 1.0
    rows: int = 128
    cols: int = 128
    dx: float = 1.0
    dy: float | None = None
    dt: float = 0.01
    steps: int = 10_000
    noise: float = 0.01
    bc: str = "periodic"
    seed: int = 0

    def __post_init__(self) -> None:
        require_fields(self)
        known = self.kinetics.parameters
        for name, value in self.parameters.items():
            require(name in known, "parameter", name, f"one of {', '.join(known) or 'none'}")
            require_number(name, value, "a finite number", lambda _: True)
        for name in ("dx", "dt"):
            require_number(name, getattr(self, name), "a positive number", lambda x: x > 0)
        for name in ("d_u", "d_v", "noise"):
            require_number(name, getattr(self, name), "a number, 0 or more", lambda x: x >= 0)
        if self.dy is not None:
            require_number("dy", self.dy, "a positive number", lambda x: x > 0)
        for name, least in (("rows", 1), ("cols", 2), ("steps", 2), ("seed", 0)):
            require_integer(name, getattr(self, name), least)
        require_room("rows", self.rows, 4.0 * self.rows * self.cols)
        require(self.bc in BOUNDARIES, "bc", self.bc, " or ".join(BOUNDARIES))
        across = 0.0 if self.rows == 1 else 1 / self.height**2
        stiff = 2 * max(self.d_u, self.d_v) * (1 / self.dx**2 + across)
        allowed = f"at most {1 / stiff:.6g} for a stable step" if stiff else ""
        require(self.dt * stiff <= 1, "dt", self.dt, allowed)

    @property
    def height(self) -> float:
        """The side of a cell across a row."""
        return self.dx if self.dy is None else self.dy

    @property
    def values(self) -> tuple[float, ...]:
        """The parameters in the order of the kinetics."""
        every = {**self.kinetics.parameters, **self.parameters}
        return tuple(float(every[name]) for name in self.kinetics.parameters)

    def as_json(self) -> dict[str, Any]:
        """Plain values, parameters among them."""
        plain = {k: v for k, v in asdict(self).items() if k not in ("kinetics", "parameters")}
        plain |= {"kinetics": self.kinetics.name, "dy": self.height}
        return plain | dict(zip(self.kinetics.parameters, self.values, strict=True))


def configured(kinetics: Kinetics, given: dict[str, Any]) -> PDEConfig:
    """Settings from what was given by name: fields of :class:`PDEConfig` and parameters."""
    names = {entry.name for entry in fields(PDEConfig)} - {"kinetics", "parameters"}
    allowed = ", ".join([*kinetics.parameters, *sorted(names)])
    for name in given:
        require(name in names or name in kinetics.parameters, "setting", name, f"one of {allowed}")
    parameters = {k: v for k, v in given.items() if k in kinetics.parameters}
    rest = {k: v for k, v in given.items() if k not in parameters}
    return PDEConfig(kinetics, parameters, **{**kinetics.settings, **rest})


def kinetics_of(source: str) -> Kinetics:
    """Kinetics by name, or from a Python file of one's own.

    The file defines ``reaction(u, v, rate=0.3, ...)`` of numbers, as numba compiles it, returning
    (R_u, R_v); its parameters have defaults. It may set STATE = (u, v), the uniform state that
    runs start from (else one is searched from (1, 1)), and D_U, D_V, DX, DT, STEPS.

    Raises:
        InputError: naming the file and what is missing or fails.
    """
    if source in NAMED:
        return NAMED[source]
    path = Path(source)
    known = f"{', '.join(NAMED)}, or a Python file that defines reaction(u, v, ...)"
    require(path.suffix == ".py" and path.is_file(), "kinetics", source, known)
    spec = importlib.util.spec_from_file_location(f"kinetics_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"kinetics = {source!r} is not allowed: must be a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a user's file does wrong
        raise _broken(source, error) from error
    reaction = getattr(module, "reaction", None)
    require(inspect.isfunction(reaction), "kinetics", source, "a file that defines reaction(u, v)")
    return own_kinetics(reaction, path.stem, vars(module))


def own_kinetics(
    reaction: Any, name: str = "", constants: dict[str, Any] | None = None
) -> Kinetics:
    """Kinetics of a function of one's own; ``constants`` as the names a file may set."""
    given = constants or {}
    arguments = list(inspect.signature(reaction).parameters.values())
    parameters = {one.name: one.default for one in arguments[2:]}
    for key, value in parameters.items():
        real = isinstance(value, int | float) and not isinstance(value, bool)
        require(real, f"{key} of reaction", value, "a parameter with a number as its default")
    require(len(arguments) >= 2, "reaction's arguments", len(arguments), "u, v and parameters")
    try:
        rates = reaction(1.0, 1.0, *parameters.values())
        fine = len(rates) == 2
    except Exception as error:  # whatever a user's function does wrong
        raise _broken(name or reaction.__name__, error) from error
    require(fine, "reaction's result", rates, "a pair (R_u, R_v)")
    settings = {
        key: given[key.upper()]
        for key in ("d_u", "d_v", "dx", "dt", "steps")
        if key.upper() in given
    }
    state = given.get("STATE")
    if state is not None:
        require(np.shape(state) == (2,), "STATE", state, "a pair (u, v)")
    start = None if state is None else lambda *_: (float(state[0]), float(state[1]))
    return Kinetics(name or reaction.__name__, reaction, parameters, start, settings)


def steady_state(config: PDEConfig) -> tuple[float, float]:
    """The uniform state (u, v) that a run starts from; one with R_u = R_v = 0 where none is set."""
    if config.kinetics.state is not None:
        return config.kinetics.state(*config.values)
    from scipy.optimize import root

    rates = config.kinetics.reaction
    found = root(lambda x: np.array(rates(x[0], x[1], *config.values), float), [1.0, 1.0])
    if not found.success or not np.isfinite(found.x).all():
        raise InputError(
            "STATE = None is not allowed: must be set in the kinetics' file, since no uniform "
            "steady state was found from (1, 1)"
        )
    return float(found.x[0]), float(found.x[1])


@dataclass(frozen=True, eq=False)
class Run:
    """What one run leaves behind: a trace of each field, and the last state, (rows, cols)."""

    traces: dict[str, Trace]
    u: npt.NDArray[np.float64]
    v: npt.NDArray[np.float64]
    diverged_at: int | None = None


def simulate(config: PDEConfig) -> Run:
    """Explicit Euler steps with both terms of both fields at each; norms over the cells.

    Column t (from 0) holds the terms before step t + 1. A run that diverges stops there:
    its traces end with the step before.
    """
    start = steady_state(config)
    rng = np.random.default_rng(config.seed)
    size = max(float(np.abs(start).max()), 1e-3)
    shape = (config.rows, config.cols)
    states = [x + config.noise * size * rng.standard_normal(shape) for x in start]
    now, then = [wrapped(s, config.bc) for s in states], [wrapped(s, config.bc) for s in states]
    sums = np.zeros((2, SUMS, config.steps))
    grid = tuple(
        d / side**2 for d in (config.d_u, config.d_v) for side in (config.dx, config.height)
    )
    limit = 4 * config.rows * config.cols * (DIVERGENCE * size / config.dt) ** 2
    try:
        advance = kernel(config.kinetics.reaction)
        done = advance(
            *now, *then, grid, config.dt, config.values, config.bc == "periodic", limit, sums
        )
    except Exception as error:  # numba refuses in many ways what it can't compile
        raise _broken(config.kinetics.name, error) from error
    require(done >= 2, "dt", config.dt, f"smaller: the run diverged after {done} step(s)")
    last = now if done % 2 == 0 else then
    norms = np.sqrt(sums[:, :, :done])
    times = config.dt * np.arange(float(done))
    traces = {
        name: Trace(
            norms[k, REACT][None],
            norms[k, DIFF][None],
            times,
            "PDE",
            config.as_json(),
            (config.seed,),
            {"change": norms[k, CHANGE][None]},
        )
        for k, name in enumerate(FIELDS)
    }
    return Run(traces, inner(last[0]), inner(last[1]), done if done < config.steps else None)


def wrapped(values: npt.NDArray[np.float64], bc: str) -> npt.NDArray[np.float64]:
    """A field with its ghosts, as the kernel takes it."""
    padded = wrap(values)
    if bc == "no-flux":
        padded[:, MARGIN - 1 : MARGIN + values.shape[1] + 1] = np.pad(values, 1, mode="edge")
    return padded


def simulate_seeds(config: PDEConfig, seeds: Sequence[int]) -> list[Run]:
    """The same run from several seeds, side by side on the cores that the process may use."""
    kernel(config.kinetics.reaction)
    with ThreadPoolExecutor(min(cores(), len(seeds))) as pool:
        return list(pool.map(lambda seed: simulate(replace(config, seed=seed)), seeds))


def _broken(source: str, error: Exception) -> InputError:
    return InputError(
        f"kinetics = {source!r} is not allowed ({one_line(error, kind=True)}): must define "
        "reaction(u, v, ...) of numbers, in what numba compiles, returning (R_u, R_v)"
    )
