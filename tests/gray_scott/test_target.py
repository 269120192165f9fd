"""One run of a sweep against the same run made by hand, and against what is known exactly."""

import math
from dataclasses import fields

import numpy as np
import pytest

from rdverify import InputError, balance_of
from rdverify.gray_scott import GrayScottConfig, classify, run, simulate
from rdverify.gray_scott.target import AT_REST_BELOW, KEPT, TARGET, relaxation
from rdverify.sweep.target import attempt

SMALL = {"feed_rate": 0.029, "rows": 48, "cols": 48, "steps": 5_000}


@pytest.mark.once
def test_a_run_is_that_of_the_simulator_though_it_is_made_in_pieces() -> None:
    found = TARGET.run(SMALL | {"seed": 3})
    config = GrayScottConfig(**SMALL, seed=3, inner_products=True)
    whole = simulate(config)
    balance = balance_of(whole.trace)
    assert found["r"] == balance.r
    assert found["m_react"] == balance.m_react
    assert found["m_diff"] == balance.m_diff
    assert found["final_ratio"] == balance.r_t[0, -1]
    assert found["pattern"] == classify(whole.v).label == "spots"
    assert found["contrast"] == np.ptp(whole.v)
    bound = (whole.trace.extras["change"] / whole.trace.diff)[0]
    assert found["residual"] == bound[-relaxation(config) :].max()
    # which the model's docstring proves
    assert abs(float(found["final_ratio"]) - 1) <= bound[-1] <= float(found["residual"])


def test_what_came_to_rest_solves_the_steady_equation_and_what_did_not_does_not() -> None:
    settled = TARGET.run(SMALL | {"steps": 40_000})
    assert settled["stationary"] is True
    assert settled["pattern"] == settled["pattern_before"] == "spots"
    assert float(settled["residual"]) <= AT_REST_BELOW
    # at the maximum of v diffusion takes away, so that u v > F + k there
    assert float(settled["supply"]) > 1
    growing = TARGET.run(SMALL | {"steps": 1_000})
    assert growing["stationary"] is False
    # Pearson's region of spots that overcrowd and die, in unending turmoil
    chaos = TARGET.run(SMALL | {"feed_rate": 0.02, "kill_rate": 0.05, "steps": 20_000})
    assert chaos["stationary"] is False
    assert float(chaos["residual"]) > 10 * AT_REST_BELOW


def test_a_run_that_dies_is_cut_short_and_has_the_means_of_all_its_steps() -> None:
    dying = {"feed_rate": 0.03, "kill_rate": 0.08, "rows": 16, "cols": 16, "square": 8}
    found = TARGET.run(dying | {"steps": 6_000})
    balance = balance_of(run(GrayScottConfig(**dying, steps=6_000)))
    for name in ("m_react", "m_diff", "r"):
        assert found[name] == pytest.approx(getattr(balance, name), rel=1e-12)
    assert found["pattern"] == "uniform"
    assert found["stationary"] is False
    assert math.isnan(float(found["final_ratio"]))
    assert math.isnan(float(found["residual"]))
    assert float(found["supply"]) < 1e-15


def test_the_slowest_wave_of_a_torus_relaxes_in_the_time_that_counts_as_late() -> None:
    config = GrayScottConfig(feed_rate=0.03, rows=64, cols=32, steps=10_000, dt=2.0)
    wave = np.exp(-config.d_u * (2 * np.pi / (64 * config.dx)) ** 2 * 2.0 * relaxation(config))
    assert wave == pytest.approx(np.exp(-1), rel=2e-3)  # tau is rounded to whole steps
    assert relaxation(GrayScottConfig(feed_rate=0.03, steps=10)) == 5


def test_every_setting_is_known_and_no_other() -> None:
    assert TARGET.defaults is not None
    assert TARGET.defaults["feed_rate"] is None
    assert set(TARGET.defaults) == {f.name for f in fields(GrayScottConfig)} - set(KEPT)
    assert TARGET.says is not None
    assert set(TARGET.says) == set(TARGET.run(SMALL | {"steps": 2}))


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({}, "feed_rate"),
        (SMALL | {"feed_rat": 1.0}, "feed_rate"),
        (SMALL | {"dt": 9.0}, "dt"),
        (SMALL | {"rows": 3, "square": 0}, "rows"),
        (SMALL | {"noise_kind": "pink"}, "noise_kind"),
    ],
)
def test_check_refuses_what_a_run_refuses(setting: dict[str, object], named: str) -> None:
    for refuse in (TARGET.check, TARGET.run):
        with pytest.raises(InputError, match=named):
            refuse(setting)


def test_a_divergence_is_a_failed_row() -> None:
    wild = SMALL | {"square_u": 60.0, "steps": 500}
    TARGET.check(wild)
    row = attempt("rdverify.gray_scott.target:TARGET", wild)
    assert "FloatingPointError: diverged after" in row["error"]
    assert "r" not in row
