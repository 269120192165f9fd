"""The LSTM of section 4.1: its configuration, and the model with a linear head.

The model is the real ``torch.nn.LSTM`` (d = 1, h = 16 in the paper).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rdverify.lstm.sequences import DataConfig, SineConfig
from rdverify.tools.errors import (
    require,
    require_fields,
    require_integer,
    require_number,
    require_room,
)
from rdverify.tools.torchkit import seeded_globally

State = tuple[Tensor, Tensor]
DTYPES = {"float32": torch.float32, "float64": torch.float64}
OPTIMISERS = ("adam", "rmsprop", "sgd")


@dataclass(frozen=True)
class LSTMConfig:
    """How one network is made and trained; the paper states ``hidden`` and the loss.

    Args:
        data: what it is trained on.
        hidden: h, the paper's 16.
        target: "next": the output at step t is held against x_{t+1} (teacher
            forcing, the usual reading of "predicted signal"); "same": against
            x_t, the literal reading of "reproduce the curve".
        input_noise: deviation of normal noise on what is read while learning, >= 0, in
            the data's unit; targets stay clean. None by default; some lets a network
            correct its own small errors, without which it can't run free for long.
        optimiser: "adam" (the default of most code), "rmsprop" or "sgd" (momentum
            0.9); all else as torch.optim has it.
        learning_rate: > 0, of the first step.
        schedule: "constant", or "cosine" to zero over the epochs, which ends the
            noise of a constant rate.
        epochs: passes over the data, >= 0; 0 leaves the network untrained.
        batch_size: sequences a step, drawn anew every epoch; None for all of them.
        clip_norm: longest gradient of a step, or None.
        seed: of the initial weights and of the order of batches.
        dtype: "float32" or "float64".
    """

    data: DataConfig = field(default_factory=SineConfig)
    hidden: int = 16
    target: Literal["next", "same"] = "next"
    input_noise: float = 0.0
    optimiser: Literal["adam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = 1e-2
    schedule: Literal["constant", "cosine"] = "cosine"
    epochs: int = 100
    batch_size: int | None = 32
    clip_norm: float | None = 1.0
    seed: int = 0
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        require_fields(self)
        for name, least in (("hidden", 1), ("epochs", 0), ("seed", 0)):
            require_integer(name, getattr(self, name), least)
        require_room("hidden", self.hidden, 4.0 * self.hidden**2)
        if self.batch_size is not None:
            require_integer("batch_size", self.batch_size, 1)
        require_number("learning_rate", self.learning_rate, "in (0, 10)", lambda x: 0 < x < 10)
        require_number("input_noise", self.input_noise, "in [0, 10)", lambda x: 0 <= x < 10)
        if self.clip_norm is not None:
            require_number(
                "clip_norm", self.clip_norm, "a positive number or None", lambda x: x > 0
            )

    def with_seed(self, seed: int) -> LSTMConfig:
        """The same settings with both the network's and the data's seed replaced."""
        return dataclasses.replace(self, seed=seed, data=dataclasses.replace(self.data, seed=seed))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, the data's kind under ``data.kind``."""
        plain = dataclasses.asdict(self)
        plain["data"] = {"kind": type(self.data).__name__.removesuffix("Config"), **plain["data"]}
        return plain


class SequenceModel(nn.Module):
    """``torch.nn.LSTM(1, h, batch_first=True)`` and a linear head h -> 1."""

    def __init__(self, hidden: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True, dtype=dtype)
        self.head = nn.Linear(hidden, 1, dtype=dtype)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(outputs, state) of x, both outputs and x of shape (batch, T, 1)."""
        hidden, state = self.lstm(x, state)
        return self.head(hidden), cast(State, state)


def build(config: LSTMConfig) -> SequenceModel:
    """An untrained model with torch's own initial weights; equal seeds, equal weights."""
    # torch's initialisation draws from the one global generator
    with seeded_globally(config.seed):
        return SequenceModel(config.hidden, DTYPES[config.dtype])


def as_input(x: npt.ArrayLike, model: SequenceModel) -> Tensor:
    """Sequences of shape (batch, T) as the model takes them, (batch, T, 1), in its dtype."""
    array = np.asarray(x, dtype=float)
    require(array.ndim == 2, "x.ndim", array.ndim, "2, for (sequences, length)")
    return torch.from_numpy(array).to(model.head.weight.dtype)[:, :, None]
