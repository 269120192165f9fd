"""REPORT.md and the pages beside it: which templates make up which page, and how pages link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import relpath

FIRST = "REPORT.md"
FOLDER = "report"


@dataclass(frozen=True)
class Page:
    """A page as it lies beside REPORT.md.

    Args:
        file: its path from the folder that REPORT.md lies in.
        title: its heading, and the text of links to it.
        sections: its templates, in order; one that comes out empty is left out, and a page
            without any is not written.
        about: what it answers, in a few words, for the list of pages.
        part: of the paper, where its sentences are judged here; else empty.
    """

    file: str
    title: str
    sections: tuple[str, ...]
    about: str = ""
    part: str = ""

    @property
    def short(self) -> str:
        """The title up to its first comma or colon."""
        return self.title.partition(",")[0].partition(":")[0]

    def to(self, file: str) -> str:
        """The way from this page to another file."""
        return relpath(file, "/".join(self.file.split("/")[:-1]) or ".")


MAIN = Page(
    FIRST,
    "Verification report",
    ("conclusion", "findings", "table1", "map", "redrawn", "claims", "authors", "pages", "again"),
)
BESIDE = (
    Page(
        f"{FOLDER}/table1.md",
        "Table 1 in full",
        ("numbers", "printed", "consistency"),
        "every number with both intervals, its control and the reason of its verdict",
    ),
    Page(
        f"{FOLDER}/tolerances.md",
        "Tolerance budget",
        ("budget", "error_rates"),
        "what each number may deviate by and why, and how often this judging errs",
    ),
    Page(
        f"{FOLDER}/against.md",
        "What could be held against this",
        ("against",),
        "which choices are ours and which verdicts hang on them",
    ),
    Page(
        f"{FOLDER}/reconstruction.md",
        "Reconstruction: what the paper leaves out",
        ("reconstruction",),
        "the settings that had to be found, and how much hangs on each",
    ),
    Page(
        f"{FOLDER}/figures.md",
        "Patterns, curves and samples",
        ("drawn",),
        "what the three systems made",
    ),
    Page(
        f"{FOLDER}/metric.md",
        "What the metric can and can't tell",
        ("others",),
        "counterexamples, and what R depends on",
    ),
    Page(
        f"{FOLDER}/errata.md",
        "Errata, and questions to the authors",
        ("errata",),
        "a page that can be sent to them",
    ),
    Page(
        f"{FOLDER}/equations.md",
        "Equations",
        ("equations",),
        "where each is specified, implemented and tested",
    ),
    Page(
        f"{FOLDER}/environments.md",
        "Environments",
        ("environments",),
        "other versions of Python and the libraries, and a run from scratch",
    ),
    Page(
        f"{FOLDER}/suite.md",
        "The suite under test",
        ("trials",),
        "damaged files, faults and random input, counted",
    ),
)
# the paper's text, each part with its title; the abstract is read with section 1
PARTS_OF_PAPER = {
    "1": "Abstract and section 1",
    "2": "Section 2",
    "3": "Section 3",
    "4": "Section 4",
    "5": "Section 5",
    "6": "Section 6",
}


def part_of(section: str) -> str:
    """The part of the paper that a section belongs to: "4.4" to "4", the abstract to "1"."""
    return section.partition(".")[0] if section[0].isdigit() else "1"


def part_file(part: str) -> str:
    """Where the sentences of a part of the paper are judged."""
    return f"{FOLDER}/section-{part}.md"


def all_pages(parts: Sequence[str]) -> list[Page]:
    """REPORT.md, the pages of these parts of the paper, then the others."""
    told = [
        Page(
            part_file(part),
            f"{title}, sentence by sentence",
            ("part",),
            "every sentence with its verdict, its claims and their evidence",
            part,
        )
        for part, title in PARTS_OF_PAPER.items()
        if part in parts
    ]
    return [MAIN, *told, *BESIDE]
