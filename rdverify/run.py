"""The verify command: check, run, judge, compare, write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from rdverify.judge.environments import merge, read_environments
from rdverify.judge.results import drifts, load_results, verdict_digest
from rdverify.report.junit import junit
from rdverify.report.page import render, summary, verdict_block
from rdverify.study import Context, Profile
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import check_output_folder, write_bytes, write_json, write_text
from rdverify.tools.paths import golden_folder, repository
from rdverify.tools.progress import ConsoleReporter
from rdverify.verify import chosen_systems, gather, measure

README_MARKS = ("<!-- verdicts -->", "<!-- /verdicts -->")


def verify_command(
    *,
    only: str | None,
    profile: Profile,
    output: Path,
    data_root: Path | None,
    download: bool,
    workers: int | None,
    record: bool,
    now: datetime,
    command: str,
) -> list[str]:
    """Run, judge and write; returns what drifted from the record.

    Every option is checked before the first step, and files are written only
    when everything has been measured: an interruption leaves what was there.
    """
    systems = chosen_systems(only)
    root = repository()
    require(not record or root is not None, "record", record, "used in a clone of the repository")
    require(
        data_root is None or data_root.is_dir(), "data_root", str(data_root), "an existing folder"
    )
    golden = golden_folder()
    recorded = _recorded(golden, needed=not record)
    output = check_output_folder(output)
    reporter = ConsoleReporter()
    context = Context(
        profile=profile,
        golden=golden,
        figures=output / "figures",
        work=output / "work",
        data_root=data_root,
        download=download,
        workers=workers or max(1, os.cpu_count() or 1),
        progress=reporter,
    )
    studies = measure(systems, context)
    run = {
        "command": command,
        "profile": profile,
        "systems": systems,
        "time": now.strftime("%Y-%m-%d %H:%M:%S UTC"),
    }
    results = gather(studies, recorded, run)
    write_results(results, output, "figures")
    if record and root is not None:
        _make_the_record(results, output, root)
        recorded = results
    found = drifts(results, recorded) if recorded else []
    write_text(output / "junit.xml", junit(results, found))
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


def report_command(environments: Path | None, record: bool) -> str:
    """Merge environments into the record and render REPORT.md; returns what was written."""
    root = repository()
    if root is None:
        raise InputError("report is not allowed here: must be run in a clone of the repository")
    recorded = load_results(root / "golden" / "results.json")
    if environments is not None:
        recorded = merge(recorded, read_environments(environments), values=record)
    write_the_record(recorded, root)
    names = sorted({name for claim in recorded["claims"] for name in claim["environments"]})
    return f"{root / 'REPORT.md'}: environments {', '.join(names) or 'none'}"


def write_the_record(results: Mapping[str, Any], root: Path) -> None:
    """Write golden/results.json, REPORT.md and README's block, each from the file before."""
    write_json(root / "golden" / "results.json", results)
    recorded = load_results(root / "golden" / "results.json")
    write_text(root / "REPORT.md", render(recorded, "golden/figures"))
    readme = (root / "README.md").read_text(encoding="utf-8")
    block = f"{README_MARKS[0]}\n{verdict_block(recorded)}\n{README_MARKS[1]}"
    head, _, rest = readme.partition(README_MARKS[0])
    write_text(root / "README.md", head + block + rest.partition(README_MARKS[1])[2])


def _make_the_record(results: Mapping[str, Any], output: Path, root: Path) -> None:
    """Copy figures to golden/, and write record and report."""
    for name in sorted(figure["file"] for figure in results["figures"].values()):
        write_bytes(root / "golden" / "figures" / name, (output / "figures" / name).read_bytes())
    write_the_record(results, root)
    typer.echo(f"CHANGELOG.md must say: verdicts {verdict_digest(results)}")
