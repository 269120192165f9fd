"""Reading an LSTM: the norms of both terms at every step, all gates, and free running.

Any single-layer ``torch.nn.LSTM`` is read without touching it;
:mod:`rdverify.measure` reads several layers, both directions and sequences of unequal length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from rdverify.lstm.model import DTYPES, SequenceModel, State
from rdverify.lstm.reading import Cell, read
from rdverify.tools.errors import require, require_integer
from rdverify.tools.torchkit import as_it_was
from rdverify.trace import FloatArray, Trace

# torch.nn.utils.weight_norm and spectral_norm leave an attribute stale until the next call
STALE: dict[str, dict[str, bool]] = {
    "WeightNorm": {},
    "SpectralNorm": {"do_power_iteration": False},
}


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
    cell, series, h, c = _check(lstm, x, state)
    w, u, bias = cell.w, cell.u, cell.bias
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
    return Gates(*(series.double().cpu().numpy() for series in stacked))


def probe(lstm: nn.LSTM, x: Tensor, state: State | None = None, *, detail: bool = False) -> Trace:
    """Norms of the reaction and the diffusion term of an LSTM, step by step.

    eq11: C_t - C_{t-1} = -(1 - f_t) * C_{t-1} + i_t * c~_t. eq13: react_t =
    ||i_t * c~_t||_2. eq16: diff_t = ||(1 - f_t) * C_{t-1}||_2. Norms over the h
    units, with eq02 to eq07 inside.

    Args:
        lstm: a single-layer, one-directional ``torch.nn.LSTM`` without projection,
            float32 or float64, on any device, where it is then computed; with or without
            bias, batch first or not, any sizes, parametrised or not. It is read, never
            called or changed.
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
    found = read(*_check(lstm, x, state), detail=detail).series
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
    steps = require_integer("steps", steps, 1)
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


def _check(lstm: nn.LSTM, x: Tensor, state: State | None) -> tuple[Cell, Tensor, Tensor, Tensor]:
    """Weights, and (x, h_0, C_0) of shapes (batch, T, d), (batch, h), (batch, h), or InputError."""
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
    cell = cell_of(lstm)
    dtype, device = cell.w.dtype, cell.w.device
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
        zero = cell.w.new_zeros(batch, lstm.hidden_size)
        return cell, series.to(device), zero, zero
    require(
        isinstance(state, tuple | list) and len(state) == 2,
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
    h_0, c_0 = (value.detach().reshape(batch, -1).to(device) for value in state)  # (batch, h)
    return cell, series.to(device), h_0, c_0


def attributes_of(module: nn.Module, names: Sequence[str]) -> list[Tensor]:
    """Weights read as attributes: parametrised ones are none of the parameters."""
    hooks: list[Any] = list(module._forward_pre_hooks.values())
    fresh = {hook.name: hook for hook in hooks if type(hook).__name__ in STALE}
    with as_it_was(module), torch.no_grad():
        module.eval()  # a parametrisation may count its calls while training
        return [
            (_computed(fresh[name], module) if name in fresh else getattr(module, name)).detach()
            for name in names
        ]


def _computed(hook: Any, module: nn.Module) -> Tensor:
    """What a hook will put into its attribute at the next call."""
    return cast(Tensor, hook.compute_weight(module, **STALE[type(hook).__name__]))


def cell_of(lstm: nn.LSTM, suffix: str = "_l0") -> Cell:
    """The weights of a layer.

    Raises:
        InputError: if they aren't all float32 or all float64, or not finite.
    """
    kinds = ["weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if lstm.bias else ())]
    names = [kind + suffix for kind in kinds]
    values = attributes_of(lstm, names)
    for name, value in zip(names, values, strict=True):
        dtype, device, own = value.dtype, str(value.device), f"lstm's {name}"
        require(dtype in DTYPES.values(), "lstm's dtype", dtype, "float32 or float64")
        require(dtype == values[0].dtype, f"{own}'s dtype", dtype, f"that of {names[0]}")
        require(device != "meta", "lstm's device", device, "one that holds numbers")
        require(bool(torch.isfinite(value).all()), own, "with NaN or infinity", "finite")
    w, u, *biases = values
    return Cell(w, u, biases[0] + biases[1] if biases else w.new_zeros(w.shape[0]))
