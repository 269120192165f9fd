"""Run the systems, judge them, compare with the record, and write: the verify command."""

from __future__ import annotations

import platform
import re
import shutil
import webbrowser
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import typer
from msgspec.structs import replace

import rdverify
from rdverify import systems
from rdverify.judge.drift import drifts
from rdverify.judge.environments import carried, merge, read_environments
from rdverify.judge.ledger import spec
from rdverify.judge.paper import the_paper
from rdverify.judge.records import MutationFile, Provenance, Results, Trials, TrialsFile
from rdverify.judge.results import gather, load_results, results_schema, verdict_digest
from rdverify.report.drawings import illustrated
from rdverify.report.html import render_html
from rdverify.report.junit import junit
from rdverify.report.page import render, verdict_block
from rdverify.report.site import PARTS_OF_PAPER, all_pages
from rdverify.report.terminal import summary
from rdverify.side_by_side import measure_apart
from rdverify.study import Context, Profile
from rdverify.tools.errors import InputError, require
from rdverify.tools.files import check_output_folder, write_bytes, write_json, write_text
from rdverify.tools.fileset import file_set, recover
from rdverify.tools.manifest import check_manifest, write_manifest
from rdverify.tools.paths import golden_folder, repository
from rdverify.tools.progress import ConsoleReporter
from rdverify.tools.provenance import commit, cores
from rdverify.tools.records import as_written, read_record, write_record

HTML = "report.html"  # made again by each run, and not committed
README_MARKS = ("<!-- verdicts -->", "<!-- /verdicts -->")
PAGES = [page.file for page in all_pages(tuple(PARTS_OF_PAPER))]
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

    Every option is checked before the first step, and files are put in their place together,
    when everything has been measured and rendered: an interruption leaves what was there.
    """
    names = systems.chosen(only)
    root = repository()
    require(not record or root is not None, "record", record, "used in a clone of the repository")
    require(
        data_root is None or data_root.is_dir(), "data_root", str(data_root), "an existing folder"
    )
    if root is not None:
        recover(root)  # a record that a killed run half wrote is put back before it is read
    golden = golden_folder(held=not record)
    recorded = _recorded(golden, needed=not record)
    paper, tried = the_paper(), (mutation_scores(golden), trials(golden))
    if record and root is not None:
        _with_block(root / "README.md", "")  # refuses now what would stop the record at the end
        for name in ("golden/figures", "golden", "report", ""):
            check_output_folder(root / name, _room())
    output = check_output_folder(output, _room())
    with file_set(output, PAGES) as new:
        drawn = new / "figures"
        drawn.mkdir()
        context = Context(
            profile=profile,
            golden=golden,
            figures=drawn,
            work=output / "work",
            data_root=data_root,
            download=download,
            workers=workers or cores(),
            progress=ConsoleReporter(),
            printed=paper.printed(),
        )
        studies = measure_apart(names, context)
        origin = provenance(command, profile, names, now.strftime("%Y-%m-%d %H:%M:%S UTC"))
        results = illustrated(as_written(gather(paper, studies, recorded, origin, *tried)), drawn)
        found = [] if record or recorded is None else drifts(results, recorded)
        figures, shown = contents(drawn), summary(results, found)
        write_record(new / "results.json", results)
        write_pages(render(results, "figures"), new)
        write_text(new / HTML, render_html(results, drawn))
        write_text(new / "junit.xml", junit(results, found))
    if record and root is not None:
        write_the_record(carried(results, recorded), root, figures)
        typer.echo(f"CHANGELOG.md must say: verdicts {verdict_digest(results)}")
    typer.echo(shown)
    typer.echo(f"report: {output / 'REPORT.md'}, {output / HTML}")
    if show:
        open_page(output / HTML)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def mutation_scores(golden: Path) -> MutationFile:
    """Which wrong forms of the equations the checks reject, as recorded in ``golden``."""
    return read_record(golden / "mutation.json", MutationFile, "mutation scores")


def trials(golden: Path) -> list[Trials]:
    """What was tried on the suite itself, as recorded in ``golden``."""
    return read_record(golden / "trials.json", TrialsFile, "trials of the suite").trials


def provenance(command: str, profile: Profile, names: Sequence[str], time: str) -> Provenance:
    """Who, what, with which versions; everything but the time repeats exactly."""
    return Provenance(
        command=command,
        profile=profile,
        systems=list(names),
        time=time,
        rdverify=rdverify.__version__,
        commit=commit(),
        ledger_sha256=spec.ledger_sha256(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        packages={name: version(name) for name in PACKAGES},
    )


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
    recover(root)
    check_manifest(root / "golden")
    recorded = load_results(root / "golden" / "results.json")
    recorded = replace(recorded, trials=trials(root / "golden"))  # counted apart from any run
    if environments is not None:
        recorded = merge(recorded, read_environments(environments), values=record)
    with file_set(root, PAGES) as new:
        drawn = new / "golden" / "figures"
        shutil.copytree(root / "golden" / "figures", drawn)
        recorded = illustrated(as_written(recorded), drawn)
        _write_record(recorded, root, new)
        write_text(new / HTML, render_html(recorded, drawn, "golden/figures"))
    if show:
        open_page(root / HTML)
    names = sorted({name for claim in recorded.claims for name in claim.environments})
    return f"{root / 'REPORT.md'}, {root / HTML}: environments {', '.join(names) or 'none'}"


def write_the_record(results: Results, root: Path, figures: Mapping[str, bytes]) -> None:
    """Write golden/ but for what is measured beforehand, the pages and README's block, together.

    Args:
        results: the new record.
        root: the clone.
        figures: files of its figures, by name; the others stay.
    """
    with file_set(root, PAGES) as new:
        for name, content in figures.items():
            write_bytes(new / "golden" / "figures" / name, content)
        _write_record(as_written(results), root, new)


def _write_record(recorded: Results, root: Path, new: Path) -> None:
    """Write results, schema, manifest, pages and README into ``new``, where the figures are."""
    readme = _with_block(root / "README.md", verdict_block(recorded))
    write_json(new / "golden" / "results.schema.json", results_schema())
    write_record(new / "golden" / "results.json", recorded)
    write_manifest(root / "golden", new / "golden")
    write_pages(render(recorded, "golden/figures"), new)
    write_text(new / "README.md", readme)


def write_pages(pages: Mapping[str, str], folder: Path) -> None:
    """Write REPORT.md and the pages beside it."""
    for file, text in pages.items():
        write_text(folder / file, text)


def _room() -> int:
    """Bytes that a run writes, about: what it shows and the record of it, twice in the pages."""
    golden = golden_folder()
    shown = [golden / "results.json", *(golden / "figures").glob("*")]
    return 4 * sum(path.stat().st_size for path in shown if path.is_file())


def _with_block(path: Path, block: str) -> str:
    """The text of a file with ``block`` between its marks; InputError if they are not there."""
    begin, end = README_MARKS
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    found = pattern.search(text) is not None
    require(found, path.name, "without the marks of its table", f"with {begin} before {end}")
    return pattern.sub(lambda _: f"{begin}\n{block}\n{end}", text, count=1)
