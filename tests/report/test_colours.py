"""Colours of verdicts: readable on white, and never the only sign."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgb

from rdverify.judge.verdict import Verdict
from rdverify.report.colours import VERDICT_COLOURS, VERDICT_COLOURS_DARK, VERDICT_LETTERS


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio, WCAG 2.2, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_s_colour_is_readable_on_white(verdict: Verdict) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast(VERDICT_COLOURS[verdict], "#ffffff") >= 4.5


def test_verdicts_of_one_colour_say_nothing_of_the_paper() -> None:
    grey = {kind for kind in Verdict if VERDICT_COLOURS[kind] == "#555555"}
    assert grey == {Verdict.UNTESTABLE, Verdict.NOT_RUN, Verdict.ERROR}
    assert len({VERDICT_COLOURS[kind] for kind in Verdict}) == len(Verdict) - len(grey) + 1


def test_every_verdict_has_a_letter_of_its_own() -> None:
    assert len(set(VERDICT_LETTERS.values())) == len(VERDICT_LETTERS) == len(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("page", ["#121417", "#1a1d22", "#23272e"])
def test_a_verdict_s_colour_on_a_dark_page_is_readable_as_well(verdict: Verdict, page: str) -> None:
    assert contrast(VERDICT_COLOURS_DARK[verdict], page) >= 4.5
    alike = [kind for kind in Verdict if VERDICT_COLOURS[kind] == VERDICT_COLOURS[verdict]]
    assert {VERDICT_COLOURS_DARK[kind] for kind in alike} == {VERDICT_COLOURS_DARK[verdict]}
