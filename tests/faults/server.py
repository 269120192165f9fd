"""A process with everything imported, which runs each command in a child of its own.

Reads requests from standard input, one JSON a line, and answers likewise: exit status (negative:
the signal), what was said, how many changes there were.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from faults import commands
from faults.injector import Injector
from rdverify.tools.fileset import recover
from rdverify.tools.status import guarded


def in_child(request: dict[str, Any], scratch: Path, word: str) -> int:
    """Run a command, with its fault; returns the exit status."""
    for name, number in (("out", 1), (f"{word}.err", 2)):
        os.dup2(os.open(scratch / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    signal.alarm(120)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(request["folder"])
    injector = Injector(folder, request.get("kind", "killed"), request.get("at", 0))
    if request["command"] == "sweep":
        for place in (folder, *filter(Path.is_dir, folder.rglob("*"))):
            if place.exists():
                recover(place)
        return 0
    injector.install()
    run = commands.COMMANDS[request["command"]]
    try:
        status = guarded(lambda: run(folder, word))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(bool(error.code))
    (scratch / "count").write_text(str(injector.count))
    return status


def answer(request: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """The ends of a child for each word, side by side: of several the worst status."""
    (scratch / "count").write_text("0")
    children = [start(request, scratch, word) for word in request["words"]]
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return {
        "status": max(ends, key=abs),
        "err": "".join(
            (scratch / f"{word}.err").read_text(errors="replace") for word in request["words"]
        ),
        "count": int((scratch / "count").read_text()),
    }


def start(request: dict[str, Any], scratch: Path, word: str) -> int:
    """The number of a child that runs a command."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = in_child(request, scratch, word)
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def main() -> None:
    """Answer until standard input ends."""
    scratch = Path(sys.argv[1])
    for name, run in commands.COMMANDS.items():  # once, so that no child has to import anything
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit):
            (scratch / name).mkdir()
            run(scratch / name, "old")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), scratch)), flush=True)


if __name__ == "__main__":
    main()
