"""Drawing conventions shared by all figures; no arithmetic on results here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from rdverify.tools.files import write_atomically

STYLE: Any = {  # matplotlib's own stubs list every key as a literal
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "font.size": 12,
    "axes.titlesize": 12,
    "legend.fontsize": 10.5,  # still legible at half size
    "legend.labelspacing": 0.3,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def canvas(width: float = 7.5, height: float = 4.5) -> Canvas:
    """An empty figure in the project's style, sizes in inches."""
    with mpl.rc_context(STYLE):
        return Canvas(figsize=(width, height), layout="constrained")


def plain_axes(width: float = 6.4, height: float = 4.0) -> tuple[Canvas, Any]:
    """A figure of one panel in the project's style, and its axes."""
    figure = canvas(width, height)
    with mpl.rc_context(STYLE):
        return figure, figure.subplots()


def save(figure: Canvas, folder: Path, name: str) -> None:
    """Write a PNG without date or version in it: equal figures give equal bytes."""
    with mpl.rc_context(STYLE):
        write_atomically(
            folder / name,
            lambda stream: figure.savefig(stream, format="png", metadata={"Software": None}),
        )
