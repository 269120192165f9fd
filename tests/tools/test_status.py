"""Exit statuses: one for each way to end, and one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from rdverify.tools.errors import InputError, one_line
from rdverify.tools.status import Commands, guarded

WAYS = {
    "input": (InputError("dx = -1 is not allowed"), 2, "dx = -1 is not allowed"),
    "no file": (FileNotFoundError(2, "No such file or directory", "a.json"), 2, "(a.json)"),
    "disk": (OSError(28, "No space left on device"), 2, "No space left on device"),
    "memory": (MemoryError(), 2, "not enough memory"),
    "torch's memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 2, "not enough"),
    "a library's memory": (ImportError("lib.so: failed to map segment"), 2, "not enough"),
    "end of file": (EOFError("Ran out of input"), 70, "EOFError: Ran out of input"),
    "fault": (KeyError("x"), 70, "KeyError: 'x'; traceback: "),
    "interrupted": (KeyboardInterrupt(), 130, "interrupted"),
}


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=Commands, rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.callback()
    def options() -> None:
        """Nothing."""

    @app.command()
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_end_has_its_status_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    error, status, words = WAYS[way]
    monkeypatch.setattr(sys, "argv", ["rdverify", "fail"])
    assert guarded(failing(error)) == status
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("rdverify: ")
    assert words in told.err
    assert told.err.count("\n") == 1
    if status == 70:
        kept = Path(told.err.partition("traceback: ")[2].strip())
        assert type(error).__name__ in kept.read_text()
        kept.unlink()


def test_with_debug_the_error_comes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rdverify", "fail"])
    with pytest.raises(KeyError, match="x"):
        guarded(failing(KeyError("x")), lambda: True)


def test_exits_of_the_command_line_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, status in ((["fail"], 1), (["fail", "--nonsense"], 2), (["--help"], 0)):
        monkeypatch.setattr(sys, "argv", ["rdverify", *words])
        with pytest.raises(SystemExit) as stopped:
            guarded(failing(typer.Exit(1)))
        assert stopped.value.code == status


def test_a_closed_output_is_no_fault_and_no_file_takes_its_place(tmp_path: Path) -> None:
    lines = "import sys; from rdverify.tools.status import guarded; "
    lines += "status = guarded(lambda: [print('said'), open('a', 'w').write('kept')]); "
    lines += "sys.exit(status)"
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        run = subprocess.run(
            ["bash", "-c", f'"{sys.executable}" -c "{lines}" {closed}'], cwd=tmp_path
        )
        assert run.returncode == 0
        assert (tmp_path / "a").read_text() == "kept"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("before", ["", "warnings.warn('of a library'); "])
def test_the_status_stays_where_nothing_can_be_said(before: str) -> None:
    lines = "import sys, warnings; from rdverify import InputError\n"
    lines += "from rdverify.tools.status import guarded\n"
    lines += f"def fails(): {before}raise InputError('dx = -1')\n"
    lines += "sys.exit(guarded(fails))"
    with open("/dev/full", "w") as full:
        assert subprocess.run([sys.executable, "-c", lines], stderr=full).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize(
    ("into", "status"), [("| head -n 1; exit ${PIPESTATUS[0]}", 141), ("> /dev/full", 2)]
)
def test_an_output_that_takes_nothing_is_no_drift(into: str, status: int) -> None:
    lines = "import sys; from rdverify.tools.status import guarded; "
    lines += "sys.exit(guarded(lambda: [print('x' * 99) for _ in range(9999)]))"
    run = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{lines}" {into}'], capture_output=True, text=True
    )
    assert run.returncode == status
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


def test_a_broken_cache_that_another_process_threw_away_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[int] = []

    def run() -> None:
        runs.append(len(runs))
        if runs == [0]:
            raise EOFError("Ran out of input")

    monkeypatch.setattr("rdverify.tools.status.broken_cache", lambda _: tmp_path / "gone.nbi")
    assert guarded(run) == 0
    assert runs == [0, 1]
    assert "the cache of compiled code was broken" in capsys.readouterr().err


def test_an_error_is_told_by_what_it_says_and_by_its_kind_only_where_asked_or_silent() -> None:
    assert one_line(ValueError("a\nb")) == "a b"
    assert one_line(ValueError("a"), kind=True) == "ValueError: a"
    assert one_line(ValueError()).startswith("ValueError")
    assert len(one_line(ValueError("x" * 999))) == 120


# each run is a process of its own, made by one that has imported numba and compiled nothing
RUNS = """
import json, os, sys, tempfile
from pathlib import Path
import numba
from rdverify.tools.status import guarded

@numba.njit(cache=True)
def twice(x): return 2 * x

def ran():
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.exit(guarded(lambda: print(twice(21.0))))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for stream in (out, err):
            stream.seek(0)
            said.append(stream.read().decode())
        return status, *said

cache, found = Path(os.environ["NUMBA_CACHE_DIR"]), []
for ending, left in json.loads(sys.argv[1]):
    first = ran()  # compiles what no earlier round has left
    (broken,) = cache.rglob("*" + ending)
    broken.write_bytes(broken.read_bytes()[:left])
    found.append([first, ran(), ran()])
Path("found.json").write_text(json.dumps(found))
"""
BROKEN = [(ending, left) for ending in (".nbi", ".nbc") for left in (0, 40)]


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[int, str, str]]]:
    """Status, output and errors of three runs for each of BROKEN: the cache breaks after one."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "kernel.py").write_text(RUNS)
    subprocess.run(
        [sys.executable, "kernel.py", json.dumps(BROKEN)],
        cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        check=True,
    )
    return json.loads((folder / "found.json").read_text())


@pytest.mark.once
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case[0]} of {case[1]} bytes")
def test_a_broken_cache_is_thrown_away_and_made_again(
    mended: list[list[tuple[int, str, str]]], case: tuple[str, int]
) -> None:
    before, broken, after = mended[BROKEN.index(case)]
    assert before == after == [0, "42.0\n", ""]
    assert broken[:2] == [0, "42.0\n"]
    assert "the cache of compiled code was broken" in broken[2]
