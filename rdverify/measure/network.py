"""A recurrent network as it is measured: its weights by layer and direction, however stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rdverify.lstm.probing import attributes_of
from rdverify.lstm.reading import Cell
from rdverify.measure.gru_cell import GRUCell
from rdverify.tools.errors import InputError, require

Kind = Literal["lstm", "gru"]
GATES: dict[Kind, int] = {"lstm": 4, "gru": 3}
# as torch stores them; g is another name of c~, and Keras calls a GRU's n by h
ORDERS: dict[Kind, dict[str, str]] = {
    "lstm": {"torch": "ifco", "keras": "ifco"},
    "gru": {"torch": "rzn", "keras": "zrn"},
}
SAME_LETTER = {"g": "c", "h": "n"}
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
# (layer, 0 forward or 1 backward) -> part -> tensor
Raw = Mapping[tuple[int, int], Mapping[str, Tensor]]


@dataclass(frozen=True, eq=False)
class Network:
    """Weights that fit together.

    Attributes:
        kind: "lstm" or "gru".
        layers: cells by layer, then by direction (forward, backward).
        bias: whether it has biases.
        stored: the dtype that the weights came in; they are float32 or float64 here.
    """

    kind: Kind
    layers: tuple[tuple[Any, ...], ...]
    bias: bool
    stored: torch.dtype

    @property
    def first(self) -> Any:
        """The first layer's forward cell."""
        return self.layers[0][0]

    @property
    def inputs(self) -> int:
        """d, the number of features."""
        return int(self.first.w.shape[1])

    @property
    def hidden(self) -> int:
        """h, the units of one layer and direction."""
        return int(self.first.hidden)

    @property
    def directions(self) -> int:
        """1, or 2 where it reads backward as well."""
        return len(self.layers[0])

    @property
    def units(self) -> int:
        """The units of all layers and directions."""
        return self.hidden * self.directions * len(self.layers)

    def described(self) -> str:
        """What it is, in a few words."""
        layers = f"{len(self.layers)} layer{'s' if len(self.layers) > 1 else ''}"
        both = ", both directions" if self.directions == 2 else ""
        return f"{self.kind.upper()} of {layers}{both}, d = {self.inputs}, h = {self.hidden}"


def network_of(module: nn.Module) -> Network:
    """The network of a torch module, read and never called.

    Args:
        module: ``nn.LSTM``, ``nn.GRU``, ``nn.LSTMCell`` or ``nn.GRUCell`` of any layers and
            directions, with or without bias, parametrised or not, of any real dtype, on any
            device.

    Raises:
        InputError: for another module, a projection, or weights that aren't finite.
    """
    kinds: dict[Any, Kind] = {
        nn.LSTM: "lstm",
        nn.GRU: "gru",
        nn.LSTMCell: "lstm",
        nn.GRUCell: "gru",
    }
    kind = next((kind for known, kind in kinds.items() if isinstance(module, known)), None)
    name = type(module).__name__
    allowed = "an nn.LSTM, nn.GRU, nn.LSTMCell or nn.GRUCell; of a larger model name the submodule"
    if kind is None:
        raise InputError(f"module = {name!r} is not allowed: must be {allowed}")
    projection = int(getattr(module, "proj_size", 0) or 0)
    require(projection == 0, "module's proj_size", projection, f"0: {NO_PROJECTION}")
    parts = PARTS if module.bias else PARTS[:2]
    raw = {}
    for layer in range(int(getattr(module, "num_layers", 1) or 1)):
        for direction in range(2 if getattr(module, "bidirectional", False) else 1):
            one_cell = isinstance(module, nn.LSTMCell | nn.GRUCell)
            suffix = "" if one_cell else f"_l{layer}{'_reverse' * direction}"
            values = attributes_of(module, [part + suffix for part in parts])
            raw[layer, direction] = dict(zip(parts, values, strict=True))
    return build(kind, raw)


NO_PROJECTION = (
    "the projected h_t is not o_t * tanh(C_t), so Eqs. (6) and (7) don't give what the next step "
    "reads"
)


def build(kind: Kind, raw: Raw, gates: str = "torch") -> Network:
    """A network from raw weights in torch's layout, checked to fit together.

    Args:
        kind: "lstm" or "gru".
        raw: weights by layer and direction.
        gates: order of the gates in them: torch, keras, or letters such as "ifco".

    Raises:
        InputError: naming the weight that is missing, has another shape, or isn't finite.
    """
    order = gate_order(kind, gates)
    layers = 1 + max(layer for layer, _ in raw)
    directions = 1 + max(direction for _, direction in raw)
    bias = any("bias_ih" in parts for parts in raw.values())
    hidden = int(raw[min(raw)]["weight_hh"].shape[-1]) if "weight_hh" in raw[min(raw)] else 0
    everything = [value.dtype for parts in raw.values() for value in parts.values()]
    dtype = torch.float64 if torch.float64 in everything else torch.float32
    cells: list[tuple[Any, ...]] = []
    for layer in range(layers):
        found = []
        for direction in range(directions):
            where = f"_l{layer}{'_reverse' * direction}"
            parts = raw.get((layer, direction), {})
            inputs = (
                directions * hidden if layer else int(_part(parts, "weight_ih", where).shape[-1])
            )
            found.append(_cell(kind, parts, where, (inputs, hidden, bias), order, dtype))
        cells.append(tuple(found))
    stored = raw[0, 0]["weight_ih"].dtype
    return Network(kind, tuple(cells), bias, stored)


def gate_order(kind: Kind, gates: str) -> list[int]:
    """Where each of torch's gates lies in weights of the order ``gates``."""
    letters = ORDERS[kind].get(gates, gates).lower()
    letters = "".join(SAME_LETTER.get(letter, letter) for letter in letters)
    known = ORDERS[kind]["torch"]
    allowed = f"torch, keras, or the letters of {known} in the order of the weights"
    require(sorted(letters) == sorted(known), "gates", gates, allowed)
    return [letters.index(letter) for letter in known]


def _part(parts: Mapping[str, Tensor], name: str, where: str) -> Tensor:
    require(name in parts, f"{name}{where}", "missing", "there, as for every layer and direction")
    return parts[name]


def _cell(
    kind: Kind,
    parts: Mapping[str, Tensor],
    where: str,
    sizes: tuple[int, int, bool],
    order: list[int],
    dtype: torch.dtype,
) -> Any:
    inputs, hidden, bias = sizes
    rows = GATES[kind] * hidden
    # the recurrent weights first: h comes from them
    shapes: dict[str, tuple[int, ...]] = {"weight_hh": (rows, hidden), "weight_ih": (rows, inputs)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
    values = []
    for name, shape in shapes.items():
        value = _part(parts, name, where)
        _require_kind(kind, name + where, value, hidden)
        fits = f"{shape}, of h = {hidden} and {inputs} inputs"
        require(tuple(value.shape) == shape, f"{name}{where}'s shape", tuple(value.shape), fits)
        require(value.device.type != "meta", name + where, "on meta", "one that holds numbers")
        require(value.is_floating_point(), f"{name}{where}'s dtype", value.dtype, "real numbers")
        finite = bool(torch.isfinite(value).all())
        require(finite, name + where, "with NaN or infinity", "finite")
        blocks = value.to(dtype).chunk(len(order))
        values.append(torch.cat([blocks[place] for place in order]))
    u, w, *biases = values
    biases = biases or [w.new_zeros(rows), w.new_zeros(rows)]
    return Cell(w, u, biases[0] + biases[1]) if kind == "lstm" else GRUCell(w, u, *biases)


def _require_kind(kind: Kind, name: str, value: Tensor, hidden: int) -> None:
    """Say that weights are another cell's by their rows, before their shape is held against h."""
    rows = {4: "an LSTM's (4 h): rdverify measure lstm", 3: "a GRU's (3 h): rdverify measure gru"}
    rows[1] = "a plain RNN's (h), which has no gates"
    gates = value.shape[0] // hidden if hidden and value.shape[0] % hidden == 0 else 0
    other = rows.get(gates) if gates != GATES[kind] else None
    if other is not None:
        raise InputError(
            f"{name}'s shape = {tuple(value.shape)} is not allowed: must have {GATES[kind]} h rows "
            f"of {'an LSTM' if kind == 'lstm' else 'a GRU'}; these are {other}"
        )
