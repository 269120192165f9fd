"""Curves of the (F, k) plane against eigenvalues, and the bound on steady patterns against states.

The proof's two inequalities and its identity are each tried where they could fail.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify import InputError
from rdverify.gray_scott import GrayScottConfig, simulate, steady_states
from rdverify.gray_scott.plane import hopf, pattern_bound, saddle_node, turing
from rdverify.gray_scott.stability import all_states, jacobian, laplacian

D_U, D_V = 1e-5, 0.5e-5
feeds = st.floats(1e-3, 0.2)
ratios = st.floats(0.05, 1.0)
NOT_POSITIVE = (0.0, -1e-9, -0.5, -2.0, math.inf, math.nan)


@given(feeds)
def test_uniform_states_appear_below_the_saddle_node(feed):
    at = float(saddle_node(feed))
    if at > 1e-3:
        assert len(steady_states(feed, at * (1 - 1e-9))) == 3
        assert len(steady_states(feed, at * (1 + 1e-9))) == 1


@given(st.floats(1e-3, 0.0624))
def test_eigenvalues_cross_the_imaginary_axis_at_the_hopf_curve(kill):
    at = float(hopf(kill))

    def eigenvalues(feed):
        return np.linalg.eigvals(jacobian(*steady_states(feed, kill)[1], feed, kill))

    crossing = eigenvalues(at)
    assert np.abs(crossing.real).max() < 1e-9
    assert crossing[0].imag != 0
    assert crossing[0] == pytest.approx(np.conj(crossing[1]), abs=1e-12)
    # stable at more feed, and unstable at less as long as the state is there at all
    assert eigenvalues(at * 1.001).real.max() < 0
    if saddle_node(at * 0.999) > kill:
        assert eigenvalues(at * 0.999).real.max() > 0


def test_both_curves_end_in_one_point():
    # Bogdanov-Takens: trace and determinant vanish together
    assert saddle_node(1 / 16) == 1 / 16
    assert hopf(1 / 16) == pytest.approx(1 / 16, rel=1e-12)
    u, v = steady_states(1 / 16, 1 / 16)[1]
    matrix = jacobian(u, v, 1 / 16, 1 / 16)
    assert np.trace(matrix) == pytest.approx(0, abs=1e-15)
    assert np.linalg.det(matrix) == pytest.approx(0, abs=1e-15)


@given(feeds, ratios)
def test_the_bound_is_the_tangent_of_the_saddle_node(feed, ratio):
    # no uniform state, which is steady, too, lies beyond it; one touches it
    assert saddle_node(feed) <= pattern_bound(feed, 1.0, ratio) + 1e-15
    touching = 1 / (16 * ratio**2)
    assert saddle_node(touching) == pytest.approx(
        pattern_bound(touching, 1.0, ratio), rel=1e-12, abs=1e-12 * touching
    )


@given(feeds, ratios, st.floats(-0.3, 0.3))
def test_the_bracket_of_the_proof_has_one_sign_exactly_beyond_the_bound(feed, ratio, beyond):
    kill = float(pattern_bound(feed, 1.0, ratio)) + beyond
    u, share = np.meshgrid(np.linspace(0, 1, 201)[:-1], np.linspace(0, 1, 201))
    w, v = (1 - share) * (1 - u), share * (1 - u) / ratio
    bracket = w * u * v - (feed + kill - ratio * feed) * (1 - u)
    if abs(beyond) > 1e-6:
        assert (bracket.max() < 0) == (beyond > 0)


def test_a_pattern_at_rest_obeys_every_step_of_the_proof():
    settings = {"feed_rate": 0.029, "rows": 48, "cols": 48, "steps": 60_000}
    config = GrayScottConfig(**settings)
    run = simulate(config)
    u, v = run.u, run.v
    g, a = config.d_v / config.d_u, config.feed_rate + config.kill_rate
    reaction = u * v**2 - a * v
    left = reaction + config.d_v * laplacian(v, config.dx)
    assert np.linalg.norm(left) < 1e-3 * np.linalg.norm(reaction)  # it is at rest
    w = 1 - u - g * v
    assert u.max() < 1
    assert w.min() > 0
    gain, loss = v * w * u * v, v * (a - g * config.feed_rate) * (1 - u)
    assert gain.sum() == pytest.approx(loss.sum(), rel=1e-4)
    # cell by cell they differ, so that the sum's agreement says something
    assert np.abs(gain - loss).max() > 0.1 * gain.max()
    assert (w * v <= (1 - u) ** 2 / (4 * g) + 1e-15).all()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_put_in_beyond_the_bound_dies(seed):
    rng = np.random.default_rng(seed)
    feed = float(rng.uniform(0.01, 0.2))
    kill = float(pattern_bound(feed, D_U, D_V)) + 0.002
    config = GrayScottConfig(
        feed_rate=feed, kill_rate=kill, rows=32, cols=32, square=8 + seed * 7, square_v=1.0, dt=0.5
    )
    ended = simulate(config)
    assert ended.diverged_at is None
    assert np.abs(ended.v).max() < 1e-6


@given(st.floats(0.01, 0.2), st.floats(1e-6, 3e-3), st.floats(0.05, 2.0))
def test_turings_region_is_that_of_the_eigenvalues(feed, below, ratio):
    kill = float(saddle_node(feed)) - below
    if kill > 0:
        by_eigenvalues = any(state.turing for state in all_states(feed, kill, 1.0, ratio))
        assert bool(turing(feed, kill, 1.0, ratio)) == by_eigenvalues


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1.0, 1e4])
def test_turings_region_hangs_on_the_ratio_of_the_coefficients_alone(scale):
    # at F = k = 63 / 1024, where u = 7/16 and v = 9/32, it begins at D_u / D_v = 32 / 14
    rate = 63 / 1024
    assert turing(rate, rate, 32.001 * scale, 14 * scale)
    assert not turing(rate, rate, 31.999 * scale, 14 * scale)


def test_turings_region_is_a_strip_along_the_saddle_node():
    assert turing(0.055, 0.062, D_U, D_V)
    assert not turing(0.029, 0.062, D_U, D_V)  # there is no state that could be unstable
    assert not turing(0.055, 0.062, D_U, D_U)  # no faster inhibitor
    feeds = np.linspace(0.06, 0.1, 5)[:, None]
    inside = turing(feeds, saddle_node(feeds) + np.linspace(-0.02, 1e-3, 2_000), D_U, D_V)
    assert inside.any(axis=1).all()
    assert (np.abs(np.diff(inside, axis=1)).sum(axis=1) == 2).all()  # in one piece


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: saddle_node(0.0), "feed_rate"),
        (lambda: hopf(0.07), "kill_rate"),
        (lambda: hopf([0.01, np.nan]), "kill_rate"),
        (lambda: pattern_bound(0.03, 1.0, 2.0), "d_v"),
        (lambda: hopf(math.nextafter(1 / 16, 1)), "kill_rate"),
        (lambda: saddle_node(np.inf), "feed_rate"),
        (lambda: pattern_bound(-1.0, 1.0, 0.5), "feed_rate"),
        *(((lambda bad=bad: pattern_bound(0.03, bad, 1e-9)), "d_u") for bad in NOT_POSITIVE),
        *(((lambda bad=bad: pattern_bound(0.03, 1.0, bad)), "d_v") for bad in NOT_POSITIVE),
        *(((lambda bad=bad: turing(0.03, 0.06, bad, D_V)), "d_u") for bad in NOT_POSITIVE),
        *(((lambda bad=bad: turing(0.03, 0.06, D_U, bad)), "d_v") for bad in NOT_POSITIVE),
        (lambda: turing(0.0, 0.06, D_U, D_V), "feed_rate"),
        (lambda: turing(0.03, 0.0, D_U, D_V), "kill_rate"),
    ],
)
def test_what_is_outside_the_domain_is_refused(call, named):
    with pytest.raises(InputError, match=f"^{named} = "):
        call()
