"""What the LSTM study runs: searches, choice and networks, and what facts and tables share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rdverify.balance import Balance, balance_of
from rdverify.lstm import SequenceModel
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
    shuffle_time,
)
from rdverify.lstm.study import memory
from rdverify.lstm.study.behaviour import Skill, behaviour, closing, resting
from rdverify.lstm.study.choice import ADMISSIBLE, Choice, choose
from rdverify.lstm.study.jacobians import feedback
from rdverify.lstm.study.networks import (
    Configs,
    Networks,
    configs,
    is_trained,
    load,
    load_kinds,
    save,
    train_kinds,
)
from rdverify.lstm.study.protocol import READING
from rdverify.lstm.study.rows import KEYS, ROWS, UNSEEN, WORDS, read
from rdverify.lstm.study.settings import Targets, distances, search_all, targets_of
from rdverify.study import QUANTITIES, Context, Numbers, Quantity
from rdverify.study.frames import read_frame
from rdverify.tools.reading import refused
from rdverify.trace import FloatArray

JUDGED = ("declared", "slower", "untrained", "noise", "shuffled")  # all of one data setting a row
FITTED = ("best", "common", "relaxing", "relaxing_free")
DATA = {"Sine": SineConfig, "Lorenz": LorenzConfig, "VanDerPol": VanDerPolConfig}


@dataclass(frozen=True, eq=False)
class Runs:
    """What was searched, chosen and trained, and what several facts and tables have in common.

    Attributes:
        printed: row -> its numbers as Table 1 prints them.
        rd_ratio: the mean of the printed RD ratios.
        frames: row -> the search's record.
        choice: what it speaks for.
        networks: row -> kind -> networks; the kinds are those of :data:`KINDS`.
        configs: row -> kind -> their configurations.
        memory: the record of :mod:`rdverify.lstm.study.memory`.
    """

    printed: Mapping[str, Numbers]
    rd_ratio: float
    frames: Mapping[str, pd.DataFrame]
    choice: Choice
    networks: Mapping[str, Networks]
    configs: Mapping[str, Configs]
    memory: pd.DataFrame

    @property
    def targets(self) -> Targets:
        """``printed`` as numbers."""
        return {k: {q: float(x) for q, x in row.items()} for k, row in self.printed.items()}

    def reading(self, kind: str, key: str) -> str:
        """How the runs of a kind are read: the declared way, but where a fit chose another."""
        if kind in self.choice:
            return self.choice[kind][key].variant
        return "free" if kind == "relaxing_free" else READING

    def first_stage(self, key: str) -> pd.DataFrame:
        """The space-filling stage of a row's search, without failed runs."""
        frame = self.frames[key]
        return frame[(frame["stage"] == 1) & (frame["error"] == "")]

    @cached_property
    def tried(self) -> dict[str, pd.DataFrame]:
        """Row -> every run and reading of its search, see :func:`distances`."""
        return {key: distances(self.frames[key], self.targets[key]) for key in KEYS}

    def everything(self, key: str) -> pd.DataFrame:
        """:attr:`tried`, and for Van der Pol the networks of the kinds relaxing."""
        more = [
            pd.DataFrame(self.values(kind, key))
            for kind in ("relaxing", "relaxing_free")
            if kind in self.networks[key]
        ]
        return pd.concat([self.tried[key], *more], ignore_index=True)

    def near(self, key: str) -> pd.DataFrame:
        """Those whose two M's lie within ADMISSIBLE of print."""
        return self.tried[key][self.tried[key]["distance"] <= ADMISSIBLE]

    def data(self, key: str, kind: str) -> DataConfig:
        """What the first network of a kind learned from."""
        return self.configs[key][kind][0].data

    @cached_property
    def unseen(self) -> dict[str, FloatArray]:
        """Row -> sequences that the kind declared did not see, shape (UNSEEN, 200)."""
        return {key: generate(self.data(key, "declared"), "unseen", UNSEEN) for key in KEYS}

    @cached_property
    def balances(self) -> dict[tuple[str, str], list[Balance]]:
        """(kind, row) -> one balance for each network, on unseen data of its own kind.

        shuffled: read on shuffled data. late: the kind declared without its start-up.
        """
        found = {}
        for key in KEYS:
            for kind in (*JUDGED, *FITTED):
                if kind not in self.networks[key]:
                    continue
                x = generate(self.data(key, kind), "unseen", UNSEEN)
                series = shuffle_time(x, 0) if kind == "shuffled" else x
                found[kind, key] = self._balances(key, kind, series, self.reading(kind, key))
            found["late", key] = self._balances(key, "declared", self.unseen[key], "late")
        return found

    def _balances(self, key: str, kind: str, x: FloatArray, reading: str) -> list[Balance]:
        return [balance_of(read(model, x, reading)) for model in self.networks[key][kind]]

    def values(self, what: str, key: str) -> dict[Quantity, FloatArray]:
        """M_react, M_diff, R of each network, shape (networks,); ``what`` as in ``balances``."""
        each = self.balances[what, key]
        return {q: np.array([getattr(balance, q) for balance in each]) for q in QUANTITIES}

    def of_kind(
        self, measure: Callable[[SequenceModel, FloatArray], float], kind: str, *keys: str
    ) -> FloatArray:
        """``measure`` of each network of a kind of :data:`JUDGED` and its row's unseen data."""
        pairs = [(model, self.unseen[key]) for key in keys for model in self.networks[key][kind]]
        return np.array([measure(model, x) for model, x in pairs])

    @cached_property
    def behaviours(self) -> dict[str, dict[str, FloatArray]]:
        """Run -> quantity of :func:`behaviour` -> one value for each network.

        Runs are "sine" (the kind declared), "slower.sine" and the controls, such as
        "control.untrained.sine"; the control rest feeds the kind declared each sequence's mean
        as a constant.
        """
        found = {}
        for key in KEYS:
            networks, x = self.networks[key], self.unseen[key]
            for run, kind, series in (
                (key, "declared", x),
                (f"slower.{key}", "slower", x),
                (f"control.untrained.{key}", "untrained", x),
                (f"control.noise.{key}", "noise", x),
                (f"control.shuffled.{key}", "shuffled", shuffle_time(x, 0)),
                (f"control.rest.{key}", "declared", resting(x)),
            ):
                each = [behaviour(model, series) for model in networks[kind]]
                found[run] = {name: np.array([b[name] for b in each]) for name in each[0]}
        return found

    @cached_property
    def feedbacks(self) -> dict[str, dict[str, FloatArray]]:
        """Run ("sine", "slower.sine", "control.untrained.sine") -> what :func:`feedback` gives."""
        kinds = {"": "declared", "slower.": "slower", "control.untrained.": "untrained"}
        found = {}
        for key in KEYS:
            for prefix, kind in kinds.items():
                each = [feedback(model, self.unseen[key]) for model in self.networks[key][kind]]
                found[prefix + key] = {n: np.array([f[n] for f in each]) for n in each[0]}
        return found

    @cached_property
    def closings(self) -> dict[str, dict[str, FloatArray]]:
        """State ("alive", "dying") -> quantity of :func:`closing`, the kind declared, all rows."""
        found = {}
        for state, i in (("alive", None), ("dying", -100.0)):
            each = [
                closing(model, self.unseen[key], i=i)
                for key in KEYS
                for model in self.networks[key]["declared"]
            ]
            found[state] = {name: np.array([c[name] for c in each]) for name in each[0]}
        return found

    @cached_property
    def skills(self) -> dict[str, Skill]:
        """Run -> what networks have learned: the kind declared ("sine"), and those beside it.

        "control.untrained.sine" are its untrained twins; "slower.sine", "skilled.sine" and
        "steadied.sine" are of those kinds, each held against data of its own.
        """
        prefixes = {"declared": "", "untrained": "control.untrained."}
        found = {}
        for key in KEYS:
            for kind in ("declared", "untrained", "slower", "skilled", "steadied"):
                if kind in self.networks[key]:
                    skill = Skill.of(self.networks[key][kind], self.data(key, kind))
                    found[prefixes.get(kind, f"{kind}.") + key] = skill
        return found


def run(context: Context) -> Runs:
    """Search and train, or read what was recorded.

    "quick" starts from the recorded searches and networks, "full" searches and
    trains anew into ``context.work`` (a stopped search goes on from there).
    """
    targets, progress = targets_of(context), context.progress
    weights = context.golden / "weights"
    if context.profile == "full":
        weights = context.work / "lstm"
        frames = search_all(weights, targets, progress)
        recalled = memory.search(weights, progress, context.workers)
    else:
        shipped = context.golden / "search"
        frames = {
            row.key: read_frame(shipped / f"{row.file}.csv", row.names, WORDS) for row in ROWS
        }
        recalled = read_frame(shipped / f"{memory.FILE}.csv", memory.COLUMNS, ("network",))
    choice = choose(frames, targets)
    wanted = {row.key: configs(row, choice) for row in ROWS}
    if context.profile == "full":
        for row in ROWS:
            if not is_trained(row, weights, wanted[row.key]):
                trained = train_kinds(row, wanted[row.key], progress, context.workers)
                save(row, weights, *trained, choice, wanted[row.key])
    ratios = [
        float(numbers["r"]) for (system, _), numbers in context.printed.items() if system == "RD"
    ]
    return Runs(
        {row.key: context.numbers(row) for row in ROWS},
        float(np.mean(ratios)),
        frames,
        choice,
        {row.key: load(row, weights, wanted[row.key]) for row in ROWS},
        wanted,
        recalled,
    )


def recorded_networks(golden: Path, key: str, kind: str) -> list[tuple[SequenceModel, DataConfig]]:
    """The shipped networks of a row, one for each seed, and the data that each learned from.

    Args:
        golden: folder of the recorded files.
        key: of the row, such as "sine".
        kind: of :data:`KINDS`.

    Raises:
        InputError: if the file or its card is missing or damaged.
    """
    row = next(row for row in ROWS if row.key == key)
    path = golden / "weights" / f"{row.file}.safetensors"
    networks, card = load_kinds(path, [kind])
    with refused("card", path.with_suffix(".json"), f"one with the settings of kind {kind}"):
        settings = dict(card.configs[kind]["data"])
        data: DataConfig = DATA[settings.pop("kind")](**settings)
    return [
        (model, dataclasses.replace(data, seed=seed))
        for model, seed in zip(networks[kind], card.seeds, strict=True)
    ]
