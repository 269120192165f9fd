"""Files that change together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rdverify import InputError
from rdverify.tools.files import check_output_folder, write_text
from rdverify.tools.fileset import JOURNAL, file_set, recover
from rdverify.tools.staging import PREFIX, alone, claimed, released


def write(folder: Path, files: dict[str, str], owned: tuple[str, ...] = ()) -> None:
    with file_set(folder, owned) as new:
        for name, text in files.items():
            write_text(new / name, text)


def read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_set_takes_its_place_and_what_it_owns_and_lacks_goes(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b/c": "1", "b/d": "1"})
    write(tmp_path, {"a": "2", "b/c": "1"}, owned=("a", "b/d", "never"))
    assert read(tmp_path) == {"a": "2", "b/c": "1"}
    write(tmp_path, {"e": "3"})
    assert read(tmp_path) == {"a": "2", "b/c": "1", "e": "3"}


def write_and_stop(folder: Path, error: BaseException) -> None:
    with file_set(folder) as new:
        write_text(new / "a", "2")
        raise error


def test_a_block_that_fails_changes_nothing_and_its_error_comes_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1"})
    for error in (ValueError("stopped"), OSError("stopped"), KeyboardInterrupt("stopped")):
        with pytest.raises(type(error), match="stopped"):
            write_and_stop(tmp_path, error)
        assert read(tmp_path) == {"a": "1"}
        assert os.listdir(tmp_path) == ["a"]


def test_a_file_that_needs_no_change_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "1"})
    before = (tmp_path / "a").stat()
    write(tmp_path, {"a": "1", "b": "2"})
    after = (tmp_path / "a").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_in_a_files_place_stops_the_whole_set(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write(tmp_path, {"a": "1"})
    with pytest.raises(InputError, match=r"can't be written \(Is a directory.*nothing was changed"):
        write(tmp_path, {"a": "2", "b": "2", "c": "2"})
    assert read(tmp_path) == {"a": "1"}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "out" / "a").symlink_to("../elsewhere")
    write(tmp_path / "out", {"a": "1"})
    assert not (tmp_path / "out" / "a").is_symlink()
    assert read(tmp_path) == {"elsewhere": "kept", "out/a": "1"}


def refused(*_: object, **__: object) -> None:
    raise OSError(95, "Operation not supported")


@pytest.fixture
def b_never_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file of a set can't take its place."""
    rename = os.replace

    def stops(new: Path, old: Path) -> None:
        if Path(old) == tmp_path / "b" and Path(new).parent.name == "new":
            raise OSError(5, "Input/output error")
        rename(new, old)

    (tmp_path / "b").write_text("1")
    monkeypatch.setattr(os, "replace", stops)


@pytest.mark.usefixtures("b_never_moves")
def test_without_hard_links_the_old_files_are_copied_and_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("1")
    monkeypatch.setattr(os, "link", refused)
    write(tmp_path, {"a": "2"})
    assert read(tmp_path) == {"a": "2", "b": "1"}
    with pytest.raises(InputError, match=r"\(Input/output error\).*nothing was changed"):
        write(tmp_path, {"a": "3", "b": "3"})
    assert read(tmp_path) == {"a": "2", "b": "1"}


@pytest.mark.parametrize("hard_links", [True, False])
@pytest.mark.usefixtures("b_never_moves")
def test_a_link_is_put_back_as_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "a").symlink_to("elsewhere")
    if not hard_links:
        monkeypatch.setattr(os, "link", refused)
    with pytest.raises(InputError, match="nothing was changed"):
        write(tmp_path, {"a": "3", "b": "3"})
    assert os.readlink(tmp_path / "a") == "elsewhere"
    assert (tmp_path / "elsewhere").read_text() == "kept"


@pytest.mark.parametrize(
    "journal", ["", "[]", "7", '{"a": 1}', '{"../a": false}', '{"/etc/a": false}', "[" * 9999]
)
def test_a_journal_that_is_none_of_ours_is_refused_and_nothing_is_touched(
    tmp_path: Path, journal: str
) -> None:
    (tmp_path / "a").write_text("kept")
    stage = tmp_path / "out" / f"{PREFIX}abcdefgh"
    stage.mkdir(parents=True)
    (stage / JOURNAL).write_text(journal)
    with pytest.raises(InputError, match="is no journal of rdverify's"):
        check_output_folder(tmp_path / "out")
    assert (tmp_path / "a").read_text() == "kept"
    assert (stage / JOURNAL).exists()


def test_what_a_live_run_has_open_is_no_litter(tmp_path: Path) -> None:
    path, lock = claimed(lambda: tempfile.mkdtemp(prefix=PREFIX, dir=tmp_path))
    with file_set(tmp_path) as new:
        write_text(new / "a", "1")
        recover(tmp_path)
        assert (new / "a").exists()
    recover(tmp_path)
    assert path.exists()
    released(lock)
    recover(tmp_path)
    assert read(tmp_path) == {"a": "1"}
    assert os.listdir(tmp_path) == ["a"]


def test_what_another_run_took_for_litter_before_it_was_locked_is_made_again(
    tmp_path: Path,
) -> None:
    made = iter(["gone", "taken", "there"])
    other = []

    def make() -> str:
        path = tmp_path / next(made)
        if path.name != "gone":
            path.mkdir()
        if path.name == "taken":
            other.append(claimed(lambda: str(path)))
        return str(path)

    path, lock = claimed(make)
    assert path.name == "there"
    assert lock is not None
    released(lock)
    released(other[0][1])


def test_links_and_files_of_other_names_are_never_swept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{PREFIX}12345678").symlink_to("../elsewhere")
    (tmp_path / "out" / ".rdverify-mine").write_text("kept")
    recover(tmp_path / "out")
    assert set(read(tmp_path)) == {"elsewhere/a", "out/.rdverify-mine"}


def test_two_runs_into_one_folder_and_kills_between_leave_whole_sets(tmp_path: Path) -> None:
    lines = (
        "import sys; from pathlib import Path; from rdverify.tools.files import write_text\n"
        "from rdverify.tools.fileset import file_set\n"
        "for k in range(int(sys.argv[2])):\n"
        "    with file_set(Path('.')) as new:\n"
        "        for name in 'abcdef': write_text(new / name, f'{sys.argv[1]} {k}')\n"
    )

    def start(word: str, times: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", lines, word, str(times)], cwd=tmp_path)

    killed, *others = start("killed", 9999), start("one", 15), start("two", 15)
    for other in others:
        assert other.wait(120) == 0
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    recover(tmp_path)
    found = read(tmp_path)
    assert sorted(found) == list("abcdef")
    assert len(set(found.values())) == 1


def test_one_set_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path):
        lines = "from rdverify.tools.staging import _locked; from pathlib import Path; "
        lines += "print(_locked(Path('.')))"
        run = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True)
        assert run.stdout.strip() == b"None"


def test_room_is_asked_for_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"output = .* must be where 1000000000000 MB have room"):
        check_output_folder(tmp_path, 10**18)
    assert os.listdir(tmp_path) == []


def test_a_journal_names_files_before_the_first_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a": "1"})
    seen: list[dict[str, bool]] = []
    rename = os.replace

    def watched(new: Path, old: Path) -> None:
        if Path(old).parent == tmp_path:
            (journal,) = tmp_path.glob(f"{PREFIX}*/{JOURNAL}")
            seen.append(json.loads(journal.read_text()))
        rename(new, old)

    with file_set(tmp_path) as new:
        write_text(new / "a", "2")
        write_text(new / "b", "2")
        monkeypatch.setattr(os, "replace", watched)
    assert seen == [{"a": True, "b": False}] * 2
