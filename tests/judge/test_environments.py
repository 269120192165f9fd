"""Results of several environments beside the record."""

import copy
import json
from pathlib import Path

import pytest

from rdverify.judge.environments import merge, platform_rows, read_environments
from rdverify.report.evidence import environments_section
from rdverify.tools.errors import InputError

RECORD = json.loads((Path(__file__).parents[2] / "golden" / "results.json").read_text("utf-8"))
RECORD["environments"] = {}
for record in RECORD["claims"]:
    record["environments"] = {}


def changed(claim: str, verdict: str, shift: float, profile: str) -> dict:
    run = copy.deepcopy(RECORD)
    run["provenance"]["profile"] = profile
    next(c for c in run["claims"] if c["id"] == claim)["verdict"] = verdict
    for cell in run["table1"]:
        if cell["measured"] is not None:
            cell["measured"] += shift
    return run


def test_the_platform_spread_comes_from_runs_of_the_same_networks_alone():
    runs = {
        "py": changed("RD-01", "UNDECIDED", 1e-7, "quick"),
        "anew": changed("RD-02", "REFUTED", 0.5, "full"),
    }
    merged = merge(RECORD, runs, values=True)
    rows = platform_rows(merged)
    assert len(rows) == sum(cell["measured"] is not None for cell in RECORD["table1"])
    assert all(row["largest"] == pytest.approx(1e-7, rel=1e-6) for row in rows)
    assert all(row["environments"] == 1 for row in rows)
    text = environments_section(merged)
    assert "verdict is another on RD-02;" in text  # of the full profile alone
    assert "every network trained anew" in text
    # verdicts without values: nothing of this machine's last digits is kept
    plain = merge(RECORD, runs, values=False)
    assert platform_rows(plain) == []
    assert "trained anew" not in environments_section(plain)
    assert RECORD["environments"] == {}


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one"):
        read_environments(tmp_path)
