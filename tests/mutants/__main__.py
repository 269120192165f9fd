"""``python tests/mutants --update`` writes golden/mutation.json; without it, prints the score."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from mutants import score  # noqa: E402  (needs the path)
from rdverify.tools.files import write_json  # noqa: E402

if __name__ == "__main__":
    made = score()
    for row in made["equations"]:
        counts = f"{row['rejected']}/{row['total']}"
        print(f"eq{row['number']:02d}  {counts}  resolution {row['resolution']:.0e}")
        for entry in row["mutants"]:
            if entry["rejected_by"] is None:
                print(f"      survives: {entry['name']}")
    if "--update" in sys.argv[1:]:
        print("wrote", write_json(TESTS.parent / "golden" / "mutation.json", made))
