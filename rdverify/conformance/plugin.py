"""The option ``--implementation`` of ``pytest --pyargs rdverify.conformance``.

pytest loads this in every run on an environment that has rdverify, hence nothing heavy
is imported before the option is used, and no other run gets it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rdverify.conformance.implementation import Implementation

VARIABLE = "RDVERIFY_IMPLEMENTATION"
OPTION = "rdverify_implementation"
PACKAGE = __name__.rpartition(".")[0]


def pytest_load_initial_conftests(parser: Any, args: list[str]) -> None:
    """Add the option if this package is what is run."""
    if any(PACKAGE in argument.replace(os.sep, ".") for argument in args):
        parser.getgroup("rdverify").addoption(
            "--implementation",
            dest=OPTION,
            action="append",
            default=[],
            metavar="PACKAGE.MODULE",
            help=f"check what this module offers of eq01 .. eq20; several are allowed "
            f"(default: ${VARIABLE}, separated by commas)",
        )


def named_implementations(config: Any) -> list[str]:
    """Modules named by the option, else by the variable."""
    option: list[str] = config.getoption(OPTION, [])
    named = option or os.environ.get(VARIABLE, "").split(",")
    return [name.strip() for name in dict.fromkeys(named) if name.strip()]


def pytest_configure(config: Any) -> None:
    """Import the implementations, before anything else takes time."""
    if config.getoption(OPTION, None) is None:
        return
    from rdverify.conformance.implementation import NoImplementation, of_module

    named = named_implementations(config)
    if not named and not config.getoption("help", False):
        raise pytest.UsageError(
            f"no implementation to check: name one by --implementation package.module or {VARIABLE}"
        )
    try:
        found: list[Implementation] = [of_module(name) for name in named]
    except NoImplementation as error:
        raise pytest.UsageError(str(error)) from None
    config.rdverify_implementations = found
    config.rdverify_precisions = {}


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """In which precision each implementation was judged, where not in doubles."""
    for name, precisions in getattr(config, "rdverify_precisions", {}).items():
        for text, tokens in precisions.items():
            if text != "float64":
                terminalreporter.write_line(f"{name}: {', '.join(tokens)} answer in {text}")
