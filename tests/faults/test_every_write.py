"""Whatever fails at whichever write: a set of files is the old one or the new one."""

from __future__ import annotations

import shutil
import time
from functools import cache
from pathlib import Path

import pytest

from faults.commands import COMMANDS, RESUMED
from faults.conftest import Server
from faults.injector import KINDS
from faults.outcomes import BAD, Counts, Files, files_of, litter_of, told, torn

pytestmark = pytest.mark.end_to_end
SOME = 41  # of the changes, every how many-th fails where only some are wanted
LARGE = ("report", "verify", "verify --record")  # for these kills at all, others at every 4th


@pytest.fixture(scope="session")
def whole(server: Server, tmp_path_factory: pytest.TempPathFactory):
    """Per command: a folder after a run "old", its files, those after "new", and the changes."""

    @cache
    def of(command: str) -> tuple[Path, Files, Files, int]:
        old = tmp_path_factory.mktemp("old")
        if command not in RESUMED:  # those start from nothing
            assert server.run(command, old, "old")["status"] == 0
        new = tmp_path_factory.mktemp("new") / "run"
        shutil.copytree(old, new, symlinks=True)
        done = server.run(command, new)
        assert (done["status"], litter_of(new)) == (0, []), done["err"]
        return old, files_of(old), files_of(new), done["count"]

    return of


def ended(
    server: Server, command: str, folder: Path, kind: str, at: int, old: Files, new: Files
) -> tuple[str, str]:
    """How the fault ended, and what was said."""
    done = server.run(command, folder, kind=kind, at=at)
    how, err = told(done["status"], done["err"]), done["err"]
    now = files_of(folder)
    if how == "unclear" or (how == "killed") != (kind == "killed"):
        return "unclear", f"status {done['status']}: {err}"
    if how == "done" and torn(now, new):
        return "silent", err
    resumed = command in RESUMED
    at_once = how == "refused" and "puts its files back" not in err and not resumed
    if at_once and torn(now, old, new):
        return "torn", err
    again = server.run(command if resumed else "sweep", folder)
    if again["status"] != 0:
        return "unclear", again["err"]
    if torn(files_of(folder), *([new] if resumed else [old, new])):
        return "torn", f"{sorted(files_of(folder))}, {err}"
    if litter_of(folder):
        return "litter", str(litter_of(folder))
    return ("refused" if how == "refused" else "clean"), err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_files_are_those_of_one_run_whatever_fails(
    server: Server, counts: Counts, every_fault: bool, whole, tmp_path: Path, command: str, kind
) -> None:
    start, old, new, changes = whole(command)
    assert changes > 3
    step = (4 if command in LARGE and kind != "killed" else 1) if every_fault else SOME
    first = 1 + 7 * list(KINDS).index(kind) % step
    bad = []
    for at in range(min(first, changes), changes + 1, step):
        folder = tmp_path / "run"
        shutil.copytree(start, folder, symlinks=True)
        started = time.monotonic()
        outcome, what = ended(server, command, folder, kind, at, old, new)
        name = f"{kind}, {command}"
        counts.add(name, outcome, time.monotonic() - started, f"at {at} of {changes}: {what}")
        bad += [f"at {at} of {changes}: {outcome}, {what}"] if outcome in BAD else []
        shutil.rmtree(folder)
    assert not bad
