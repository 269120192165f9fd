"""Numbers, tables and formulas as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rdverify.verdict import Verdict


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
    """``3 CONFIRMED, 1 REFUTED``, in the order of :class:`Verdict`; empty kinds left out."""
    tally = Counter(str(record["verdict"]) for record in records)
    return ", ".join(f"{tally[kind]} {kind}" for kind in Verdict if tally[kind])


def verdict_text(record: Mapping[str, Any]) -> str:
    """The verdict with its flag: what holds and whose control satisfies it too says so."""
    flag = ""
    held = record["verdict"] in (Verdict.CONFIRMED, Verdict.REACHED)
    if record.get("discriminating") is False and held:
        flag = " (not discriminating)"
    return f"**{record['verdict']}**{flag}"
