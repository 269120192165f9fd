"""Map of verdicts: every sentence of the paper as one square, by section and standing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from rdverify.judge.judged import JudgedSentence
from rdverify.judge.records import Results
from rdverify.judge.verdict import Judged, Verdict, not_discriminating
from rdverify.report.colours import VERDICT_COLOURS, VERDICT_LETTERS
from rdverify.report.markdown import counts
from rdverify.study import Figure
from rdverify.tools.plotting import STYLE, canvas, save

FILE = "verdicts.png"
SIDE = 0.8  # of a square, whose place is 1 wide
INCHES = 0.27  # of a place
WORDS = {"caveat": "reservation"}  # as the report calls it
NAMES = -6.7  # where the sections' names begin, left of the standings
Lines = Mapping[tuple[str, str], Sequence[JudgedSentence]]


def draw_verdicts(results: Results, folder: Path) -> Figure | None:
    """Draw every sentence; None if none has a verdict."""
    counted = cast(list[Judged], results.counted())  # with a verdict, all of them
    if not counted:
        return None
    lines = by_section(results.sentences)
    width = max(len(sentences) for sentences in lines.values())
    with mpl.rc_context(STYLE):
        figure = canvas(INCHES * width + 2.3, INCHES * len(lines) + 1.3)
        axes = figure.subplots()
        for place, sentences in enumerate(lines.values()):
            for k, sentence in enumerate(sentences):
                _square(axes, k, place, sentence)
        axes.set_yticks(range(len(lines)), [WORDS.get(standing, standing) for _, standing in lines])
        _name_sections(axes, lines)
        axes.set(xlim=(-0.6, width - 0.4), ylim=(len(lines) - 0.4, -0.6), aspect="equal")
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        figure.legend(handles=_legend(counted), loc="outside lower center", ncols=3)
        save(figure, folder, FILE)
    fragile = sum(bool(sentence.fragile) for sentence in results.counted())
    return Figure(
        FILE,
        f"Every sentence of the paper, in its order: {len(counted)} with a verdict of their own; "
        "the gray dots are judged under another sentence, or nothing in them can be tested. "
        "Hollow: the sentence holds, but its control, without the model, satisfies it as well. "
        "Dot: fragile, judged otherwise at a threshold that others might have chosen. What the "
        "paper asserts of its own results stands beside what it cites as background.",
        f"A grid of squares, a line for each section and standing: {counts(counted)}; {fragile} "
        "of them fragile.",
    )


def by_section(sentences: Iterable[JudgedSentence]) -> dict[tuple[str, str], list[JudgedSentence]]:
    """Sentences by section, in the paper's order, and by standing, assertions first."""
    order = ("assertion", "hypothesis", "background", "caveat")
    sections: dict[str, list[JudgedSentence]] = {}
    for sentence in sentences:
        sections.setdefault(sentence.section, []).append(sentence)
    return {
        (section, standing): own
        for section, inside in sections.items()
        for standing in order
        if (own := [sentence for sentence in inside if sentence.standing == standing])
    }


def _name_sections(axes: Any, lines: Lines) -> None:
    """Each section's name where it begins, and a line above it."""
    sections = [section for section, _ in lines]
    for section in dict.fromkeys(sections):
        place = sections.index(section)
        axes.text(NAMES, place, section, va="center", fontweight="bold")
        if place:
            axes.axhline(place - 0.5, color="0.85", linewidth=0.8)


def _square(axes: Any, x: float, y: float, sentence: JudgedSentence) -> None:
    verdict = sentence.verdict
    if verdict is None:
        axes.plot([x], [y], "s", markersize=3, color="0.75")
        return
    colour, hollow = VERDICT_COLOURS[verdict], is_hollow(sentence)
    corner = (x - SIDE / 2, y - SIDE / 2)
    face = "white" if hollow else colour
    axes.add_patch(Rectangle(corner, SIDE, SIDE, facecolor=face, edgecolor=colour, linewidth=1.6))
    axes.text(
        x,
        y,
        VERDICT_LETTERS[verdict],
        color=colour if hollow else "white",
        ha="center",
        va="center_baseline",
        fontsize=10.5,
        fontweight="bold",
    )
    if sentence.fragile:
        axes.plot([x + SIDE / 2], [y - SIDE / 2], "o", **DOT)


DOT: dict[str, Any] = {
    "markersize": 5.5,
    "markerfacecolor": "black",
    "markeredgecolor": "white",
    "markeredgewidth": 0.8,
}


def is_hollow(sentence: JudgedSentence) -> bool:
    """Whether its control satisfies it too."""
    return sentence.verdict is not None and not_discriminating(cast(Judged, sentence))


def _legend(counted: Sequence[Judged]) -> list[Line2D]:
    """What letters and marks mean, of those that occur."""
    found = Counter(sentence.verdict for sentence in counted)
    square: dict[str, Any] = {"linestyle": "none", "markersize": 11, "marker": "s"}
    return [
        *(
            Line2D(
                [],
                [],
                color=VERDICT_COLOURS[kind],
                label=f"{VERDICT_LETTERS[kind]}  {kind} ({found[kind]})",
                **square,
            )
            for kind in Verdict
            if kind in found
        ),
        Line2D([], [], color="0.25", markerfacecolor="none", label="control passes too", **square),
        Line2D([], [], linestyle="none", marker="o", label="fragile", **DOT),
        Line2D([], [], color="0.75", label="no verdict of its own", **{**square, "markersize": 4}),
    ]
