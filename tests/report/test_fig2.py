"""Fig. 2 from any rows: drawn as they say, and told in words."""

from __future__ import annotations

from pathlib import Path

from rdverify.report.fig2 import draw_fig2
from rdverify.study import Curve, Row

RING = Row("ring", "Heat", "Ring", "#0072B2", (0, (4, 1)))


def test_a_curve_is_drawn_and_named_without_being_known(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    curves = [Curve(RING, [0.0, 1.0], [1.0, 0.5])]
    figure = draw_fig2(curves, tmp_path)
    drawn = (tmp_path / figure.file).read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert figure.of == "Fig. 2"
    assert figure.alt == "Lines of R_t over normalised time from 0 to 1 for Heat Ring."
    draw_fig2(curves, tmp_path / "again")
    assert (tmp_path / "again" / figure.file).read_bytes() == drawn
    draw_fig2([Curve(RING, [0.0, 1.0], [1.0, 0.6])], tmp_path / "again")
    assert (tmp_path / "again" / figure.file).read_bytes() != drawn
