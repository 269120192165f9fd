"""A checkpoint's file: all of a training's state, of that training alone, whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from rdverify.ddpm import checkpoint
from rdverify.ddpm.checkpoint import Record, check_room, read_state, write_state
from rdverify.tools.errors import InputError
from rdverify.tools.tensors import read_tensors, tensor_bytes

IDENTITY = {"seed": 1, "data": "squares", "widths": [8]}
RECORD = Record(3, [(2, 0.5), (3, 0.25)], [(0, 1.0, 2.0)], 1.5, (2, 4))


def state(seed: int, steps: int = 2) -> tuple[torch.nn.Module, torch.nn.Module, torch.optim.Adam]:
    """A network, its average and an optimiser that has made some steps."""
    torch.manual_seed(seed)
    network = torch.nn.Linear(200, 100)
    adam = torch.optim.Adam(network.parameters(), 0.1)
    average = copy.deepcopy(network)
    for _ in range(steps):
        adam.zero_grad()
        network(torch.ones(1, 200)).square().sum().backward()
        adam.step()
    return network, average, adam


def numbers(*parts: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for part in parts:
        inner = part.state_dict()
        slots = inner["state"].values() if "state" in inner else [inner]
        found += [torch.as_tensor(value) for slot in slots for _, value in sorted(slot.items())]
    return found


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    write_state(path, *state(1), RECORD, IDENTITY)
    return path


def test_a_record_begins_with_nothing_done() -> None:
    assert Record() == Record(step=0, losses=[], validation=[], seconds=0.0, cooling=None)


def test_weights_average_moments_and_record_come_back_as_they_were(written: Path) -> None:
    other = state(2, 1)
    assert read_state(written, *other, IDENTITY) == RECORD
    found, exact = numbers(*other), numbers(*state(1))
    assert len(found) == len(exact) == 2 + 2 + 6
    assert all(torch.equal(a, b) for a, b in zip(found, exact, strict=True))


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", 0), ("seed", 2), ("data", "circles"), ("widths", [8, 8]), ("more", 1)],
)
def test_another_trainings_state_is_refused_by_what_differs(
    written: Path, key: str, value: Any
) -> None:
    with pytest.raises(InputError, match=f"made with {key} = "):
        read_state(written, *state(1), IDENTITY | {key: value})


def test_what_a_file_alone_knows_of_differs_too(written: Path) -> None:
    known = {key: value for key, value in IDENTITY.items() if key != "seed"}
    with pytest.raises(InputError, match="made with seed = 1, now None"):
        read_state(written, *state(1), known)


def test_a_file_without_a_checksum_is_refused_whatever_it_says(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(tensor_bytes(state(1)[0].state_dict(), {"schema": checkpoint.SCHEMA}))
    with pytest.raises(InputError, match=r"checkpoint = .* checksum is missing"):
        read_state(path, *state(1), IDENTITY)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.99])
def test_a_bit_that_has_turned_is_noticed(written: Path, place: float) -> None:
    content = bytearray(written.read_bytes())
    content[int(place * len(content))] ^= 1
    written.write_bytes(bytes(content))
    with pytest.raises(InputError, match="checkpoint"):
        read_state(written, *state(1), IDENTITY)


def test_room_is_asked_for_two_checkpoints_and_the_weights(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(checkpoint, "check_output_folder", lambda *words: asked.append(words))
    network = state(1)[0]
    check_room(written, network)
    ((folder, room),) = asked
    held = sum(value.numel() * value.element_size() for value in read_tensors(written)[0].values())
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    assert folder == written.parent
    assert room == pytest.approx(2 * held + weights, rel=1e-3)
