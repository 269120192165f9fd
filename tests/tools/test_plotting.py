"""Saved figures: the same bytes for the same figure, an SVG only where it is small."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from rdverify.study import Figure
from rdverify.study.study import with_vectors
from rdverify.tools import plotting
from rdverify.tools.plotting import canvas, plain_axes, save

WAVE = np.sin(np.linspace(0, 7, 300))


def line(folder: Path, name: str = "line.png", scale: float = 1.0) -> dict[str, bytes]:
    figure, axes = plain_axes()
    axes.plot(scale * WAVE, label="a wave")
    axes.legend()
    inset = axes.inset_axes((0.1, 0.1, 0.2, 0.2))  # its clip gets an id of its own
    inset.plot(WAVE)
    save(figure, folder, name)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.twice
def test_equal_figures_give_equal_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    one, same, other = (line(f, scale=s) for f, s in zip(folders, (1, 1, 2), strict=True))
    assert set(one) == {"line.png", "line.svg"}
    assert one == same
    assert all(one[name] != other[name] for name in one)


def test_no_file_tells_when_or_by_which_version_it_was_drawn(tmp_path: Path) -> None:
    for content in line(tmp_path).values():
        assert not re.search(rb"matplotlib[ v]*\d|\d{4}-\d\d-\d\dT", content, re.IGNORECASE)


def test_an_svg_is_whole_and_its_paths_are_those_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = line(tmp_path)["line.svg"]
    monkeypatch.setattr(plotting, "_shortened", lambda svg: svg)
    long = line(tmp_path)["line.svg"]
    assert len(short) < len(long)
    number = re.compile(r"-?\d+(?:\.\d+)?")
    paths = [
        [
            float(x)
            for path in ElementTree.fromstring(svg).iter()
            for x in number.findall(path.get("d", ""))
        ]
        for svg in (short, long)
    ]
    assert len(paths[0]) > 600
    np.testing.assert_allclose(*paths, rtol=0, atol=0.01)
    assert re.sub(rb' d="[^"]*"', b"", short) == re.sub(rb' d="[^"]*"', b"", long)


def test_a_file_has_the_size_of_its_figure(tmp_path: Path) -> None:
    for width, height in ((5.0, 3.0), (7.5, 4.5)):
        figure = canvas(width, height)
        save(figure, tmp_path, "empty.png")
        rows, columns, _ = imread(tmp_path / "empty.png").shape
        assert (columns, rows) == pytest.approx((figure.bbox.width, figure.bbox.height), abs=1)
        svg = ElementTree.fromstring((tmp_path / "empty.svg").read_bytes())
        points = [float(svg.get(side, "").removesuffix("pt")) for side in ("width", "height")]
        assert points == pytest.approx([72 * width, 72 * height])


@pytest.mark.once
def test_what_is_large_stays_a_png_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line(tmp_path)
    monkeypatch.setattr(plotting, "LARGEST_SVG", 1000)
    assert set(line(tmp_path)) == {"line.png"}  # the older SVG is gone
    figure = canvas()
    figure.subplots().imshow(np.random.default_rng(0).random((400, 400, 3)), interpolation="none")
    monkeypatch.undo()
    save(figure, tmp_path, "picture.png")
    assert not (tmp_path / "picture.svg").exists()


@pytest.mark.once
def test_an_svg_of_just_the_largest_size_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(line(tmp_path)["line.svg"])
    for largest, kept in ((size, True), (size - 1, False)):
        monkeypatch.setattr(plotting, "LARGEST_SVG", largest)
        assert ("line.svg" in line(tmp_path)) == kept
    monkeypatch.setattr(plotting, "LARGEST_SVG", 10**6)
    assert "other.svg" in line(tmp_path, "other.png")


def test_axes_are_open_with_a_faint_grid_and_titles_as_large_as_text() -> None:
    figure, axes = plain_axes(5.0, 3.0)
    assert figure.get_size_inches().tolist() == [5, 3]
    axes.plot(WAVE, label="a wave")
    shown = {side: spine.get_visible() for side, spine in axes.spines.items()}
    assert shown == {"left": True, "bottom": True, "top": False, "right": False}
    grid = axes.get_xgridlines()[0]
    assert grid.get_visible()
    assert 0 < grid.get_alpha() < 0.5
    assert figure.get_layout_engine() is not None
    with mpl.rc_context(plotting.STYLE):
        legend = axes.legend()
    assert not legend.get_frame_on()
    size = axes.xaxis.label.get_fontsize()
    assert axes.title.get_fontsize() == size == mpl.rcParamsDefault["font.size"] * 1.2
    assert 10 <= legend.get_texts()[0].get_fontsize() < size


def test_letters_of_an_svg_are_outlines(tmp_path: Path) -> None:
    assert b"<text" not in line(tmp_path)["line.svg"]


def test_a_figure_knows_its_svg_where_there_is_one(tmp_path: Path) -> None:
    line(tmp_path)
    figures = {name: Figure(f"{name}.png", "", "") for name in ("line", "other")}
    found = with_vectors(figures, tmp_path)
    assert {name: figure.vector for name, figure in found.items()} == {
        "line": "line.svg",
        "other": "",
    }
