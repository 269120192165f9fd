"""What was tried on the suite itself, as golden/trials.json for the report.

``python tests/trials.py faults=A.json altered=B.json fuzz=C.json mutation=D.json`` takes
the counts of ``tox -e faults``, of ``tests/hostile/corruptions.py``, of ``tests/hostile/fuzz.py``
and of ``python -m mutation score``; a kind that is left out stays as it was recorded.
"""

from __future__ import annotations

import json
import platform
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rdverify
from rdverify.judge.records import UNTRIED, Trials, TrialsFile, TriedKind
from rdverify.tools.manifest import write_manifest
from rdverify.tools.paths import golden_folder
from rdverify.tools.records import read_record, write_record


@dataclass(frozen=True)
class Tried:
    """A kind of trial: its title, what counts it, how it can end, and how it should not."""

    title: str
    command: str
    outcomes: dict[str, str]
    failures: tuple[str, ...]


REFUSED = "one line that says what is wrong, exit status 2, before any work"
UNCLEAR = "a traceback, several lines, or another exit status"
TRIED = {
    "faults": Tried(
        "Faults while files are written",
        "pytest tests/faults --faults all",
        {
            "clean": "all files are those of a whole run, at once or after the next run's start",
            "refused": "one line, its own exit status, and all files as they were",
            "silent": "success was told, and files are missing or old",
            "unclear": UNCLEAR,
            "torn": "old files beside new ones of one set",
            "changed": "a file that is none of the command's was changed",
            "litter": "temporary files are still there after the next run's start",
        },
        ("silent", "unclear", "torn", "changed", "litter"),
    ),
    "altered": Tried(
        "Altered records and malformed environment files, one at a time",
        "python tests/hostile/corruptions.py",
        {
            "refused": REFUSED,
            "silent": "taken with other content",
            "unclear": UNCLEAR,
            "changed": "a file was written all the same",
        },
        ("silent", "unclear", "changed"),
    ),
    "fuzz": Tried(
        "Files of every format with bytes altered at random",
        "python tests/hostile/fuzz.py",
        {
            "refused": REFUSED,
            "equal": "taken, with the content that it had",
            "other": "taken as another valid file, of a format without a checksum of its own",
            "silent": "taken with other content, of a format with a checksum",
            "unclear": UNCLEAR,
        },
        ("silent", "unclear"),
    ),
    "mutation": Tried(
        "Small changes of the code, one at a time",
        "python -m mutation run",
        {
            "killed": "a test fails",
            "timed out": "the tests take several times as long and are stopped",
            "since": "survived at first; a test that was added, or not tried then, finds it",
            "argued": "no test can tell it apart; the reason is in tests/mutation/argued.toml",
            "survived": "no test that runs the line fails",
            UNTRIED: "a place of these files whose change was not tried",
        },
        ("survived",),
    ),
}


def trials(what: str, counts: dict[str, Any]) -> Trials:
    """One file of counts as the report has it."""
    tried = TRIED[what]
    found = counts.get("kinds", counts)
    seconds = counts.get("seconds") or sum(kind["seconds"] for kind in found.values())
    kinds = [
        TriedKind(name, {outcome: kind.get(outcome, 0) for outcome in tried.outcomes})
        for name, kind in found.items()
    ]
    versions = {"rdverify": rdverify.__version__, "Python": platform.python_version()}
    of = f" --groups {shlex.join(found)}" if what == "mutation" else ""
    return Trials(
        tried.title,
        tried.command + of,
        versions,
        tried.outcomes,
        list(tried.failures),
        kinds,
        float(seconds),
    )


def main(words: list[str]) -> None:
    """Read the files, write the record and the manifest that names it."""
    golden = golden_folder(held=False)
    path = golden / "trials.json"
    kept = read_record(path, TrialsFile, "trials of the suite").trials if path.is_file() else []
    found = {one.title: one for one in kept}
    for word in words:
        what, _, file = word.partition("=")
        new = trials(what, json.loads(Path(file).read_text(encoding="utf-8")))
        found[new.title] = new
    order = [tried.title for tried in TRIED.values()]
    write_record(path, TrialsFile(sorted(found.values(), key=lambda one: order.index(one.title))))
    write_manifest(golden)


if __name__ == "__main__":
    main(sys.argv[1:])
