"""The command line; what is refused is refused before anything slow is imported."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from rdverify import commands, systems
from rdverify.measure.commands import measure
from rdverify.tools.errors import InputError, require

if TYPE_CHECKING:
    from rdverify.judge.judged import Evidence, JudgedClaim

app = typer.Typer(
    name="rdverify",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


app.add_typer(measure, name="measure")
app.add_typer(commands.train, name="train")
app.add_typer(commands.record, name="record")


class _State:
    """What the options above the command set."""

    debug = False


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(help="Show tracebacks of bad input.")] = False,
) -> None:
    """Verify a paper: its equations, its numbers, its claims.

    Exit status: 0, every number and verdict agrees with the record; 1,
    something drifted; 2, bad usage or input.
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
        Path, typer.Option(help="Folder for REPORT.md, results.json and figures.")
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
) -> None:
    """Run the systems, judge numbers and claims, write the report."""
    require(profile in ("quick", "full"), "profile", profile, "quick or full")
    require(workers is None or workers >= 1, "workers", workers, "at least 1")
    systems.chosen(only)
    from rdverify.verify import verify_command

    try:
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
        )
    except KeyboardInterrupt:
        typer.echo("rdverify: interrupted; written files are whole, long work resumes", err=True)
        raise typer.Exit(130) from None
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
) -> None:
    """Render REPORT.md and README's verdict table again from the recorded results (in a clone)."""
    from rdverify.verify import report_command

    typer.echo(report_command(environments, record))


@app.command()
def equations(
    number: Annotated[int | None, typer.Argument(help="1 to 20; default: list all.")] = None,
) -> None:
    """Show the paper's equations, as printed and as corrected."""
    import spec

    console = Console(highlight=False)
    if number is None:
        table = Table("Eq.", "Section", "Title", "Print = meaning")
        for record in spec.EQUATIONS.values():
            table.add_row(
                str(record.number), record.section, record.title, "no" if record.differs else "yes"
            )
        console.print(table)
        return
    require(number in spec.EQUATIONS, "equation", number, "1 to 20")
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
    from rdverify.tools.paths import golden_folder
    from rdverify.tools.records import plain

    results = load_results(golden_folder() / "results.json")
    records = results.claims
    if claim is not None:
        known = [record.id for record in records]
        claim = claim.upper()
        allowed = "an id of the ledger, such as RD-01; `rdverify claims` lists them"
        require(claim in known, "claim", claim, allowed)
        records = [record for record in records if record.id == claim]
    if as_json:
        typer.echo(json.dumps(plain(records), indent=2, ensure_ascii=False))
    elif claim is not None:
        quotes = {sentence.id: sentence.quote for sentence in results.sentences}
        typer.echo(_claim_text(records[0], quotes[records[0].sentence]))
    else:
        table = Table("Id", "Section", "Verdict", "Claim")
        for record in records:
            table.add_row(record.id, record.section, _verdict_text(record), record.text)
        Console(highlight=False).print(table)


def _verdict_text(record: JudgedClaim) -> str:
    from rdverify.judge.verdict import not_discriminating

    flags = {
        "not discriminating": not_discriminating(record),
        "fragile": record.fragile,
        "our inference": record.inference,
    }
    return ", ".join([str(record.verdict), *(name for name, flag in flags.items() if flag)])


def _claim_text(record: JudgedClaim, quote: str) -> str:
    """One claim with its evidence, and where each of its facts is computed."""
    lines = [
        f"{record.id}, section {record.section}: {record.text}",
        f"  sentence: {quote} ({record.standing})",
        f"  verdict: {_verdict_text(record)}",
    ]
    told = {
        "as printed": record.verdict_as_printed,
        "why": record.why,
        "reading": record.reading,
        "no control": record.no_control,
        "fragile": "; ".join(record.fragile),
    }
    lines += [f"  {name}: {text}" for name, text in told.items() if text]
    places = systems.fact_places()
    for item in record.evidence:
        lines += _evidence_lines(item, places)
    return "\n".join(lines)


def _evidence_lines(item: Evidence, places: Mapping[str, str]) -> list[str]:
    """One test: what was measured and where, under which other settings, beside which control."""
    from rdverify.report.markdown import interval, number, outcome_text, predicate_text

    def place(name: str) -> str:
        return places.get(name, "no fact of this version")

    ends = interval((item.low, item.high))
    lines = [
        f"  {item.fact} = {number(item.value)} {'' if ends == '–' else f'{ends} '}"
        f"must be {predicate_text(item.predicate)}: {outcome_text(item)}",
        f"    {item.what}",
        f"    {place(item.fact)}",
    ]
    if item.control:
        lines += [
            f"    control, {item.control_what}: {number(item.control_value)}: "
            f"{item.control_outcome}",
            f"      {item.control} in {place(item.control)}",
        ]
    if item.gap:
        lines.append(f"    lead over it, 95 %: {interval((item.gap.low, item.gap.high))}")
    return lines


def guarded(run: Callable[[], Any]) -> int:
    """Run the command line; bad input is one line on standard error and status 2."""
    try:
        run()
    except InputError as error:
        if _State.debug:
            raise
        print(f"rdverify: {error}", file=sys.stderr)
        return 2
    return 0


def main() -> None:
    """Entry point of ``rdverify`` and ``python -m rdverify``."""
    sys.exit(guarded(app))
