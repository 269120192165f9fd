"""The recorded runs of the LSTM study, read once for all tests."""

from pathlib import Path

import pytest

from rdverify.judge.paper import the_paper
from rdverify.lstm.study.runs import run
from rdverify.study import Context

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="session")
def runs():
    return run(Context("quick", GOLDEN, None, Path("nowhere"), printed=the_paper().printed()))
