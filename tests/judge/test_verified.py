"""What one verification must hold, system by system: facts, cells, curves, figures and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from rdverify.judge.judged import JudgedCell
from rdverify.judge.paper import Paper
from rdverify.judge.records import Results, StudyRecord
from rdverify.systems import SYSTEMS, study


def part_of(results: Results, system: str) -> StudyRecord:
    return next(one for one in results.studies if one.name == system)


def cells_of(results: Results, system: str) -> list[JudgedCell]:
    return [cell for cell in results.table1 if cell.key.system == system]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_declared_fact_is_measured_without_an_error_in_the_order_declared(
    system: str, verification: Results
) -> None:
    declared = dict.fromkeys(study(system).facts.names())
    assert [name for name in verification.facts if name in declared] == list(declared)
    errors = {name: verification.facts[name].error for name in declared}
    assert not {name: error for name, error in errors.items() if error}


def test_every_fact_that_a_claim_asks_for_is_one_of_them(
    verification: Results, paper: Paper
) -> None:
    tests = [test for claim in paper.claims for test in claim.test]
    wanted = {name for test in tests for name in (test.fact, test.control) if name}
    assert wanted <= set(verification.facts)


def test_cells_of_gray_scott_fit_the_m_and_predict_r(verification: Results) -> None:
    cells = cells_of(verification, "RD")
    assert len({cell.name for cell in cells}) == 12
    for cell in cells:
        if cell.key.form == "printed":
            assert not cell.runs
            assert "diverges" in cell.note
            continue
        assert cell.fitted == (cell.key.quantity != "r")
        assert ("prediction of its own" in cell.note) == (cell.key.quantity == "r")
        assert len(cell.runs) == 10
        assert not cell.follows
        # dt is one of the settings looked for, so it is no error beside them
        assert cell.tolerance is not None
        names = [part.name for part in cell.tolerance.parts]
        assert names == ["rounding", "seeds", "platform", "settings"]


def test_controls_of_gray_scott_die_and_the_turing_state_grows(verification: Results) -> None:
    growth = {}
    for state in ("spot", "turing", "turing.exchanged"):
        value = verification.facts[f"rd.{state}.tiny_growth"].value
        assert isinstance(value, float)
        growth[state] = value
    assert growth["spot"] < 1e-6
    assert growth["turing"] > 1
    assert growth["turing.exchanged"] < 1


@pytest.mark.parametrize("system", [name for name in SYSTEMS if study(name).rows])
def test_each_row_has_a_short_curve_within_its_band(system: str, verification: Results) -> None:
    curves = part_of(verification, system).curves
    assert [curve.setting for curve in curves] == [row.setting for row in study(system).rows]
    for curve in curves:
        assert curve.x == sorted(set(curve.x))
        assert curve.x[-1] == 1
        assert len(curve.x) <= 250
        assert {len(curve.x)} == {len(curve.y), len(curve.low), len(curve.high)}
        for low, high in zip(curve.low, curve.high, strict=True):
            assert low is not None
            assert high is not None
            assert low <= high


def test_cells_of_the_lstm_are_predicted_by_the_declared_protocol_and_r_follows(
    verification: Results,
) -> None:
    fitted, declared = (
        {row["Row"]: row for row in rows_of(verification, table, kind)}
        for table, kind in (("fits", "fitted to the row"), ("protocol", "declared"))
    )
    cells = cells_of(verification, "LSTM")
    assert len({cell.name for cell in cells}) == 9
    for cell in cells:
        assert not cell.fitted
        assert bool(cell.follows) == (cell.key.quantity == "r")
        assert len(cell.runs) == 10
        quantity, setting = cell.key.quantity, cell.key.setting
        assert cell.measured == pytest.approx(mean_in(declared[setting], quantity), abs=6e-5)
        assert cell.control_value is not None
        # what print leaves open is never less than what the fits themselves need
        assert cell.tolerance is not None
        settings = next(part for part in cell.tolerance.parts if part.name == "settings")
        away = abs(mean_in(fitted[setting], quantity) - cell.measured)
        assert settings.half_width >= away / 2


def rows_of(results: Results, table: str, kind: str) -> list[Mapping[str, Any]]:
    rows = part_of(results, "lstm").tables[f"lstm-{table}"].rows
    return [row for row in rows if row["Kind"].startswith(kind)]


def mean_in(row: Mapping[str, Any], column: str) -> float:
    found = re.match(r"-?[\d.]+", str(row[column]))
    assert found, row
    return float(found[0])


@pytest.mark.parametrize("place", range(3))
def test_ten_networks_of_each_lstm_row_fit_its_two_m(place: int, verification: Results) -> None:
    fits = rows_of(verification, "fits", "fitted to the row")
    printed = [float(text) for text in str(fits[place]["Printed"]).split(" / ")]
    # ten seeds scatter by a tenth each, so that their mean lies within 0.12 of what was fitted
    for quantity, target in zip(("m_react", "m_diff"), printed, strict=False):
        assert mean_in(fits[place], quantity) == pytest.approx(target, rel=0.12)


def test_fits_of_the_lstm_are_told_in_the_appendix_alone(verification: Results) -> None:
    found = part_of(verification, "lstm").tables
    fits = {name for name, table in found.items() if "appendix" in table.caption}
    assert fits == {"lstm-fits", "lstm-reach", "lstm-ranking"}
    for name, table in found.items():
        assert table.rows
        assert ("REACHED" in str(table.rows)) == (name == "lstm-reach")
    shown = {line["Kind"] for line in found["lstm-protocol"].rows}
    assert not shown & {line["Kind"] for line in found["lstm-fits"].rows}
