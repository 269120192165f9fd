"""Whatever is typed: a status that is meant, no traceback, nothing written beside the output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rdverify import cli
from rdverify.tools.status import guarded

COMMANDS = [
    *(["claims"], ["table1"], ["equations"], ["verify", "--profile", "no"], ["report", "--no"]),
    *(["verify", "--only", "no"], ["train", "ddpm", "--output", "out"], ["record", "quality"]),
    *(["measure", "lstm"], ["measure", "gru"], ["measure", "pde"], ["measure", "ddpm"]),
    *(["record", "architecture"], ["record", "training-curve"]),
]
OPTIONS = [
    *("--steps", "--batch", "--seed", "--learning-rate", "--widths", "--attention", "--precision"),
    *("--workers", "--images", "--set", "--seeds", "--field", "--size", "--eta", "--columns"),
    *("--prefix", "--gates", "--json", "--help", "--golden", "--data-root", "--until"),
]
WORDS = [
    *("", " ", "-", "--", "-1", "0", "1.5", "nan", "inf", "1e999", "9" * 400, "x", "/", ".", ".."),
    *("/dev/null", "/dev/zero", "nowhere.npy", "folder:.", "mnist", "RD-01", "eq07", "a=", "=b"),
    *("schnakenberg", "a=nan", "rows=10000000000000", "\x1b[2J", "ä", "\udcff", "x" * 5000),
]
typed = st.sampled_from(WORDS) | st.text(max_size=8).filter(lambda text: "\0" not in text)
tails = st.lists(st.sampled_from(OPTIONS) | typed, max_size=4)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.mark.once
@given(command=st.sampled_from(COMMANDS), tail=tails)
@example(command=["measure", "pde"], tail=["schnakenberg", "--set", "rows=10000000000000"])
@example(command=["claims"], tail=["x" * 5000])
def test_any_words_end_in_a_status_and_at_most_one_line_of_ours(
    empty: Path, command: list[str], tail: list[str]
) -> None:
    if command == ["measure", "pde"] and "schnakenberg" in tail and "--set" not in tail:
        return  # would run
    said, shown = io.StringIO(), io.StringIO()
    before = os.getcwd()
    os.chdir(empty)
    try:
        with (
            patch.object(sys, "argv", ["rdverify", *command, *tail]),
            patch.dict(os.environ, {"HF_HUB_OFFLINE": "1", "RDVERIFY_DATA": ""}),
            contextlib.redirect_stdout(shown),
            contextlib.redirect_stderr(said),
        ):
            status = _status()
    finally:
        os.chdir(before)
    assert status in (0, 2), said.getvalue()
    assert "Traceback" not in said.getvalue() + shown.getvalue()
    ours = [line for line in said.getvalue().splitlines() if line.startswith("rdverify: ")]
    assert len(ours) <= 1
    assert {path.name for path in empty.iterdir()} <= {"out", "rdverify-measure"}


def _status() -> int:
    """The status that the process would have."""
    try:
        return guarded(cli.app)
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
