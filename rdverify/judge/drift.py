"""What differs from the record by more than its budget."""

from __future__ import annotations

from collections.abc import Sequence

from rdverify.judge.judged import JudgedCell, JudgedClaim
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict


def drifts(results: Results, recorded: Results) -> list[str]:
    """One line for each difference, from what to what.

    A cell may move by the parts of its recorded tolerance that another machine
    explains, "platform"; in the full profile, which searches and trains anew, by the
    whole of it. Verdicts of cells and claims must be the same. What was not run is
    not compared.
    """
    return [*_cell_drifts(results, recorded), *_claim_drifts(results, recorded)]


def platform_budget(cell: JudgedCell) -> float:
    """How far a recorded cell may move on another machine or with other versions."""
    parts = cell.tolerance.parts if cell.tolerance else ()
    return sum(part.half_width for part in parts if part.name == "platform")


def _cell_drifts(results: Results, recorded: Results) -> list[str]:
    before = {cell.key: cell for cell in recorded.table1}
    anew = results.provenance.profile == "full"
    found = []
    for cell in results.table1:
        old = before.get(cell.key)
        if cell.verdict == Verdict.NOT_RUN:
            continue
        found += _verdict_drifts(cell.name, cell, old, ("verdict", "discriminating"))
        if old is None or old.verdict == Verdict.NOT_RUN:
            continue
        allowed = max(platform_budget(old), (old.resolution or 0.0) if anew else 0.0)
        if not _agree(cell.measured, old.measured, allowed):
            found.append(
                f"{cell.name}: measured {old.measured} -> {cell.measured}, "
                f"by more than its {'whole tolerance' if anew else 'platform budget'} {allowed:.2g}"
            )
    return found


def _agree(new: float | None, old: float | None, allowed: float) -> bool:
    if new is None or old is None:
        return new is old
    return abs(new - old) <= allowed


def _claim_drifts(results: Results, recorded: Results) -> list[str]:
    before = {claim.id: claim for claim in recorded.claims}
    found = []
    for claim in results.claims:
        if claim.verdict != Verdict.NOT_RUN:
            keys = ("verdict", "verdict_as_printed", "discriminating")
            found += _verdict_drifts(claim.id, claim, before.get(claim.id), keys)
    return found


def _verdict_drifts(
    name: str,
    new: JudgedCell | JudgedClaim,
    old: JudgedCell | JudgedClaim | None,
    keys: Sequence[str],
) -> list[str]:
    """What of ``keys`` differs from the record, or that the record lacks it."""
    if old is None or old.verdict == Verdict.NOT_RUN:
        return [f"{name}: not in the record, now {new.verdict}"]
    pairs = [(key, getattr(old, key), getattr(new, key)) for key in keys]
    return [f"{name}: {key} {was} -> {now}" for key, was, now in pairs if was != now]
