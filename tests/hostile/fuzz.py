"""Valid files of every format with bytes altered: each is refused in one line, or taken as it was.

``python tests/hostile/fuzz.py --inputs 100000 --seed 1 --workers 2`` counts; equal arguments give
equal inputs. Where a format carries a checksum no other content may be taken (``silent``); where
it carries none an altered digit is another valid file (``other``), which the manifest of the
recorded files is there for.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hostile.samples import Format, formats, prepared

from rdverify.tools.errors import InputError

OUTCOMES = ("refused", "equal", "other", "silent", "unclear")
# what turns up in files of these formats, and what none expects
WORDS = [
    *(b"null", b"NaN", b"-1", b"1e999", b"[]", b"{}", b'""', b"true", b"9" * 400, b"[" * 5000),
    *(b'"a":' * 3, b'{"a":' * 3000, b",", b"\n", b"\x00", b"\xff" * 8, b"\xef\xbb\xbf", b"inf"),
    *(b"\x7f" + b"\xff" * 7, (2**40).to_bytes(8, "little"), b"\xff\xff\xff\x7f", b"PK\x05\x06"),
]


def altered(content: bytes, rng: random.Random) -> bytes:
    """One to three small changes."""
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, other = rng.randrange(len(found) + 1), rng.randrange(len(found) + 1)
        start, end = min(at, other), max(at, other)
        word = rng.choice(WORDS)
        match rng.randrange(9):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(found):
                found[at] = rng.randrange(256)
            case 2:
                del found[at:]
            case 3:
                found[at:at] = word
            case 4:
                found[at : at + len(word)] = word
            case 5:
                del found[start : min(end, start + rng.randrange(1, 64))]
            case 6:
                found[other:other] = found[start : start + rng.randrange(1, 64)]
            case 7:
                found[at : at + 8] = rng.randbytes(8)
            case _:
                digits = [k for k, byte in enumerate(found[:4096]) if 48 <= byte <= 57]
                if digits:
                    found[rng.choice(digits)] = rng.choice(b"0123456789")
    return bytes(found)


def outcome(form: Format, path: Path, expected: Any) -> tuple[str, str]:
    """What reading the file comes to, and what was said."""
    try:
        found = form.read(path)
    except InputError as error:
        return ("refused" if len(str(error).splitlines()) == 1 else "unclear"), str(error)
    except Exception as error:
        return "unclear", f"{type(error).__name__}: {error}"
    if found == expected:
        return "equal", ""
    return ("silent" if form.summed else "other"), ""


def counted(seed: int, inputs: int) -> dict[str, Any]:
    """``inputs`` altered files over all formats: outcomes by format, and the first bad ones."""
    warnings.simplefilter("ignore")
    found: dict[str, Counter[str]] = {}
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as kept:
        every = formats(Path(kept))
        places, expected = {}, {}
        for name, form in every.items():
            folder = Path(kept) / name.replace(" ", "-")
            folder.mkdir()
            places[name], expected[name] = prepared(name, form, folder)
        turns = [n for n, form in every.items() for _ in range(form.share)]
        random.Random(0).shuffle(turns)
        for number, name in zip(range(inputs), cycle(turns), strict=False):
            form, rng = every[name], random.Random(f"{seed}/{name}/{number}")
            content = altered(form.content, rng)
            places[name].write_bytes(content)
            kind, said = outcome(form, places[name], expected[name])
            found.setdefault(name, Counter())[kind] += 1
            if kind in ("silent", "unclear") and len(bad) < 20:
                bad.append(f"{name}, seed {seed}, number {number}: {kind} {said[:300]}")
    return {"found": {name: dict(counts) for name, counts in found.items()}, "bad": bad}


def fuzz(inputs: int, seed: int = 0, workers: int = 1) -> dict[str, Any]:
    """Counts over all formats and by format."""
    started, shares = time.monotonic(), [inputs // workers] * workers
    shares[0] += inputs - sum(shares)
    if workers == 1:
        parts = [counted(seed, inputs)]
    else:
        with ProcessPoolExecutor(workers) as pool:
            seeds = [seed * 1000 + k for k in range(workers)]
            parts = list(pool.map(counted, seeds, shares))
    kinds: dict[str, Counter[str]] = {}
    for part in parts:
        for name, counts in part["found"].items():
            kinds.setdefault(name, Counter()).update(counts)
    total = sum(kinds.values(), Counter())
    return {
        "inputs": total.total(),
        **{outcome: total[outcome] for outcome in OUTCOMES},
        "seconds": round(time.monotonic() - started, 1),
        "kinds": {name: dict(counts) for name, counts in sorted(kinds.items())},
        "bad": [line for part in parts for line in part["bad"]],
    }


def main() -> int:
    """Count and print; 1 if anything was taken in silence or not refused in one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    found = fuzz(**vars(parser.parse_args()))
    print(json.dumps(found, indent=2))
    return int(found["silent"] + found["unclear"] > 0)


if __name__ == "__main__":
    sys.exit(main())
