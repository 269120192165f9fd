"""The three LSTM rows of Table 1: the choices left open, and how a run is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rdverify import study
from rdverify.balance import balance_of
from rdverify.lstm import (
    LSTMConfig,
    SequenceModel,
    as_input,
    build,
    free_run,
    probe,
    probe_free_run,
)
from rdverify.lstm.compiled_training import train_fast
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
)
from rdverify.lstm.skill import one_step
from rdverify.sweep.axes import Axis, Setting
from rdverify.trace import FloatArray, Trace

START_UP = 50  # steps that the variant "late" leaves out
SEQUENCES = 64  # to learn from
UNSEEN = 64  # that training did not see, over which a run is read

# choices an author makes by round numbers, the same for all three rows
TRAINING = (
    Axis("optimiser", choices=("adam", "rmsprop", "sgd")),
    Axis("learning_rate", choices=(1e-3, 3e-3, 1e-2)),
    Axis("epochs", choices=(50, 100, 200)),
    Axis("batch_size", choices=(16, 64)),
    Axis("target", choices=("next", "same")),
)
NORMALISED = Axis("normalisation", choices=("standard", "minmax", "unit", "none"))
# how a trained network is read: each is one reading of "the total time length T"
VARIANTS: Mapping[str, str] = {
    "whole": "all steps, data as input, state from zero, mean over sequences",
    "late": f'as "whole", but the first {START_UP} steps are left out',
    "warm": 'as "whole", but the state is carried over from a first pass',
    "single": 'as "whole", but of one sequence alone',
    "free": f"as many steps on its own output after {START_UP} of data, warm state",
    "generated": "two values of data, then its own output, state from zero, all steps",
}
ON_ITS_OWN = ("free", "generated")


# choices of a setting that are words
WORDS = ("optimiser", "target", "coordinate", "normalisation")


@dataclass(frozen=True)
class Row(study.Row):
    """One row of Table 1; ``axes`` are the choices of its data, besides :data:`TRAINING`."""

    axes: tuple[Axis, ...] = ()

    @property
    def file(self) -> str:
        """Stem of its recorded files."""
        return f"lstm-{self.key.replace('_', '-')}"

    @property
    def choices(self) -> tuple[Axis, ...]:
        """All that makes up a setting: the training's choices, then the data's."""
        return (*TRAINING, *self.axes)

    @property
    def names(self) -> list[str]:
        """Columns of the search's record that make up a setting."""
        return [axis.name for axis in self.choices]


ROWS = (
    Row(
        "sine",
        "LSTM",
        "Sine Waves",
        "#2ca02c",
        (4, 1.5),
        axes=(
            Axis("frequency_high", 0.005, 0.2, "log"),
            Axis("low_share", 0.05, 0.95),  # lowest frequency over the highest
            Axis("amplitude", 0.5, 2.0, "log"),
        ),
    ),
    Row(
        "lorenz",
        "LSTM",
        "Lorenz System",
        "#d62728",
        (2, 1),
        axes=(
            Axis("dt", 0.005, 0.2, "log"),
            Axis("coordinate", choices=("x", "y", "z")),
            NORMALISED,
        ),
    ),
    Row(
        "van_der_pol",
        "LSTM",
        "Van der Pol",
        "#9467bd",
        (7, 2),
        axes=(
            Axis("mu", 0.2, 8.0, "log"),
            Axis("dt", 0.02, 0.5, "log"),
            Axis("coordinate", choices=("x", "v")),
            Axis("burn_in", choices=(0.0, 20.0)),
            NORMALISED,
        ),
    ),
)
KEYS = tuple(row.key for row in ROWS)


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
    chosen = {axis.name: setting[axis.name] for axis in row.axes}
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
        detail: as :func:`rdverify.lstm.probe`.
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
    if variant != "late":
        return trace
    return replace(
        trace,
        react=trace.react[:, START_UP:],
        diff=trace.diff[:, START_UP:],
        times=trace.times[START_UP:],
        extras={name: series[:, START_UP:] for name, series in trace.extras.items()},
    )


def numbers_of(model: SequenceModel, x: FloatArray, target: str) -> dict[str, float]:
    """M_react, M_diff and R under every variant, as columns of the search's record.

    A network that reproduces x_t ("same") can't run on its own output.
    """
    readable = [name for name in VARIANTS if target == "next" or name not in ON_ITS_OWN]
    balances = {variant: balance_of(read(model, x, variant)) for variant in readable}
    return {
        f"{quantity}_{variant}": getattr(balance, quantity)
        for variant, balance in balances.items()
        for quantity in study.QUANTITIES
    }


def evaluate(row: Row, setting: Setting) -> dict[str, float]:
    """Train one network and read it in every way; columns of the record.

    ``r_untrained`` is R of the same network before training, ``skill`` the better
    naive prediction's one-step error over its own ("next" only), ``loss`` the last epoch's.
    """
    config = config_of(row, setting)
    x = generate(config.data, "unseen", UNSEEN)
    before = numbers_of(build(config), x, "same")
    model, losses = train_fast(config)
    found = numbers_of(model, x, config.target)
    extra = {
        "r_untrained": before["r_whole"],
        "r_untrained_late": before["r_late"],
        "loss": float(losses[-1]),
    }
    if config.target == "next":
        extra["skill"] = one_step(model, x).factor
    return found | extra
