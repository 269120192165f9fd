"""A moved number and a changed verdict are drift; what was not run is not compared."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from rdverify.judge.drift import drifts
from rdverify.judge.judged import JudgedCell
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict


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
