"""Drawing conventions shared by all figures; no arithmetic on results here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from rdverify.tools.files import write_bytes

LARGEST_SVG = 200_000  # bytes; fields of pixels and thousands of points are smaller as PNG

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
    "svg.fonttype": "path",  # letters as outlines: the same wherever the fonts differ
    "svg.hashsalt": "rdverify",  # else the ids in it are random
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
    """Write a PNG, and the same as SVG beside it unless that is larger than a page can bear.

    No date and no version stand in them: equal figures give equal bytes.

    Args:
        figure: what was drawn.
        folder: to write into.
        name: of the PNG, such as ``fig2.png``; of an older SVG beside it nothing is left.
    """
    with mpl.rc_context(STYLE):
        drawing = _shortened(_bytes(figure, "svg", {"Date": None, "Creator": None}))
        write_bytes(folder / name, _bytes(figure, "png", {"Software": None}))
    vector = (folder / name).with_suffix(".svg")
    if len(drawing) <= LARGEST_SVG:
        write_bytes(vector, drawing)
    else:
        vector.unlink(missing_ok=True)


def _shortened(svg: bytes) -> bytes:
    """Paths to a hundredth of a point, which is half of the file and none of the picture."""
    return re.sub(rb' d="[^"]*"', lambda path: re.sub(rb"(\.\d\d)\d+", rb"\1", path[0]), svg)


def _bytes(figure: Canvas, kind: str, metadata: Mapping[str, None]) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format=kind, metadata=dict(metadata))
    return stream.getvalue()
