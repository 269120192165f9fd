"""The checks themselves under test: every wrong form of every equation is rejected.

The score stands in golden/mutation.json; ``python tests/mutants --update`` regenerates it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.implementations import BUILT_IN
from mutants import EQUIVALENT, MUTANTS, resolution, score, verdict
from mutants.mutant import KINDS, Equivalent, Mutant

import spec
from rdverify.conformance import CHECKS, Rejected
from rdverify.tools.files import to_json
from rdverify.tools.paths import golden_folder

SPEC = Path(spec.__file__).parent
REGENERATE = "regenerate it by `python tests/mutants --update`"


def label(mutant: Mutant | Equivalent) -> str:
    return f"{mutant.token}-{mutant.name}".replace(" ", "_")


@pytest.mark.once
@pytest.mark.parametrize("mutant", MUTANTS, ids=label)
def test_mutant_is_rejected(mutant: Mutant) -> None:
    reason = verdict(mutant.token, mutant.function)
    assert reason, f"{mutant.token} accepts a wrong form: {mutant.name}"


@pytest.mark.parametrize("other", EQUIVALENT, ids=label)
def test_equivalent_form_is_accepted(other: Equivalent) -> None:
    assert verdict(other.token, other.function) is None
    assert other.proof


@pytest.mark.once
@pytest.mark.parametrize("token", CHECKS)
def test_no_check_asks_the_spec(token: str) -> None:
    """So a wrong form stands for the same error in spec and implementation."""
    asked = set()

    def watch(frame: Any, event: str, _: Any) -> None:
        if Path(frame.f_code.co_filename).parent == SPEC:
            asked.add(frame.f_code.co_name)

    function = BUILT_IN["rdverify"]()[token]
    sys.setprofile(watch)
    try:
        CHECKS[token](function)
    finally:
        sys.setprofile(None)
    assert asked == set()


def test_a_check_of_the_spec_would_be_seen() -> None:
    asked = []
    sys.setprofile(lambda frame, *_: asked.append(Path(frame.f_code.co_filename).parent))
    try:
        CHECKS["eq20"](BUILT_IN["spec"]()["eq20"])
    finally:
        sys.setprofile(None)
    assert SPEC in asked


@pytest.mark.once
def test_the_score_is_the_recorded_one() -> None:
    path = golden_folder() / "mutation.json"
    assert path.is_file(), f"{path} is missing: {REGENERATE}"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert json.loads(to_json(score())) == recorded, f"the score has changed: {REGENERATE}"


def test_every_equation_has_five_mutants_of_three_kinds_under_names_of_their_own() -> None:
    for token in CHECKS:
        kinds = Counter(mutant.kind for mutant in MUTANTS if mutant.token == token)
        assert kinds.total() >= 5, token
        assert len(kinds) >= 3, token
        assert set(kinds) <= set(KINDS)
    names = Counter((mutant.token, mutant.name) for mutant in MUTANTS)
    assert names.total() == len(names)


@pytest.mark.once
def test_more_than_one_law_of_each_equation_is_needed() -> None:
    reasons = {(m.token, verdict(m.token, m.function)) for m in MUTANTS}
    for token in CHECKS:
        assert len({reason for of, reason in reasons if of == token}) >= 2, token


@pytest.mark.parametrize("token", CHECKS)
def test_the_checks_resolve_a_relative_error_of_1e9(token: str) -> None:
    found = resolution(token, BUILT_IN["spec"]()[token])
    assert found is not None
    assert found <= 1.001e-9


@pytest.mark.parametrize("token", CHECKS)
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan], ids=["0", "1", "nan"])
def test_a_constant_passes_no_check(token: str, value: float) -> None:
    right = BUILT_IN["spec"]()[token]

    def constant(*arguments: Any) -> Any:
        return np.asarray(right(*arguments)) * 0 + value

    assert verdict(token, constant)


def test_a_mutant_that_crashes_does_not_count_as_rejected() -> None:
    def crashes(react: float, diff: float) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        verdict("eq18", crashes)
    assert not issubclass(ZeroDivisionError, Rejected)
