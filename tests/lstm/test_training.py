"""Training: the same whichever way it is computed, resumable to the bit, and it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rdverify.lstm import (
    LSTMConfig,
    SequenceModel,
    as_input,
    build,
    free_run,
    load_weights,
    probe,
    probe_free_run,
    save_weights,
    weights_note,
)
from rdverify.lstm.sequences import (
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    frequencies,
    generate,
)
from rdverify.lstm.skill import free_run_errors, frequency_errors, frequency_of, one_step
from rdverify.lstm.training import train, train_many
from rdverify.tools.progress import Reporter, Task

DATA = SineConfig(sequences=10, length=24)
SMALL = LSTMConfig(data=DATA, hidden=5, epochs=3, batch_size=4, learning_rate=0.02)


def weights(model: SequenceModel) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in model.state_dict().values()])


def test_training_is_the_plain_torch_loop() -> None:
    """nn.LSTM, torch.optim and a loop written here: equal to the bit."""
    config = dataclasses.replace(SMALL, batch_size=None, schedule="constant", clip_norm=None)
    torch.manual_seed(config.seed)
    lstm = torch.nn.LSTM(1, 5, batch_first=True)
    head = torch.nn.Linear(5, 1)
    parameters = [*lstm.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, 0.02)
    x = torch.tensor(generate(DATA), dtype=torch.float32)[:, :, None]
    losses = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = (head(lstm(x[:, :-1])[0]) - x[:, 1:]).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    trained = train(config)
    expected = torch.cat([value.detach().flatten() for value in parameters])
    assert torch.equal(weights(trained.model), expected)
    assert trained.losses == pytest.approx(losses, rel=1e-6)


def test_networks_side_by_side_have_the_bits_of_each_alone() -> None:
    """Networks that differ in seed, rate, epochs, size and data, on two threads."""
    configs = [
        SMALL,
        dataclasses.replace(SMALL, hidden=3, learning_rate=1e-3),
        dataclasses.replace(SMALL, data=VanDerPolConfig(sequences=10, length=30), epochs=2),
        dataclasses.replace(SMALL.with_seed(4), epochs=0),
    ]
    together = train_many(configs, workers=2)
    for config, one in zip(configs, together, strict=True):
        assert torch.equal(weights(one.model), weights(train(config).model))
        assert len(one.losses) == config.epochs
        moved = (weights(one.model) - weights(build(config))).abs().max()
        assert float(moved) > 1e-3 or config.epochs == 0


def test_equal_seeds_give_equal_bits_and_others_do_not() -> None:
    first, second = train(SMALL), train(dataclasses.replace(SMALL))
    assert torch.equal(weights(first.model), weights(second.model))
    assert np.array_equal(first.losses, second.losses)
    other = train(SMALL.with_seed(1))
    assert not torch.equal(weights(first.model), weights(other.model))
    before = torch.random.get_rng_state()
    build(SMALL)
    assert torch.equal(before, torch.random.get_rng_state())  # the caller's random numbers


class Killed(Exception):
    pass


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
@given(step=st.integers(0, 14), every=st.integers(1, 3), noise=st.sampled_from([0.0, 0.2]))
@settings(max_examples=12)
@pytest.mark.once
def test_killed_at_any_step_and_resumed_ends_in_equal_bits(
    optimiser: Any, step: int, every: int, noise: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """15 optimiser steps in 5 epochs; the process dies before step ``step``."""
    config = dataclasses.replace(SMALL, epochs=5, optimiser=optimiser, input_noise=noise)
    file = tmp_path_factory.mktemp("killed") / "checkpoint.safetensors"
    kind = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}
    count = 0
    with pytest.MonkeyPatch.context() as patch:
        whole = kind[optimiser].step

        def dying(self: Any, *rest: Any, **named: Any) -> Any:
            nonlocal count
            if count == step:
                raise Killed
            count += 1
            return whole(self, *rest, **named)

        patch.setattr(kind[optimiser], "step", dying)
        with pytest.raises(Killed):
            train(config, checkpoint=file, checkpoint_epochs=every)
    assert file.exists() == (step // 3 >= every)
    resumed = train(config, checkpoint=file, checkpoint_epochs=every)
    other = file.with_name("straight.safetensors")
    straight = train(config, checkpoint=other, checkpoint_epochs=every)
    assert torch.equal(weights(resumed.model), weights(straight.model))
    assert np.array_equal(resumed.losses, straight.losses)
    assert file.read_bytes() == other.read_bytes()
    # once more from the finished state: nothing is left to do
    assert torch.equal(weights(train(config, checkpoint=file).model), weights(straight.model))


def test_the_callers_thread_count_is_restored() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train_many([SMALL.with_seed(seed) for seed in range(6)], workers=3)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_input_noise_moves_the_input_and_not_the_target() -> None:
    """With untrainable rate the loss is that of the noisy input: larger by its effect alone."""
    still = dataclasses.replace(SMALL, learning_rate=1e-12, schedule="constant", epochs=2)
    noisy = dataclasses.replace(still, input_noise=0.5)
    clean, moved = train(still).losses, train(noisy).losses
    assert clean[0] == pytest.approx(clean[1], rel=1e-6)
    assert moved[0] != pytest.approx(moved[1], rel=1e-6)  # drawn anew every epoch
    # were the target noisy too, the loss would grow by about 0.5^2
    assert np.all(np.abs(moved - clean) < 0.1)


def test_progress_is_told_epoch_by_epoch() -> None:
    seen: list[tuple[str, int, int]] = []

    class Listening(Reporter):
        def task(self, description: str, total: int) -> Any:
            class Kept(Task):
                def advance(self, steps: int = 1, note: str = "") -> None:
                    super().advance(steps, note)
                    seen.append((self.description, self.done, self.total))

            from contextlib import nullcontext

            return nullcontext(Kept(description, total))

    train(SMALL, progress=Listening())
    assert seen[-1] == ("train on Sine", 3, 3)
    assert [done for _, done, _ in seen] == [0, 1, 2, 3]


def test_weights_file_round_trip(tmp_path: Path) -> None:
    model = train(SMALL).model
    note = {"config": SMALL.as_json(), "epochs": 3}
    first = save_weights(model, tmp_path / "a.safetensors", note)
    second = save_weights(model, tmp_path / "b.safetensors", dict(reversed(note.items())))
    assert first.read_bytes() == second.read_bytes()
    loaded = load_weights(first, hidden=5)
    assert torch.equal(weights(loaded), weights(model))
    assert weights_note(first) == note
    double = build(dataclasses.replace(SMALL, dtype="float64"))
    assert load_weights(save_weights(double, tmp_path / "c")).head.weight.dtype == torch.float64


def test_free_running_is_reading_ones_own_output() -> None:
    model = build(dataclasses.replace(SMALL, dtype="float64"))
    warm_up = as_input(generate(DATA)[:, :10], model)
    made = free_run(model, warm_up, 7)
    assert made.shape == (10, 7)
    # the whole series read at once: each made value is the output at the step before
    series = torch.cat([warm_up, torch.from_numpy(made)[:, :, None]], 1)
    with torch.no_grad():
        outputs = model(series)[0][:, 9:-1, 0].numpy()
    assert made == pytest.approx(outputs, rel=1e-12)
    trace = probe_free_run(model, warm_up, 7)
    whole = probe(model.lstm, series)
    assert trace.react == pytest.approx(whole.react[:, 10:], rel=1e-11)
    assert trace.diff == pytest.approx(whole.diff[:, 10:], rel=1e-11)
    assert set(trace.extras) == {"change", "inner", "cell"}
    detailed = probe_free_run(model, warm_up, 7, detail=True).extras
    assert set(detailed) - set(trace.extras) == {"i", "one_minus_f", "abs_cell", "aligned"}


@given(low=st.floats(0.008, 0.4), offset=st.floats(-2, 2), seed=st.integers(0, 99))
@settings(max_examples=15)
@pytest.mark.once
def test_the_frequency_of_a_sine_is_found(low: float, offset: float, seed: int) -> None:
    data = SineConfig(frequency_low=low, frequency_high=low + 0.05, sequences=8, seed=seed)
    found = frequency_of(generate(data) + offset)
    # the grid's 1/(50 T), refined by a parabola
    assert found == pytest.approx(frequencies(data), abs=1e-5)


def test_a_frequency_is_never_outside_the_range_that_is_searched() -> None:
    """Slower than the slowest, faster than the fastest, or no sine at all."""
    t = np.arange(40.0)
    slow = [t, t**2, np.exp(t / 9), np.sin(2 * np.pi * t / 2000), np.ones(40)]
    rows = np.array([*slow, (-1.0) ** t, *np.random.default_rng(0).normal(size=(50, 40))])
    found = frequency_of(rows)
    assert found.min() >= 0.25 / 40
    assert found.max() <= 0.5
    assert found[:4] == pytest.approx(0.25 / 40, abs=2 / (50 * 40))
    assert found[5] == pytest.approx(0.5, abs=2 / (50 * 40))


def test_skill_of_known_predictors() -> None:
    """A network whose output is its input is the last-value predictor, and so on."""
    x = generate(SineConfig(sequences=30))

    class Last(SequenceModel):
        def forward(self, x: torch.Tensor, state: Any = None) -> Any:
            return x, state

    score = one_step(Last(1), x)
    assert score.model == pytest.approx(score.last_value, rel=1e-6)
    assert score.factor == pytest.approx(score.linear / score.last_value, rel=1e-6)
    # of a line the linear extrapolation is exact, of a constant the last value too
    line = np.linspace(0, 1, 50)[None]
    assert one_step(Last(1), line).linear < 1e-15
    assert one_step(Last(1), line).last_value == pytest.approx(1 / 49)


@pytest.mark.once
@pytest.mark.parametrize(
    "data",
    [
        SineConfig(sequences=32, frequency_low=0.02, frequency_high=0.03),
        VanDerPolConfig(sequences=32),
        LorenzConfig(sequences=32),
    ],
    ids=lambda data: type(data).__name__,
)
def test_a_short_training_already_learns(data: Any) -> None:
    """A few seconds' worth; the figures that the report states come from longer runs."""
    config = LSTMConfig(data=data, epochs=150, batch_size=16, learning_rate=0.02)
    trained = train(config)
    x = generate(data, "unseen", 64)
    before, after = one_step(build(config), x), one_step(trained.model, x)
    assert trained.losses[-1] < 0.02 * trained.losses[0]
    assert after.model < 0.1 * before.model
    assert after.model < 0.25 * after.last_value
    errors = free_run_errors(trained.model, x, 100)
    assert errors.shape == (100,)
    assert errors[0] < errors[50:].mean()


def test_frequency_errors_of_a_network_that_makes_nothing_are_large() -> None:
    """Control: an untrained network's output has no frequency to keep."""
    errors = frequency_errors(build(SMALL), SineConfig(), sequences=32)
    assert errors.shape == (32,)
    assert np.median(errors) > 0.2
