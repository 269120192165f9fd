"""The implementations under test by name: the spec, rdverify, or a module of one's own.

``RDVERIFY_IMPLEMENTATION=package.module pytest tests/test_conformance.py`` checks the
functions ``eq01`` .. ``eq20`` (and ``eq01_kinetics``) of that module; what it does not
offer is skipped, with the reason. Signatures are those of ``spec.EQUATIONS[n].corrected``.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import spec
from conformance import CHECKS
from spec.reaction_diffusion import gray_scott_kinetics

VARIABLE = "RDVERIFY_IMPLEMENTATION"
Implementation = Mapping[str, Callable[..., Any]]


class NoImplementation(Exception):
    """The named module can't be checked; one line says why."""


def of_spec() -> Implementation:
    """The paper as corrected."""
    functions = {record.token: record.corrected for record in spec.EQUATIONS.values()}
    return functions | {"eq01_kinetics": gray_scott_kinetics}


def of_rdverify() -> Implementation:
    """Thin adapters from rdverify's public functions."""
    from conformance import adapters

    return {token: getattr(adapters, token) for token in CHECKS}


def of_module(name: str) -> Implementation:
    """Whatever a module offers under the names of the checks."""
    try:
        module = importlib.import_module(name)
    except Exception as error:  # a stranger's module may fail in any way
        reason = " ".join(str(error).split())
        raise NoImplementation(
            f"{VARIABLE} = {name!r} can't be imported ({type(error).__name__}: {reason}): "
            "must be 'spec', 'rdverify' or a module on the path that offers eq01 .. eq20"
        ) from error
    found = {token: getattr(module, token) for token in CHECKS if hasattr(module, token)}
    wrong = [token for token, function in found.items() if not callable(function)]
    if wrong:
        raise NoImplementation(f"{VARIABLE} = {name!r}: {wrong[0]} is no function")
    if not found:
        raise NoImplementation(
            f"{VARIABLE} = {name!r} offers none of eq01 .. eq20: nothing to check"
        )
    return found


BUILT_IN: dict[str, Callable[[], Implementation]] = {"spec": of_spec, "rdverify": of_rdverify}


def chosen() -> dict[str, Implementation]:
    """Those to check: both built-in ones, or the one that the environment names."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return {built_in: make() for built_in, make in BUILT_IN.items()}
    return {name: BUILT_IN[name]() if name in BUILT_IN else of_module(name)}
