"""report.html from results.json and its figures: one file that needs no network.

Everything stands in it as HTML and is readable without scripts; they search, filter, sort and draw.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from rdverify.judge.records import Results
from rdverify.judge.verdict import Verdict, not_discriminating
from rdverify.report.axis import axis_of, strip_of
from rdverify.report.colours import VERDICT_COLOURS, VERDICT_COLOURS_DARK, VERDICT_LETTERS
from rdverify.report.markdown import (
    flags,
    interval,
    number,
    outcome_text,
    predicate_text,
    threshold_text,
)
from rdverify.report.mathml import formula, in_text
from rdverify.report.page import conclusion, findings
from rdverify.report.view import View
from rdverify.tools.templates import environment

LARGEST = 5_000_000  # bytes of the page; figures that would exceed it are linked, largest first
HERE = Path(__file__).resolve().parent
PLOTTING = "plotly-basic-4.1.1.min.js"
FONT = "stix-two-math-5.3.0.subset.woff2"
SYMBOLS = {"m_react": "M react", "m_diff": "M diff", "r": "R"}  # of Table 1, on an axis
MEDIA = {".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2"}


def render_html(results: Results, figures: Path, link: str = "figures") -> str:
    """The report as one page.

    Args:
        results: the record; everything shown is from it, and escaped.
        figures: folder of its figures; an SVG is taken before a bitmap of the same name.
        link: the same folder as the page links to it.
    """
    view = View(results, link)
    found = {figure.file: _image(figures, figure.file) for figure in results.all_figures()}
    images = {name: image for name, image in found.items() if image}
    bare = _page(view, {})
    room = LARGEST - len(bare.encode())
    while images and sum(map(len, images.values())) > room:
        del images[max(images, key=lambda name: len(images[name]))]
    return _page(view, images)


def _page(view: View, images: Mapping[str, str]) -> str:
    scripts = {name: _script(name) for name in ("start.js", "report.js", "plots.js")}
    hashes = [_hash(text) for text in (*scripts.values(), _vendored(PLOTTING).decode())]
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            view=view,
            results=view.results,
            conclusion=conclusion(view.results),
            findings=findings(view),
            images=images,
            scripts={name: Markup(text) for name, text in scripts.items()},
            library=base64.b64encode(gzip.compress(_vendored(PLOTTING), mtime=0)).decode(),
            style=Markup((HERE / "static" / "report.css").read_text("utf-8")),
            font=_data_uri(FONT, _vendored(FONT)),
            hashes=hashes,
            data=_json(_plotted(view)),
        )
        + "\n"
    )


@cache
def templates() -> Environment:
    """The templates; whatever is shown is escaped, unless it is ours and marked as such."""
    found = environment("rdverify.report", "templates/html", autoescape=True)
    found.filters.update(
        axis=axis_of,
        flags=flags,
        formula=formula,
        interval=interval,
        maths=in_text,
        number=number,
        outcome=outcome_text,
        predicate=predicate_text,
        prose=_prose,
        strip=strip_of,
        threshold=threshold_text,
    )
    found.tests["blind"] = not_discriminating
    found.globals.update(
        Verdict=Verdict,
        blind=not_discriminating,
        colours=VERDICT_COLOURS,
        colours_dark=VERDICT_COLOURS_DARK,
        letters=VERDICT_LETTERS,
    )
    return found


def _prose(text: str) -> Markup:
    """Sentences of the Markdown page, escaped; ``**so**`` is bold, of a link the words stay."""
    text = re.sub(r"\[([^\[\]]+)\]\([^()]*\)", r"\1", text)
    return Markup(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", str(in_text(text))))


def _plotted(view: View) -> dict[str, Any]:
    """What the scripts draw: Table 1 and the curves of R_t."""
    return {
        "cells": [
            {
                "label": f"{cell.key.system}, {cell.key.setting}: {SYMBOLS[cell.key.quantity]}",
                "form": cell.key.form,
                "printed": cell.printed,
                "measured": cell.measured,
                "low": cell.predicted_low,
                "high": cell.predicted_high,
                "control": cell.control_value,
                "verdict": cell.verdict,
            }
            for cell in view.results.table1
        ],
        "curves": [
            {"name": f"{curve.system}: {curve.setting}", "x": curve.x, "y": curve.y}
            for study in view.results.studies
            for curve in study.curves
        ],
    }


def _json(value: Any) -> Markup:
    """JSON that may stand within a script element: nothing in it ends or opens one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _script(name: str) -> str:
    return (HERE / "static" / name).read_text("utf-8")


@cache
def _vendored(name: str) -> bytes:
    return (HERE / "vendor" / name).read_bytes()


def _hash(script: str) -> str:
    """As a content security policy names a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _image(folder: Path, name: str) -> str:
    """A figure as a data URI; nothing where there is none of that name in the folder."""
    if not name or Path(name).name != name:
        return ""
    for path in (folder / Path(name).with_suffix(".svg"), folder / name):
        if path.suffix in MEDIA and path.is_file():
            return _data_uri(path.name, path.read_bytes())
    return ""


def _data_uri(name: str, content: bytes) -> str:
    return f"data:{MEDIA[Path(name).suffix]};base64,{base64.b64encode(content).decode()}"
