"""The spec against arithmetic done by hand, so that it is no copy of the code it judges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import spec
from spec.balance import eq12_section_4_1
from spec.lstm import sigmoid
from spec.reaction_diffusion import (
    gray_scott_kinetics,
    gray_scott_kinetics_printed,
    laplacian,
)

E = {number: record.corrected for number, record in spec.EQUATIONS.items()}
P = {number: record.printed for number, record in spec.EQUATIONS.items()}


def test_there_are_twenty_equations_and_every_symbol_is_explained() -> None:
    assert list(spec.EQUATIONS) == list(range(1, 21))
    for record in spec.EQUATIONS.values():
        assert record.symbols
        assert all(all(field.strip() for field in symbol) for symbol in record.symbols.values())
        assert record.differs == (record.latex != record.latex_corrected)


def test_laplacian_of_a_plane_wave_is_the_exact_eigenvalue() -> None:
    n, m, dx = 8, 6, 0.5
    y, x = np.mgrid[:n, :m]
    wave = np.cos(2 * np.pi * (2 * y / n + x / m))
    eigenvalue = (2 * np.cos(4 * np.pi / n) + 2 * np.cos(2 * np.pi / m) - 4) / dx**2
    assert_allclose(laplacian(wave, dx), eigenvalue * wave, atol=1e-12)


def test_eq01_by_hand() -> None:
    u = np.array([[1.0, 0.0], [0.0, 0.0]])  # on 2x2 each neighbour counts twice
    v = np.zeros((2, 2))
    du, dv = E[1](u, v, 0.5, 0.25, 2.0, lambda u, v: 0 * u + 3, lambda u, v: 0 * v - 1)
    assert_allclose(du, [[3 - 0.5, 3 + 0.25], [3 + 0.25, 3]])
    assert_allclose(dv, -np.ones((2, 2)))


def test_kinetics_by_hand() -> None:
    assert_allclose(gray_scott_kinetics(0.5, 0.2, 0.03, 0.06), (-0.02 + 0.015, 0.02 - 0.018))
    assert_allclose(
        gray_scott_kinetics_printed(0.5, 0.2, 0.03, 0.06), (-0.05 + 0.015, 0.05 - 0.018)
    )


@pytest.mark.parametrize("number", [2, 3, 6])
def test_eq02_eq03_eq06_gates_by_hand(number: int) -> None:
    x, h = np.array([2.0]), np.array([1.0, -1.0])
    w, u, b = (
        np.array([[1.0], [0.0]]),
        np.array([[0.0, 1.0], [1.0, 1.0]]),
        np.array([0.0, math.log(3)]),
    )
    # first: 2 - 1 + 0 = 1; second: 0 + 0 + log 3
    assert_allclose(E[number](x, h, w, u, b), [1 / (1 + math.exp(-1)), 0.75])


def test_eq04_by_hand() -> None:
    out = E[4](np.array([1.0]), np.zeros(1), np.array([[0.5]]), np.ones((1, 1)), np.array([0.25]))
    assert_allclose(out, [(math.exp(1.5) - 1) / (math.exp(1.5) + 1)])


def test_eq05_eq11_by_hand() -> None:
    f, c, i, g = (np.array([value]) for value in (0.25, 2.0, 0.5, -0.5))
    assert_allclose(E[5](f, c, i, g), [0.5 - 0.25])
    assert_allclose(E[11](f, c, i, g), [-1.5 - 0.25])


def test_eq07_by_hand() -> None:
    assert_allclose(E[7](np.array([0.5]), np.array([math.log(2)])), [0.5 * 0.6])


def test_eq08_by_hand() -> None:
    beta = np.array([np.nan, 0.19, 0.36])
    assert_allclose(E[8](10.0, beta, 1, 1.0), 0.8 * 10 + 0.6)
    assert_allclose(P[8](10.0, beta, 1, 1.0), 0.9 * 10 + math.sqrt(0.19))


def test_eq09_eq10_by_hand() -> None:
    pieces: dict[str, Any] = {"f": lambda x, t: -x * t, "g": lambda t: 2 * t, "dw": 0.3}
    assert_allclose(E[9](1.5, 0.5, 0.1, **pieces), -0.075 + 0.3)
    reverse = E[10](1.5, 0.5, -0.1, score=lambda x, t: -x / (1 + t), **pieces)
    assert_allclose(reverse, (-0.75 + 1.0) * -0.1 + 0.3)
    printed = P[10](1.5, 0.5, -0.1, score=lambda x, t: -x / (1 + t), **pieces)
    assert_allclose(printed, (-0.75 + 1.5) * -0.1 + 0.3)


def test_eq12_eq15_by_hand() -> None:
    u, v = np.full((2, 2, 2), 0.5), np.zeros((2, 2, 2))
    v[0] = 0.2  # T = 2: a uniform field, then nothing
    # a cell: 0.5 0.04 - 0.13 0.2 = -0.006 and 0.25 0.2 - 0.026 = 0.024; four cells, half the time
    assert_allclose(E[12](u, v, 0.03, 0.1), 0.006 * 2 / 2)
    assert_allclose(eq12_section_4_1(u, v, 0.03, 0.1), 0.024 * 2 / 2)
    assert E[15](v, 1.0, 0.1) == 0
    v[1, 0, 0] = 1.0  # Laplacian: -4, 2, 2, 0 over dx^2
    assert_allclose(E[15](v, 0.5, 2.0), 0.5 * math.sqrt(16 + 4 + 4) / 4 / 2)


def test_eq13_eq16_by_hand() -> None:
    i, g = np.array([[1.0, 0.5], [0.0, 1.0]]), np.array([[0.3, 0.8], [9.0, -0.2]])
    assert_allclose(E[13](i, g), (0.5 + 0.2) / 2)
    assert_allclose(E[16](i, g), (0.4 + 9.0) / 2)


def test_eq14_eq17_by_hand() -> None:
    x, eps = np.array([[[3.0]], [[0.0]]]), np.array([[[1.0]], [[2.0]]])
    beta, alpha_bar = np.array([0.36, 0.19]), np.array([0.64, 0.64 * 0.81])
    first = (3 - 0.36 / 0.6) / 0.8 - 3
    second = (0 - 0.19 / math.sqrt(1 - 0.5184) * 2) / 0.9
    assert_allclose(E[14](x, eps, beta, alpha_bar), (abs(first) + abs(second)) / 2)
    assert_allclose(P[14](x, eps, beta, alpha_bar), 1.5)
    assert_allclose(E[17](np.sqrt(beta), eps), (0.6 + 2 * math.sqrt(0.19)) / 2)


def test_eq18_eq19_eq20_by_hand() -> None:
    assert E[18](3.0, 4.0) == 0.75
    assert E[19](np.array([1.0, 2.0, 6.0])) == 3
    assert_allclose(E[20](np.array([1.0, 3.0]), np.array([2.0, 2.0])), [0.5, 1.5])
    assert_allclose(P[20](np.array([1.0, 3.0]), np.array([2.0, 2.0])), [1, 1])


def test_sigmoid_saturates_without_a_warning_and_keeps_its_digits_where_it_is_small() -> None:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert_allclose(sigmoid(np.array([-1000.0, 0, 1000.0])), [0, 0.5, 1])
    assert_allclose(sigmoid(np.array([-30.0, -100.0])), np.exp([-30.0, -100.0]), rtol=1e-12)


def test_table1_has_24_numbers_as_strings_of_four_decimals() -> None:
    rows = spec.table1()
    numbers = [row[name] for row in rows for name in ("m_react", "m_diff", "r")]
    assert len(numbers) == 24
    assert all(isinstance(text, str) and len(text.partition(".")[2]) == 4 for text in numbers)
