"""Run the studies, judge them, and gather everything into results.json."""

from __future__ import annotations

import hashlib
import importlib
import json
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import rdverify
import spec
from rdverify.judge.consistency import self_consistency
from rdverify.judge.equations import equation_records
from rdverify.judge.ledger import judge_cell, judge_claim
from rdverify.judge.results import CELL_KEY, SCHEMA
from rdverify.study import Context, Figure, MeasuredCell, StudyResult
from rdverify.tools.errors import require
from rdverify.tools.paths import golden_folder, repository
from rdverify.tools.plotting import fig2

STUDIES = {
    "gray-scott": "rdverify.gray_scott.study",
    "lstm": "rdverify.lstm.study",
    "ddpm": "rdverify.ddpm.study",
    "metric": "rdverify.metric.study",
}
QUANTITIES = ("m_react", "m_diff", "r")
PACKAGES = ("numpy", "scipy", "numba", "torch", "torchvision", "diffusers", "matplotlib", "pandas")


def chosen_systems(only: str | None) -> list[str]:
    """Systems named in a comma-separated list, or all that have a study; InputError if unknown."""
    if only is None:
        return list(STUDIES)
    names = [name.strip() for name in only.split(",") if name.strip()]
    require(bool(names), "only", only, f"a comma-separated list of {', '.join(STUDIES)}")
    for name in names:
        require(name in STUDIES, "only", name, f"among {', '.join(STUDIES)}")
    return [name for name in STUDIES if name in names]


def measure(systems: Sequence[str], context: Context) -> dict[str, StudyResult]:
    """Run the studies of ``systems`` one after the other; then what is drawn from all of them.

    Every study's ``check`` comes before the first one starts: InputError if one can't run.
    """
    modules = {name: importlib.import_module(STUDIES[name]) for name in systems}
    for module in modules.values():
        if hasattr(module, "check"):
            module.check(context)
    studies = {name: module.study(context) for name, module in modules.items()}
    return {**studies, "together": together(studies, context)}


def together(studies: Mapping[str, StudyResult], context: Context) -> StudyResult:
    """Figures across systems: Fig. 2 of the paper."""
    lines = {
        name: curve
        for study in studies.values()
        for name, curve in study.series.items()
        if name.startswith("fig2/")
    }
    if not lines:
        return StudyResult()
    if context.figures is not None:
        fig2(lines, context.figures, "fig2.png")
    settings = ", ".join(name.removeprefix("fig2/").replace("/", " ") for name in lines)
    return StudyResult(
        figures={
            "fig2": Figure(
                "fig2.png",
                "Fig. 2 as measured: the dynamic balance ratio over normalised time in the order "
                "of generation, for RD and DDPM the ratio of the runs' mean norms at each step, "
                "for the LSTM one sequence. The thin line is R = 1, the axis ends at 2. The three "
                "DDPM lines nearly coincide. The paper's claims about each line are judged below.",
                f"Lines of R_t over normalised time from 0 to 1 for {settings}.",
            )
        }
    )


def gather(
    studies: Mapping[str, StudyResult], recorded: Mapping[str, Any] | None, run: Mapping[str, Any]
) -> dict[str, Any]:
    """Judge cells and claims and return the whole of results.json as plain values.

    Args:
        studies: results by system name.
        recorded: the recorded results, for what a wheel can't know (test names).
        run: command, profile and time, for the provenance.

    """
    metrics = {name: metric for study in studies.values() for name, metric in study.metrics.items()}
    cells = [cell for study in studies.values() for cell in study.cells]
    return {
        "schema": SCHEMA,
        "provenance": provenance(run),
        "table1": judge_table1(cells),
        "claims": [judge_claim(claim, metrics) for claim in spec.claims()],
        "consistency": self_consistency(spec.table1()),
        "metrics": {name: asdict(metric) for name, metric in metrics.items()},
        "tables": _merged(studies, "tables"),
        "figures": _merged(studies, "figures"),
        "series": _merged(studies, "series"),
        "config": {name: study.config for name, study in studies.items() if study.config},
        "networks": [
            net for study in studies.values() for net in study.config.get("denoisers", ())
        ],
        "equations": equation_records(recorded, _golden_json("mutation.json")),
        "errata": spec.errata(),
        "sentences": tomllib.loads(spec.text_of("sentences.toml"))["sentence"],
    }


def _golden_json(name: str) -> Any:
    return json.loads((golden_folder() / name).read_text(encoding="utf-8"))


def _merged(studies: Mapping[str, StudyResult], what: str) -> dict[str, Any]:
    """Tables, figures or series of all studies; dataclasses become plain dictionaries."""
    return {
        name: dict(value) if isinstance(value, Mapping) else asdict(value)
        for study in studies.values()
        for name, value in getattr(study, what).items()
    }


def judge_table1(cells: Sequence[MeasuredCell]) -> list[dict[str, Any]]:
    """All 24 cells in the corrected form, then those whose printed form was measured."""
    measured: dict[tuple[str, ...], MeasuredCell] = {
        (c.system, c.setting, c.quantity, c.form): c for c in cells
    }
    records = []
    for form in ("corrected", "printed"):
        for row in spec.table1():
            for quantity in QUANTITIES:
                key = (row["system"], row["setting"], quantity, form)
                if form == "corrected" or key in measured:
                    records.append(
                        judge_cell(
                            row[quantity], measured.get(key), dict(zip(CELL_KEY, key, strict=True))
                        )
                    )
    return records


def provenance(run: Mapping[str, Any]) -> dict[str, Any]:
    """Who, what, with which versions; everything but the time repeats exactly."""
    ledger = "".join(spec.text_of(name) for name in ("claims.toml", "table1.toml"))
    return {
        **run,
        "rdverify": rdverify.__version__,
        "commit": _commit(),
        "ledger_sha256": hashlib.sha256(ledger.encode()).hexdigest(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": {name: version(name) for name in PACKAGES},
    }


def _commit() -> str:
    root = repository()
    if root is None:
        return "installed from a wheel"
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a git checkout"
    return head.stdout.strip()
