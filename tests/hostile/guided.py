"""Files that are altered where it reaches new code: Atheris, guided by what the readers run.

``python tests/hostile/guided.py --runs 20000`` tries every format, each in a process of its own,
and counts as :mod:`hostile.fuzz` does. What is not refused in one line ends that process, and the
file that did it is named.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

HANG, MEMORY = 60, 6000  # seconds for one file, and MiB of the process


def one_format(name: str, runs: int, folder: Path) -> None:
    """Alter files of a format ``runs`` times; never returns."""
    import atheris

    with atheris.instrument_imports(include=["rdverify"]):
        from hostile.fuzz import outcome
        from hostile.samples import formats, prepared
    warnings.simplefilter("ignore")
    form = formats(folder)[name]
    place = folder / "format"
    place.mkdir()
    path, expected = prepared(name, form, place)
    (folder / "corpus").mkdir()
    (folder / "corpus" / "valid").write_bytes(form.content)
    counts: Counter[str] = Counter()

    def once(content: bytes) -> None:
        path.write_bytes(content)
        kind, said = outcome(form, path, expected)
        counts[kind] += 1
        if counts.total() % 500 == 0 or counts.total() >= runs:
            (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
        if kind in ("silent", "unclear"):
            raise AssertionError(f"{name}: {kind} {said[:300]}")

    limits = [f"-timeout={HANG}", f"-rss_limit_mb={MEMORY}", f"-max_len={2 * len(form.content)}"]
    words = ["guided", str(folder / "corpus"), f"-runs={runs}", "-seed=1", "-print_final_stats=0"]
    atheris.Setup([*words, *limits, f"-artifact_prefix={folder}/"], once)
    atheris.Fuzz()


def guided(runs: int, wanted: list[str] | None = None) -> dict[str, Any]:
    """Counts by format; ``bad`` has the ends of what did not go to its end."""
    from hostile.samples import formats

    started, kinds, bad = time.monotonic(), {}, []
    with tempfile.TemporaryDirectory() as folder:
        names = list(formats(Path(folder)))
    for name in wanted or names:
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, __file__, "--only", name, "--folder", folder]
            done = subprocess.run(
                [*words, "--runs", str(runs)], capture_output=True, text=True, errors="replace"
            )
            path = Path(folder) / "counts.json"
            kinds[name] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if done.returncode:
            kinds[name]["unclear"] = kinds[name].get("unclear", 0) + 1
            bad.append(f"{name}: {done.stderr[-1500:]}")
    return {"seconds": round(time.monotonic() - started, 1), "kinds": kinds, "bad": bad}


def main() -> int:
    """Count and print; 1 if anything was taken in silence or not refused in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.folder is not None:
        one_format(options.only, options.runs, options.folder)
    found = guided(options.runs, [options.only] if options.only else None)
    print(json.dumps(found, indent=2))
    return int(bool(found["bad"]))


if __name__ == "__main__":
    sys.exit(main())
