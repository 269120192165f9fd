"""The findings that matter most, each one sentence filled with measured values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rdverify.judge.results import cell_name, corrected
from rdverify.judge.verdict import Verdict, not_discriminating
from rdverify.report.markdown import number

Results = Mapping[str, Any]


def findings(results: Results) -> list[str]:
    """Sentences in order of weight; one whose metrics or verdicts are not there is left out."""
    sentences = []
    for finding in FINDINGS:
        try:
            sentences.append(finding(results))
        except KeyError:  # its system was not run, or the verdict it tells of is another
            continue
    return sentences


def _value(results: Results, name: str) -> Any:
    metric = results["metrics"][name]
    if metric["value"] is None:
        raise KeyError(name)
    return metric["value"]


def _given(results: Results, **verdicts: str) -> None:
    """Raise KeyError unless the claims have the verdicts that a sentence presumes."""
    found = {claim["id"].replace("-", "_"): claim["verdict"] for claim in results["claims"]}
    for name, verdict in verdicts.items():
        if found[name] != verdict:
            raise KeyError(name)


def _text(results: Results, name: str, digits: int = 3) -> str:
    return number(_value(results, name), digits)


def _rows(results: Results) -> str:
    cells = [cell for cell in corrected(results) if cell["verdict"] != Verdict.NOT_RUN]
    tally = Counter((cell["fitted"], cell["verdict"]) for cell in cells)
    fitted = [cell for cell in cells if cell["fitted"]]
    literal = [cell for cell in results["table1"] if cell["form"] == "printed"]
    held = sum(cell["verdict"] == Verdict.CONFIRMED for cell in literal)
    return (
        f"**Table 1.** Of {len(cells)} printed numbers measured, {len(fitted)} had to be fitted, "
        "since the paper leaves the settings out: "
        f"the settings found reach {tally[True, Verdict.REACHED]}. "
        f"Of the {len(cells) - len(fitted)} that then follow, "
        f"{tally[False, Verdict.CONFIRMED]} are confirmed, "
        f"{tally[False, Verdict.UNDECIDED]} undecided, {tally[False, Verdict.REFUTED]} refuted. "
        f"By the formulas as printed {held} of the {len(literal)} numbers that this changes hold."
    )


def _controls(results: Results) -> str:
    confirmed = [c for c in results["claims"] if c["verdict"] == Verdict.CONFIRMED]
    weak = [c["id"] for c in confirmed if not_discriminating(c)]
    held = [c for c in corrected(results) if c["verdict"] in (Verdict.CONFIRMED, Verdict.REACHED)]
    alike = [c for c in held if not_discriminating(c)]
    strong = [
        cell_name(c)
        for c in held
        if c["verdict"] == Verdict.CONFIRMED and not not_discriminating(c)
    ]
    return (
        f"**Controls.** {len(confirmed)} claims are confirmed, but {len(weak)} of them "
        f"({', '.join(weak) or 'none'}) hold for their negative control as well, and so say "
        f"nothing about the model. So do {len(alike)} of the {len(held)} numbers of Table 1 that "
        "are confirmed or reached: their control comes as near to print. Confirmed and "
        f"discriminating are {', '.join(strong) or 'none'}."
    )


def _untrained(results: Results) -> str:
    weak = {claim["id"] for claim in results["claims"] if claim["discriminating"] is False}
    if "LSTM-02" not in weak:
        raise KeyError("LSTM-02")
    return (
        "**R near 1 needs no learning.** On the same sines the trained LSTM has R = "
        f"{_text(results, 'lstm.sine.r')}, the same networks before any training "
        f"{_text(results, 'lstm.control.untrained.sine.r')}."
    )


def _turing(results: Results) -> str:
    _given(results, RD_12=Verdict.REFUTED, RD_14=Verdict.REFUTED, RD_05=Verdict.REFUTED)
    return (
        "**The spots are no Turing instability.** At F = 0.029 the only uniform state, (1, 0), is "
        f"stable (growth rate {_text(results, 'rd.spot.trivial_growth')} per unit of time): "
        "the pattern comes from the finite square. Nor is it steady at T, where the state still "
        f"changes by {_text(results, 'rd.spot.change')} (spots) and "
        f"{_text(results, 'rd.stripe.change')} (stripes) of its diffusion term; R is "
        "nearer to 1 than that because the change, which is the sum of the two terms, is nearly "
        "orthogonal to their difference."
    )


def _same_pattern(results: Results) -> str:
    _given(results, GEN_11=Verdict.REFUTED, GEN_07=Verdict.REFUTED)
    return (
        "**One pattern, two ratios.** Gray-Scott makes spots and stripes at R = "
        f"{_text(results, 'metric.turing.rd.r')}, a diffusion model with the exact denoiser of "
        "these patterns, and no network, makes the same ones at R = "
        f"{_text(results, 'metric.turing.ddpm.r')}: patterns do not require R near 1. Nor can the "
        "two be compared: refining time leaves RD's R as it is (exponent "
        f"{_text(results, 'metric.refine.rd.r_exponent', 1)}) and scales the DDPM's with the "
        f"exponent {_text(results, 'metric.refine.ddpm.r_exponent')}."
    )


FINDINGS: list[Callable[[Results], str]] = [_rows, _controls, _untrained, _turing, _same_pattern]
