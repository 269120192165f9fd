"""What is drawn from results.json alone: the same twice, described, as PNG and as SVG."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.report.drawings import DRAWINGS, illustrated
from rdverify.report.forest import draw_table1
from rdverify.tools.paths import golden_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture(scope="module")
def drawn(recorded: Results, folder: Path) -> Results:
    return illustrated(recorded, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.twice
def test_everything_is_drawn_and_described(drawn: Results, folder: Path) -> None:
    assert set(drawn.figures) == set(DRAWINGS)
    files = {name for figure in drawn.figures.values() for name in (figure.file, figure.vector)}
    assert files == set(contents(folder))
    for figure in drawn.figures.values():
        assert (folder / figure.file).read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (folder / figure.vector).read_bytes()
        assert len(figure.caption) > 40
        assert len(figure.alt) > 20


@pytest.mark.once
def test_equal_results_give_equal_files_and_others_others(
    drawn: Results, folder: Path, tmp_path: Path
) -> None:
    assert illustrated(drawn, tmp_path) == drawn
    assert contents(tmp_path) == contents(folder)
    cells = [replace(c, measured=(c.measured or 0) * 1.01 + 1e-3) for c in drawn.table1]
    draw_table1(replace(drawn, table1=cells), tmp_path)
    for name in ("table1.png", "table1.svg"):
        assert (tmp_path / name).read_bytes() != (folder / name).read_bytes()


def test_the_record_s_folder_holds_its_figures_and_no_others(recorded: Results) -> None:
    named = {name for f in recorded.all_figures() for name in (f.file, f.vector) if name}
    assert {path.name for path in (golden_folder() / "figures").iterdir()} == named
