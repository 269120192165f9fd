"""The recorded networks of the LSTM study: ten seeds of each kind, trained or shipped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from rdverify.lstm import LSTMConfig, SequenceModel
from rdverify.lstm.compiled_training import train_fast
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
    noise_like,
    shuffle_time,
)
from rdverify.lstm.study.choice import Chosen
from rdverify.lstm.study.rows import Row, config_of
from rdverify.lstm.training import train_many
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import to_json, write_atomically, write_json
from rdverify.tools.progress import Reporter

# seeds that no stage of the search has used
SEEDS = tuple(range(5000, 5010))
KINDS: Mapping[str, str] = {
    "best": "the row's own nearest setting",
    "common": "the nearest setting of the one protocol for all rows",
    "untrained": "initial weights of the kind best",
    "noise": "the kind best, trained on white noise of the data's mean and deviation",
    "shuffled": "the kind best, trained on the data in shuffled time",
    "skilled": "trained longer at a falling rate, to see what such a network can learn",
    "steadied": "the kind skilled, longer still and with noise on what is read, so that it learns "
    "to correct its own errors (sines only)",
}
# what Table 1 rests on is trained by torch.nn.LSTM, controls by its compiled equal, which
# knows no input noise
BY_TORCH = ("best", "common", "steadied")
SKILLED: Mapping[str, DataConfig] = {
    "sine": SineConfig(sequences=64, normalisation="none", frequency_low=0.02, frequency_high=0.1),
    "lorenz": LorenzConfig(sequences=64),
    "van_der_pol": VanDerPolConfig(sequences=64, dt=0.2),
}
Networks = dict[str, list[SequenceModel]]


def configs(row: Row, choice: Mapping[str, Mapping[str, Chosen]]) -> dict[str, list[LSTMConfig]]:
    """Kind -> ten configurations, which differ in the seed of network and data.

    The kind steadied serves a question about sines, and only they have it.
    """
    best = config_of(row, {**choice["best"][row.key].setting, "seed": 0})
    common = config_of(row, {**choice["common"][row.key].setting, "seed": 0})
    skilled = LSTMConfig(data=SKILLED[row.key], epochs=300, batch_size=16)
    template = {
        "best": best,
        "common": common,
        "skilled": skilled,
        "noise": best,
        "shuffled": best,
        "untrained": dataclasses.replace(best, epochs=0),
    }
    if row.key == "sine":
        template["steadied"] = dataclasses.replace(skilled, epochs=1200, input_noise=0.05)
    return {kind: [config.with_seed(seed) for seed in SEEDS] for kind, config in template.items()}


def train_kinds(
    row: Row,
    choice: Mapping[str, Mapping[str, Chosen]],
    progress: Reporter | None = None,
    workers: int = 1,
) -> tuple[Networks, dict[str, list[float]]]:
    """All networks of a row from scratch, and each one's last loss."""
    networks: Networks = {}
    losses: dict[str, list[float]] = {}
    report = progress or Reporter()
    for kind, wanted in configs(row, choice).items():
        series: list[Any] = [None] * len(wanted)
        if kind == "noise":
            series = [noise_like(generate(c.data), c.seed) for c in wanted]
        elif kind == "shuffled":
            series = [shuffle_time(generate(c.data), c.seed) for c in wanted]
        if kind in BY_TORCH:
            trained = train_many(wanted, series, workers=workers, progress=progress)
            networks[kind] = [item.model for item in trained]
            losses[kind] = [float(item.losses[-1]) for item in trained]
            continue
        with report.task(f"train {row.key}, {kind}", len(wanted)) as task:
            networks[kind], losses[kind] = [], []
            for config, data in zip(wanted, series, strict=True):
                model, history = train_fast(config, data)
                networks[kind].append(model)
                losses[kind] += history[-1:].tolist()
                task.advance()
    return networks, losses


def save(
    row: Row,
    folder: Path,
    networks: Networks,
    losses: Mapping[str, Sequence[float]],
    choice: Mapping[str, Mapping[str, Chosen]],
) -> None:
    """Write ``<row>.safetensors`` (tensors kind.name of shape (10, ...)) and its card."""
    tensors = {
        f"{kind}.{name}": torch.stack([model.state_dict()[name] for model in models])
        for kind, models in networks.items()
        for name in models[0].state_dict()
    }
    data = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    write_atomically(folder / f"{row.file}.safetensors", lambda stream: stream.write(data))
    write_json(
        folder / f"{row.file}.json",
        {
            "schema": "rdverify-lstm-card-1",
            "row": row.setting,
            "weights": f"{row.file}.safetensors",
            "sha256": hashlib.sha256(data).hexdigest(),
            "stored_as": "float32, kind.name (seed, ...)",
            "model": "torch.nn.LSTM(1, 16, batch_first=True) and a linear head 16 -> 1",
            "seeds": list(SEEDS),
            "kinds": {kind: KINDS[kind] for kind in networks},
            "variant": {kind: choice[kind][row.key].variant for kind in ("best", "common")},
            "configs": _plain(row, choice),
            "losses": {kind: list(values) for kind, values in losses.items()},
            "licence": "MIT; the data are generated, no third party's",
            "trained_with": {
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "machine": platform.machine(),
                "threads": 1,
                "by_torch_nn_LSTM": list(BY_TORCH),
                "by_compiled_kernel": [k for k in networks if k not in BY_TORCH],
            },
            "again": "rdverify verify --only lstm --profile full trains them from scratch",
        },
    )


def recorded(row: Row, folder: Path, choice: Mapping[str, Mapping[str, Chosen]]) -> bool:
    """Whether ``folder`` has networks of exactly these settings and seeds."""
    card = folder / f"{row.file}.json"
    if not card.exists() or not (folder / f"{row.file}.safetensors").exists():
        return False
    found = json.loads(card.read_text(encoding="utf-8"))
    return bool(
        found.get("configs") == json.loads(to_json(_plain(row, choice)))
        and found.get("seeds") == list(SEEDS)
    )


def _plain(row: Row, choice: Mapping[str, Mapping[str, Chosen]]) -> dict[str, Any]:
    return {kind: items[0].as_json() for kind, items in configs(row, choice).items()}


def load(row: Row, folder: Path, choice: Mapping[str, Mapping[str, Chosen]]) -> Networks:
    """The shipped networks; raises InputError if they are of other settings or damaged."""
    path = folder / f"{row.file}.safetensors"
    require(
        recorded(row, folder, choice),
        "weights",
        str(path),
        "there, with a card of the settings that the search's record chooses",
    )
    try:
        tensors = safetensors.torch.load_file(path)
    except Exception as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"weights = {str(path)!r} is not allowed ({reason}): must be a whole safetensors file"
        ) from error
    networks: Networks = {}
    for kind, wanted in configs(row, choice).items():
        model = SequenceModel(wanted[0].hidden)
        names = list(model.state_dict())
        missing = [name for name in names if f"{kind}.{name}" not in tensors]
        require(not missing, f"tensors of {path.name}", missing, f"all of kind {kind}")
        networks[kind] = []
        for place in range(len(SEEDS)):
            model = SequenceModel(wanted[0].hidden)
            model.load_state_dict({name: tensors[f"{kind}.{name}"][place] for name in names})
            networks[kind].append(model.eval())
    return networks
