"""Where numbers come from: commit, command, hashes and cores are those of this run."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rdverify.tools import provenance
from rdverify.tools.provenance import commit, cores, sha256_of, typed_command


def test_the_commit_is_that_of_the_clone_or_why_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "repository", lambda: None)
    assert commit() == "installed from a wheel"
    monkeypatch.setattr(provenance, "repository", lambda: tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == "not a git checkout"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    found = commit()
    assert len(found) == 40
    assert set(found) <= set("0123456789abcdef")
    monkeypatch.setenv("PATH", "")
    assert commit() == "not a git checkout"


def test_the_command_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/rdverify", "verify", "--out", "a b"])
    assert typed_command() == "rdverify verify --out 'a b'"
    assert shlex.split(typed_command())[1:] == sys.argv[1:]


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


def test_cores_are_asked_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda pid: asked.append(pid) or {0}, raising=False
    )
    assert cores() == 1
    assert asked == [0]  # the calling one


def test_a_folder_s_hash_is_that_of_its_files_and_their_names_in_order(tmp_path: Path) -> None:
    empty, of_a, of_b = (hashlib.sha256(word).hexdigest() for word in (b"", b"a", b"b"))
    assert sha256_of(tmp_path) == empty
    (tmp_path / "z").write_bytes(b"a")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_bytes(b"b")
    assert sha256_of(tmp_path / "z") == sha256_of(str(tmp_path / "z")) == sha256_of(b"a") == of_a
    listed = f"in/b\0{of_b}\nz\0{of_a}\n"
    assert sha256_of(tmp_path) == sha256_of(listed.encode())
