"""The recorded networks of the LSTM study: ten seeds of each kind, trained or shipped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
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
from rdverify.lstm.study.choice import Choice
from rdverify.lstm.study.protocol import OTHER_RATE, READING, declared
from rdverify.lstm.study.rows import Row, config_of
from rdverify.lstm.training import train_many
from rdverify.sweep.axes import Setting
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import to_json, write_bytes, write_json
from rdverify.tools.fileset import file_set
from rdverify.tools.progress import Reporter
from rdverify.tools.records import Record, read_record
from rdverify.tools.tensors import below, prefixed, read_tensors, require_shapes, tensor_bytes

CARD, NETWORKS = "rdverify-lstm-card-1", "rdverify-lstm-networks-1"
# seeds that no stage of the search has used
SEEDS = tuple(range(5000, 5010))
KINDS: Mapping[str, str] = {
    "declared": "the one declared protocol: Table 1's rows and every claim",
    "slower": f"as declared, at the rate {OTHER_RATE:g}",
    "untrained": "initial weights of the declared networks",
    "noise": "as declared, but trained on white noise of the data's mean and deviation",
    "shuffled": "as declared, but trained on the data in shuffled time",
    "best": "fitted: the row's own nearest setting",
    "common": "fitted: the nearest setting of the one protocol of the search for all rows",
    "relaxing": "fitted: strong relaxation oscillations, all steps read (Van der Pol only)",
    "relaxing_free": "the same, stronger still and read on its own output (Van der Pol only)",
    "skilled": "trained longer at a falling rate, to see what such a network can learn",
    "steadied": "as skilled, longer still and with noise on what is read, so that it learns "
    "to correct its own errors (sines only)",
}
# the others are trained by its compiled equal, which knows no input noise
BY_TORCH = ("best", "common", "steadied")
# where all three numbers of Van der Pol's row were found, each with one seed that gives them
RELAXING: Setting = {
    "optimiser": "adam",
    "learning_rate": 7e-3,
    "epochs": 100,
    "batch_size": 32,
    "target": "next",
    "mu": 3.515,
    "dt": 0.2883,
    "coordinate": "v",
    "burn_in": 20.0,
    "normalisation": "standard",
}
RELAXING_FREE: Setting = RELAXING | {
    "learning_rate": 1e-2,
    "epochs": 80,
    "batch_size": 64,
    "mu": 7.633,
    "dt": 0.1326,
}
SKILLED: Mapping[str, DataConfig] = {
    "sine": SineConfig(sequences=64, normalisation="none", frequency_low=0.02, frequency_high=0.1),
    "lorenz": LorenzConfig(sequences=64),
    "van_der_pol": VanDerPolConfig(sequences=64, dt=0.2),
}
Networks = dict[str, list[SequenceModel]]
Configs = dict[str, list[LSTMConfig]]


class Card(Record, frozen=True):
    """The whole of a card; ``sha256`` is that of the weights' file."""

    schema: Literal["rdverify-lstm-card-1"]
    row: str
    weights: str
    sha256: str
    stored_as: str
    model: str
    seeds: list[int]
    kinds: dict[str, str]
    variant: dict[str, str]
    configs: dict[str, dict[str, Any]]
    losses: dict[str, list[float | None]]
    licence: str
    trained_with: dict[str, Any]
    again: str


def read_card(path: Path) -> Card:
    """The card beside weights; InputError if it is missing or none."""
    return read_record(path, Card, "card")


def configs(row: Row, choice: Choice) -> Configs:
    """Kind -> ten configurations, which differ in the seed of network and data.

    The kinds steadied and relaxing serve a question about one row, and only it has them.
    """
    plan = declared(row.key)
    skilled = LSTMConfig(data=SKILLED[row.key], epochs=300, batch_size=16)
    template = {
        "declared": plan,
        "slower": declared(row.key, OTHER_RATE),
        "untrained": dataclasses.replace(plan, epochs=0),
        "noise": plan,
        "shuffled": plan,
        "best": config_of(row, {**choice["best"][row.key].setting, "seed": 0}),
        "common": config_of(row, {**choice["common"][row.key].setting, "seed": 0}),
        "skilled": skilled,
    }
    if row.key == "sine":
        template["steadied"] = dataclasses.replace(skilled, epochs=1200, input_noise=0.05)
    if row.key == "van_der_pol":
        template["relaxing"] = config_of(row, {**RELAXING, "seed": 0})
        template["relaxing_free"] = config_of(row, {**RELAXING_FREE, "seed": 0})
    return {kind: [config.with_seed(seed) for seed in SEEDS] for kind, config in template.items()}


def train_kinds(
    row: Row, wanted: Configs, progress: Reporter, workers: int
) -> tuple[Networks, dict[str, list[float]]]:
    """All networks of a row from scratch, and each one's last loss."""
    networks: Networks = {}
    losses: dict[str, list[float]] = {}
    control = {"noise": noise_like, "shuffled": shuffle_time}
    for kind, each in wanted.items():
        if kind in BY_TORCH:
            trained = train_many(each, workers=workers, progress=progress)
            networks[kind] = [item.model for item in trained]
            losses[kind] = [float(item.losses[-1]) for item in trained]
            continue
        with progress.task(f"train {row.key}, {kind}", len(each)) as task:
            networks[kind], losses[kind] = [], []
            for config in each:
                made = control.get(kind)
                data = made(generate(config.data), config.seed) if made else None
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
    choice: Choice,
    wanted: Configs,
) -> None:
    """Write ``<row>.safetensors`` (tensors kind.name of shape (10, ...)) and its card."""
    tensors: dict[str, torch.Tensor] = {}
    for kind, models in networks.items():
        states = [model.state_dict() for model in models]
        stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        tensors |= prefixed(kind, stacked)
    data = tensor_bytes(tensors, {"schema": NETWORKS})
    told = {
        "schema": CARD,
        "row": row.setting,
        "weights": f"{row.file}.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "stored_as": "float32, kind.name (seed, ...)",
        "model": "torch.nn.LSTM(1, 16, batch_first=True) and a linear head 16 -> 1",
        "seeds": list(SEEDS),
        "kinds": {kind: KINDS[kind] for kind in networks},
        "variant": {
            "declared": READING,
            **{kind: choice[kind][row.key].variant for kind in ("best", "common")},
        },
        "configs": _plain(wanted),
        "losses": {kind: list(values) for kind, values in losses.items()},
        "licence": "MIT; the data are generated, no third party's",
        "trained_with": {
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "threads": 1,
            "by_torch_nn_LSTM": list(BY_TORCH),
            "by_compiled_kernel": [k for k in networks if k not in BY_TORCH],
        },
        "again": "rdverify verify --only lstm --profile full trains them from scratch",
    }
    with file_set(folder) as new:  # weights and card, both or none
        write_bytes(new / f"{row.file}.safetensors", data)
        write_json(new / f"{row.file}.json", told)


def is_trained(row: Row, folder: Path, wanted: Configs) -> bool:
    """Whether ``folder`` has whole networks of exactly these settings and seeds."""
    try:
        load(row, folder, wanted)
    except InputError:
        return False
    return True


def _plain(wanted: Configs) -> dict[str, Any]:
    return {kind: each[0].as_json() for kind, each in wanted.items()}


def load(row: Row, folder: Path, wanted: Configs) -> Networks:
    """The shipped networks; raises InputError if they are of other settings or damaged."""
    path = folder / f"{row.file}.safetensors"
    networks, card = load_kinds(path, list(wanted))
    same = card.configs == json.loads(to_json(_plain(wanted))) and card.seeds == list(SEEDS)
    allowed = "with a card of the settings that the search's record chooses"
    require(same, "weights", str(path), allowed)
    return networks


def load_kinds(path: Path, kinds: Sequence[str]) -> tuple[Networks, Card]:
    """Networks of several kinds and their card; InputError if either is damaged or missing."""
    card = read_card(path.with_suffix(".json"))
    tensors, _ = read_tensors(path, sha256=card.sha256)
    return {kind: unstacked(tensors, kind, path) for kind in kinds}, card


def unstacked(tensors: Mapping[str, torch.Tensor], kind: str, path: Path) -> list[SequenceModel]:
    """The networks of one kind of a file that :func:`save` wrote, one for each seed."""
    own = below(kind, tensors)
    absent = [name for name in SequenceModel(1).state_dict() if name not in own]
    require(not absent, f"tensors of {path.name}", absent, f"all of kind {kind}")
    counts = {len(values) if values.ndim else 0 for values in own.values()}
    require(counts == {len(SEEDS)}, f"networks of {path.name}", sorted(counts), f"{len(SEEDS)}")
    hidden = own["lstm.weight_hh_l0"].shape[-1]
    states = [{name: values[place] for name, values in own.items()} for place in range(len(SEEDS))]
    require_shapes(lambda: SequenceModel(hidden), states[0], "weights", path)
    models = []
    for state in states:
        model = SequenceModel(hidden)
        model.load_state_dict(state)
        models.append(model.eval())
    return models
