"""The study of Table 1's DDPM rows, the DDPM lines of Figs. 2 and 3, and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rdverify.ddpm.study import (
    ascent,
    closed_form,
    exact,
    facts,
    field,
    open_facts,
    record_facts,
    variance,
)
from rdverify.ddpm.study.cells import cells
from rdverify.ddpm.study.figures import curves, figures
from rdverify.ddpm.study.rows import ROWS
from rdverify.ddpm.study.runs import THREADS, Runs, fact, run
from rdverify.ddpm.study.tables import tables
from rdverify.study import Context, Study

# imported for what they declare
FACTS_FROM = (facts, closed_form, exact, field, ascent, variance, record_facts, open_facts)


def check(context: Context) -> None:
    """Refuse, before anything runs, what would stop the study later: data that are missing."""
    if context.profile == "full":
        from rdverify.ddpm.study.full import find_data

        find_data(context)


def config(runs: Runs) -> dict[str, Any]:
    """The settings of the run, for the record."""
    return {
        "schedule": runs.untrained.schedule.name,
        "variance": "beta",
        "clip": False,
        "last_noise": False,
        "images": {name: sampled.trace.runs for name, sampled in runs.rows.items()},
        "seeds": {name: sampled.trace.config["seed"] for name, sampled in runs.rows.items()},
        "mean_square": {name: sampled.mean_square for name, sampled in runs.rows.items()},
        "data": {name: sampled.card["data"] for name, sampled in runs.rows.items()},
        "training_steps": {
            name: sampled.card["training"]["steps"] for name, sampled in runs.rows.items()
        },
        "torch": str(torch.__version__),
    }


def caveats(runs: Runs) -> list[str]:
    """Warnings where a network has not seen all of its data, or is not trained as planned."""
    return [*_partly_seen(runs), *_interim(runs)]


def _partly_seen(runs: Runs) -> list[str]:
    seen = {name: sampled.card["data"] for name, sampled in runs.rows.items()}
    return [
        f"**{name}'s network was trained on the {data} alone**, and its samples show no objects. "
        "Claims on what its images show wait for one whose do."
        for name, data in seen.items()
        if data.startswith("first ")
    ]


def _interim(runs: Runs) -> list[str]:
    told = {name: sampled.card["training"] for name, sampled in runs.rows.items()}
    short = [
        f"{name} {training['steps']} of {training['steps_planned']} steps"
        for name, training in told.items()
        if training["steps"] < training.get("steps_planned", training["steps"])
    ]
    if not short:
        return []
    return [
        "**The DDPM rows are interim.** Their networks are not trained as far as planned "
        f"({'; '.join(short)}), and not all of their samples are images yet. Verdicts on DDPM rows "
        "and claims, refutations among them, judge the paper only as far as these networks allow."
    ]


STUDY = Study(
    name="ddpm",
    title="DDPM",
    run=run,
    facts=fact,
    about=Path(__file__).with_name("about.md").read_text(encoding="utf-8"),
    rows=tuple(ROWS.values()),
    cells=cells,
    tables=tables,
    figures=figures,
    curves=curves,
    config=config,
    caveats=caveats,
    check=check,
    threads=THREADS,
)
