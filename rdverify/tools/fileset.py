"""Files that change together: all of them, or none.

New contents lie in a temporary folder until all are there. Then the old files are kept beside
them, a journal says which, and the new ones are moved into their places: one rename each. The
journal's end makes the set final. Until then an error, an interruption or the run after a kill
puts the old files back.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from rdverify.tools.errors import InputError
from rdverify.tools.staging import PREFIX, abandoned, alone, claimed, released

JOURNAL, NEW, OLD = "journal.json", "new", "old"


@contextmanager
def file_set(folder: Path, owned: Iterable[str] = ()) -> Iterator[Path]:
    """A folder to write into; at the block's end its files take their places in ``folder``.

    Args:
        folder: where the files belong; made if it isn't there.
        owned: files of the set by their paths from ``folder``: one that the block doesn't write
            is removed.

    Raises:
        InputError: if a file can't be written; all are then as they were.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder)
        stage, lock = claimed(lambda: tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        (stage / NEW).mkdir()
        yield stage / NEW
        _commit(folder, stage, owned)
    finally:
        if not (stage / JOURNAL).exists():  # else the next run needs it
            shutil.rmtree(stage, ignore_errors=True)
        released(lock)


def recover(folder: Path) -> None:
    """Put back what a killed run had half changed in ``folder``, and remove what it left there.

    Raises:
        InputError: if that can't be done.
    """
    if next(abandoned(folder), None) is None:
        return
    try:
        with alone(folder):
            _recover(folder)
    except OSError as error:
        raise _refused(folder, error) from error


def _recover(folder: Path) -> None:
    for path in abandoned(folder):
        if path.is_dir():
            _undo(folder, path)
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _commit(folder: Path, stage: Path, owned: Iterable[str]) -> None:
    """Move the staged files into their places, or raise with all as they were."""
    try:
        with alone(folder):
            _recover(folder)  # a run may have been killed meanwhile
            names, gone = _differing(folder, stage / NEW, owned)
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _write_journal(stage, {name: _keep(folder, stage, name) for name in [*names, *gone]})
            try:
                for name in names:
                    os.replace(stage / NEW / name, folder / name)
                for name in gone:
                    os.unlink(folder / name)
                os.unlink(stage / JOURNAL)
            except BaseException:
                _undo(folder, stage)
                raise
    except OSError as error:
        raise _refused(folder, error, (stage / JOURNAL).exists()) from error


def _differing(folder: Path, new: Path, owned: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files to move and files to remove, by their paths from ``folder``."""
    names = [path.relative_to(new).as_posix() for path in sorted(new.rglob("*")) if path.is_file()]
    gone = [name for name in owned if name not in names and os.path.lexists(folder / name)]
    return [name for name in names if not _same(new / name, folder / name)], gone


def _same(new: Path, old: Path) -> bool:
    """Whether a file needn't be moved."""
    return old.is_file() and not old.is_symlink() and new.read_bytes() == old.read_bytes()


def _keep(folder: Path, stage: Path, name: str) -> bool:
    """Keep a file, or the link in its place, among the old ones; False where none is there."""
    path, kept = folder / name, stage / OLD / name
    if not os.path.lexists(path):
        return False
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, kept, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links
        shutil.copy2(path, kept, follow_symlinks=False)
    return True


def _write_journal(stage: Path, was_there: Mapping[str, bool]) -> None:
    draft = stage / "draft"
    with open(draft, "w", encoding="utf-8") as stream:
        json.dump(was_there, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, stage / JOURNAL)


def _undo(folder: Path, stage: Path) -> None:
    """Put the old files back, if the set that is staged there was half moved."""
    journal = stage / JOURNAL
    if not journal.exists():
        return
    for name, was_there in _read_journal(journal).items():
        kept = stage / OLD / name
        if os.path.lexists(kept):
            os.replace(kept, folder / name)
        elif not was_there:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(folder / name)
    os.unlink(journal)


def _read_journal(path: Path) -> dict[str, bool]:
    """Which files a set changes, and whether each was there before; none lies outside."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        inside = all(
            isinstance(there, bool) and not {"/", ".."} & set(PurePosixPath(name).parts)
            for name, there in found.items()
        )
    except (ValueError, AttributeError, RecursionError):
        inside = False
    if not inside:
        raise InputError(
            f"{path} is no journal of rdverify's: remove its folder, and look whether the files "
            "beside it are those that you want"
        )
    return dict(found)


def _refused(folder: Path, error: OSError, half: bool = False) -> InputError:
    where = f", {error.filename}" if error.filename else ""
    left = "the next run puts its files back" if half else "nothing was changed"
    return InputError(
        f"{folder} can't be written ({error.strerror or error}{where}): "
        f"choose a folder that is writable and has room; {left}"
    )
