"""The Gray-Scott study in small: the record, the choice, the cells and the facts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rdverify.balance import balance_of
from rdverify.gray_scott import classify, simulate
from rdverify.gray_scott.study import STUDY
from rdverify.gray_scott.study import settings as search
from rdverify.gray_scott.study.plan import plan, printed_choices, run_all, variations
from rdverify.gray_scott.study.runs import (
    SEEDS,
    SWEPT,
    Runs,
    change_over_diffusion,
    distance_from_one,
    since,
    until,
)
from rdverify.judge.paper import the_paper
from rdverify.study import Context
from rdverify.study.frames import read_frame, read_sweep
from rdverify.sweep.axes import setting_of
from rdverify.tools.errors import InputError
from rdverify.tools.paths import golden_folder
from rdverify.tools.progress import Reporter
from rdverify.trace import Trace

SMALL = {
    "n": 48,
    "dx": 0.01,
    "dt": 1.0,
    "steps": 400,
    "square": 12,
    "noise": 0.02,
    "noise_kind": "normal",
    "square_u": 0.5,
    "square_v": 0.25,
}


@pytest.fixture(scope="module")
def record():
    return read_frame(golden_folder() / "search" / "rd.csv", ("stage", "seed", *search.COLUMNS))


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return Context(
        "quick",
        golden_folder(),
        folder / "figures",
        folder / "work",
        workers=2,
        printed=the_paper().printed(),
    )


@pytest.fixture(scope="module")
def targets(context):
    return search.targets_of(context)


@pytest.fixture(scope="module")
def runs(record, targets):
    seeds = (11, 12)
    found = run_all(SMALL, seeds, 2, Reporter())
    sweep = read_sweep(golden_folder(), "gray-scott", SWEPT)
    return Runs(SMALL, seeds, record, targets, found, sweep)


def test_targets_are_the_printed_numbers_of_table_1(targets):
    assert tuple(targets) == search.COLUMNS
    assert targets["spot_m_react"] == 0.3589
    assert targets["stripe_r"] == 1.0093


def test_record_holds_every_run_of_the_stated_design(record):
    assert (record["stage"] == "design").sum() == search.DESIGN_RUNS >= 300
    assert set(record["stage"]) == set(search.STAGES)
    tried = record[record["stage"] == "design"]
    for axis in search.AXES:
        if axis.choices:
            assert set(tried[axis.name]) == set(axis.choices)
        else:
            assert tried[axis.name].between(axis.low, axis.high).all()
    failed = record["error"] != ""
    assert record.loc[~failed, list(search.COLUMNS)].notna().all(axis=None)
    assert record.loc[failed, "error"].str.startswith("InputError: dt").all()


def test_a_run_of_the_record_is_reproduced(record):
    done = record[(record["stage"] == "design") & (record["error"] == "")]
    row = done.assign(cost=done["n"] ** 2 * done["steps"]).sort_values("cost").iloc[0]
    again = search.evaluate(setting_of(row, search.AXES))
    for column in search.COLUMNS:
        assert again[column] == pytest.approx(row[column], rel=1e-6)


def test_choice_rests_on_the_four_m_alone(record, targets):
    changed = record.assign(
        spot_r=record["spot_r"].sample(frac=1, random_state=0).to_numpy(), stripe_r=0.0
    )
    assert search.chosen(changed, targets) == search.chosen(record, targets)
    moved = record.assign(spot_m_react=record["spot_m_react"] * 1.2)
    assert search.chosen(moved, targets) != search.chosen(record, targets)


def test_choice_follows_what_print_says(record, targets):
    other = targets | {"spot_m_react": 1.2 * targets["spot_m_react"]}
    assert search.chosen(record, other) != search.chosen(record, targets)
    ignored = targets | {"spot_r": 2.0, "stripe_r": 0.5}
    assert search.chosen(record, ignored) == search.chosen(record, targets)


def test_seeds_of_the_cells_took_no_part_in_the_search(record):
    assert not set(SEEDS) & set(record["seed"])
    assert len(set(SEEDS)) >= 10


@pytest.mark.once
def test_a_cells_control_is_the_mean_of_as_many_runs_and_figures_are_drawn(runs, context):
    for cell in STUDY.cells(runs):
        if cell.form == "corrected":
            assert cell.runs.shape == cell.control.runs.shape == (2,)
            assert cell.control.value == pytest.approx(cell.control.runs.mean())
    context.figures.mkdir()
    for figure in STUDY.figures(runs, context.figures).values():
        assert (context.figures / figure.file).stat().st_size > 10_000


def test_runs_side_by_side_are_the_runs_alone(runs):
    # with the same outputs: the kernel with others is another program, of other last bits
    alone = simulate(search.config_of(SMALL, "stripe", 11, inner_products=True))
    main = runs.one("main", "stripe")
    assert np.array_equal(until(main.trace, 400).react, alone.trace.react)
    assert np.array_equal(main.snapshots[400][1], alone.v)


def bound_violation(trace):
    with np.errstate(invalid="ignore"):  # a dead run: nothing minus nothing
        return np.nanmax(distance_from_one(trace) - change_over_diffusion(trace))


def identity_residual(trace):
    """Of ||a||^2 - ||b||^2 = <a - b, a + b>."""
    left = trace.react**2 - trace.diff**2 - trace.extras["inner"]
    with np.errstate(invalid="ignore"):
        return np.nanmax(np.abs(left) / (trace.react**2 + trace.diff**2))


def test_bound_and_decomposition_hold_on_real_runs_and_can_fail(runs):
    measured = [run.trace for run in runs.simulations.values() if "inner" in run.trace.extras]
    assert len(measured) == sum(each.inner_products for each in plan(SMALL, runs.seeds).values())
    for trace in measured:
        assert bound_violation(trace) <= 1e-9
        assert identity_residual(trace) <= 1e-9
    trace = runs.one("main", "spot").trace
    extras = {"change": 0 * trace.react, "inner": -trace.extras["inner"]}
    wrong = Trace(trace.react, trace.diff, extras=extras)
    assert bound_violation(wrong) > 1e-3
    assert identity_residual(wrong) > 1e-3


def test_bound_times_alignment_is_r_minus_one(runs):
    # why R is as near to 1 as it is: bound, the most that |R - 1| could be, times alignment,
    # the mean over steps of <change, a + b> / (||a|| + ||b||), over mean ||change||
    trace = runs.one("main", "stripe").trace
    change = trace.extras["change"].mean()
    alignment = (trace.extras["inner"] / (trace.react + trace.diff)).mean() / change
    assert change / trace.diff.mean() * alignment == pytest.approx(
        balance_of(trace).r - 1, rel=1e-6
    )
    assert abs(alignment) <= 1


def test_a_trace_is_cut_in_two_without_loss(runs):
    trace = runs.double["spot"]
    first, rest = until(trace, 400), since(trace, 400)
    for whole, parts in (
        (trace.react, (first.react, rest.react)),
        (trace.times, (first.times, rest.times)),
        (trace.extras["inner"], (first.extras["inner"], rest.extras["inner"])),
    ):
        assert np.array_equal(np.concatenate(parts, axis=-1), whole)


def test_settings_that_fit_as_well_hang_on_the_m_alone(record, targets, runs):
    shuffled = record.assign(
        spot_r=record["spot_r"].sample(frac=1, random_state=0).to_numpy(), stripe_r=0.0
    )
    again = replace(runs, record=shuffled)
    names = [axis.name for axis in search.AXES]
    assert again.near[names].equals(runs.near[names])
    assert search.chosen(record, targets) in runs.near[names].to_dict("records")
    # the neighbour on 256 cells, which fits within a hair of the chosen one, is among them
    beside = search.chosen(record, targets) | {"n": 256}
    assert beside in runs.near[names].to_dict("records")


def test_half_cells_start_from_the_same_field(runs):
    coarse = search.three(until(runs.one("main", "spot").trace, 1))
    fine = search.three(until(runs.one("half dx", "spot").trace, 1), 0.5)
    # repeated cells: the reaction's norm per unit of length is the same to rounding
    assert fine["m_react"] == pytest.approx(coarse["m_react"], rel=1e-12)


def test_variations_change_one_choice_and_can_run():
    for choice, value in variations(SMALL):
        changed = SMALL | {choice: value}
        assert sum(changed[key] != SMALL[key] for key in SMALL) == 1
    assert {choice for choice, _ in variations(SMALL)} == set(SMALL)
    assert printed_choices(SMALL)[-1][1] == 0


def test_controls_die(runs):
    for control in ("dying", "flat", "noise"):
        for regime in search.REGIMES:
            assert classify(runs.one(control, regime).v).label == "uniform"


@pytest.mark.once
def test_the_five_stages_lead_to_the_record(record, targets, tmp_path, monkeypatch):
    # every setting that the stages ask for is in the record, in its order, and no other
    names = [axis.name for axis in search.AXES]
    known = {
        tuple(row[name] for name in (*names, "seed")): row for row in record.to_dict("records")
    }

    def recall(setting):
        row = known[(*(setting[name] for name in names), setting.get("seed", 0))]
        if row["error"]:
            raise InputError(row["error"].removeprefix("InputError: "))
        return {name: row[name] for name in (*search.COLUMNS, "spot_contrast", "stripe_contrast")}

    monkeypatch.setattr(search, "evaluate", recall)
    again = search.search_all(tmp_path, targets, Reporter(), 1)
    pd.testing.assert_frame_equal(again, record)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "rd.csv"), record)
