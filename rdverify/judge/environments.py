"""Verdicts by environment: what each tox environment found, merged into the record."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdverify.judge.results import CELL_KEY, load_results
from rdverify.tools.errors import require


def read_environments(folder: Path) -> dict[str, dict[str, Any]]:
    """Results by environment name, from files NAME.json; InputError if there is none."""
    require(
        folder.is_dir(), "environments", str(folder), "a folder of results, one per environment"
    )
    found = {path.stem: load_results(path) for path in sorted(folder.glob("*.json"))}
    require(bool(found), "environments", str(folder), "a folder with at least one NAME.json")
    return found


def merge(
    recorded: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]], values: bool
) -> dict[str, Any]:
    """The record with each environment's verdicts beside its own.

    Args:
        recorded: the recorded results.
        runs: results by environment name.
        values: also keep versions and measured numbers, for the budget's platform
            term. Verdicts repeat on every machine; the last digits of numbers don't.

    """
    merged = copy.deepcopy(dict(recorded))
    for name, run in runs.items():
        verdicts = {claim["id"]: claim["verdict"] for claim in run["claims"]}
        for claim in merged["claims"]:
            if claim["id"] in verdicts:
                claim["environments"][name] = verdicts[claim["id"]]
        for equation in merged["equations"]:
            check = run.get("equation_checks", {}).get(equation["token"])
            if check is not None:
                equation.setdefault("environments", {})[name] = (
                    f"{len(check['failed'])} failed" if check["failed"] else "passed"
                )
        if values:
            merged.setdefault("environments", {})[name] = {
                "profile": run["provenance"]["profile"],
                "python": run["provenance"]["python"],
                "machine": run["provenance"]["machine"],
                "packages": run["provenance"]["packages"],
                "cells": [
                    {**{key: cell[key] for key in CELL_KEY}, "measured": cell["measured"]}
                    for cell in run["table1"]
                    if cell["measured"] is not None
                ],
            }
    return merged


def cell_values(
    results: Mapping[str, Any], cell: Mapping[str, Any], profile: str
) -> dict[str, float]:
    """What a cell measured in each recorded environment that was run with ``profile``."""
    return {
        name: item["measured"]
        for name, run in results.get("environments", {}).items()
        for item in run["cells"]
        if run.get("profile", "quick") == profile
        and all(item[part] == cell[part] for part in CELL_KEY)
    }


def platform_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per cell, the largest distance from the record over the recorded environments.

    Those of the full profile are left out: they trained other networks.
    """
    rows = []
    for cell in results["table1"]:
        seen = cell_values(results, cell, "quick")
        if seen and cell["measured"] is not None:
            rows.append(
                {
                    "cell": cell,
                    "largest": max(abs(value - cell["measured"]) for value in seen.values()),
                    "environments": len(seen),
                }
            )
    return rows
