"""Colour and letter of each verdict, the same on every page and in every figure."""

from __future__ import annotations

from collections.abc import Mapping

from rdverify.judge.verdict import Verdict

# each readable as text on white and white upon it (WCAG AA: 4.5 to 1); never the only sign,
# since no seven dark colours can be told apart by everyone
VERDICT_COLOURS: Mapping[Verdict, str] = {
    Verdict.CONFIRMED: "#00695c",
    Verdict.COMPATIBLE: "#1565c0",
    Verdict.REACHED: "#6a4c93",
    Verdict.REFUTED: "#b71c1c",
    Verdict.UNDECIDED: "#8a5a00",
    Verdict.UNTESTABLE: "#555555",
    Verdict.NOT_RUN: "#555555",
    Verdict.ERROR: "#555555",
}
# for grey print; verdicts that lean the same way share a letter, F is what was fitted to print
VERDICT_LETTERS: Mapping[Verdict, str] = {
    Verdict.CONFIRMED: "C",
    Verdict.COMPATIBLE: "c",
    Verdict.REACHED: "F",
    Verdict.REFUTED: "R",
    Verdict.UNDECIDED: "?",
    Verdict.UNTESTABLE: "–",
    Verdict.NOT_RUN: "n",
    Verdict.ERROR: "E",
}
# the same on a dark page: readable as text on it, and dark ink on them
VERDICT_COLOURS_DARK: Mapping[Verdict, str] = {
    Verdict.CONFIRMED: "#5cc9b8",
    Verdict.COMPATIBLE: "#7db8f2",
    Verdict.REACHED: "#c7abe6",
    Verdict.REFUTED: "#ff9088",
    Verdict.UNDECIDED: "#efb75f",
    Verdict.UNTESTABLE: "#b4b4b4",
    Verdict.NOT_RUN: "#b4b4b4",
    Verdict.ERROR: "#b4b4b4",
}
