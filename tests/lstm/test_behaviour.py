"""What the LSTM study measures on one network: behaviour over time, derivatives of the cell."""

import dataclasses

import numpy as np
import pytest
import torch

from rdverify.lstm import Gates, LSTMConfig, as_input, build, gates, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.study.behaviour import correlation, crossings, forced, gate_activity
from rdverify.lstm.study.jacobians import (
    feedback,
    gradient,
    jacobian,
    least_gain,
    recurrent,
    responses,
)

SMALL = LSTMConfig(
    data=SineConfig(length=30, sequences=8),
    batch_size=4,
    epochs=4,
    learning_rate=5e-3,
    schedule="constant",
)


def test_forced_gates_stop_forgetting_and_input():
    model = build(SMALL)
    inputs = as_input(generate(SMALL.data), model)
    assert np.abs(gates(forced(model, f=100).lstm, inputs).one_minus_f).max() < 1e-20
    trace = probe(forced(model, i=-100).lstm, inputs)
    assert trace.react.max() < 1e-20


def test_gradient_is_autograds():
    config = dataclasses.replace(SMALL, dtype="float64")
    model = build(config)
    x = generate(config.data)[:2]
    inputs = as_input(x, model)
    found = []
    for k in range(2):

        def last(c, k=k):
            h = torch.zeros(1, 1, 16, dtype=torch.float64)
            return model.lstm(inputs[k : k + 1, :12], (h, c[None, None]))[1][1][0, 0]

        jacobian = torch.autograd.functional.jacobian(last, torch.zeros(16, dtype=torch.float64))
        found.append(float(jacobian.norm()) / 4)
    assert gradient(model, x, 12) == pytest.approx(np.mean(found), rel=1e-9)


def test_the_least_gain_bounds_every_fluctuation_from_below():
    model = build(SMALL)
    x = generate(SMALL.data)[:2]
    d_c = jacobian(model, x, 12)
    least = np.linalg.svd(d_c, compute_uv=False)[:, -1]
    assert least_gain(model, x, 12) == pytest.approx(least.mean())
    rng = np.random.default_rng(3)
    for nudge in rng.normal(size=(50, 16)):
        grown = np.linalg.norm(d_c @ nudge, axis=1) / np.linalg.norm(nudge)
        assert (grown >= least * (1 - 1e-9)).all()
    assert least_gain(model, x, 12) < gradient(model, x, 12)


def test_responses_are_autograds():
    model = build(dataclasses.replace(SMALL, dtype="float64"))
    x = generate(SMALL.data)[:1]
    t = 20
    inside = gates(model.lstm, as_input(x, model))
    reaction, diffusion = responses(inside, recurrent(model), t)
    o = torch.from_numpy(inside.o[0, t - 1])
    w, u, *biases = (p.detach() for p in model.lstm.parameters())

    def terms(c):
        z = w[:, 0] * x[0, t] + u @ (o * torch.tanh(c)) + sum(biases)
        i, f, g = torch.sigmoid(z[:16]), torch.sigmoid(z[16:32]), torch.tanh(z[32:48])
        return torch.cat([i * g, -(1 - f) * c])

    expected = torch.autograd.functional.jacobian(terms, torch.from_numpy(inside.c_prev[0, t]))
    np.testing.assert_allclose(np.concatenate([reaction[0], diffusion[0]]), expected, atol=1e-12)


def test_without_recurrent_weights_the_decay_is_all_feedback_and_local():
    model = build(SMALL)
    with torch.no_grad():
        model.lstm.weight_hh_l0 *= 1e-6
    found = feedback(model, generate(SineConfig(length=80, sequences=2)))
    assert found["own_reaction"] == pytest.approx(0, abs=1e-6)
    assert found["diffusion_reach"] == pytest.approx(0, abs=1e-6)
    assert -1 < found["restoring"] < 0
    # gates that vary little: what is lost in a step is 1 over the time it takes
    assert found["decay_time"] * -found["restoring"] == pytest.approx(1, rel=0.05)


def test_gate_activity_is_of_each_unit_and_survives_units_that_move_against_each_other():
    wave = np.sin(np.arange(90) / 3)[None, :, None] * [1, -1]  # (1, steps, 2 units)
    still = np.full((1, 90, 2), 0.5)
    inside = Gates(0.5 + 0.1 * wave, *[still] * 7)
    assert inside.i.mean(axis=2).std() < 1e-12  # the mean over units stands still
    moved = (0.5 + 0.1 * wave)[0, 50:, 0]
    assert gate_activity(inside) == pytest.approx(moved.std() / moved.mean() / 2, rel=0.1)


def test_crossings_count_and_ignore_rounding():
    steps = np.arange(150)
    wave = 1 + 0.3 * np.sin(2 * np.pi * (steps + 0.5) / 30)[None]  # 5 periods: 9 inner crossings
    assert crossings(wave) == pytest.approx(9 / 1.5)
    flicker = 1 + 1e-9 * (-1.0) ** steps[None]
    assert crossings(flicker) == 0


def test_correlation_is_invariant_and_zero_for_constants():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 3, 50))
    assert correlation(a, b) == pytest.approx(correlation(5 - 2 * a, -b), abs=1e-12)
    assert correlation(a, a) == pytest.approx(1)
    assert correlation(a, np.ones_like(a)) == 0
    assert correlation(a, 1 + 1e-7 * b) == 0
    assert correlation(a, 1e-7 * b) == pytest.approx(correlation(a, b))


@pytest.mark.parametrize("seed", range(5))
def test_eq16_from_the_zero_state_no_unit_loses_more_than_it_takes_in(seed):
    model = build(dataclasses.replace(SMALL, seed=seed, dtype="float64"))
    x = np.random.default_rng(seed).normal(0, 3, (4, 120))
    g = gates(model.lstm, as_input(x, model))
    taken = np.abs(g.i * g.c_tilde).sum(axis=1)  # (sequences, units)
    lost = np.abs(g.one_minus_f * g.c_prev).sum(axis=1)
    assert (taken >= lost + np.abs(g.c[:, -1]) - 1e-12).all()
