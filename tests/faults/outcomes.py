"""What became of the files after a fault, and how many faults ended how."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rdverify.tools.staging import PREFIX

GOOD = ("clean", "refused")
BAD = ("silent", "unclear", "torn", "changed", "litter")
WORDS = {
    "clean": "all files are those of a whole run, at once or after the next run's start",
    "refused": "one line, its own exit status, and all files as they were",
    "silent": "success was told, and files are missing or old",
    "unclear": "a traceback, several lines, or a fault of rdverify's own",
    "torn": "old files beside new ones of one set",
    "changed": "a file that is none of the command's was changed",
    "litter": "temporary files are still there after the next run's start",
}
Files = dict[str, bytes]


def files_of(folder: Path) -> Files:
    """All files below a folder by name, but temporary ones; a link is where it points to."""
    return {
        path.relative_to(folder).as_posix(): os.fsencode(os.readlink(path))
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and PREFIX not in path.as_posix()
    }


def litter_of(folder: Path) -> list[str]:
    """Temporary files and folders, ours and those of other names that a library might leave."""
    return sorted(path.name for path in folder.rglob(".*"))


def sets_of(files: Files) -> dict[str, Files]:
    """Files by the folder at the top, each of which is a set."""
    found: dict[str, Files] = {}
    for name, content in files.items():
        found.setdefault(name.partition("/")[0], {})[name] = content
    return found


def torn(now: Files, *whole: Files) -> list[str]:
    """The sets that are as in none of the ``whole`` states."""
    states = [sets_of(state) for state in (now, *whole)]
    return [
        top
        for top in sorted(set().union(*states))
        if states[0].get(top, {}) not in [state.get(top, {}) for state in states[1:]]
    ]


def told(status: int, err: str) -> str:
    """How a command's end reads: "done", "refused", "killed" or "unclear"."""
    lines = [line for line in err.splitlines() if line.startswith("rdverify: ")]
    if status == -9:
        return "killed"
    if "Traceback" in err or status not in (0, 2, 130, 141) or len(lines) != (status in (2, 130)):
        return "unclear"
    return "done" if status == 0 else "refused"


@dataclass
class Counts:
    """How many faults of each kind ended how."""

    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, kind: str, outcome: str, seconds: float = 0.0, what: str = "") -> None:
        """One more fault."""
        assert outcome in (*GOOD, *BAD), outcome
        self.kinds.setdefault(kind, Counter())[outcome] += 1
        self.seconds[kind] += seconds
        if outcome in BAD:
            self.failures.append(f"{kind}: {outcome}, {what}")

    def plain(self) -> dict[str, Any]:
        """For a table."""
        total = sum(self.kinds.values(), Counter())
        row = dict.fromkeys((*GOOD, *BAD), 0)
        return {
            "words": WORDS,
            "faults": total.total(),
            "seconds": round(sum(self.seconds.values()), 1),
            "outcomes": row | total,
            "kinds": {
                kind: {
                    "faults": found.total(),
                    **(row | found),
                    "seconds": round(self.seconds[kind], 1),
                }
                for kind, found in self.kinds.items()
            },
            "failures": self.failures,
        }

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(self.plain(), indent=2) + "\n", encoding="utf-8")
