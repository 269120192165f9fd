"""The balance in closed form: laws of its norms, and where its arguments end."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from scipy import special

from rdverify.ddpm import (
    ReverseProcess,
    Schedule,
    expected_balance,
    expected_of,
    final_ratio,
    of_scheduler,
)
from rdverify.ddpm.expected import ExpectedBalance, mean_norm
from rdverify.tools.errors import InputError

SCHEDULE = Schedule.linear(12, 0.01, 0.4)
# ||m||^2 / (scale^2 d): on both sides of where the sum changes, and where nothing scatters
RATIOS = (0.0, 1e-3, 0.499, 0.501, 0.9, 0.99, 1.01, 40.0, 1.001e9, 1e11)
DIMENSIONS = (1, 2, 7, 300)
MADE = ExpectedBalance(
    react_t=np.array([2.0, 4.0]),
    diff_t=np.array([8.0, 0.0]),
    react_std_t=np.array([3.0, 4.0]),
    diff_std_t=np.array([5.0, 12.0]),
    epsilon_t=np.array([6.0, 10.0]),
)


def chi(d: int) -> float:
    """Mean norm of d independent standard normal numbers."""
    return math.sqrt(2) * math.exp(special.gammaln((d + 1) / 2) - special.gammaln(d / 2))


def one_norm(scale: float, dimension: int, squared: float) -> float:
    return float(mean_norm(np.array([scale]), dimension, np.array([squared]))[0])


def test_means_ratios_and_errors_are_those_of_the_curves() -> None:
    assert (MADE.m_react, MADE.m_diff, MADE.m_epsilon) == (3.0, 4.0, 8.0)
    assert MADE.r == 0.75
    assert MADE.r_t.tolist() == [0.25, math.inf]
    # sqrt(3^2 + 4^2) and sqrt(5^2 + 12^2), over two steps and the root of n
    for n, root in ((1, 1.0), (4, 2.0), (9, 3.0)):
        assert MADE.monte_carlo_error(n) == pytest.approx((2.5 / root, 6.5 / root), rel=1e-12)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("size", [1e-12, 1e6])
def test_a_mean_norm_grows_as_its_vector_does(d: int, size: float) -> None:
    for ratio in RATIOS:
        plain, scaled = one_norm(1.0, d, ratio * d), one_norm(size, d, size**2 * ratio * d)
        assert scaled == pytest.approx(size * plain, rel=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_a_mean_norm_lies_between_its_bounds_and_grows_with_the_shift(d: int) -> None:
    """||m|| or chi_d at least, the root of the mean square at most; the two meet far out."""
    found = np.array([one_norm(1.0, d, ratio * d) for ratio in RATIOS])
    squares = np.array(RATIOS) * d
    assert np.all(np.diff(found) > 0)
    assert np.all(found >= np.maximum(np.sqrt(squares), chi(d)) * (1 - 1e-9))
    assert np.all(found <= np.sqrt(squares + d) * (1 + 1e-9))
    assert found[0] == pytest.approx(chi(d), rel=1e-12)


def test_of_one_pixel_the_mean_norm_is_that_of_a_folded_normal() -> None:
    for m in (0.0, 0.3, 0.7, 0.8, 2.0, 6.0):
        exact = math.sqrt(2 / math.pi) * math.exp(-(m**2) / 2) + m * math.erf(m / math.sqrt(2))
        assert one_norm(1.0, 1, m**2) == pytest.approx(exact, rel=1e-12)


def test_each_element_has_a_mean_norm_of_its_own() -> None:
    scale = np.array([0.0, 1e-9, 0.5, 0.5, 2.0, 2.0])
    squared = np.array([4.0, 4.0, 4.0, 0.0, 0.0, 900.0])
    together = mean_norm(scale, 5, squared)
    assert together == pytest.approx(
        [one_norm(*each) for each in zip(scale, [5] * 6, squared, strict=True)]
    )
    assert together[0] == 2.0
    assert mean_norm(np.zeros(2), 3, np.zeros(2)).tolist() == [0.0, 0.0]


PROCESSES = {
    "schedule": ReverseProcess.of_schedule(SCHEDULE),
    "ddpm": of_scheduler(DDPMScheduler(num_train_timesteps=12, clip_sample=False)),
    "ddim": of_scheduler(DDIMScheduler(num_train_timesteps=12, clip_sample=False), 6, 0.5),
}


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("d", [2, 5])
def test_drifts_are_what_each_step_makes_of_image_and_noise_alone(name: str, d: int) -> None:
    """A step is linear: of an image alone it makes A x_0, of noise alone c eps."""
    process, m2, one = PROCESSES[name], 0.7, torch.ones(1, dtype=torch.float64)
    found = [expected_of(process, d, m2)]
    if name == "schedule":
        found.append(expected_balance(SCHEDULE, d, m2))
    for k in range(process.T):
        r, s = float(process.root_bar[k]), float(process.root_rest[k])
        image, noise = (
            abs(float(process.drift(x * one, eps * one, k))) for x, eps in ((r, 0.0), (s, 1.0))
        )
        for expected in found:
            mean, scatter = expected.react_t[k], expected.react_std_t[k]
            squared = image**2 * d * m2
            assert mean == pytest.approx(one_norm(noise, d, squared), rel=1e-6)
            assert mean**2 + scatter**2 == pytest.approx(squared + noise**2 * d, rel=1e-6)


@pytest.mark.parametrize("d", [1, 48])
def test_of_several_images_mean_and_variance_are_those_of_their_mixture(d: int) -> None:
    """The law of total variance."""
    m2 = np.array([0.0, 0.3, 5.0])
    together = expected_balance(SCHEDULE, d, m2)
    each = [expected_balance(SCHEDULE, d, float(value)) for value in m2]
    mean = np.mean([one.react_t for one in each], axis=0)
    square = np.mean([one.react_t**2 + one.react_std_t**2 for one in each], axis=0)
    assert together.react_t == pytest.approx(mean, rel=1e-12)
    assert together.react_std_t**2 == pytest.approx(square - mean**2, rel=1e-6)
    assert together.diff_t == pytest.approx(each[0].diff_t)


def test_up_to_64_images_count_one_by_one_and_more_by_their_quantiles() -> None:
    steep = np.exp(np.linspace(0, 6, 64))
    exact = np.mean([expected_balance(SCHEDULE, 9, float(v)).react_t for v in steep], axis=0)
    assert expected_balance(SCHEDULE, 9, steep).react_t == pytest.approx(exact, rel=1e-12)
    # each value twice, in any order: the same distribution
    twice = np.random.default_rng(1).permutation(np.repeat(steep, 2))
    assert expected_balance(SCHEDULE, 9, twice).react_t == pytest.approx(exact, rel=0.01)
    assert expected_balance(SCHEDULE, 9, np.full(65, 0.7)).react_t == pytest.approx(
        expected_balance(SCHEDULE, 9, 0.7).react_t, rel=1e-12
    )


@pytest.mark.parametrize("variance", ["beta", "posterior", "none"])
@pytest.mark.parametrize("d", [1, 2, 100])
def test_the_noise_is_sigma_times_a_chi_variable(variance: str, d: int) -> None:
    expected = expected_balance(SCHEDULE, d, 0.5, variance)
    sigma = SCHEDULE.sigma(variance)[::-1]
    assert expected.diff_t == pytest.approx(sigma * chi(d), rel=1e-12)
    assert expected.diff_std_t**2 == pytest.approx(sigma**2 * (d - chi(d) ** 2), rel=1e-6)
    assert expected.epsilon_t == pytest.approx(np.full(12, chi(d)), rel=1e-12)


def test_what_a_step_does_not_count_has_no_noise_in_closed_form_either() -> None:
    small = of_scheduler(DDPMScheduler(num_train_timesteps=9, variance_type="fixed_small"))
    found = expected_of(small, 4, 0.5)
    assert small.counted.tolist() == [True] * 8 + [False]
    assert found.diff_t == pytest.approx(small.sigma * small.counted * chi(4))
    assert found.diff_t[-1] == 0
    silent = of_scheduler(DDIMScheduler(num_train_timesteps=9), 3, 0.0)
    assert expected_of(silent, 4, 0.5).diff_t.tolist() == [0.0] * 3


def test_final_ratio_falls_from_one_to_zero_as_the_root_of_what_is_explained() -> None:
    assert [final_ratio(share * 8, 8) for share in (0, 0.19, 0.36, 0.75, 1)] == pytest.approx(
        [1, 0.9, 0.8, 0.5, 0]
    )
    assert final_ratio(0.75, 1) == 0.5


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no pixel": (lambda: expected_balance(SCHEDULE, 0, 1.0), "dimension = 0"),
    "one mean square below zero": (
        lambda: expected_balance(SCHEDULE, 4, np.array([0.5, -1e-9])),
        "mean_square .* finite and >= 0",
    ),
    "one without end": (
        lambda: expected_balance(SCHEDULE, 4, np.array([0.5, math.inf])),
        "mean_square",
    ),
    "none": (lambda: expected_balance(SCHEDULE, 4, np.array([])), "mean_square"),
    "no trajectory": (lambda: MADE.monte_carlo_error(0), "n = 0"),
    "negative error": (lambda: final_ratio(-1e-9, 4), r"mmse = -1e-09 .* in \[0, d = 4\]"),
    "error above d": (lambda: final_ratio(4.0001, 4), "mmse = 4.0001"),
    "error of no pixel": (lambda: final_ratio(0.0, 0), "dimension = 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_closed_form_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()
