"""The findings that matter most, each one sentence filled with measured values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

Results = Mapping[str, Any]


def findings(results: Results) -> list[str]:
    """Sentences in order of weight; one whose metrics were not measured is left out."""
    sentences = []
    for finding in FINDINGS:
        try:
            sentences.append(finding(results))
        except KeyError:  # its system was not run
            continue
    return sentences


def _value(results: Results, name: str) -> Any:
    metric = results["metrics"][name]
    if metric["value"] is None:
        raise KeyError(name)
    return metric["value"]


def _verdict_of(results: Results, name: str) -> str:
    for claim in results["claims"]:
        if claim["id"] == name and claim["verdict"] != "NOT_RUN":
            return str(claim["verdict"])
    raise KeyError(name)


def _rows(results: Results) -> str:
    cells = [c for c in results["table1"] if c["form"] == "corrected" and c["verdict"] != "NOT_RUN"]
    if not cells:
        raise KeyError("table1")
    tally = Counter((cell["fitted"], cell["verdict"]) for cell in cells)
    fitted = sum(count for (was_fitted, _), count in tally.items() if was_fitted)
    return (
        f"Of the {len(cells)} printed numbers that were measured, {fitted} had to be fitted, since "
        f"the paper leaves their settings out: {tally[True, 'REACHED']} of these are reached. "
        f"Of the {len(cells) - fitted} that then follow, {tally[False, 'CONFIRMED']} are "
        f"confirmed and {tally[False, 'REFUTED']} refuted."
    )


FINDINGS: list[Callable[[Results], str]] = [_rows]
