"""What is changed, which tests a change is tried against, and that one is found or told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="comes with the extra mutation, as in tox -e py313")

from mutation.__main__ import Found, ended
from mutation.mutants import Mutant, is_program, mutants, mutated
from mutation.reach import Reach, statement
from mutation.sample import GROUPS, argued, drawn, files
from mutation.worker import KILLED, NO_TEST, UNTESTED, Task, Worker, changed

pytestmark = pytest.mark.end_to_end
ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
@njit(cache=True)
def f(x: int | None = 3, *, z: int = 2) -> A | B:
    if x > 2 and (
        x < 5
    ):
        return -x + 1
    for k in range(x):
        y: float | None = k * 2
    return y
"""


def changes(source: str, tmp_path: Path) -> dict[str, Mutant]:
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    return {mutated(source, one): one for one in mutants(tmp_path, "a.py")}


@pytest.mark.parametrize(
    "file", ["rdverify/balance.py", "spec/lstm.py", "rdverify/judge/decide.py"]
)
def test_every_mutant_is_a_program_that_differs_where_it_says(file: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    found = mutants(ROOT, file)
    assert len({one.name for one in found}) == len(found) > 5
    tried = found[:: 1 + len(found) // 60]
    programs = [one for one in tried if is_program(mutated(source, one))]
    assert len(programs) > 0.95 * len(tried)
    for one in programs:
        before, after = source.splitlines(), mutated(source, one).splitlines()
        pairs = zip(before, after, strict=False)
        first = next(k for k, (a, b) in enumerate(pairs, 1) if a != b)
        assert one.start[0] - 2 <= first <= one.end[0]


def test_of_exceptions_every_plain_name_is_replaced(tmp_path: Path) -> None:
    source = "try:\n    f()\nexcept (OSError, a.Error, KeyError):\n    pass\n"
    lines = {text.splitlines()[2] for text in changes(source, tmp_path)}
    other = "CosmicRayTestingException"
    assert f"except ({other}, a.Error, KeyError):" in lines
    assert f"except (OSError, a.Error, {other}):" in lines


def test_what_only_types_or_only_makes_faster_is_left_alone(tmp_path: Path) -> None:
    texts = list(changes(SOURCE, tmp_path))
    assert all("@njit(cache=True)" in text for text in texts)
    assert all("x: int | None" in text and "-> A | B" in text for text in texts)
    assert all("y: float | None" in text for text in texts)
    assert all(", *, z: int" in text for text in texts)
    together = " ".join(" ".join(texts).split())
    for part in ("x >= 2", "x == 5", "x > 2 or", "+x + 1", "-x - 1", "k / 2", "None = 4", "not x"):
        assert part in together, part


def test_a_draw_takes_one_of_each_place_and_kind_and_the_groups_take_turns() -> None:
    found = drawn(ROOT, ["spec", "judge"], seed=0)
    assert drawn(ROOT, ["spec"], seed=0) == [one for one in found if one.file.startswith("spec/")]
    assert drawn(ROOT, ["spec"], seed=1) != drawn(ROOT, ["spec"], seed=0)
    places = [(one.file, one.start, one.end, one.operator.partition("_")[0]) for one in found]
    assert len(set(places)) == len(places)
    group = files(ROOT, ["spec", "judge"])
    assert {group[one.file] for one in found[:2]} == {"spec", "judge"}
    assert [group[one.file] for one in found[:100]].count("spec") == 50


def test_every_group_has_files_and_none_is_in_two() -> None:
    group = files(ROOT, list(GROUPS))
    assert set(group.values()) == set(GROUPS)
    assert group["rdverify/lstm/kernel.py"] == "kernels"


def test_a_statement_is_whole_and_a_compound_one_its_head() -> None:
    assert statement(SOURCE, 5) == range(4, 7)
    assert statement(SOURCE, 7) == range(7, 8)
    assert statement(SOURCE, 8) == range(8, 9)
    assert statement(SOURCE, 99) == range(99, 100)


def test_tests_come_the_nearest_first_and_keep_to_the_limit() -> None:
    mutant = Mutant("rdverify/judge/decide.py", "AddNot", 0, (4, 4), (4, 8))
    near, folder, far = "tests/judge/test_decide.py::a", "tests/judge/test_b.py::b", "tests/c.py::c"
    lines = {"rdverify/judge/decide.py": {5: [far, folder, near]}}
    reach = Reach(lines, {near: 3.0, folder: 2.0, far: 1.0}, {})
    assert reach.tests(mutant, SOURCE, 10) == [near, folder, far]
    assert reach.tests(mutant, SOURCE, 4) == [near, far]
    assert reach.tests(mutant, SOURCE, 0) == [near]


def test_a_line_outside_functions_is_for_the_tests_of_its_module() -> None:
    mutant = Mutant("rdverify/judge/decide.py", "ReplaceTrueWithFalse", 0, (8, 4), (8, 8))
    own, other = (f"tests/test_values.py::a[rdverify.judge.{n}]" for n in ("decide", "cells"))
    runs = "tests/judge/test_rules.py::b"
    reach = Reach({"rdverify/judge/decide.py": {5: [runs]}}, {own: 3.0, other: 1.0, runs: 1.0}, {})
    assert reach.tests(mutant, SOURCE, 10) == [own, runs]
    within = Mutant("rdverify/judge/decide.py", "AddNot", 0, (4, 4), (4, 8))
    assert reach.tests(within, SOURCE, 10) == [runs]


def test_arguments_are_of_changes_that_are_still_possible() -> None:
    for (file, before, after), why in argued().items():
        assert len(why) > 20, file
        lines = {line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()}
        assert set(before.splitlines()) <= lines, before
        assert before != after


def test_a_run_counts_what_tests_find(tmp_path: Path) -> None:
    """Of ``ratio`` and ``balance_of`` every change is found by the tests of eq18 to eq20."""
    tests = [
        "tests/test_balance.py::test_eq18_eq19_eq20_balance_is_the_spec_run_by_run",
        "tests/test_balance.py::test_steps_without_diffusion_are_kept_by_the_stated_policy",
    ]
    count = len((ROOT / "rdverify/balance.py").read_text(encoding="utf-8").splitlines())
    reach = {
        "tests": tests,
        "seconds": dict.fromkeys(tests, 0.1),
        "lines": {"rdverify/balance.py": {k: [0, 1] for k in range(1, count + 1)}},
        "early": {},
    }
    (tmp_path / "reach.json").write_text(json.dumps(reach), encoding="utf-8")
    source = (ROOT / "rdverify/balance.py").read_text(encoding="utf-8")
    all_but_some = mutants(ROOT, "rdverify/balance.py")[3:]
    names = [one.name for one in all_but_some]
    texts = (changed(source, mutated(source, one)) for one in all_but_some)
    before = [
        {"mutant": name, "outcome": "survived", "before": text, "after": after, "seconds": 1}
        for name, (text, after) in zip(names, texts, strict=True)
    ]
    lines = "".join(json.dumps(one) + "\n" for one in before)
    (tmp_path / "found.jsonl").write_text(lines, encoding="utf-8")
    words = [sys.executable, "-m", "mutation", "run", "--folder", str(tmp_path), "--workers", "1"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    run = subprocess.run(
        [*words, "--groups", "balance and trace", "--again"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    last = (tmp_path / "found.jsonl").read_text(encoding="utf-8").splitlines()[len(names) :]
    found = [json.loads(line) for line in last]
    assert {one["mutant"] for one in found} <= set(names), run.stdout
    assert len(found) >= 2
    assert {one["outcome"] for one in found} == {"killed"}
    assert all(one["by"] in tests or "test_balance" in one["by"] for one in found)
    known = Found(tmp_path / "found.jsonl")
    ends = {one.name: ended(*known.of(one, source), {}) for one in all_but_some}
    assert {ends[one["mutant"]] for one in found} == {"since"}
    assert set(ends.values()) == {"since", "survived"}


def test_of_a_change_that_stood_where_another_stands_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SOURCE, encoding="utf-8")
    one = next(m for m in mutants(tmp_path, "a.py") if m.start[0] == 7)
    line = {"mutant": one.name, "before": "return -x + 1", "after": "", "outcome": "survived"}
    later = {**line, "outcome": "killed"}
    path = tmp_path / "found.jsonl"
    path.write_text(f"{json.dumps(line)}\n{json.dumps(later)}\n", encoding="utf-8")
    assert Found(path).of(one, SOURCE) == (line, "killed")
    assert Found(path).of(one, SOURCE.replace("-x + 1", "-x + 2")) is None
    assert Found(path).of(one, "# more\n" * 9 + SOURCE) is None
    assert Found(tmp_path / "none").of(one, SOURCE) is None


def test_how_a_mutant_counts() -> None:
    first = {"mutant": "a.py:1", "outcome": "survived", "before": "x", "after": "y"}
    assert ended(first, "survived", {}) == ended(first, "untested", {}) == "survived"
    assert ended(first, "survived", {("a.py", "x", "y")}) == "argued"
    assert ended(first, "killed", {("a.py", "x", "y")}) == "since"
    assert ended({**first, "outcome": "killed"}, "killed", {}) == "killed"


@pytest.mark.parametrize(("unchanged", "outcome"), [(0, KILLED), (NO_TEST, UNTESTED)])
def test_what_can_t_be_imported_any_more_is_found_and_a_test_that_is_gone_finds_nothing(
    monkeypatch: pytest.MonkeyPatch, unchanged: int, outcome: str
) -> None:
    class Alone(Worker):
        def __init__(self) -> None:
            self.root, self.standing = ROOT, {}

    def anew(_: Worker, change: Mutant | None, *__: object) -> tuple[int, list[str]]:
        return (NO_TEST if change else unchanged), []

    monkeypatch.setattr(Worker, "anew", anew)
    change = mutants(ROOT, "rdverify/balance.py")[0]
    task = Task(change, ["tests/test_balance.py::test_some"], 1.0, early=True)
    assert Alone().try_mutant(task).outcome == outcome
