"""Where each equation lives: found in a clone, remembered outside of one."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

import spec
from rdverify import InputError
from rdverify.judge import equations
from rdverify.judge.equations import equation_records, numerical_modules
from rdverify.judge.equations import tests_of as names_of
from rdverify.judge.paper import Paper, the_paper
from rdverify.judge.records import MutationFile, Results
from rdverify.tools.paths import PACKAGE, golden_folder
from rdverify.tools.records import read_record


@pytest.fixture(scope="module")
def mutation() -> MutationFile:
    return read_record(golden_folder() / "mutation.json", MutationFile, "mutation")


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clone that these tests lie in, also where what is tried is an installed package."""
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setattr(equations, "repository", lambda: root)
    return root


def test_what_judges_or_reports_implements_no_equation() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in numerical_modules()}
    assert {"balance.py", "gray_scott/model.py", "study/study.py"} <= found
    assert not any(name.startswith(("judge/", "report/")) for name in found)


def test_tests_of_an_equation_are_those_that_carry_its_number(clone: Path) -> None:
    found = names_of("eq01")
    assert found
    for name in found:
        file, _, function = name.partition("::")
        assert (clone / file).is_file()
        assert "eq01" in function
    assert names_of("eq99") == []


def test_outside_a_clone_the_record_knows_the_tests(
    monkeypatch: pytest.MonkeyPatch, recorded: Results, mutation: MutationFile, clone: Path
) -> None:
    monkeypatch.setattr(spec, "EQUATIONS", {1: spec.EQUATIONS[1]})
    paper, known = the_paper(), [replace(one, tests=["then"]) for one in recorded.equations]
    named = replace(recorded, equations=known)
    (found,) = equation_records(paper, named, mutation)
    assert (found.number, found.tests) == (1, names_of("eq01"))
    assert found.tests
    assert (PACKAGE.parent / found.spec).is_file()
    assert found.claims == [claim.id for claim in paper.claims if 1 in claim.equations]
    monkeypatch.setattr(equations, "repository", lambda: None)
    assert names_of("eq01") == []
    for record, tests in ((named, ["then"]), (None, [])):
        (found,) = equation_records(paper, record, mutation)
        assert found.tests == tests


def test_an_equation_that_nothing_was_tried_on_is_refused(mutation: MutationFile) -> None:
    fewer = replace(mutation, equations=mutation.equations[1:])
    number = mutation.equations[0].number
    with pytest.raises(InputError, match=rf"without mutation scores = \[{number}\]"):
        equation_records(Paper([], []), None, fewer)


def test_the_package_of_sources_is_named_from_above_it() -> None:
    (first, *_) = equations.implementations_of("eq01")
    assert Path(first).parts[0] == PACKAGE.name
