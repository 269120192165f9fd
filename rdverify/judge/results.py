"""results.json: reading, checking, and comparing with what was recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdverify.tools.errors import InputError

SCHEMA = "rdverify-results-1"
REQUIRED = ("schema", "provenance", "table1", "claims", "metrics", "equations", "errata")
CELL_KEY = ("system", "setting", "quantity", "form")


def load_results(path: Path | str) -> dict[str, Any]:
    """Read a results file; InputError if it is missing, truncated or of another schema."""
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"results = {str(path)!r} is not allowed: there is no such file"
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"results = {str(path)!r} is not allowed ({' '.join(str(error).split())[:100]}): "
            "must be a whole results.json"
        ) from error
    schema = results.get("schema") if isinstance(results, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"results = {str(path)!r} is not allowed: its schema is {schema!r}, must be {SCHEMA!r}"
        )
    missing = [key for key in REQUIRED if key not in results]
    if missing:
        raise InputError(f"results = {str(path)!r} is not allowed: it lacks {', '.join(missing)}")
    return dict(results)


def cell_name(cell: Mapping[str, Any]) -> str:
    """The name of a cell in messages and test ids, such as ``RD/Spot Regime/r``."""
    suffix = "" if cell["form"] == "corrected" else " (as printed)"
    return f"{cell['system']}/{cell['setting']}/{cell['quantity']}{suffix}"


def corrected(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The cells of Table 1 in the corrected reading."""
    return [cell for cell in results["table1"] if cell["form"] == "corrected"]


def drifts(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    """What differs from the record by more than its budget: one line each, from what to what.

    A cell may move by the parts of its recorded tolerance that another machine
    explains, "platform"; in the full profile, which searches and trains anew, by the
    whole of it. Verdicts of cells and claims must be the same. What was not run is
    not compared.
    """
    return [*_cell_drifts(results, recorded), *_claim_drifts(results, recorded)]


def _cell_drifts(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    before = {tuple(cell[key] for key in CELL_KEY): cell for cell in recorded["table1"]}
    anew = results["provenance"]["profile"] == "full"
    found = []
    for cell in results["table1"]:
        old = before.get(tuple(cell[key] for key in CELL_KEY))
        if cell["verdict"] == "NOT_RUN":
            continue
        if old is None or old["verdict"] == "NOT_RUN":
            found.append(f"{cell_name(cell)}: not in the record, now {cell['verdict']}")
            continue
        for key in ("verdict", "discriminating"):
            if cell[key] != old[key]:
                found.append(f"{cell_name(cell)}: {key} {old[key]} -> {cell[key]}")
        allowed = max(platform_budget(old), (old["resolution"] or 0.0) if anew else 0.0)
        new_value, old_value = cell["measured"], old["measured"]
        if (new_value is None) != (old_value is None) or (
            new_value is not None and not abs(new_value - old_value) <= allowed
        ):
            found.append(
                f"{cell_name(cell)}: measured {old_value} -> {new_value}, "
                f"by more than its {'whole tolerance' if anew else 'platform budget'} {allowed:.2g}"
            )
    return found


def platform_budget(cell: Mapping[str, Any]) -> float:
    """How far a recorded cell may move on another machine or with other versions."""
    parts = (cell["tolerance"] or {}).get("parts", [])
    return float(sum(part["half_width"] for part in parts if part["name"] == "platform"))


def _claim_drifts(results: Mapping[str, Any], recorded: Mapping[str, Any]) -> list[str]:
    before = {claim["id"]: claim for claim in recorded["claims"]}
    found = []
    for claim in results["claims"]:
        old = before.get(claim["id"])
        if claim["verdict"] == "NOT_RUN":
            continue
        if old is None or old["verdict"] == "NOT_RUN":
            found.append(f"{claim['id']}: not in the record, now {claim['verdict']}")
            continue
        for key in ("verdict", "verdict_as_printed", "discriminating"):
            if claim[key] != old[key]:
                found.append(f"{claim['id']}: {key} {old[key]} -> {claim[key]}")
    return found


def verdict_digest(results: Mapping[str, Any]) -> str:
    """Twelve letters that stand for all verdicts; each change of one is a CHANGELOG entry."""
    verdicts = {
        cell_name(cell): [cell["verdict"], cell["fitted"], cell["discriminating"]]
        for cell in results["table1"]
    }
    verdicts |= {
        claim["id"]: [claim["verdict"], claim["verdict_as_printed"], claim["discriminating"]]
        for claim in results["claims"]
    }
    return hashlib.sha256(json.dumps(verdicts, sort_keys=True).encode()).hexdigest()[:12]
