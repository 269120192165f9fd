"""Rates, batches, noise and losses of a training, and when it is kept, by their definitions."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.lstm import LSTMConfig, as_input, build
from rdverify.lstm import training as module
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.training import Trained, batches, input_noise, make_optimiser, rate, train
from rdverify.tools.errors import InputError
from rdverify.tools.tensors import read_tensors

DATA = SineConfig(sequences=10, length=12)
SMALL = LSTMConfig(data=DATA, hidden=3, epochs=6, batch_size=4, learning_rate=0.02)
STILL = dataclasses.replace(SMALL, learning_rate=1e-12, schedule="constant", epochs=2)


def test_a_cosine_falls_from_the_rate_to_zero_and_a_constant_stays() -> None:
    found = [rate(SMALL, epoch) for epoch in range(7)]
    assert (found[0], found[3]) == pytest.approx((0.02, 0.01))
    assert found[6] == pytest.approx(0, abs=1e-15)
    assert [a + b for a, b in zip(found, found[::-1], strict=True)] == pytest.approx([0.02] * 7)
    assert found[2] == pytest.approx(0.02 * 3 / 4)  # cos(pi / 3) = 1 / 2
    constant = dataclasses.replace(SMALL, schedule="constant")
    assert {rate(constant, epoch) for epoch in range(7)} == {0.02}


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("clip_norm", [0.05, None])
@pytest.mark.twice
def test_training_is_torchs_own_with_its_schedule_and_its_clipping(
    optimiser: Any, clip_norm: float | None
) -> None:
    config = dataclasses.replace(SMALL, optimiser=optimiser, clip_norm=clip_norm, dtype="float64")
    model = build(config)
    made = make_optimiser(config, list(model.parameters()))
    kind = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}
    assert type(made) is kind[optimiser]
    assert made.param_groups[0].get("momentum", 0) == (0.9 if optimiser == "sgd" else 0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(made, config.epochs)
    x = as_input(generate(DATA), model)
    for epoch in range(config.epochs):
        for rows in batches(config, epoch, 10):
            made.zero_grad()
            (model(x[rows, :-1])[0] - x[rows, 1:]).square().mean().backward()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            made.step()
        schedule.step()
    found = train(config).model.state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("batch_size", [4, 3, 10, 64, None])
@pytest.mark.parametrize("target", ["next", "same"])
def test_a_loss_is_the_mean_over_all_sequences_of_whatever_batches(
    batch_size: int | None, target: Any
) -> None:
    config = dataclasses.replace(STILL, batch_size=batch_size, target=target)
    model, x = build(config), generate(DATA)
    with torch.no_grad():
        made = model(as_input(x, model))[0][:, :, 0].numpy()
    gap = made[:, :-1] - x[:, 1:] if target == "next" else made - x
    assert train(config).losses == pytest.approx([np.mean(gap**2)] * 2, rel=1e-5)


def test_noise_is_drawn_apart_from_the_order_and_around_zero() -> None:
    noisy = dataclasses.replace(SMALL, input_noise=0.3, seed=2)
    x = torch.zeros(200, 100)
    drawn = [input_noise(noisy, epoch, x) for epoch in (0, 1)]
    for one in drawn:
        assert abs(float(one.mean())) < 4 * 0.3 / np.sqrt(20_000)
        assert float(one.std()) == pytest.approx(0.3, rel=0.03)
    assert abs(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1]) < 0.05
    # numbers of the generator that draws the order of the batches would tie the two
    order = np.random.default_rng([2, 0]).normal(0, 0.3, x.shape)
    assert abs(np.corrcoef(drawn[0].ravel(), order.ravel())[0, 1]) < 0.05
    for nothing in (0.0, -0.0):
        assert not input_noise(dataclasses.replace(SMALL, input_noise=nothing), 0, x).any()


@pytest.mark.parametrize("batch_size", [10, 11, 64, None])
def test_where_a_batch_holds_all_sequences_none_is_drawn(batch_size: int | None) -> None:
    found = batches(dataclasses.replace(SMALL, batch_size=batch_size), 3, 10)
    assert [rows.tolist() for rows in found] == [list(range(10))]


def test_an_epoch_has_every_sequence_once_in_an_order_of_its_own() -> None:
    drawn = [torch.cat(batches(SMALL, epoch, 10)).tolist() for epoch in range(3)]
    assert [sorted(rows) for rows in drawn] == [list(range(10))] * 3
    assert [len(rows) for rows in batches(SMALL, 0, 10)] == [4, 4, 2]
    assert len({tuple(rows) for rows in [list(range(10)), *drawn]}) == 4


@pytest.mark.parametrize(
    ("epochs", "every", "kept"),
    [(6, 2, [2, 4, 6]), (5, 2, [2, 4, 5]), (3, 10, [3]), (2, 1, [1, 2]), (0, 1, [])],
)
def test_a_training_is_kept_every_few_epochs_and_at_its_end(
    epochs: int, every: int, kept: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(module, "_save", lambda *args: written.append(len(args[-1])))
    config = dataclasses.replace(SMALL, epochs=epochs)
    train(config, checkpoint=tmp_path / "checkpoint", checkpoint_epochs=every)
    assert written == kept
    train(config, checkpoint_epochs=every)
    assert written == kept, "nothing is kept where no file is named"


def test_a_training_is_kept_every_tenth_epoch_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(module, "_save", lambda *args: written.append(len(args[-1])))
    train(dataclasses.replace(SMALL, epochs=21), checkpoint=tmp_path / "checkpoint")
    assert written == [10, 20, 21]


def test_a_checkpoint_names_its_settings_and_its_data_as_those_of_its_schema_do(
    tmp_path: Path,
) -> None:
    """Else one that another version wrote would be refused as of other data."""
    file = tmp_path / "checkpoint.safetensors"
    train(SMALL, checkpoint=file)
    tensors, header = read_tensors(file, "rdverify-lstm-checkpoint-3")
    digest = hashlib.sha256(generate(DATA).astype(np.float32).tobytes()).hexdigest()
    assert header["identity"] == f"{SMALL} on data {digest[:16]}"
    assert len(tensors["losses"]) == SMALL.epochs


def test_a_checkpoint_of_which_one_number_changed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    train(SMALL, checkpoint=file)
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match="checkpoint"):
        train(SMALL, checkpoint=file)
    assert file.read_bytes() == content


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_sequence_of_two_steps_is_enough(dtype: Any) -> None:
    assert np.isfinite(train(SMALL, np.array([[0.5, -0.5]], dtype)).losses).all()


def test_trained_networks_are_known_by_themselves_and_not_by_what_they_hold() -> None:
    model = build(SMALL)
    one, other = (Trained(SMALL, model, np.zeros(2)) for _ in range(2))
    assert one != other
    assert len({one, other}) == 2
