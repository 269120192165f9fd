"""The task that asks for memory: what it shows, and that its record is of the stated settings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rdverify.lstm.study import memory
from rdverify.study.frames import read_frame

GOLDEN = Path(__file__).parents[2] / "golden"


def test_the_first_value_is_the_target_and_the_rest_tells_nothing_of_it():
    x, y = memory.task(20, 5000, np.random.default_rng(0))
    assert x.shape == (5000, 21, 1)
    assert torch.equal(x[:, 0, 0], y)
    assert abs(np.corrcoef(x[:, 1:, 0].sum(dim=1), y)[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("network", "shift"), [("open", (0, 1)), ("chrono", (-np.log(50), np.log(50)))]
)
def test_a_gate_that_starts_open_differs_by_its_bias_alone(network, shift):
    torch.manual_seed(1)
    plain = memory.Recall("lstm", 50)
    torch.manual_seed(1)
    other = memory.Recall(network, 50)
    moved = (other.layer.bias_hh_l0 - plain.layer.bias_hh_l0).detach().numpy()
    assert moved[:16].mean() == pytest.approx(shift[0], abs=1e-5)
    assert moved[16:32].mean() == pytest.approx(shift[1], abs=1e-5)
    assert (moved[32:] == 0).all()
    assert torch.equal(other.layer.weight_hh_l0, plain.layer.weight_hh_l0)


def test_control_and_lstm_have_weights_of_one_order():
    count = {
        name: sum(p.numel() for p in memory.Recall(name, 50).parameters())
        for name in memory.NETWORKS
    }
    assert count["lstm"] == count["open"] == count["chrono"] == 1233
    assert count["tanh"] == pytest.approx(count["lstm"], rel=0.1)


@pytest.mark.once
def test_training_recalls_a_short_lag_and_an_untrained_network_does_not(monkeypatch):
    setting = {"network": "lstm", "lag": 2, "seed": 0}
    monkeypatch.setattr(memory, "STEPS", 0)
    assert memory.evaluate(setting)["missed"] > 0.5
    monkeypatch.setattr(memory, "STEPS", 300)
    first = memory.evaluate(setting)
    assert first["missed"] < memory.RECALLED
    assert memory.evaluate(setting) == first


def test_the_record_is_of_the_stated_settings():
    frame = read_frame(GOLDEN / "search" / f"{memory.FILE}.csv", memory.COLUMNS)
    stated = memory.settings()
    assert frame[list(stated[0])].to_dict("records") == stated
    assert (frame["error"] == "").all()
