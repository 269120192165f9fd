"""Every equation's LaTeX in the spec is the paper's, where its text lies beside the clone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spec

PAPER = Path(__file__).parents[3] / "shared" / "paper.md"
NUMBERED = re.compile(r"\$\$((?:(?!\$\$).)+?)\\quad \((\d+)\)\$\$", re.DOTALL)


def plain(latex: str) -> str:
    """The same LaTeX without what does not show: line-up, white space, braces round one command."""
    lines = re.sub(r"\\(begin|end)\{aligned\}|&", "", latex)
    one_line = re.sub(r"\\\\\s", r",\\quad ", lines)
    return re.sub(r"([_^])\{(\\text\{\w+\})\}", r"\1\2", re.sub(r"\s+", "", one_line))


def test_what_does_not_show_is_dropped_and_what_shows_is_kept() -> None:
    printed = "\\begin{aligned}a &= b_{\\text{x}} \\\\\nc &= d\\end{aligned}"
    assert plain(printed) == plain(r"a = b_\text{x}, \quad c = d")
    assert plain(r"\underbrace{a}_\text{x}") != plain("a")
    assert plain("p_t(x)") != plain("p(x)")


@pytest.mark.skipif(not PAPER.exists(), reason="the paper's text is not beside the clone")
def test_every_equation_is_the_papers() -> None:
    printed = {int(number): latex for latex, number in NUMBERED.findall(PAPER.read_text("utf-8"))}
    assert sorted(printed) == sorted(spec.EQUATIONS)
    assert {n: plain(record.latex) for n, record in spec.EQUATIONS.items()} == {
        n: plain(latex) for n, latex in printed.items()
    }
