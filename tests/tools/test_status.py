"""Exit statuses: one for each way to end, and one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from rdverify.tools.errors import InputError, one_line
from rdverify.tools.status import Commands, broken_cache, guarded

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


def test_a_cache_that_is_broken_again_is_a_fault_and_no_further_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[int] = []

    def run() -> None:
        runs.append(len(runs))
        raise EOFError("Ran out of input")

    (tmp_path / "broken.nbi").touch()
    monkeypatch.setattr("rdverify.tools.status.broken_cache", lambda _: tmp_path / "broken.nbi")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert guarded(run) == 70
    assert runs == [0, 1]
    assert not (tmp_path / "broken.nbi").exists()
    first, second = capsys.readouterr().err.splitlines()
    assert "it is made again" in first
    assert "a fault of its own, EOFError: Ran out of input; traceback: " in second


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left", "a.json"), "the system refused: No space left (a.json)"),
        (OSError("of no number"), "the system refused: of no number"),
        (RuntimeError("shapes differ"), "a fault of its own, RuntimeError: shapes differ"),
        (ImportError("no such name"), "a fault of its own, ImportError: no such name"),
        (type("OutOfMemoryError", (RuntimeError,), {})(), "not enough memory for this"),
    ],
)
def test_what_the_system_refuses_and_what_is_a_fault_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def run() -> None:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open(tmp_path / "err", "w", encoding="utf-8") as stream:  # a buffered one
        monkeypatch.setattr(sys, "stderr", stream)
        guarded(run)
        told = (tmp_path / "err").read_text(encoding="utf-8")
    if "fault" not in line:
        assert told == f"rdverify: {line}\n"
    assert told.startswith(f"rdverify: {line}")
    assert told.count("\n") == 1


def test_a_traceback_that_can_not_be_kept_is_no_further_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert guarded(lambda: 1 // 0) == 70
    assert "traceback: not kept, no folder can be written; use --debug" in capsys.readouterr().err


def test_an_output_without_our_signs_takes_them_spelt_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(tmp_path / "out", "w", encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert guarded(lambda: print("\u03b5 = 1")) == 0
        assert (tmp_path / "out").read_text() == "\\u03b5 = 1\n"


def test_only_an_error_that_numba_s_cache_raises_is_one_of_its_index() -> None:
    index = "/cache/kernel.nbi"
    lines = "class Cache:\n    def load(self):\n        raise EOFError\n"
    for name, place, found in (
        ("numba.core.caching", index, Path(index)),
        ("numba.core.caching", None, None),
        ("another.module", index, None),
    ):
        names: dict[str, Any] = {"__name__": name}
        exec(lines, names)
        cache = names["Cache"]()
        cache._index_path = place
        with pytest.raises(EOFError) as caught:
            cache.load()
        assert broken_cache(caught.value) == found
    assert broken_cache(None) is None


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


@pytest.mark.end_to_end
@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case[0]} of {case[1]} bytes")
def test_a_broken_cache_is_thrown_away_and_made_again(
    mended: list[list[tuple[int, str, str]]], case: tuple[str, int]
) -> None:
    before, broken, after = mended[BROKEN.index(case)]
    assert before == after == [0, "42.0\n", ""]
    assert broken[:2] == [0, "42.0\n"]
    assert "the cache of compiled code was broken" in broken[2]
