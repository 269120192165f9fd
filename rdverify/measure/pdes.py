"""The certificate of a PDE: of a run of named or own kinetics, or of traces measured elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rdverify.gray_scott.patterns import classify
from rdverify.measure.certificate import Certificate, Origin, Terms
from rdverify.measure.certifying import ControlRun, certify
from rdverify.measure.fields import FIELDS
from rdverify.measure.origin import origin_of
from rdverify.measure.pde import PDEConfig, Run, simulate_seeds
from rdverify.tools.errors import require, require_integer
from rdverify.trace import Trace

CANT_TELL = (
    "R near 1 at a stationary pattern follows from its being stationary: a plate under a fixed, "
    "uneven heat source has it too, and so has an unstable pattern.",
    "At a uniform steady state both terms vanish and R is not defined; in a uniform state that "
    "moves R is infinite. Homogeneity goes with no small R.",
    "R is of one field; the others' stand part by part.",
)
STEADY = ControlRun(
    "steady state", "closed form: wherever a pattern rests, both terms are equal", r=1.0
)


def terms_of(field: str) -> Terms:
    """Which term counts as which, for a field."""
    return Terms(f"R_{field}, the kinetics of {field}", f"D_{field} ∇²{field}")


def certify_fields(
    measured: str,
    traces: Mapping[str, Trace],
    field: str,
    origin: Origin,
    *,
    scatters: str = "",
    controls: Sequence[ControlRun] = (),
    notes: Sequence[str] = (),
) -> Certificate:
    """A certificate from the traces of each field.

    Args:
        measured: which PDE, in words.
        traces: name of a field -> its runs.
        field: whose R is meant.
        origin: :func:`rdverify.measure.origin.origin_of`.
        scatters: what the runs are, such as "seeds"; "" for a single run.
        controls: besides the closed form of a steady state.
        notes: sentences.
    """
    require(field in traces, "field", field, f"one of {', '.join(traces)}")
    parts = {f"field {name}": trace for name, trace in traces.items()} if len(traces) > 1 else {}
    return certify(
        "pde",
        measured,
        traces[field],
        terms_of(field),
        origin,
        scatters=scatters,
        controls=[*controls, STEADY],
        parts=parts,
        cant_tell=CANT_TELL,
        notes=[f"R is that of the field {field}.", *notes],
    )


def certify_pde(
    config: PDEConfig,
    *,
    seeds: int = 3,
    field: str = "v",
    read: Mapping[str, Path | str | bytes] | None = None,
    command: str = "",
) -> Certificate:
    """Run a PDE from several seeds and measure it beside its controls.

    Args:
        config: the settings; its seed is the first.
        seeds: how many runs, >= 2 for an interval.
        field: "u" or "v", whose R is meant.
        read: name -> file of the kinetics.
        command: as typed.
    """
    seeds = require_integer("seeds", seeds, 1)
    require(field in FIELDS, "field", field, " or ".join(FIELDS))
    numbers = range(config.seed, config.seed + seeds)
    runs = _finished(simulate_seeds(config, numbers))
    both = max(config.d_u, config.d_v)
    alike = _finished(simulate_seeds(replace(config, d_u=both, d_v=both), numbers))
    what = f"the same kinetics with D_u = D_v = {both:g}: no instability by diffusion"
    control = ControlRun("equal diffusion", what, _stacked(alike)[field], scatters="seeds")
    return certify_fields(
        f"{config.kinetics.name} on {config.rows} x {config.cols} cells, {config.bc}, "
        f"{config.steps} steps of {config.dt:g} from {seeds} seed(s).",
        _stacked(runs),
        field,
        origin_of(["numpy", "numba"], read or {}, config.as_json(), command),
        scatters="seeds",
        controls=[control],
        notes=_patterns(config, runs, field),
    )


def _finished(runs: list[Run]) -> list[Run]:
    steps = [run.diverged_at for run in runs if run.diverged_at is not None]
    dt = runs[0].traces["v"].config["dt"]
    require(not steps, "dt", dt, f"smaller: a run diverged after {min(steps, default=0)} steps")
    return runs


def _stacked(runs: Sequence[Run]) -> dict[str, Trace]:
    return {name: Trace.stack([run.traces[name] for run in runs]) for name in FIELDS}


def _patterns(config: PDEConfig, runs: Sequence[Run], field: str) -> list[str]:
    """What the last states look like, where the classifier knows: in 2-D, periodic."""
    if min(config.rows, config.cols) < 4 or config.bc != "periodic":
        return []
    labels = [classify(getattr(run, field)).label for run in runs]
    return [f"The last states by the shape of {field}: {', '.join(labels)}."]
