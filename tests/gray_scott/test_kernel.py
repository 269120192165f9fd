"""The compiled steps against whole arrays, term by term, and where they end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rdverify.gray_scott.kernel import MARGIN, SUMS, inner, kernel, wrap
from spec.reaction_diffusion import laplacian

Array = NDArray[Any]
FEED, KILL, D_U, D_V = 0.04, 0.06, 0.16, 0.08  # D / dx^2, so that dt = 1 is stable


def started(shape: tuple[int, int]) -> tuple[Array, Array]:
    u, v = np.random.default_rng(0).uniform(0.1, 0.9, (2, *shape))
    return u, v


def advanced(
    u: Array, v: Array, steps: int, dt: float = 0.5, limit: float = np.inf, **outputs: Any
) -> tuple[int, Array, Array, Array]:
    """Steps that were done, both fields after them, and the sums of each step."""
    words = {"kinetics": "uv2", "inner_products": True, "u_terms": True, **outputs}
    now, then = [wrap(u), wrap(v)], [wrap(u), wrap(v)]
    sums = np.full((SUMS, steps), np.nan)
    coefficients = np.array([D_U, D_V, FEED, FEED + KILL, dt, 1, 4], u.dtype)
    done = kernel(**words)(*now, *then, tuple(coefficients), limit, sums)
    ended = then if done % 2 else now
    return done, inner(ended[0]), inner(ended[1]), sums


def plain(u: Array, v: Array, dt: float, kinetics: str) -> tuple[Array, Array, list[float]]:
    """The next state, and the seven sums of this one."""
    gain = u * v * v if kinetics == "uv2" else u * u * v
    react_u, diff_u = FEED * (1 - u) - gain, D_U * laplacian(u, 1)
    a, b = gain - (FEED + KILL) * v, D_V * laplacian(v, 1)
    squares = [a * a, b * b, (a + b) ** 2, (a - b) ** 2, a * a - b * b, react_u**2, diff_u**2]
    return u + dt * (react_u + diff_u), v + dt * (a + b), [float(one.sum()) for one in squares]


@pytest.mark.parametrize("kinetics", ["uv2", "u2v"])
@pytest.mark.parametrize("shape", [(3, 4), (5, 2), (1, 3)])
@pytest.mark.parametrize("steps", [3, 4])
def test_eq01_eq12_eq15_every_step_has_the_sums_of_its_terms(
    kinetics: str, shape: tuple[int, int], steps: int
) -> None:
    u, v = started(shape)
    done, *ended, sums = advanced(u, v, steps, kinetics=kinetics)
    assert done == steps
    for step in range(steps):
        u, v, expected = plain(u, v, 0.5, kinetics)
        assert sums[:, step] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(ended, [u, v], rtol=1e-13)


def test_eq12_eq15_what_is_not_asked_for_is_zero_and_the_rest_the_same() -> None:
    whole, few = (
        advanced(*started((4, 3)), 2, inner_products=wanted, u_terms=wanted)
        for wanted in (True, False)
    )
    np.testing.assert_allclose(few[1:3], whole[1:3], rtol=1e-14)
    np.testing.assert_allclose(few[3][:2], whole[3][:2], rtol=1e-13)
    assert np.all(few[3][2:] == 0)


def test_a_run_ends_before_the_first_step_whose_terms_exceed_the_limit() -> None:
    u, v = started((4, 3))
    sizes = [float(one.sum()) for one in advanced(u, v, 4, dt=1.0)[3][:2].T]
    assert sizes[0] > sizes[1] > sizes[2]
    assert advanced(u, v, 4, dt=1.0, limit=sizes[0])[0] == 4
    assert advanced(u, v, 4, dt=1.0, limit=sizes[0] * (1 - 1e-9))[0] == 0
    # the same the other way about: grow until the limit is met
    u, v = 1 + 0 * u, 3 * v
    sizes = [float(one.sum()) for one in advanced(u, v, 3, dt=1.0)[3][:2].T]
    assert sizes[2] > sizes[1] > sizes[0]
    done, _, after, sums = advanced(u, v, 3, dt=1.0, limit=(sizes[1] + sizes[2]) / 2)
    assert done == 2
    assert np.all(np.isnan(sums[:, 2]))
    assert not np.any(np.isnan(sums[:, :2]))
    np.testing.assert_array_equal(after, advanced(u, v, 2, dt=1.0)[2])


@pytest.mark.parametrize("field", [0, 1])
def test_a_value_that_is_no_number_ends_a_run_at_once(field: int) -> None:
    state = started((4, 3))
    state[field][2, 1] = np.nan
    assert advanced(*state, 3)[0] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cols", [3, 16, 32])
def test_a_field_is_wrapped_on_a_torus_and_its_rows_begin_on_a_cache_line(
    dtype: str, cols: int
) -> None:
    field = started((4, cols))[0].astype(dtype)
    padded = wrap(field)
    assert padded.shape == (6, cols + 2 * MARGIN)
    at = slice(MARGIN - 1, MARGIN + cols + 1)
    np.testing.assert_array_equal(padded[:, at], np.pad(field, 1, mode="wrap"))
    assert np.all(padded[:, : at.start] == 0)
    assert np.all(padded[:, at.stop :] == 0)
    lines = [row[MARGIN:].ctypes.data % 64 for row in padded]
    assert lines[0] == 0
    assert cols % 16 or not any(lines)
    back = inner(padded)
    np.testing.assert_array_equal(back, field)
    assert not np.shares_memory(back, padded)
