"""The three LSTM rows of Table 1: their targets, the choices left open, and how a run is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rdverify.balance import balance_of
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, free_run, probe, probe_free_run
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
)
from rdverify.study.search import Axis, Setting
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
START_UP = 50  # steps that the variant "late" leaves out
SEQUENCES = 64  # to learn from
UNSEEN = 64  # that training did not see, over which a run is read

# choices an author makes by round numbers, the same for all three rows
TRAINING = (
    Axis("learning_rate", choices=(1e-3, 3e-3, 1e-2)),
    Axis("epochs", choices=(50, 100, 200)),
    Axis("batch_size", choices=(16, 64)),
    Axis("target", choices=("next", "same")),
)
NORMALISED = Axis("normalisation", choices=("standard", "minmax", "unit", "none"))
# how a trained network is read: each is one reading of "the total time length T"
VARIANTS: Mapping[str, str] = {
    "whole": "all steps, data as input, state from zero, mean over sequences",
    "late": f"as whole, without the first {START_UP} steps",
    "warm": "as whole, the state carried over from a first pass",
    "single": "as whole, one sequence alone",
    "free": f"as many steps on its own output after {START_UP} of data, warm state",
    "generated": "two values of data, then its own output, state from zero, all steps",
}


WORDS: Mapping[str, str] = {
    "m_react, m_diff, r": "Eqs. (13), (16), (18)",
    **{f"reading: {name}": meaning for name, meaning in VARIANTS.items()},
    "best for the row": "the setting whose two M's come nearest to the row's print",
    "one protocol for all": "the training choices and reading that serve all three rows best",
    "rest": "the row's networks fed each sequence's mean as a constant",
    "noise, shuffled": "networks trained on white noise, or on the data in shuffled time",
    "kind steadied": "as kind skilled, four times as long and with noise on what is read",
    "target same": "the network returns the value that it has just read: no memory is needed",
    "optimiser, learning_rate, epochs, batch_size": "of the training",
    "target": "what is predicted at each step: the next value, or the same one",
    "frequency_high": "sines: the highest frequency, in cycles a step",
    "low_share": "sines: the lowest frequency over the highest",
    "amplitude": "sines: of every sequence",
    "coordinate": "Lorenz: x, y or z; Van der Pol: position x or velocity v",
    "mu": "Van der Pol: strength of the nonlinear damping",
    "dt": "Lorenz, Van der Pol: time between two samples",
    "burn_in": "time left out before the first sample",
    "normalisation": "standard: mean 0, deviation 1; minmax: [-1, 1]; unit: [0, 1]; none: as is",
}


@dataclass(frozen=True)
class Row:
    """One row of Table 1.

    Attributes:
        key: its name in metrics, such as ``sine``.
        file: stem of its recorded files.
        setting: its name in Table 1.
        m_react, m_diff, r: as printed; the first two are what the search is fitted to.
        axes: choices of the data, besides :data:`TRAINING`.
    """

    key: str
    file: str
    setting: str
    m_react: float
    m_diff: float
    r: float
    axes: tuple[Axis, ...]

    def targets(self, variant: str) -> dict[str, float]:
        """Fitted column -> printed number, for one way of reading the run."""
        return {f"m_react_{variant}": self.m_react, f"m_diff_{variant}": self.m_diff}


ROWS = (
    Row(
        "sine",
        "lstm-sine",
        "Sine Waves",
        1.6732,
        1.6204,
        1.0325,
        (
            Axis("frequency_high", 0.005, 0.2, "log"),
            Axis("low_share", 0.05, 0.95),  # lowest frequency over the highest
            Axis("amplitude", 0.5, 2.0, "log"),
        ),
    ),
    Row(
        "lorenz",
        "lstm-lorenz",
        "Lorenz System",
        1.5836,
        1.5254,
        1.0381,
        (Axis("dt", 0.005, 0.2, "log"), Axis("coordinate", choices=("x", "y", "z")), NORMALISED),
    ),
    Row(
        "van_der_pol",
        "lstm-van-der-pol",
        "Van der Pol",
        1.8933,
        1.9791,
        0.9566,
        (
            Axis("mu", 0.2, 8.0, "log"),
            Axis("dt", 0.02, 0.5, "log"),
            Axis("coordinate", choices=("x", "v")),
            Axis("burn_in", choices=(0.0, 20.0)),
            NORMALISED,
        ),
    ),
)


def data_of(row: Row, setting: Mapping[str, Any]) -> DataConfig:
    """The data's configuration of one setting."""
    seed = int(setting["seed"])
    if row.key == "sine":
        high = float(setting["frequency_high"])
        return SineConfig(
            seed=seed,
            sequences=SEQUENCES,
            normalisation="none",
            frequency_high=high,
            frequency_low=high * float(setting["low_share"]),
            amplitude=float(setting["amplitude"]),
        )
    names = [axis.name for axis in row.axes]
    chosen = {name: setting[name] for name in names}
    return (LorenzConfig if row.key == "lorenz" else VanDerPolConfig)(
        seed=seed, sequences=SEQUENCES, **chosen
    )


def config_of(row: Row, setting: Mapping[str, Any]) -> LSTMConfig:
    """The whole configuration of one setting: h = 16, constant rate, gradients clipped at 1."""
    return LSTMConfig(
        data=data_of(row, setting),
        target=setting["target"],
        optimiser=setting["optimiser"],
        learning_rate=float(setting["learning_rate"]),
        epochs=int(setting["epochs"]),
        batch_size=int(setting["batch_size"]),
        schedule="constant",
        seed=int(setting["seed"]),
    )


def read(model: SequenceModel, x: FloatArray, variant: str, *, detail: bool = False) -> Trace:
    """The run read in one way of :data:`VARIANTS`.

    Args:
        model: trained or not; "free" and "generated" need one that predicts x_{t+1}.
        x: unseen sequences, shape (sequences, length).
        variant: key of :data:`VARIANTS`.
        detail: as :func:`rdverify.lstm.model.probe`.
    """
    if variant == "free":
        warm_up = as_input(x[:, :START_UP], model)
        return probe_free_run(model, warm_up, x.shape[1], detail=detail)
    if variant == "generated":
        made = free_run(model, as_input(x[:, :2], model), x.shape[1] - 2)
        whole = np.concatenate([x[:, :2], made], axis=1)  # (sequences, length)
        return probe(model.lstm, as_input(whole, model), detail=detail)
    if variant == "single":
        return probe(model.lstm, as_input(x[:1], model), detail=detail)
    inputs = as_input(x, model)
    state = None
    if variant == "warm":
        with torch.no_grad():
            _, state = model(inputs)
    trace = probe(model.lstm, inputs, state, detail=detail)
    return cut(trace, START_UP) if variant == "late" else trace


def readable(target: str) -> list[str]:
    """The variants of a network; one that reproduces x_t can't run on its own output."""
    return [name for name in VARIANTS if target == "next" or name not in ("free", "generated")]


def cut(trace: Trace, first: int) -> Trace:
    """The trace from step ``first`` (0-based) on."""
    return replace(
        trace,
        react=trace.react[:, first:],
        diff=trace.diff[:, first:],
        times=trace.times[first:],
        extras={name: series[:, first:] for name, series in trace.extras.items()},
    )


def numbers_of(model: SequenceModel, x: FloatArray, target: str) -> dict[str, float]:
    """M_react, M_diff and R under every variant, as columns of the search's record."""
    numbers: dict[str, float] = {}
    for variant in readable(target):
        balance = balance_of(read(model, x, variant))
        numbers |= {
            f"m_react_{variant}": balance.m_react,
            f"m_diff_{variant}": balance.m_diff,
            f"r_{variant}": balance.r,
        }
    return numbers


def unseen(row: Row, setting: Setting) -> FloatArray:
    """Sequences that training did not see, shape (UNSEEN, 200)."""
    return generate(data_of(row, setting), "unseen", UNSEEN)
