"""The implementations under test by name: the spec, rdverify, or modules of one's own.

``RDVERIFY_IMPLEMENTATION=package.module pytest tests/test_conformance.py`` checks the
functions of that module as ``pytest --pyargs rdverify.conformance`` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import spec
from rdverify.conformance import CHECKS, of_module
from rdverify.conformance.plugin import VARIABLE
from spec.reaction_diffusion import gray_scott_kinetics

Functions = Mapping[str, Callable[..., Any]]


def of_spec() -> Functions:
    """The paper as corrected."""
    functions = {record.token: record.corrected for record in spec.EQUATIONS.values()}
    return functions | {"eq01_kinetics": gray_scott_kinetics}


def of_rdverify() -> Functions:
    """Thin adapters from rdverify's public functions."""
    from conformance import adapters

    return {token: getattr(adapters, token) for token in CHECKS}


BUILT_IN: dict[str, Callable[[], Functions]] = {"spec": of_spec, "rdverify": of_rdverify}


def chosen() -> dict[str, Functions]:
    """Those to check: both built-in ones, or the one that the environment names."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return {built_in: make() for built_in, make in BUILT_IN.items()}
    return {name: BUILT_IN[name]() if name in BUILT_IN else of_module(name).functions}
