"""The LSTM study: its measures of behaviour, its choice of settings."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy

from rdverify.lstm.compiled_training import flatten
from rdverify.lstm.study import STUDY, settings
from rdverify.lstm.study.cell_facts import eq11_exact
from rdverify.lstm.study.cells import brackets
from rdverify.lstm.study.choice import choose
from rdverify.lstm.study.lyapunov import lyapunov
from rdverify.lstm.study.networks import configs, load
from rdverify.lstm.study.rows import KEYS, ROWS, data_of
from rdverify.lstm.study.runs import recorded_networks
from rdverify.lstm.study.settings import first_stage
from rdverify.lstm.study.skill_facts import eta_squared
from rdverify.tools.errors import InputError
from rdverify.tools.files import to_json
from rdverify.tools.progress import Reporter

GOLDEN = Path(__file__).parents[2] / "golden"


def test_eq11_is_eq05_symbolically_and_not_with_the_other_sign():
    f, c, i, g = sympy.symbols("f C i g")
    eq05, eq11 = f * c + i * g, -(1 - f) * c + i * g
    assert sympy.simplify(eq05 - c - eq11) == 0
    assert sympy.simplify(eq05 - c - ((1 - f) * c + i * g)) != 0
    assert eq11_exact(1)
    assert not eq11_exact(-1)


@pytest.mark.once
def test_lyapunov_exponents_of_known_systems():
    assert lyapunov("lorenz", trajectories=32, time=40).mean() == pytest.approx(0.906, abs=0.08)
    assert np.abs(lyapunov("sine", trajectories=4, time=40)).max() < 1e-3
    assert np.abs(lyapunov("van_der_pol", 1.0, trajectories=4, time=60)).max() < 0.05


def test_a_number_is_bracketed_by_values_on_both_sides_alone():
    values = pd.Series([0.9, 1.1, 1.0])
    assert all(brackets(values, target) for target in (0.9, 1.05, 1.1))
    assert not any(brackets(values, target) for target in (0.89, 1.11))
    assert not brackets(values[:0], 1.0)


def test_eta_squared_finds_all_or_nothing():
    rng = np.random.default_rng(2)
    noise = [rng.normal(size=10) for _ in range(3)]
    apart = [group * 1e-3 + k for k, group in enumerate(noise)]
    assert eta_squared(apart, 50).value > 0.999
    assert eta_squared([noise[0]] * 3, 50).value == pytest.approx(0, abs=1e-12)


@pytest.mark.once
def test_record_is_the_stated_design_and_has_300_runs_a_row(runs):
    for row in ROWS:
        frame = runs.frames[row.key]
        assert len(frame) >= 300
        assert (frame["error"] == "").mean() > 0.95
        stated = first_stage(row)
        for setting, line in zip(stated, frame.to_dict("records"), strict=False):
            assert all(line[name] == value for name, value in setting.items())
        assert len(frame[frame["stage"] == 1]) == len(stated)


@pytest.mark.once
def test_every_stage_of_the_record_follows_from_those_before_it(runs, monkeypatch):
    done = dict.fromkeys(KEYS, 0)

    def look_up(row, stated, path, progress):
        start = done[row.key]
        done[row.key] += len(stated)
        lines = runs.frames[row.key].iloc[start : done[row.key]]
        for setting, line in zip(stated, lines.to_dict("records"), strict=True):
            assert setting == {name: line[name] for name in setting}
        return lines

    monkeypatch.setattr(settings, "run_stage", look_up)
    found = settings.search_all(Path("nowhere"), runs.targets, Reporter())
    for key in KEYS:
        pd.testing.assert_frame_equal(found[key], runs.frames[key].assign(index=range(done[key])))


@pytest.mark.once
def test_choice_never_looks_at_r(runs):
    blind = {
        key: frame.assign(**{column: 0.0 for column in frame if str(column).startswith("r_")})
        for key, frame in runs.frames.items()
    }
    other = {key: {**row, "r": 5.0} for key, row in runs.targets.items()}
    assert choose(blind, other) == runs.choice


@pytest.mark.once
def test_choice_follows_the_printed_numbers(runs):
    doubled = {key: {q: 2 * x for q, x in row.items()} for key, row in runs.targets.items()}
    assert choose(runs.frames, doubled) != runs.choice


def test_choice_of_one_protocol_is_one_protocol(runs):
    protocols = {
        (
            chosen.variant,
            *(
                chosen.setting[name]
                for name in ("optimiser", "learning_rate", "epochs", "batch_size", "target")
            ),
        )
        for chosen in runs.choice["common"].values()
    }
    assert len(protocols) == 1
    for key in KEYS:
        assert runs.choice["best"][key].distance <= runs.choice["common"][key].distance


def test_recorded_networks_come_with_the_data_that_they_learned_from(runs):
    for key, kind in (("sine", "best"), ("van_der_pol", "declared")):
        found = recorded_networks(GOLDEN, key, kind)
        wanted = runs.configs[key][kind]
        for (model, data), own, config in zip(found, runs.networks[key][kind], wanted, strict=True):
            assert (flatten(model) == flatten(own)).all()
            # the card keeps 12 digits of what the search's record has in full
            assert json.loads(to_json(dataclasses.asdict(config.data))) == dataclasses.asdict(data)
    with pytest.raises(InputError, match="kind steadied"):
        recorded_networks(GOLDEN, "lorenz", "steadied")


def test_damaged_weights_are_refused(runs, tmp_path):
    row = ROWS[0]
    wanted = configs(row, runs.choice)
    data = (GOLDEN / "weights" / f"{row.file}.safetensors").read_bytes()
    (tmp_path / f"{row.file}.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="card"):
        load(row, tmp_path, wanted)
    card = (GOLDEN / "weights" / f"{row.file}.json").read_text()
    (tmp_path / f"{row.file}.json").write_text(card)
    with pytest.raises(InputError, match="as its card says"):
        load(row, tmp_path, wanted)
    (tmp_path / f"{row.file}.json").write_text(card.replace('"epochs": 300', '"epochs": 301'))
    with pytest.raises(InputError, match="card"):
        load(row, tmp_path, wanted)


@pytest.mark.once
def test_a_measurement_that_crashes_is_an_error_of_its_fact_alone(runs):
    broken = dataclasses.replace(runs, networks={key: {} for key in KEYS})
    found = STUDY.facts.measure(broken)
    assert set(found) == set(STUDY.facts.names())
    assert "KeyError" in found["lstm.sine.crossings"].error
    assert not found["lstm.eq11.exact"].error


def test_data_settings_reach_the_generator():
    setting = first_stage(ROWS[2])[0]
    data = data_of(ROWS[2], setting)
    assert (data.mu, data.dt, data.normalisation) == (
        setting["mu"],
        setting["dt"],
        setting["normalisation"],
    )
