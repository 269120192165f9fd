"""What the terminal shows: Table 1, the claims, and the end of a run; 80 columns are enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill

from rdverify.judge.judged import Evidence, JudgedCell, JudgedClaim
from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report.markdown import (
    also_text,
    counts,
    flags,
    interval,
    number,
    outcome_text,
    predicate_text,
)
from rdverify.report.page import conclusion
from rdverify.report.view import View, ran

WIDTH = 80


def summary(results: Results, drifted: Sequence[str]) -> str:
    """Table 1 as measured, the conclusion, the counts of verdicts, and what drifted."""
    told = [s for s in results.counted() if s.verdict != Verdict.NOT_RUN]
    drift = ["DRIFT from the record:", *(f"  {line}" for line in drifted)]
    agreement = ["Every number and verdict agrees with the record within its budget."]
    concluded = conclusion(results).replace("**", "")
    return "\n".join(
        [
            table1_text(results),
            "",
            *([fill(f"Does the paper hold? {concluded}", WIDTH), ""] if concluded else []),
            _wrapped("Table 1:   ", counts(ran(results.corrected()))),
            _wrapped("Sentences: ", counts(told)),
            *(drift if drifted else agreement),
        ]
    )


def table1_text(results: Results) -> str:
    """Every number that was run, by row: print, measured with the 95 % of one run, control."""
    lines = [f"{'':10}{'printed':8}{'measured, 95 % of one run':30}{'control':11}verdict"]
    for row, cells in View(results).rows.items():
        shown = ran(cells)
        lines += [row, *(_cell_line(cell) for cell in shown)] if shown else []
    return "\n".join([*lines, _legend(ran(results.corrected()))])


def _cell_line(cell: JudgedCell) -> str:
    measured = f"{number(cell.measured)} {interval((cell.predicted_low, cell.predicted_high))}"
    name = {"m_react": "M_react", "m_diff": "M_diff", "r": "R"}[cell.key.quantity]
    control = number(cell.control_value)
    return f"  {name:8}{cell.printed:8}{measured:30}{control:11}{_verdict(cell)}"


def claims_text(results: Results) -> str:
    """All claims by section, each with its verdict."""
    lines = []
    for section, claims in View(results).sections.items():
        lines += ["", f"Section {section}" if section[0].isdigit() else section]
        for claim in claims:
            lines.append(_wrapped(f"  {claim.id:8} {_verdict(claim):15}", claim.text))
    return "\n".join([*lines[1:], "", _legend(results.claims)])


def _verdict(record: JudgedCell | JudgedClaim) -> str:
    """The verdict and the first letters of its flags."""
    return " ".join([record.verdict, *(flag[0] for flag in flags(record))])


def _legend(records: Iterable[JudgedCell | JudgedClaim]) -> str:
    found = dict.fromkeys(flag for record in records for flag in flags(record))
    return fill(", ".join(f"{flag[0]}: {flag}" for flag in sorted(found)), WIDTH)


def _wrapped(name: str, text: str) -> str:
    return fill(text, WIDTH, initial_indent=name, subsequent_indent=" " * len(name))


def claim_text(results: Results, claim: str, places: Mapping[str, str]) -> str:
    """One claim with its evidence.

    Args:
        results: the record.
        claim: its id.
        places: where each fact is computed.
    """
    view = View(results)
    record = view.claims[claim]
    quote = view.sentences[record.sentence].quote
    told = {
        "sentence": f"{quote} ({record.standing})",
        "verdict": ", ".join([record.verdict, *flags(record)]),
        "as printed": record.verdict_as_printed,
        "why": record.why,
        "reading": record.reading,
        "no control": record.no_control,
        "fragile": "; ".join(record.fragile),
    }
    lines = [_wrapped(f"{record.id}, section {record.section}: ", record.text)]
    lines += [_wrapped(f"  {name}: ", text) for name, text in told.items() if text]
    for same in view.tests(record):
        lines += _test_lines(same, places)
    return "\n".join(lines)


def _test_lines(same: Sequence[Evidence], places: Mapping[str, str]) -> list[str]:
    """One test: what was measured and where, under which other settings, beside which controls."""
    item = same[0]
    ends = interval((item.low, item.high))
    lines = [
        f"  {item.fact} = {number(item.value)} {'' if ends == '–' else f'{ends} '}"
        f"must be {predicate_text(item.predicate)}: {outcome_text(item)}",
        _wrapped("    ", item.what),
        f"    {_place(item.fact, places)}",
    ]
    if item.also:
        lines.append(_wrapped("    also, ", also_text(item)))
    for other in same:
        if not other.control:
            continue
        told = f"{other.control_what}: {number(other.control_value)}: {other.control_outcome}"
        lines.append(_wrapped("    control, ", told))
        lines.append(f"      {other.control} in {_place(other.control, places)}")
        if other.gap:
            lines.append(f"      ahead of it by, 95 %: {interval((other.gap.low, other.gap.high))}")
    return lines


def _place(fact: str, places: Mapping[str, str]) -> str:
    return places.get(fact, "no fact of this version")
