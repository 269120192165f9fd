"""Where one label ends and the next begins; shapes are measured alike all over the torus."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rdverify.gray_scott import patterns
from rdverify.gray_scott.patterns import Pattern, classify, shapes
from rdverify.tools.errors import InputError

Part = tuple[float, float]
N = 24
ACROSS, DOWN = np.meshgrid(np.arange(N), np.arange(N))
STRIPES = np.cos(2 * np.pi * 2 * ACROSS / N)
BELOW_2, BELOW_4 = math.nextafter(2, 0), math.nextafter(4, 0)
LONG: list[Part] = [(8, 9.0)]


def ruled(monkeypatch: pytest.MonkeyPatch, above: list[Part], gaps: list[Part]) -> Pattern:
    """A smooth field whose parts above the cut, and below it, have these (areas, elongations)."""
    parts = iter((above, gaps))
    monkeypatch.setattr(patterns, "shapes", lambda _: tuple(np.array(next(parts), float).T))
    return classify(STRIPES)


@pytest.mark.parametrize(
    ("label", "above"),
    [
        ("spots", [(1, BELOW_2)] * 4),
        ("mixed", [(1, 2.0)] * 4),
        ("mixed", [(1, 1.0)] * 3),
        ("spots", [(3, 1.0)] * 5 + [(5, 3.0)]),  # three quarters
        ("mixed", [(3, 1.0)] * 5 + [(5.01, 3.0)]),
        ("mixed", [(3, 1.0)] * 3 + [(1, 3.0)]),
        ("stripes", [(1, 4.0)]),
        ("mixed", [(1, BELOW_4)]),
        ("stripes", [(3, 4.0), (1, 1.0)]),
        ("mixed", [(3, 4.0), (1.01, 1.0)]),
    ],
)
def test_three_quarters_of_the_area_and_four_spots_make_a_label(label, above, monkeypatch):
    found = ruled(monkeypatch, above, [(1, 9.0)])
    area = sum(size for size, _ in above)
    assert found.label == label
    assert found.components == len(above)
    assert found.spot_share * area == pytest.approx(sum(size for size, e in above if e < 2))
    assert found.stripe_share * area == pytest.approx(sum(size for size, e in above if e >= 4))
    mean = sum(size * math.log(e) for size, e in above) / area
    assert found.elongation == pytest.approx(math.exp(mean))


@pytest.mark.parametrize(
    ("label", "gaps"),
    [
        ("holes", [(1, BELOW_2)] * 4),
        ("stripes", [(1, 2.0)] * 4),
        ("stripes", [(1, 1.0)] * 3),
        ("holes", [(3, 1.0)] * 4 + [(4, 3.0)]),  # three quarters
        ("stripes", [(3, 1.0)] * 4 + [(4.01, 3.0)]),
        ("stripes", [(1, 1.0)] * 4 + [(9, 3.0)]),
        ("holes", [(3, 1.0), (2, 1.0), (1, 1.0), (1, 1.0)]),
        ("stripes", [(4, 1.0), (2, 1.0), (1, 1.0), (1, 1.0)]),  # one is half of all
        ("stripes", [(5, 1.0), (2, 1.0), (1, 1.0), (1, 1.0)]),
    ],
)
def test_a_web_with_four_round_gaps_none_of_them_half_of_all_is_holes(label, gaps, monkeypatch):
    assert ruled(monkeypatch, LONG, gaps).label == label


def test_a_contrast_up_to_a_hundredth_of_the_feed_is_uniform():
    bright = STRIPES > 0
    for contrast, label in ((0.01, "uniform"), (0.0101, "stripes")):
        assert classify(np.where(bright, contrast, 0.0)).label == label
    assert classify(bright, uniform_below=1.0).label == "uniform"
    assert classify(bright, uniform_below=0.99).label == "stripes"


def test_of_a_uniform_field_nothing_is_told_but_its_contrast():
    found = classify(np.full((5, 7), 0.3))
    assert (found.label, found.contrast) == ("uniform", 0)
    assert (found.coverage, found.components) == (0, 0)
    assert (found.spot_share, found.stripe_share) == (0, 0)
    assert math.isnan(found.smoothness)
    assert math.isnan(found.elongation)


@pytest.mark.parametrize("waves", [1, 2, 4, 5])
def test_smoothness_is_the_neighbours_correlation_of_both_directions(waves):
    across = math.cos(2 * math.pi * waves / N)  # of one wave; along it 1
    for field in (np.cos(2 * np.pi * waves * ACROSS / N), np.cos(2 * np.pi * waves * DOWN / N)):
        assert classify(7 * field + 3).smoothness == pytest.approx((across + 1) / 2)
    slanted = classify(np.cos(2 * np.pi * waves * (DOWN + ACROSS) / N))
    assert slanted.smoothness == pytest.approx(across)


def test_a_wave_of_six_cells_is_smooth_enough_and_one_of_five_is_not():
    wave = np.array([1, 0.5, -0.5, -1, -0.5, 0.5])  # the cosine, exactly
    six = classify(wave[(DOWN + ACROSS) % 6])
    assert (six.label, six.smoothness) == ("stripes", 0.5)
    i, j = np.mgrid[:25, :25]
    assert classify(np.cos(2 * np.pi * (i + j) / 5)).label == "mixed"


def test_the_field_is_cut_half_way_on_a_grid_twice_as_fine(monkeypatch):
    """As an independent interpolation has it: the trigonometric one, exact for waves."""
    masks = []

    def kept(mask):
        masks.append(mask)
        return shapes(mask)

    monkeypatch.setattr(patterns, "shapes", kept)
    rng = np.random.default_rng(5)
    waves = [(a, b, *rng.normal(size=2)) for a in range(-2, 3) for b in range(3)]

    def field(i, j):
        turns = [(2 * np.pi * (a * i + b * j) / N, p, q) for a, b, p, q in waves]
        return sum(p * np.cos(turn) + q * np.sin(turn) for turn, p, q in turns)

    values = field(DOWN, ACROSS)
    found = classify(values)
    j, i = np.meshgrid(*[(np.arange(2 * N) + 0.5) / 2 - 0.5] * 2)
    exact = field(i, j) - (values.max() + values.min()) / 2
    assert np.array_equal(masks[0], exact > 0)
    assert found.coverage == (exact > 0).mean()


def notched(radius: int, rows: int, cols: int) -> np.ndarray:
    """A disc whose centre is nearest to one cell outside, right above it."""
    i, j = np.mgrid[:rows, :cols]
    disc = np.hypot(i - rows // 2, j - cols // 2) < radius + 0.3
    disc[rows // 2 - radius, cols // 2] = False
    return disc


@pytest.mark.parametrize("turn", [np.asarray, np.transpose])
@pytest.mark.parametrize("side", [39, 40, 41, 42])
@pytest.mark.once
def test_parts_up_to_half_the_grid_across_are_measured_alike_wherever_they_lie(side, turn):
    band = np.broadcast_to(np.arange(side)[:, None] < side // 2, (side, 60))
    for mask in (band, notched((side + 2) // 4, side, 60)):
        areas, elongations = shapes(turn(mask))
        for shift in range(side):
            moved = shapes(turn(np.roll(mask, shift, 0)))
            assert np.array_equal(moved[0], areas)
            assert np.array_equal(moved[1], elongations)


def test_what_is_wider_than_half_the_grid_is_never_rounder_than_a_disc():
    """How round it is told then hangs on where it lies: more than the docstring promises."""
    band = np.broadcast_to(np.arange(24)[:, None] < 20, (24, 24))
    found = [shapes(np.roll(band, shift, 0))[1][0] for shift in range(24)]
    assert min(found) == 1
    assert max(found) == pytest.approx(24 * 20 / (np.pi * 10**2), rel=0.2)


@pytest.mark.parametrize("shape", [(16,), (4, 4, 4), (3, 9), (9, 3)])
def test_a_field_has_two_sides_of_at_least_four_cells(shape):
    with pytest.raises(InputError, match=r"^field\.shape = .* \(rows, cols\), at least 4 x 4$"):
        classify(np.zeros(shape))
    assert classify(np.zeros((4, 4))).label == "uniform"
