"""One network of a sweep against the same network trained and read by hand."""

import math

import numpy as np
import pytest

from rdverify import InputError, balance_of
from rdverify.lstm import LorenzConfig, LSTMConfig, SineConfig, as_input, build, generate, probe
from rdverify.lstm.probing import gates
from rdverify.lstm.skill import one_step
from rdverify.lstm.target import DEFAULTS, TARGET, config_of
from rdverify.lstm.training import train

SMALL = {"length": 40, "sequences": 8, "epochs": 2, "hidden": 5, "unseen": 6}


def test_a_run_is_the_network_trained_and_probed_by_hand() -> None:
    found = TARGET.run(SMALL | {"frequency": 0.03, "seed": 7})
    data = SineConfig(length=40, sequences=8, seed=7, frequency_low=0.03, frequency_high=0.03)
    config = LSTMConfig(data, hidden=5, epochs=2, seed=7)
    x = generate(data, "unseen", 6)
    trained = train(config)
    for model, ending in ((trained.model, ""), (build(config), "_untrained")):
        balance = balance_of(probe(model.lstm, as_input(x, model)))
        assert found["r" + ending] == balance.r
        assert found["final_ratio" + ending] == pytest.approx(balance.r_t[:, -1].mean(), rel=1e-14)
        inside = gates(model.lstm, as_input(x, model))
        assert found["forget" + ending] == pytest.approx(inside.f.mean(), rel=1e-6)
    assert found["loss"] == trained.losses[-1]
    assert found["skill"] == one_step(trained.model, x, 10).factor


def test_without_training_a_network_is_its_own_control() -> None:
    found = TARGET.run(SMALL | {"epochs": 0, "data": "van_der_pol", "burn_in": 0.0})
    assert found["r"] == found["r_untrained"]
    assert found["final_ratio"] == found["final_ratio_untrained"]
    assert math.isnan(float(found["loss"]))
    short = TARGET.run(SMALL | {"epochs": 0, "length": 4})
    assert math.isnan(float(short["skill"]))
    assert np.isfinite(float(short["r"]))


def test_a_setting_reaches_its_own_data_and_one_seed_both() -> None:
    config = config_of({"data": "lorenz", "rho": 20.0, "scale": 30.0, "seed": 4, "hidden": 3})
    assert config == LSTMConfig(LorenzConfig(rho=20.0, scale=30.0, seed=4), hidden=3, seed=4)
    assert config_of({}) == LSTMConfig()
    assert TARGET.says is not None
    assert set(TARGET.says) == set(TARGET.run(SMALL | {"epochs": 0}))
    assert DEFAULTS["scale"] == "1.0 (sine), 20.0 (lorenz), 2.0 (van_der_pol)"
    assert DEFAULTS["length"] == 200
    assert None not in DEFAULTS.values()  # nothing must be given
    assert {"mu_high", "rho", "frequency_low", "dtype", "unseen"} <= set(DEFAULTS)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"data": "cosine"}, "data"),
        ({"rho": 28.0}, "rho"),
        ({"data": "lorenz", "frequency": 0.1}, "frequency"),
        ({"frequency": 0.7}, "frequency"),
        ({"frequency": 0.1, "frequency_low": 0.1}, "frequency"),
        ({"hiden": 4}, "hidden"),
        ({"length": 1}, "length"),
        ({"unseen": 0}, "unseen"),
        ({"epochs": -1}, "epochs"),
    ],
)
def test_check_refuses_what_a_run_refuses(setting: dict[str, object], named: str) -> None:
    for refuse in (TARGET.check, TARGET.run):
        with pytest.raises(InputError, match=named):
            refuse(setting)


def test_nothing_is_predicted_where_the_target_is_not_the_next_value() -> None:
    for target, told in (("next", True), ("same", False)):
        found = TARGET.run(SMALL | {"epochs": 0, "target": target})
        assert math.isfinite(float(found["skill"])) == told


@pytest.mark.parametrize(("length", "skip"), [(8, 2), (11, 2), (12, 3), (80, 20), (100, 20)])
def test_a_prediction_may_read_a_quarter_of_a_sequence_and_at_most_20_values(
    length: int, skip: int
) -> None:
    found = TARGET.run(SMALL | {"epochs": 0, "length": length, "unseen": 1})
    config = LSTMConfig(SineConfig(length=length, sequences=8), hidden=5, epochs=0)
    x = generate(config.data, "unseen", 1)
    assert found["skill"] == one_step(build(config), x, skip).factor
    assert DEFAULTS["unseen"] == 64
