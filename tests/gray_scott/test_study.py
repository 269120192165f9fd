"""The Gray-Scott study in small: the record, the choice, the cells and the metrics."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from rdverify.balance import balance_of
from rdverify.gray_scott import simulate, study
from rdverify.gray_scott.study import cells as gray_scott_cells
from rdverify.gray_scott.study import facts as gray_scott_metrics
from rdverify.gray_scott.study import settings as search
from rdverify.gray_scott.study.runs import printed_choices, run_all, until, variations
from rdverify.study import Context
from rdverify.study.search import setting_of
from rdverify.trace import Trace

ROOT = Path(__file__).parents[1]
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
    return search.read_record(ROOT / "golden" / "search" / "rd.csv")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return Context("quick", ROOT / "golden", folder / "figures", folder / "work", workers=2)


@pytest.fixture(scope="module")
def result(record, context):
    return study.measure_setting(SMALL, record, (11, 12), context)


def test_targets_are_the_printed_numbers_of_table_1():
    table = tomllib.loads((ROOT / "spec" / "table1.toml").read_text("utf-8"))
    text = json.dumps(table)
    for printed in search.PRINTED.values():
        assert f'"{printed:.4f}"' in text


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
    assert record.loc[~failed, list(search.PRINTED)].notna().all(axis=None)
    assert record.loc[failed, "error"].str.startswith("InputError: dt").all()


def test_a_run_of_the_record_is_reproduced(record):
    done = record[(record["stage"] == "design") & (record["error"] == "")]
    row = done.assign(cost=done["n"] ** 2 * done["steps"]).sort_values("cost").iloc[0]
    again = search.evaluate(setting_of(row, search.AXES))
    for column in search.PRINTED:
        assert again[column] == pytest.approx(row[column], rel=1e-6)


def test_choice_rests_on_the_four_m_alone(record):
    changed = record.assign(
        spot_r=record["spot_r"].sample(frac=1, random_state=0).to_numpy(), stripe_r=0.0
    )
    assert search.chosen(changed) == search.chosen(record)
    moved = record.assign(spot_m_react=record["spot_m_react"] * 1.2)
    assert search.chosen(moved) != search.chosen(record)


def test_seeds_of_the_cells_took_no_part_in_the_search(record):
    assert not set(study.SEEDS) & set(record["seed"])
    assert len(set(study.SEEDS)) >= 10


def test_cells_fit_the_m_and_predict_r(result):
    cells = {(c.setting, c.quantity, c.form): c for c in result.cells}
    assert len(cells) == 12
    for (_, quantity, form), cell in cells.items():
        if form == "corrected":
            assert cell.fitted == (quantity != "r")
            assert cell.runs.shape == (2,)
            assert {part.name for part in cell.parts} == {"discretisation", "platform", "settings"}
        else:
            assert cell.runs.size == 0
            assert "diverges" in cell.note


def test_metrics_have_no_error_and_serve_every_claim(result):
    assert not {name: m.error for name, m in result.metrics.items() if m.error}
    claims = tomllib.loads((ROOT / "spec" / "claims.toml").read_text("utf-8")).get("claim", [])
    wanted = {
        test[key]
        for claim in claims
        for test in claim.get("test", [])
        for key in ("metric", "control")
        if test.get(key, "").startswith("rd.")
    }
    assert wanted <= set(result.metrics)


def test_series_and_figures_are_there(result, context):
    for regime in ("Spot Regime", "Stripe Regime"):
        curve = result.series[f"fig2/RD/{regime}"]
        assert len(curve["x"]) == len(curve["y"]) <= 250
        assert curve["x"] == sorted(set(curve["x"]))
        assert curve["x"][-1] == 1
    for figure in result.figures.values():
        assert (context.figures / figure.file).stat().st_size > 10_000


@pytest.fixture(scope="module")
def runs():
    return run_all(SMALL, (11,), 2, Context("quick", ROOT, None, ROOT).progress)


def test_runs_side_by_side_are_the_runs_alone(runs):
    # with the same outputs: the kernel with others is another program, of other last bits
    alone = simulate(search.config_of(SMALL, "stripe", 11, inner_products=True))
    assert np.array_equal(until(runs.main["stripe"][0].trace, 400).react, alone.trace.react)
    assert np.array_equal(runs.main["stripe"][0].snapshots[400][1], alone.v)


def test_bound_and_decomposition_hold_on_real_runs_and_can_fail(runs):
    for simulation in (*runs.main["spot"], *runs.controls.values()):
        trace = simulation.trace
        assert gray_scott_metrics.bound_violation(trace) <= 1e-9
        assert gray_scott_metrics.identity_residual(trace) <= 1e-9
    trace = runs.main["spot"][0].trace
    wrong = Trace(
        trace.react, trace.diff, extras={"change": 0 * trace.react, "inner": -trace.extras["inner"]}
    )
    assert gray_scott_metrics.bound_violation(wrong) > 1e-3
    assert gray_scott_metrics.identity_residual(wrong) > 1e-3


def test_bound_times_alignment_is_r_minus_one(runs):
    trace = runs.main["stripe"][0].trace
    parts = gray_scott_metrics.explained(trace)
    assert parts["bound"] * parts["alignment"] == pytest.approx(balance_of(trace).r - 1, rel=1e-6)
    assert parts["r_minus_1"] == pytest.approx(balance_of(trace).r_runs - 1, rel=1e-6)
    assert abs(parts["alignment"]) <= 1


def test_half_cells_start_from_the_same_field(runs):
    coarse = gray_scott_cells.three(runs.main["spot"][0], 1)
    fine = gray_scott_cells.three(runs.fine["spot"]["dx"], 1, 0.5)
    # repeated cells: the reaction's norm per unit of length is the same to rounding
    assert fine["m_react"] == pytest.approx(coarse["m_react"], rel=1e-12)


def test_variations_change_one_choice_and_can_run():
    for choice, value in variations(SMALL):
        changed = SMALL | {choice: value}
        assert sum(changed[key] != SMALL[key] for key in SMALL) == 1
    assert {choice for choice, _ in variations(SMALL)} == set(SMALL)
    assert printed_choices(SMALL)[-1][1] == 0


def test_controls_die_and_the_turing_state_grows(result):
    for control in ("dying", "flat", "noise"):
        for regime in search.REGIMES:
            assert result.metrics[f"rd.control.{control}_{regime}.pattern"].value == "uniform"
    assert result.metrics["rd.spot.tiny_growth"].value < 1e-6
    assert result.metrics["rd.turing.tiny_growth"].value > 1
