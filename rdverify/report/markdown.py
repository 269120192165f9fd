"""Filters of the templates: numbers, tables and formulas as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rdverify.judge.judged import Evidence, JudgedCell, JudgedClaim
from rdverify.judge.paper import AtLeast, AtMost, Equals, Fails, Holds, Predicate, Within
from rdverify.judge.verdict import COARSE, Judged, Verdict, not_discriminating

WIDE = 10  # columns of a table that a page can hold
NOTHING = 1e-15  # what is smaller is rounding, of numbers near 1 and of none


def number(value: Any, digits: int = 5) -> str:
    """A value for the reader: five significant digits, words for truth values, a dash for none."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, str)):
        return str(value)
    return "0" if abs(value) < NOTHING else f"{value:.{digits}g}"


def fixed(value: float, places: int = 2) -> str:
    """A value to so many decimal places, zero without a sign."""
    return f"{round(value, places) + 0.0:.{places}f}"


def percent(share: float, before: str = "") -> str:
    """A share in per cent, after some words."""
    return f"{before}{100 * share:.3g} %"


def caption(text: str) -> str:
    """A caption with its first sentence in bold."""
    found = re.search(r"[.:;](?= |$)", text)
    end = found.end() if found else len(text)
    return f"**{text[:end]}**{text[end:]}"


def stop(text: str) -> str:
    """A sentence with one full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def interval(ends: Sequence[Any]) -> str:
    """``[low, high]``, or a dash where there is none."""
    low, high = ends
    return "–" if low is None or high is None else f"[{number(low)}, {number(high)}]"


def line(values: Iterable[Any]) -> str:
    """One line of a pipe table without padding, which would triple a page of long cells."""
    cells = (number(value).replace("\n", " ").replace("|", "\\|") for value in values)
    return f"| {' | '.join(cells)} |"


def head(names: Sequence[Any]) -> str:
    """The first two lines of a pipe table."""
    return f"{line(names)}\n{line(['---'] * len(names))}"


def markdown_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Pipe tables of rows as dictionaries, columns in order of appearance.

    What is the same in all of several rows is said once above; a table that is still wider than
    a page comes in parts, its rows numbered.
    """
    listed = list(rows)
    keys = list(dict.fromkeys(key for row in listed for key in row))
    if not keys:
        return ""
    if len(keys) <= WIDE:
        return _pipes(listed, keys)
    same = [key for key in keys if len({str(row.get(key)) for row in listed}) == 1 < len(listed)]
    keys = [key for key in keys if key not in same]
    told = ", ".join(f"{key} = {number(listed[0].get(key))}" for key in same)
    above = [f"In every row: {told}."] if same else []
    if len(keys) <= WIDE:
        return "\n\n".join([*above, _pipes(listed, keys)])
    listed = [{"#": place, **row} for place, row in enumerate(listed, 1)]
    parts = -(-len(keys) // (WIDE - 1))
    size = -(-len(keys) // parts)
    blocks = [["#", *keys[start : start + size]] for start in range(0, len(keys), size)]
    return "\n\n".join([*above, *(_pipes(listed, block) for block in blocks)])


def _pipes(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    return "\n".join([head(keys), *(line(row.get(key) for key in keys) for row in rows)])


def math(text: str) -> str:
    """LaTeX that survives a Markdown table: no bars."""
    return text.replace(r"\|", r"\Vert ").replace("|", r"\mid ")


def counts(records: Iterable[Judged]) -> str:
    """``3 CONFIRMED (1 not discriminating), 1 REFUTED``, as :class:`Verdict` orders them."""
    listed = list(records)
    tally = Counter(record.verdict for record in listed)
    weak = Counter(record.verdict for record in listed if not_discriminating(record))
    return ", ".join(
        f"{tally[kind]} {kind}" + (f" ({weak[kind]} not discriminating)" if weak[kind] else "")
        for kind in Verdict
        if tally[kind]
    )


def verdict_text(record: Judged) -> str:
    """The verdict with its flags."""
    told = flags(record)
    return f"**{record.verdict}**" + (f" ({', '.join(told)})" if told else "")


def flags(record: Judged) -> list[str]:
    """What a verdict is to be read with: its control, what it hangs on, whose reading it is."""
    held = {
        "not discriminating": not_discriminating(record),
        "control undecided": control_undecided(record),
        "fragile": bool(getattr(record, "fragile", None)),
        "inference": getattr(record, "inference", False),
        "coarse": isinstance(record, JudgedCell) and coarse(record),
    }
    return [flag for flag, holds in held.items() if holds]


def coarse(cell: JudgedCell) -> bool:
    """Whether a number was reached within a tolerance that says little of it."""
    wide = (cell.resolution or 0.0) > COARSE * abs(float(cell.printed))
    return cell.verdict == Verdict.REACHED and wide


def control_undecided(record: Judged) -> bool:
    """Whether a claim holds and a control of it neither passes nor fails for sure."""
    if not isinstance(record, JudgedClaim) or record.discriminating is not None:
        return False
    controls = [item.control_outcome for item in record.evidence]
    return record.verdict == Verdict.CONFIRMED and Verdict.UNDECIDED in controls


def predicate_text(predicate: Predicate) -> str:
    """What a fact must satisfy, in signs."""
    match predicate:
        case Within(low=low, high=high):
            return f"in [{number(low)}, {number(high)}]"
        case AtLeast(value=value):
            return f"≥ {number(value)}"
        case AtMost(value=value):
            return f"≤ {number(value)}"
        case Equals(value=label):
            return f"= {label}"
        case Holds():
            return "true"
        case Fails():
            return "false"


def threshold_text(evidence: Evidence) -> str:
    """Whose the threshold is: the paper's, or ours, and then what others might have chosen."""
    if evidence.fixed:
        return f" ({evidence.fixed})"
    if not evidence.strip:
        return ""
    ends = evidence.strip[0].start, evidence.strip[-1].end
    kind = "half width" if isinstance(evidence.predicate, Within) else "ours"
    return f" ({kind}, {number(ends[0], 3)} to {number(ends[1], 3)})"


def outcome_text(evidence: Evidence) -> str:
    """The outcome, and what it was before the level was shared and settings were asked."""
    alone = f" (alone {evidence.alone})" if evidence.alone != evidence.outcome else ""
    return f"{evidence.outcome}{alone}"


def also_text(evidence: Evidence) -> str:
    """What the settings left open say."""
    values = [f"{number(x.value)} {x.outcome}" for x in evidence.also]
    names = re.split(r",? or |, ", evidence.also_what)
    if len(names) == len(values):
        return "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
    return f"{evidence.also_what}: {', '.join(values)}"


FILTERS = {
    "threshold": threshold_text,
    "outcome": outcome_text,
    "also": also_text,
    "number": number,
    "fixed": fixed,
    "percent": percent,
    "caption": caption,
    "stop": stop,
    "interval": interval,
    "line": line,
    "head": head,
    "table": markdown_table,
    "math": math,
    "counts": counts,
    "predicate": predicate_text,
    "verdict": verdict_text,
}
