"""What studies hand on, as those who draw and tabulate it take it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.lines import Line2D

from rdverify import InputError
from rdverify.study import Cell, Context, Control, Curve, Facts, Figure, Row, Study, Table
from rdverify.study.study import StudyResult, glossary, with_vectors
from rdverify.tools.progress import Reporter
from rdverify.tools.provenance import cores

SPOT = Row("spot", "RD", "Spot Regime", "#123456")
CONTEXT = Context("quick", Path("golden"), None, Path("work"))


@pytest.mark.parametrize("dashes", [(), (4.0, 1.5), (1.0, 2.0, 3.0, 2.0)])
def test_a_row_draws_its_line_in_its_colour_and_dashes(dashes: tuple[float, ...]) -> None:
    row = Row("spot", "RD", "Spot Regime", "#123456", dashes)
    line = Line2D([], [], label=row.label, **row.line)
    assert line.get_color() == "#123456"
    assert line.get_label() == "RD: Spot Regime"
    assert line.is_dashed() == bool(dashes)


def test_a_row_s_dashes_are_drawn_as_they_are_given() -> None:
    assert SPOT.line == {"color": "#123456", "linestyle": "-"}
    assert replace(SPOT, dashes=(4.0, 1.5)).line["linestyle"] == (0, (4.0, 1.5))


def test_cells_and_controls_are_known_by_themselves_and_not_by_their_arrays() -> None:
    def both() -> tuple[Cell, Control]:
        return Cell(SPOT, "r", np.ones(2), fitted=False), Control("noise", 1.0)

    (cell, control), (other, again) = both(), both()
    assert cell == cell != other
    assert control == control != again
    assert control.runs.size == 0


def test_a_glossary_has_a_row_for_each_word() -> None:
    assert glossary("toy", {"r": "a ratio", "n": "runs"}) == Table(
        "Words of the toy tables below.",
        [{"name": "r", "meaning": "a ratio"}, {"name": "n", "meaning": "runs"}],
    )


def test_a_figure_names_its_svg_only_where_that_was_drawn(tmp_path: Path) -> None:
    (tmp_path / "a.svg").touch()
    figures = {name: Figure(f"{name}.png", "seen", "read", "Fig. 2") for name in "ab"}
    found = with_vectors(figures, tmp_path)
    assert found == {"a": replace(figures["a"], vector="a.svg"), "b": figures["b"]}


def test_a_context_is_silent_uses_all_cores_and_fetches_nothing_unless_it_is_told_to() -> None:
    assert (CONTEXT.workers, CONTEXT.download, CONTEXT.data_root) == (cores(), False, None)
    assert type(CONTEXT.progress) is Reporter


def test_numbers_of_a_row_that_table_1_lacks_are_refused() -> None:
    numbers: Any = {"m_react": "0.1", "m_diff": "0.2", "r": "0.5"}
    context = replace(CONTEXT, printed={("RD", "Spot Regime"): numbers})
    assert context.numbers(SPOT) == numbers
    with pytest.raises(InputError, match=r"row of Table 1 = \('RD', 'Stripe'\) .*Spot Regime"):
        context.numbers(replace(SPOT, setting="Stripe"))
    with pytest.raises(InputError, match="row of Table 1"):
        CONTEXT.numbers(SPOT)


def made_up(**more: Any) -> Study[int]:
    """A study whose run is a number, and which has one fact, that number."""
    fact = Facts[int]()
    fact("toy.number", "the number")(float)
    return Study("toy", "A toy", lambda context: 7, fact, **more)


def test_a_study_of_a_run_and_facts_alone_hands_on_nothing_else(tmp_path: Path) -> None:
    for context in (CONTEXT, replace(CONTEXT, figures=tmp_path)):
        found = made_up().measure(context)
        assert found == replace(StudyResult(), facts=found.facts)
        assert found.facts["toy.number"].value == 7
    made_up().check(CONTEXT)


def test_each_part_of_a_study_is_made_from_what_it_ran(tmp_path: Path) -> None:
    def figures(runs: int, folder: Path) -> dict[str, Figure]:
        (folder / f"{runs}.svg").touch()
        return {"one": Figure(f"{runs}.png", "", "")}

    study = made_up(
        cells=lambda runs: [runs, "cell"],
        tables=lambda runs: {"table": runs},
        figures=figures,
        curves=lambda runs: [Curve(SPOT, [0.0, 1.0], [runs, runs])],
        config=lambda runs: {"seed": runs},
        caveats=lambda runs: [f"{runs} is small"],
    )
    found = study.measure(replace(CONTEXT, figures=tmp_path))
    assert (found.cells, found.tables) == ([7, "cell"], {"table": 7})
    assert found.figures == {"one": Figure("7.png", "", "", vector="7.svg")}
    assert found.curves == [Curve(SPOT, [0.0, 1.0], [7, 7], (), (), "", "")]
    assert (found.config, found.caveats) == ({"seed": 7}, ["7 is small"])
    assert study.measure(CONTEXT).figures == {}


@pytest.mark.parametrize(("asked", "there"), [(0, 3), (1, 1), (2, 2)])
def test_a_study_that_asks_for_threads_has_just_so_many_of_them(asked: int, there: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen = made_up(threads=asked, caveats=lambda _: [str(torch.get_num_threads())])
    assert seen.measure(CONTEXT).caveats == [str(there)]
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)
