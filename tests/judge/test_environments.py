"""Results of several environments beside the record."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from rdverify import InputError
from rdverify.judge.environments import (
    carried,
    cell_values,
    merge,
    platform_spread,
    read_environments,
)
from rdverify.judge.records import EquationChecks, Results
from rdverify.judge.verdict import Verdict
from rdverify.report.page import render
from rdverify.study import Profile
from rdverify.tools.records import write_record


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


@pytest.mark.once
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


@pytest.mark.once
def test_hidden_files_are_no_environments(recorded: Results, tmp_path: Path) -> None:
    (tmp_path / ".p.json").write_text("half a file")
    with pytest.raises(InputError, match="at least one"):
        read_environments(tmp_path)
    write_record(tmp_path / "p.json", recorded)
    assert read_environments(tmp_path) == {"p": recorded}
    with pytest.raises(InputError, match="a folder of results"):
        read_environments(tmp_path / "p.json")


def test_another_ledger_is_another_whichever_comes_first(recorded: Results) -> None:
    for digit in "0f":
        origin = replace(recorded.provenance, ledger_sha256=digit * 64)
        with pytest.raises(InputError, match=f"ledger of environment py = '{digit * 4}"):
            merge(recorded, {"py": replace(recorded, provenance=origin)}, values=False)


def test_each_claim_and_equation_gets_its_own_verdict(alone: Results) -> None:
    first, second, third = alone.equations[:3]
    checks = {
        first.token: EquationChecks(3, [], []),
        second.token: EquationChecks(1, ["a", "b"], ["RD-01"]),
    }
    claims = [replace(one, verdict=list(Verdict)[k % 8]) for k, one in enumerate(alone.claims)]
    merged = merge(alone, {"py": replace(alone, claims=claims, equation_checks=checks)}, False)
    assert [one.environments for one in merged.claims] == [{"py": one.verdict} for one in claims]
    found = {one.token: one.environments for one in merged.equations}
    known = third.environments
    assert found[first.token] == {**first.environments, "py": "passed"}
    assert found[second.token] == {**second.environments, "py": "2 failed"}
    assert found[third.token] == known


def test_what_a_number_was_elsewhere_is_told_by_number_and_profile(alone: Results) -> None:
    first, second = (cell for cell in alone.table1[:2])
    first, second = replace(first, measured=2.0), replace(second, measured=None)
    here = replace(alone, table1=[first, second])
    runs = {
        name: replace(
            alone,
            provenance=replace(alone.provenance, profile=profile),
            table1=[replace(first, measured=value), replace(second, measured=other)],
        )
        for name, profile, value, other in (
            ("a", "quick", 2.25, 7.0),
            ("b", "quick", 1.5, None),
            ("c", "full", 9.0, None),
        )
    }
    merged = merge(here, runs, values=True)
    assert cell_values(merged, first, "quick") == {"a": 2.25, "b": 1.5}
    assert cell_values(merged, first, "full") == {"c": 9.0}
    assert cell_values(merged, second, "quick") == {"a": 7.0}
    assert platform_spread(merged, first) == (0.5, 2)
    assert platform_spread(merged, second) is None  # nothing here to compare it with
    assert platform_spread(here, first) is None
    assert merge(here, runs, values=False).environments == {}
