"""The classifier on drawn patterns with known answer, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rdverify.gray_scott.patterns import classify, label_periodic, shapes
from rdverify.tools.errors import InputError

N = 96
Y, X = np.mgrid[:N, :N] / N


def stripes(p=8, q=0):
    return 0.2 + 0.1 * np.cos(2 * np.pi * (p * X + q * Y))


def hexagons(p=8):
    # three plane waves 120 degrees apart, as near as whole wave numbers allow
    q = round(p * np.sqrt(3) / 2)
    h = p // 2
    return sum(np.cos(2 * np.pi * w) for w in (p * X, -h * X + q * Y, -h * X - q * Y))


def squares(p=6):
    # the exponential makes peaks: the bare sum, cut half way, is a chessboard
    return np.exp(np.cos(2 * np.pi * p * X) + np.cos(2 * np.pi * p * Y))


def labyrinth(seed, p=8, n=N):
    """Swift-Hohenberg: stripes in a labyrinth, from noise."""
    k = np.fft.fftfreq(n, 1 / n)
    linear = 0.3 - (1 - (k[:, None] ** 2 + k[None] ** 2) / p**2) ** 2
    w = np.random.default_rng(seed).normal(0, 0.1, (n, n))
    for _ in range(600):
        w = np.fft.ifft2((np.fft.fft2(w) - 0.2 * np.fft.fft2(w**3)) / (1 - 0.2 * linear)).real
    return w


def scattered(seed, count=25, radius=4.0):
    """Discs at random places, no two touching."""
    rng, field, centres = np.random.default_rng(seed), np.zeros((N, N)), []
    i, j = np.mgrid[:N, :N]
    for _ in range(5000):
        c = rng.integers(0, N, 2)
        free = all(np.hypot(*((c - o + N // 2) % N - N // 2)) > 3 * radius for o in centres)
        if free and len(centres) < count:
            centres.append(c)
            di, dj = (i - c[0] + N // 2) % N - N // 2, (j - c[1] + N // 2) % N - N // 2
            field += np.exp(-(di**2 + dj**2) / radius**2)
    return field


KNOWN = [
    ("uniform", np.full((N, N), 0.3)),
    ("uniform", 0.3 + 0.004 * stripes()),
    ("spots", squares()),
    ("spots", squares(10)),
    ("spots", hexagons()),
    ("spots", hexagons(12)),
    ("spots", scattered(0)),
    ("spots", scattered(1, 12, 6.0)),
    ("spots", scattered(2, 50, 3.0)),
    ("holes", -hexagons()),
    ("holes", -scattered(0, 25, 5.0) * 2),
    ("stripes", stripes()),
    ("stripes", stripes(0, 5)),
    ("stripes", stripes(7, 4)),
    ("stripes", stripes(3, 11)),
    ("stripes", labyrinth(0)),
    ("stripes", labyrinth(1, 9)),
    ("stripes", labyrinth(2, 11)),
    ("mixed", np.random.default_rng(0).normal(0, 0.1, (N, N))),
    ("mixed", np.random.default_rng(1).uniform(0, 1, (N, N))),
    ("mixed", np.where((X - 0.5) ** 2 + (Y - 0.5) ** 2 < 0.01, 1.0, 0.0)),
    ("mixed", np.where(X < 0.75, squares(), 3.7 * (1 + np.cos(2 * np.pi * 6 * X)))),
]


@pytest.mark.parametrize(("label", "field"), KNOWN)
def test_drawn_patterns_get_their_label(label, field):
    assert classify(field).label == label, classify(field)


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(KNOWN[2:]),
    st.integers(0, N - 1),
    st.integers(0, N - 1),
    st.integers(0, 3),
    st.booleans(),
)
def test_shift_and_quarter_turns_change_nothing(known, down, right, turns, mirrored):
    label, field = known
    moved = np.rot90(np.roll(field, (down, right), (0, 1)), turns)
    moved = moved[::-1] if mirrored else moved
    before, after = classify(field), classify(moved)
    assert after.label == label
    assert after.components == before.components
    assert after.elongation == pytest.approx(before.elongation, rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(KNOWN[2:]), st.floats(0.2, 1e6), st.floats(-10, 10))
def test_amplitude_and_level_change_nothing(known, factor, level):
    label, field = known
    assert classify(factor * field + level, 1e-9).label == label


@given(st.integers(-12, 12), st.integers(-12, 12))
@pytest.mark.once
def test_stripes_of_any_direction(p, q):
    if 4 <= np.hypot(p, q) <= 13:
        assert classify(stripes(p, q)).label == "stripes"


@pytest.mark.parametrize("rows", [64, 101, 200])
def test_size_and_shape_of_the_grid(rows):
    y, x = np.mgrid[:rows, : 2 * rows] / rows
    assert classify(np.exp(np.cos(2 * np.pi * 5 * x) + np.cos(2 * np.pi * 5 * y))).label == "spots"
    assert classify(np.cos(2 * np.pi * 5 * x)).label == "stripes"


def test_pattern_that_fills_only_the_middle_of_the_grid():
    inside = (np.abs(X - 0.5) < 0.25) & (np.abs(Y - 0.5) < 0.25)
    assert classify(np.where(inside, squares(10), squares(10).min())).label == "spots"
    assert classify(np.where(inside, stripes(10) * 10, 1.0)).label == "stripes"


def test_periodic_labels_against_a_tiled_grid():
    rng = np.random.default_rng(3)
    for _ in range(10):
        mask = ndimage.gaussian_filter(rng.normal(size=(23, 31)), 1.5, mode="wrap") > 0.05
        labels, count = label_periodic(mask)
        assert ((labels > 0) == mask).all()
        assert sorted(set(labels[mask])) == list(range(1, count + 1))
        tiled, _ = ndimage.label(np.tile(mask, (3, 3)))
        names = np.tile(labels, (3, 3))
        # one part of the tiled grid carries one name ...
        for part in range(1, tiled.max() + 1):
            assert len(set(names[tiled == part])) == 1
        # ... and neighbours over the edge share theirs
        for axis in (0, 1):
            both = mask & np.roll(mask, 1, axis)
            assert (labels == np.roll(labels, 1, axis))[both].all()


def test_elongation_of_discs_and_bands():
    i, j = np.mgrid[:200, :200]
    for radius in (4, 6, 10, 20):
        area, elongation = shapes(np.hypot(i - 100, j - 100) <= radius)
        assert area[0] == pytest.approx(np.pi * radius**2, rel=0.1)
        assert elongation[0] < 1.3
    for width, length in ((7, 28), (9, 90), (11, 200)):
        band = (np.abs(i - 100) <= width // 2) & (j < length)
        expected = 4 * length / (np.pi * width)
        assert shapes(band)[1][0] == pytest.approx(expected, rel=0.05)


def test_bent_band_counts_as_a_stripe():
    i, j = np.mgrid[:N, :N]
    ring = np.abs(np.hypot(i - 48, j - 48) - 30) < 4
    assert shapes(ring)[1].tolist() == pytest.approx([4 * 2 * np.pi * 30 / (np.pi * 8)], rel=0.2)


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((3, 9)), np.full((8, 8), np.nan)])
def test_bad_field_is_refused(bad):
    with pytest.raises(InputError):
        classify(bad)
