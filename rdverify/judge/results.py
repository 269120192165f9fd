"""The whole of results.json: made by judging, read with every field checked."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rdverify.judge.cells import judge_table1
from rdverify.judge.claims import judge_claim
from rdverify.judge.consistency import self_consistency
from rdverify.judge.equations import equation_records
from rdverify.judge.error_rates import error_rates
from rdverify.judge.family import family_of
from rdverify.judge.paper import Paper
from rdverify.judge.records import (
    SCHEMA,
    CurveRecord,
    MutationFile,
    Provenance,
    Results,
    StudyRecord,
    Trials,
)
from rdverify.judge.sentences import judge_sentences
from rdverify.study import Curve, Measured, Study, StudyResult
from rdverify.tools.errors import require
from rdverify.tools.records import read_record, schema_of

Studies = Mapping[str, tuple[Study[Any], StudyResult]]


def load_results(path: Path | str) -> Results:
    """Read a results file.

    Raises:
        InputError: if it is missing, damaged, of another schema, or judges a number or a claim
            twice.
    """
    results = read_record(path, Results, "results")
    judged = [*(cell.name for cell in results.table1), *(claim.id for claim in results.claims)]
    twice = [name for name, times in Counter(judged).items() if times > 1]
    once = f"a file that judges each number and claim once, not {', '.join(twice[:3])} twice"
    require(not twice, "results", str(path), once)
    return results


def results_schema() -> dict[str, Any]:
    """The JSON Schema of results.json, from the types that it is read into."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "rdverify results",
        "description": "What one verification measured and how it judged Table 1 and the claims.",
        **schema_of(Results),
    }


def gather(
    paper: Paper,
    studies: Studies,
    recorded: Results | None,
    provenance: Provenance,
    mutation: MutationFile | None = None,
    trials: Sequence[Trials] = (),
) -> Results:
    """Judge cells and claims, and put everything into one record, but what is drawn from it.

    Args:
        paper: what the measurements are held against.
        studies: system -> its study and what it gave.
        recorded: the recorded results, for what a wheel can't know (test names).
        provenance: where this run comes from.
        mutation: which wrong forms of the equations the checks reject; None leaves the
            equations out.
        trials: what was tried on the suite itself.

    Raises:
        InputError: if two studies give a fact of the same name.
    """
    facts: dict[str, Measured] = {}
    for name, (_, result) in studies.items():
        twice = sorted(facts.keys() & result.facts.keys())
        require(not twice, f"facts of {name}", twice, "named otherwise: other studies have them")
        facts |= result.facts
    cells = [cell for _, result in studies.values() for cell in result.cells]
    sentences = {sentence.id: sentence for sentence in paper.sentences}
    claims = [judge_claim(claim, facts, sentences[claim.sentence]) for claim in paper.claims]
    table1 = judge_table1(paper, cells)
    return Results(
        schema=SCHEMA,
        provenance=provenance,
        table1=table1,
        claims=claims,
        consistency=self_consistency(paper.rows),
        facts=facts,
        studies=[_study_record(study, result) for study, result in studies.values()],
        figures={},
        equations=equation_records(paper, recorded, mutation) if mutation else [],
        errata=paper.errata,
        sentences=judge_sentences(paper.sentences, claims),
        family=family_of(claims),
        error_rates=error_rates(table1),
        trials=list(trials),
    )


def _study_record(study: Study[Any], result: StudyResult) -> StudyRecord:
    return StudyRecord(
        name=study.name,
        title=study.title,
        about=study.about.strip(),
        rows=[row.setting for row in study.rows],
        caveats=list(result.caveats),
        tables=dict(result.tables),
        figures=dict(result.figures),
        curves=[_curve_record(curve) for curve in result.curves],
        config=dict(result.config),
    )


def _curve_record(curve: Curve) -> CurveRecord:
    return CurveRecord(
        curve.row.system,
        curve.row.setting,
        x=list(curve.x),
        y=list(curve.y),
        low=list(curve.low),
        high=list(curve.high),
        what=curve.what,
        runs=curve.runs,
        colour=curve.row.colour,
        dashes=list(curve.row.dashes),
    )


def verdict_digest(results: Results) -> str:
    """Twelve letters that stand for all verdicts; each change of one is a CHANGELOG entry."""
    verdicts: dict[str, list[Any]] = {
        cell.name: [cell.verdict, cell.fitted, cell.discriminating] for cell in results.table1
    }
    verdicts |= {
        claim.id: [claim.verdict, claim.verdict_as_printed, claim.discriminating]
        for claim in results.claims
    }
    verdicts |= {line.id: [line.verdict, line.verdict_as_printed] for line in results.sentences}
    return hashlib.sha256(json.dumps(verdicts, sort_keys=True).encode()).hexdigest()[:12]
