"""The LSTM study: its compiled training, its measures of behaviour, its choice of settings."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

import spec
from rdverify.lstm import LSTMConfig, as_input, build, gates, probe
from rdverify.lstm.compiled_training import flatten, loss_and_gradient, train_fast
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.study import facts as lstm_metrics
from rdverify.lstm.study.behaviour import (
    correlation,
    crossings,
    forced,
    gradient,
    lyapunov,
    plain_gradient,
)
from rdverify.lstm.study.choice import choose, records
from rdverify.lstm.study.networks import SEEDS, configs, load
from rdverify.lstm.study.rows import ROWS, UNSEEN, data_of, read
from rdverify.lstm.study.settings import first_stage
from rdverify.lstm.study.skill_facts import median_metric
from rdverify.lstm.study.tables import brackets
from rdverify.lstm.training import train
from rdverify.tools.errors import InputError

GOLDEN = Path(__file__).parents[2] / "golden"
SMALL = LSTMConfig(
    data=SineConfig(length=30, sequences=8),
    batch_size=4,
    epochs=4,
    learning_rate=5e-3,
    schedule="constant",
)


@pytest.fixture(scope="module")
def frames():
    return records(GOLDEN / "search")


@pytest.fixture(scope="module")
def choice(frames):
    return choose(frames)


@pytest.mark.parametrize("target", ["next", "same"])
def test_compiled_gradient_is_autograds(target):
    config = dataclasses.replace(SMALL, target=target)
    x = generate(config.data).astype(np.float32)
    model = build(config)
    inputs = torch.from_numpy(x)[:, :, None]
    y = model(inputs if target == "same" else inputs[:, :-1])[0]
    loss = (y - (inputs if target == "same" else inputs[:, 1:])).square().mean()
    loss.backward()
    expected = np.concatenate([p.grad.numpy().ravel() for p in model.parameters()])
    found = np.empty_like(expected)
    assert loss_and_gradient(flatten(model), x, target == "same", found) == pytest.approx(
        float(loss.detach()), rel=1e-5
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
def test_compiled_training_is_torchs_up_to_rounding(optimiser):
    config = dataclasses.replace(SMALL, optimiser=optimiser, clip_norm=0.1)
    expected = train(config)
    model, losses = train_fast(config)
    np.testing.assert_allclose(losses, expected.losses, rtol=1e-4)
    np.testing.assert_allclose(flatten(model), flatten(expected.model), atol=2e-4)


def test_compiled_training_refuses_other_sizes():
    with pytest.raises(InputError, match="hidden"):
        train_fast(dataclasses.replace(SMALL, hidden=8))


def test_eq11_is_eq05_symbolically_and_not_with_the_other_sign():
    f, c, i, g = sympy.symbols("f C i g")
    eq05, eq11 = f * c + i * g, -(1 - f) * c + i * g
    assert sympy.simplify(eq05 - c - eq11) == 0
    assert sympy.simplify(eq05 - c - ((1 - f) * c + i * g)) != 0
    assert lstm_metrics.eq11_exact(1)
    assert not lstm_metrics.eq11_exact(-1)


def test_targets_are_the_printed_numbers():
    printed = {line["setting"]: line for line in spec.table1() if line["system"] == "LSTM"}
    for row in ROWS:
        for quantity in ("m_react", "m_diff", "r"):
            assert getattr(row, quantity) == float(printed[row.setting][quantity])


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


def test_plain_gradient_of_one_step():
    model = build(SMALL)
    x = np.zeros((1, 5))
    state = {name: value.detach().double().numpy() for name, value in model.lstm.named_parameters()}
    bias = state["bias_ih_l0"][32:48] + state["bias_hh_l0"][32:48]
    expected = (1 - np.tanh(bias) ** 2)[:, None] * state["weight_hh_l0"][32:48]
    assert plain_gradient(model, x, 1) == pytest.approx(np.linalg.norm(expected) / 4)


def test_lyapunov_exponents_of_known_systems():
    assert lyapunov("lorenz", trajectories=32, time=40).mean() == pytest.approx(0.906, abs=0.08)
    assert np.abs(lyapunov("sine", trajectories=4, time=40)).max() < 1e-3
    assert np.abs(lyapunov("van_der_pol", 1.0, trajectories=4, time=60)).max() < 0.05


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


def test_shares_and_medians_have_covering_intervals():
    share = lstm_metrics.wilson(9, 10, "x")
    assert (share.low, share.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson 1927
    middle = median_metric(np.arange(10.0), "x")
    assert (middle.low, middle.value, middle.high) == (1, 4.5, 8)


def test_a_number_is_bracketed_by_values_on_both_sides_alone():
    values = pd.Series([0.9, 1.1, 1.0])
    assert all(brackets(values, target) for target in (0.9, 1.05, 1.1))
    assert not any(brackets(values, target) for target in (0.89, 1.11))
    assert not brackets(values[:0], 1.0)


def test_eta_squared_finds_all_or_nothing():
    rng = np.random.default_rng(2)
    noise = [rng.normal(size=10) for _ in range(3)]
    apart = [group * 1e-3 + k for k, group in enumerate(noise)]
    assert lstm_metrics.eta_squared(apart, "x", 50).value > 0.999
    assert lstm_metrics.eta_squared([noise[0]] * 3, "x", 50).value == pytest.approx(0, abs=1e-12)


def test_record_is_the_stated_design_and_has_300_runs_a_row(frames):
    for row in ROWS:
        frame = frames[row.key]
        assert len(frame) >= 300
        assert (frame["error"] == "").mean() > 0.95
        stated = first_stage(row)
        for setting, line in zip(stated, frame.to_dict("records"), strict=False):
            assert all(line[name] == value for name, value in setting.items())
        assert len(frame[frame["stage"] == 1]) == len(stated)


def test_choice_never_looks_at_r(frames, choice):
    blind = {
        key: frame.assign(**{column: 0.0 for column in frame if str(column).startswith("r_")})
        for key, frame in frames.items()
    }
    assert choose(blind) == choice


def test_choice_of_one_protocol_is_one_protocol(choice):
    protocols = {
        (
            chosen.variant,
            *(
                chosen.setting[name]
                for name in ("optimiser", "learning_rate", "epochs", "batch_size", "target")
            ),
        )
        for chosen in choice["common"].values()
    }
    assert len(protocols) == 1
    for row in ROWS:
        assert choice["best"][row.key].distance <= choice["common"][row.key].distance


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_table1_lstm_networks_are_shipped_and_fit_the_metrics(row, choice):
    networks = load(row, GOLDEN / "weights", choice)
    assert all(len(models) == len(SEEDS) == 10 for models in networks.values())
    x = generate(configs(row, choice)["best"][0].data, "unseen", UNSEEN)
    read_back = [read(model, x, choice["best"][row.key].variant) for model in networks["best"]]
    react = np.mean([trace.react.mean() for trace in read_back])
    diff = np.mean([trace.diff.mean() for trace in read_back])
    assert react == pytest.approx(row.m_react, rel=0.1)
    # ten seeds scatter by a tenth each, so that their mean lies within 0.12 of what was fitted
    assert react == pytest.approx(row.m_react, rel=0.12)
    assert diff == pytest.approx(row.m_diff, rel=0.12)


def test_damaged_weights_are_refused(choice, tmp_path):
    row = ROWS[0]
    data = (GOLDEN / "weights" / f"{row.file}.safetensors").read_bytes()
    (tmp_path / f"{row.file}.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="card"):
        load(row, tmp_path, choice)
    card = (GOLDEN / "weights" / f"{row.file}.json").read_text()
    (tmp_path / f"{row.file}.json").write_text(card)
    with pytest.raises(InputError, match="whole"):
        load(row, tmp_path, choice)
    (tmp_path / f"{row.file}.json").write_text(card.replace('"epochs": 300', '"epochs": 301'))
    with pytest.raises(InputError, match="card"):
        load(row, tmp_path, choice)


def test_data_settings_reach_the_generator():
    setting = first_stage(ROWS[2])[0]
    data = data_of(ROWS[2], setting)
    assert (data.mu, data.dt, data.normalisation) == (
        setting["mu"],
        setting["dt"],
        setting["normalisation"],
    )
