"""Steps that mosaics need: the reduction to a span, the interpolation, and what is a control."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rdverify.metric import mosaics
from rdverify.metric.runs import Runs
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder

RUNS = Runs(golden_folder(), {})


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    mosaics.steps_needed.cache_clear()
    yield
    mosaics.steps_needed.cache_clear()


@pytest.mark.parametrize("tiles", mosaics.TILES)
def test_pictures_fill_a_tile_and_all_mosaics_have_the_same_power(tiles: int) -> None:
    small = mosaics.pictures(RUNS, 0, tiles)
    assert small.shape == (8, 1, *[32 // math.isqrt(tiles)] * 2)
    assert float(small.square().mean()) == pytest.approx(1)


@pytest.mark.parametrize("tiles", [4, 256])
def test_coordinates_keep_lengths_and_distances(tiles: int) -> None:
    small = mosaics.pictures(RUNS, 1, tiles)
    place = mosaics.coordinates(small).flatten(1)
    assert place.shape[1] <= 8
    torch.testing.assert_close(
        torch.cdist(place, place), torch.cdist(small.flatten(1), small.flatten(1))
    )
    torch.testing.assert_close(place.norm(dim=1), small.flatten(1).norm(dim=1))


def test_the_error_falls_with_the_steps_and_vanishes_for_one_picture() -> None:
    data = mosaics.coordinates(mosaics.pictures(RUNS, 0, 256))
    errors = [mosaics.error_of(data, steps) for steps in (21, 60, 180)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 2 * errors[-1]
    assert mosaics.error_of(data[:1], 21) < 1e-6


def test_steps_are_found_between_the_grids_in_a_power_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosaics, "error_of", lambda data, steps: 0.77 / steps)
    found = mosaics.steps_needed(RUNS, 0, 4, False)
    assert found == pytest.approx({"half_percent": 154, "one_percent": 77, "two_percent": 38.5})
    assert mosaics.exponents(RUNS, "one_percent", False) == pytest.approx(0)


def test_the_fewest_steps_are_given_where_they_do_and_too_many_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mosaics, "error_of", lambda data, steps: 0.0)
    assert set(mosaics.steps_needed(RUNS, 0, 4, False).values()) == {21.0}
    monkeypatch.setattr(mosaics, "error_of", lambda data, steps: 1.0)
    with pytest.raises(ArithmeticError, match="no T up to 1500"):
        mosaics.steps_needed(RUNS, 1, 4, False)


def test_the_exponent_is_that_of_the_steps_in_the_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def error(data: torch.Tensor, steps: int) -> float:
        pixels = float(data.flatten(1).square().sum(1).mean())  # of a tile, whose mean square is 1
        return 0.3 * (1024 / pixels) ** 0.4 / steps

    monkeypatch.setattr(mosaics, "error_of", error)
    np.testing.assert_allclose(mosaics.exponents(RUNS, "one_percent", alike=False), 0.4)
    np.testing.assert_allclose(mosaics.exponents(RUNS, "one_percent", alike=True), 0, atol=1e-9)


def test_a_record_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="samples"):
        mosaics.pictures(Runs(tmp_path, {}), 0, 4)
