"""Uniform states, Jacobians and dispersion relations against independent algebra and numerics."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from rdverify.gray_scott import GrayScottConfig, initial_state, largest_dt, step
from rdverify.gray_scott.stability import (
    all_states,
    growth,
    jacobian,
    laplacian,
    reaction,
    stability,
    steady_states,
)
from rdverify.tools.errors import InputError

D_U, D_V = 1e-5, 0.5e-5
rates = st.floats(0.005, 0.2)
kinds = st.sampled_from(["uv2", "u2v"])


@given(rates, rates, kinds)
def test_eq01_reaction_vanishes_at_every_steady_state(feed, kill, kinetics):
    for u, v in steady_states(feed, kill, kinetics):
        assert np.abs(reaction(u, v, feed, kill, kinetics)).max() < 1e-14


@settings(max_examples=25)
@given(rates, rates, kinds)
def test_steady_states_are_all_roots_of_the_polynomial(feed, kill, kinetics):
    # v = F (1 - u) / (F + k), and R_u(u) is then a cubic: count its real roots with u > 0
    loss = feed + kill
    u = np.polynomial.Polynomial([0, 1])
    v = feed / loss * (1 - u)
    cubic = -(u * v**2 if kinetics == "uv2" else u**2 * v) + feed * (1 - u)
    roots = cubic.roots()
    expected = sorted(r.real for r in roots if abs(r.imag) < 1e-9 and r.real > 0)
    found = sorted(state[0] for state in steady_states(feed, kill, kinetics))
    if abs(feed - 4 * loss**2) > 1e-6:  # at the double root a count means nothing
        assert found == pytest.approx(expected, abs=1e-6)


def test_number_of_states_changes_at_the_saddle_node():
    # F = 4 (F + k)^2: with F = 0.04 that is k = 0.06
    assert len(steady_states(0.04, 0.0599)) == 3
    assert len(steady_states(0.04, 0.0601)) == 1
    assert len(steady_states(0.029, 0.062)) == 1
    assert len(steady_states(0.055, 0.062)) == 3


def test_eq01_terms_are_one_step_of_the_simulator():
    # with the compiled kernel: the definition that is used outside of it says the same
    config = GrayScottConfig(feed_rate=0.03, rows=12, cols=9, square=4)
    u, v = initial_state(config)
    for kinetics in ("uv2", "u2v"):
        after = step(u, v, replace(config, kinetics=kinetics))
        reactions = reaction(u, v, config.feed_rate, config.kill_rate, kinetics)
        for old, new, diffusion, term in zip(
            (u, v), after, (config.d_u, config.d_v), reactions, strict=True
        ):
            change = diffusion * laplacian(old, config.dx) + term
            assert new == pytest.approx(old + config.dt * change, rel=1e-12, abs=1e-14)


@given(rates, rates, kinds, st.floats(0.5, 2), st.floats(0.1, 1))
def test_the_longest_step_turns_the_checkerboard_of_u_over(feed, kill, kinetics, high, dx):
    # at u = 1 and the highest v: 1 - dt (8 D / dx^2 + s) = -1 where u decays faster than v
    config = GrayScottConfig(feed, kill, square_v=high, dx=dx, dt=1e-3, kinetics=kinetics)
    v = max(high, feed / (feed + kill))
    decay = -jacobian(1.0, v, feed, kill, kinetics)[0, 0]
    highest = 8 * config.d_u / dx**2 + decay
    others = 8 * config.d_v / dx**2 + feed + kill
    assert largest_dt(config) * max(highest, others) == pytest.approx(2, rel=1e-12)


def test_reaction_counts_in_any_unit_of_concentration():
    # u, v ten times larger: the rate of u v^2 a hundredth, the feed's concentration ten
    plain = np.array(reaction(0.4, 0.3, 0.03, 0.06))
    scaled = np.array(reaction(4.0, 3.0, 0.03, 0.06, rate=0.01, full=10.0))
    assert scaled == pytest.approx(10 * plain, rel=1e-12)


@given(st.floats(-1, 2), st.floats(-1, 2), rates, rates, kinds)
def test_jacobian_is_the_derivative_of_the_reaction(u, v, feed, kill, kinetics):
    def both(x):
        return np.array(reaction(x[0], x[1], feed, kill, kinetics))

    numeric = approx_fprime(np.array([u, v]), both, 1e-7)
    assert jacobian(u, v, feed, kill, kinetics) == pytest.approx(numeric, abs=1e-5)


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4),
    st.floats(0, 300),
    st.floats(1e-6, 1e-3),
    st.floats(1e-6, 1e-3),
)
def test_growth_is_the_largest_real_part_of_the_eigenvalues(entries, q, d_u, d_v):
    matrix = np.array(entries).reshape(2, 2)
    numeric = np.linalg.eigvals(matrix - q**2 * np.diag([d_u, d_v])).real.max()
    assert growth(q, matrix, d_u, d_v) == pytest.approx(numeric, abs=3e-7)


@settings(max_examples=50)
@given(rates, rates, kinds, st.floats(1e-6, 1e-4), st.floats(1e-6, 1e-4))
def test_fastest_mode_is_the_maximum_over_a_fine_grid(feed, kill, kinetics, d_u, d_v):
    q = np.linspace(0, 400, 4001)
    for state in all_states(feed, kill, d_u, d_v, kinetics):
        matrix = jacobian(state.u, state.v, feed, kill, kinetics)
        scanned = growth(q, matrix, d_u, d_v)
        assert state.growth_max >= scanned.max() - 1e-12
        assert state.growth_max == pytest.approx(
            float(growth(state.wavenumber, matrix, d_u, d_v)), abs=1e-15
        )
        if state.wavenumber < 400:
            assert state.growth_max == pytest.approx(scanned.max(), abs=1e-5)


def test_trivial_state_is_stable_for_all_wavenumbers_with_uv2():
    for feed in (0.029, 0.055):
        state = all_states(feed, 0.062, D_U, D_V)[0]
        assert (state.u, state.v) == (1.0, 0.0)
        assert state.growth_max == state.growth_uniform == pytest.approx(-feed)
        assert state.wavelength == math.inf


def test_trivial_state_is_the_same_however_slow_diffusion_is():
    found = stability((1.0, 0.0), 0.03, 0.06, 1e-200, 2e-200)  # whose product is 0
    assert (found.growth_uniform, found.growth_max, found.wavenumber) == (-0.03, -0.03, 0)


def test_trivial_state_is_unstable_without_diffusion_as_printed():
    # u2v: dR_v/dv = u^2 - (F + k) > 0 at (1, 0): growth, and no Turing instability
    state = all_states(0.029, 0.062, D_U, D_V, "u2v")[0]
    assert state.growth_uniform == pytest.approx(1 - 0.091)
    assert not state.turing


def test_known_turing_case_and_swapped_coefficients():
    states = all_states(0.055, 0.062, D_U, D_V)
    upper = states[1]
    assert (upper.u, upper.v) == pytest.approx((0.4666, 0.2507), abs=2e-4)
    assert upper.turing
    assert upper.growth_max == pytest.approx(0.0088, abs=2e-4)
    assert upper.wavelength == pytest.approx(0.094, abs=1e-3)
    assert any(state.turing for state in states)
    for feed, *coefficients in ((0.055, D_V, D_U), (0.055, D_U, D_U), (0.029, D_U, D_V)):
        assert not any(state.turing for state in all_states(feed, 0.062, *coefficients))


def test_turing_threshold_agrees_with_murrays_condition():
    # d f_u + g_v > 2 sqrt(d det J), with d the ratio of coefficients, activator first
    u, v = steady_states(0.055, 0.062)[1]
    j = jacobian(u, v, 0.055, 0.062)
    ratio = sympy.symbols("ratio", positive=True)
    condition = ratio * j[1, 1] + j[0, 0] - 2 * sympy.sqrt(ratio * np.linalg.det(j))
    critical = max(
        float(sympy.re(root))
        for root in sympy.Poly(
            sympy.expand((ratio * j[1, 1] + j[0, 0]) ** 2 - 4 * ratio * np.linalg.det(j)), ratio
        ).nroots()
    )
    assert abs(float(condition.subs(ratio, critical))) < 1e-9
    assert stability((u, v), 0.055, 0.062, critical * 1.001 * D_V, D_V).turing
    assert not stability((u, v), 0.055, 0.062, critical * 0.999 * D_V, D_V).turing


@given(st.floats(-3, 9).map(lambda power: 10**power))  # lengths from below 1 to beyond 1
def test_length_scales_with_the_root_of_the_coefficients(scale):
    plain = all_states(0.055, 0.062, D_U, D_V)[1]
    scaled = all_states(0.055, 0.062, scale * D_U, scale * D_V)[1]
    assert scaled.wavelength == pytest.approx(plain.wavelength * math.sqrt(scale))
    assert scaled.growth_max == pytest.approx(plain.growth_max)


def test_a_state_on_the_border_of_instability_is_not_unstable():
    """With numbers that floats hold exactly: the determinant's lowest value over q is 0."""
    u, v, rate = 7 / 16, 9 / 32, 63 / 1024  # u v = F + k and F (1 - u) = (F + k) v, F = k
    assert steady_states(rate, rate)[1] == pytest.approx((u, v))
    found = stability((u, v), rate, rate, 32.0, 14.0)
    assert found.growth_uniform < 0 == found.growth_max
    assert found.wavenumber == 3 / 64
    assert not found.turing
    assert stability((u, v), rate, rate, 32.1, 14.0).turing


def test_a_state_that_does_not_decay_without_diffusion_is_no_turing_state():
    # the saddle-node at F = 1/4, k = 0: u = v = 1/2, of eigenvalues 0 and -1/4
    (found,) = all_states(0.25, 0.0, 4.0, 1.0)[1:]
    assert (found.u, found.v, found.growth_uniform) == (0.5, 0.5, 0)
    assert found.growth_max > 0
    assert not found.turing


@pytest.mark.parametrize("coefficients", [(D_U, D_V), (D_V, D_U), (3.0, 0.1)])
def test_as_printed_above_f_plus_k_1_waves_decay_beside_the_uniform_mode(coefficients):
    # v < 0 there, so that each field's growth feeds the other: no pattern, whatever diffuses
    state = all_states(0.6, 0.7, *coefficients, "u2v")[1]
    assert state.v < 0 < state.growth_uniform == state.growth_max
    assert state.wavenumber == 0
    matrix = jacobian(state.u, state.v, 0.6, 0.7, "u2v")
    assert np.all(np.diff(growth(np.linspace(0, 300, 500), matrix, *coefficients)) < 0)


FINE = {"feed_rate": 0.03, "kill_rate": 0.0, "d_u": D_U, "d_v": D_V}


@pytest.mark.parametrize("name", FINE)
@pytest.mark.parametrize("bad", [0.0, -1e-9, -0.5, -2.0, math.inf, math.nan, True])
def test_a_rate_outside_its_domain_is_named(name, bad):
    assert len(all_states(**FINE)) == 3  # nothing need be killed
    allowed = "a finite number >= 0" if name == "kill_rate" else "a positive finite number"
    if not (name == "kill_rate" and bad is not True and bad == 0):
        with pytest.raises(InputError, match=f"^{name} = .* must be {allowed}$"):
            all_states(**FINE | {name: bad})


@pytest.mark.parametrize(
    "bad",
    [
        (0.0, 0.06, D_U, D_V),
        (0.03, -1.0, D_U, D_V),
        (0.03, 0.06, 0.0, D_V),
        (0.03, 0.06, D_U, math.nan),
        (math.nan, 0.06, D_U, D_V),
        (0.03, 0.06, D_U, D_V, "v2u"),
    ],
)
def test_bad_input_is_refused(bad):
    with pytest.raises(InputError):
        all_states(*bad)
