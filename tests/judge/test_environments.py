"""Results of several environments beside the record."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from rdverify import InputError
from rdverify.judge.environments import carried, merge, platform_spread, read_environments
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.page import render
from rdverify.study import Profile


@pytest.fixture
def alone(recorded: Results) -> Results:
    """The record without any environment."""
    claims = [replace(claim, environments={}) for claim in recorded.claims]
    return replace(recorded, claims=claims, environments={})


def changed(
    results: Results, claim: str, verdict: Verdict, shift: float, profile: Profile
) -> Results:
    return replace(
        results,
        provenance=replace(results.provenance, profile=profile),
        claims=[replace(c, verdict=verdict) if c.id == claim else c for c in results.claims],
        table1=[
            cell if cell.measured is None else replace(cell, measured=cell.measured + shift)
            for cell in results.table1
        ],
    )


def test_the_platform_spread_comes_from_runs_of_the_same_networks_alone(alone: Results) -> None:
    runs = {
        "py": changed(alone, "RD-01", Verdict.UNDECIDED, 1e-7, "quick"),
        "anew": changed(alone, "RD-02", Verdict.REFUTED, 0.5, "full"),
    }
    merged = merge(alone, runs, values=True)
    spreads = [platform_spread(merged, cell) for cell in alone.table1]
    assert [spread is not None for spread in spreads] == [
        cell.measured is not None for cell in alone.table1
    ]
    for spread in spreads:
        assert spread is None or spread == (pytest.approx(1e-7, rel=1e-6), 1)
    text = " ".join(" ".join(render(merged, "x").values()).split())
    assert "verdict is another on RD-02;" in text  # of the full profile alone
    assert "every network trained anew" in text
    # verdicts without values: nothing of this machine's last digits is kept
    plain = merge(alone, runs, values=False)
    assert not any(platform_spread(plain, cell) for cell in plain.table1)
    assert "trained anew" not in "".join(render(plain, "x").values())
    assert alone.environments == {}


def test_a_new_record_keeps_the_environments_while_all_verdicts_are_the_same(
    alone: Results,
) -> None:
    before = merge(alone, {"py": alone}, values=True)
    assert carried(alone, before) == before
    assert carried(alone, None) == alone
    turned = changed(before, "RD-01", Verdict.UNDECIDED, 0.0, "quick")
    assert carried(alone, turned) == alone


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        read_environments(tmp_path)


@pytest.mark.parametrize("name", ["a|b", "a b", "<b>", "-", "ä"])
def test_a_name_that_would_break_a_table_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.json").write_text("{}")
    with pytest.raises(InputError, match=r"environment = .* letters, digits"):
        read_environments(tmp_path)


def test_an_environment_that_judged_another_ledger_is_refused(recorded: Results) -> None:
    origin = replace(recorded.provenance, ledger_sha256="0" * 64)
    with pytest.raises(InputError, match="ledger of environment py = '0000"):
        merge(recorded, {"py": replace(recorded, provenance=origin)}, values=False)
