"""Weights files of recurrent networks that other code wrote; pickled code never runs."""

from __future__ import annotations

import difflib
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from rdverify.measure.network import NO_PROJECTION, Kind, Network, build
from rdverify.tools.errors import InputError
from rdverify.tools.reading import refused
from rdverify.tools.tensors import read_tensors

TORCH_KEY = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<part>(?:weight|bias)_(?:ih|hh|hr))"
    r"(?:_l(?P<layer>\d+)(?P<reverse>_reverse)?)?"
)
KERAS_KEY = re.compile(r"(?P<prefix>(?:.*[./])?)(?P<part>kernel|recurrent_kernel|bias)(?::0)?")
PARAMETRISED = re.compile(r".*parametrizations\.(?:weight|bias)_\w+\.original\d*|.*weight_\w+_[gv]")
EXPECTED = [f"{part}_l0" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def load_network(
    path: Path | str, kind: Kind, *, prefix: str | None = None, gates: str = "auto"
) -> Network:
    """Read a network of ``kind``.

    Args:
        path: safetensors, or what ``torch.save(module.state_dict(), path)`` wrote; loaded with
            ``weights_only=True``.
        kind: "lstm" or "gru".
        prefix: of the keys, where the file has more than one recurrent module.
        gates: order of the gates, see :func:`rdverify.measure.network.gate_order`; "auto" is
            Keras's for Keras's names (kernel, recurrent_kernel, bias), else torch's.

    Raises:
        InputError: in one line that names the file, the key, and the nearest there is.
    """
    tensors = load_tensors(path)
    groups = _groups(tensors)
    if not groups:
        raise InputError(_no_fit(path, tensors, kind))
    chosen = _chosen(groups, prefix)
    parts = groups[chosen]
    keras = any(part in ("kernel", "recurrent_kernel") for _, _, part in parts)
    raw = _from_keras(kind, parts) if keras else _from_torch(parts)
    _require_whole(path, raw, tensors)
    return build(kind, raw, gates if gates != "auto" else "keras" if keras else "torch")


def load_tensors(path: Path | str) -> dict[str, Tensor]:
    """The named tensors of a file, those of nested dictionaries with dotted names."""
    file = Path(path)
    start = f"weights = {str(path)!r} is not allowed"
    if file.is_dir():
        raise InputError(f"{start}: must be a file, not a folder")
    if not file.is_file():
        raise InputError(f"{start}: there is no such file")
    with file.open("rb") as stream:
        magic = stream.read(2)
    if magic not in (b"PK", b"\x80\x02"):
        return read_tensors(file)[0]
    way_out = "must be a state dict: torch.save(module.state_dict(), path)"
    with refused("weights", path, way_out.removeprefix("must be ")):
        if magic == b"PK":
            _require_unpacked(file)
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            why = "holds more than tensors, and pickled code is never run"
            raise InputError(f"{start} ({why}): {way_out}") from error
        if not isinstance(found, Mapping):
            raise ValueError(f"it holds a {type(found).__name__}")
        return dict(_flat(found))


def _require_unpacked(file: Path) -> None:
    """ValueError for an archive that unpacks to more than it is: torch packs nothing."""
    with zipfile.ZipFile(file) as archive:
        claimed = sum(entry.file_size for entry in archive.infolist())
    if claimed > file.stat().st_size:
        raise ValueError(f"it unpacks to {claimed} bytes")


def _flat(entries: Mapping[Any, Any], start: str = "") -> Iterable[tuple[str, Tensor]]:
    for name, value in entries.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{start}{name}.")
        elif isinstance(value, Tensor):
            yield f"{start}{name}", value


Parts = dict[tuple[int, int, str], Tensor]  # (layer, direction, part)


def _groups(tensors: Mapping[str, Tensor]) -> dict[str, Parts]:
    """Recurrent modules by prefix."""
    found: dict[str, Parts] = {}
    for key, value in tensors.items():
        match = TORCH_KEY.fullmatch(key)
        if match:
            place = int(match["layer"] or 0), int(bool(match["reverse"])), match["part"]
        elif match := KERAS_KEY.fullmatch(key):
            place = 0, 0, match["part"]
        else:
            continue
        found.setdefault(match["prefix"], {})[place] = value
    recurrent = ("weight_hh", "recurrent_kernel")  # a dense layer has a kernel and a bias too
    return {
        name: parts for name, parts in found.items() if any(p in recurrent for _, _, p in parts)
    }


def _chosen(groups: Mapping[str, Parts], prefix: str | None) -> str:
    names = {name.rstrip("./"): name for name in groups}
    listed = ", ".join(repr(name) for name in names)
    if prefix is None:
        if len(groups) > 1:
            raise InputError(
                f"prefix = None is not allowed: must be one of {listed}, since the file has more "
                "than one recurrent module (--prefix)"
            )
        return next(iter(groups))
    if prefix.rstrip("./") not in names:
        nearest = difflib.get_close_matches(prefix, names, 1, 0)
        raise InputError(
            f"prefix = {prefix!r} is not allowed: must be one of {listed}; nearest: {nearest[0]!r}"
        )
    return names[prefix.rstrip("./")]


def _from_torch(parts: Parts) -> dict[tuple[int, int], dict[str, Tensor]]:
    raw: dict[tuple[int, int], dict[str, Tensor]] = {}
    for (layer, direction, part), value in parts.items():
        if part == "weight_hr":
            raise InputError(
                f"weight_hr_l{layer} is not allowed: must not be there (a projection): "
                f"{NO_PROJECTION}"
            )
        raw.setdefault((layer, direction), {})[part] = value
    return raw


def _from_keras(kind: Kind, parts: Parts) -> dict[tuple[int, int], dict[str, Tensor]]:
    """Keras multiplies from the right, (inputs, gates h), and has one bias, or two in a GRU."""
    named = {part: value for (_, _, part), value in parts.items()}
    for part in ("kernel", "recurrent_kernel"):
        if part not in named or named[part].ndim != 2:
            raise InputError(f"{part} = missing is not allowed: must be there, of two dimensions")
    raw = {"weight_ih": named["kernel"].T, "weight_hh": named["recurrent_kernel"].T}
    bias = named.get("bias")
    if bias is not None and kind == "lstm":
        raw |= {"bias_ih": bias, "bias_hh": torch.zeros_like(bias)}
    elif bias is not None:
        if bias.ndim != 2 or len(bias) != 2:
            raise InputError(
                f"bias's shape = {tuple(bias.shape)} is not allowed: must be (2, 3 h), of a GRU "
                "with reset_after=True; without it n_t is another function"
            )
        raw |= {"bias_ih": bias[0], "bias_hh": bias[1]}
    return {(0, 0): raw}


def _require_whole(
    path: Path | str, raw: Mapping[tuple[int, int], Mapping[str, Tensor]], keys: Iterable[str]
) -> None:
    """Every layer, direction and part is there, or InputError with the nearest other key."""
    layers, directions = (1 + max(places) for places in zip(*raw, strict=True))
    wanted = {part for parts in raw.values() for part in parts} | {"weight_ih", "weight_hh"}
    wanted |= {"bias_ih", "bias_hh"} if wanted & {"bias_ih", "bias_hh"} else set()
    for layer in range(layers):
        for direction in range(directions):
            for part in sorted(wanted - set(raw.get((layer, direction), {}))):
                name = f"{part}_l{layer}{'_reverse' * direction}"
                others = [key for key in keys if not TORCH_KEY.fullmatch(key)]
                nearest = difflib.get_close_matches(name, others, 1)
                raise InputError(
                    f"weights = {str(path)!r} is not allowed: must have {name} as well"
                    + (f"; nearest key: {nearest[0]!r}" if nearest else "")
                )


def _no_fit(path: Path | str, tensors: Mapping[str, Tensor], kind: Kind) -> str:
    whose = "an LSTM's" if kind == "lstm" else "a GRU's"
    allowed = f"{whose}, with keys such as 'lstm.weight_ih_l0' and 'lstm.weight_hh_l0'"
    start = f"weights = {str(path)!r} is not allowed: must be {allowed}"
    if any(PARAMETRISED.fullmatch(key) for key in tensors):
        return (
            f"{start}; its weights are parametrised: save them after "
            "torch.nn.utils.parametrize.remove_parametrizations, or measure the module from Python"
        )
    best = max(
        (
            (difflib.SequenceMatcher(None, key.rpartition(".")[2], name).ratio(), key, name)
            for key in tensors
            for name in EXPECTED
        ),
        default=None,
    )
    if best is None:
        return f"{start}; it holds no tensors"
    return f"{start}; nearest of its {len(tensors)} keys: {best[1]!r} to {best[2]!r}"
