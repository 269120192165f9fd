"""Judging a made-up paper by a made-up study: every kind of entry, written and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdverify.judge.equations import equation_records
from rdverify.judge.paper import Claim, Condition, Holds, Paper, PrintedRow, Sentence, Within
from rdverify.judge.records import MutationFile, Provenance, Results
from rdverify.judge.results import gather, load_results, verdict_digest
from rdverify.judge.verdict import Verdict
from rdverify.study import Cell, Context, Control, Curve, Facts, Figure, Row, Study, Table
from rdverify.tools.errors import InputError
from rdverify.tools.records import as_written, write_record

TOY = Row("toy", "Toy", "Plain", "#000000")
NUMPY = {"n": np.int64(3), "x": np.float64(0.5), "ok": np.True_}
RUN = Provenance("test", "quick", ["toy"], "now", "0", "none", "0", "3", "here", {"numpy": "2"})
PAPER = Paper(
    rows=[PrintedRow("Toy", "Plain", "1.00", "2.00", "0.50")],
    claims=[
        Claim("T-1", "5.01", "It halves.", [], test=[Condition("toy.ratio", Within(0.4, 0.6))]),
        Claim("T-2", "5.01", "It holds.", [], test=[Condition("toy.holds", Holds(), "toy.other")]),
    ],
    sentences=[Sentence("5.01", "5", "It halves and holds.", "assertion", ["T-1", "T-2"])],
)


def toy(name: str = "toy") -> Study[None]:
    """A study of one row that measures three facts at once."""
    fact = Facts[None]()

    @fact("toy.ratio", "ratio")
    def ratio(runs: None) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([0.499, 0.500, 0.501])

    @fact("toy.holds", "whether it holds")
    def holds(runs: None) -> bool:
        return True

    @fact("toy.other", "whether something else holds")
    def other(runs: None) -> bool:
        return False

    return Study(
        name,
        "Toy",
        lambda context: None,
        fact,
        rows=[TOY],
        cells=lambda runs: [
            Cell(TOY, "r", np.array([0.499, 0.500, 0.501]), False, control=Control("none", 9.0))
        ],
        tables=lambda runs: {"toy": Table("Numbers.", [NUMPY])},
        figures=lambda runs, folder: {"toy": Figure("toy.png", "A line.", "A line.")},
        curves=lambda runs: [Curve(TOY, [0.0, 1.0], [1.0, 0.5])],
        config=lambda runs: {"steps": np.int64(3), "sizes": np.array([1, 2])},
    )


def judged(folder: Path) -> Results:
    study = toy()
    context = Context("quick", folder, folder, folder, printed=PAPER.printed())
    return gather(PAPER, {"toy": (study, study.measure(context))}, None, RUN)


def test_a_made_up_paper_is_judged_by_a_made_up_study(tmp_path: Path) -> None:
    results = judged(tmp_path)
    assert [cell.verdict for cell in results.table1] == [
        Verdict.NOT_RUN,
        Verdict.NOT_RUN,
        Verdict.CONFIRMED,
    ]
    assert results.table1[2].discriminating is True
    assert [claim.verdict for claim in results.claims] == [Verdict.CONFIRMED] * 2
    assert [claim.discriminating for claim in results.claims] == [None, True]
    (sentence,) = results.sentences
    assert (sentence.verdict, sentence.readings) == (Verdict.CONFIRMED, ["T-1", "T-2"])
    assert results.facts["toy.ratio"].runs == (0.499, 0.5, 0.501)
    assert results.table1[2].runs == [0.499, 0.5, 0.501]
    assert list(results.facts) == ["toy.ratio", "toy.holds", "toy.other"]
    assert [figure.file for figure in results.all_figures()] == ["toy.png"]
    assert results.equations == []


def test_numpy_values_of_tables_and_settings_are_written_as_plain_ones(tmp_path: Path) -> None:
    (study,) = as_written(judged(tmp_path)).studies
    assert study.tables["toy"].rows == [{"n": 3, "x": 0.5, "ok": True}]
    assert study.config == {"steps": 3, "sizes": [1, 2]}


def test_a_fact_that_two_studies_give_is_refused(tmp_path: Path) -> None:
    studies = {
        name: (study, study.measure(Context("quick", tmp_path, None, tmp_path)))
        for name, study in (("toy", toy()), ("twin", toy("twin")))
    }
    with pytest.raises(InputError, match=r"facts of twin = .*toy\.ratio"):
        gather(PAPER, studies, None, RUN)


def test_an_equation_without_a_mutation_score_is_refused() -> None:
    with pytest.raises(InputError, match=r"equations without mutation scores = \[1, 2"):
        equation_records(PAPER, None, MutationFile([]))


def test_results_that_are_written_and_read_are_the_same(tmp_path: Path) -> None:
    results = judged(tmp_path)
    loaded = load_results(write_record(tmp_path / "b.json", results))
    assert loaded == as_written(results)
    assert load_results(write_record(tmp_path / "b.json", loaded)) == loaded
    assert verdict_digest(loaded) == verdict_digest(results)
