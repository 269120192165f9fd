"""A moved number and a changed verdict are drift; what was not run is not compared."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from rdverify.judge.drift import drifts, platform_budget
from rdverify.judge.judged import Budget, CellKey, JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.study import Part


def first_measured(results: Results) -> JudgedCell:
    return next(cell for cell in results.table1 if cell.measured is not None and cell.resolution)


def moved(results: Results, old: JudgedCell, new: JudgedCell) -> Results:
    return replace(results, table1=[new if cell == old else cell for cell in results.table1])


def test_a_moved_number_and_a_changed_verdict_are_drift(recorded: Results) -> None:
    assert drifts(recorded, recorded) == []
    cell = first_measured(recorded)
    other = replace(cell, measured=(cell.measured or 0.0) * 1.01)
    (line,) = drifts(moved(recorded, cell, other), recorded)
    assert line.startswith(f"{cell.name}: measured {cell.measured} -> {other.measured}")
    (line,) = drifts(moved(recorded, cell, replace(cell, measured=None)), recorded)
    assert line.startswith(f"{cell.name}: measured {cell.measured} -> None")
    claim = next(c for c in recorded.claims if c.verdict is Verdict.CONFIRMED)
    turned = replace(claim, verdict=Verdict.REFUTED)
    changed = replace(recorded, claims=[turned if c == claim else c for c in recorded.claims])
    assert drifts(changed, recorded) == [f"{claim.id}: verdict CONFIRMED -> REFUTED"]


@pytest.mark.parametrize(("share", "drifted"), [(0.99, False), (1.01, True)])
def test_a_full_run_may_move_a_number_by_its_whole_tolerance(
    recorded: Results, share: float, drifted: bool
) -> None:
    cell = first_measured(recorded)
    other = replace(cell, measured=(cell.measured or 0.0) + share * (cell.resolution or 0.0))
    changed = moved(recorded, cell, other)
    anew = replace(changed, provenance=replace(changed.provenance, profile="full"))
    assert [line.split(":")[0] for line in drifts(anew, recorded)] == [cell.name] * drifted
    assert drifts(changed, recorded)  # in the quick profile either is too much


def test_what_was_not_run_is_not_compared_and_what_is_new_is_said(recorded: Results) -> None:
    cell, claim = first_measured(recorded), recorded.claims[0]
    idle = replace(
        recorded,
        table1=[replace(c, verdict=Verdict.NOT_RUN, measured=None) for c in recorded.table1],
        claims=[replace(c, verdict=Verdict.NOT_RUN) for c in recorded.claims],
    )
    assert drifts(idle, recorded) == []
    for before in (idle, replace(recorded, table1=[], claims=[])):
        lines = drifts(recorded, before)
        assert f"{cell.name}: not in the record, now {cell.verdict}" in lines
        assert f"{claim.id}: not in the record, now {claim.verdict}" in lines


CELL = JudgedCell(CellKey("RD", "s", "r"), "2.000", Verdict.CONFIRMED, "r", measured=2.0)


def budget(**sizes: float) -> Budget:
    names: Any = {name: name.replace("_", "-") for name in sizes}
    return Budget(1.0, 1.0, [Part(names[name], size, "made up") for name, size in sizes.items()])


def cells_drift(before: Any, now: Any, recorded: Results, full: bool = False) -> list[str]:
    """Between two tables of made-up cells."""
    origin = replace(recorded.provenance, profile="full" if full else "quick")
    results = replace(recorded, provenance=origin, claims=[], table1=now)
    return drifts(results, replace(recorded, claims=[], table1=before))


def test_another_machine_explains_what_it_was_measured_to_explain() -> None:
    parts = (
        budget(rounding=1, monte_carlo=2, seeds=4, discretisation=8, platform=16, settings=32),
        budget(platform=16, seeds=1),
    )
    for part in parts:
        assert platform_budget(replace(CELL, tolerance=part)) == 16
    assert platform_budget(CELL) == 0


@pytest.mark.parametrize("verdict", ["CONFIRMED", "COMPATIBLE", "REFUTED", "UNDECIDED", "ERROR"])
@pytest.mark.parametrize(
    ("full", "moved_by", "told"),
    [
        (False, 0.0, ""),
        (False, 0.25, ""),
        (False, -0.25, ""),
        (False, 0.375, "by more than its platform budget 0.25"),
        (False, -0.375, "by more than its platform budget 0.25"),
        (True, 0.5, ""),
        (True, -0.625, "by more than its whole tolerance 0.5"),
    ],
)
def test_a_number_may_move_by_its_budget_whatever_its_verdict(
    recorded: Results, verdict: str, full: bool, moved_by: float, told: str
) -> None:
    old = replace(
        CELL, verdict=Verdict(verdict), tolerance=budget(platform=0.25, settings=9), resolution=0.5
    )
    found = cells_drift([old], [replace(old, measured=2.0 + moved_by)], recorded, full)
    assert len(found) == bool(told)
    assert not told or (found[0].startswith("RD/s/r: measured 2.0 -> ") and told in found[0])


def test_a_number_without_a_tolerance_may_not_move(recorded: Results) -> None:
    for full in (False, True):
        assert cells_drift([CELL], [replace(CELL, measured=2.5)], recorded, full)
        assert not cells_drift([CELL], [CELL], recorded, full)


def test_a_number_that_came_or_went_is_drift(recorded: Results) -> None:
    none = replace(CELL, measured=None)
    assert cells_drift([none], [CELL], recorded)[0].startswith("RD/s/r: measured None -> 2.0")
    assert cells_drift([CELL], [none], recorded)[0].startswith("RD/s/r: measured 2.0 -> None")
    assert cells_drift([none], [none], recorded) == []


def test_what_was_not_run_or_is_new_hides_nothing_behind_it(recorded: Results) -> None:
    idle = replace(CELL, key=CellKey("RD", "idle", "r"), verdict=Verdict.NOT_RUN, measured=None)
    new, other = (replace(CELL, key=CellKey("RD", name, "r")) for name in ("new", "other"))
    now = [idle, new, replace(CELL, measured=3.0)]
    for before in ([CELL, other], [replace(new, verdict=Verdict.NOT_RUN), CELL, other]):
        first, second = cells_drift(before, now, recorded)
        assert first == "RD/new/r: not in the record, now CONFIRMED"
        assert second.startswith("RD/s/r: measured 2.0 -> 3.0")


@pytest.mark.parametrize("now", Verdict)
@pytest.mark.parametrize("before", Verdict)
def test_every_change_of_a_verdict_is_drift(
    recorded: Results, before: Verdict, now: Verdict
) -> None:
    claim = replace(recorded.claims[0], verdict_as_printed=None)
    old, new = replace(claim, verdict=before), replace(claim, verdict=now)
    found = drifts(
        replace(recorded, table1=[replace(CELL, verdict=now)], claims=[new]),
        replace(recorded, table1=[replace(CELL, verdict=before)], claims=[old]),
    )
    change = f"verdict {before} -> {now}"
    if before is Verdict.NOT_RUN:
        change = f"not in the record, now {now}"
    silent = now in (before, Verdict.NOT_RUN)
    assert found == ([] if silent else [f"RD/s/r: {change}", f"{claim.id}: {change}"])


def test_every_other_judgement_of_a_claim_is_held_against_the_record(recorded: Results) -> None:
    claim = replace(recorded.claims[0], verdict=Verdict.CONFIRMED, verdict_as_printed=None)
    for changes in (
        {"verdict_as_printed": Verdict.REFUTED},
        {"discriminating": not claim.discriminating},
    ):
        ((key, now),) = changes.items()
        old = replace(recorded, table1=[], claims=[claim])
        new = replace(old, claims=[replace(claim, **changes)])
        was = getattr(claim, key)
        assert drifts(new, old) == [f"{claim.id}: {key} {was} -> {now}"]
        assert drifts(old, new) == [f"{claim.id}: {key} {now} -> {was}"]
