"""Which settings fit as well: on made-up records whose answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rdverify import InputError
from rdverify.study.ranking import (
    LEVEL,
    admissible,
    plausible,
    rank,
    spread_as_well,
    spread_of,
)

TARGETS = {"a": 10.0, "b": 5.0}


def record(
    means: dict[str, float], seeds: int, scatter: float = 0.1, seed: int = 1
) -> pd.DataFrame:
    """Settings by name with their mean of "a"; "b" meets print; "r" is that of the setting."""
    rng = np.random.default_rng(seed)
    rows = [
        {"setting": name, "a": mean + scatter * x, "b": 5 + scatter * y, "r": mean / 10}
        for name, mean in means.items()
        for x, y in rng.standard_normal((seeds, 2))
    ]
    return pd.DataFrame(rows)


def test_p_is_that_of_one_more_run_times_the_number_of_fitted_columns() -> None:
    frame = record({"one": 10.2}, 6)
    found = plausible(frame, ["setting"], TARGETS).iloc[0]
    alone = [
        2
        * stats.t.sf(abs(frame[name].mean() - target) / (frame[name].std() * np.sqrt(1 + 1 / 6)), 5)
        for name, target in TARGETS.items()
    ]
    assert found["p"] == pytest.approx(min(1, 2 * min(alone)))
    assert found["runs"] == 6
    assert found["r"] == pytest.approx(1.02)


@pytest.mark.once
def test_the_true_setting_is_kept_in_95_of_100() -> None:
    rng = np.random.default_rng(7)
    kept = 0
    for _ in range(400):
        runs = pd.DataFrame({"setting": "true", "a": rng.normal(size=6), "b": rng.normal(size=6)})
        printed = {"a": rng.normal(), "b": rng.normal()}
        kept += plausible(runs, ["setting"], printed).iloc[0]["p"] >= LEVEL
    # binomial standard error 0.011; Bonferroni errs on the side of keeping
    assert kept / 400 > 0.94


def test_a_setting_that_was_run_once_borrows_the_scatter_of_the_others() -> None:
    several = record({"near": 10.0, "far": 30.0}, 8)
    once = pd.DataFrame([{"setting": "once", "a": 10.1, "b": 5.0, "r": 2.0}])
    found = plausible(pd.concat([several, once]), ["setting"], TARGETS).set_index("setting")
    assert found.loc["once", "p"] > LEVEL
    assert found.loc["far", "p"] < 1e-6
    pooled = np.sqrt(several.groupby("setting")["a"].var().mean())
    expected = 2 * 2 * stats.t.sf(0.1 / (pooled * np.sqrt(2)), 14)
    assert found.loc["once", "p"] == pytest.approx(min(1, expected))


def test_failed_runs_are_left_out_and_a_record_without_repetitions_is_refused() -> None:
    frame = record({"one": 10.0}, 4)
    failed = pd.DataFrame([{"setting": "failed", "a": np.nan, "b": 5.0}])
    assert list(plausible(pd.concat([frame, failed]), ["setting"], TARGETS)["setting"]) == ["one"]
    twice = record({"one": 10.0}, 2)  # one degree of freedom is enough
    assert plausible(twice, ["setting"], TARGETS)["runs"].tolist() == [2]
    with pytest.raises(InputError, match="several seeds"):
        plausible(record({"one": 10.0, "two": 11.0}, 1), ["setting"], TARGETS)


def test_no_fixed_cut_the_scale_of_the_scatter_decides() -> None:
    for scatter, as_well in ((0.01, False), (1.0, True)):
        frame = record({"best": 10.0, "other": 10.5}, 8, scatter)
        found = plausible(frame, ["setting"], TARGETS).set_index("setting")
        assert (found.loc["other", "p"] >= LEVEL) == as_well


@pytest.mark.once
@given(st.floats(10.0, 12.0), st.floats(1e-9, 1e-4))
def test_a_hair_more_of_misfit_moves_the_part_by_a_hair(mean: float, hair: float) -> None:
    def part(at: float) -> float:
        frame = record({"best": 10.0, "other": at}, 8).assign(
            r=lambda f: np.where(f["setting"] == "best", 1.0, 2.0)
        )
        return spread_as_well(plausible(frame, ["setting"], TARGETS), "r", 1.0)

    # p falls by at most n_columns * 2 * density / scatter a unit, over the level
    steepest = 2 * 2 * 0.4 / 0.05 / LEVEL
    assert abs(part(mean + hair) - part(mean)) <= steepest * hair + 1e-12


def test_the_part_is_the_largest_distance_weighted_by_how_plausible_it_is() -> None:
    frame = pd.DataFrame({"p": [1.0, LEVEL, LEVEL / 2, 0.0], "r": [1.1, 0.8, 2.0, 9.0]})
    assert spread_as_well(frame, "r", 1.0) == pytest.approx(0.5)
    assert spread_as_well(frame[:2], "r", 1.0) == pytest.approx(0.2)
    assert spread_as_well(frame[:0], "r", 1.0) == 0
    assert spread_as_well(frame[:1].assign(r=-3.0), "r", 1.0) == 4
    parts = [spread_as_well(frame, "r", 1.0, level) for level in (0.5, 0.1, 0.05, 0.01)]
    assert parts == sorted(parts), "a stricter test lets in more settings"


def test_a_rank_is_relative_to_targets_of_either_sign_and_leaves_equals_in_order() -> None:
    values = {"key": list("pqrst"), "a": [-3.0, -2.0, np.inf, -1.0, -2.5], "b": [3.0] * 5}
    ranked = rank(pd.DataFrame(values, index=[4, 4, 1, 2, 0]), {"a": -2.0, "b": 3.0})
    assert ranked["key"].tolist() == list("qtpsr")
    assert ranked["distance"].tolist() == [0.0, 0.25, 0.5, 0.5, np.inf]
    assert list(ranked.columns) == ["key", "a", "b", "distance"]
    assert list(ranked.index) == [0, 1, 2, 3, 4]


def test_admissible_is_what_lies_at_most_as_far_away_as_is_said() -> None:
    frame = pd.DataFrame({"a": [2.0, np.nan, 1.0, 1.5]}, index=[7, 5, 3, 3])
    for within, found in ((0.0, [1.0]), (0.5, [1.0, 1.5]), (0.75, [1.0, 1.5]), (1, [1, 1.5, 2])):
        near = admissible(frame, {"a": 1.0}, within)
        assert near["a"].tolist() == found
        assert list(near.index) == list(range(len(found)))
        assert list(near.columns) == ["a", "distance"]


def test_a_spread_is_the_farthest_on_either_side_of_what_is_finite() -> None:
    for values, farthest in (([1.0, 4.0, np.nan], 2.0), ([-1.0, 4.0, np.inf], 3.0), ([2.5], 0.5)):
        assert spread_of(pd.DataFrame({"r": values}), "r", 2.0) == farthest
    assert spread_of(pd.DataFrame({"r": [np.nan]}), "r", 2.0) == 0.0


def test_settings_come_once_by_all_their_keys_most_plausible_first_and_equals_in_order() -> None:
    rows = [
        {"u": u, "v": v, "a": a + d, "b": 5.0 + d, "r": u, "name": "x"}
        for u, v, a in ((1, 1, 12.0), (2, 2, 10.0), (2, 1, 10.5), (1, 2, 10.0))
        for d in (-0.5, 0.0, 0.5)
    ]
    found = plausible(pd.DataFrame(rows), ["u", "v"], TARGETS)
    assert list(zip(found["u"], found["v"], strict=True)) == [(2, 2), (1, 2), (2, 1), (1, 1)]
    assert list(found.columns) == ["u", "v", "a", "b", "r", "runs", "p"]
    assert list(found.index) == [0, 1, 2, 3]
    assert found["runs"].tolist() == [3] * 4
    assert found["p"].tolist()[:2] == [1.0, 1.0]
    assert found["a"].tolist() == [10.0, 10.0, 10.5, 12.0]


def test_a_setting_run_once_is_held_against_all_degrees_of_freedom_of_the_others() -> None:
    near, far = record({"near": 10.0}, 2, seed=3), record({"far": 30.0}, 7, seed=4)
    once = pd.DataFrame([{"setting": "once", "a": 10.4, "b": 5.0, "r": 2.0}])
    found = plausible(pd.concat([near, far, once]), ["setting"], TARGETS).set_index("setting")
    pooled = (near["a"].var() + 6 * far["a"].var()) / 7
    assert found.loc["once", "p"] == pytest.approx(
        min(1, 4 * stats.t.sf(0.4 / np.sqrt(2 * pooled), 7))
    )
    of_near = [
        4 * stats.t.sf(abs(near[name].mean() - x) / np.sqrt(1.5 * near[name].var()), 1)
        for name, x in TARGETS.items()
    ]
    assert found.loc["near", "p"] == pytest.approx(min(1, *of_near))


def test_without_scatter_a_setting_meets_print_or_does_not() -> None:
    frame = record({"met": 10.0, "missed": 10.0 + 1e-9}, 2, scatter=0.0)
    found = plausible(frame, ["setting"], TARGETS).set_index("setting")["p"]
    assert found.to_dict() == {"met": 1.0, "missed": 0.0}


@pytest.mark.parametrize("level", [0.0, 1.0, -0.05, 1.5, np.nan])
def test_a_level_that_is_no_probability_is_refused(level: float) -> None:
    with pytest.raises(InputError, match=r"level = .*in \(0, 1\)"):
        spread_as_well(pd.DataFrame({"p": [1.0], "r": [1.0]}), "r", 1.0, level)


def test_a_refused_target_names_the_columns_that_there_are() -> None:
    frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    with pytest.raises(InputError, match=r"targets = \['x'\].*columns of the frame: \['a', 'b'\]"):
        rank(frame, {"a": 1.0, "x": 1.0})
    with pytest.raises(InputError, match="at least one column"):
        rank(frame, {})
    with pytest.raises(InputError, match="finite numbers other than 0"):
        rank(frame, {"a": 1.0, "b": 0.0})
