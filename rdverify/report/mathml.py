"""Formulas for a browser: LaTeX as MathML, which needs no network and no script."""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup, escape

LONGEST = 2_000  # characters of a formula; what is longer is none
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
# what a formula may consist of: nothing that links, loads or runs
ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mfrac", "msqrt", "mroot"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd"),
}
ATTRIBUTES = {"display", "fence", "form", "stretchy", "width"}
# a function before a letter or another command, which the library would set without a space
SPACELESS = re.compile(r"\\(ln|log|exp|sin|cos|tanh)\s+(?=[\w\\])")


def in_text(text: str) -> Markup:
    """Text with each ``$formula$`` in it as MathML, and all else escaped."""
    parts = re.split(r"\$([^$]+)\$", text)
    return Markup("").join(
        formula(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


@cache
def formula(latex: str, display: str = "inline") -> Markup:
    """MathML of one formula; its source as code where it can't be put so.

    Args:
        latex: without dollar signs.
        display: "inline" or "block".
    """
    shown = None if len(latex) > LONGEST else _mathml(latex, display)
    return Markup("<code>{}</code>").format(latex) if shown is None else shown


def _mathml(latex: str, display: str) -> Markup | None:
    """None where the library fails, or gives what is not among ``ELEMENTS`` and ``ATTRIBUTES``."""
    try:
        text = convert(SPACELESS.sub(r"\\\1\\, ", latex), display=display)
        text = re.sub(r"<mi>(&#x000B1;|&#x02213;)</mi>", r"<mo>\1</mo>", text)  # ± and ∓
        tree = ElementTree.fromstring(text)
    except Exception:  # it has no common error: IndexError, KeyError, its own, and more
        return None
    for element in tree.iter():
        plain = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        if plain not in ELEMENTS or not ATTRIBUTES.issuperset(element.keys()):
            return None
    opening = Markup('<math alttext="{}"').format(latex)
    return Markup(text.replace(f'<math xmlns="{NAMESPACE}"', opening, 1))
