"""The verify command: check, run, judge, compare, write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from rdverify.errors import InputError, require
from rdverify.files import check_output_folder, to_json, write_json, write_text
from rdverify.paths import golden_folder, repository
from rdverify.progress import ConsoleReporter
from rdverify.report import render, summary
from rdverify.results import drifts, load_results
from rdverify.study import Context, Profile
from rdverify.verify import chosen_systems, gather, measure


def verify_command(*, only: str | None, profile: Profile, output: Path, data_root: Path | None,
                   workers: int | None, record: bool, now: datetime, command: str) -> list[str]:
    """Run, judge and write; returns what drifted from the record.

    Every option is checked before the first step, and files are written only
    when everything has been measured: an interruption leaves what was there.
    """
    systems = chosen_systems(only)
    root = repository()
    require(not record or root is not None, "record", record, "used in a clone of the repository")
    require(data_root is None or data_root.is_dir(), "data_root", str(data_root),
            "an existing folder")
    golden = golden_folder()
    recorded = _recorded(golden, needed=not record)
    output = check_output_folder(output)
    reporter = ConsoleReporter()
    context = Context(profile=profile, golden=golden, figures=output / "figures",
                      work=output / "work", data_root=data_root,
                      workers=workers or max(1, os.cpu_count() or 1), progress=reporter)
    studies = measure(systems, context)
    run = {"command": command, "profile": profile, "systems": systems,
           "time": now.strftime("%Y-%m-%d %H:%M:%S UTC")}
    results = gather(studies, recorded, run)
    write_results(results, output, "figures")
    if record and root is not None:
        _make_the_record(results, output, root)
        recorded = results
    found = drifts(results, recorded) if recorded else []
    typer.echo(summary(results, found))
    typer.echo(f"report: {output / 'REPORT.md'}")
    return found


def write_results(results: Mapping[str, Any], folder: Path, figures: str) -> None:
    """Write results.json and REPORT.md; the report is rendered from the file's own values."""
    write_json(folder / "results.json", results)
    write_text(folder / "REPORT.md", render(load_results(folder / "results.json"), figures))


def _recorded(golden: Path, needed: bool) -> dict[str, Any] | None:
    path = golden / "results.json"
    if not needed and not path.exists():
        return None
    try:
        return load_results(path)
    except InputError:
        if needed:
            raise
        return None


def _make_the_record(results: Mapping[str, Any], output: Path, root: Path) -> None:
    """Copy figures, results and report to golden/ and the repository's root."""
    for name in sorted(figure["file"] for figure in results["figures"].values()):
        content = (output / "figures" / name).read_bytes()
        target = root / "golden" / "figures" / name
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    write_text(root / "golden" / "results.json", to_json(results))
    recorded = load_results(root / "golden" / "results.json")
    write_text(root / "REPORT.md", render(recorded, "golden/figures"))
