"""Faults are counted, and put into a file if one is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults.outcomes import Counts

TESTS = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", choices=["some", "all"], default="some", help="how many")
    parser.addoption("--faults-json", type=Path, help="where their counts are written to")


@pytest.fixture(scope="session")
def every_fault(request: pytest.FixtureRequest) -> bool:
    """Whether all faults are wanted, or a share of them that a test run has time for."""
    return bool(request.config.getoption("faults", "some") == "all")


@pytest.fixture(scope="session")
def counts(request: pytest.FixtureRequest) -> Iterator[Counts]:
    """Every fault of this session."""
    found = Counts()
    yield found
    target = request.config.getoption("faults_json", None)
    if target is not None:
        found.write(target)


class Server:
    """Runs commands with faults, each in a process of its own."""

    def __init__(self, scratch: Path) -> None:
        places = [str(TESTS), os.environ.get("PYTHONPATH", "")]
        own = {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faults.server", str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=scratch,
            env={**os.environ, **own},
        )

    def run(self, command: str, folder: Path, *words: str, **fault: Any) -> dict[str, Any]:
        """Exit status, standard error and number of changes of a command, once for each word."""
        asked = {"command": command, "folder": str(folder), "words": words or ["new"]}
        request = {**asked, **fault}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        started = time.monotonic()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return {**answer, "seconds": time.monotonic() - started}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The one server."""
    found = Server(tmp_path_factory.mktemp("server"))
    yield found
    assert found.process.stdin
    found.process.stdin.close()
    assert found.process.wait(60) == 0
