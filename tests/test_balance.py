"""The balance against the spec, and its identities."""

from __future__ import annotations

import math
import zipfile
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose

import spec
from rdverify import InputError, Trace, balance_of

E = {number: record.corrected for number, record in spec.EQUATIONS.items()}
norms = st.floats(1e-3, 1e3)
shapes = array_shapes(min_dims=2, max_dims=2, max_side=12)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    shape = draw(shapes)
    return Trace(
        draw(arrays(float, shape, elements=norms)), draw(arrays(float, shape, elements=norms))
    )


@given(traces())
def test_eq18_eq19_eq20_balance_is_the_spec_run_by_run(trace: Trace) -> None:
    balance = balance_of(trace)
    for run in range(trace.runs):
        m_react, m_diff = E[19](trace.react[run]), E[19](trace.diff[run])
        assert_allclose(balance.m_react_runs[run], m_react, rtol=1e-13)
        assert_allclose(balance.m_diff_runs[run], m_diff, rtol=1e-13)
        assert_allclose(balance.r_runs[run], E[18](m_react, m_diff), rtol=1e-12)
        assert_allclose(balance.r_t[run], E[20](trace.react[run], trace.diff[run]), rtol=1e-15)


@given(traces(), st.data())
def test_a_run_that_ends_early_has_the_balance_of_its_own_steps(
    whole: Trace, data: st.DataObject
) -> None:
    counts = st.integers(1, whole.steps)
    lengths = data.draw(st.lists(counts, min_size=whole.runs, max_size=whole.runs))
    react, diff = whole.react, whole.diff
    trace = Trace(react, diff, extras={"change": 2 * react}, lengths=lengths)
    balance = balance_of(trace)
    for run, length in enumerate(lengths):
        alone = balance_of(Trace(react[run : run + 1, :length], diff[run : run + 1, :length]))
        assert_allclose(balance.r_runs[run], alone.r, rtol=1e-12)
        assert_allclose(balance.r_t[run, :length], alone.r_t[0], rtol=1e-15)
    for step in range(whole.steps):
        there = [run for run, length in enumerate(lengths) if step < length]
        expected = math.nan
        if there:
            part = Trace(react[there, step : step + 1], diff[there, step : step + 1])
            expected = balance_of(part).r_t_pooled[0]
        assert_allclose(balance.r_t_pooled[step], expected, rtol=1e-12)
    ended = np.arange(trace.steps) >= np.array(lengths)[:, None]
    for kept, given_ in ((trace.react, react), (trace.extras["change"], 2 * react)):
        assert np.array_equal(kept, np.where(ended, math.nan, given_), equal_nan=True)


@given(traces())
def test_eq18_pooled_r_is_the_ratio_of_pooled_means(trace: Trace) -> None:
    balance = balance_of(trace)
    assert_allclose(balance.r, trace.react.sum() / trace.diff.sum(), rtol=1e-12)


@given(traces())
def test_r_is_the_mean_of_r_t_weighted_by_diffusion_and_differs_by_a_covariance(
    trace: Trace,
) -> None:
    balance = balance_of(trace)
    for r, r_t, diff in zip(balance.r_runs, balance.r_t, trace.diff, strict=True):
        assert_allclose(np.average(r_t, weights=diff), r, rtol=1e-10)
        covariance = np.mean(r_t * diff) - r_t.mean() * diff.mean()
        assert_allclose(r_t.mean() - r, -covariance / diff.mean(), rtol=1e-6, atol=1e-9 * r_t.max())


@given(traces(), st.floats(1e-3, 1e3))
def test_r_has_no_unit(trace: Trace, unit: float) -> None:
    scaled = balance_of(Trace(trace.react * unit, trace.diff * unit))
    assert_allclose(scaled.r, balance_of(trace).r, rtol=1e-12)
    assert_allclose(scaled.m_react, unit * balance_of(trace).m_react, rtol=1e-12)


@given(traces())
def test_swapping_the_terms_inverts_r(trace: Trace) -> None:
    swapped = balance_of(Trace(trace.diff, trace.react))
    assert_allclose(swapped.r * balance_of(trace).r, 1, rtol=1e-12)


def test_steps_without_diffusion_are_kept_by_the_stated_policy() -> None:
    balance = balance_of(Trace([[1.0, 0.0, 2.0]], [[0.0, 0.0, 4.0]]))
    assert balance.r_t[0, 0] == math.inf
    assert math.isnan(balance.r_t[0, 1])
    assert balance.r_t[0, 2] == 0.5
    assert balance.r == 0.75
    assert balance_of(Trace([[1.0]], [[0.0]])).r == math.inf
    assert math.isnan(balance_of(Trace([[0.0]], [[0.0]])).r)


def test_a_trace_comes_back_from_its_file_and_equal_traces_give_equal_bytes(tmp_path: Path) -> None:
    def make() -> Trace:
        rng = np.random.default_rng(3)
        return Trace(
            rng.random((2, 5)),
            rng.random((2, 5)),
            np.arange(5) * 0.5,
            "RD",
            {"dx": 0.01, "name": "spots"},
            [7, 8],
            {"change": rng.random((2, 5))},
            {"code": "1"},
        )

    first, second = make().save(tmp_path / "a.npz"), make().save(tmp_path / "b.npz")
    assert first.read_bytes() == second.read_bytes()
    loaded, original = Trace.load(first), make()
    for name in ("react", "diff", "times"):
        assert np.array_equal(getattr(loaded, name), getattr(original, name))
    assert np.array_equal(loaded.extras["change"], original.extras["change"])
    assert (loaded.system, loaded.config, loaded.seeds) == ("RD", original.config, (7, 8))


def test_the_lengths_of_runs_come_back_from_a_file(tmp_path: Path) -> None:
    for lengths in ((), (3, 1)):
        trace = Trace(np.ones((2, 3)), np.ones((2, 3)), lengths=lengths)
        loaded = Trace.load(trace.save(tmp_path / "t.npz"))
        assert loaded.lengths == lengths
        assert np.array_equal(loaded.react, trace.react, equal_nan=True)


def deep(levels: int) -> list[Any]:
    """Lists in one another."""
    outer: list[Any] = []
    for _ in range(levels):
        outer = [outer]
    return outer


@pytest.mark.parametrize("value", [object(), {1, 2}, math.nan, deep(100_000)], ids=type)
def test_settings_that_are_no_plain_json_are_not_saved(tmp_path: Path, value: object) -> None:
    trace = Trace([[1.0]], [[2.0]], config={"dx": 1})
    trace.config["dx"] = value  # type: ignore[index]
    with pytest.raises(InputError, match=r"^config is not allowed \(.*must be plain JSON values"):
        trace.save(tmp_path / "t.npz")
    assert not any(tmp_path.iterdir())


def test_a_trace_and_its_balance_cannot_be_changed() -> None:
    trace = Trace([[1.0]], [[2.0]])
    with pytest.raises(ValueError, match="read-only"):
        trace.react[0, 0] = 5
    for one, name in ((trace, "react"), (balance_of(trace), "r")):
        with pytest.raises(FrozenInstanceError):
            setattr(one, name, 5)


def test_a_trace_shares_nothing_with_what_it_was_made_of() -> None:
    """Neither does it freeze the caller's arrays, nor do they reach into it."""
    react, diff, extra = (np.full((1, 2), value) for value in (1.0, 2.0, 3.0))
    times, config = np.array([1.0, 2.0]), {"widths": [1]}
    trace = Trace(react, diff, times, "RD", config, extras={"change": extra})
    for array in (react, diff, extra, times):
        array[:] = 9
    config["widths"].append(2)
    assert trace.react.tolist() == [[1, 1]]
    assert trace.diff.tolist() == [[2, 2]]
    assert trace.extras["change"].tolist() == [[3, 3]]
    assert trace.times.tolist() == [1, 2]
    assert trace.config == {"widths": [1]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": ["a", "b"]},
        {"times": [1.0, math.inf]},
        {"times": [1.0, 2.0j]},
        {"seeds": [1.7]},
        {"seeds": [True]},
        {"lengths": [1.5]},
        {"extras": {"change": [["x", "y"]]}},
        {"react": [[1.0, None]]},
        {"react": [[1.0], [1.0, 2.0]]},
    ],
)
def test_what_is_no_number_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Trace(**{"react": [[1.0, 1.0]], "diff": [[1.0, 1.0]], **wrong})


@pytest.mark.parametrize("cut", [0, 10, 200])
def test_a_truncated_trace_is_refused_in_words(tmp_path: Path, cut: int) -> None:
    path = Trace([[1.0, 2.0]], [[2.0, 1.0]]).save(tmp_path / "t.npz")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"trace = .*must be a"):
        Trace.load(path)


def test_a_file_of_another_kind_is_no_trace(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(InputError, match=r"'hello\.txt'"):
        Trace.load(tmp_path / "t.npz")
    np.save(tmp_path / "t.npy", np.ones(3))
    with pytest.raises(InputError, match="trace = "):
        Trace.load(tmp_path / "t.npy")
    np.savez(tmp_path / "t.npz", header="[" * 10_000)
    with pytest.raises(InputError, match="must be a file of schema"):
        Trace.load(tmp_path / "t.npz")


@pytest.mark.parametrize(
    ("react", "diff", "words"),
    [
        ([[1.0]], [[1.0, 2.0]], "diff.shape"),
        ([1.0], [1.0], "react.ndim"),
        ([[-1.0]], [[1.0]], r"min\(react\) = -1.0"),
        (np.zeros((0, 3)), np.zeros((0, 3)), "at least one run"),
    ],
)
def test_impossible_traces_are_refused(react: object, diff: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Trace(react, diff)  # type: ignore[arg-type]


def test_settings_nested_beyond_what_python_follows_are_named() -> None:
    with pytest.raises(InputError, match=r"^config is not allowed \(nested too deep\)"):
        Trace([[1.0]], [[2.0]], config={"dx": deep(100_000)})


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": [1.0, 1.0]},  # strictly increasing
        {"times": [2.0, 1.0]},
        {"times": [1.0]},
        {"lengths": [0, 2]},  # from 1 to T = 2
        {"lengths": [1, 3]},
        {"lengths": [2]},  # one for each of two runs
        {"seeds": [2]},
    ],
    ids=str,
)
def test_times_lengths_and_seeds_that_do_not_fit_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^{next(iter(wrong))}"):
        Trace(np.ones((2, 2)), np.ones((2, 2)), **wrong)


def test_stacking_keeps_one_row_a_run_and_only_the_settings_they_share() -> None:
    one = Trace([[1.0, 2.0]], [[1.0, 1.0]], system="RD", config={"a": 1, "b": 1}, seeds=[3])
    two = Trace([[5.0, 6.0]], [[2.0, 2.0]], system="RD", config={"a": 1, "b": 2}, seeds=[4])
    both = Trace.stack([one, two])
    assert both.seeds == (3, 4)
    assert both.config == {"a": 1}
    assert_allclose(balance_of(both).r_runs, [1.5, 2.75])
    with pytest.raises(InputError, match="system"):
        Trace.stack([one, Trace([[1.0, 1.0]], [[1.0, 1.0]], system="LSTM")])


def test_a_stack_of_one_trace_is_that_trace_and_of_none_is_refused() -> None:
    one = Trace([[1.0, 2.0]], [[3.0, 4.0]], [0.5, 1.5], "RD", {"a": 1}, [3])
    alone = Trace.stack([one])
    for name in ("react", "diff", "times"):
        assert np.array_equal(getattr(alone, name), getattr(one, name))
    assert (alone.system, alone.config, alone.seeds) == (one.system, one.config, one.seeds)
    with pytest.raises(InputError, match=r"^traces"):
        Trace.stack([])


def test_a_stack_of_runs_of_unequal_length_keeps_the_length_of_each() -> None:
    ones = np.ones((2, 3))
    parts = [Trace(ones, ones, lengths=[3, 1]), Trace(ones, ones)]
    assert Trace.stack(parts).lengths == (3, 1, 3, 3)
    assert Trace.stack(parts[1:]).lengths == ()


def test_truth_values_are_numbers_and_extras_have_the_norms_shape(tmp_path: Path) -> None:
    trace = Trace([[True, False]], [[1, 1]], config={"a": 1, "b": 2})
    assert trace.react.tolist() == [[1.0, 0.0]]
    other = Trace(trace.react, trace.diff, config={"b": 2, "a": 1})  # the same in another order
    paths = [t.save(tmp_path / f"{k}.npz") for k, t in enumerate((trace, other))]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with pytest.raises(InputError, match=r"^extras\['change'\].shape = \(1, 1\)"):
        Trace([[1.0, 2.0]], [[1.0, 2.0]], extras={"change": [[1.0]]})
