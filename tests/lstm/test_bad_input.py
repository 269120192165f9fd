"""Bad input: one line that names the argument, its value and what is allowed; nothing lost."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.lstm import (
    LSTMConfig,
    SequenceModel,
    as_input,
    build,
    free_run,
    gates,
    load_weights,
    probe,
    save_weights,
)
from rdverify.lstm.sequences import SineConfig
from rdverify.lstm.skill import frequency_of, one_step
from rdverify.lstm.training import CHECKPOINT, train, train_many
from rdverify.tools.errors import InputError
from rdverify.tools.tensors import tensor_bytes, write_tensors

SMALL = LSTMConfig(data=SineConfig(sequences=4, length=12), hidden=3, epochs=2, batch_size=None)
WEIGHTS = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


def module(dtype: torch.dtype = torch.float32) -> torch.nn.LSTM:
    return torch.nn.LSTM(2, 4, batch_first=True, dtype=dtype)


def zeros(*shape: int, **options: Any) -> torch.Tensor:
    return torch.zeros(*shape, **options)


def with_nan() -> torch.Tensor:
    x = zeros(3, 5, 2)
    x[1, 2, 0] = float("nan")
    return x


BAD_CALLS: list[tuple[str, Any, Any, str]] = [
    ("wrong feature size", zeros(3, 5, 3), None, "x's feature size = 3"),
    ("fewer features", zeros(3, 5, 1), None, "x's feature size = 1"),
    ("no sequence", zeros(0, 5, 2), None, "x's batch size = 0"),
    ("length 0", zeros(3, 0, 2), None, "x's length = 0"),
    ("length 1", zeros(3, 1, 2), None, "x's length = 1"),
    ("NaN", with_nan(), None, "x = 'with NaN"),
    ("infinity", zeros(3, 5, 2) + float("inf"), None, "x = 'with NaN or inf"),
    ("integers", zeros(3, 5, 2, dtype=torch.int64), None, "x.dtype = torch.int64"),
    ("half precision", zeros(3, 5, 2, dtype=torch.float16), None, "x.dtype = torch.float16"),
    ("another precision", zeros(3, 5, 2, dtype=torch.float64), None, "x.dtype = torch.float64"),
    ("one dimension", zeros(5), None, "x.ndim = 1"),
    ("four dimensions", zeros(1, 3, 5, 2), None, "x.ndim = 4"),
    ("no tensor", np.zeros((3, 5, 2)), None, "x = 'ndarray'"),
    ("state of another batch", zeros(3, 5, 2), (zeros(1, 2, 4), zeros(1, 2, 4)), "state's h_0"),
    ("state of another size", zeros(3, 5, 2), (zeros(1, 3, 4), zeros(1, 3, 5)), "state's C_0"),
    ("batched state, single x", zeros(5, 2), (zeros(1, 1, 4), zeros(1, 1, 4)), "state's h_0"),
    ("h alone", zeros(3, 5, 2), zeros(1, 3, 4), "state = 'Tensor'"),
    ("h alone, of two", zeros(3, 5, 2), zeros(2, 3, 4), "state = 'Tensor'"),
    ("h in a list", zeros(3, 5, 2), [zeros(1, 3, 4)], "state = 'list'"),
    ("a third", zeros(3, 5, 2), (zeros(1, 3, 4),) * 3, "state = 'tuple'"),
    ("arrays", zeros(3, 5, 2), (np.zeros((1, 3, 4)),) * 2, "state's h_0 = "),
    (
        "NaN in the state",
        zeros(3, 5, 2),
        (zeros(1, 3, 4), zeros(1, 3, 4) + float("nan")),
        "state's C_0 = 'with NaN",
    ),
    (
        "state in double",
        zeros(3, 5, 2),
        (zeros(1, 3, 4).double(), zeros(1, 3, 4).double()),
        "state's h_0 dtype",
    ),
]


@pytest.mark.parametrize("read", [probe, gates])
@pytest.mark.parametrize(
    ("x", "state", "named"), [call[1:] for call in BAD_CALLS], ids=[call[0] for call in BAD_CALLS]
)
def test_input_that_does_not_fit(read: Any, x: Any, state: Any, named: str) -> None:
    with pytest.raises(InputError) as caught:
        read(module(), x, state)
    message = str(caught.value)
    assert message.startswith(named)
    assert "must be" in message
    assert "\n" not in message


def test_modules_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"lstm's dtype = torch\.float16"):
        probe(module(torch.float16), zeros(3, 5, 2, dtype=torch.float16))
    with pytest.raises(InputError, match=r"lstm's dtype = torch\.bfloat16"):
        probe(module(torch.bfloat16), zeros(3, 5, 2, dtype=torch.bfloat16))
    with pytest.raises(InputError, match="lstm = 'GRU'"):
        probe(torch.nn.GRU(2, 4), zeros(3, 5, 2))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lstm's device = "):
        probe(torch.nn.LSTM(2, 4, device="meta"), zeros(3, 5, 2))
    with pytest.raises(InputError, match=r"^lstm\.bidirectional = True .* must be False"):
        probe(torch.nn.LSTM(2, 4, bidirectional=True), zeros(3, 5, 2))


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_each_weight_that_is_not_finite_is_named(name: str, value: float) -> None:
    lstm = module()
    with torch.no_grad():
        getattr(lstm, name).flatten()[-1] = value
    with pytest.raises(InputError, match=f"^lstm's {name} = 'with NaN or inf.* must be finite$"):
        probe(lstm, zeros(3, 5, 2))


def test_a_state_has_a_batch_where_the_input_has_one() -> None:
    lstm, alone, batched = module(), zeros(1, 4), zeros(1, 1, 4)
    for x, fits, other in (
        (zeros(5, 2), alone, batched),
        (zeros(1, 5, 2), batched, alone),
    ):
        assert probe(lstm, x, (fits, fits)).react.shape == (1, 5)
        allowed = re.escape(f"must be a tensor of shape {tuple(fits.shape)}")
        with pytest.raises(InputError, match=rf"^state's C_0 = .* {allowed}$"):
            probe(lstm, x, (fits, other))


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(
    ("odd", "named"),
    [
        (torch.float16, r"dtype = torch\.float16"),
        (torch.float64, r"\w+'s dtype = torch\.float\d\d .* that of weight_ih_l0"),
        ("meta", "device = 'meta'"),
    ],
)
def test_a_weight_alone_that_does_not_fit_is_refused(odd: Any, named: str, name: str) -> None:
    lstm = module()
    setattr(lstm, name, torch.nn.Parameter(getattr(lstm, name).to(odd)))
    with pytest.raises(InputError, match=rf"^lstm's {named}"):
        probe(lstm, zeros(3, 5, 2))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (np.zeros((4, 12), int), "data's dtype"),
        (np.zeros((4, 12), np.float16), "data's dtype"),
        (np.zeros((4, 12, 1)), "data.ndim"),
        (np.zeros((0, 12)), "data.shape"),
        (np.zeros((4, 0)), "data.shape"),
        (np.zeros((4, 1)), "data.shape"),
        (np.full((4, 12), np.nan), "data = 'with NaN"),
    ],
)
def test_data_that_does_not_fit_is_refused_before_anything_trains(data: Any, named: str) -> None:
    with pytest.raises(InputError, match=rf"^{named}"):
        train(SMALL, data)
    with pytest.raises(InputError, match=rf"^{named}"):
        train_many([dataclasses.replace(SMALL, epochs=10**9), SMALL], [None, data])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hidden": 0}, "hidden"),
        ({"hidden": 2.5}, "hidden"),
        ({"epochs": -1}, "epochs"),
        ({"seed": -1}, "seed"),
        ({"hidden": 46_341}, "hidden"),
        ({"learning_rate": 10.0}, "learning_rate"),
        ({"learning_rate": 10.5}, "learning_rate"),
        ({"learning_rate": -0.5}, "learning_rate"),
        ({"input_noise": 10.0}, "input_noise"),
        ({"input_noise": 10.5}, "input_noise"),
        ({"clip_norm": -0.5}, "clip_norm"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"optimiser": "lbfgs"}, "optimiser"),
        ({"schedule": "step"}, "schedule"),
        ({"target": "past"}, "target"),
        ({"dtype": "float16"}, "dtype"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"input_noise": -0.1}, "input_noise"),
        ({"clip_norm": "long"}, "clip_norm"),
    ],
)
def test_settings_that_do_not_fit(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=rf"^{named}"):
        dataclasses.replace(SMALL, **changes)


def test_the_least_and_the_largest_that_is_allowed_can_be_made() -> None:
    least = LSTMConfig(SMALL.data, 1, epochs=0, batch_size=1, seed=0, clip_norm=None)
    for changes in ({"learning_rate": 9.99}, {"input_noise": 9.99}, {"learning_rate": 1e-9}):
        assert dataclasses.replace(least, **changes)
    assert dataclasses.replace(least, hidden=46_340, clip_norm=1e-9, input_noise=0)
    model = build(least)
    assert free_run(model, zeros(1, 2, 1), 1).shape == (1, 1)


def test_other_arguments_that_do_not_fit() -> None:
    model = build(SMALL)
    with pytest.raises(InputError, match=r"^warm_up\.ndim = 2 .* 3, for \(batch, T, 1\)"):
        free_run(model, zeros(5, 1), 3)
    with pytest.raises(InputError, match=r"^x\.ndim = 3"):
        as_input(np.zeros((5, 4, 1)), model)
    with pytest.raises(InputError, match=r"^steps"):
        free_run(model, zeros(1, 5, 1), 0)
    with pytest.raises(InputError, match=r"^x\.ndim"):
        as_input(np.zeros(5), model)
    with pytest.raises(InputError, match=r"^skip"):
        one_step(model, np.zeros((2, 12)), skip=12)
    with pytest.raises(InputError, match=r"^x\.shape"):
        frequency_of(np.zeros((2, 5)))
    with pytest.raises(InputError, match=r"^data"):
        train_many([SMALL], [None, None])
    with pytest.raises(InputError, match=r"^data = '1 entries'"):
        train_many([SMALL, SMALL], [None])
    for odd in (complex, int, np.float16, object):
        with pytest.raises(InputError, match=r"^data's dtype"):
            train_many([SMALL], [np.ones((2, 5), odd)])
    for few in (0, -1):
        with pytest.raises(InputError, match=r"^workers"):
            train_many([SMALL], workers=few)


def test_weights_files_that_do_not_fit(tmp_path: Path) -> None:
    whole = save_weights(build(SMALL), tmp_path / "whole.safetensors").read_bytes()
    file = tmp_path / "bad.safetensors"
    for length in (0, 4, 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"bad\.safetensors"):
            load_weights(file)
        assert file.read_bytes() == whole[:length]  # nothing lost
    with pytest.raises(InputError, match="nowhere"):
        load_weights(tmp_path / "nowhere.safetensors")
    with pytest.raises(InputError, match=r"^hidden = 16"):
        load_weights(tmp_path / "whole.safetensors", hidden=16)

    tensors = dict(build(SMALL).state_dict())
    header = {"schema": "rdverify-lstm-1", "hidden": 3, "note": {}}

    def refused(changed: dict[str, torch.Tensor], metadata: dict[str, Any], match: str) -> None:
        write_tensors(file, changed, metadata)
        with pytest.raises(InputError, match=match):
            load_weights(file)

    refused(tensors, {}, "schema")
    refused(tensors, {**header, "hidden": 4}, "another architecture: head.weight")
    refused({**tensors, "lstm.weight_ih_l1": zeros(12, 3)}, header, "weight_ih_l1 is")
    refused({k: v for k, v in tensors.items() if "bias" not in k}, header, "another architec")
    refused({k: v.half() for k, v in tensors.items()}, header, "dtype")
    refused({**tensors, "head.bias": torch.tensor([float("nan")])}, header, "finite")
    refused(tensors, {**header, "hidden": "many"}, "hidden")
    refused(tensors, {**header, "hidden": 0}, "^weights' hidden = 0 .* 1 or more")
    refused({}, header, "another architecture: head.bias")


def test_checkpoints_that_do_not_fit_are_left_in_place(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    train(SMALL, checkpoint=file)
    kept = file.read_bytes()
    with pytest.raises(InputError, match="same settings and data"):
        train(dataclasses.replace(SMALL, epochs=3), checkpoint=file)
    with pytest.raises(InputError, match="same settings and data"):
        train(SMALL, np.ones((4, 12)), checkpoint=file)
    assert file.read_bytes() == kept
    file.write_bytes(kept[:-7])
    with pytest.raises(InputError, match="whole safetensors file"):
        train(SMALL, checkpoint=file)
    assert file.read_bytes() == kept[:-7]
    save_weights(SequenceModel(3), file)
    with pytest.raises(InputError, match="schema"):
        train(SMALL, checkpoint=file)
    file.write_bytes(tensor_bytes({}, {"schema": CHECKPOINT}))
    with pytest.raises(InputError, match="checksum is missing"):
        train(SMALL, checkpoint=file)
