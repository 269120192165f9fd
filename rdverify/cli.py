"""The command line; what is refused is refused before anything slow is imported."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from rdverify import commands, systems
from rdverify.measure.commands import measure
from rdverify.tools.errors import require
from rdverify.tools.status import Commands, guarded

app = typer.Typer(
    name="rdverify",
    add_completion=False,
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


app.add_typer(measure, name="measure")
app.add_typer(commands.train, name="train")
app.add_typer(commands.record, name="record")
app.command()(commands.sweep)


Show = Annotated[bool, typer.Option("--open", help="Show report.html in the browser.")]


class _State:
    """What the options above the command set."""

    debug = False


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(help="Show tracebacks of bad input.")] = False,
) -> None:
    """Verify a paper: its equations, its numbers, its claims.

    Exit status: 0, every number and verdict agrees with the record; 1,
    something drifted; 2, bad usage, input or environment; 70, a fault of
    rdverify itself; 130, interrupted.
    """
    _State.debug = debug


@app.command()
def verify(
    only: Annotated[
        str | None,
        typer.Option(help=f"Comma-separated: {', '.join(systems.SYSTEMS)}. Default: all."),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            help="quick: start from shipped weights and search records; "
            "full: train and search everything anew, resumable."
        ),
    ] = "quick",
    output: Annotated[
        Path,
        typer.Option(help="Folder for report.html, REPORT.md, results.json and figures."),
    ] = Path("rdverify-output"),
    data_root: Annotated[
        Path | None,
        typer.Option(help="Folder of the image data sets (for training).", envvar="RDVERIFY_DATA"),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch data sets that are missing (for training).")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Runs side by side; default: the machine's cores.")
    ] = None,
    record: Annotated[
        bool,
        typer.Option(help="Make this run the new record in golden/ and REPORT.md (in a clone)."),
    ] = False,
    show: Show = False,
) -> None:
    """Run the systems, judge numbers and claims, write the report."""
    require(profile in ("quick", "full"), "profile", profile, "quick or full")
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    systems.chosen(only)
    from rdverify.verify import verify_command

    drifted = verify_command(
        only=only,
        profile="full" if profile == "full" else "quick",
        output=output,
        data_root=data_root,
        download=download,
        workers=workers,
        record=record,
        now=datetime.now(UTC),
        command=_command(only, profile),
        show=show,
    )
    raise typer.Exit(1 if drifted else 0)


def _command(only: str | None, profile: str) -> str:
    words = ["rdverify", "verify"]
    words += ["--only", only] if only else []
    words += ["--profile", profile] if profile != "quick" else []
    return " ".join(words)


@app.command()
def report(
    environments: Annotated[
        Path | None,
        typer.Option(help="Folder with one results file per environment, NAME.json, to merge."),
    ] = None,
    record: Annotated[
        bool, typer.Option(help="Also keep the environments' versions and numbers in the record.")
    ] = False,
    show: Show = False,
) -> None:
    """Draw and render the reports and README's table again from the record (in a clone)."""
    from rdverify.verify import report_command

    typer.echo(report_command(environments, record, show))


@app.command()
def equations(
    equation: Annotated[
        str | None, typer.Argument(help="1 to 20, or a name such as eq07; default: list all.")
    ] = None,
) -> None:
    """Show the paper's equations, as printed and as corrected."""
    from rdverify.judge.ledger import spec

    console = Console(highlight=False)
    if equation is None:
        table = Table("Eq.", "Section", "Title", "Print = meaning")
        for record in spec.EQUATIONS.values():
            table.add_row(
                str(record.number), record.section, record.title, "no" if record.differs else "yes"
            )
        console.print(table)
        return
    tokens = {str(n): n for n in spec.EQUATIONS} | {e.token: n for n, e in spec.EQUATIONS.items()}
    require(equation.lower() in tokens, "equation", equation, "1 to 20, or eq01 to eq20")
    number = tokens[equation.lower()]
    from rdverify.judge.equations import implementations_of, tests_of

    record = spec.EQUATIONS[number]
    lines = [
        f"Eq. ({number}), section {record.section}: {record.title}  [{record.token}]",
        f"  printed:    {record.latex}",
    ]
    if record.latex_corrected != record.latex:
        lines.append(f"  corrected:  {record.latex_corrected}")
    lines += [
        f"  {name}: {symbol.meaning}; shape {symbol.shape}; {symbol.domain}; [{symbol.unit}]"
        for name, symbol in record.symbols.items()
    ]
    places = (
        ("errata", record.errata),
        ("implementation", implementations_of(record.token)),
        ("tests", tests_of(record.token)),
    )
    lines += [f"  {name}: {', '.join(found)}" for name, found in places if found]
    typer.echo("\n".join(lines))


@app.command()
def claims(
    claim: Annotated[str | None, typer.Argument(help="An id, such as RD-01; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the ledger of claims with their recorded verdicts."""
    from rdverify.judge.results import load_results
    from rdverify.report import terminal
    from rdverify.tools.paths import golden_folder
    from rdverify.tools.records import plain

    results = load_results(golden_folder() / "results.json")
    known = {record.id: record for record in results.claims}
    if claim is not None:
        claim = claim.upper()
        allowed = "an id of the ledger, such as RD-01; `rdverify claims` lists them"
        require(claim in known, "claim", claim, allowed)
    if as_json:
        chosen = results.claims if claim is None else [known[claim]]
        typer.echo(json.dumps(plain(chosen), indent=2, ensure_ascii=False))
    elif claim is not None:
        typer.echo(terminal.claim_text(results, claim, systems.fact_places()))
    else:
        typer.echo(terminal.claims_text(results))


@app.command()
def table1() -> None:
    """Show Table 1 as printed beside what was measured, with the recorded verdicts."""
    from rdverify.judge.results import load_results
    from rdverify.report.terminal import table1_text
    from rdverify.tools.paths import golden_folder

    typer.echo(table1_text(load_results(golden_folder() / "results.json")))


def main() -> None:
    """Entry point of ``rdverify`` and ``python -m rdverify``."""
    # threads that wait busily for one that another program keeps from running take a
    # hundredfold on a machine with other work; read once, when PyTorch is loaded
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(guarded(app, lambda: _State.debug))
