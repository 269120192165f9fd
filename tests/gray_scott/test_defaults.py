"""The settings that nobody set have the reasons that stand beside them."""

from __future__ import annotations

import pytest

from rdverify.gray_scott import GrayScottConfig
from rdverify.gray_scott.stability import reaction

DEFAULT = GrayScottConfig(feed_rate=0.029)


def test_the_grid_is_a_square_of_side_2_with_the_cells_and_steps_of_pearson() -> None:
    assert DEFAULT.rows * DEFAULT.dx == DEFAULT.cols * DEFAULT.dx == pytest.approx(2)
    assert DEFAULT.dx == pytest.approx(2.5 / 256, rel=0.03)
    assert DEFAULT.dt == 1


def test_the_start_is_the_trivial_steady_state_but_for_the_square_of_pearson() -> None:
    """20 x 20 cells of u = 1/2, v = 1/4 amid what stays as it is."""
    terms = reaction(DEFAULT.background_u, DEFAULT.background_v, 0.029, DEFAULT.kill_rate)
    assert terms == (0, 0)
    assert DEFAULT.background_v == 0
    assert (DEFAULT.square, DEFAULT.square_u, DEFAULT.square_v) == (20, 1 / 2, 1 / 4)


def test_the_rates_that_the_paper_states_are_the_defaults() -> None:
    """Section 4.1: u diffuses twice as fast as v."""
    assert (DEFAULT.kill_rate, DEFAULT.d_u, DEFAULT.d_v) == (0.062, 1e-5, 0.5e-5)
    assert DEFAULT.d_u / DEFAULT.d_v == 2


def test_what_nobody_asked_for_is_not_recorded_and_the_rest_is_as_stated() -> None:
    assert (DEFAULT.u_terms, DEFAULT.inner_products, DEFAULT.snapshots) == (False, False, ())
    assert (DEFAULT.steps, DEFAULT.seed) == (10_000, 0)
    assert (DEFAULT.noise, DEFAULT.noise_kind) == (0.02, "normal")
    assert (DEFAULT.dtype, DEFAULT.kinetics) == ("float64", "uv2")
