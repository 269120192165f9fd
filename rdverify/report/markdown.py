"""Numbers, tables and formulas as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rdverify.judge.verdict import COARSE, Verdict, not_discriminating


def number(value: Any, digits: int = 5) -> str:
    """A value for the reader: five significant digits, words for truth values, a dash for none."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, str)):
        return str(value)
    return f"{value:.{digits}g}"


def interval(low: Any, high: Any) -> str:
    """``[low, high]``, or a dash where there is none."""
    return "–" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """A pipe table without padding, which would triple a page of long cells."""
    listed = list(rows)
    keys = list(dict.fromkeys(key for row in listed for key in row))
    if not keys:
        return ""
    header = [_cell(key) for key in keys]
    body = ([_cell(row.get(key)) for key in keys] for row in listed)
    lines = [header, ["---"] * len(keys), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return number(value).replace("\n", " ").replace("|", "\\|")


def math(text: str) -> str:
    """LaTeX that survives a Markdown table: no bars."""
    return text.replace(r"\|", r"\Vert ").replace("|", r"\mid ")


def counts(records: Iterable[Mapping[str, Any]]) -> str:
    """``3 CONFIRMED (1 not discriminating), 1 REFUTED``, as :class:`Verdict` orders them."""
    listed = list(records)
    tally = Counter(str(record["verdict"]) for record in listed)
    weak = Counter(str(record["verdict"]) for record in listed if not_discriminating(record))
    return ", ".join(
        f"{tally[kind]} {kind}" + (f" ({weak[kind]} not discriminating)" if weak[kind] else "")
        for kind in Verdict
        if tally[kind]
    )


def verdict_text(record: Mapping[str, Any]) -> str:
    """The verdict with its flags: a control satisfies it too; the check of a number is coarse."""
    flags = ["not discriminating"] if not_discriminating(record) else []
    if record["verdict"] == Verdict.REACHED and (
        record["resolution"] > COARSE * abs(float(record["printed"]))
    ):
        flags.append("coarse")
    return f"**{record['verdict']}**" + (f" ({', '.join(flags)})" if flags else "")
