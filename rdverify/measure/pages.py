"""A certificate as files: JSON, a Markdown page, an HTML page, and a figure of R_t."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from matplotlib import rc_context
from matplotlib.figure import Figure as Canvas

from rdverify.measure.certificate import LABELS, Certificate, Estimate
from rdverify.tools.files import check_output_folder, write_text
from rdverify.tools.fileset import file_set
from rdverify.tools.plotting import STYLE, canvas, save
from rdverify.tools.records import write_record
from rdverify.tools.templates import environment
from rdverify.trace import FloatArray

FIGURE, VECTOR = "certificate.png", "certificate.svg"
COLOURS = ("#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito's
WIDE = 20.0  # largest over smallest R_t from which the axis is logarithmic


def write(certificate: Certificate, folder: Path | str) -> Path:
    """Write certificate.json, .md, .html, .png and .svg into ``folder``; returns the folder.

    They change together or not at all, and equal certificates give equal bytes.

    Raises:
        InputError: if the folder can't be written; its files are then as they were.
    """
    target = check_output_folder(folder)
    with file_set(target, owned=[VECTOR]) as new:
        save(figure_of(certificate), new, FIGURE)
        write_text(new / "certificate.md", markdown_of(certificate))
        picture = base64.b64encode((new / FIGURE).read_bytes()).decode()
        write_text(new / "certificate.html", html_of(certificate, picture))
        write_record(new / "certificate.json", certificate)
    return target


def markdown_of(certificate: Certificate) -> str:
    """The Markdown page; it links to the figure beside it."""
    return _page("certificate.md.j2", certificate, FIGURE)


def html_of(certificate: Certificate, picture: str) -> str:
    """The HTML page, self-contained; ``picture`` is the figure, PNG in base 64."""
    return _page("certificate.html.j2", certificate, f"data:image/png;base64,{picture}")


def summary(certificate: Certificate) -> str:
    """What it says, on a few lines for a terminal."""
    return _page("summary.txt.j2", certificate, "").rstrip()


def _page(template: str, certificate: Certificate, figure: str) -> str:
    page = _templates().get_template(template)
    return page.render(c=certificate, figure=figure, label=LABELS[certificate.kind]).strip() + "\n"


def _is_html(name: str | None) -> bool:
    return name is not None and ".html" in name


@cache
def _templates() -> Environment:
    found = environment("rdverify.measure", autoescape=_is_html)
    found.filters.update(number=number, estimate=estimate, cell=cell)
    return found


def number(value: float | None, none: str = "–") -> str:
    """Five significant digits; ``none`` where there is no number."""
    return none if value is None else f"{value:.5g}"


def estimate(found: Estimate) -> str:
    """A value with its interval, where it has one."""
    ends = "" if found.low is None else f" [{number(found.low)}, {number(found.high)}]"
    return f"{number(found.value, 'not finite')}{ends}"


def cell(text: Any) -> str:
    """Text that can't end a cell of a pipe table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def figure_of(certificate: Certificate) -> Canvas:
    """R_t with its interval over time, and the controls' R."""
    times = np.array(certificate.r_t.times)
    values, low, high = (
        np.array([np.nan if v is None else v for v in series], dtype=float)
        for series in (certificate.r_t.values, certificate.r_t.low, certificate.r_t.high)
    )
    label = "R_t, 95 % interval" if np.isfinite(low).any() else "R_t"
    controls = {one.name: one.r.value for one in certificate.controls if one.r.value is not None}
    found = canvas(7.5, 4.2)
    with rc_context(STYLE):
        axes = found.subplots()
        # an interval that reaches below 0 is cut there: R_t is no less
        axes.fill_between(times, np.maximum(low, 0), high, color="#0072B2", alpha=0.25, lw=0)
        axes.plot(times, values, color="#0072B2", label=label, lw=1.6)
        axes.axhline(1, color="#444444", lw=0.8)
        for (name, r), colour in zip(controls.items(), COLOURS, strict=False):
            axes.axhline(r, color=colour, ls="--", lw=1.3, label=f"R of {name}")
        _limit(axes, values, [1.0, *controls.values()])
        axes.set_xlabel("time, in order of generation")
        axes.set_ylabel("R_t = ‖reaction‖ / ‖diffusion‖")
        axes.set_title(f"{LABELS[certificate.kind]}: R = {estimate(certificate.r)}")
        axes.legend(loc="best")
    return found


def _limit(axes: Any, values: FloatArray, lines: list[float]) -> None:
    """Show all lines and all but the most extreme steps, and say how many lie beyond."""
    seen = values[np.isfinite(values) & (values > 0)]
    if not seen.size:
        return
    shown = np.concatenate([np.quantile(seen, (0.01, 0.99)), [x for x in lines if x > 0]])
    low, high = float(shown.min()), float(shown.max())
    if high / low > WIDE:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.3, high * 1.3)
    else:
        margin = 0.12 * (high - low) + 0.005
        axes.set_ylim(low - margin, high + margin)
    bottom, top = axes.get_ylim()
    beyond = int(((values < bottom) | (values > top)).sum())
    if beyond:
        text = f"{beyond} step{'s' if beyond > 1 else ''} beyond the axis"
        axes.text(0.99, 0.02, text, transform=axes.transAxes, ha="right", fontsize=9, alpha=0.7)
