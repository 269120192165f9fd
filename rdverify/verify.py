"""Run the systems, judge them, compare with the record, and write: the verify command."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import platform
import re
import signal
import subprocess
import tempfile
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import typer

import rdverify
from rdverify import systems
from rdverify.judge.drift import drifts
from rdverify.judge.environments import carried, merge, read_environments
from rdverify.judge.ledger import spec
from rdverify.judge.paper import the_paper
from rdverify.judge.records import MutationFile, Provenance, Results
from rdverify.judge.results import Studies, gather, load_results, results_schema, verdict_digest
from rdverify.report.drawings import illustrated
from rdverify.report.html import render_html
from rdverify.report.junit import junit
from rdverify.report.page import render, verdict_block
from rdverify.report.site import PARTS_OF_PAPER, all_pages
from rdverify.report.terminal import summary
from rdverify.study import Context, Profile, Study, StudyResult
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import check_output_folder, write_bytes, write_json, write_text
from rdverify.tools.manifest import check_manifest, write_manifest
from rdverify.tools.paths import golden_folder, repository
from rdverify.tools.progress import ConsoleReporter
from rdverify.tools.records import as_written, read_record, write_record

HTML = "report.html"  # made again by each run, and not committed
LONG = ("ddpm", "lstm")  # the studies that are started first
README_MARKS = ("<!-- verdicts -->", "<!-- /verdicts -->")
PACKAGES = ("numpy", "scipy", "numba", "torch", "torchvision", "diffusers", "matplotlib", "pandas")


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
    show: bool = False,
) -> list[str]:
    """Run, judge and write; returns what drifted from the record.

    Every option is checked before the first step, and files are put in their place only
    when everything has been measured and rendered: an interruption leaves what was there.
    """
    names = systems.chosen(only)
    root = repository()
    require(not record or root is not None, "record", record, "used in a clone of the repository")
    require(
        data_root is None or data_root.is_dir(), "data_root", str(data_root), "an existing folder"
    )
    recorded = _recorded(golden_folder(), needed=not record)
    if not record:
        check_manifest(golden_folder())
    paper, mutation = the_paper(), mutation_scores()
    if record and root is not None:
        _with_block(root / "README.md", "")  # refuses now what would stop the record at the end
    output = check_output_folder(output)
    with tempfile.TemporaryDirectory(prefix=".figures-", dir=output) as drawn:
        context = Context(
            profile=profile,
            golden=golden_folder(),
            figures=Path(drawn),
            work=output / "work",
            data_root=data_root,
            download=download,
            workers=workers or max(1, os.cpu_count() or 1),
            progress=ConsoleReporter(),
            printed=paper.printed(),
        )
        studies = measure_apart(names, context)
        origin = provenance(command, profile, names, now.strftime("%Y-%m-%d %H:%M:%S UTC"))
        judged = gather(paper, studies, recorded, origin, mutation)
        results = illustrated(as_written(judged), Path(drawn))
        found = [] if record or recorded is None else drifts(results, recorded)
        pages, html = render(results, "figures"), render_html(results, Path(drawn))
        cases = junit(results, found)
        shown = summary(results, found)
        figures = contents(Path(drawn))
    for name, content in figures.items():
        write_bytes(output / "figures" / name, content)
    write_record(output / "results.json", results)
    write_pages(pages, output)
    write_text(output / HTML, html)
    write_text(output / "junit.xml", cases)
    if record and root is not None:
        write_the_record(carried(results, recorded), root, figures)
        typer.echo(f"CHANGELOG.md must say: verdicts {verdict_digest(results)}")
    typer.echo(shown)
    typer.echo(f"report: {output / 'REPORT.md'}, {output / HTML}")
    if show:
        open_page(output / HTML)
    return found


def measure(names: Sequence[str], context: Context) -> Studies:
    """Run the studies one after the other.

    Every study's ``check`` comes before the first one starts: InputError if one can't run.
    """
    studies = _checked(names, context)
    return {name: (study, study.measure(context)) for name, study in studies.items()}


def measure_apart(names: Sequence[str], context: Context) -> Studies:
    """As :func:`measure`, to the bit, with studies side by side: each in a process of its own.

    Raises:
        BrokenProcessPool: if a process was killed.
    """
    count = min(context.workers, len(names))
    if count < 2:
        return measure(names, context)
    studies = _checked(names, context)
    apart = replace(context, progress=context.progress.apart())
    spawn = multiprocessing.get_context("spawn")  # OpenMP's threads don't live through a fork
    ours, theirs = spawn.Pipe()
    with ours, ProcessPoolExecutor(count, spawn, _ends_with, (theirs,)) as pool:
        order = sorted(names, key=lambda name: name not in LONG)  # so that no core waits at the end
        started = {name: pool.submit(_measured, systems.SYSTEMS[name], apart) for name in order}
        try:
            for done in as_completed(started.values()):
                done.result()
        except BaseException:
            ours.close()
            raise
    return {name: (studies[name], started[name].result()) for name in names}


def _checked(names: Sequence[str], context: Context) -> dict[str, Study[Any]]:
    studies = {name: systems.study(name) for name in names}
    for study in studies.values():
        study.check(context)
    return studies


def _measured(module: str, context: Context) -> StudyResult:
    study: Study[Any] = importlib.import_module(module).STUDY
    return study.measure(context)


def _ends_with(theirs: Connection) -> None:
    """This process ends at once when the other end of the pipe is closed, or its owner dies."""

    def watch() -> None:
        theirs.poll(None)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its owner hears it too, and closes the pipe
    threading.Thread(target=watch, daemon=True).start()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def mutation_scores() -> MutationFile:
    """Which wrong forms of the equations the checks reject, as recorded."""
    return read_record(golden_folder() / "mutation.json", MutationFile, "mutation scores")


def provenance(command: str, profile: Profile, names: Sequence[str], time: str) -> Provenance:
    """Who, what, with which versions; everything but the time repeats exactly."""
    return Provenance(
        command=command,
        profile=profile,
        systems=list(names),
        time=time,
        rdverify=rdverify.__version__,
        commit=_commit(),
        ledger_sha256=spec.ledger_sha256(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        packages={name: version(name) for name in PACKAGES},
    )


def _commit() -> str:
    root = repository()
    if root is None:
        return "installed from a wheel"
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return head.stdout.strip()


def _recorded(golden: Path, needed: bool) -> Results | None:
    """The recorded results; where they are not ``needed``, None if they can't be read."""
    try:
        return load_results(golden / "results.json")
    except InputError:
        if needed:
            raise
        return None


def open_page(path: Path) -> None:
    """Show a page in the browser; where there is none, say so."""
    if not webbrowser.open(path.resolve().as_uri()):
        typer.echo(f"no browser was found: open {path} in one", err=True)


def report_command(environments: Path | None, record: bool, show: bool = False) -> str:
    """Merge environments into the record, draw and render; returns what was written.

    Drawn is what the record alone gives; the studies' figures stay.
    """
    root = repository()
    if root is None:
        raise InputError("report is not allowed here: must be run in a clone of the repository")
    recorded = load_results(root / "golden" / "results.json")
    check_manifest(root / "golden")
    if environments is not None:
        recorded = merge(recorded, read_environments(environments), values=record)
    with tempfile.TemporaryDirectory(prefix=".figures-") as drawn:
        recorded = illustrated(as_written(recorded), Path(drawn))
        write_the_record(recorded, root, contents(Path(drawn)))
    html = render_html(recorded, root / "golden" / "figures", "golden/figures")
    write_text(root / HTML, html)
    if show:
        open_page(root / HTML)
    names = sorted({name for claim in recorded.claims for name in claim.environments})
    return f"{root / 'REPORT.md'}, {root / HTML}: environments {', '.join(names) or 'none'}"


def write_the_record(
    results: Results, root: Path, figures: Mapping[str, bytes] | None = None
) -> None:
    """Write golden/results.json with its schema and figures, REPORT.md and README's block.

    All that can fail for its content is worked out before the first file is written.

    Args:
        results: the new record.
        root: the clone.
        figures: files of its figures, by name; the others stay.
    """
    recorded, golden = as_written(results), root / "golden"
    pages = render(recorded, "golden/figures")
    readme = _with_block(root / "README.md", verdict_block(recorded))
    for name, content in (figures or {}).items():
        write_bytes(golden / "figures" / name, content)
    write_json(golden / "results.schema.json", results_schema())
    write_record(golden / "results.json", recorded)
    write_manifest(golden)
    write_pages(pages, root)
    write_text(root / "README.md", readme)


def write_pages(pages: Mapping[str, str], folder: Path) -> None:
    """Write REPORT.md and the pages beside it; one that this report lacks is removed."""
    for file, text in pages.items():
        write_text(folder / file, text)
    for page in all_pages(tuple(PARTS_OF_PAPER)):
        if page.file not in pages:
            (folder / page.file).unlink(missing_ok=True)


def _with_block(path: Path, block: str) -> str:
    """The text of a file with ``block`` between its marks; InputError if they are not there."""
    begin, end = README_MARKS
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    found = pattern.search(text) is not None
    require(found, path.name, "without the marks of its table", f"with {begin} before {end}")
    return pattern.sub(lambda _: f"{begin}\n{block}\n{end}", text, count=1)
