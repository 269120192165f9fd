"""Each erratum is shown, not asserted: one test per entry of spec/errata.toml."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.stats import chi, norm

import spec
from spec.balance import eq12, eq13, eq14, eq14_printed, eq15, eq16, eq20, eq20_printed
from spec.diffusion_model import eq08, eq08_printed, eq09, eq10, eq10_printed, score_of_epsilon
from spec.lstm import eq05
from spec.reaction_diffusion import (
    gray_scott_kinetics,
    gray_scott_kinetics_printed,
    laplacian,
)

RNG = np.random.default_rng(20)
FEED_RATES = (0.029, 0.055)
KILL_RATE = 0.062
RISING = np.linspace(1e-4, 0.02, 1000)  # beta of the cited model over the t of Eq. (8)


def derivative(function: Callable[[float], float], at: float, step: float = 1e-6) -> float:
    return (function(at + step) - function(at - step)) / (2 * step)


@pytest.mark.parametrize("feed_rate", FEED_RATES)
def test_e01_printed_kinetics_make_the_background_unstable(feed_rate: float) -> None:
    def growth_of_v(kinetics: Callable[..., tuple[float, float]]) -> float:
        return derivative(lambda v: kinetics(1.0, v, feed_rate, KILL_RATE)[1], 0.0)

    assert_allclose(growth_of_v(gray_scott_kinetics), -(feed_rate + KILL_RATE), rtol=1e-6)
    assert_allclose(growth_of_v(gray_scott_kinetics_printed), 1 - feed_rate - KILL_RATE, rtol=1e-6)


@pytest.mark.parametrize("feed_rate", FEED_RATES)
def test_e02_u_never_activates_itself_and_v_can(feed_rate: float) -> None:
    u, v = RNG.uniform(0, 1, (2, 1000))
    of_u = derivative(lambda a: gray_scott_kinetics(a, v, feed_rate, KILL_RATE)[0], u)
    of_v = derivative(lambda a: gray_scott_kinetics(u, a, feed_rate, KILL_RATE)[1], v)
    assert_allclose(of_u, -(v**2) - feed_rate, rtol=1e-6)
    assert_allclose(of_v, 2 * u * v - feed_rate - KILL_RATE, atol=1e-6)
    assert np.all(of_u < 0)
    assert np.any(of_v > 0)


def test_e03_the_two_inhibition_terms_move_oppositely_with_f() -> None:
    c_prev = RNG.normal(size=(1, 16))
    forget = np.linspace(0, 1, 11)
    kept = [np.linalg.norm(f * c_prev) for f in forget]
    decayed = [eq16(np.full((1, 16), f), c_prev) for f in forget]
    assert np.all(np.diff(kept) > 0)
    assert np.all(np.diff(decayed) < 0)
    assert decayed[-1] == 0


def test_e04_only_the_corrected_index_gives_q_of_the_next_line() -> None:
    beta = np.array([np.nan, 0.1, 0.2, 0.4])
    for t in range(3):
        # q(x_{t+1} | x_t) has mean sqrt(1 - beta_{t+1}) x_t and variance beta_{t+1}
        mean, deviation = eq08(1.0, beta, t, 0.0), eq08(0.0, beta, t, 1.0)
        assert_allclose((mean, deviation), (np.sqrt(1 - beta[t + 1]), np.sqrt(beta[t + 1])))
    assert np.isnan(eq08_printed(1.0, beta, 0, 0.0)), "the printed form asks for beta_0"


def test_e05_eq09_uses_one_increment_whatever_its_letter() -> None:
    # with f = 0 the increment is g dw and nothing else random enters
    dw = RNG.normal(size=5)
    assert_allclose(eq09(np.ones(5), 0.3, 0.1, lambda x, t: 0 * x, lambda t: 2.0, dw), 2 * dw)


def test_e06_the_score_is_minus_epsilon_over_its_standard_deviation() -> None:
    x = RNG.normal(size=100)
    for data_variance in (0.2, 1.0, 3.0):
        for alpha_bar in (0.1, 0.5, 0.99):
            marginal = alpha_bar * data_variance + 1 - alpha_bar
            score = -x / marginal
            best_epsilon = np.sqrt(1 - alpha_bar) * x / marginal  # E[epsilon | x], jointly normal
            assert_allclose(score_of_epsilon(best_epsilon, alpha_bar), score)
            assert np.all(np.sign(best_epsilon) == -np.sign(score))


def test_e07_eq10_needs_the_marginal_at_time_t() -> None:
    # f = -x/2, g = 1 from N(0, s0): variance s(t) = 1 + (s0 - 1) e^-t, moved backwards exactly
    s0, steps, horizon = 0.05, 4000, 4.0
    dt = -horizon / steps

    def variance(t: float) -> float:
        return 1 + (s0 - 1) * np.exp(-t)

    def final_variance(form: Callable[..., float]) -> float:
        second_moment, t = variance(horizon), horizon
        for _ in range(steps):
            # the drift is linear in x: read its slope off x = 1 and add the noise's variance
            slope = form(
                1.0, t, dt, lambda x, t: -x / 2, lambda t: 1.0, lambda x, t: -x / variance(t), 0.0
            )
            second_moment, t = (1 + slope) ** 2 * second_moment + abs(dt), t + dt
        return second_moment

    assert_allclose(final_variance(eq10), s0, rtol=0.02)
    assert abs(final_variance(eq10_printed) / s0 - 1) > 0.3


def test_e08_table1_is_two_orders_below_the_norm_of_epsilon() -> None:
    steps, beta = 50, np.linspace(1e-4, 0.02, 1000)
    alpha_bar = np.cumprod(1 - beta)
    chosen = np.linspace(0, 999, steps).astype(int)
    for row, dimension in (("MNIST", 1024), ("CIFAR10", 3072)):
        epsilon = RNG.normal(size=(steps, dimension))
        x = np.sqrt(1 - alpha_bar[chosen])[:, None] * epsilon  # the marginal of images of zeros
        arguments = (x, epsilon, beta[chosen], alpha_bar[chosen])
        printed = float(next(r for r in spec.table1() if r["setting"] == row)["m_react"])
        assert eq14_printed(*arguments) / printed > 100
        assert_allclose(eq14(*arguments), printed, rtol=0.05)


def test_e09_printed_metrics_scale_as_an_undivided_norm() -> None:
    m_diff = {row["setting"]: float(row["m_diff"]) for row in spec.table1()}
    assert_allclose(m_diff["CIFAR10"] / m_diff["MNIST"], np.sqrt(3), rtol=2e-3)


def test_e10_eq20_as_printed_is_identically_one() -> None:
    react, diff = RNG.uniform(0.1, 2, (2, 50))
    assert np.all(eq20_printed(react, diff) == 1)
    whole = np.array([0, 2])  # 0 / 0 is no number, of whole numbers either
    with np.errstate(all="ignore"):
        assert_allclose(eq20_printed(whole, whole), [np.nan, 1])
    assert_allclose(eq20(react, diff), react / diff)
    assert np.ptp(eq20(react, diff)) > 0.1


def test_e11_the_usual_schedule_falls_in_generation_time_alone() -> None:
    usual = RISING  # over the t of Eq. (8)
    assert np.all(np.diff(usual) > 0)
    in_generation_order = usual[::-1]
    assert np.all(np.diff(in_generation_order) < 0)
    # that schedule over the t of Eq. (8), as the sentence stands, takes the signal at once
    assert np.cumprod(1 - usual)[99] > 0.85
    assert np.cumprod(1 - in_generation_order)[99] < 0.2


def test_e12_volume_nine_is_1997() -> None:
    assert 1989 + (9 - 1) == 1997
    assert "1997" in next(e for e in spec.errata() if e["id"] == "E12")["corrected"]


def test_e13_van_der_pol_orbits_converge_to_one_cycle() -> None:
    def maxima(start: tuple[float, float]) -> np.ndarray:
        def crossing(t: float, y: np.ndarray) -> float:
            return float(y[1])

        crossing.direction = -1  # type: ignore[attr-defined]
        solution = solve_ivp(
            lambda t, y: (y[1], 3 * (1 - y[0] ** 2) * y[1] - y[0]),
            (0, 120),
            start,
            events=crossing,
            rtol=1e-9,
            atol=1e-10,
        )
        return solution.y_events[0][-5:, 0]

    inside, outside = maxima((0.01, 0.0)), maxima((4.0, 4.0))
    assert_allclose(inside, outside, rtol=1e-6)
    assert np.ptp(inside) < 1e-6


def test_e14_section_5_describes_the_reverse_of_the_axis_of_eq08() -> None:
    signal = np.sqrt(np.cumprod(1 - RISING))  # factor of the image in x_t, over the t of Eq. (8)
    early = slice(0, len(signal) // 3)
    assert np.all(signal[early] > 0.5)
    in_generation_order = signal[::-1]
    assert np.all(in_generation_order[early] < 0.125)
    assert in_generation_order[-1] > 0.999


@pytest.mark.parametrize("x", [-1.5, 0.0, 2.0])
def test_e15_the_bound_on_the_negative_log_likelihood_is_an_upper_one(x: float) -> None:
    # z ~ N(0, 1), x | z ~ N(z, s2): p(x) = N(0, 1 + s2), posterior N(x / (1 + s2), s2 / (1 + s2))
    s2 = 0.5
    truth = -norm.logpdf(x, 0, np.sqrt(1 + s2))

    def bound(mean: float, variance: float) -> float:
        expected_log_joint = (-np.log(2 * np.pi) - np.log(s2) / 2 - (mean**2 + variance) / 2) - (
            (x - mean) ** 2 + variance
        ) / (2 * s2)
        entropy = np.log(2 * np.pi * np.e * variance) / 2
        return float(-expected_log_joint - entropy)

    assert_allclose(bound(x / (1 + s2), s2 / (1 + s2)), truth)
    others = [bound(mean, variance) for mean, variance in RNG.uniform(0.05, 3, (200, 2))]
    assert min(others) > truth


def test_e16_only_the_last_page_differs() -> None:
    entry = next(e for e in spec.errata() if e["id"] == "E16")
    volume, number, first = re.search(r"science\.(\d+)\.(\d+)\.(\d+)", entry["evidence"]).groups()
    assert f"Vol. {volume}, No. {number}, pp. {first}-191" in entry["printed"]
    assert entry["corrected"] == f"pp. {first}-192"


def test_e17_six_letters_have_two_meanings() -> None:
    twice = {  # letter -> (equation, its place there), twice
        "R": ((1, r"R_u(\mathbf{u}"), (18, r"R = \frac")),
        "sigma": ((2, r"\sigma(W_f"), (17, r"\sigma_t \mathbf{z}")),
        "f": ((2, r"f_t = "), (9, r"f(x, t) dt")),
        "i": ((3, r"i_t = "), (19, r"\mathcal{M}_i = ")),
    }
    for pair in twice.values():
        assert all(place in spec.EQUATIONS[number].latex for number, place in pair)
    symbols = spec.SYMBOLS
    assert symbols["h_prev"].latex.startswith("h")
    assert "(h,)" in symbols["h_prev"].shape, "the state's letter is its size's, too"
    assert r"\bar{w}" in spec.EQUATIONS[10].latex
    assert "weights" in next(e for e in spec.errata() if e["id"] == "E05")["printed"]


def test_e18_cifar10_tells_the_variance_and_nothing_the_last_step() -> None:
    alpha_bar = np.cumprod(1 - RISING)
    before = np.concatenate([[1.0], alpha_bar[:-1]])
    posterior = RISING * (1 - before) / (1 - alpha_bar)

    def away(row: str, pixels: int, variance: np.ndarray) -> float:
        """Of print from the expected M_diff, in standard deviations of one trajectory."""
        printed = float(next(r for r in spec.table1() if r["setting"] == row)["m_diff"])
        expected = np.sqrt(variance).mean() * chi(pixels).mean()
        one_trajectory = np.sqrt(variance.sum()) * chi(pixels).std() / len(variance)
        return float(abs(printed - expected) / one_trajectory)

    for row, pixels in (("MNIST", 1024), ("FashionMNIST", 1024), ("CIFAR10", 3072)):
        assert away(row, pixels, RISING) < 2
        assert away(row, pixels, np.append(0.0, RISING[1:])) < 2, "no noise at t = 1"
    assert away("MNIST", 1024, posterior) < 2
    assert away("CIFAR10", 3072, posterior) > 4


def test_e19_rd_metrics_are_rates_and_the_others_increments() -> None:
    u, v = RNG.uniform(0, 1, (2, 1, 6, 6))
    reaction = gray_scott_kinetics(u[0], v[0], FEED_RATES[0], KILL_RATE)[1]
    for dt in (0.25, 1.0, 2.0):  # what one Euler step adds, against the metric of the same state
        added = np.linalg.norm(dt * reaction), np.linalg.norm(dt * 0.5e-5 * laplacian(v[0], 0.01))
        metrics = eq12(u, v, FEED_RATES[0], KILL_RATE), eq15(v, 0.5e-5, 0.01)
        assert_allclose(added, dt * np.array(metrics))
        assert_allclose(added[0] / added[1], metrics[0] / metrics[1])
    f, i = RNG.uniform(0, 1, (2, 1, 16))
    c_prev, candidate = RNG.normal(size=(2, 1, 16))
    step = eq05(f[0], c_prev[0], i[0], candidate[0]) - c_prev[0]
    assert_allclose(step, i[0] * candidate[0] - (1 - f[0]) * c_prev[0])
    assert_allclose(eq13(i, candidate), np.linalg.norm(i[0] * candidate[0]))
    assert_allclose(eq16(f, c_prev), np.linalg.norm((1 - f[0]) * c_prev[0]))


def test_every_erratum_names_a_test_of_this_file_and_known_equations() -> None:
    entries = spec.errata()
    assert [entry["id"] for entry in entries] == [f"E{n:02d}" for n in range(1, len(entries) + 1)]
    for entry in entries:
        path, _, name = entry["test"].partition("::")
        assert path == "tests/spec/test_errata.py"
        assert callable(globals()[name])
        assert name.startswith(f"test_{entry['id'].lower()}_")
        assert entry["kind"] in ("slip", "notation", "unspecified")
        assert set(entry["equations"]) <= set(spec.EQUATIONS)
    for record in spec.EQUATIONS.values():
        assert set(record.errata) <= {entry["id"] for entry in entries}
        assert not record.differs or record.errata, f"{record.token} differs without an erratum"
