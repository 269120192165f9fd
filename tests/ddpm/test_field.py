"""What kind of field a network is: Jacobians by automatic differentiation, held to known ones."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.ddpm.denoisers import GaussianDenoiser, MixtureDenoiser, TrueNoise, zero
from rdverify.ddpm.study import ascent, field, noise, variance
from rdverify.ddpm.study.exact import SDE
from rdverify.ddpm.study.observables import (
    before,
    details,
    early_max,
    fall,
    rise,
    towards_balance,
)
from rdverify.ddpm.study.rows import SCHEDULE
from rdverify.ddpm.unet import build_unet
from rdverify.study.frames import read_frame
from rdverify.tools.progress import Reporter

SHAPE = (1, 6, 6)
IMAGES = torch.linspace(-1, 1, 4 * 36).reshape(4, *SHAPE)


def linear(matrix: torch.Tensor):
    """A network that multiplies each image, taken as a vector, by a matrix."""
    return lambda x, t: (x.flatten(1) @ matrix.T).reshape(x.shape)


def test_jacobian_products_are_those_of_the_matrix():
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn((36, 36), generator=generator)
    v = torch.randn(IMAGES.shape, generator=generator)
    forth, back = field.jacobian_products(linear(matrix), IMAGES, 3, v)
    assert torch.allclose(forth.flatten(1), v.flatten(1) @ matrix.T, atol=1e-5)
    assert torch.allclose(back.flatten(1), v.flatten(1) @ matrix, atol=1e-5)


def test_jacobian_products_agree_with_finite_differences_of_a_u_net():
    unet = build_unet(1, widths=(8, 8), norm_groups=4, attention=(1,), seed=2).double()
    x = torch.randn((1, 1, 32, 32), generator=torch.Generator().manual_seed(3)).double()
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(4)).double()
    forth, _ = field.jacobian_products(unet, x, 5, v)
    h = 1e-4
    with torch.no_grad():
        slope = (unet(x + h * v, 5).sample - unet(x - h * v, 5).sample) / (2 * h)
    assert torch.allclose(forth, slope, atol=1e-6)
    w = torch.randn(x.shape, generator=torch.Generator().manual_seed(5)).double()
    _, pulled = field.jacobian_products(unet, x, 5, w)
    assert float((w * forth).sum()) == pytest.approx(float((pulled * v).sum()), rel=1e-6)


@pytest.mark.parametrize("part", ["whole", "shaped"])
def test_exact_denoisers_are_gradients_and_a_rotation_is_none(part):
    exact = MixtureDenoiser(SCHEDULE, IMAGES, 0.1)
    assert field.asymmetries(exact, IMAGES.double())[part].max() < 1e-6
    odd = torch.randn((36, 36), generator=torch.Generator().manual_seed(6))
    assert field.asymmetries(linear(odd - odd.T), IMAGES)[part] == pytest.approx(1, rel=1e-3)


def test_asymmetry_of_independent_entries_and_of_an_identity_that_hides_them(monkeypatch):
    monkeypatch.setattr(field, "PROBES", 200)
    matrix = torch.randn((36, 36), generator=torch.Generator().manual_seed(7))
    found = field.asymmetries(linear(matrix), IMAGES, (100,))["whole"]
    assert found == pytest.approx(math.sqrt(0.5), rel=0.1)
    hidden = matrix + 100 * torch.eye(36)
    assert field.asymmetries(linear(hidden), IMAGES, (100,))["whole"].max() < 0.06
    assert field.asymmetries(linear(hidden), IMAGES, (100,))["shaped"] == pytest.approx(
        found, rel=0.1
    )


@pytest.mark.parametrize("size", [1, 5])
def test_feedback_of_the_true_noise_is_what_its_formula_says(size):
    """eps = (x - sqrt(abar) x_0)/sqrt(1 - abar): J of the drift is (a + b/sqrt(1 - abar)) Id."""
    found = field.feedback(TrueNoise(SCHEDULE, IMAGES), IMAGES, size, (300,))
    a, b = SCHEDULE.drift_coefficients()
    own = a[300] + b[300] / math.sqrt(SCHEDULE.one_minus_alpha_bar[300])
    assert found == pytest.approx(own / SCHEDULE.beta[300], rel=1e-4)
    assert found.max() < 0


def test_feedback_is_positive_where_nothing_is_predicted():
    zero = field.feedback(lambda x, t: 0 * x, IMAGES, 1, (300,))
    assert zero == pytest.approx(0.5, rel=0.02)  # a_t = 1/sqrt(1 - beta) - 1


def test_the_noise_itself_leads_back_and_a_blind_network_away():
    def true(x, t):
        bar, rest = SCHEDULE.alpha_bar[t], SCHEDULE.one_minus_alpha_bar[t]
        return (x - bar**0.5 * IMAGES) / rest**0.5

    assert field.way_back(true, IMAGES).min() > 0.9  # drift grows x a little as well
    assert field.way_back(lambda x, t: 0 * x, IMAGES).max() < 0
    assert field.way_back(lambda x, t: -true(x, t), IMAGES).max() < -0.9


def test_whereto_is_one_on_the_way_and_zero_across():
    states, ends = torch.zeros(3, 2, 1, 1, 2), torch.tensor([[[[1.0, 0.0]]], [[[0.0, 2.0]]]])
    forces = torch.tensor([5.0, 0.0]).expand(3, 2, 1, 1, 2)
    assert field.whereto(states, forces, ends) == pytest.approx([1.0, 0.0])


def test_variance_share_is_one_for_white_data_and_the_posteriors_for_known_data():
    schedule = Schedule.linear(50)
    white = GaussianDenoiser(schedule, 0.0, 1.0)
    errors = np.array([float(white.mmse(t)) for t in range(1, 50)])
    assert variance.variance_share(schedule, errors) == pytest.approx(1.0)
    least = schedule.posterior_variance[1:] / schedule.beta[1:]
    assert variance.variance_share(schedule) == pytest.approx(least)


def test_variance_share_of_gaussian_data_is_that_of_the_joint_law():
    """x_{t-1} and x_t are jointly Gaussian: the conditional variance in closed form."""
    schedule, v = Schedule.linear(50), 0.3
    errors = np.array([float(GaussianDenoiser(schedule, 0.0, v).mmse(t)) for t in range(1, 50)])
    before_ = schedule.alpha_bar[:-1] * v + 1 - schedule.alpha_bar[:-1]
    beta = schedule.beta[1:]
    exact = before_ * beta / ((1 - beta) * before_ + beta)
    assert variance.variance_share(schedule, errors) * beta == pytest.approx(exact, rel=1e-9)


@pytest.mark.once
def test_walks_in_the_mixture_are_shares_and_cosines_and_the_score_knows_more_than_noise():
    walks = field.walks()
    for values in walks.values():
        assert values.shape == (field.BATCHES,)
        assert np.all(np.abs(values) <= 1)
    assert np.all(walks["silent.rising"] > walks["noise.rising"])
    assert walks["score"].mean() > walks["blind"].mean()


def test_potential_is_the_one_whose_gradient_the_silent_field_is():
    """Its gradient by central differences, times beta, is Eq. (10) without noise."""
    x, h = np.random.default_rng(9).standard_normal((20, 2)), 1e-5
    for t in (0.05, 0.4, 1.0):
        gradient = np.stack(
            [
                (ascent.potential(x + e, t) - ascent.potential(x - e, t)) / (2 * h)
                for e in h * np.eye(2)
            ],
            axis=1,
        )
        assert ascent.silent_field(x, t) == pytest.approx(SDE.beta(t) * gradient, rel=1e-5)


def test_asymmetry_by_differences_is_that_of_a_matrix():
    matrix = np.array([[1.0, 2.0], [-3.0, 0.5]])
    x = np.random.default_rng(10).standard_normal((3, 2))
    odd = np.linalg.norm((matrix - matrix.T) / 2) / np.linalg.norm(matrix)
    assert ascent.asymmetry(lambda y: y @ matrix.T, x) == pytest.approx(odd)
    assert ascent.asymmetry(lambda y: y @ (matrix + matrix.T), x) == pytest.approx(0, abs=1e-9)


@pytest.mark.once
def test_the_silent_process_climbs_its_potential_and_noise_hides_that():
    found = ascent.ascents()
    assert all(values.shape == (field.BATCHES,) for values in found.values())
    assert found["asymmetry"].max() < 1e-6
    assert found["silent"].min() > found["noise"].max()


def test_curves_before_t_08_and_at_the_end():
    steps = 400
    u = np.arange(steps) / steps
    r_t = np.where(u < 0.8, 0.1, 0.9)[None] * np.array([[1.0], [2.0]])
    assert early_max(r_t) == pytest.approx([0.1, 0.2])
    assert fall(r_t) == pytest.approx([0, 0])
    assert fall(r_t[:, ::-1])[0] == pytest.approx(1 - 0.1 / 0.9)
    assert rise(r_t) == pytest.approx([9, 9])
    # nearer to 1 by 0.9 - 0.1, and (1.8, on the other side) by 0.8 - 0.8
    assert towards_balance(r_t) == pytest.approx([0.8, 0.0])


def test_a_hump_is_a_fall_also_where_it_ends_above_its_first_value():
    """Flat pieces longer than the moving mean: it reaches each piece's own value."""
    hump = np.repeat([1.0, 4.0, 3.0, 5.0], 100)
    deeper = np.repeat([1.0, 4.0, 3.0, 5.0, 2.0], 100)
    assert fall(hump[None]) == pytest.approx([1 / 4])
    assert fall(deeper[None]) == pytest.approx([3 / 5])


def test_an_infinite_ratio_is_no_fall_but_coming_back_from_it_is():
    silent_end = np.append(np.repeat([2.0, 1.5], 100), np.inf)
    assert fall(silent_end[None]) == pytest.approx([1 / 4])
    assert fall(silent_end[None, ::-1]) == pytest.approx([1.0])


def test_before_takes_the_largest_up_to_its_time():
    times, curves = np.array([0.0, 0.5, 0.8, 0.9]), np.array([[0.1], [0.4], [0.3], [0.9]])
    assert before(times, curves) == pytest.approx([0.4])
    assert before(times, curves, 0.9) == pytest.approx([0.9])


def test_details_are_correlations_of_x_t_itself_band_by_band():
    """Waves of 16 and of 2 pixels under noise: each band correlates as s/sqrt(s^2 + n^2) of it."""
    x = torch.arange(32.0)
    image = (torch.cos(2 * math.pi * x / 16) + 0.5 * torch.cos(math.pi * x)).expand(200, 1, 32, 32)
    noise = torch.randn((200, 1, 32, 32), generator=torch.Generator().manual_seed(8))
    watched = SimpleNamespace(states=torch.stack([image + noise]))
    found = details(SimpleNamespace(images=image, watched=watched))  # what it asks of a Sampled
    low = math.pi * 0.25**2  # share of the noise's power in the coarse band
    signals, noises = {"coarse": 0.5, "fine": 0.25}, {"coarse": low, "fine": 1 - low}
    for name, curve in found.items():
        signal = signals[name]
        expected = math.sqrt(signal / (signal + noises[name]))
        assert curve.mean() == pytest.approx(expected, rel=0.03)


def test_chains_of_noise_are_those_that_the_sampler_draws():
    schedule = Schedule.linear(12)
    _, trace = sample(zero, schedule, (1, 8, 8), images=3, seed=5)
    own = noise.chains_of_noise(5, 3, (1, 8, 8), schedule)
    assert own == pytest.approx(balance_of(trace).m_diff_runs, rel=1e-6)


def test_a_sample_far_off_is_told_as_chance_with_its_share(tmp_path, monkeypatch):
    def chains(seed: int) -> np.ndarray:
        known = expected_balance(SCHEDULE, 1024, 0.0)
        off = 1.0 if seed % 2 else -1.0  # one standard error of 16 chains, either way
        return np.full(16, known.m_diff + off * known.monte_carlo_error(16)[1])

    monkeypatch.setattr(noise, "chains_of_noise", chains)
    frame = noise.measure_noise(tmp_path / "noise.csv", Reporter(), samples=10)
    assert noise.distances(read_frame(tmp_path / "noise.csv")) == pytest.approx(
        [-1, 1] * 5, abs=1e-4
    )
    words = noise.told(frame, -1.96)
    assert "scatter by 1.00" in words
    assert "lies -2.0 standard errors off what its noise should give" in words
    assert "by chance with p = 0.050" in words
