"""The map of verdicts: one square for each sentence, with colour, letter and flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict
from rdverify.report import verdict_map
from rdverify.report.colours import VERDICT_COLOURS, VERDICT_LETTERS
from rdverify.report.verdict_map import by_section, draw_verdicts, is_hollow


@pytest.fixture
def axes(monkeypatch: pytest.MonkeyPatch, recorded: Results) -> Any:
    kept: list[mpl.figure.Figure] = []
    monkeypatch.setattr(verdict_map, "save", lambda figure, *_: kept.append(figure))
    draw_verdicts(recorded, Path())
    return kept[0].axes[0]


def test_every_sentence_has_one_place_in_the_paper_s_order(recorded: Results) -> None:
    lines = by_section(recorded.sentences)
    placed = [sentence.id for line in lines.values() for sentence in line]
    assert sorted(placed) == sorted(sentence.id for sentence in recorded.sentences)
    sections = [section for section, _ in lines]
    assert list(dict.fromkeys(sections)) == list(
        dict.fromkeys(sentence.section for sentence in recorded.sentences)
    )
    for (section, standing), line in lines.items():
        assert {(s.section, s.standing) for s in line} == {(section, standing)}
        assert [s.id for s in line] == sorted(s.id for s in line)


def test_a_square_has_its_verdict_s_colour_and_letter(recorded: Results, axes: Any) -> None:
    squares = {
        (round(box.get_x() + box.get_width() / 2), round(box.get_y() + box.get_height() / 2)): box
        for box in axes.patches
    }
    letters = {text.get_position(): text.get_text() for text in axes.texts}
    dots = {
        (round(line.get_xdata()[0] - 0.4), round(line.get_ydata()[0] + 0.4))
        for line in axes.lines
        if line.get_marker() == "o"
    }
    counted = fragile = 0
    for y, line in enumerate(by_section(recorded.sentences).values()):
        for x, sentence in enumerate(line):
            assert ((x, y) in squares) == (sentence.verdict is not None)
            if sentence.verdict is None:
                continue
            counted += 1
            fragile += (x, y) in dots
            square = squares[x, y]
            assert to_hex(square.get_edgecolor()) == VERDICT_COLOURS[sentence.verdict]
            assert (to_hex(square.get_facecolor()) == "#ffffff") == is_hollow(sentence)
            assert letters[x, y] == VERDICT_LETTERS[sentence.verdict]
            assert ((x, y) in dots) == bool(sentence.fragile)
    assert counted == len(recorded.counted()) > 50
    assert 0 < fragile < counted


def test_only_what_holds_can_be_hollow(recorded: Results) -> None:
    first = recorded.counted()[0]
    for verdict in Verdict:
        held = verdict in (Verdict.CONFIRMED, Verdict.COMPATIBLE, Verdict.REACHED)
        assert is_hollow(replace(first, verdict=verdict, discriminating=False)) == held
        assert not is_hollow(replace(first, verdict=verdict, discriminating=True))


def test_without_verdicts_nothing_is_drawn(recorded: Results, tmp_path: Path) -> None:
    bare = [replace(sentence, verdict=None) for sentence in recorded.sentences]
    assert draw_verdicts(replace(recorded, sentences=bare), tmp_path) is None
    assert not list(tmp_path.iterdir())
