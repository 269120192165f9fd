"""The settings that nobody set are those that stand beside them in words."""

from __future__ import annotations

import math

import pytest
import torch

from rdverify.lstm import LSTMConfig
from rdverify.lstm.sequences import LorenzConfig, SineConfig, VanDerPolConfig
from rdverify.lstm.training import batches


def test_an_epoch_passes_once_over_the_data_in_batches_that_are_full() -> None:
    config = LSTMConfig()
    assert config.batch_size is not None
    for epoch in range(2):
        drawn = batches(config, epoch, config.data.sequences)
        assert {len(rows) for rows in drawn} == {config.batch_size}
        assert torch.cat(drawn).sort().values.tolist() == list(range(128))
    unfilled = batches(LSTMConfig(batch_size=32), 0, 70)
    assert [len(rows) for rows in unfilled] == [32, 32, 6]


def test_what_the_paper_states_is_the_default() -> None:
    assert LSTMConfig().hidden == 16
    assert all(kind().length == 200 for kind in (SineConfig, LorenzConfig, VanDerPolConfig))


def test_the_defaults_of_the_data_are_what_their_words_say() -> None:
    sine, lorenz, van_der_pol = SineConfig(), LorenzConfig(), VanDerPolConfig()
    cycles = [200 * f for f in (sine.frequency_low, sine.frequency_high)]
    assert cycles == pytest.approx([2, 10])  # more than one period, and at least 20 samples each
    assert (lorenz.sigma, lorenz.rho, lorenz.beta) == (10, 28, 8 / 3)
    # a period at mu = 1 is 6.663: 67 samples, and three of them before the first
    assert round(6.66328686 / van_der_pol.dt) == 67
    assert math.floor(van_der_pol.burn_in / 6.66328686) == 3
    assert van_der_pol.scale == van_der_pol.start == 2


def test_mu_may_be_anything_up_to_where_the_problem_is_stiff() -> None:
    for mu in (0.0, 50.0):
        assert VanDerPolConfig(mu=mu, mu_high=50.0).mu == mu


def test_the_settings_of_a_training_are_those_that_stand_beside_them() -> None:
    config = LSTMConfig()
    assert (config.target, config.optimiser, config.schedule) == ("next", "adam", "cosine")
    assert (config.input_noise, config.learning_rate, config.clip_norm) == (0, 0.01, 1)
    assert (config.epochs, config.batch_size, config.seed) == (100, 32, 0)
    assert config.dtype == "float32"
