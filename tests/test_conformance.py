"""Each equation of each implementation against mathematics, not against another copy.

The implementations are the spec and rdverify, or the module that the environment variable
RDVERIFY_IMPLEMENTATION names (see conformance/implementations.py).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance.implementations import chosen

import spec
from rdverify.conformance import CHECKS, NoImplementation, Rejected, of_module
from rdverify.conformance.plugin import VARIABLE

TESTS = Path(__file__).resolve().parent

try:
    IMPLEMENTATIONS = chosen()
except NoImplementation as error:
    raise pytest.Collector.CollectError(str(error)) from None


@pytest.mark.parametrize(
    ("token", "implementation"),
    [(token, name) for token in CHECKS for name in IMPLEMENTATIONS],
    ids=lambda value: value,
)
def test_conformance(token: str, implementation: str) -> None:
    function = IMPLEMENTATIONS[implementation].get(token)
    if function is None:
        pytest.skip(f"{implementation} offers no {token}")
    CHECKS[token](function)


def test_there_is_a_check_for_every_equation() -> None:
    assert {record.token for record in spec.EQUATIONS.values()} <= set(CHECKS)


def test_the_printed_form_fails_wherever_it_differs() -> None:
    for record in spec.EQUATIONS.values():
        if record.differs:
            with pytest.raises(Rejected), np.errstate(all="ignore"):
                CHECKS[record.token](record.printed)


def run_on(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """These tests on a module ``mine`` with the given source."""
    (folder / "mine.py").write_text(text)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-q",
            "--noconftest",
            str(TESTS / "test_conformance.py"),
            *arguments,
        ],
        env=os.environ | {VARIABLE: "mine", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=TESTS.parent,
    )


def test_a_strangers_module_is_judged_equation_by_equation(tmp_path: Path) -> None:
    out = run_on(
        tmp_path,
        "def eq18(react, diff):\n    return react / diff\n"
        "def eq20(react, diff):\n    return diff / react\n",
        "-k",
        "eq18 or eq19 or eq20",
        "-rsf",
    )
    assert "1 failed, 1 passed, 1 skipped" in out.stdout, out.stdout
    assert "test_conformance[eq20-mine]" in out.stdout
    assert "mine offers no eq19" in out.stdout
    assert out.returncode == 1


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("no_such_module_anywhere", None, "can't be imported"),
        ("broken", "import no_such_module_anywhere", "can't be imported"),
        ("raises", "raise RuntimeError('out\\nof order')", "RuntimeError: out of order"),
    ],
)
def test_a_module_that_cannot_be_judged_is_answered_in_one_line(
    name: str, source: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source is not None:
        (tmp_path / f"{name}_implementation.py").write_text(source)
        name = f"{name}_implementation"
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NoImplementation) as caught:
        of_module(name)
    assert says in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.once
def test_a_module_that_cannot_be_imported_stops_the_run_with_that_line(tmp_path: Path) -> None:
    out = run_on(tmp_path, "import no_such_module_anywhere")
    assert "implementation 'mine' can't be imported" in out.stdout
    assert "Traceback" not in out.stdout + out.stderr
    assert out.returncode not in (0, 1)


def test_checks_tell_a_wrong_shape_and_nan_from_a_right_value() -> None:
    for wrong in (lambda react, diff: [react / diff], lambda react, diff: math.nan):
        with pytest.raises(Rejected):
            CHECKS["eq18"](wrong)
