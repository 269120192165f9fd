"""REPORT.md from results.json alone: words around recorded values, no arithmetic on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from rdverify.judge.results import cell_name, corrected
from rdverify.judge.verdict import Verdict
from rdverify.report.claims import claims_section, printed_section, sentences_section
from rdverify.report.evidence import (
    budget_section,
    consistency_section,
    environments_section,
    equations_section,
    errata_section,
    provenance_section,
    tables_section,
)
from rdverify.report.findings import findings
from rdverify.report.markdown import counts, interval, markdown_table, number, verdict_text

Results = Mapping[str, Any]
FIGURES_2_AND_3 = ("fig2", "lstm-ratio", "ddpm.r_t", "ddpm.final")
RECONSTRUCTION = r"""Every setting below is ours, not the paper's. Searches cover stated ranges and
keep every run, in `golden/search/`.

* **Gray-Scott.** The paper prints F, k and the diffusion coefficients. Missing are the grid, dx,
  dt, T and the initial state. They are searched, and chosen by the four $\mathcal{M}$'s, which
  hang on all of them; $R$ moves far less, as long as a pattern lives (table *One choice changed at
  a time*).
* **LSTM.** The paper prints 1 input, 16 hidden units, sequences of 200 steps and the three kinds of
  data. Missing are the data's ranges, all of the training and what is averaged. The
  $\mathcal{M}$'s move with every choice, $R$ with most of them little. Where the target is *same*,
  the network returns the value that it has just read, which needs no memory.
* **DDPM.** The paper prints the data sets and the equations. Missing are T, beta and its direction,
  sigma, the pixels' range and the network. $\mathcal{M}_\text{diff}$ depends on the schedule and
  the image size alone and fixes it; beta's direction stays open, and decides what the ratio does
  over time."""
QUANTITY = {
    "m_react": r"$\mathcal{M}_\text{react}$",
    "m_diff": r"$\mathcal{M}_\text{diff}$",
    "r": "$R$",
}


def render(results: Results, figures: str) -> str:
    """The report as Markdown; ``figures`` is the folder its images lie in, as it links to them."""
    parts = [
        _head(results),
        _table1_section(results),
        _findings_section(results),
        _figures_section(results, "Figures 2 and 3", FIGURES_2_AND_3),
        claims_section(results),
        printed_section(results),
        tables_section(
            results,
            "Reconstruction: what the paper leaves out",
            ("rd", "lstm", "ddpm"),
            RECONSTRUCTION,
        ),
        budget_section(results),
        _figures_section(
            results, "Patterns, curves and samples", ("rd", "lstm", "ddpm"), FIGURES_2_AND_3
        ),
        tables_section(
            results,
            "What the metric can and can't tell",
            ("metric.",),
            "Constructive counterexamples, each a small run or a proof, and what R depends on.",
        ),
        _figures_section(results, "", ("metric",)),
        consistency_section(results),
        errata_section(results),
        equations_section(results),
        sentences_section(results),
        environments_section(results),
        provenance_section(results),
    ]
    text = "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
    text = text.replace("CONTENTS", _contents(text), 1)
    return text.replace("FIGURES/", f"{figures}/")


def verdict_block(results: Results) -> str:
    """What README.md carries between its markers."""
    rows = [
        {"": "Table 1, corrected reading", "verdicts": counts(corrected(results))},
        {
            "": "Claims in prose, as corrected where there is an erratum",
            "verdicts": counts(results["claims"]),
        },
    ]
    return (
        markdown_table(rows)
        + "\n\n*Not discriminating*: a negative control, such as an untrained network, satisfies "
        "it too, so that it says nothing about the model."
    )


def _head(results: Results) -> str:
    meanings = "\n".join(f"* **{kind}**: {kind.meaning}." for kind in Verdict)
    systems = ", ".join(results["provenance"]["systems"])
    return f"""# Verification report

*A Comparative Study of Diffusion Models and Long Short-Term Memory Networks through the
Reaction-Diffusion Equation* (Lo, Nishimura, Ikeda): every equation as executable specification,
every printed number measured, every claim held against evidence and a negative control.
Studies run: {systems}. This page is generated from `results.json`; no measured
number in it is typed.

The paper's argument: Gray-Scott, an LSTM's cell state and a DDPM's reverse process each change by
a term that builds structure (*reaction*) and one that spreads or forgets it (*diffusion*); the
ratio of their norms, given as about 1 for the first two and 0.07 for the DDPM (Table 1, and over
time in its Figs. 2 and 3), is said to tell how, and how stably, a system forms patterns.

{QUANTITY["m_react"]} and {QUANTITY["m_diff"]} are the means over time of the norms of a
model's reaction and diffusion term, $R$ is their ratio, $R_t$ the ratio at one step; the *final
ratio* is $R_t$ at the last step of generation.

{verdict_block(results)}
{_interim(results)}
CONTENTS

<details><summary>What the verdicts mean</summary>

{meanings}

*Not discriminating* marks what holds for its negative control as well, a claim or a number of
Table 1: it is true, and says nothing about the model.

Words used throughout. *Drift reading*: Eq. (14) as the norm of one reverse step's drift, in place
of the network's output. *As printed, as corrected*: before and after the errata. *Margin*: by how
much the measured interval could move before the outcome changes. *n*: runs, seeds or samples behind
a number. *Recorded*: taken from a long run that the package ships. *Kind skilled*: LSTMs trained
longer, to see what they can learn; *kind best*: those of the row's chosen setting. *Wrong forms
rejected*: deliberate mistakes in an equation that its tests notice.
</details>"""


def _interim(results: Results) -> str:
    """A warning where a shipped network is not trained as far as planned; else nothing."""
    short = [net for net in results["networks"] if net["steps"] < net["steps_planned"]]
    if not short or "ddpm" not in results["provenance"]["systems"]:
        return ""
    listed = "; ".join(
        f"{net['dataset']} {net['steps']} of {net['steps_planned']} steps" for net in short
    )
    return (
        "\n> **The DDPM rows are interim.** Their networks are not trained as far as planned "
        f"({listed}), and not all of their samples are images yet. Verdicts on DDPM rows and "
        "claims, refutations among them, judge the paper only as far as these networks allow.\n"
    )


def _contents(text: str) -> str:
    """Links to the sections that ``text`` has, by their headings."""
    titles = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    anchors = ("".join(c for c in title.lower() if c.isalnum() or c in " -") for title in titles)
    links = (
        f"[{title}](#{anchor.replace(' ', '-')})"
        for title, anchor in zip(titles, anchors, strict=True)
    )
    return "On this page: " + " · ".join(links)


def _table1_section(results: Results) -> str:
    rows = [
        {
            "Row": f"{cell['system']}, {cell['setting']}",
            "Number": QUANTITY[cell["quantity"]],
            "Printed": cell["printed"],
            "Measured": _mean(cell),
            "95 % of one run": interval(cell["predicted_low"], cell["predicted_high"]),
            "Would catch": cell["resolution"],
            "n": cell["n"],
            "Fitted?": _fitted(cell),
            "Control": cell["control_value"],
            "Verdict": verdict_text(cell),
        }
        for cell in corrected(results)
    ]
    return f"""## Table 1, side by side

*Measured* is the mean of *n* runs with its 95 % interval. *Fitted* numbers chose the setting and
can only be REACHED; *predicted* ones follow from it. Print is judged against the interval of one
run, widened by the tolerances below; *would catch* is the smallest deviation from print that this
check would have caught. A fitted number is REACHED where one run may give it, even if the mean over
runs does not, and *coarse* where the check would miss a tenth of it; a predicted one is not
CONFIRMED by such a check. An RD or LSTM $R$ is the quotient of two fitted numbers and yet
predicted, since they fit within per cents and its distance from 1 is finer than that; MNIST's $R$
is as sharp as its fitted $\\mathcal{{M}}_\\text{{react}}$, and counts as fitted. *Control* is the
same number without the model: Gray-Scott with a pattern that dies out, the LSTMs before training,
the DDPM's schedule in closed form without any network. Where it lies within the same tolerance of
print the number is *not discriminating*: it says nothing about the model.

{markdown_table(rows)}

<details><summary>Why each verdict</summary>

{markdown_table({"Cell": cell_name(cell), "Reason": cell["reason"]} for cell in corrected(results))}

</details>"""


def _mean(cell: Mapping[str, Any]) -> str:
    if cell["low"] is None:
        return number(cell["measured"])
    return f"{number(cell['measured'])} {interval(cell['low'], cell['high'])}"


def _fitted(cell: Mapping[str, Any]) -> str:
    if cell["measured"] is None:
        return "–"
    return "fitted" if cell["fitted"] else "predicted"


def _findings_section(results: Results) -> str:
    sentences = findings(results)
    if not sentences:
        return ""
    return "## What matters most\n\n" + "\n".join(
        f"{place}. {sentence}" for place, sentence in enumerate(sentences, 1)
    )


def _figure_block(figure: Mapping[str, str]) -> str:
    return f"![{figure['alt']}](FIGURES/{figure['file']})\n\n*{figure['caption']}*"


def _figures_section(
    results: Results, title: str, prefixes: tuple[str, ...], shown: tuple[str, ...] = ()
) -> str:
    """Figures whose names begin with one of ``prefixes`` and were not ``shown`` before."""
    chosen = [
        figure
        for prefix in prefixes  # in the order asked for
        for name, figure in results["figures"].items()
        if name.startswith(prefix) and name not in shown
    ]
    if not chosen:
        return ""
    heading = [f"## {title}"] if title else []
    return "\n\n".join([*heading, *(_figure_block(figure) for figure in chosen)])


def summary(results: Results, drifted: Sequence[str]) -> str:
    """What the terminal shows at the end of a run."""
    ran = [cell for cell in corrected(results) if cell["verdict"] != Verdict.NOT_RUN]
    table = [
        {
            "cell": cell_name(cell),
            "printed": cell["printed"],
            "measured": number(cell["measured"]),
            "95 % of one run": interval(cell["predicted_low"], cell["predicted_high"]),
            "": "fitted" if cell["fitted"] else "predicted",
            "verdict": cell["verdict"],
        }
        for cell in ran
    ]
    lines = [tabulate(table, headers="keys", disable_numparse=True)]
    judged = [claim for claim in results["claims"] if claim["verdict"] != Verdict.NOT_RUN]
    lines.append(f"Table 1: {counts(ran)}")
    lines.append(f"Claims:  {counts(judged)}")
    if drifted:
        lines += ["DRIFT from the record:", *(f"  {line}" for line in drifted)]
    else:
        lines.append("Every number and verdict agrees with the record within its budget.")
    return "\n".join(lines)
