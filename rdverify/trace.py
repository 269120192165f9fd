"""Trace: what one model run leaves behind, the norms of both terms at every step."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from rdverify.tools.arrays import read_arrays, write_arrays
from rdverify.tools.errors import InputError, one_line, own_numbers, require
from rdverify.tools.reading import refused
from rdverify.tools.records import Record, decoded

FloatArray = npt.NDArray[np.float64]
SCHEMA: Final = "rdverify-trace-1"


@dataclass(frozen=True, eq=False)
class Trace:
    """Norms of the reaction and of the diffusion term, step by step.

    One *run* is one trajectory: one simulation (RD), one sequence (LSTM), one
    sampled image (DDPM). Time runs in the order of generation, so the last
    column is the finished pattern, the last token, the image.

    Args:
        react: ||reaction term||_2, shape (runs, T), float64, in the units of the
            state's change per step (dimension-free once divided, Eq. 18), >= 0.
            The terms of Eqs. (12), (13), (14).
        diff: ||diffusion term||_2, shape (runs, T), as ``react``. The terms of
            Eqs. (15), (16), (17).
        times: shape (T,), strictly increasing; default 1 .. T.
        system: which model it was, such as "RD", "LSTM", "DDPM".
        config: the run's settings, plain JSON values.
        seeds: one integer per run, or empty.
        extras: further per-step series, name -> shape (runs, T).
        provenance: where it came from, name -> text.
        lengths: steps of each run where they differ, 1 .. T each; empty if all have T. What
            stands in a run's columns beyond its length is replaced by NaN and never counts.

    Raises:
        InputError: if shapes disagree, a norm is negative or complex, or there is no step.

    Source: sections 4.2 and 4.3 of the paper; the two letters M are their means.

    """

    react: FloatArray
    diff: FloatArray
    times: FloatArray = None  # type: ignore[assignment]  # 1 .. T unless given
    system: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    seeds: Sequence[int] = ()
    extras: Mapping[str, FloatArray] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    lengths: Sequence[int] = ()

    def __post_init__(self) -> None:
        react = _series("react", self.react)
        diff = _series("diff", self.diff)
        require(react.shape == diff.shape, "diff.shape", diff.shape, f"react's {react.shape}")
        runs, steps = react.shape
        times = np.arange(1.0, steps + 1) if self.times is None else _real("times", self.times)
        require(times.shape == (steps,), "times.shape", times.shape, f"({steps},)")
        rising = bool(np.all(np.diff(times) > 0) and np.isfinite(times).all())
        require(rising, "times", times, "finite and strictly increasing")
        lengths = _whole("lengths", self.lengths)
        fit = not lengths or (len(lengths) == runs and 1 <= min(lengths) <= max(lengths) <= steps)
        require(fit, "lengths", lengths, f"empty or one from 1 to {steps} per run ({runs})")
        seeds = _whole("seeds", self.seeds)
        require(len(seeds) in (0, runs), "seeds", seeds, f"empty or one per run ({runs})")
        extras = {name: _real(f"extras[{name!r}]", own) for name, own in self.extras.items()}
        for name, values in extras.items():
            require(
                values.shape == react.shape,
                f"extras[{name!r}].shape",
                values.shape,
                f"react's {react.shape}",
            )
        try:
            config = own_numbers(copy.deepcopy(dict(self.config)))
        except RecursionError as error:
            raise InputError(
                "config is not allowed (nested too deep): must be plain JSON"
            ) from error
        object.__setattr__(self, "lengths", lengths)
        for array in (react, diff, *extras.values()):
            if lengths:
                array[~self.within] = np.nan
            array.flags.writeable = False
        times.flags.writeable = False
        for name, value in (
            ("react", react),
            ("diff", diff),
            ("times", times),
            ("seeds", seeds),
            ("extras", extras),
            ("config", config),
            ("provenance", dict(self.provenance)),
        ):
            object.__setattr__(self, name, value)

    @property
    def runs(self) -> int:
        """How many trajectories."""
        return int(self.react.shape[0])

    @property
    def steps(self) -> int:
        """T, the number of steps."""
        return int(self.react.shape[1])

    @property
    def within(self) -> npt.NDArray[np.bool_]:
        """Where a run has a step, shape (runs, T); True throughout if all have T."""
        if not self.lengths:
            return np.ones(np.shape(self.react), dtype=bool)
        return np.arange(np.shape(self.react)[1]) < np.array(self.lengths)[:, None]

    @property
    def counted(self) -> dict[str, Any]:
        """What NumPy's sums and means over steps are called with, so that no other step counts."""
        return {"where": self.within} if self.lengths else {}  # nothing: the same bits as ever

    @classmethod
    def stack(cls, traces: Sequence[Trace]) -> Trace:
        """All runs of several traces of one system and equal times as one trace.

        The configuration kept is the first trace's; where the others differ the
        key is dropped, so that what remains is true of every run.
        """
        require(len(traces) > 0, "traces", list(traces), "at least one trace")
        first = traces[0]
        for other in traces[1:]:
            require(other.system == first.system, "system", other.system, repr(first.system))
            require(
                np.array_equal(other.times, first.times),
                "times",
                other.times,
                "equal in all traces",
            )
        shared = {
            key: value
            for key, value in first.config.items()
            if all(key in trace.config and trace.config[key] == value for trace in traces)
        }
        names = [name for name in first.extras if all(name in trace.extras for trace in traces)]
        return cls(
            np.concatenate([trace.react for trace in traces]),
            np.concatenate([trace.diff for trace in traces]),
            first.times,
            first.system,
            shared,
            [seed for trace in traces for seed in trace.seeds]
            if all(trace.seeds for trace in traces)
            else (),
            {name: np.concatenate([trace.extras[name] for trace in traces]) for name in names},
            first.provenance,
            [length for t in traces for length in t.lengths or [t.steps] * t.runs]
            if any(trace.lengths for trace in traces)
            else (),
        )

    def save(self, path: Path | str) -> Path:
        """Write one compressed .npz file, atomically; equal traces give equal bytes.

        Raises:
            InputError: if the configuration is no plain JSON, or the file can't be written.
        """
        told = {
            "schema": SCHEMA,
            "system": self.system,
            "config": self.config,
            "seeds": list(self.seeds),
            "provenance": self.provenance,
            **({"lengths": list(self.lengths)} if self.lengths else {}),
        }
        try:
            header = json.dumps(told, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(
                f"config is not allowed ({one_line(error)}): must be plain JSON values"
            ) from error
        arrays = {
            "react": self.react,
            "diff": self.diff,
            "times": self.times,
            **{f"extra.{name}": values for name, values in sorted(self.extras.items())},
        }
        return write_arrays(path, {"header": np.array(header), **arrays})

    @classmethod
    def load(cls, path: Path | str) -> Trace:
        """Read what :meth:`save` wrote; raises InputError on any other file."""
        arrays = read_arrays(path, "trace")
        with refused("trace", path, f"a file of schema {SCHEMA}"):
            header = decoded(str(arrays["header"]), _Header)
            return cls(
                arrays["react"],
                arrays["diff"],
                arrays["times"],
                header.system,
                header.config,
                header.seeds,
                {
                    name.removeprefix("extra."): array
                    for name, array in arrays.items()
                    if name.startswith("extra.")
                },
                header.provenance,
                header.lengths,
            )


class _Header(Record, frozen=True):
    """What a trace's file says besides its arrays."""

    schema: Literal["rdverify-trace-1"]
    system: str
    config: dict[str, Any]
    seeds: list[int]
    provenance: dict[str, str]
    lengths: list[int] = []  # noqa: RUF012  # msgspec copies mutable defaults


def _real(name: str, values: Any) -> FloatArray:
    """An array of its own, float64; InputError unless ``values`` are real numbers."""
    try:
        given = np.asarray(values)
        require(given.dtype.kind != "c", f"{name}'s dtype", "complex", "real")
        if given.dtype.kind not in "fiub":  # no text, no dates, no complex numbers
            raise TypeError(f"dtype {given.dtype}")
        return np.array(given, dtype=float)
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is not allowed ({one_line(error)}): must be numbers") from error


def _whole(name: str, values: Sequence[Any]) -> tuple[int, ...]:
    for value in values:
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        require(whole, name, value, "whole numbers")
    return tuple(map(int, values))


def _series(name: str, values: Any) -> FloatArray:
    array = _real(name, values)
    require(array.ndim == 2, f"{name}.ndim", array.ndim, "2, for (runs, T)")
    require(array.size > 0, f"{name}.shape", array.shape, "at least one run and one step")
    negative = array[array < 0]  # a run that diverged at once may be NaN throughout
    require(negative.size == 0, f"min({name})", float(negative.min(initial=0)), "a norm, >= 0")
    return array
