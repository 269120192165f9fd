"""What a network is trained and judged on: drawn by seed and step, each image once an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rdverify.ddpm import batches
from rdverify.ddpm.batches import Batches, Validation
from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.schedule import Schedule
from rdverify.tools.torchkit import seeded

QUIET = Schedule(np.full(10, 1e-12))  # x_t is x_0 all but exactly
STEPPED = Schedule.linear(6, 0.05, 0.5)


def pixels(n: int) -> torch.Tensor:
    """Image k is k + 1 in its upper left corner and 0 elsewhere."""
    images = torch.zeros((n, 1, 32, 32), dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(n) + 1
    return images


def corners(x_t: torch.Tensor, column: int = 0) -> list[int]:
    return ((x_t[:, 0, 0, column] + 1) * 127.5).round().int().tolist()


def draw(n: int, batch: int, **options: Any) -> Batches:
    return Batches(pixels(n), options.pop("schedule", QUIET), batch=batch, seed=3, **options)


def test_every_epoch_has_each_image_once_in_an_order_of_its_own() -> None:
    drawn = draw(12, 4)
    epochs = [[c for s in range(3) for c in corners(drawn(3 * e + s)[0])] for e in range(3)]
    assert all(sorted(epoch) == list(range(1, 13)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_a_step_is_the_same_whatever_was_drawn_before() -> None:
    forth, back = draw(9, 4), draw(9, 4)  # one image is left out of an epoch
    steps = {step: forth(step) for step in range(7)}
    for step in reversed(range(7)):
        assert all(torch.equal(a, b) for a, b in zip(back(step), steps[step], strict=True))
    other = Batches(pixels(9), QUIET, batch=4, seed=4)
    assert not torch.equal(other(0)[2], steps[0][2])
    assert not torch.equal(steps[0][2], steps[1][2])


def test_no_two_draws_share_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the order of an epoch would tell of the noise of a step."""
    asked: list[int] = []

    def noted(*numbers: int) -> torch.Generator:
        asked.append(seeded(*numbers).initial_seed())
        return seeded(*numbers)

    monkeypatch.setattr(batches, "seeded", noted)
    drawn = draw(12, 4)
    for step in range(9):
        drawn(step)
    assert len(set(asked)) == len(asked) == 3 + 9  # epochs and steps


def test_what_is_drawn_is_noisy_as_its_times_say() -> None:
    x_t, t, noise = draw(8, 8, schedule=STEPPED)(0)
    bar = torch.from_numpy(STEPPED.alpha_bar)[t].reshape(-1, 1, 1, 1)
    clean = ((x_t - (1 - bar).sqrt() * noise) / bar.sqrt()).clamp(-1, 1)
    assert sorted(corners(clean)) == list(range(1, 9))
    assert t.min() >= 0
    assert t.max() < 6


def test_about_half_the_images_are_mirrored_and_only_where_asked() -> None:
    plain, flipped = draw(200, 200), draw(200, 200, flip=True)
    assert 0 not in corners(plain(0)[0])
    left, right = corners(flipped(0)[0]), corners(flipped(0)[0], 31)
    assert sorted(a + b for a, b in zip(left, right, strict=True)) == list(range(1, 201))
    assert 60 < sum(a == 0 for a in left) < 140


def test_of_numbers_spread_evenly_over_0_to_1_just_half_mirror(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "rand", lambda n, generator: torch.arange(n) / n)
    assert sorted(corners(draw(8, 8, flip=True)(0)[0]))[:5] == [0] * 4 + [1]


def test_pixels_are_of_the_range_asked_for() -> None:
    for form, low in (("[-1,1]", -1.0), ("[0,1]", 0.0)):
        assert draw(4, 4, pixel_range=form)(0)[0].min() == pytest.approx(low, abs=1e-4)


class Judged(torch.nn.Module):
    """Returns what it is told to; remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer, self.asked = answer, []

    def forward(self, x: torch.Tensor, t: torch.Tensor, return_dict: bool) -> Any:
        assert not return_dict
        assert not torch.is_grad_enabled()
        assert not self.training
        self.asked += t.tolist()
        return (self.answer(x, t),)


def held_out(n: int) -> ImageSet:
    return ImageSet("made up", pixels(n), torch.zeros(n, dtype=torch.int64), ("one",))


@pytest.mark.parametrize(("n", "judged"), [(1, 1), (60, 60), (200, 200), (501, 500)])
def test_at_most_500_images_are_judged_at_times_spread_evenly(n: int, judged: int) -> None:
    images = torch.zeros((n, 1, 32, 32), dtype=torch.uint8)
    data = ImageSet("black", images, torch.zeros(n, dtype=torch.int64), ("one",))
    schedule, network = Schedule.linear(1000), Judged(lambda x, t: torch.zeros_like(x))
    network.train()
    error = Validation(data, schedule)(network)
    assert network.asked == [int((k + 0.5) * 1000 / judged) for k in range(judged)]
    assert error == pytest.approx(1, abs=5 * (2 / (judged * 1024)) ** 0.5)  # noise's own square


def test_a_network_that_knows_the_images_has_no_error_and_off_by_c_has_its_square() -> None:
    judge = Validation(held_out(120), STEPPED)
    for off in (0.0, 0.5, -2.0):
        network = Judged(lambda x, t, off=off: known(judge, x) + off)
        assert judge(network) == pytest.approx(off**2, abs=1e-6)
        assert judge(network) == judge(network)


def known(judge: Validation, x: torch.Tensor) -> torch.Tensor:
    """The noise that is in x."""
    place = [int((judge.x_t == one).flatten(1).all(dim=1).nonzero()[0, 0]) for one in x]
    return judge.noise[place]


def test_the_noise_of_validations_is_the_same_in_every_version() -> None:
    """Else the held-out errors of cards from before could not be compared with new ones."""
    first = Validation(held_out(1), STEPPED).noise.flatten()[:3].tolist()
    assert first == pytest.approx([-0.172851, -1.095639, -0.846011], abs=1e-5)


def test_all_trainings_are_judged_on_the_same_noise() -> None:
    one, other = Validation(held_out(7), STEPPED), Validation(held_out(7), STEPPED)
    assert torch.equal(one.noise, other.noise)
    assert torch.equal(one.x_t, other.x_t)
