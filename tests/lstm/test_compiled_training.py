"""The compiled training is the one of torch: its gradient, its steps, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.lstm import LSTMConfig, build
from rdverify.lstm.compiled_training import flatten, loss_and_gradient, train_fast
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.training import train
from rdverify.tools.errors import InputError

SINES = SineConfig(length=16, sequences=8)
SMALL = LSTMConfig(SINES, batch_size=4, epochs=3, learning_rate=5e-3, schedule="constant")


@pytest.mark.parametrize("target", ["next", "same"])
@pytest.mark.twice
def test_compiled_gradient_is_autograds(target: Any) -> None:
    config = dataclasses.replace(SMALL, target=target)
    x = generate(config.data).astype(np.float32)
    model = build(config)
    inputs = torch.from_numpy(x)[:, :, None]
    y = model(inputs if target == "same" else inputs[:, :-1])[0]
    loss = (y - (inputs if target == "same" else inputs[:, 1:])).square().mean()
    found = np.empty(1233, np.float32)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    expected = np.concatenate([gradient.numpy().ravel() for gradient in gradients])
    assert loss_and_gradient(flatten(model), x, target == "same", found) == pytest.approx(
        float(loss.detach()), rel=1e-5
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("optimiser", "changes"),
    [
        ("adam", {"clip_norm": 0.1}),
        ("rmsprop", {"clip_norm": 0.1}),
        ("sgd", {"clip_norm": 0.1}),
        ("sgd", {"clip_norm": None, "schedule": "cosine"}),
        ("adam", {"batch_size": None, "target": "same"}),
        ("rmsprop", {"batch_size": 3}),  # the last one is not full
    ],
)
@pytest.mark.twice
def test_compiled_training_is_torchs_up_to_rounding(
    optimiser: Any, changes: dict[str, Any]
) -> None:
    config = dataclasses.replace(SMALL, optimiser=optimiser, **changes)
    x = generate(dataclasses.replace(SINES, seed=5))
    expected = train(config, x)
    model, losses = train_fast(config, x)
    assert not model.training
    np.testing.assert_allclose(losses, expected.losses, rtol=1e-4)
    np.testing.assert_allclose(flatten(model), flatten(expected.model), atol=2e-4)


def test_without_data_of_the_callers_those_of_the_settings_are_learned() -> None:
    config = dataclasses.replace(SMALL, epochs=1)
    found, given = train_fast(config)[0], train_fast(config, generate(SINES))[0]
    assert np.array_equal(flatten(found), flatten(given))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": 8}, "hidden = 8 is not allowed: must be 16"),
        ({"hidden": 17}, "hidden = 17 is not allowed: must be 16"),
        ({"dtype": "float64"}, "dtype = 'float64' is not allowed: must be float32"),
        ({"input_noise": 0.5}, "input_noise = 0.5 is not allowed: must be 0"),
    ],
)
def test_compiled_training_refuses_what_it_was_not_written_for(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        train_fast(dataclasses.replace(SMALL, **changes))
