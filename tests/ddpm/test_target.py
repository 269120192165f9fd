"""One chain of a sweep against the same chain sampled by hand, and against the closed form."""

import inspect
import math

import numpy as np
import pytest

from rdverify import InputError, balance_of
from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.ddpm.denoisers import GaussianDenoiser, zero
from rdverify.ddpm.target import DEFAULTS, SCHEDULES, TARGET, config_of

SMALL = {"T": 60, "dimension": 40, "images": 8, "scaling": "1/T"}


def test_a_run_is_the_chain_sampled_by_hand() -> None:
    found = TARGET.run(SMALL | {"seed": 5, "variance": "posterior", "spread": 0.7})
    schedule = Schedule.linear(60, scaling="1/T")
    denoiser = GaussianDenoiser(schedule, 0.0, 0.7**2)
    _, trace = sample(denoiser, schedule, (1, 1, 40), 8, 5, variance="posterior")
    balance = balance_of(trace)
    assert found["m_react"] == balance.m_react
    assert found["m_diff"] == balance.m_diff
    assert found["r"] == balance.r
    assert found["final_ratio"] == math.inf  # a posterior variance ends with 0
    expected = expected_balance(schedule, 40, 0.7**2, "posterior")
    assert found["expected_r"] == expected.r
    assert found["r_error"] == pytest.approx(balance.r_runs.std(ddof=1) / np.sqrt(8))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_chain_of_a_perfect_denoiser_has_the_ratio_of_the_closed_form(schedule: str) -> None:
    setting = {"schedule": schedule, "T": 400, "dimension": 300, "images": 32}
    found = TARGET.run(setting | {"denoiser": "true_noise"})
    # the marginals of a chain that starts in pure noise differ by what is left of the image
    assert found["kept"] < 0.2
    slack = 5 * float(found["r_error"]) / float(found["expected_r"])
    assert found["r"] == pytest.approx(found["expected_r"], rel=slack + float(found["kept"]) ** 2)


def test_a_network_that_has_learned_nothing_lets_the_state_grow() -> None:
    found = TARGET.run(SMALL | {"denoiser": "zero"})
    schedule = Schedule.linear(60, scaling="1/T")
    _, trace = sample(zero, schedule, (1, 1, 40), 8, 0)
    assert found["r"] == balance_of(trace).r
    # no drift holds the state back: x grows as 1 / sqrt(alpha) in every step
    assert found["final_ratio"] > found["expected_final_ratio"]


def test_a_set_of_pictures_is_what_its_chains_end_in() -> None:
    found = TARGET.run(SMALL | {"denoiser": "set", "T": 200, "dimension": 500})
    one = TARGET.run(SMALL | {"denoiser": "true_noise", "T": 200, "dimension": 500})
    # far from one another the pictures don't matter, but for their lengths
    assert found["r"] == pytest.approx(one["r"], rel=0.02)
    assert math.isnan(float(TARGET.run(SMALL | {"images": 1})["r_error"]))
    assert TARGET.says is not None
    assert set(TARGET.says) == set(found)


def test_a_cosine_has_no_end_points() -> None:
    assert config_of({"schedule": "cosine", "T": 50}).made().name.startswith("cosine")
    assert config_of({"schedule": "linear-decreasing"}).made().beta[0] == DEFAULTS["beta_T"]
    assert None not in DEFAULTS.values()


def test_left_out_a_chain_is_one_of_mnists_pixels_and_as_many_as_are_sampled() -> None:
    assert DEFAULTS["dimension"] == 28**2
    assert DEFAULTS["images"] == inspect.signature(sample).parameters["images"].default


@pytest.mark.parametrize("schedule", ["linear", "linear-decreasing"])
def test_a_linear_schedule_has_the_end_points_that_it_is_given(schedule: str) -> None:
    ends = config_of({"schedule": schedule, "T": 5, "beta_1": 0.1, "beta_T": 0.3}).made().beta
    assert sorted(ends) == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3])
    assert (ends[0] < ends[-1]) == (schedule == "linear")


def test_the_last_step_is_expected_and_what_is_kept_is_left_at_the_noisiest() -> None:
    found, schedule = TARGET.run(SMALL), config_of(SMALL).made()
    expected = expected_balance(schedule, 40, 0.25)
    assert expected.r_t[-1] != expected.r_t[-2]
    assert found["expected_final_ratio"] == expected.r_t[-1]
    assert found["kept"] == pytest.approx(math.sqrt(np.prod(1 - schedule.beta)))


def test_two_chains_scatter_and_data_of_one_point_have_no_spread() -> None:
    error = float(TARGET.run(SMALL | {"images": 2})["r_error"])
    assert 0 < error < math.inf
    still = TARGET.run(SMALL | {"spread": 0.0})
    expected = expected_balance(config_of(SMALL).made(), 40, 0.0)
    assert still["expected_r"] == expected.r


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"schedule": "sigmoid"}, "schedule"),
        ({"schedule": "cosine", "beta_T": 0.1}, "beta_T"),
        ({"T": 1}, "T"),
        ({"T": 10, "scaling": "1/T"}, "beta"),
        ({"variance": "none"}, "variance"),
        ({"dimension": 0}, "dimension"),
        ({"spread": -1.0}, "spread"),
        ({"denoiser": "unet"}, "denoiser"),
        ({"image": 3}, "images"),
        ({"seed": -1}, "seed"),
    ],
)
def test_check_refuses_what_a_run_refuses(setting: dict[str, object], named: str) -> None:
    for refuse in (TARGET.check, TARGET.run):
        with pytest.raises(InputError, match=named):
            refuse(setting)
