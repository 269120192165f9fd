"""Recorder: norms in float64 of any array, runs along any axis, nothing kept but norms."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from rdverify import InputError
from rdverify.gray_scott import GrayScottConfig, initial_state, simulate
from rdverify.gray_scott.stability import laplacian, reaction
from rdverify.measure import Recorder


def exact(term, axis):
    """Norms in extended precision, run by run."""
    wide = np.moveaxis(np.asarray(term, np.longdouble), axis, 0)
    return np.sqrt((wide.reshape(len(wide), -1) ** 2).sum(axis=1)).astype(float)


@given(
    st.tuples(*[st.integers(1, 4)] * 3),
    st.integers(-3, 2),
    st.sampled_from(["float16", "float32", "float64"]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_norms_are_those_of_each_run_in_float64(shape, axis, dtype, torched, seed):
    rng = np.random.default_rng(seed)
    terms = rng.normal(0, 100, (2, 5, *shape)).astype(dtype)
    recorder = Recorder(batch_axis=axis)
    for a, b in zip(*terms, strict=True):
        recorder.record(*(torch.from_numpy(x) if torched else x for x in (a, b)))
    trace = recorder.trace()
    assert trace.react.shape == (shape[axis], 5)
    for t in range(5):
        a, b = (x[t].astype(float) for x in terms)
        assert_allclose(trace.react[:, t], exact(a, axis), rtol=1e-14)
        assert_allclose(trace.diff[:, t], exact(b, axis), rtol=1e-14)
        assert_allclose(trace.extras["change"][:, t], exact(a + b, axis), rtol=1e-12, atol=1e-12)


def test_a_loop_of_ones_own_gives_what_the_simulator_gives():
    config = GrayScottConfig(0.03, rows=24, cols=32, steps=40, inner_products=True)
    u, v = initial_state(config)
    recorder = Recorder()
    for step in range(config.steps):
        gain, spread = reaction(u, v, 0.03, 0.062), config.d_v * laplacian(v, config.dx)
        recorder.record(gain[1], spread, time=step + 1)
        u = u + config.d_u * laplacian(u, config.dx) + gain[0]
        v = v + gain[1] + spread
    expected = simulate(config).trace
    assert_allclose(recorder.trace().react, expected.react, rtol=1e-10)
    assert_allclose(recorder.trace().diff, expected.diff, rtol=1e-10)
    assert_allclose(recorder.trace().extras["change"], expected.extras["change"], rtol=1e-8)


def test_a_step_keeps_no_array_gradient_or_change_of_what_it_was_given():
    x = torch.ones(3, 1000, requires_grad=True)
    recorder = Recorder(batch_axis=0)
    recorder.record(2 * x, -x)
    assert not recorder.trace().react.flags.writeable
    assert torch.equal(x.detach(), torch.ones(3, 1000))
    term, steps = np.ones(10_000), 200
    recorder = Recorder()
    recorder.record(term, term)
    tracemalloc.start()
    for _ in range(steps):
        recorder.record(term, term)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < steps * 1000  # bytes; one term alone has 80,000


def test_bfloat16_norms_are_not_kept_in_bfloat16():
    term = torch.full((1, 3), 1.0, dtype=torch.bfloat16)
    recorder = Recorder(batch_axis=0)
    recorder.record(term, 2 * term)
    assert recorder.trace().react[0, 0] == pytest.approx(np.sqrt(3), rel=1e-15)


def test_a_complex_term_counts_by_its_modulus():
    recorder = Recorder()
    recorder.record(np.array([3 + 4j, 0]), np.array([0, 5j]))
    assert recorder.balance().r == 1
    assert recorder.trace().extras["change"][0, 0] == pytest.approx(np.sqrt(50))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda r: r.record(np.ones(3), np.ones(4)), r"diffusion.shape = \(4,\)"),
        (
            lambda r: r.record(np.ones(3), np.ones(3), time=0.0) or r.record([1], [1], time=0),
            "time",
        ),
        (lambda r: r.record(["a"], ["b"]), "reaction's dtype"),
        (lambda r: r.record(torch.ones(2), np.ones(2)), "diffusion = 'ndarray'"),
        (lambda r: r.trace(), "recorder = 'empty'"),
    ],
)
def test_what_does_not_fit_is_refused(act, message):
    with pytest.raises(InputError, match=message):
        act(Recorder())


def test_the_number_of_runs_may_not_change():
    recorder = Recorder(batch_axis=0)
    recorder.record(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InputError, match="runs = 3"):
        recorder.record(np.ones((3, 3)), np.ones((3, 3)))
    with pytest.raises(InputError, match="batch_axis = 2"):
        Recorder(batch_axis=2).record(np.ones((2, 3)), np.ones((2, 3)))
