"""Formulas as MathML: the right structure, and nothing that links, loads or runs."""

from __future__ import annotations

import re

import pytest

import spec
from rdverify.judge.records import Results
from rdverify.report.mathml import LONGEST, formula, in_text


@pytest.mark.parametrize("number", spec.EQUATIONS)
def test_every_equation_is_a_formula(number: int) -> None:
    equation = spec.EQUATIONS[number]
    for latex in (equation.latex, equation.latex_corrected):
        shown = formula(latex, "block")
        assert shown.startswith('<math alttext="')
        assert 'display="block"' in shown
        assert "\\" not in re.sub(r'alttext="[^"]*"', "", shown)  # no command is left over


def test_structure_is_kept() -> None:
    assert "<msub><mi>C</mi><mi>t</mi></msub>" in formula("C_t")
    assert re.search(r"<mfrac>.*react.*diff.*</mfrac>", formula(spec.EQUATIONS[18].latex))
    assert "<mo>&#x000B1;</mo>" in formula(r"1.00 \pm 0.03")
    assert '<mi>ln</mi><mspace width="0.167em" /><mi>p</mi>' in formula(r"\ln p(x)")


def test_text_around_formulas_is_escaped() -> None:
    assert in_text("a < b & $x$ > 'c'").startswith("a &lt; b &amp; <math")
    assert in_text("a < b & $x$ > 'c'").endswith("</math> &gt; &#39;c&#39;")
    assert in_text("no $ formula") == "no $ formula"


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\begin{nothing} x",
        r"\frac{",
        "x" * (LONGEST + 1),
        r"\left( x",
    ],
)
def test_what_is_no_plain_formula_is_its_source(latex: str) -> None:
    assert formula(latex).startswith("<code>")
    assert "<math" not in formula(latex)


@pytest.mark.parametrize("text", ["</math><script>", '"><img src=x onerror=y>', "\\text{<b>}"])
def test_no_tag_passes_through_a_formula(text: str) -> None:
    assert not re.search(r"<(script|img|b)\b", formula(text))
    assert not re.search(r"<(script|img|b)\b", in_text(f"${text}$ {text}"))


def test_no_formula_of_the_record_is_left_as_source(recorded: Results) -> None:
    texts = [line.quote for line in recorded.sentences]
    texts += [part for e in recorded.errata for part in (e.printed, e.corrected, e.evidence)]
    shown = [in_text(text) for text in texts]
    assert not [text for text in shown if "<code>" in text]
    assert sum("<math" in text for text in shown) > 50
