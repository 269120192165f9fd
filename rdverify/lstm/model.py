"""The LSTM of section 4.1: configuration, model, probe, free running, weights.

The model is the real ``torch.nn.LSTM`` (d = 1, h = 16) with a linear head. The
probe reads any single-layer ``torch.nn.LSTM`` without touching it.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from rdverify.lstm.kernel import series
from rdverify.lstm.sequences import DataConfig, SineConfig
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import write_atomically
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
State = tuple[Tensor, Tensor]
DTYPES = {"float32": torch.float32, "float64": torch.float64}
OPTIMISERS = ("adam", "rmsprop", "sgd")
WEIGHTS_FORMAT = "rdverify-lstm-1"
_GLOBAL_RANDOM = threading.Lock()


@dataclass(frozen=True)
class LSTMConfig:
    """How one network is made and trained; the paper states ``hidden`` and the loss.

    Args:
        data: what it is trained on.
        hidden: h, the paper's 16.
        target: "next": the output at step t is held against x_{t+1} (teacher
            forcing, the usual reading of "predicted signal"); "same": against
            x_t, the literal reading of "reproduce the curve".
        feedback_from: None: every input is data. An integer s, 1 <= s < length: from
            step s on the input is the network's own previous output, also while
            it learns ("next" only).
        feedback_after: epochs in which every input is data before that begins.
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
    feedback_from: int | None = None
    feedback_after: int = 0
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
        for name, lowest in (("hidden", 1), ("epochs", 0), ("seed", 0), ("feedback_after", 0)):
            _require_integer(name, getattr(self, name), lowest)
        if self.batch_size is not None:
            _require_integer("batch_size", self.batch_size, 1)
        require(self.target in ("next", "same"), "target", self.target, "next or same")
        require(
            self.optimiser in OPTIMISERS,
            "optimiser",
            self.optimiser,
            f"one of {', '.join(OPTIMISERS)}",
        )
        require(
            self.schedule in ("constant", "cosine"), "schedule", self.schedule, "constant or cosine"
        )
        require(self.dtype in DTYPES, "dtype", self.dtype, "float32 or float64")
        require(0 < self.learning_rate < 10, "learning_rate", self.learning_rate, "in (0, 10)")
        require(0 <= self.input_noise < 10, "input_noise", self.input_noise, "in [0, 10)")
        require(
            self.clip_norm is None or self.clip_norm > 0,
            "clip_norm",
            self.clip_norm,
            "a positive number or None",
        )
        if self.feedback_from is not None:
            _require_integer("feedback_from", self.feedback_from, 1)
            require(
                self.feedback_from < self.data.length and self.target == "next",
                "feedback_from",
                self.feedback_from,
                "below data.length, with target next",
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
    with _GLOBAL_RANDOM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return SequenceModel(config.hidden, DTYPES[config.dtype])


class Gates(NamedTuple):
    """Everything inside the cell; each of shape (batch, T, h), float64.

    ``one_minus_f`` is sigma(-z_f), which keeps its digits where f is near 1.
    """

    i: FloatArray
    f: FloatArray
    one_minus_f: FloatArray
    c_tilde: FloatArray
    o: FloatArray
    c_prev: FloatArray
    c: FloatArray
    h: FloatArray


def gates(lstm: nn.LSTM, x: Tensor, state: State | None = None) -> Gates:
    """All gates and states of a run, by a plain loop over the steps.

    eq02 f_t, eq03 i_t, eq04 c~_t, eq05 C_t, eq06 o_t, eq07 h_t, with the module's
    two bias vectors added. Slower than :func:`probe`, in which the same cell is
    compiled; for looking inside.

    Args: as :func:`probe`.

    Returns:
        :class:`Gates`, computed in the module's dtype.
    """
    series, h, c = _check(lstm, x, state)
    w, u, bias = _weights(lstm)
    kept: list[tuple[Tensor, ...]] = []
    with torch.no_grad():
        for x_t in series.unbind(1):  # (batch, d)
            z = torch.nn.functional.linear(x_t, w, bias) + h @ u.T  # (batch, 4 h)
            z_i, z_f, z_c, z_o = z.chunk(4, dim=1)  # torch's order of the gates
            i, f, o = torch.sigmoid(z_i), torch.sigmoid(z_f), torch.sigmoid(z_o)
            c_tilde, c_prev = torch.tanh(z_c), c
            c = f * c_prev + i * c_tilde
            h = o * torch.tanh(c)
            kept.append((i, f, torch.sigmoid(-z_f), c_tilde, o, c_prev, c, h))
    stacked = (torch.stack(series, 1) for series in zip(*kept, strict=True))
    return Gates(*(series.double().numpy() for series in stacked))


def probe(lstm: nn.LSTM, x: Tensor, state: State | None = None, *, detail: bool = False) -> Trace:
    """Norms of the reaction and the diffusion term of an LSTM, step by step.

    eq11: C_t - C_{t-1} = -(1 - f_t) * C_{t-1} + i_t * c~_t. eq13: react_t =
    ||i_t * c~_t||_2. eq16: diff_t = ||(1 - f_t) * C_{t-1}||_2. Norms over the h
    units, with eq02 to eq07 inside.

    Args:
        lstm: a single-layer, one-directional ``torch.nn.LSTM`` without projection,
            float32 or float64, on the CPU; with or without bias, batch first or
            not, any sizes. It is read, never called or changed.
        x: the input as the module takes it: (batch, T, d) if ``batch_first``, else
            (T, batch, d); or (T, d) for one sequence. Finite, T >= 2, the module's dtype.
        state: (h_0, C_0), each (1, batch, h) (or (1, h) with x of (T, d)); zero if None.
        detail: also the extras below that only correlations need.

    Returns:
        A Trace with one run per sequence. Extras: ``change`` = ||C_t - C_{t-1}||,
        ``inner`` = <a - b, a + b> = ||a||^2 - ||b||^2 with a = i * c~ and
        b = (1 - f) * C_{t-1}, ``cell`` = ||C_t||. With ``detail`` also the means over
        units of i (``i``), 1 - f (``one_minus_f``), |C_t| (``abs_cell``) and of
        the sign of i * c~ C_{t-1} (``aligned``: 1 where every unit's reaction
        enlarges its cell, -1 where it shrinks it).

    Raises:
        InputError: naming the argument that is not as above.

    Source: Eqs. (2)-(7), (11), (13), (16); sections 2.2, 3.1, 4.2, 4.3.
    """
    series_x, h_0, c_0 = _check(lstm, x, state)
    w, u, bias = _weights(lstm)
    read = (value.detach().numpy() for value in (series_x, w, u, bias, h_0, c_0))
    found = series(*read, detail=detail)
    config = {
        "hidden": lstm.hidden_size,
        "input": lstm.input_size,
        "bias": lstm.bias,
        "dtype": str(x.dtype).removeprefix("torch."),
    }
    return Trace(found.pop("react"), found.pop("diff"), system="LSTM", config=config, extras=found)


def free_run(model: SequenceModel, warm_up: Tensor, steps: int) -> FloatArray:
    """What the model makes when it is fed its own output.

    Args:
        model: trained to predict the next value.
        warm_up: data that it reads first, shape (batch, T, 1), T >= 2.
        steps: how many values it then makes, >= 1.

    Returns:
        The made values, shape (batch, steps), float64; the first is the
        prediction of the value after the warm-up.
    """
    _require_integer("steps", steps, 1)
    _check(model.lstm, warm_up, None)
    require(warm_up.ndim == 3, "warm_up.ndim", warm_up.ndim, "3, for (batch, T, 1)")
    made = []
    with torch.no_grad():
        y, state = model(warm_up)
        for _ in range(steps):
            y = y[:, -1:]  # (batch, 1, 1)
            made.append(y[:, 0, 0])
            y, state = model(y, state)
    return cast(FloatArray, torch.stack(made, 1).double().numpy())


def probe_free_run(
    model: SequenceModel, warm_up: Tensor, steps: int, *, detail: bool = False
) -> Trace:
    """:func:`probe` of the steps in which the model reads its own output.

    The states after ``warm_up`` are kept: the trace starts warm.
    """
    made = free_run(model, warm_up, steps)
    with torch.no_grad():
        _, state = model(warm_up)
    series = torch.from_numpy(made).to(warm_up.dtype)[:, :, None]  # (batch, steps, 1)
    return probe(model.lstm, series, state, detail=detail)


def save_weights(
    model: SequenceModel, path: Path | str, note: dict[str, Any] | None = None
) -> Path:
    """Write the weights as safetensors, atomically; equal weights give equal bytes.

    ``note`` (JSON values, such as the configuration) is kept in the file's header.
    """
    tensors = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    header = {
        "format": WEIGHTS_FORMAT,
        "hidden": str(model.lstm.hidden_size),
        "note": json.dumps(note or {}, sort_keys=True),
    }
    data = _ordered(safetensors.torch.save(tensors, header))
    return write_atomically(path, lambda stream: stream.write(data))


def load_weights(path: Path | str, hidden: int | None = None) -> SequenceModel:
    """Read what :func:`save_weights` wrote.

    Args:
        path: the file.
        hidden: h that the caller needs, or None for whatever the file has.

    Raises:
        InputError: if the file is missing, truncated, not of this format, of
            another architecture, or holds values that are not finite.
    """
    allowed = f"a safetensors file of format {WEIGHTS_FORMAT}"
    try:
        with safetensors.safe_open(str(path), "pt") as archive:
            header = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"weights = {str(path)!r} is not allowed ({reason}): must be {allowed}"
        ) from error
    require(header.get("format") == WEIGHTS_FORMAT, "weights", str(path), allowed)
    written = header.get("hidden", "")
    require(
        written.isdecimal() and int(written) >= 1, "weights' hidden", written, "a positive integer"
    )
    size = int(written)
    require(hidden in (None, size), "hidden", hidden, f"{size}, as in {path}")
    dtype = next(iter(tensors.values())).dtype if tensors else torch.float32
    require(dtype in DTYPES.values(), "weights' dtype", dtype, "float32 or float64")
    model = SequenceModel(size, dtype)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    require(found == expected, "weights' shapes", found, f"those of nn.LSTM(1, {size}) and a head")
    require(
        all(bool(torch.isfinite(value).all()) for value in tensors.values()),
        "weights",
        str(path),
        "finite",
    )
    model.load_state_dict(tensors)
    return model


def weights_note(path: Path | str) -> dict[str, Any]:
    """The note that :func:`save_weights` kept in the file's header."""
    load_weights(path)
    with safetensors.safe_open(str(path), "pt") as archive:
        return cast(dict[str, Any], json.loads(archive.metadata()["note"]))


def as_input(x: npt.ArrayLike, model: SequenceModel) -> Tensor:
    """Sequences of shape (batch, T) as the model takes them, (batch, T, 1), in its dtype."""
    array = np.asarray(x, dtype=float)
    require(array.ndim == 2, "x.ndim", array.ndim, "2, for (sequences, length)")
    return torch.from_numpy(array).to(model.head.weight.dtype)[:, :, None]


def _check(lstm: nn.LSTM, x: Tensor, state: State | None) -> tuple[Tensor, Tensor, Tensor]:
    """(x, h_0, C_0) of shapes (batch, T, d), (batch, h), (batch, h), or InputError."""
    require(isinstance(lstm, nn.LSTM), "lstm", type(lstm).__name__, "a torch.nn.LSTM")
    require(
        lstm.num_layers == 1,
        "lstm.num_layers",
        lstm.num_layers,
        "1: probe each layer as a module of its own",
    )
    require(
        not lstm.bidirectional,
        "lstm.bidirectional",
        True,
        "False: C_t runs both ways in time there",
    )
    require(lstm.proj_size == 0, "lstm.proj_size", lstm.proj_size, "0: Eq. (7) has no projection")
    weight = lstm.get_parameter("weight_ih_l0")
    dtype = weight.dtype
    require(dtype in DTYPES.values(), "lstm's dtype", dtype, "float32 or float64")
    require(
        weight.device.type == "cpu",
        "lstm's device",
        weight.device,
        "the CPU: call .cpu() on a copy",
    )
    require(isinstance(x, Tensor), "x", type(x).__name__, "a torch.Tensor")
    require(x.dtype == dtype, "x.dtype", x.dtype, f"the module's {dtype}")
    require(x.ndim in (2, 3), "x.ndim", x.ndim, "3 (or 2 for one sequence)")
    alone = x.ndim == 2
    batched = x[None] if alone else x  # (1, T, d) where there was no batch
    series = batched if alone or lstm.batch_first else x.transpose(0, 1)  # (batch, T, d)
    batch, steps, size = series.shape
    require(size == lstm.input_size, "x's feature size", size, f"the module's {lstm.input_size}")
    require(batch >= 1, "x's batch size", batch, "at least 1")
    require(steps >= 2, "x's length", steps, "at least 2 steps")
    require(bool(torch.isfinite(x).all()), "x", "with NaN or infinity", "finite")
    shape = (1, lstm.hidden_size) if alone else (1, batch, lstm.hidden_size)
    if state is None:
        zero = torch.zeros(batch, lstm.hidden_size, dtype=dtype)
        return series, zero, zero
    require(
        isinstance(state, tuple) and len(state) == 2,
        "state",
        type(state).__name__,
        "a pair (h_0, C_0)",
    )
    for name, value in zip(("h_0", "C_0"), state, strict=True):
        require(
            isinstance(value, Tensor) and value.shape == shape,
            f"state's {name}",
            tuple(getattr(value, "shape", ())),
            f"a tensor of shape {shape}",
        )
        require(value.dtype == dtype, f"state's {name} dtype", value.dtype, f"{dtype}")
        require(
            bool(torch.isfinite(value).all()), f"state's {name}", "with NaN or infinity", "finite"
        )
    h_0, c_0 = (value.detach().reshape(batch, -1) for value in state)  # (batch, h)
    return series, h_0, c_0


def _weights(lstm: nn.LSTM) -> tuple[Tensor, Tensor, Tensor]:
    """W (4 h, d), U (4 h, h) and the sum of both biases (4 h), gates in the order i, f, c, o."""
    value = {name: parameter.detach() for name, parameter in lstm.named_parameters()}
    w, u = value["weight_ih_l0"], value["weight_hh_l0"]
    if not lstm.bias:
        return w, u, torch.zeros(w.shape[0], dtype=w.dtype)
    return w, u, value["bias_ih_l0"] + value["bias_hh_l0"]


def _ordered(data: bytes) -> bytes:
    """Safetensors bytes with the header's keys sorted (its metadata has no fixed order)."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _require_integer(name: str, value: Any, lowest: int) -> None:
    ok = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    require(ok and bool(value >= lowest), name, value, f"an integer >= {lowest}")
