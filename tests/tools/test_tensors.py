"""One safetensors codec: equal content is equal bytes, and what is not whole is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rdverify.tools.errors import InputError
from rdverify.tools.tensors import (
    KEY,
    below,
    optimiser_tensors,
    prefixed,
    read_tensors,
    restore_optimiser,
    tensor_bytes,
    write_tensors,
)

SCHEMA = "made-up-1"
HEADER = {"schema": SCHEMA, "widths": [4, 8], "text": "ε"}
TENSORS = {
    "weight": torch.randn(3, 5, generator=torch.Generator().manual_seed(0)),
    "double": torch.tensor([1e-300, -0.0], dtype=torch.float64),
    "count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_tensors(tmp_path / "t.safetensors", TENSORS, HEADER)


def test_reading_gives_back_every_bit_and_the_header(path: Path) -> None:
    tensors, header = read_tensors(path, SCHEMA)
    assert header == HEADER
    assert tensors.keys() == TENSORS.keys()
    for name, value in tensors.items():
        assert value.dtype == TENSORS[name].dtype
        assert torch.equal(value, TENSORS[name])
    assert torch.signbit(tensors["double"][1])


def test_bytes_do_not_depend_on_the_order_of_insertion(path: Path) -> None:
    turned = {name: TENSORS[name].clone() for name in reversed(TENSORS)}
    assert tensor_bytes(turned, dict(reversed(HEADER.items()))) == path.read_bytes()
    assert tensor_bytes(TENSORS, {**HEADER, "text": "e"}) != path.read_bytes()
    by_column = TENSORS["weight"].T.contiguous().T  # the same numbers, stored column by column
    assert tensor_bytes({**TENSORS, "weight": by_column}, HEADER) == path.read_bytes()


def test_only_floating_point_numbers_are_stored_in_the_given_type(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "h.safetensors", TENSORS, HEADER, torch.float16)
    tensors, _ = read_tensors(path, SCHEMA)
    assert torch.equal(tensors["weight"], TENSORS["weight"].half())
    assert tensors["count"].dtype == torch.int64
    assert tensors["mask"].dtype == torch.bool


def test_tensors_outlive_their_file(path: Path) -> None:
    tensors, _ = read_tensors(path)
    write_tensors(path, {"weight": torch.zeros(3, 5)}, HEADER)
    assert torch.equal(tensors["weight"], TENSORS["weight"])


def write_broken(path: Path, kind: str) -> None:
    """Put a file in the place of a good one that no reader must take for one."""
    whole = path.read_bytes()
    content = {
        "pickle": pickle.dumps(TENSORS),
        "truncated": whole[:-7],
        "cut in the header": whole[:20],
        "empty": b"",
        "text": b"weights",
    }
    if kind in content:
        path.write_bytes(content[kind])
    elif kind == "missing":
        path.unlink()
    elif kind in ("nan", "inf"):
        write_tensors(path, {"weight": torch.tensor([1.0, float(kind)])}, HEADER)
    elif kind == "another schema":
        write_tensors(path, TENSORS, {"schema": "made-up-2"})
    else:
        header = {"no header": None, "no JSON": {KEY: "{"}, "a list": {KEY: "[1]"}}[kind]
        save_file(TENSORS, path, header)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("pickle", "whole safetensors file"),
        ("truncated", "whole safetensors file"),
        ("cut in the header", "whole safetensors file"),
        ("empty", "whole safetensors file"),
        ("text", "whole safetensors file"),
        ("missing", "there is no such file"),
        ("nan", "finite throughout"),
        ("inf", "finite throughout"),
        ("another schema", "its schema is 'made-up-2'"),
        ("no header", "its schema is None"),
        ("no JSON", "must be a whole safetensors file of schema made-up-1"),
        ("a list", r"its schema is \[1\]"),
    ],
)
def test_what_is_not_a_whole_file_of_the_schema_is_refused_in_one_line(
    path: Path, kind: str, message: str
) -> None:
    write_broken(path, kind)
    with pytest.raises(InputError, match=message) as caught:
        read_tensors(path, SCHEMA, "network")
    assert "network" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_schema_any_safetensors_file_is_read(tmp_path: Path) -> None:
    save_file({"weight": TENSORS["weight"]}, tmp_path / "plain.safetensors")
    tensors, header = read_tensors(tmp_path / "plain.safetensors")
    assert header == {}
    assert list(tensors) == ["weight"]


def test_a_prefix_is_taken_off_again_and_only_where_it_is_whole() -> None:
    both = prefixed("unet", {"a.b": TENSORS["weight"]}) | prefixed("unet2", {"c": TENSORS["count"]})
    assert list(both) == ["unet.a.b", "unet2.c"]
    assert list(below("unet", both)) == ["a.b"]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_a_restored_optimiser_goes_on_to_equal_bits(
    tmp_path: Path, kind: type[torch.optim.Optimizer]
) -> None:
    options = {"lr": 0.1} | ({"momentum": 0.9} if kind is torch.optim.SGD else {})

    def made() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
        weight = torch.nn.Parameter(TENSORS["weight"].clone())
        return weight, kind([weight], **options)  # type: ignore[arg-type]

    def update(weight: torch.nn.Parameter, optimiser: torch.optim.Optimizer, times: int) -> None:
        for _ in range(times):
            optimiser.zero_grad()
            (weight.sin() ** 2).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    whole, uncut = made()
    update(whole, uncut, 5)
    cut, stopped = made()
    update(cut, stopped, 2)
    state = prefixed("adam", optimiser_tensors(stopped)) | {"weight": cut}
    tensors, _ = read_tensors(write_tensors(tmp_path / "c.safetensors", state, HEADER), SCHEMA)
    resumed, restored = made()
    with torch.no_grad():
        resumed.copy_(tensors["weight"])
    restore_optimiser(restored, below("adam", tensors))
    update(resumed, restored, 3)
    assert torch.equal(resumed, whole)
    assert optimiser_tensors(restored).keys() == optimiser_tensors(uncut).keys()
    for name, value in optimiser_tensors(restored).items():
        assert torch.equal(value, optimiser_tensors(uncut)[name])
