"""Recorded files corrupted one at a time, and malformed environment files: what is said of each.

``python tests/hostile/corruptions.py --count 600 --environments 94 --seed 0`` counts; equal
arguments give equal files. ``silent``: taken with other content. ``unclear``: anything else than
the project's error in one line. ``changed``: a file was written all the same.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rdverify import verify
from rdverify.judge.environments import read_environments
from rdverify.judge.results import load_results
from rdverify.tools import paths
from rdverify.tools.errors import InputError

ODD: tuple[Any, ...] = (None, "x", -1, 1.5, True, [], [None], {}, {"x": 1}, "NaN", [[]] * 3)
MARKS = " ".join(verify.README_MARKS)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path from there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def outcome(run: Callable[[], object]) -> tuple[str, str]:
    """What a run comes to that ought to be refused."""
    try:
        run()
    except InputError as error:
        return ("refused" if len(str(error).splitlines()) == 1 else "unclear"), str(error)
    except BaseException as error:
        return "unclear", f"{type(error).__name__}: {error}"
    return "silent", "was taken"


def corrupted(content: bytes, rng: random.Random) -> bytes:
    """A flipped bit, a truncation, or another digit."""
    match rng.randrange(3):
        case 0:
            place, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
            return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]
        case 1:
            return content[: rng.randrange(len(content))]
        case _:
            digits = [k for k, byte in enumerate(content[:200_000]) if 48 <= byte <= 57]
            if not digits:
                return content[:-1]
            place = rng.choice(digits)
            other = rng.choice([digit for digit in b"0123456789" if digit != content[place]])
            return content[:place] + bytes([other]) + content[place + 1 :]


def recorded_files(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Corrupt ``count`` of the recorded files, one at a time, and ask for the record."""
    found: Counter[str] = Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as kept:
        golden = Path(kept) / "golden"
        shutil.copytree(paths.golden_folder(), golden)
        # what a run reads; figures are drawn, and only shown
        files = [path for path in sorted(golden.rglob("*")) if path.suffix not in (".png", ".svg")]
        files = [path for path in files if path.is_file()]
        for number in range(count):
            rng = random.Random(f"{seed}/{number}")
            path = rng.choice(files)
            whole = path.read_bytes()
            path.write_bytes(corrupted(whole, rng))
            before = contents(golden)
            with patch.object(paths, "PACKAGE", Path(kept)):  # as in a wheel
                kind, said = outcome(paths.golden_folder)
            if contents(golden) != before:
                found["changed"] += 1
            found[kind] += 1
            if kind != "refused":
                bad.append(f"{path.relative_to(golden)}, seed {seed}, {number}: {kind} {said}")
            path.write_bytes(whole)
    return found, bad


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within plain JSON, but what holds any value at all."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("config", "rows", "value", "control_value"):
                yield from places(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*place, index))


def changed(whole: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The same with another value at a place, or without it for ``...``."""
    found = copy.deepcopy(whole)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return found


def malformed(whole: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Environment files each of which is wrong in one way, and what is wrong with it."""
    needed = [name for name in whole if name not in ("environments", "equation_checks", "trials")]
    for name in whole:
        wrong = [None, 7, "x", [7], {"x": 7}, *([...] if name in needed else [])]
        for value in wrong:
            yield f"{name} = {value!r}", json.dumps(changed(whole, (name,), value)).encode()
    for place, value in (
        (("claims", 0, "verdict"), 7),
        (("claims", 0, "verdict"), "MAYBE"),
        (("claims", 0, "verdict"), ...),
        (("table1", 0, "verdict"), "MAYBE"),
        (("table1", 0, "measured"), "1.5"),
        (("table1", 0, "measured"), [1.5]),
        (("table1", 0, "key"), None),
        (("table1", 0, "key", "quantity"), "m"),
        (("table1", 0, "lov"), 1.0),
        (("facts", next(iter(whole["facts"])), "lov"), 1.0),
        (("provenance", "profile"), "made up"),
        (("provenance", "ledger_sha256"), "0" * 64),
        (("provenance", "packages"), {"numpy": 2}),
        (("equation_checks",), {"eq01": {"passed": -1.5, "failed": [], "claims": []}}),
        (("equation_checks",), {"eq01": {"passed": 1, "failed": None, "claims": []}}),
        (("claims",), [*whole["claims"], whole["claims"][0]]),
        (("table1",), [*whole["table1"], whole["table1"][0]]),
    ):
        yield f"{place} = {value!r:.20}", json.dumps(changed(whole, place, value)).encode()
    text = json.dumps(whole)
    for name, content in {
        "empty": b"",
        "cut": text[: len(text) // 2].encode(),
        "not UTF-8": b"\xff\xfe" + text.encode("utf-16-le"),
        "with a mark": b"\xef\xbb\xbf" + text.encode(),
        "zeros": bytes(1000),
        "lists": b"[" * 100_000,
        "deep": b'{"a":' * 100_000,
        "a list": b"[]",
        "a number": b"7",
        "NaN": text.replace('"low": ', '"low": NaN, "n": ', 1).encode(),
        "infinity": text.replace('"measured": ', '"measured": Infinity, "n": ', 1).encode(),
        "too large": text.replace('"measured": ', '"measured": 1e999, "n": ', 1).encode(),
        "a key twice": text.replace('"claims": ', '"claims": [], "claims": ', 1).encode(),
        "digits": (text[:-1] + f', "n": {"9" * 10_000}}}').encode(),
        "more after it": text.encode() + b"{}",
        "surrogate": text.replace('"command": "', '"command": "\\ud800', 1).encode(),
    }.items():
        yield name, content


def further(whole: dict[str, Any], seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Random places with a key that no record has: wrong wherever it stands."""
    every = [place for place in places(whole) if place[0] != "environments"]
    for number in range(count):
        rng = random.Random(f"{seed}/environment/{number}")
        place, value = rng.choice(every), {"x": [rng.choice(ODD)]}
        yield f"{place} = {value!r}", json.dumps(changed(whole, place, value)).encode()


def environment_files(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Give malformed environment files to ``rdverify report``, which must write nothing."""
    found: Counter[str] = Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as kept:
        root, given = Path(kept) / "clone", Path(kept) / "given"
        shutil.copytree(paths.golden_folder(), root / "golden")
        (root / "README.md").write_text(MARKS, encoding="utf-8")
        given.mkdir()
        whole = json.loads((root / "golden" / "results.json").read_bytes())
        for part in ("claims", "table1", "sentences", "equations", "consistency"):
            whole[part] = whole[part][:2]
        whole["facts"] = dict(list(whole["facts"].items())[:3])
        whole["studies"], whole["environments"] = whole["studies"][:1], {}
        (given / "py.json").write_bytes(json.dumps(whole).encode())
        assert list(read_environments(given)) == ["py"]  # wrong below only in what is changed
        files = list(malformed(whole))
        files = files[:count] + list(further(whole, seed, count - len(files)))
        before = contents(root)
        recorded = load_results(root / "golden" / "results.json")
        with (
            patch.object(verify, "repository", lambda: root),
            patch.object(verify, "load_results", lambda _: recorded),
            patch.object(verify, "check_manifest", lambda _: None),
            patch.object(verify, "illustrated", side_effect=AssertionError("was drawn")),
        ):
            for name, content in files:
                (given / "py.json").write_bytes(content)
                kind, said = outcome(lambda: verify.report_command(given, record=True))
                found["silent" if "was drawn" in said else kind] += 1
                if contents(root) != before:
                    found["changed"] += 1
                if kind != "refused":
                    bad.append(f"environment file, {name}: {kind} {said[:200]}")
    return found, bad


def main() -> int:
    """Count and print; 1 if anything else than a refusal was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--environments", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    told: dict[str, Any] = {}
    for name, run, count in (
        ("recorded files", recorded_files, given.count),
        ("environment files", environment_files, given.environments),
    ):
        started = time.monotonic()
        found, bad = run(count, given.seed)
        told[name] = {
            "inputs": count,
            **{kind: found[kind] for kind in ("refused", "silent", "unclear", "changed")},
            "seconds": round(time.monotonic() - started, 1),
            "bad": bad[:20],
        }
    print(json.dumps(told, indent=2))
    return int(any(part["refused"] < part["inputs"] or part["changed"] for part in told.values()))


if __name__ == "__main__":
    sys.exit(main())
