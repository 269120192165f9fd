"""The exact noise predictors against Bayes' rule, and where their arguments end."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rdverify.ddpm import Schedule
from rdverify.ddpm.denoisers import GaussianDenoiser, MixtureDenoiser, Remapped, TrueNoise
from rdverify.tools.errors import InputError

SCHEDULE = Schedule.linear(30, 1e-3, 0.3)
TIMES = (0, 11, 29)
GENERATOR = torch.Generator().manual_seed(6)
X = torch.randn((3, 2, 1, 2), generator=GENERATOR, dtype=torch.float64)
MEANS = torch.randn((5, 2, 1, 2), generator=GENERATOR, dtype=torch.float64)
WEIGHTS = torch.tensor([0.1, 0.4, 0.2, 0.0, 0.3], dtype=torch.float64)


def at(t: int, n: int = 3) -> torch.Tensor:
    return torch.full((n,), t)


def roots(t: int) -> tuple[float, float]:
    return math.sqrt(SCHEDULE.alpha_bar[t]), math.sqrt(1 - SCHEDULE.alpha_bar[t])


def by_bayes(t: int, variance: float, weights: torch.Tensor) -> np.ndarray:
    """E[eps | x_t] of a mixture, component by component: of each it is a Gaussian's."""
    r, s = roots(t)
    spread = r**2 * variance + s**2
    x, means = X.flatten(1).numpy(), MEANS.flatten(1).numpy()
    found = np.zeros_like(x)
    for k, one in enumerate(x):
        square = np.sum((one - r * means) ** 2, axis=1)
        odds = weights.numpy() * np.exp(-(square - square.min()) / (2 * spread))
        noise = s * (one - r * means) / spread
        found[k] = (odds[:, None] * noise).sum(axis=0) / odds.sum()
    return found.reshape(X.shape)


@pytest.mark.parametrize("variance", [0.0, 0.05, 2.0])
@pytest.mark.parametrize("t", TIMES)
def test_a_mixtures_noise_is_what_bayes_rule_expects(t: int, variance: float) -> None:
    found = MixtureDenoiser(SCHEDULE, MEANS, variance, WEIGHTS)(X, at(t)).numpy()
    assert found == pytest.approx(by_bayes(t, variance, WEIGHTS), rel=1e-6, abs=1e-9)
    alike = MixtureDenoiser(SCHEDULE, MEANS, variance)(X, at(t)).numpy()
    assert alike == pytest.approx(by_bayes(t, variance, torch.ones(5)), rel=1e-6, abs=1e-9)


def test_left_out_data_are_the_means_themselves_and_gaussian_data_are_white() -> None:
    for t in TIMES:
        points = MixtureDenoiser(SCHEDULE, MEANS)(X, at(t))
        assert torch.equal(points, MixtureDenoiser(SCHEDULE, MEANS, 0.0)(X, at(t)))
        assert torch.allclose(GaussianDenoiser(SCHEDULE)(X, at(t)), roots(t)[1] * X)


@pytest.mark.parametrize("t", TIMES)
def test_the_noise_of_gaussian_pixels_is_each_pixels_own(t: int) -> None:
    """x = r x_0 + s eps: precisions add up, for a pixel without variance all is known."""
    mean, variance = MEANS[0], torch.tensor([[[0.0, 0.3]], [[1.0, 5.0]]], dtype=torch.float64)
    denoiser = GaussianDenoiser(SCHEDULE, mean, variance)
    r, s = roots(t)
    precision = 1 + s**2 / (r**2 * variance)
    exact = s / (r**2 * variance) * (X - r * mean) / precision
    known = variance == 0
    exact[:, known] = ((X - r * mean) / s)[:, known]
    assert torch.allclose(denoiser(X, at(t)), exact, rtol=1e-9)
    assert torch.allclose(TrueNoise(SCHEDULE, mean)(X, at(t)), (X - r * mean) / s, rtol=1e-9)
    assert float(denoiser.mmse(t)) == pytest.approx(float((1 / precision).mean()), rel=1e-9)


def test_a_network_under_its_own_schedule_is_asked_as_it_is() -> None:
    asked: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.append(t)
        return 0.5 * x

    same = Remapped(network, SCHEDULE, SCHEDULE)
    for t in range(SCHEDULE.T):  # the noisiest step too: it was trained for that
        assert torch.allclose(same(X, at(t)), 0.5 * X, rtol=1e-12)
    assert torch.cat(asked).tolist() == pytest.approx(np.repeat(np.arange(30.0), 3), abs=1e-9)


def test_a_remapped_network_sees_its_own_scale_and_says_its_own_shape() -> None:
    """A state that is all image, of pixels scale x_0 + shift, is x_0 to the network."""
    quiet = Schedule(np.full(4, 1e-12))
    seen: list[torch.Tensor] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x)
        return x

    network.config = SimpleNamespace(in_channels=2)  # type: ignore[attr-defined]
    own = Schedule.linear(6, 1e-12, 0.5)
    for scale, shift in ((0.5, 0.5), (3.0, -1.0), (1.0, 0.0)):
        carried = Remapped(network, own, quiet, scale, shift)
        carried(scale * X + shift, at(1))
        assert torch.allclose(seen[-1], X, atol=1e-9)
        assert carried.config.in_channels == 2
    assert Remapped(zero_like, own, quiet).config is None


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 0.5), (0.7, 0.0), (1.5, -1.0)])
def test_a_remapped_network_is_asked_where_image_and_noise_are_in_its_own_proportion(
    scale: float, shift: float
) -> None:
    """y = scale x_0 + shift with noise on it is, to the network, x_0 with the same noise."""
    asked: list[tuple[torch.Tensor, float]] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.append((x, float(t[0])))
        return x

    levels = np.log(SCHEDULE.alpha_bar / SCHEDULE.one_minus_alpha_bar)
    carried, eps = Remapped(network, SCHEDULE, SCHEDULE, scale, shift), X.flip(0)
    for t in (8, 15, 20):
        r, s = roots(t)
        carried(r * (scale * X + shift) + s * eps, at(t))
        seen, place = asked[-1]
        level = np.interp(place, np.arange(30), levels)
        assert level == pytest.approx(levels[t] + 2 * math.log(scale), abs=1e-5)
        bar = 1 / (1 + math.exp(-level))
        assert torch.allclose(seen, math.sqrt(bar) * X + math.sqrt(1 - bar) * eps, rtol=1e-6)


def zero_like(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


def test_beyond_the_noisiest_step_the_state_is_its_own_noise() -> None:
    noisy = Schedule.linear(30, 1e-3, 0.6)
    carried = Remapped(zero_like, SCHEDULE, noisy)
    assert torch.equal(carried(X, at(29)), X)
    assert torch.equal(carried(X, at(0)), torch.zeros_like(X))


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "negative variance of one pixel": (
        lambda: GaussianDenoiser(SCHEDULE, 0.0, torch.tensor([0.5, -0.5])),
        "variance .* >= 0 in every pixel",
    ),
    "a mean that is one number": (
        lambda: MixtureDenoiser(SCHEDULE, torch.zeros(3)),
        r"means\.shape = \(3,\) .* K >= 1",
    ),
    "no component": (lambda: MixtureDenoiser(SCHEDULE, torch.zeros(0, 4)), r"means\.shape"),
    "negative variance": (lambda: MixtureDenoiser(SCHEDULE, MEANS, -0.5), r"variance = -0\.5"),
    "variance without end": (lambda: MixtureDenoiser(SCHEDULE, MEANS, math.inf), "variance = inf"),
    "too few weights": (lambda: MixtureDenoiser(SCHEDULE, MEANS, 0.1, WEIGHTS[:4]), "weights"),
    "too many weights": (lambda: MixtureDenoiser(SCHEDULE, MEANS[:4], 0.1, WEIGHTS), "weights"),
    "a negative weight": (
        lambda: MixtureDenoiser(SCHEDULE, MEANS[:2], 0.1, torch.tensor([1.5, -0.5])),
        "weights",
    ),
    "a scale of nothing": (
        lambda: Remapped(zero_like, SCHEDULE, SCHEDULE, 0.0),
        r"scale = 0\.0 .* positive and finite",
    ),
    "a negative scale": (lambda: Remapped(zero_like, SCHEDULE, SCHEDULE, -1.0), "scale"),
    "a scale without end": (lambda: Remapped(zero_like, SCHEDULE, SCHEDULE, math.inf), "scale"),
    "a scale that is no number": (lambda: Remapped(zero_like, SCHEDULE, SCHEDULE, math.nan), "sca"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_lies_beyond_an_end_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()


def test_one_component_of_a_pixel_and_one_image_are_enough() -> None:
    image = TrueNoise(SCHEDULE, MEANS[0])(X[:1], at(11, 1))
    assert torch.equal(image, TrueNoise(SCHEDULE, MEANS[0])(X, at(11))[:1])
    assert torch.equal(Remapped(zero_like, SCHEDULE, SCHEDULE)(X[:1], at(11, 1)), 0 * X[:1])
    one = MixtureDenoiser(SCHEDULE, torch.ones(1, 1, dtype=torch.float64))
    r, s = roots(11)
    assert torch.allclose(
        one(torch.zeros(2, 1, dtype=torch.float64), at(11, 2)), one.means * -r / s
    )
