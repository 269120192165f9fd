"""The Gray-Scott simulator against the spec, py-pde, SciPy and exact solutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pde
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.integrate import solve_ivp

import spec
from rdverify import InputError, Trace, balance_of
from rdverify.gray_scott import (
    GrayScottConfig,
    initial_state,
    largest_dt,
    run,
    run_many,
    simulate,
    step,
)
from spec.reaction_diffusion import gray_scott_kinetics, gray_scott_kinetics_printed

eq01, eq12, eq15 = (spec.EQUATIONS[number].corrected for number in (1, 12, 15))
eq12_section_4_1 = spec.EQUATIONS[12].variants["kinetics of section 4.1 as printed"]
SOLVER = "euler" if hasattr(pde, "EulerSolver") else "explicit"  # renamed in later py-pde
SPOTS = GrayScottConfig(feed_rate=0.029, rows=40, cols=30, square=10, steps=50)


def rates(u, v, config):
    """du/dt and dv/dt by the literal formulas, np.roll and all."""
    kinetics = gray_scott_kinetics_printed if config.kinetics == "u2v" else gray_scott_kinetics
    return eq01(
        u,
        v,
        config.d_u,
        config.d_v,
        config.dx,
        lambda u, v: kinetics(u, v, config.feed_rate, config.kill_rate)[0],
        lambda u, v: kinetics(u, v, config.feed_rate, config.kill_rate)[1],
    )


def away(measured, expected):
    """The largest deviation, relative to the largest expected value."""
    return np.max(np.abs(measured - expected)) / np.max(np.abs(expected))


def slope(steps, errors):
    """The order of convergence: log error regressed on log step."""
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


@st.composite
def configs(draw, steps=1):
    """Settings of odd, even and non-square grids, with a stable step."""
    sides = st.integers(2, 37)
    config = GrayScottConfig(
        feed_rate=draw(st.floats(0.005, 0.1)),
        kill_rate=draw(st.floats(0.03, 0.08)),
        d_u=draw(st.floats(1e-6, 1e-4)),
        d_v=draw(st.floats(1e-6, 1e-4)),
        rows=draw(sides),
        cols=draw(sides),
        dx=draw(st.floats(0.005, 0.05)),
        dt=1e-6,
        steps=steps,
        square=0,
        seed=draw(st.integers(0, 2**32)),
        kinetics=draw(st.sampled_from(["uv2", "u2v"])),
        u_terms=True,
        inner_products=True,
        snapshots=tuple(range(steps + 1)),
    )
    return replace(config, dt=min(0.5, largest_dt(config)) * draw(st.floats(0.01, 1)))


def random_state(config):
    rng = np.random.default_rng(config.seed)
    return tuple(rng.uniform(0, 1, (2, config.rows, config.cols)))


@settings(max_examples=60, deadline=None)
@given(configs(steps=5))
def test_eq01_eq12_eq15_kernel_equals_spec_to_1e_13(config):
    result = simulate(config, random_state(config))
    for t in range(config.steps):
        u, v = result.snapshots[t]
        du, dv = rates(u, v, config)
        after_u, after_v = result.snapshots[t + 1]
        assert away(after_u, u + config.dt * du) < 1e-13
        assert away(after_v, v + config.dt * dv) < 1e-13
        react = eq12 if config.kinetics == "uv2" else eq12_section_4_1
        expected = react(u[None], v[None], config.feed_rate, config.kill_rate)
        assert result.trace.react[0, t] == pytest.approx(expected, rel=1e-13)
        expected = eq15(v[None], config.d_v, config.dx)
        assert result.trace.diff[0, t] == pytest.approx(expected, rel=1e-13)


@settings(max_examples=20, deadline=None)
@given(configs())
@pytest.mark.twice
def test_eq01_norms_of_the_u_equation_equal_spec(config):
    u, v = random_state(config)
    trace = simulate(config, (u, v)).trace
    still = replace(config, d_u=1e-300, d_v=1e-300)
    reaction = rates(u, v, still)[0]
    diffusion = rates(u, v, config)[0] - reaction
    assert trace.extras["react_u"][0, 0] == pytest.approx(np.linalg.norm(reaction), rel=1e-12)
    assert trace.extras["diff_u"][0, 0] == pytest.approx(np.linalg.norm(diffusion), rel=1e-11)


def test_eq12_eq15_means_over_a_run_equal_spec():
    config = replace(SPOTS, snapshots=tuple(range(SPOTS.steps)))
    result = simulate(config)
    u, v = (np.array([result.snapshots[t][k] for t in range(config.steps)]) for k in (0, 1))
    balance = balance_of(result.trace)
    assert balance.m_react == pytest.approx(eq12(u, v, config.feed_rate, config.kill_rate), 1e-12)
    assert balance.m_diff == pytest.approx(eq15(v, config.d_v, config.dx), 1e-12)
    assert_array_equal(run(config).react, result.trace.react)


def test_the_optional_outputs_change_neither_state_nor_norms():
    plain, full = simulate(SPOTS), simulate(replace(SPOTS, u_terms=True, inner_products=True))
    assert away(full.v, plain.v) < 1e-13
    assert away(full.trace.react, plain.trace.react) < 1e-13
    assert set(full.trace.extras) == {"change", "total", "inner", "react_u", "diff_u"}
    assert not plain.trace.extras


class PyPdeGrayScott(pde.PDEBase):
    """The same equations on py-pde's grid, with its Laplacian and its stepping."""

    def __init__(self, config):
        super().__init__()
        self.config = config

    def evolution_rate(self, state, t=0):
        config, (u, v) = self.config, state
        reaction = u.data * v.data**2
        rate = state.copy()
        lap_u, lap_v = (f.laplace("auto_periodic_neumann", backend="scipy").data for f in (u, v))
        rate[0].data[:] = config.d_u * lap_u - reaction + config.feed_rate * (1 - u.data)
        rate[1].data[:] = (
            config.d_v * lap_v + reaction - (config.feed_rate + config.kill_rate) * v.data
        )
        return rate


def test_eq01_agrees_with_py_pde_after_200_steps():
    config = replace(SPOTS, rows=31, cols=24, steps=200)
    grid = pde.CartesianGrid([[0, 0.31], [0, 0.24]], [31, 24], periodic=True)
    state = pde.FieldCollection([pde.ScalarField(grid, f) for f in initial_state(config)])
    theirs = PyPdeGrayScott(config).solve(
        state, t_range=200 * config.dt, dt=config.dt, solver=SOLVER, backend="numpy", tracker=None
    )
    ours = simulate(config)
    assert np.max(np.abs(ours.u - theirs[0].data)) < 1e-10
    assert np.max(np.abs(ours.v - theirs[1].data)) < 1e-10
    assert np.ptp(ours.v) > 0.1  # a pattern, not two zeros that agree


def test_eq01_order_1_in_time_against_solve_ivp():
    config = GrayScottConfig(0.055, rows=12, cols=9, square=4, noise=0.01, steps=16)
    start = initial_state(config)

    def right_hand_side(_, y):
        return np.ravel(rates(*y.reshape(2, 12, 9), config))

    exact = (
        solve_ivp(
            right_hand_side, (0, 16), np.ravel(start), method="DOP853", rtol=1e-11, atol=1e-13
        )
        .y[:, -1]
        .reshape(2, 12, 9)
    )
    dts = 1 / 2.0 ** np.arange(1, 7)
    for k in (0, 1):
        errors = []
        for dt in dts:
            end = simulate(replace(config, dt=dt, steps=round(16 / dt)), start)
            errors.append(np.linalg.norm((end.u, end.v)[k] - exact[k]))
        assert slope(dts, errors) == pytest.approx(1, abs=0.1)


def test_eq01_eq15_order_2_in_space_against_an_exact_solution():
    # With v of size 1e-8 the two equations uncouple to 1e-8 of each field, and
    # 1 - u and v are decaying Fourier modes of rates F + D_u q and F + k + D_v q.
    length, end, size = 0.08, 4.0, 1e-8
    cells = np.array([8, 16, 32, 64])
    q = 2 * (2 * np.pi / length) ** 2
    errors = {"u": [], "v": [], "diff": []}
    for n in cells:
        config = GrayScottConfig(
            0.03,
            rows=n,
            cols=2 * n,
            dx=length / n,
            dt=2e-4,
            square=0,
            noise=0,
            steps=round(end / 2e-4),
        )
        x, y = ((np.arange(side) + 0.5) * config.dx for side in (n, 2 * n))
        mode = np.outer(np.cos(2 * np.pi * x / length), np.sin(2 * np.pi * y / length))
        u = 1 - 0.5 * mode * np.exp(-end * (config.feed_rate + config.d_u * q))
        v = size * mode * np.exp(-end * (config.feed_rate + config.kill_rate + config.d_v * q))
        result = simulate(config, (1 - 0.5 * mode, size * mode))
        errors["u"].append(np.max(np.abs(result.u - u)))
        errors["v"].append(np.max(np.abs(result.v - v)))
        # the grid's L2 norm times dx is the L2 norm over the domain; mean of mode^2 is 1/4
        integral = config.d_v * q * size * np.sqrt(2 * length**2 / 4)
        errors["diff"].append(abs(result.trace.diff[0, 0] * config.dx - integral))
    for name, values in errors.items():
        assert slope(length / cells, values) == pytest.approx(2, abs=0.1), name


@pytest.mark.parametrize(
    "move",
    [
        lambda f: np.roll(f, (7, -3), (0, 1)),
        np.rot90,
        np.flipud,
        np.fliplr,
        np.transpose,
    ],
    ids=["translation", "rotation", "up-down", "left-right", "transposition"],
)
@pytest.mark.parametrize("shape", [(31, 24), (20, 20)], ids=str)
def test_eq01_equivariance(move, shape):
    config = replace(SPOTS, rows=shape[0], cols=shape[1], square=6, noise=0.05)
    start = initial_state(config)
    plain = simulate(config, start)
    turned = tuple(map(move, start))
    rows, cols = turned[0].shape
    moved = simulate(replace(config, rows=rows, cols=cols), turned)
    assert away(moved.u, move(plain.u)) < 1e-13
    assert away(moved.v, move(plain.v)) < 1e-13
    assert away(moved.trace.react, plain.trace.react) < 1e-12
    assert away(moved.trace.diff, plain.trace.diff) < 1e-12


@settings(max_examples=30, deadline=None)
@given(configs())
def test_eq01_mass_balance(config):
    # diffusion moves mass and u v^2 turns u into v: only feed and decay change the total
    u, v = random_state(config)
    after_u, after_v = step(u, v, config)
    total = (
        u.sum()
        + v.sum()
        + config.dt
        * (config.feed_rate * (1 - u).sum() - (config.feed_rate + config.kill_rate) * v.sum())
    )
    assert after_u.sum() + after_v.sum() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("kinetics", ["uv2", "u2v"])
@pytest.mark.once
def test_the_trivial_state_is_a_fixed_point_to_the_bit(kinetics):
    config = replace(SPOTS, square=0, noise=0.0, steps=300, kinetics=kinetics)
    result = simulate(config)
    assert np.all(result.u == 1)
    assert np.all(result.v == 0)
    assert not result.trace.react.any()
    assert not result.trace.diff.any()
    assert result.diverged_at is None


def test_a_uniform_state_has_reaction_but_no_diffusion():
    config = replace(SPOTS, square=0, noise=0.0, background_u=0.5, background_v=0.25)
    trace = run(config)
    assert np.all(trace.diff == 0)
    assert np.all(trace.react > 0)
    assert np.all(np.isinf(balance_of(trace).r_t))


@pytest.mark.once
def test_float32_agrees_with_float64_to_its_precision():
    single, double = simulate(replace(SPOTS, dtype="float32")), simulate(SPOTS)
    assert single.v.dtype == np.float32
    assert single.trace.react.dtype == np.float64
    assert away(single.u, double.u) < 2e-5
    assert away(single.v, double.v) < 2e-5
    assert away(single.trace.react, double.trace.react) < 2e-5
    assert away(single.trace.diff, double.trace.diff) < 2e-5
    assert np.any(single.v != double.v)


def decomposition_holds(trace: Trace, rel: float) -> None:
    """Bound, identity, Cauchy-Schwarz and the parallelogram law at every step."""
    react, diff = trace.react, trace.diff
    change, total, inner = (trace.extras[name] for name in ("change", "total", "inner"))
    size = react**2 + diff**2
    assert np.all(np.abs(react / diff - 1) <= change / diff * (1 + rel))
    assert np.all(np.abs(react**2 - diff**2 - inner) <= rel * size)
    assert np.all(
        np.abs(react / diff - 1 - inner / (diff * (react + diff))) <= rel * size / diff**2
    )
    assert np.all(np.abs(inner) <= change * total * (1 + rel))
    assert np.all(np.abs(change**2 + total**2 - 2 * size) <= rel * size)


@settings(max_examples=60, deadline=None)
@given(configs(steps=3))
def test_eq20_bound_and_exact_decomposition_on_random_states(config):
    decomposition_holds(simulate(config, random_state(config)).trace, rel=1e-12)


def test_eq20_bound_and_exact_decomposition_on_a_real_run():
    config = GrayScottConfig(
        0.029, rows=100, cols=100, steps=2000, inner_products=True, snapshots=(1999,)
    )
    result = simulate(config)
    decomposition_holds(result.trace, rel=1e-11)
    before = result.snapshots[1999][1]
    change = np.linalg.norm(result.v - before) / config.dt
    assert result.trace.extras["change"][0, -1] == pytest.approx(change, rel=1e-9)
    # near balance because the change is small and nearly orthogonal to a + b
    r_t = balance_of(result.trace).r_t[0, -1]
    bound = change / result.trace.diff[0, -1]
    assert abs(r_t - 1) < bound / 3 < 0.1


def test_runs_in_threads_give_the_same_bits_as_one_by_one():
    base = replace(SPOTS, steps=120)
    many = [replace(base, seed=seed, feed_rate=feed) for seed in (1, 2, 3) for feed in (0.03, 0.05)]
    many.append(replace(base, rows=17, cols=50, dtype="float32"))
    alone = [simulate(config) for config in many]
    for workers in (1, 2, 5):
        for one, other in zip(alone, run_many(many, workers), strict=True):
            assert_array_equal(one.v, other.v)
            assert_array_equal(one.u, other.u)
            assert_array_equal(one.trace.react, other.trace.react)
            assert_array_equal(one.trace.diff, other.trace.diff)
    assert not np.array_equal(alone[0].v, alone[2].v)


def test_the_length_of_the_pieces_does_not_show():
    config = replace(SPOTS, steps=1203)
    often = simulate(replace(config, snapshots=(0, 1, 2, 501, 777, 1203)))
    once = simulate(config)
    assert_array_equal(often.v, once.v)
    assert_array_equal(often.trace.react, once.trace.react)
    assert sorted(often.snapshots) == [0, 1, 2, 501, 777, 1203]
    assert_array_equal(often.snapshots[0][0], initial_state(config)[0])
    assert_array_equal(often.snapshots[1203][1], often.v)
    assert_array_equal(often.snapshots[777][1], simulate(replace(config, steps=777)).v)
    # a run taken up from its snapshot goes on as before
    rest = simulate(replace(config, steps=1203 - 777), often.snapshots[777])
    assert_array_equal(rest.v, once.v)


def test_the_largest_dt_is_where_the_checkerboard_stops_decaying():
    config = replace(SPOTS, d_u=1e-6, d_v=2e-5, dt=0.1, square=0, rows=8, cols=8, steps=1)
    board = 1e-9 * (-1.0) ** np.add.outer(np.arange(8), np.arange(8))
    for fraction in (1, 0.9):
        _, after = step(np.ones((8, 8)), board, replace(config, dt=fraction * largest_dt(config)))
        assert after == pytest.approx(board * (1 - 2 * fraction), abs=1e-16)
    with pytest.raises(InputError, match=r"^dt = "):
        replace(config, dt=1.001 * largest_dt(config))


@pytest.mark.parametrize("feed_rate", [0.029, 0.055])
def test_a_run_at_the_largest_dt_stays_bounded(feed_rate):
    config = GrayScottConfig(feed_rate, rows=40, cols=40, steps=500)
    result = simulate(replace(config, dt=largest_dt(config)))
    assert result.diverged_at is None
    assert result.v.min() > -0.1
    assert result.u.max() < 1.1


def test_initial_state_is_a_square_in_noise():
    config = GrayScottConfig(0.03, rows=60, cols=50, square=20, noise=0.0)
    u, v = initial_state(config)
    assert u.shape == (60, 50)
    assert np.count_nonzero(v) == np.count_nonzero(u != 1) == 400
    assert_array_equal(v, 0.25 * ((u == 0.5) & (v > 0)))
    assert_array_equal(v[20:40, 15:35], 0.25)
    for kind, spread in (("normal", 0.02), ("uniform", 0.02 / np.sqrt(3))):
        noisy = initial_state(replace(config, noise=0.02, noise_kind=kind))
        for with_noise, without in zip(noisy, (u, v), strict=True):
            noise = with_noise - without
            assert noise.std() == pytest.approx(spread, rel=0.05)
            assert abs(noise.mean()) < 4 * spread / np.sqrt(noise.size)
        assert noisy[1].min() < 0  # not clipped
        assert abs(np.corrcoef(noisy[0][0], noisy[1][0])[0, 1]) < 0.5
    assert np.abs(noise).max() <= 0.02
    other = initial_state(replace(config, noise=0.02, seed=1))
    assert not np.array_equal(other[0], initial_state(replace(config, noise=0.02))[0])


def test_printed_kinetics_blow_up_in_finite_time_from_the_noisy_start():
    # Where noise makes v < 0, w = -v obeys w' = u^2 w - (F + k) w with u + v about
    # constant: w' grows as w^3, so the differential equation itself blows up and a
    # smaller dt does not help.
    config = GrayScottConfig(0.029, kinetics="u2v", steps=40)
    assert all(
        run.diverged_at is not None and run.diverged_at <= 10
        for run in run_many([replace(config, seed=seed) for seed in range(3)])
    )
    dts = 1 / 2.0 ** np.arange(4, 8)
    times = np.array(
        [dt * simulate(replace(config, dt=dt, steps=round(8 / dt))).diverged_at for dt in dts]
    )
    assert np.all((times > 1.5) & (times < 5))
    assert np.all(np.abs(np.diff(times)) < 0.5)
    assert simulate(replace(config, kinetics="uv2")).diverged_at is None


def test_printed_kinetics_without_negative_v_end_uniform_and_far_from_balance():
    # u^2 v = (F + k) v gives u = sqrt(F + k) and v = F (1 - u) / (F + k) everywhere
    config = replace(SPOTS, kinetics="u2v", steps=3000)
    u, v = initial_state(config)
    result = simulate(config, (u, np.maximum(v, 0)))
    decay = config.feed_rate + config.kill_rate
    assert result.diverged_at is None
    assert result.u == pytest.approx(np.full_like(u, np.sqrt(decay)), rel=1e-9)
    assert result.v == pytest.approx(
        np.full_like(v, config.feed_rate * (1 - np.sqrt(decay)) / decay), rel=1e-9
    )
    assert balance_of(result.trace).r > 2


def test_a_divergence_is_a_result():
    config = GrayScottConfig(0.029, kinetics="u2v", steps=700, snapshots=(0, 2, 600))
    result = simulate(config)
    last = result.diverged_at
    assert sorted(result.snapshots) == [0, 2]
    assert np.all(np.isfinite(result.trace.react[0, :last]))
    assert np.all(np.isnan(result.trace.react[0, last:]))
    assert np.all(np.isnan(result.trace.diff[0, last:]))
    assert run(config).config["diverged_at"] == last
    before = simulate(replace(config, steps=last - 1, snapshots=()))
    assert before.diverged_at is None
    assert "diverged_at" not in before.trace.config
    huge = np.full((40, 30), 1e200)
    assert simulate(SPOTS, (huge, huge)).diverged_at == 0


def test_trace_describes_the_run(tmp_path):
    config = replace(SPOTS, dt=0.5, seed=np.int64(4), snapshots=(np.int32(3),), steps=np.int64(20))
    trace = run(config)
    assert trace.system == "RD"
    assert trace.seeds == (4,)
    assert trace.times[0] == 0.5
    assert trace.times[-1] == 10
    loaded = Trace.load(trace.save(tmp_path / "trace.npz"))
    assert GrayScottConfig(**loaded.config) == config
    assert_array_equal(loaded.react, trace.react)
    given_start = simulate(config, initial_state(config)).trace
    assert given_start.seeds == ()
    assert given_start.config["initial"] == "given"
