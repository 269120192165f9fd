"""Find what the tests reach, try mutants, sum up."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mutation import reach as reaching
from mutation.crew import ROOT, STUDIES, Crew, Job
from mutation.mutants import Mutant, is_program, mutated
from mutation.sample import GROUPS, argued, drawn, files
from mutation.worker import ARGUED, SINCE, SURVIVED, UNTESTED, Task

REACH, FOUND = "reach.json", "found.jsonl"
# wrong forms that judge the checks, and the tests of this
APART = ("test_mutants.py", "mutation")


def cover(folder: Path, extra: list[str]) -> None:
    """Run the tests once, and keep which of them runs which line, and their seconds."""
    data, junit = folder / "coverage", folder / "junit.xml"
    settings = folder / "coveragerc"
    settings.write_text(f"[run]\ndata_file = {data}\nsource = {ROOT}/rdverify,{ROOT}/spec\n")
    words = [sys.executable, "-m", "pytest", "-q", "-m", "not end_to_end"]
    words += ["--cov", "--cov-context=test", f"--cov-config={settings}", "--cov-report="]
    words += [f"--junitxml={junit}", *(f"--ignore=tests/{one}" for one in APART), *extra]
    variables = {**os.environ, "RDVERIFY_STUDIES": str(folder / STUDIES)}
    subprocess.run([*words, "-p", "mutation.given"], cwd=ROOT, check=False, env=variables)
    reaching.write(reaching.measured(data, ROOT, seconds(junit)), folder / REACH)


def seconds(junit: Path) -> dict[str, float]:
    """Id of every test that passed -> its seconds."""
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        if not any(child.tag in ("failure", "error", "skipped") for child in case):
            file = case.get("file") or _file(case.get("classname", ""))
            inner = case.get("classname", "").removeprefix(
                file.removesuffix(".py").replace("/", ".")
            )
            name = "::".join([file, *inner.strip(".").split("."), case.get("name", "")])
            found[name.replace("::::", "::")] = float(case.get("time", 0))
    return found


def _file(classname: str) -> str:
    """File of a test's dotted class name."""
    parts = classname.split(".")
    for k in range(len(parts), 0, -1):
        if (ROOT / "/".join(parts[:k])).with_suffix(".py").is_file():
            return "/".join(parts[:k]) + ".py"
    return classname


def studies(folder: Path) -> None:
    """Measure the systems once, for tests of what is judged from it."""
    from rdverify.judge.paper import the_paper
    from rdverify.side_by_side import measure_apart
    from rdverify.study import Context
    from rdverify.systems import SYSTEMS
    from rdverify.tools.paths import golden_folder

    (folder / "figures").mkdir(exist_ok=True)
    printed, cores = the_paper().printed(), os.cpu_count() or 1
    golden, work = golden_folder(), folder / "work"
    where = Context("quick", golden, folder / "figures", work, printed=printed, workers=cores)
    found = {name: result for name, (_, result) in measure_apart(list(SYSTEMS), where).items()}
    (folder / STUDIES).write_bytes(pickle.dumps(found))


def files_of(wanted: list[Mutant], reach: reaching.Reach) -> list[str]:
    """Files of all tests that run what is changed."""
    found: set[str] = set()
    for mutant in wanted:
        found |= reach.that_run(mutant, text_of(mutant.file))
    return sorted({test.partition("::")[0] for test in found & set(reach.seconds)})


def tasks_of(
    wanted: list[Mutant], reach: reaching.Reach, options: argparse.Namespace
) -> Iterator[Task]:
    """Each mutant with its tests, and the seconds that these take."""
    for mutant in wanted:
        source = text_of(mutant.file)
        if not is_program(mutated(source, mutant)):
            continue
        tests = [*options.also, *reach.tests(mutant, source, options.limit)]
        yield Task(mutant, tests, reach.seconds_of(tests), reach.is_early(mutant, source))


class Found:
    """What became of mutants: each at first, and how it ended when it was tried last."""

    def __init__(self, path: Path) -> None:
        self.by_name: dict[str, dict[str, tuple[dict[str, Any], str]]] = defaultdict(dict)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        for line in map(json.loads, lines):
            known = self.by_name[line["mutant"]]
            known[line["before"]] = known.get(line["before"], (line, ""))[0], line["outcome"]

    def of(self, mutant: Mutant, source: str) -> tuple[dict[str, Any], str] | None:
        """What became of a mutant; of another that stood at its place before, nothing is known."""
        lines = source.splitlines()[max(0, mutant.start[0] - 3) : mutant.end[0] + 2]
        there = {line.strip() for line in lines}
        for before, found in self.by_name.get(mutant.name, {}).items():
            if there.issuperset(before.splitlines()):
                return found
        return None


def ended(first: dict[str, Any], last: str, reasons: Container[tuple[str, str, str]]) -> str:
    """How a mutant counts: how it ended at first, unless it was found or argued since."""
    if first["outcome"] not in (SURVIVED, UNTESTED):
        return str(first["outcome"])
    if last not in (SURVIVED, UNTESTED):
        return SINCE
    file = first["mutant"].partition(":")[0]
    return ARGUED if (file, first["before"], first["after"]) in reasons else SURVIVED


def wanted_of(options: argparse.Namespace, known: Found) -> list[Mutant]:
    """Mutants that have not been tried; or those that survived, for the tests of today."""
    wanted = []
    for mutant in drawn(ROOT, options.groups, options.seed):
        if not options.only or mutant.file in options.only:
            found = known.of(mutant, text_of(mutant.file))
            survived = found is not None and found[1] in (SURVIVED, UNTESTED)
            if survived if options.again else found is None:
                wanted.append(mutant)
    return wanted


@cache
def text_of(file: str) -> str:
    """A file of ours."""
    return (ROOT / file).read_text(encoding="utf-8")


def run(folder: Path, options: argparse.Namespace) -> None:
    """Try mutants that have not been tried, and write what became of them as they come."""
    start = time.monotonic()
    reach, target = reaching.read(folder / REACH, ROOT), folder / FOUND
    wanted = wanted_of(options, Found(target))[: options.most]
    by_kind: dict[bool, list[Mutant]] = defaultdict(list)
    for mutant in wanted:
        by_kind[is_compiled(mutant.file)].append(mutant)
    until = start + options.seconds
    with target.open("a") as file:
        for interpreted, part in sorted(by_kind.items()):
            job = Job(folder, sorted({*files_of(part, reach), *options.also}), interpreted)
            count = Counter[str]()
            crew = Crew(job, options.workers)
            for outcome in crew.do(tasks_of(part, reach, options), until):
                file.write(json.dumps(outcome.plain()) + "\n")
                file.flush()
                count[outcome.outcome] += 1
                print(f"\r{count.total()} of {len(part)}: {dict(count)}", end="", flush=True)
            print()
            crew.end()


def is_compiled(file: str) -> bool:
    """Whether Numba compiles functions of a file; their changes are tried without it."""
    return "njit" in text_of(file)


def score(folder: Path, only: Container[str]) -> None:
    """Killed, argued and surviving mutants by group, as JSON, and by file; of some files or all."""
    from rdverify.judge.records import UNTRIED  # not above: workers import their own copy

    known, reasons = Found(folder / FOUND), argued()
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    spent, left = 0.0, []
    for mutant in drawn(ROOT, list(GROUPS), 0):
        if only and mutant.file not in only:
            continue
        source = text_of(mutant.file)
        found = known.of(mutant, source)
        if found is None:  # never tried, or a line that has changed or moved since
            by_file[mutant.file][UNTRIED] += is_program(mutated(source, mutant))
            continue
        first, last = found
        outcome = ended(first, last, reasons)
        by_file[mutant.file][outcome] += 1
        spent += first["seconds"]
        if outcome == SURVIVED:
            left.append(f"{mutant.name}\n  - {first['before']}\n  + {first['after']}")
    kinds: dict[str, Counter[str]] = {name: Counter() for name in GROUPS}
    for file, name in files(ROOT, list(GROUPS)).items():
        kinds[name] += by_file[file]
    tried = {name: dict(n) for name, n in kinds.items() if n.total() > n[UNTRIED]}
    content = {"kinds": tried, "seconds": round(spent)}
    (folder / "score.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / "survivors.txt").write_text("\n".join(sorted(left)) + "\n", encoding="utf-8")
    for name, count in [*kinds.items(), *sorted(by_file.items())]:
        if total := count.total() - count[UNTRIED]:
            share = f"{100 * (1 - count[SURVIVED] / total):6.1f} %"
            print(
                f"{name:44} {total - count[SURVIVED]:5} of {total:5} {share}, {count[UNTRIED]} left"
            )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="mutation")
    parser.add_argument("what", choices=("cover", "studies", "run", "score"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--groups", nargs="*", default=list(GROUPS))
    parser.add_argument("--only", nargs="*", default=[], help="files that are changed, or counted")
    parser.add_argument("--also", nargs="*", default=[], help="files of new tests, tried first")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=10**9)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--limit", type=float, default=40.0, help="seconds of tests a mutant")
    parser.add_argument("--seconds", type=float, default=1e9, help="no mutant is begun after it")
    parser.add_argument("--again", action="store_true", help="those that survived so far")
    options, extra = parser.parse_known_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if options.what == "cover":
        cover(folder, extra)
    elif options.what == "studies":
        studies(folder)
    elif options.what == "run":
        run(folder, options)
    else:
        score(folder, options.only)


if __name__ == "__main__":
    main()
