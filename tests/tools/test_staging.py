"""What is temporary is locked while its run lives, also where half the system refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rdverify import InputError
from rdverify.tools import fileset, staging
from rdverify.tools.fileset import JOURNAL, file_set, recover
from rdverify.tools.staging import PREFIX, abandoned, alone, claimed, released


def folder_in(folder: Path) -> Callable[[], str]:
    return lambda: tempfile.mkdtemp(prefix=PREFIX, dir=folder)


def handles() -> int:
    """How many files this process has open."""
    return len(os.listdir("/dev/fd"))


def write(folder: Path, text: str, names: str, owned: Iterable[str] = ()) -> None:
    """Files of one letter each as a set."""
    with file_set(folder, owned) as new:
        for name in names:
            (new / name).write_text(text)


def files(folder: Path) -> dict[str, str]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def without_locks(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    def refuses(*_: object) -> None:
        raise error

    monkeypatch.setattr(fcntl, "flock", refuses)


def test_where_nothing_can_be_locked_work_goes_on_and_nothing_is_taken_for_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch, OSError(errno.EOPNOTSUPP, "not supported"))
    before = handles()
    path, lock = claimed(folder_in(tmp_path))
    assert lock is None
    assert list(abandoned(tmp_path)) == []
    with alone(tmp_path):
        pass
    recover(tmp_path)
    assert path.is_dir()
    with file_set(tmp_path) as new:
        (new / "a").write_text("1")
    released(lock)
    assert files(tmp_path) == {"a": "1"}
    assert handles() == before


def test_a_lock_holds_until_it_is_released_and_costs_one_handle(tmp_path: Path) -> None:
    before = handles()
    path, lock = claimed(folder_in(tmp_path))
    assert handles() == before + 1
    assert list(abandoned(tmp_path)) == []
    assert handles() == before + 1
    released(lock)
    assert handles() == before
    for found in abandoned(tmp_path):
        assert found == path
        assert list(abandoned(tmp_path)) == []  # locked while it is looked at
    assert handles() == before


def test_litter_comes_in_order_and_a_folder_that_is_gone_has_none(tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / f"{PREFIX}{name}").touch()
    (tmp_path / "other").touch()
    assert [path.name for path in abandoned(tmp_path)] == [f"{PREFIX}{name}" for name in "abc"]
    assert list(abandoned(tmp_path / "none")) == []
    recover(tmp_path)
    assert os.listdir(tmp_path) == ["other"]


def test_a_block_alone_waits_for_its_lock_and_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    flock = fcntl.flock

    def watched(handle: int, kind: int) -> None:
        asked.append(kind)
        assert stat.S_ISDIR(os.fstat(handle).st_mode)
        assert not os.get_inheritable(handle)
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", watched)
    before = handles()
    with alone(tmp_path):
        assert handles() == before + 1
        assert staging._locked(tmp_path) is None
    assert handles() == before
    assert asked == [fcntl.LOCK_EX, fcntl.LOCK_EX | fcntl.LOCK_NB]


def test_what_was_replaced_before_it_was_locked_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.touch()
    flock, before = fcntl.flock, handles()

    def replaced(handle: int, kind: int) -> None:
        (tmp_path / "b").touch()
        os.replace(tmp_path / "b", path)
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", replaced)
    assert staging._locked(path) is None
    assert handles() == before


def test_a_folder_that_can_not_be_made_is_refused_with_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("kept")
    with (
        pytest.raises(InputError, match=r"a/b can't be written \(.*\): .*; nothing was changed$"),
        file_set(tmp_path / "a" / "b"),
    ):
        pytest.fail("there is no such folder")


def test_folders_of_a_set_are_made_and_what_lies_deep_in_them_is_kept_until_it_ends(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "new" / "er"
    for text in ("1", "2", "2"):
        with file_set(folder) as new:
            (new / "very" / "deep").mkdir(parents=True)
            for name in ("a", "b"):
                (new / "very" / "deep" / name).write_text(text)
        assert files(folder) == {"very/deep/a": text, "very/deep/b": text}
        assert os.listdir(folder) == ["very"]


def broken_at(monkeypatch: pytest.MonkeyPatch, call: str, breaks: Callable[[Path], bool]) -> None:
    """Let a call of the system fail on some paths, the last that it is given."""
    real = getattr(os, call)

    def broken(*paths: Path, **options: Any) -> None:
        if breaks(Path(paths[-1])):
            raise OSError(errno.EIO, "Input/output error", str(paths[-1]))
        real(*paths, **options)

    monkeypatch.setattr(os, call, broken)


@pytest.mark.parametrize("call", ["replace", "unlink"])
def test_a_set_that_can_not_even_be_undone_is_put_back_by_the_next_run(
    tmp_path: Path, call: str
) -> None:
    write(tmp_path, "1", "abd")
    with pytest.MonkeyPatch.context() as patch:
        broken_at(patch, "replace", lambda path: call == "replace" and path == tmp_path / "b")
        broken_at(patch, "unlink", lambda path: call == "unlink" and path.name == JOURNAL)
        with pytest.raises(InputError, match=r"\(Input/output error, .*the next run puts"):
            write(tmp_path, "2", "abc", owned="ad")
        assert len(list(tmp_path.glob(f"{PREFIX}*/{JOURNAL}"))) == 1
    recover(tmp_path)
    assert files(tmp_path) == {"a": "1", "b": "1", "d": "1"}


def test_a_file_that_can_not_be_removed_stops_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "1", "ab")
    broken_at(monkeypatch, "unlink", lambda path: path == tmp_path / "b")
    with pytest.raises(InputError, match=r"\(Input/output error, .*/b\).*nothing was changed"):
        write(tmp_path, "2", "ac", owned="b")
    assert files(tmp_path) == {"a": "1", "b": "1"}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_link_to_equal_content_is_replaced_by_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").write_text("same")
    for name in ("a", "dangling"):
        (tmp_path / "out" / name).symlink_to("../elsewhere" if name == "a" else "nowhere")
    (tmp_path / "out" / "b").symlink_to("..")  # to a folder
    with file_set(tmp_path / "out", owned=("dangling", "never")) as new:
        for name in ("a", "b"):
            (new / name).write_text("same")
    assert sorted(os.listdir(tmp_path / "out")) == ["a", "b"]
    assert (tmp_path / "out" / "b").read_text() == "same"
    assert not (tmp_path / "out" / "a").is_symlink()


HARD_LINK = os.link


def refuses_links(*_: Path, **__: bool) -> None:
    raise NotImplementedError


def follows_links(path: Path, kept: Path, *, follow_symlinks: bool = True) -> None:
    """As macOS links, and Python from 3.14 on: what a link leads to, unless told not to."""
    HARD_LINK(os.path.realpath(path) if follow_symlinks else path, kept, follow_symlinks=False)


@pytest.mark.parametrize("target", ["nowhere", "../there"])
@pytest.mark.parametrize("folder", ["linked", "followed", "copied"])
def test_a_link_is_put_back_as_a_link(tmp_path: Path, folder: str, target: str) -> None:
    (tmp_path / "there").write_text("kept")
    out = tmp_path / folder
    out.mkdir()
    (out / "a").symlink_to(target)
    (out / "b").write_text("1")
    with pytest.MonkeyPatch.context() as patch:
        broken_at(patch, "unlink", lambda path: path == out / "b")
        if folder == "copied":
            patch.setattr(os, "link", refuses_links)
        if folder == "followed":
            patch.setattr(os, "link", follows_links)
        with pytest.raises(InputError, match="nothing was changed"):
            write(out, "2", "a", owned="b")
    assert os.readlink(out / "a") == target
    assert (out / "b").read_text() == "1"
    assert (tmp_path / "there").read_text() == "kept"


def test_litter_that_goes_by_itself_or_can_not_be_removed_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fileset, "abandoned", lambda folder: iter([folder / f"{PREFIX}gone"]))
    recover(tmp_path)
    monkeypatch.undo()
    litter = Path(folder_in(tmp_path)())
    broken_at(monkeypatch, "rmdir", lambda path: True)
    write(tmp_path, "1", "a")
    assert (tmp_path / "a").read_text() == "1"
    assert litter.exists()


def test_a_pipe_is_looked_at_without_waiting_for_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flags, real = tmp_path / f"{PREFIX}pipe", list[int](), os.open

    def watched(path: Path, flag: int) -> int:
        flags.append(flag)
        return real(path, flag | os.O_NONBLOCK)

    os.mkfifo(path)
    monkeypatch.setattr(os, "open", watched)
    assert list(abandoned(tmp_path)) == [path]
    assert flags[0] & os.O_NONBLOCK
