"""PDEs against plain steps with py-pde's own operators, and functions of one's own."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import numpy as np
import pde
import pytest
from numpy.testing import assert_allclose

from rdverify import InputError
from rdverify.gray_scott import GrayScottConfig, initial_state
from rdverify.gray_scott import simulate as simulate_gray_scott
from rdverify.gray_scott.stability import growth
from rdverify.measure import balance_from_states, certify_pde, read_certificate
from rdverify.measure.fields import laplacian, traces_from_states
from rdverify.measure.kinetics import NAMED, Kinetics, gray_scott
from rdverify.measure.pde import configured, kinetics_of, own_kinetics, simulate

NO_FLUX = {"derivative": 0}


@cache
def pde_grid(shape, dx, bc):
    """py-pde's Cartesian grid: it compiles its operators once for each."""
    sides = [[0, n * d] for n, d in zip(shape, dx, strict=True)]
    return pde.CartesianGrid(sides, shape, periodic=bc == "periodic")


def pde_laplacian(field, dx, bc):
    """The Laplacian of a field by py-pde."""
    grid = pde_grid(field.shape, tuple(dx), bc)
    return pde.ScalarField(grid, field).laplace("periodic" if bc == "periodic" else NO_FLUX).data


@pytest.mark.once
@pytest.mark.parametrize("bc", ["periodic", "no-flux"])
@pytest.mark.parametrize("shape", [(7,), (5, 6), (3, 4, 5)])
def test_the_laplacian_is_py_pdes_in_one_to_three_dimensions(shape, bc):
    rng = np.random.default_rng(len(shape))
    field, dx = rng.standard_normal(shape), rng.uniform(0.5, 2, len(shape))
    expected = pde_laplacian(field, dx, bc)
    assert_allclose(laplacian(field, dx, bc), expected, rtol=0, atol=1e-12 * abs(expected).max())


def plain(config, steps):
    """Euler steps in NumPy with py-pde's Laplacian: norms (2, 3, steps), and the last state."""
    start = config.kinetics.state(*config.values)
    rng = np.random.default_rng(config.seed)
    size = max(np.abs(start).max(), 1e-3)
    shape = (config.rows, config.cols)
    state = [x + config.noise * size * rng.standard_normal(shape) for x in start]
    dx = (config.height, config.dx)
    norms = np.zeros((2, 3, steps))
    for t in range(steps):
        rates = config.kinetics.reaction(*state, *config.values)
        for k, d in enumerate((config.d_u, config.d_v)):
            spread = d * pde_laplacian(state[k], dx, config.bc)
            norms[k, :, t] = [np.linalg.norm(x) for x in (rates[k], spread, rates[k] + spread)]
            state[k] = state[k] + config.dt * (rates[k] + spread)
    return norms, state


@pytest.mark.once
@pytest.mark.parametrize("bc", ["periodic", "no-flux"])
@pytest.mark.parametrize("name", NAMED)
def test_a_run_is_what_plain_steps_with_py_pdes_operators_give(name, bc):
    # one grid for all, so that py-pde compiles for few
    sizes = {"rows": 9, "cols": 14, "dx": 1.0, "dy": 1.3, "dt": 0.003, "steps": 25}
    config = configured(NAMED[name], {**sizes, "bc": bc})
    norms, state = plain(config, 25)
    found = simulate(config)
    for k, field in enumerate("uv"):
        trace = found.traces[field]
        assert_allclose(trace.react[0], norms[k, 0], rtol=1e-12)
        assert_allclose(trace.diff[0], norms[k, 1], rtol=1e-12)
        assert_allclose(trace.extras["change"][0], norms[k, 2], rtol=1e-11)
        assert_allclose(getattr(found, field), state[k], rtol=1e-12)


def test_one_row_is_a_run_in_one_dimension():
    config = configured(NAMED["schnakenberg"], {"rows": 1, "cols": 40, "steps": 30})
    found = simulate(config)
    start = config.kinetics.state(*config.values)
    rng = np.random.default_rng(0)
    u, v = (x + 0.01 * max(start) * rng.standard_normal((1, 40)) for x in start)
    for t in range(30):
        rate = config.kinetics.reaction(u[0], v[0], *config.values)
        spread = [d * laplacian(x[0], config.dx) for d, x in zip((1, 10), (u, v), strict=True)]
        assert found.traces["v"].react[0, t] == pytest.approx(np.linalg.norm(rate[1]), rel=1e-11)
        assert found.traces["v"].diff[0, t] == pytest.approx(np.linalg.norm(spread[1]), rel=1e-11)
        u, v = u + config.dt * (rate[0] + spread[0]), v + config.dt * (rate[1] + spread[1])


def test_gray_scott_as_kinetics_is_the_gray_scott_simulator():
    known = GrayScottConfig(0.03, rows=20, cols=24, steps=40, inner_products=True, u_terms=True)
    expected = simulate_gray_scott(known).trace
    u, v = initial_state(known)
    found = traces_from_states(
        *[np.array(x)[None] for x in (u, v)],
        lambda u, v: gray_scott(u, v, 0.03, 0.062),
        (known.d_u, known.d_v),
        known.dx,
    )
    assert found["v"].react[0, 0] == pytest.approx(expected.react[0, 0], rel=1e-12)
    assert found["u"].diff[0, 0] == pytest.approx(expected.extras["diff_u"][0, 0], rel=1e-12)


@pytest.mark.parametrize("name", NAMED)
def test_named_kinetics_start_at_rest_and_are_unstable_by_diffusion_alone(name):
    config = configured(NAMED[name], {})
    state, values = np.array(config.kinetics.state(*config.values)), config.values
    rates = np.array(config.kinetics.reaction(*state, *values))
    assert np.abs(rates).max() < 1e-12
    step = 1e-6
    jacobian = np.array(
        [
            (
                np.array(config.kinetics.reaction(*(state + step * e), *values))
                - np.array(config.kinetics.reaction(*(state - step * e), *values))
            )
            / (2 * step)
            for e in np.eye(2)
        ]
    ).T
    wavenumbers = 2 * np.pi * np.arange(60) / (config.cols * config.dx)
    rates = growth(wavenumbers, jacobian, config.d_u, config.d_v)
    assert rates[0] < 0 < rates.max()
    # the pattern has time to grow, and its wavelength has some cells
    assert rates.max() * config.dt * config.steps > 10
    assert 2 * np.pi / wavenumbers[rates.argmax()] > 6 * config.dx


def test_a_pattern_comes_to_rest_at_r_1_and_equal_diffusion_makes_none():
    config = configured(NAMED["schnakenberg"], {"rows": 48, "cols": 48, "steps": 12_000})
    certificate = certify_pde(config, seeds=4)
    assert certificate.r_t.values[-1] == pytest.approx(1, abs=1e-3)
    assert certificate.mode.label == "static"
    control = certificate.controls[0]
    assert control.differs
    assert control.mode != "static"
    assert [part.name for part in certificate.parts] == ["field u", "field v"]


OWN = """
STATE = (2.0, 3.0)
D_U, D_V, DT, STEPS = 0.5, 0.25, 0.1, 4
def reaction(u, v, rate=0.5):
    return rate * u * v, -u + v / (1 + u * u)
"""


@pytest.mark.twice
def test_a_function_of_ones_own_is_compiled_into_the_kernel(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    kinetics = kinetics_of(str(tmp_path / "mine.py"))
    config = configured(kinetics, {"rate": 0.25, "rows": 9, "cols": 14, "dy": 1.3})
    assert (config.d_u, config.steps, config.values) == (0.5, 4, (0.25,))
    norms, _ = plain(config, 4)
    found = simulate(config).traces
    assert_allclose(found["u"].react[0], norms[0, 0], rtol=1e-12)
    assert_allclose(found["v"].diff[0], norms[1, 1], rtol=1e-12)
    # another function of the same name isn't mistaken for it
    other = own_kinetics(lambda u, v: (1.0 - u, u - v), "mine")
    config = configured(other, {"rows": 8, "cols": 10, "steps": 3})
    trace = simulate(config).traces["u"]
    assert trace.react[0, 1] == pytest.approx(0.99 * trace.react[0, 0], rel=0.05)


@pytest.mark.once
def test_a_uniform_state_is_searched_where_none_is_set():
    config = configured(own_kinetics(lambda u, v: (2.0 - u, u - v)), {"steps": 2, "noise": 0.0})
    run = simulate(config)
    assert_allclose(run.u, 2, rtol=1e-9)
    assert_allclose(run.v, 2, rtol=1e-9)


def test_trajectories_of_a_data_set():
    config = configured(NAMED["brusselator"], {"rows": 9, "cols": 14, "steps": 5})
    rng = np.random.default_rng(0)
    u, v = rng.uniform(1, 2, (2, 5, 9, 14))
    found = balance_from_states(
        u, v, lambda u, v: NAMED["brusselator"].reaction(u, v, 4.5, 7.5), (2, 16), (1.3, 1.0)
    )
    for k, (name, d) in enumerate({"u": 2, "v": 16}.items()):
        react = [
            np.linalg.norm(config.kinetics.reaction(u[t], v[t], 4.5, 7.5)[k]) for t in range(5)
        ]
        diff = [
            np.linalg.norm(d * pde_laplacian((u, v)[k][t], (1.3, 1.0), "periodic"))
            for t in range(5)
        ]
        assert_allclose(found[name].r_t[0], np.divide(react, diff), rtol=1e-12)
        assert found[name].r == pytest.approx(np.mean(react) / np.mean(diff), rel=1e-12)


def refused(act):
    with pytest.raises(InputError) as caught:
        act()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.once
def test_what_does_not_fit_is_named(tmp_path):
    named = NAMED["schnakenberg"]
    for settled, message in (
        ({"c": 1.0}, "setting = 'c' is not allowed: must be one of a, b, "),
        ({"a": "much"}, "a = 'much'"),
        ({"dt": 1.0}, "dt = 1.0 is not allowed: must be at most"),
        ({"dx": 0}, "dx = 0"),
        ({"rows": 2.5}, "rows = 2.5"),
        ({"bc": "open"}, "bc = 'open'"),
        ({"steps": 1}, "steps = 1"),
    ):
        assert message in refused(lambda settled=settled: configured(named, settled))
    for text, message in (
        ("def reaction(u, v): return u", "must define reaction"),
        ("def reaction(u, v, rate): return u, v", "rate of reaction"),
        ("def react(u, v): return u, v", "defines reaction(u, v)"),
        ("def reaction(u, v: return", "SyntaxError"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
    ):
        (tmp_path / "k.py").write_text(text)
        assert message in refused(lambda: kinetics_of(str(tmp_path / "k.py")))
    assert "schnakenberg, brusselator" in refused(lambda: kinetics_of("turing"))
    strange = own_kinetics(lambda u, v: (float(str(u)), v))
    assert "numba" in refused(lambda: simulate(configured(strange, {"steps": 2})))
    wild = Kinetics("wild", lambda u, v: (u * u, v), {}, lambda: (1e3, 1.0))
    assert "diverged" in refused(lambda: certify_pde(configured(wild, {"dt": 0.2}), seeds=1))
    ones = np.ones((3, 4, 4))
    for args, message in (
        ((ones, ones[:2], lambda u, v: (u, v), (1, 1), 1), "v.shape"),
        ((ones, ones, lambda u, v: u, (1, 1), 1), "reaction's result"),
        ((ones, ones, lambda u, v: (u, v), 1, 1), "D = 1"),
        ((ones, ones, lambda u, v: (u, v), (1, 1), (1, 1, 1)), "dx"),
        ((ones, ones, lambda u, v: (u, v), (1, 1), 1, "open"), "bc = 'open'"),
        ((ones * np.nan, ones, lambda u, v: (u, v), (1, 1), 1), "u = 'with NaN"),
    ):
        assert message in refused(lambda args=args: balance_from_states(*args))


def rdverify(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "rdverify", "measure", "pde", *words],
        cwd=folder,
        text=True,
        capture_output=True,
    )


@pytest.mark.once
def test_the_command_runs_a_file_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    more = ("--set", "rate=0.25", "--set", "rows=8", "--set", "bc=no-flux", "--seeds", "2")
    done = rdverify(tmp_path, "mine.py", *more, "--field", "u", "--output", "out")
    assert done.returncode == 0, done.stderr
    certificate = read_certificate(tmp_path / "out" / "certificate.json")
    assert certificate.origin.settings["rate"] == 0.25
    assert certificate.origin.settings["bc"] == "no-flux"
    assert set(certificate.origin.sha256) == {"kinetics"}
    assert "R is that of the field u." in certificate.notes


@pytest.mark.once
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("turing",), "kinetics = 'turing'"),
        (("schnakenberg", "--set", "a"), "set = 'a'"),
        (("schnakenberg", "--set", "q=1"), "setting = 'q'"),
        (("schnakenberg", "--field", "w"), "field = 'w'"),
        (("schnakenberg", "--seeds", "0"), "seeds = 0"),
        (("schnakenberg", "--set", "dt=9"), "dt = 9"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, words, message, typed):
    apart = "dt=9" in words  # what comes furthest, as a process of its own
    more = ("measure", "pde", *words)
    done = rdverify(tmp_path, *words) if apart else typed(*more, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
