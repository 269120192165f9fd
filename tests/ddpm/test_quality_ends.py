"""Where the kernel distance and the classifier end, and what their rows count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.quality import (
    accuracy,
    build_classifier,
    kernel_distance,
    look,
    quality_rows,
    squared_mmd,
    train_classifier,
)
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter, Task

RNG = np.random.default_rng(4)
FEW, MANY = RNG.normal(size=(10, 3)), RNG.normal(0.5, 1, size=(23, 3))


def noise(n: int) -> ImageSet:
    pixels = torch.from_numpy(RNG.integers(0, 256, (n, 1, 32, 32), dtype=np.uint8))
    return ImageSet("noise", pixels, torch.arange(n) % 2, ("even", "odd"))


def test_the_error_is_the_scatter_of_disjoint_blocks_over_the_root_of_their_number() -> None:
    for blocks, parts in ((5, np.split(FEW, 5)), (2, np.split(FEW, 2))):
        others = np.array_split(MANY, blocks)
        values = [squared_mmd(a, b) for a, b in zip(parts, others, strict=True)]
        found = kernel_distance(FEW, MANY, blocks)
        scatter = sum((v - sum(values) / blocks) ** 2 for v in values) / (blocks - 1)
        assert found.error == pytest.approx(math.sqrt(scatter / blocks), rel=1e-12)
        assert found.value == squared_mmd(FEW, MANY)
        assert (found.n, found.m) == (10, 23)
    assert kernel_distance(FEW, MANY) == kernel_distance(FEW, MANY, 5)


def test_two_images_a_side_are_enough() -> None:
    # k(1,1) = 8 apart from k(0,0) = 1 and k(1,0) = 1
    assert squared_mmd(np.ones((2, 1)), np.zeros((2, 1))) == pytest.approx(8 + 1 - 2)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "one image": (lambda: squared_mmd(FEW[:1], MANY), "number of images = 1 .* at least 2"),
    "one on the other side": (lambda: squared_mmd(FEW, MANY[:1]), "number of images = 1"),
    "no rows": (lambda: squared_mmd(FEW[0], MANY), "shapes"),
    "no rows on the other side": (lambda: squared_mmd(FEW, MANY[0]), "shapes"),
    "boxes": (lambda: squared_mmd(FEW[None], MANY), "shapes"),
    "boxes on the other side": (lambda: squared_mmd(FEW, MANY[None]), "shapes"),
    "fewer features": (lambda: squared_mmd(FEW[:, :2], MANY), "shapes"),
    "more features": (lambda: squared_mmd(FEW, MANY[:, :2]), "shapes"),
    "one block": (lambda: kernel_distance(FEW, MANY, 1), "blocks = 1 .* at least 2"),
    "nine for five blocks": (lambda: kernel_distance(FEW[:9], MANY), "9 .* at least 10"),
    "seven for four blocks": (lambda: kernel_distance(MANY, FEW[:7], 4), "7 .* at least 8"),
    "no epoch": (lambda: train_classifier(noise(4), epochs=0, batch=2), "epochs = 0"),
    "no batch": (lambda: train_classifier(noise(4), epochs=1, batch=0), r"batch = 0 .* 1 \.\. 4"),
    "too large a batch": (lambda: train_classifier(noise(4), epochs=1, batch=5), "batch = 5"),
    "another size": (
        lambda: look(build_classifier(1), torch.zeros((2, 1, 32, 31), dtype=torch.uint8)),
        r"images\.shape",
    ),
    "another number of channels": (
        lambda: look(build_classifier(1), torch.zeros((2, 3, 32, 32), dtype=torch.uint8)),
        r"images\.shape",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_compared_is_named(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        call()


def test_an_epoch_of_one_whole_batch_is_enough_and_seeds_decide() -> None:
    data = noise(4)
    one, again, other = (train_classifier(data, epochs=1, batch=4, seed=s) for s in (0, 0, 1))
    assert not one.training
    assert all(map(torch.equal, one.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(one.head.weight, other.head.weight)
    fresh = build_classifier(1, 2)
    assert torch.equal(fresh.head.weight, build_classifier(1, 2, 0).head.weight)
    assert not torch.equal(fresh.head.weight, one.head.weight)  # it has moved
    assert build_classifier(3).head.out_features == 10


def test_the_rate_of_a_classifier_falls_to_zero_over_all_epochs_and_each_batch_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: list[float] = []

    class Noted(torch.optim.Adam):
        def step(self, *arguments: Any) -> Any:
            rates.append(self.param_groups[0]["lr"])
            return super().step(*arguments)

    tasks: list[Task] = []

    class Told(Reporter):
        @contextmanager
        def task(self, description: str, total: int) -> Iterator[Task]:
            tasks.append(Task(description, total))
            yield tasks[-1]

    monkeypatch.setattr(torch.optim, "Adam", Noted)
    train_classifier(noise(9), epochs=3, batch=4, learning_rate=0.01, progress=Told())
    assert rates == pytest.approx([0.01 * math.cos(math.pi * k / 12) ** 2 for k in range(6)])
    assert [(task.total, task.done) for task in tasks] == [(6, 6)]


def test_by_default_a_classifier_sees_all_images_five_times_128_at_once() -> None:
    data = noise(128)
    usual = train_classifier(data)
    told = train_classifier(data, epochs=5, batch=128, seed=0)
    assert all(map(torch.equal, usual.state_dict().values(), told.state_dict().values()))


def test_every_image_is_looked_at_whatever_their_number() -> None:
    classifier, data = build_classifier(1, 2).eval(), noise(501)
    features, classes = look(classifier, data.images)
    assert features.shape == (501, 64)
    alone = look(classifier, data.images[500:])
    assert features[500] == pytest.approx(alone[0][0], rel=1e-4, abs=1e-6)
    assert classes[500] == alone[1][0]
    right = (classes == data.labels.numpy()).sum()
    assert accuracy(classifier, data) == pytest.approx(right / 501)


def test_rows_count_classes_and_take_the_surest_chance_of_each_image() -> None:
    """A head that reads the first features off: class k for feature k."""
    classifier = build_classifier(1, 4).eval()
    with torch.no_grad():
        classifier.head.weight.zero_()
        classifier.head.bias.zero_()
        classifier.head.weight[:, :4] = torch.eye(4)
    real = np.zeros((20, 64))
    real[np.arange(20), [0, 0, 1, 1, 1, 1, 0, 3, 0, 0, 0, 0, 2, 1, 1, 1, 0, 3, 0, 0]] = 50.0
    recorded: dict[str, Any] = {"samples": noise(10).images.numpy(), "real_features": real}
    recorded["untrained"] = noise(12).images.numpy()
    rows = quality_rows(classifier, recorded, "made up")
    assert [row["images"] for row in rows] == [
        "samples",
        "untrained",
        "real, one half against the other",
    ]
    assert [(row["n"], row["real"]) for row in rows] == [(10, 20), (12, 20), (10, 10)]
    assert {row["dataset"] for row in rows} == {"made up"}
    halves: dict[str, Any] = rows[-1]
    # every other one: 0 1 1 0 0 and 0 2 1 0 0, class 2 once and class 3 never
    assert (halves["classes_hit"], halves["rarest_class"]) == (3, 0)
    assert halves["confidence"] == pytest.approx(1.0)
    assert halves["kernel_distance"] == pytest.approx(squared_mmd(real[::2], real[1::2]))
    for row, name in zip(rows, ("samples", "untrained"), strict=False):
        features, classes = look(classifier, torch.from_numpy(recorded[name]))
        chances = np.exp(features[:, :4]) / np.exp(features[:, :4]).sum(axis=1, keepdims=True)
        assert row["confidence"] == pytest.approx(chances.max(axis=1).mean(), rel=1e-5)
        assert row["classes_hit"] == len(set(classes.tolist()))
        assert row["kernel_distance"] == pytest.approx(squared_mmd(features, real))
