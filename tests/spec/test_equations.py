"""The spec against arithmetic done by hand, so that it is no copy of the code it judges.

No number is one at which two formulas agree by chance: 1 hides a power, 1/2 makes u^2 = u / 2.
"""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import spec
from spec.balance import eq12_section_4_1
from spec.diffusion_model import score_of_epsilon
from spec.equation import EQUATIONS as BY_NUMBER
from spec.equation import equation
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


def test_a_record_is_fixed_and_named_by_its_number() -> None:
    assert [spec.EQUATIONS[n].token for n in (1, 7, 20)] == ["eq01", "eq07", "eq20"]
    with pytest.raises(FrozenInstanceError):
        spec.EQUATIONS[7].number = 8  # type: ignore[misc]


def test_no_equation_is_taken_twice_with_a_strange_symbol_or_with_unnamed_forms() -> None:
    before = dict(spec.EQUATIONS)
    with pytest.raises(KeyError, match="eq07 is defined twice"):
        equation(7, "again", "2.2", "h")(lambda o_t, c_t: o_t)
    strange: list[tuple[Any, Any]] = [(lambda o_t, q: q, None), (lambda o_t: o_t, lambda q: q)]
    for function, printed in strange:
        with pytest.raises(KeyError, match=r"eq21: no such symbol.*'q'"):
            equation(21, "new", "2.2", "h", printed=printed)(function)
    with pytest.raises(TypeError):
        equation(21, "new", "2.2", "h", "h'")  # type: ignore[misc]
    assert dict(spec.EQUATIONS) == before == dict(sorted(BY_NUMBER.items()))


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
    assert_allclose(gray_scott_kinetics(0.4, 0.3, 0.03, 0.06), (-0.036 + 0.018, 0.036 - 0.027))
    assert_allclose(
        gray_scott_kinetics_printed(0.4, 0.3, 0.03, 0.06), (-0.048 + 0.018, 0.048 - 0.027)
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
    x, h, w, u, b = np.array([3.0]), np.array([-2.0]), [[0.5]], [[0.25]], np.array([-0.25])
    out = E[4](x, h, np.array(w), np.array(u), b)  # of 1.5 - 0.5 - 0.25
    assert_allclose(out, [(math.exp(1.5) - 1) / (math.exp(1.5) + 1)])


def test_eq05_eq11_by_hand() -> None:
    f, c, i, g = (np.array([value]) for value in (0.25, 2.0, 0.5, -0.5))
    assert_allclose(E[5](f, c, i, g), [0.5 - 0.25])
    assert_allclose(E[11](f, c, i, g), [-1.5 - 0.25])


def test_eq07_by_hand() -> None:
    assert_allclose(E[7](np.array([0.5]), np.array([math.log(2)])), [0.5 * 0.6])


def test_eq08_by_hand() -> None:
    beta = np.array([np.nan, 0.19, 0.36])
    assert_allclose(E[8](10.0, beta, 1, 3.0), 0.8 * 10 + 0.6 * 3)
    assert_allclose(P[8](10.0, beta, 1, 3.0), 0.9 * 10 + math.sqrt(0.19) * 3)


def test_eq09_eq10_by_hand() -> None:
    pieces: dict[str, Any] = {"f": lambda x, t: -x * t, "g": lambda t: 6 * t, "dw": 0.3}
    assert_allclose(E[9](1.5, 0.5, 0.1, **pieces), -0.075 + 0.9)
    reverse = E[10](1.5, 0.5, -0.1, score=lambda x, t: -2 * x / (1 + t), **pieces)
    assert_allclose(reverse, (-0.75 + 9 * 2) * -0.1 + 0.9)
    printed = P[10](1.5, 0.5, -0.1, score=lambda x, t: -2 * x / (1 + t), **pieces)
    assert_allclose(printed, (-0.75 + 9 * 3) * -0.1 + 0.9)
    assert_allclose(score_of_epsilon(2.0, 0.64), -2 / 0.6)


@pytest.mark.parametrize("form", [E[10], P[10]], ids=["corrected", "printed"])
def test_eq09_eq10_where_the_density_stands_still_both_ways_of_time_are_one_process(
    form: Any,
) -> None:
    def g(t: float) -> float:
        return 0.7 + t**2

    def f(x: Any, t: float) -> Any:  # keeps p = exp(-x^4 / 4), whose score is -x^3
        return -(g(t) ** 2) * x**3 / 2

    x, dw = np.random.default_rng(9).normal(size=(2, 50))
    for t in (0.0, 0.4, 2.0):
        forward = E[9](x, t, 0.01, f, g, dw)
        assert_allclose(form(x, t, -0.01, f, g, lambda x, t: -(x**3), dw), forward, rtol=1e-9)


def test_eq09_eq10_the_mean_of_both_drifts_is_the_velocity_of_the_quantiles() -> None:
    # N(m, s^2) with m = cos t, s = 1 + t, and a drift that is linear: m' = c - a m,
    # (s^2)' = g^2 - 2 a s^2; a quantile m + s z moves with m' + s' z
    def a(t: float) -> float:
        return 0.5 + t

    def f(x: Any, t: float) -> Any:
        return -a(t) * x - np.sin(t) + a(t) * np.cos(t)

    def g(t: float) -> Any:
        return np.sqrt(2 * (1 + t) + 2 * a(t) * (1 + t) ** 2)

    z, dt = np.linspace(-3, 3, 13), 0.25
    for t in (0.0, 0.3, 1.2):
        x = np.cos(t) + (1 + t) * z
        back = E[10](x, t, dt, f, g, lambda x, t: -(x - np.cos(t)) / (1 + t) ** 2, 0.0)
        assert_allclose((E[9](x, t, dt, f, g, 0.0) + back) / 2, (-np.sin(t) + z) * dt, atol=1e-12)


def test_eq12_eq15_by_hand() -> None:
    u, v = np.full((2, 2, 2), 0.4), np.zeros((2, 2, 2))
    v[0] = 0.2  # T = 2: a uniform field, then nothing
    # a cell: 0.4 0.04 - 0.13 0.2 = -0.01 and 0.16 0.2 - 0.026 = 0.006; four cells, half the time
    assert_allclose(E[12](u, v, 0.03, 0.1), 0.01 * 2 / 2)
    assert_allclose(eq12_section_4_1(u, v, 0.03, 0.1), 0.006 * 2 / 2)
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


def test_eq14_eq17_want_as_many_terms_of_each_kind() -> None:
    x, beta = np.ones((3, 2)), np.full(3, 0.1)
    for arguments in ((x[:2], x, beta, beta), (x, x, beta[:2], beta), (x, x, beta, beta[:2])):
        with pytest.raises(ValueError, match=r"shorter|longer"):
            E[14](*arguments)
    for sigma in (beta[:2], np.append(beta, 0.1)):
        with pytest.raises(ValueError, match=r"shorter|longer"):
            E[17](sigma, x)


def test_eq18_eq19_eq20_by_hand() -> None:
    assert E[18](3.0, 4.0) == 0.75
    assert_allclose(E[19](np.array([1.0, 2.0, 7.0])), 10 / 3)
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
