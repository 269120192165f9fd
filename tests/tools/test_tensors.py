"""One safetensors codec: equal content is equal bytes, and what is not whole is refused."""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from rdverify.tools.errors import InputError
from rdverify.tools.tensors import (
    KEY,
    below,
    optimiser_tensors,
    prefixed,
    read_tensors,
    require_shapes,
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


def written(tensors: dict[str, torch.Tensor], header: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_tensors(Path(folder) / "t.safetensors", tensors, header).read_bytes()


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
    by_column = TENSORS["weight"].T.contiguous().T  # the same numbers, stored column by column
    for write in (tensor_bytes, written):
        whole = write(TENSORS, HEADER)
        assert write(turned, dict(reversed(HEADER.items()))) == whole
        assert write(TENSORS, {**HEADER, "text": "e"}) != whole
        assert write({**TENSORS, "weight": by_column}, HEADER) == whole
    assert written(TENSORS, HEADER) == path.read_bytes()


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


@given(data=st.data())
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("flipped") / "t.safetensors"
    whole = write_tensors(path, TENSORS, HEADER).read_bytes()
    place, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(bytes([*whole[:place], whole[place] ^ (1 << bit), *whole[place + 1 :]]))
    try:
        tensors, header = read_tensors(path, SCHEMA)
    except InputError:
        return
    assert {name: value for name, value in header.items() if name in HEADER} == HEADER
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


def test_a_file_without_its_checksum_is_taken_only_where_none_is_asked_for(path: Path) -> None:
    header = {"schema": SCHEMA, "hidden": 4}
    path.write_bytes(tensor_bytes(TENSORS, header))
    assert read_tensors(path, SCHEMA)[1] == header
    with pytest.raises(InputError, match="checksum is missing"):
        read_tensors(path, SCHEMA, summed=True)
    path.write_bytes(tensor_bytes(TENSORS, header | {"sha257": "0"}))
    with pytest.raises(InputError, match="checksum is missing"):
        read_tensors(path, SCHEMA)


def test_the_hash_that_a_card_names_counts(path: Path) -> None:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_tensors(path, SCHEMA, sha256=sha256)[1] == HEADER
    with pytest.raises(InputError, match="as its card says"):
        read_tensors(path, SCHEMA, sha256="0" * 64)


def test_a_state_of_other_parameters_leaves_the_optimiser_as_it_was() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimiser = torch.optim.Adam([weight])
    weight.sum().backward()
    optimiser.step()
    state = optimiser_tensors(optimiser)
    for wrong in (
        {"1.exp_avg": state["0.exp_avg"]},
        {"0.exp_avg": torch.ones(3)},
        {"x.exp_avg": state["0.exp_avg"]},
        {"\u0660.exp_avg": state["0.exp_avg"]},
        {"-1.exp_avg": state["0.exp_avg"]},
    ):
        with pytest.raises(ValueError, match=r"^optimiser's '.*\.exp_avg' of shape \([23],\)$"):
            restore_optimiser(optimiser, wrong)
    again = optimiser_tensors(optimiser)
    assert all(torch.equal(again[name], value) for name, value in state.items())


def test_a_network_of_any_claimed_size_is_refused_without_memory() -> None:
    with pytest.raises(InputError, match="bias is missing"):
        require_shapes(lambda: torch.nn.Linear(10**7, 10**7), {}, "weights", "w")


@pytest.mark.parametrize(
    ("change", "odd"),
    [
        ({"weight": torch.ones(2, 3), "bias": torch.ones(2)}, r"bias is \(2,\), not \(3,\)"),
        ({"weight": torch.ones(3, 4)}, r"weight is \(3, 4\), not \(3, 2\)"),
        ({"more": torch.ones(5), "rest": torch.ones(6)}, r"more is \(5,\), not there"),
    ],
)
def test_of_the_shapes_that_are_others_the_first_is_told(
    change: dict[str, torch.Tensor], odd: str
) -> None:
    right = {"weight": torch.zeros(3, 2), "bias": torch.zeros(3)}
    require_shapes(lambda: torch.nn.Linear(2, 3), right, "weights", "w")
    with pytest.raises(InputError, match=rf"weights = 'w' .*another architecture: {odd}\)"):
        require_shapes(lambda: torch.nn.Linear(2, 3), right | change, "weights", "w")


def test_complex_numbers_are_finite_throughout_too(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    try:
        write_tensors(path, {"z": torch.tensor([1 + 2j])}, HEADER)
    except KeyError:
        pytest.skip("this version of safetensors knows no complex numbers")
    assert read_tensors(path, SCHEMA)[0]["z"].tolist() == [1 + 2j]
    write_tensors(path, {"z": torch.tensor([complex(1, float("nan"))])}, HEADER)
    with pytest.raises(InputError, match=r"z of weights .*finite throughout"):
        read_tensors(path)


def test_a_schema_is_shown_in_little_room(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "c.safetensors", TENSORS, {"schema": "x" * 99})
    with pytest.raises(InputError, match=f"its schema is '{'x' * 59}\\)"):
        read_tensors(path, SCHEMA)


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
