"""Each equation of each implementation that ``--implementation`` names."""

from __future__ import annotations

from typing import Any

import pytest

from rdverify.conformance.checks import CHECKS
from rdverify.conformance.implementation import Implementation
from rdverify.conformance.judge import verdict


def pytest_generate_tests(metafunc: Any) -> None:
    """One test for each equation of each implementation."""
    found = getattr(metafunc.config, "rdverify_implementations", [])
    metafunc.parametrize(
        ("token", "implementation"),
        [(token, implementation) for token in CHECKS for implementation in found],
        ids=lambda value: value if isinstance(value, str) else value.name,
    )


def test_equation(token: str, implementation: Implementation, pytestconfig: Any) -> None:
    """The function that the implementation offers for an equation keeps all its laws."""
    if token not in implementation.functions:
        pytest.skip(f"{implementation.name} offers no {token}")
    message, precision = verdict(token, implementation)
    precisions = pytestconfig.rdverify_precisions.setdefault(implementation.name, {})
    precisions.setdefault(precision, []).append(token)
    if message:
        pytest.fail(message, pytrace=False)
