"""Schedules: where their arguments end, and the laws that their numbers obey."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.ddpm import Schedule, forward_step, q_sample
from rdverify.tools.errors import InputError

SCHEDULES = {
    "linear": Schedule.linear(40),
    "decreasing": Schedule.linear(30, 1e-3, 0.3, "decreasing"),
    "cosine": Schedule.cosine(25),
    "shortest": Schedule.linear(2, 0.2, 0.7),
}
LEAST, MOST = float(np.nextafter(0, 1)), float(np.nextafter(1, 0))
X = torch.full((2, 1, 2, 2), 3.0, dtype=torch.float64)


def given(*beta: float) -> Schedule:
    return Schedule(np.array(beta))


def of(prediction: str, betas: Any) -> Schedule:
    config = SimpleNamespace(prediction_type=prediction)
    return Schedule.from_scheduler(SimpleNamespace(config=config, betas=betas))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no axis": (lambda: Schedule(np.array(0.1)), r"beta\.ndim = 0 .* 1, for \(T,\)"),
    "two axes": (lambda: Schedule(np.full((2, 2), 0.1)), r"beta\.ndim = 2"),
    "one step": (lambda: given(0.1), "T = 1 .* at least 2 steps"),
    "nothing": (lambda: given(0.1, 0.0), r"beta\[1\] = 0\.0 .* open interval"),
    "less than nothing": (lambda: given(-0.1, 0.1), r"beta\[0\] = -0\.1"),
    "all": (lambda: given(0.1, 1.0), r"beta\[1\] = 1\.0"),
    "more than all": (lambda: given(1.5, 0.1), r"beta\[0\] = 1\.5"),
    "no number": (lambda: given(0.1, math.nan), r"beta\[1\] = nan"),
    "infinite": (lambda: given(0.1, math.inf), r"beta\[1\] = inf"),
    "the first of several": (lambda: given(0.1, 2.0, 0.2, -1.0), r"beta\[1\] = 2\.0"),
    "linear of one step": (lambda: Schedule.linear(1), "T = 1 .* an integer, 2 or more"),
    "cosine of one step": (lambda: Schedule.cosine(1), "T = 1 .* an integer, 2 or more"),
    "end point of zero": (lambda: Schedule.linear(5, 0.0, 0.1), r"beta_1 = 0\.0"),
    "end point of one": (lambda: Schedule.linear(5, 1.0, 0.1), r"beta_1 = 1\.0"),
    "end point above one": (lambda: Schedule.linear(5, 1.5, 0.1), r"beta_1 = 1\.5"),
    "other end of zero": (lambda: Schedule.linear(5, 0.1, 0.0), r"beta_T = 0\.0"),
    "other end of one": (lambda: Schedule.linear(5, 0.1, 1.0), r"beta_T = 1\.0"),
    "negative offset": (lambda: Schedule.cosine(5, -1e-9), r"s = -1e-09 .* \[0, 1\)"),
    "offset of one": (lambda: Schedule.cosine(5, 1.0), r"s = 1\.0"),
    "offset above one": (lambda: Schedule.cosine(5, 1.5), r"s = 1\.5"),
    "cap of zero": (lambda: Schedule.cosine(5, beta_max=0.0), r"beta_max = 0\.0"),
    "negative cap": (lambda: Schedule.cosine(5, beta_max=-0.5), r"beta_max = -0\.5"),
    "cap of one": (lambda: Schedule.cosine(5, beta_max=1.0), r"beta_max = 1\.0"),
    "cap above one": (lambda: Schedule.cosine(5, beta_max=1.5), r"beta_max = 1\.5"),
    "another prediction": (lambda: of("sample", X), "prediction_type = 'sample'"),
    "a later word": (lambda: of("v_prediction", X), "prediction_type = 'v_prediction'"),
    "no betas": (lambda: of("epsilon", None), "scheduler = SimpleNamespace .* with betas"),
    "before the first step": (lambda: forward_step(X, -1, given(0.1, 0.2), X), "t = -1"),
    "after the last step": (lambda: forward_step(X, 2, given(0.1, 0.2), X), r"t = 2 .* \[0, 2\)"),
    "one of several before": (
        lambda: q_sample(X, torch.tensor([-1, 1]), given(0.1, 0.2), X),
        "t = -1",
    ),
    "one of several after": (
        lambda: q_sample(X, torch.tensor([0, 2]), given(0.1, 0.2), X),
        "t = 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_lies_beyond_an_end_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()


def test_what_lies_at_an_end_or_just_within_is_taken() -> None:
    assert given(LEAST, MOST).beta.tolist() == [LEAST, MOST]
    assert Schedule.linear(2, LEAST, MOST).T == 2
    assert Schedule.cosine(2, 0.0).T == 2
    assert Schedule.cosine(8, 0.999).T == 8
    for cap in (1e-3, 0.4, MOST):
        assert Schedule.cosine(8, beta_max=cap).beta.max() == cap
    for t in (0, 1):
        moved = forward_step(X, t, given(0.36, 0.36), 2 * X)
        assert torch.allclose(moved, 0.8 * X + 0.6 * 2 * X)


def test_what_is_left_out_is_ho_and_others_schedule() -> None:
    schedule = Schedule.linear()
    assert (schedule.T, schedule.beta[0], schedule.beta[-1]) == (1000, 1e-4, 0.02)
    assert np.all(np.diff(schedule.beta) > 0)
    assert np.array_equal(Schedule.linear(scaling="1/T").beta, schedule.beta)
    cosine = Schedule.cosine()
    assert cosine.T == 1000
    assert np.array_equal(cosine.beta, Schedule.cosine(1000, 0.008, 0.999).beta)


def test_a_schedule_keeps_numbers_of_its_own_that_nobody_changes() -> None:
    beta = np.array([0.1, 0.2, 0.3])
    schedule = Schedule(beta)
    beta[0] = 0.9
    assert schedule.beta[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        schedule.beta[0] = 0.5


def test_decreasing_is_increasing_backwards_and_a_schedulers_betas_are_taken() -> None:
    up, down = (Schedule.linear(3, 0.1, 0.3, d) for d in ("increasing", "decreasing"))
    assert up.beta == pytest.approx([0.1, 0.2, 0.3])
    assert down.beta.tolist() == up.beta[::-1].tolist()
    taken = of("epsilon", torch.tensor([0.5, 0.25]))
    assert taken.beta.tolist() == [0.5, 0.25]
    assert taken.name == "SimpleNamespace, T = 2"


@pytest.mark.parametrize("T", [200, 400, 1000, 3000])
def test_scaled_end_points_are_a_thousand_over_T_times_those_given(T: int) -> None:
    scaled, plain = (Schedule.linear(T, 1e-3, 0.1, scaling=s) for s in ("1/T", "endpoints"))
    assert scaled.beta == pytest.approx(1000 / T * plain.beta, rel=1e-12)


@pytest.mark.parametrize("s", [0.0, 0.008, 0.5])
def test_a_cosines_alpha_bar_is_its_formula_until_the_cap(s: float) -> None:
    schedule, T = Schedule.cosine(50, s), 50
    level = [math.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2 for t in range(T)]
    assert schedule.alpha_bar[:-1] == pytest.approx(np.array(level[1:]) / level[0], rel=1e-9)
    assert schedule.beta[-1] == 0.999  # the formula's last alpha_bar is 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_posterior_is_bayes_rule(name: str) -> None:
    """q(x_{t-1} | x_t, x_0): precisions add up, and the drift leads to its mean."""
    schedule = SCHEDULES[name]
    beta, alpha, bar = schedule.beta, schedule.alpha, schedule.alpha_bar
    before = schedule.alpha_bar_before
    assert before[0] == 1
    assert before[1:] == pytest.approx(bar[1:] / alpha[1:], rel=1e-12)
    assert schedule.posterior_variance[0] == 0
    precision = alpha[1:] / beta[1:] + 1 / (1 - before[1:])
    assert schedule.posterior_variance[1:] == pytest.approx(1 / precision, rel=1e-9)
    a, b = schedule.drift_coefficients()
    x_0, eps = 0.3, -1.7
    x = np.sqrt(bar) * x_0 + np.sqrt(1 - bar) * eps
    weighed = np.sqrt(alpha[1:]) / beta[1:] * x[1:] + np.sqrt(before[1:]) / (1 - before[1:]) * x_0
    assert ((1 + a) * x + b * eps)[1:] == pytest.approx(weighed / precision, rel=1e-9)
    assert ((1 + a) * x + b * eps)[0] == pytest.approx(x_0, rel=1e-9)


def test_sigma_is_the_root_of_the_variance_that_is_named() -> None:
    schedule = SCHEDULES["linear"]
    assert schedule.sigma() == pytest.approx(np.sqrt(schedule.beta), rel=1e-15)
    assert schedule.sigma("posterior") ** 2 == pytest.approx(schedule.posterior_variance)
    assert schedule.sigma("none").tolist() == [0.0] * 40


def test_what_is_left_of_one_is_exact_where_their_difference_is_not() -> None:
    schedule = Schedule(np.full(5, 1e-14))
    assert schedule.one_minus_alpha_bar == pytest.approx(1e-14 * np.arange(1, 6), rel=1e-12)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 1, 2, 2)])
def test_a_time_for_each_image_is_each_images_own(shape: tuple[int, ...]) -> None:
    schedule = SCHEDULES["linear"]
    x_0, noise = torch.randn((2, *shape), generator=torch.Generator().manual_seed(1)).double()
    times = torch.tensor([0, 17, 39])
    together = q_sample(x_0, times, schedule, noise)
    for k, t in enumerate(times.tolist()):
        one = q_sample(x_0[k], t, schedule, noise[k])
        assert torch.equal(together[k], one)
        r, s = math.sqrt(schedule.alpha_bar[t]), math.sqrt(1 - schedule.alpha_bar[t])
        assert torch.allclose(one, r * x_0[k] + s * noise[k], rtol=1e-9)
