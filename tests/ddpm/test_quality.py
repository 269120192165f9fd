"""The kernel distance against a slow obvious sum, and what the shipped samples show."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch

from rdverify.ddpm.images import ImageSet
from rdverify.ddpm.quality import (
    accuracy,
    build_classifier,
    kernel_distance,
    load_classifier,
    look,
    quality_rows,
    save_classifier,
    squared_mmd,
    train_classifier,
)
from rdverify.ddpm.schedule import Schedule
from rdverify.ddpm.study.quality_record import respaced
from rdverify.tools.arrays import read_arrays, write_arrays
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder

RECORDED = ("mnist", "fashionmnist")
BAR = {"mnist": 0.98, "fashionmnist": 0.88}
NEARER = 5.0  # how many times nearer than untrained


def slow_squared_mmd(x, y):
    """The double sum as written in the docstring."""

    def k(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    def within(a):
        return np.mean([k(a[i], a[j]) for i in range(len(a)) for j in range(len(a)) if i != j])

    return within(x) + within(y) - 2 * np.mean([k(a, b) for a in x for b in y])


def test_squared_mmd_agrees_with_the_plain_double_sum():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(1.0, 2.0, size=(5, 3))
    assert squared_mmd(x, y) == pytest.approx(slow_squared_mmd(x, y), rel=1e-12)
    assert squared_mmd(x, y) == pytest.approx(squared_mmd(y, x), rel=1e-12)


def test_squared_mmd_of_known_distributions():
    # x = c with certainty against y = 0: k(c,c) + k(0,0) - 2 k(c,0) = (c^2 + 1)^3 - 1
    x, y = np.full((4, 1), 2.0), np.zeros((6, 1))
    assert squared_mmd(x, y) == pytest.approx(124.0)
    assert squared_mmd(y, np.zeros((3, 1))) == 0


def test_distance_of_equal_distributions_scatters_about_zero_with_its_error():
    rng = np.random.default_rng(1)
    scores = [
        (d := kernel_distance(rng.normal(size=(100, 4)), rng.normal(size=(100, 4)))).value / d.error
        for _ in range(200)
    ]
    # unbiased: the mean of 200 standardised values is within 4 standard errors of 0
    assert abs(np.mean(scores)) < 4 * np.std(scores) / 200**0.5
    # blocks are noisier than the whole, so the error never flatters
    assert np.std(scores) < 1.6


def test_distance_grows_with_the_shift():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4))
    values = [
        kernel_distance(x + shift, rng.normal(size=(200, 4))).value for shift in (0.3, 0.6, 1.2)
    ]
    assert values[0] > 0
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.zeros((9, 2)), np.zeros((30, 2)), "at least 10"),
        (np.zeros((30, 2)), np.zeros((30, 3)), "shapes"),
    ],
)
def test_too_few_or_unequal_features_are_refused(x, y, match):
    with pytest.raises(InputError, match=match):
        kernel_distance(x, y)


def stripes(n: int, seed: int) -> ImageSet:
    """Class 0: horizontal, class 1: vertical stripes, with noise."""
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.integers(0, 2, n))
    wave = (torch.arange(32) % 4 < 2).float() * 200
    images = torch.stack(
        [wave[:, None].expand(32, 32) if label == 0 else wave.expand(32, 32) for label in labels]
    )[:, None]
    noisy = images + torch.from_numpy(rng.integers(0, 56, images.shape))
    return ImageSet("stripes", noisy.to(torch.uint8), labels, ("across", "down"))


def test_classifier_learns_and_its_file_gives_the_same_answers(tmp_path):
    data, unseen = stripes(320, 0), stripes(100, 1)
    classifier = train_classifier(data, epochs=2, batch=16)
    assert accuracy(classifier, unseen) > 0.95
    again = load_classifier(save_classifier(classifier, tmp_path / "c.safetensors"))
    assert np.array_equal(look(classifier, unseen.images)[0], look(again, unseen.images)[0])
    assert look(again, unseen.images)[0].shape == (100, 64)


def test_other_files_shapes_and_types_are_refused(tmp_path):
    classifier = build_classifier(1)
    path = save_classifier(classifier, tmp_path / "c.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InputError, match="must be a whole safetensors file"):
        load_classifier(path)
    for form in ((3, 32, 32), (0, 32, 32), (1, 31, 32), (1, 32, 31), (1, 32, 33), (1, 32)):
        with pytest.raises(InputError, match=r"images\.shape"):
            look(classifier, torch.zeros(2, *form, dtype=torch.uint8))
    with pytest.raises(InputError, match=r"images\.dtype"):
        look(classifier, torch.zeros(2, 1, 32, 32))
    np.savez(tmp_path / "p.npz", a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="without pickles"):
        read_arrays(tmp_path / "p.npz")


def test_recorded_arrays_have_equal_bytes_for_equal_content(tmp_path):
    arrays = {"b": np.arange(6, dtype=np.uint8).reshape(2, 3), "a": np.zeros(2, np.float16)}
    one, other = (write_arrays(tmp_path / name, arrays) for name in ("1.npz", "2.npz"))
    assert one.read_bytes() == other.read_bytes()
    assert all(np.array_equal(value, arrays[name]) for name, value in read_arrays(one).items())


def test_respaced_chain_keeps_alpha_bar_at_its_times():
    schedule = Schedule.linear()
    for steps in (2, 125, 1000):
        short, times = respaced(schedule, steps)
        assert np.allclose(short.alpha_bar, schedule.alpha_bar[times], rtol=1e-10)
        assert times[-1] == 999
    assert np.allclose(respaced(schedule, 1000)[0].beta, schedule.beta, rtol=1e-9)
    with pytest.raises(InputError, match="steps"):
        respaced(schedule, 1001)


@pytest.fixture(scope="module", params=RECORDED)
def shipped(request):
    golden = golden_folder()
    classifier = load_classifier(golden / "weights" / f"classifier-{request.param}.safetensors")
    arrays = read_arrays(golden / "samples" / f"{request.param}.npz")
    with (golden / "search" / "image_quality.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["dataset"] == request.param]
    return request.param, classifier, arrays, rows


def test_shipped_samples_give_the_recorded_figures(shipped):
    name, classifier, arrays, rows = shipped
    for measured, row in zip(quality_rows(classifier, arrays, name), rows, strict=True):
        for key, value in measured.items():
            if isinstance(value, float):
                assert value == pytest.approx(float(row[key]), rel=1e-3, abs=1e-6), key
            else:
                assert str(value) == row[key], key


def test_shipped_samples_are_nearer_to_the_data_than_untrained_ones(shipped):
    name, _, arrays, rows = shipped
    trained, untrained, halves = rows
    # two halves of the data are not told apart; an untrained network's images and data are
    assert abs(float(halves["kernel_distance"])) < 3 * float(halves["error"])
    assert float(untrained["kernel_distance"]) > 3 * float(untrained["error"])
    assert arrays["samples"].shape == (500, 1, 32, 32)
    assert float(untrained["kernel_distance"]) >= NEARER * float(trained["kernel_distance"])
    assert trained["classes_hit"] == "10"
    assert float(trained["classifier_accuracy"]) >= BAR[name]
    # no sample twice, and samples differ as images do
    assert len({image.tobytes() for image in arrays["samples"]}) == 500
