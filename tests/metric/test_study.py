"""The metric's study: its exact solutions, bounds and counterexamples, in small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule
from rdverify.gray_scott import initial_state, simulate
from rdverify.gray_scott.stability import laplacian
from rdverify.lstm import LSTMConfig, as_input, build, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.study.networks import SEEDS
from rdverify.measure.origin import sha256_of
from rdverify.metric import fields, networks, runs, scaling, systems, terms
from rdverify.metric.study import STUDY
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder
from rdverify.trace import Trace


def test_an_exponent_is_found_in_an_exact_power_law() -> None:
    x = [1.0, 3.0, 10.0]
    assert scaling.exponent(x, [5 * value**-0.5 for value in x]) == pytest.approx(-0.5)


def test_eq18_plain_gray_scott_is_the_simulator() -> None:
    config = systems.regime(systems.SPOTS, 3, rows=24, cols=20, steps=50, inner_products=False)
    u, v = initial_state(config)
    r, m_react = scaling.plain(u, v, config, 50)
    balance = balance_of(simulate(config, (u, v)).trace)
    assert r == pytest.approx(balance.r, rel=1e-12)
    assert m_react == pytest.approx(balance.m_react, rel=1e-12)


@settings(max_examples=10)
@given(st.floats(0.1, 100), st.floats(0.1, 100), st.floats(0.1, 100))
def test_eq18_r_does_not_depend_on_units_and_m_does(
    length: float, time: float, amount: float
) -> None:
    rng = np.random.default_rng(1)
    u, v = rng.random((2, 8, 8))
    config = systems.regime(0.03, 0, kill_rate=0.06)
    one = scaling.plain(u, v, config, 5)
    two = scaling.plain(u, v, config, 5, length=length, time=time, amount=amount)
    assert two[0] == pytest.approx(one[0], rel=1e-10)
    assert two[1] == pytest.approx(one[1] * amount / time, rel=1e-10)


def test_eq18_copies_of_a_field_leave_r_alone_and_double_m() -> None:
    config = systems.regime(systems.SPOTS, 0, rows=16, cols=16, square=6, steps=40)
    large = systems.regime(systems.SPOTS, 0, rows=32, cols=32, square=6, steps=40)
    u, v = initial_state(config)
    one = balance_of(simulate(config, (u, v)).trace)
    four = balance_of(simulate(large, (np.tile(u, (2, 2)), np.tile(v, (2, 2)))).trace)
    assert four.r == pytest.approx(one.r, rel=1e-12)
    assert four.m_react == pytest.approx(2 * one.m_react, rel=1e-12)


def test_eq14_eq17_the_ddpms_r_goes_with_the_root_of_the_step() -> None:
    steps = scaling.SWEEPS["refine.ddpm"].x
    r = scaling.swept("refine.ddpm")[0, :, 0]
    assert scaling.exponent(steps, r) == pytest.approx(-0.5, abs=0.005)


def test_random_vectors_have_r_one_at_every_step_and_do_not_cancel() -> None:
    trace, square = systems.random_walk(0)
    np.testing.assert_allclose(balance_of(trace).r_t, 1.0, rtol=1e-12)
    assert abs(terms.cancellation(trace)[0]) < 0.01
    assert square[-1] == pytest.approx(2 * systems.WALK_STEPS, rel=0.3)  # E||x_t||^2 = 2 t


def test_the_heated_plate_ends_in_the_solution_of_poissons_equation() -> None:
    trace, v = systems.heated_plate(16)
    lap = sum(np.roll(v, s, a) for s in (1, -1) for a in (0, 1)) - 4 * v
    assert np.linalg.norm(lap) == pytest.approx(trace.react[0, 0], rel=1e-6)
    change = trace.extras["change"]
    # mode by mode S = S grown + S (1 - grown): squares add up to less, lengths to more
    assert np.all(change**2 + trace.diff**2 <= trace.react**2 * (1 + 1e-12))
    assert np.all(change + trace.diff >= trace.react * (1 - 1e-12))
    r_t = balance_of(trace).r_t[0]
    assert np.all(np.diff(r_t) <= 0)
    assert r_t[-1] == pytest.approx(1.0, abs=1e-6)


def test_at_a_steady_state_every_split_of_the_terms_has_r_one() -> None:
    r, growth, u = fields.unstable_pattern()
    assert r == pytest.approx(1.0, abs=1e-9)
    assert np.ptp(u) > 1  # a pattern
    assert growth > 1e-3
    dx = 10.0 / u.size
    lap = (np.roll(u, 1) + np.roll(u, -1) - 2 * u) / dx**2
    np.testing.assert_allclose(lap + u - u**3, 0, atol=1e-8)
    weights = np.random.default_rng(0).standard_normal((3, u.size))
    parts = np.stack([lap, u, -(u**3)])
    assert np.linalg.norm((weights * parts).sum(0)) == pytest.approx(
        np.linalg.norm(((1 - weights) * parts).sum(0)), rel=1e-6
    )


@pytest.mark.once
def test_the_stationary_pattern_falls_apart_when_disturbed() -> None:
    _, _, u = fields.unstable_pattern()
    dx = 10.0 / u.size
    for _ in range(40_000):
        u = u + 0.005 * ((np.roll(u, 1) + np.roll(u, -1) - 2 * u) / dx**2 + u - u**3) + 1e-9
    assert np.ptp(u) < 0.05


@pytest.mark.parametrize(
    ("step", "properties"),
    [
        (lambda x, rng: laplacian(x, 1.0) / 4, {"state", "coupling", "conserving", "flattening"}),
        (fields.KINDS["decay"], {"state", "flattening"}),
        (fields.KINDS["noise"], set()),
        (fields.KINDS["density"], {"state", "coupling", "conserving", "flattening"}),
        (fields.KINDS["drift"], {"state", "coupling", "conserving"}),
    ],
)
def test_eq01_a_laplacian_has_all_four_properties_and_so_has_noise_on_a_density(
    step: fields.Step, properties: set[str]
) -> None:
    found = fields.shared_with_diffusion(step)
    assert {name for name, has in found.items() if has} == properties


@pytest.mark.parametrize("wave", [1, 2, 3])
def test_eq01_the_noise_damps_a_densitys_waves_as_the_heat_equation_does(wave: int) -> None:
    """Variance 1 leaves exp(-q^2 / 2) of a wave; a lattice adds exp(-(2 pi - q)^2 / 2) to that."""
    q = 2 * np.pi * wave / fields.GRID
    p = np.ones((fields.GRID, fields.GRID)) + 0.5 * np.cos(q * np.arange(fields.GRID))
    change = fields.spread_density(p, np.random.default_rng(0))
    np.testing.assert_allclose(change, np.expm1(-(q**2) / 2) * (p - 1), rtol=1e-5, atol=1e-9)


def test_a_drift_carries_what_the_continuity_equation_says() -> None:
    """An even density loses div f of itself: the drift draws together where div f < 0."""
    change = fields.carry_density(np.ones((fields.GRID, fields.GRID)), np.random.default_rng(0))
    assert abs(change.sum()) < 1e-12
    assert change[8, 8] == change.max() > 0


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_eq16_no_lstm_from_the_zero_state_has_a_ratio_of_sums_below_one(seed: int) -> None:
    model, x = networks.wild_network(seed)
    assert networks.ratio_of_sums(model, x).min() >= 1 - 1e-12
    r = balance_of(probe(model.lstm, as_input(x, model))).r_runs.min()
    assert r >= 1 / np.sqrt(model.lstm.hidden_size)


def test_eq16_from_a_warm_state_the_ratio_of_sums_can_be_below_one() -> None:
    model, x = networks.wild_network(1)
    with torch.no_grad():
        for parameter in model.lstm.parameters():
            parameter.zero_()  # i c~ = 0, f = 1/2: the warm state only decays
    state = (torch.zeros(1, 4, 16, dtype=torch.float64), torch.ones(1, 4, 16, dtype=torch.float64))
    assert balance_of(probe(model.lstm, as_input(x, model), state)).r < 1e-12


def test_eq05_a_shut_forget_gate_leaves_this_steps_input_alone() -> None:
    config = LSTMConfig(data=SineConfig(length=50, sequences=3), dtype="float64")
    model = networks.forgetting(build(config), -40.0)
    trace = probe(model.lstm, as_input(np.random.default_rng(0).standard_normal((3, 50)), model))
    np.testing.assert_allclose(trace.diff[:, 1:], trace.react[:, :-1], rtol=1e-12)


def test_the_read_out_finds_what_a_linear_rule_can_know() -> None:
    config = LSTMConfig(data=SineConfig(sequences=8), dtype="float64")
    x = np.cumsum(np.random.default_rng(0).standard_normal((64, 120)), axis=1)
    # steps of a random walk can't be predicted: no better than the last value
    assert networks.read_out(build(config), x[:32], x[32:]) < 1.1


def test_eq14_eq17_drift_and_noise_add_up_to_the_change_and_do_not_cancel() -> None:
    data = torch.sign(
        torch.randn(4, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    )
    chain = systems.exact_chain(data, 6, Schedule.linear(200, 5e-4, 0.1))
    assert chain.residual < 1e-12
    assert chain.printed_residual > 5
    assert np.abs(terms.cancellation(chain.trace)).max() < 0.02
    nearest = torch.cdist(chain.images.flatten(1), data.flatten(1)).min(1).values
    assert float(nearest.max()) < 0.5  # of a norm of 8: the exact denoiser makes the pictures


@given(st.integers(0, 1000))
def test_cancellation_and_decomposition_are_what_they_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 5, 7))
    norm = [np.linalg.norm(v, axis=1)[None] for v in (a, b, a - b)]
    trace = Trace(norm[0], norm[1], extras={"change": norm[2]})
    power = (a**2).sum() + (b**2).sum()
    assert terms.cancellation(trace)[0] == pytest.approx(2 * (a * b).sum() / power)
    parts = terms.parts_of(trace)
    one = Trace(norm[0][:, :1], norm[1][:, :1], extras={"change": norm[2][:, :1]})
    single = terms.parts_of(one)
    assert single["distance"] == pytest.approx(
        single["bound"] * single["alignment"] * single["relative"]
    )
    assert parts["distance"] <= parts["bound"] + 1e-12


def test_opposite_and_equal_terms_cancel_wholly() -> None:
    ones = np.ones((1, 4))
    assert terms.cancellation(Trace(ones, ones, extras={"change": 0 * ones}))[0] == 1.0
    assert terms.cancellation(Trace(ones, ones, extras={"change": 2 * ones}))[0] == -1.0


def write_networks(folder: Path) -> None:
    """Untrained networks in the form of the recorded files."""
    config = LSTMConfig(data=SineConfig(length=60, sequences=4), epochs=0)
    built = [build(config.with_seed(seed)).state_dict() for seed in SEEDS]
    tensors = {
        f"{kind}.{name}": torch.stack([state[name] for state in built])
        for kind in ("best", "untrained")
        for name in built[0]
    }
    folder.mkdir()
    safetensors.torch.save_file(tensors, folder / "lstm-sine.safetensors")
    shipped = (golden_folder() / "weights" / "lstm-sine.json").read_text(encoding="utf-8")
    card = json.loads(shipped) | {
        "sha256": sha256_of(folder / "lstm-sine.safetensors"),
        "seeds": SEEDS,
        "configs": {kind: config.as_json() for kind in ("best", "untrained")},
    }
    (folder / "lstm-sine.json").write_text(json.dumps(card), encoding="utf-8")


def test_recorded_networks_are_read_as_they_were_built(tmp_path: Path) -> None:
    write_networks(tmp_path / "weights")
    traces = runs.recorded(runs.Runs(tmp_path, {}), "sine", "best")
    assert [trace.react.shape for trace in traces] == [(runs.SEQUENCES, 60)] * len(SEEDS)
    config = LSTMConfig(data=SineConfig(length=60, sequences=4), epochs=0).with_seed(SEEDS[1])
    model = build(config)
    x = generate(config.data, "unseen", runs.SEQUENCES)
    np.testing.assert_array_equal(probe(model.lstm, as_input(x, model)).react, traces[1].react)


def test_missing_and_damaged_records_are_refused_in_one_line(tmp_path: Path) -> None:
    nothing = runs.Runs(tmp_path, {})
    with pytest.raises(InputError, match="weights"):
        runs.recorded(nothing, "sine", "best")
    write_networks(tmp_path / "weights")
    with pytest.raises(InputError, match="shuffled"):
        runs.recorded(nothing, "sine", "shuffled")
    path = tmp_path / "weights" / "lstm-sine.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match="as its card says"):
        runs.recorded(nothing, "sine", "best")
    path.write_bytes(whole[:100])
    with pytest.raises(InputError, match="weights"):
        runs.recorded(nothing, "sine", "best")


def test_what_can_not_be_measured_is_an_error_and_no_line_of_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MODELS", {"random": runs.MODELS["random"]})
    nothing = runs.Runs(tmp_path, {})
    name = "metric.cancel.rd.share"
    measured = STUDY.facts.declaration(name).measure(nothing, {"system": "rd"})
    assert measured is not None
    assert measured.error.startswith("KeyError")
    assert [row["system"] for row in terms.decomposition(nothing).rows] == [
        "random vectors of equal length"
    ]
