"""Outputs of odd kinds and names, and surroundings that lack something."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.conftest import Server
from faults.outcomes import Counts, files_of, litter_of, told

pytestmark = pytest.mark.end_to_end
WRITING = ("measure", "train ddpm", "verify")  # each with --output FOLDER/out
NAMES = {
    "spaces": "two  words ",
    "newline": "one\ntwo",
    "letters": "größe-図",
    "dash": "-o",
    "quotes": '"it\'s" $HOME *',
    "markup": "[red]<b>&amp;{{ 7 }}",
    "long": "n" * 200,
    "no utf-8": os.fsdecode(b"caf\xe9"),
}


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_have_any_name(
    server: Server, counts: Counts, tmp_path: Path, command: str, name: str
) -> None:
    folder = tmp_path / NAMES[name]
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system has no such names")
    done = server.run(command, folder)
    good = done["status"] == 0 and files_of(folder / "out") and not litter_of(tmp_path)
    counts.add("odd name of the output", "clean" if good else "unclear", done["seconds"], name)
    assert good, done["err"]


def a_file(out: Path) -> None:
    out.write_text("kept")


def below_a_file(out: Path) -> None:
    out.parent.rmdir()
    out.parent.write_text("kept")


def link_to_a_file(out: Path) -> None:
    (out.parent / "elsewhere").write_text("kept")
    out.symlink_to("elsewhere")


def link_to_itself(out: Path) -> None:
    out.symlink_to("out")


def link_to_nowhere(out: Path) -> None:
    out.symlink_to("/proc/nowhere")


def read_only(out: Path) -> None:
    out.mkdir()
    out.chmod(0o500)
    if os.access(out, os.W_OK):
        pytest.skip("this user may write anywhere")


def pipe(out: Path) -> None:
    os.mkfifo(out)


def a_folder_in_a_files_place(out: Path) -> None:
    for name in ("results.json", "certificate.json", "ddpm-small.json"):
        (out / name).mkdir(parents=True)
        (out / name / "own.txt").write_text("kept")


PLACES = (
    a_file,
    below_a_file,
    link_to_a_file,
    link_to_itself,
    link_to_nowhere,
    read_only,
    pipe,
    a_folder_in_a_files_place,
)


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_an_output_that_can_t_be_is_refused_and_nothing_is_changed(
    server: Server, counts: Counts, tmp_path: Path, command: str, place: Callable[[Path], None]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    place(folder / "out")
    before = files_of(tmp_path)
    done = server.run(command, folder)
    outcome = "unclear" if told(done["status"], done["err"]) != "refused" else "refused"
    if done["status"] == 0:
        outcome = "silent"
    elif files_of(tmp_path) != before:
        outcome = "changed"
    counts.add("output that can't be", outcome, done["seconds"], f"{command}, {place.__name__}")
    assert outcome == "refused", done["err"]


@pytest.mark.parametrize("command", WRITING)
def test_a_link_to_a_folder_is_followed_and_one_to_a_file_is_replaced(
    server: Server, counts: Counts, tmp_path: Path, command: str
) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (tmp_path / "kept").write_text("kept")
    (folder / "out").symlink_to("../elsewhere")
    for name in ("results.json", "certificate.json", "ddpm-small.json"):
        (elsewhere / name).symlink_to("../kept")
    done = server.run(command, folder)
    good = done["status"] == 0 and (tmp_path / "kept").read_text() == "kept"
    good &= (folder / "out").is_symlink() and len(files_of(elsewhere)) > 3
    counts.add("output on a link", "clean" if good else "changed", done["seconds"], command)
    assert good, done["err"]


def rdverify(
    *words: str, cwd: Path, into: str = "", **environment: str | None
) -> subprocess.CompletedProcess[str]:
    """The command line in a shell, ``into`` at its end; None takes a variable away."""
    own = {**os.environ, **environment}
    return subprocess.run(
        ["bash", "-c", f'"$0" -m rdverify "$@" {into}', sys.executable, *words],
        cwd=cwd,
        env={name: value for name, value in own.items() if value is not None},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
PDE = ("measure", "pde", "schnakenberg", "--seeds", "2", "--set", "steps=20", "--set", "rows=8")
READS: dict[str, tuple[tuple[str, ...], str, dict[str, str | None]]] = {
    "output closed": (("claims",), ">&-", {}),
    "errors closed": (("claims",), "2>&-", {}),
    "both closed, and input": (("table1",), ">&- 2>&- <&-", {}),
    "ASCII output": (("claims",), "", {"PYTHONIOENCODING": "ascii"}),
    "ASCII locale": (("equations",), "", {**ASCII}),
    "20 columns": (("claims",), "", {"COLUMNS": "20"}),
    "20 columns, a table": (("equations",), "", {"COLUMNS": "20"}),
    "no home": (("table1",), "", {"HOME": None}),
    "a home that is none": (("table1",), "", {"HOME": "/nowhere"}),
    "no terminal": (("claims", "RD-01"), "", {"TERM": None, "COLUMNS": "0"}),
}


@pytest.mark.parametrize("name", READS)
def test_what_is_shown_needs_no_surroundings(
    counts: Counts, every_fault: bool, tmp_path: Path, name: str
) -> None:
    if not every_fault and name not in FEW:
        pytest.skip("one of those that only --faults all tries")
    words, into, environment = READS[name]
    started = time.monotonic()
    done = rdverify(*words, cwd=tmp_path, into=into, **environment)
    good = done.returncode == 0 and "Traceback" not in done.stderr
    good &= ">&-" in into or len(done.stdout) > 200
    counts.add("surroundings", "clean" if good else "unclear", time.monotonic() - started, name)
    assert good, done.stderr


FEW = ("both closed, and input", "20 columns, a table", "no cache of compiled code")
MEASURES: dict[str, dict[str, str | None]] = {
    "no home": {"HOME": None, "MPLCONFIGDIR": None},
    "a home that is a file": {"HOME": "/dev/null", "MPLCONFIGDIR": None},
    "no cache of compiled code": {"NUMBA_CACHE_DIR": "/dev/null/cache"},
    "no folder for temporary files": {"TMPDIR": "/nowhere"},
    "ASCII locale": {**ASCII},
}


@pytest.mark.parametrize("name", MEASURES)
def test_a_measurement_needs_a_folder_to_write_into_and_nothing_else(
    counts: Counts, every_fault: bool, tmp_path: Path, name: str
) -> None:
    if not every_fault and name not in FEW:
        pytest.skip("one of those that only --faults all tries")
    started = time.monotonic()
    out = tmp_path / "größe"
    done = rdverify(*PDE, "--output", str(out), cwd=tmp_path, **MEASURES[name])
    good = done.returncode == 0 and len(files_of(out)) == 5 and "Traceback" not in done.stderr
    counts.add("surroundings", "clean" if good else "unclear", time.monotonic() - started, name)
    assert good, done.stderr


def test_an_option_may_begin_with_a_dash(counts: Counts, tmp_path: Path) -> None:
    started = time.monotonic()
    done = rdverify(*PDE, "--output=-o", cwd=tmp_path)
    good = done.returncode == 0 and len(files_of(tmp_path / "-o")) == 5
    counts.add("odd name of the output", "clean" if good else "unclear", time.monotonic() - started)
    assert good, done.stderr


def test_a_limit_on_the_length_of_files_is_a_full_disk(
    counts: Counts, every_fault: bool, tmp_path: Path
) -> None:
    for most in (0, 1000, 30_000) if every_fault else (1000,):
        started = time.monotonic()
        limit = f"ulimit -f {most // 1000}; exec"
        run = subprocess.run(
            ["bash", "-c", f'{limit} "$0" -m rdverify "$@"', sys.executable, *PDE, "--output", "o"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        how = told(run.returncode, run.stderr)
        good = how == "refused" and not files_of(tmp_path / "o") and not litter_of(tmp_path)
        outcome = "refused" if good else "unclear"
        counts.add("limit on files", outcome, time.monotonic() - started, run.stderr)
        assert good, run.stderr
    assert re.search("can't be written|File too large|No space", run.stderr)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


WITH_LIMIT = """
import resource, sys
from pathlib import Path
import rdverify.cli, rdverify.measure.commands, rdverify.measure.pde
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rdverify.cli.main()
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read a size from")
@pytest.mark.parametrize(("edge", "status"), [(64, 0), (6000, 2)])
def test_a_grid_beyond_a_limit_on_memory_is_one_line(
    counts: Counts, tmp_path: Path, edge: int, status: int
) -> None:
    words = ["measure", "pde", "schnakenberg", "--output", "out", "--seeds", "1"]
    for setting in (f"rows={edge}", f"cols={edge}", "steps=4"):
        words += ["--set", setting]
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", WITH_LIMIT, *words], cwd=tmp_path, capture_output=True, text=True
    )
    good = run.returncode == status and bool(files_of(tmp_path / "out")) == (status == 0)
    if status:
        good = good and run.stderr == "rdverify: not enough memory for this\n"
    outcome = ("refused" if status else "clean") if good else "unclear"
    counts.add("limit on memory", outcome, time.monotonic() - started, run.stderr)
    assert good, run.stderr
