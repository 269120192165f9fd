"""Both kernels of the cell against the formulas in extended precision, value by value.

The second test hands each pre-activation to a unit of its own (the weights are an identity),
so that nothing is summed and every value has the digits of its exponential. The last has
more sequences than lanes, units that don't fill a block of four, and both terms of each sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rdverify.lstm import kernel, wide_kernel
from rdverify.lstm.kernel import DETAIL, LANES, SERIES, _split32, _split64
from spec.lstm import sigmoid

Array = NDArray[Any]
ROWS = (*SERIES, *DETAIL)
LAST = {"float32": 2.0**-24, "float64": 2.0**-53}
# rounding of a dozen operations, each exact to half a unit in the last place
DIGITS = {name: 8 * last for name, last in LAST.items()}
dtypes = pytest.mark.parametrize("dtype", DIGITS)
kernels = pytest.mark.parametrize("module", [kernel, wide_kernel], ids=["sequences", "units"])


def read(module: Any, dtype: str, rows: int, *arrays: Array) -> tuple[Array, Array]:
    """The series, of shape (rows, batch, T), and h of each step where the kernel keeps it."""
    x, w, u, bias, h_0, c_0 = (np.ascontiguousarray(one, dtype=dtype) for one in arrays)
    batch, steps, units, detail = x.shape[0], x.shape[1], u.shape[1], rows > len(SERIES)
    out = np.full((rows, batch, steps), np.nan, dtype)
    states = np.full((batch, steps, units), np.nan, dtype)
    keeps = (states if detail else states[:0, :0],) if module is wide_kernel else ()
    module.KERNELS[dtype](x, w, u, bias, h_0, c_0, out, *keeps)
    return out, states


def formulas(x: Array, w: Array, u: Array, bias: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """What the kernels are to give, of shapes (9, batch, T) and (batch, T, h)."""
    found, states = [], []
    for t in range(x.shape[1]):
        z_i, z_f, z_c, z_o = np.split(x[:, t] @ w.T + h @ u.T + bias, 4, axis=1)
        a, b, old = sigmoid(z_i) * np.tanh(z_c), sigmoid(-z_f) * c, c
        c = sigmoid(z_f) * c + a
        h = sigmoid(z_o) * np.tanh(c)
        norms = [np.sqrt((one**2).sum(axis=1)) for one in (a, b, a - b)]
        inner, cell = ((a - b) * (a + b)).sum(axis=1), np.sqrt((c**2).sum(axis=1))
        means = [sigmoid(z_i), sigmoid(-z_f), abs(c), np.sign(a) * np.sign(old)]
        found.append([*norms, inner, cell, *(one.mean(axis=1) for one in means)])
        states.append(h)
    return np.array(found).transpose(1, 2, 0), np.array(states).transpose(1, 0, 2)


def exact(dtype: str, *arrays: Array) -> tuple[Array, ...]:
    """The same numbers as a kernel reads, in extended precision."""
    return tuple(one.astype(dtype).astype(np.longdouble) for one in arrays)


@dtypes
@pytest.mark.parametrize("largest", [0.34, 40])
def test_an_exponential_has_all_its_digits(dtype: str, largest: float) -> None:
    split, kind = {"float32": _split32, "float64": _split64}[dtype], np.dtype(dtype).type
    for z in np.linspace(-largest, largest, 2001, dtype=dtype):
        s, p = (np.longdouble(one) for one in split(kind(z)))
        exact = np.expm1(np.longdouble(z))
        assert abs(s * p + (s - 1) - exact) <= 2 * LAST[dtype] * max(abs(exact), s * abs(p))
        assert np.log2(s) == round(float(z / np.log(2)))


def test_the_series_in_float32_is_wrong_by_less_than_2e_8() -> None:
    z = np.linspace(-0.3465, -0.33, 20_001, dtype=np.float32)  # s = 1, and rounding averages out
    p = np.array([_split32(one)[1] for one in z], dtype=np.longdouble)
    exact = np.expm1(z.astype(np.longdouble))
    assert abs(((p - exact) / exact).mean()) < 2e-8


@dtypes
@kernels
@pytest.mark.parametrize("rows", [len(SERIES), len(ROWS)])
@pytest.mark.parametrize("size", [1e-6, 0.3, 1.0, 4.0, 12.0])
def test_eq02_to_eq07_a_cell_alone_has_every_digit(
    module: Any, dtype: str, rows: int, size: float
) -> None:
    rng = np.random.default_rng(7)
    values = size * rng.uniform(-1, 1, (LANES + 3, 1, 4))
    arrays = (values, np.eye(4), np.zeros((4, 1)), np.zeros(4))
    arrays += (np.zeros((LANES + 3, 1)), rng.standard_normal((LANES + 3, 1)))
    found, _ = read(module, dtype, rows, *arrays)
    expected, _ = formulas(*exact(dtype, *arrays))
    both = expected[0] + expected[1]  # what a difference or a sum of the terms may lose
    scale = abs(expected)
    scale[2], scale[3], scale[4], scale[7] = both, both**2, both + scale[4], both + scale[7]
    wrong = abs(found - expected[:rows]) / scale[:rows]
    for name, one in zip(ROWS, wrong, strict=False):
        assert one.max() <= DIGITS[dtype] * (2 if name == "inner" else 1), name


@dtypes
@kernels
@pytest.mark.parametrize("gate", range(4))
def test_eq02_to_eq07_a_pre_activation_beyond_all_limits_is_its_limit(
    module: Any, dtype: str, gate: int
) -> None:
    x = np.zeros((2, 1, 4))
    x[:, 0, gate] = [-1e4, 1e4]
    arrays = (x, np.eye(4), np.zeros((4, 1)), np.array([0.5, -0.5, 1.0, 0.25]))
    arrays += (np.zeros((2, 1)), np.full((2, 1), 2.0))
    found, states = read(module, dtype, len(ROWS), *arrays)
    expected, ends = formulas(*exact(dtype, *arrays))
    assert found == pytest.approx(expected.astype(float), rel=10 * DIGITS[dtype], abs=1e-19)
    if module is wide_kernel:
        assert states == pytest.approx(ends.astype(float), rel=10 * DIGITS[dtype], abs=1e-19)


@dtypes
@kernels
@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("units", [1, 4, 6])
def test_eq02_to_eq07_whole_sequences_are_those_of_the_formulas(
    module: Any, dtype: str, inputs: int, units: int
) -> None:
    rng = np.random.default_rng(10 * inputs + units)
    batch, steps = LANES + 2, 3
    arrays = (
        rng.standard_normal((batch, steps, inputs)),
        rng.uniform(-0.5, 0.5, (4 * units, inputs)),
        rng.uniform(-0.5, 0.5, (4 * units, units)),
        rng.uniform(-0.5, 0.5, 4 * units),
        rng.uniform(-1, 1, (batch, units)),
        np.where(np.arange(batch) == 1, 0, rng.standard_normal((units, batch))).T,  # a sign of 0
    )
    found, states = read(module, dtype, len(ROWS), *arrays)
    expected, ends = formulas(*exact(dtype, *arrays))
    digits = 20 * DIGITS[dtype]
    assert found == pytest.approx(expected.astype(float), rel=digits, abs=digits)
    if module is wide_kernel:
        assert states == pytest.approx(ends.astype(float), rel=digits, abs=digits)
