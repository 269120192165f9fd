"""What the parts of the metric's study share: runs, the registry of facts, lines of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule
from rdverify.ddpm.schedule import Direction
from rdverify.gray_scott import Simulation, run_many
from rdverify.gray_scott.study.runs import DYING_KILL_RATE
from rdverify.lstm.sequences import generate
from rdverify.lstm.study.runs import recorded_networks
from rdverify.metric.modes import Mode
from rdverify.metric.systems import (
    SPOTS,
    STRIPES,
    Chain,
    exact_chain,
    heated_plate,
    random_walk,
    read,
    regime,
    untrained,
    white_noise,
)
from rdverify.study import Facts
from rdverify.trace import Trace

T = TypeVar("T")
SEEDS = tuple(range(40))  # 40 of 40 runs: a share of at least 0.91 with 95 % confidence
PICTURED = 4  # of each regime: the pictures that the DDPMs make
REPEATS = 8  # untrained networks, walks, white noise
FEEDS = {"spots": SPOTS, "stripes": STRIPES}
PLANNED = [regime(feed, seed) for feed in FEEDS.values() for seed in SEEDS]
SEQUENCES = 16  # that a recorded network is read on
IMAGES = 8
SMALL_IMAGES = len(SEEDS)  # of 32 x 32, for shares and rises
DIRECTIONS: tuple[Direction, ...] = ("increasing", "decreasing")  # of beta, from image to noise
DYING_STEPS = 400  # after some thousand steps v is below what a number can hold
# MNIST's pixels in [-1, 1] and in [0, 1], training set at 32 x 32: golden/weights/ddpm-mnist.json
MEAN_SQUARES = (0.942860, 0.085752)


@dataclass(frozen=True, eq=False)
class Runs:
    """What the parts of the study share.

    Attributes:
        golden: folder of the recorded files.
        rd: "spots", "stripes" -> one simulation per seed, "change" among the extras.
    """

    golden: Path
    rd: Mapping[str, Sequence[Simulation]]

    @cached_property
    def patterns(self) -> torch.Tensor:
        """The final v of four runs of each regime, in [-1, 1], shape (8, 1, CELLS, CELLS)."""
        fields = np.stack([run.v for runs in self.rd.values() for run in runs[:PICTURED]])
        low, high = fields.min(axis=(1, 2), keepdims=True), fields.max(axis=(1, 2), keepdims=True)
        return torch.from_numpy(2 * (fields - low) / (high - low) - 1)[:, None]

    @cached_property
    def chain(self) -> Chain:
        """The exact denoiser of :attr:`patterns` sampled; images of shape (8, 1, CELLS, CELLS)."""
        return exact_chain(self.patterns, IMAGES)

    @cached_property
    def small_patterns(self) -> torch.Tensor:
        """The same with 32 x 32 pixels."""
        return torch.nn.functional.avg_pool2d(self.patterns, 2)

    @cached_property
    def small(self) -> Mapping[tuple[str, str], Chain]:
        """Of 32 x 32 pixels, ("patterns" or "blank", beta's direction) -> its chain."""
        sets = {"patterns": self.small_patterns, "blank": torch.zeros_like(self.small_patterns[:1])}
        return {
            (name, way): exact_chain(data, SMALL_IMAGES, Schedule.linear(direction=way))
            for name, data in sets.items()
            for way in DIRECTIONS
        }


fact = Facts[Runs]()


def recorded(runs: Runs, key: str, kind: str) -> list[Trace]:
    """Traces of the shipped networks of a row ("sine", ...), one per seed, on unseen data.

    Raises:
        InputError: if the file or its card is missing or damaged, or lacks the kind.
    """
    return [
        read(model, generate(data, "unseen", SEQUENCES))
        for model, data in recorded_networks(runs.golden, key, kind)
    ]


def _dying(runs: Runs) -> list[Trace]:
    changed = {"kill_rate": DYING_KILL_RATE, "steps": DYING_STEPS}
    return [run.trace for run in run_many([regime(SPOTS, seed, **changed) for seed in SEEDS], 1)]


@dataclass(frozen=True)
class Model:
    """One system whose R_t and terms are looked at.

    Attributes:
        label: as the tables call it.
        mode: that the paper gives it, or that it is a control of; "none" if it is about no mode.
        make: its traces, one for each seed.
        unit: what was run independently of the others: a trace as a whole (a simulation, a
            network with what it reads), or each run in it (an image of the exact denoiser).
    """

    label: str
    mode: Mode
    make: Callable[[Runs], list[Trace]]
    unit: Literal["trace", "run"] = "trace"


def _recorded_models(key: str) -> dict[str, Model]:
    words = key.replace("_", " ")
    trained, fresh = (partial(recorded, key=key, kind=kind) for kind in ("declared", "untrained"))
    return {
        f"lstm.{key}": Model(f"LSTM, trained, {words}", "dynamic", trained),
        f"control.untrained.{key}": Model(f"LSTM, untrained, {words}", "dynamic", fresh),
    }


def _small_model(label: str, data: str, way: Direction) -> Model:
    return Model(label, "phase transition", lambda runs: [runs.small[data, way].trace], "run")


MODELS: Mapping[str, Model] = {
    "rd.spots": Model(
        "Gray-Scott, spots", "static", lambda runs: [run.trace for run in runs.rd["spots"]]
    ),
    "rd.stripes": Model(
        "Gray-Scott, stripes", "static", lambda runs: [run.trace for run in runs.rd["stripes"]]
    ),
    "control.dying": Model(f"Gray-Scott, dying (k = {DYING_KILL_RATE:g})", "static", _dying),
    "control.plate": Model(
        "plate heated by a fixed picture",
        "static",
        lambda runs: [heated_plate(seed=seed)[0] for seed in SEEDS],
    ),
    **_recorded_models("sine"),
    **_recorded_models("lorenz"),
    **_recorded_models("van_der_pol"),
    "control.fresh": Model(
        "LSTM, untrained, the study's own sines",
        "dynamic",
        lambda runs: [untrained(16, seed) for seed in range(REPEATS)],
    ),
    "control.noise": Model(
        "white noise around 1",
        "dynamic",
        lambda runs: [white_noise(seed) for seed in range(REPEATS)],
    ),
    "ddpm": _small_model("DDPM, exact denoiser of patterns", "patterns", "increasing"),
    "ddpm.decreasing": _small_model(
        "DDPM, exact denoiser of patterns, beta decreasing", "patterns", "decreasing"
    ),
    "control.blank": _small_model("DDPM, exact denoiser of blank images", "blank", "increasing"),
    "control.blank.decreasing": _small_model(
        "DDPM, exact denoiser of blank images, beta decreasing", "blank", "decreasing"
    ),
    "random": Model(
        "random vectors of equal length",
        "none",
        lambda runs: [random_walk(seed)[0] for seed in range(REPEATS)],
    ),
}


@cache
def traces(runs: Runs, name: str) -> list[Trace]:
    """The traces of one of :data:`MODELS`, made when they are first asked for."""
    return MODELS[name].make(runs)


def by_unit(name: str, values: Sequence[npt.ArrayLike]) -> list[float]:
    """One value for each independent run of a model, from one array (runs,) for each trace."""
    if MODELS[name].unit == "run":
        return [float(value) for each in values for value in np.ravel(each)]
    return [float(np.asarray(each, dtype=float).mean()) for each in values]


def ratios(runs: Runs, *names: str) -> list[float]:
    """R of every independent run of the named models."""
    return [
        r
        for name in names
        for r in (
            by_unit(name, [balance_of(trace).r_runs for trace in traces(runs, name)])
            if MODELS[name].unit == "run"
            else [balance_of(trace).r for trace in traces(runs, name)]
        )
    ]


Line = Mapping[str, object]


def lines(make: Callable[[T], Line], over: Iterable[T]) -> list[Line]:
    """A table's lines, one for each element of ``over``.

    What raises is left out: the facts that rest on the same computation are errors and say why.
    """
    found = []
    for each in over:
        with suppress(Exception):
            found.append(make(each))
    return found
