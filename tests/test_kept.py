"""A kept verification stands for exactly what it was measured on, and for nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import kept
import pytest
from kept import Store, changes, files_below, key_of, rests_on, store_of
from msgspec.structs import replace

from rdverify.judge.records import Results
from rdverify.judge.results import load_results
from rdverify.study import Measured
from rdverify.tools.paths import PACKAGE, golden_folder

PARTS = {"rdverify/a.py": "1", "package numpy": "2.1.0", "processor": "x"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept")


@pytest.fixture(scope="module")
def recorded() -> Results:
    """The record without most of what makes it large."""
    whole = load_results(golden_folder() / "results.json")
    return replace(whole, facts={}, studies=[], claims=whole.claims[:3], sentences=[])


def test_what_is_kept_is_found_again_for_the_same_content(store: Store, recorded: Results) -> None:
    assert store.find(PARTS) == (None, "measured: none is kept")
    assert store.keep(PARTS, recorded)
    found, told = store.find(dict(reversed(PARTS.items())))
    assert found == recorded
    assert told.startswith(f"reused, measured under Python {recorded.provenance.python}: ")


def test_what_is_kept_lies_outside_an_environment_of_tox_so_that_others_find_it(
    pytestconfig: pytest.Config,
) -> None:
    store = store_of(pytestconfig)
    if store is None:
        pytest.skip("pytest keeps nothing here")
    assert not store.folder.is_relative_to(os.environ.get("TOX_ENV_DIR", store.folder / "no tox"))


@pytest.mark.parametrize("name", PARTS)
def test_each_change_measures_anew_and_is_named(store: Store, recorded: Results, name: str) -> None:
    store.keep(PARTS, recorded)
    assert store.find(PARTS | {name: "other"}) == (None, f"measured anew: changed {name}")
    gone = {key: value for key, value in PARTS.items() if key != name}
    assert store.find(gone) == (None, f"measured anew: changed {name}")
    assert store.find(PARTS | {"more": ""}) == (None, "measured anew: changed more")


def test_of_several_the_nearest_tells_what_changed(store: Store, recorded: Results) -> None:
    store.keep(dict.fromkeys(PARTS, "far"), recorded)
    store.keep(PARTS, recorded)
    assert store.find(PARTS | {"processor": "y"})[1] == "measured anew: changed processor"
    many = {f"package {k}": "" for k in range(6)}
    assert store.find(PARTS | many)[1].endswith("package 0, package 1, package 2 and 3 more")


def test_one_that_was_altered_or_cut_short_or_renamed_counts_as_none(
    store: Store, recorded: Results
) -> None:
    store.keep(PARTS, recorded)
    (path,) = store.folder.iterdir()
    whole = path.read_text(encoding="utf-8")
    for damaged in (whole.replace("CONFIRMED", "REFUTED", 1), whole[:-9], "", "{}"):
        path.write_text(damaged, encoding="utf-8")
        assert store.find(PARTS) == (None, "measured: none is kept")
    path.write_text(whole, encoding="utf-8")
    other = PARTS | {"processor": "y"}
    path.rename(path.with_name(f"{key_of(other)}.json"))
    assert store.find(other) == (None, "measured anew: changed processor")


def test_one_with_a_fact_in_error_is_not_kept(store: Store, recorded: Results) -> None:
    failed = replace(recorded, facts=recorded.facts | {"a": Measured(None, error="MemoryError")})
    assert not store.keep(PARTS, failed)
    assert store.find(PARTS)[0] is None


def test_the_oldest_go(store: Store, recorded: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for value in "123":
        store.keep(PARTS | {"processor": value}, recorded)
    found = [store.find(PARTS | {"processor": value})[0] is not None for value in "123"]
    assert found == [False, True, True]


def test_every_file_of_the_package_the_spec_and_the_record_is_part_of_the_key() -> None:
    parts = rests_on()
    spec = next(Path(p) for p in __import__("spec").__path__)
    for name, folder in (("rdverify", PACKAGE), ("spec", spec), ("golden", golden_folder())):
        files = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
        assert len(files) > 10
        assert {f"{name}/{p.relative_to(folder).as_posix()}" for p in files} <= parts.keys()
    assert {"conftest.py", "kept.py", "Python", "processor", "package numpy"} <= parts.keys()


def test_one_byte_of_a_file_or_one_file_more_is_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "spec"
    shutil.copytree(PACKAGE / "study", folder)
    before = files_below("spec", folder)
    path = folder / "facts.py"
    path.write_bytes(path.read_bytes() + b" ")
    (folder / "new.toml").write_bytes(b"")
    assert changes(before, files_below("spec", folder)) == ["spec/facts.py", "spec/new.toml"]
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "facts.pyc").write_bytes(b"compiled")
    assert changes(before, files_below("spec", folder)) == ["spec/facts.py", "spec/new.toml"]


@pytest.mark.once
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "NUMBA_CPU_NAME"])
def test_a_variable_that_numbers_depend_on_is_part_of_the_key(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    before = key_of(rests_on())
    monkeypatch.setenv(name, "1")
    assert key_of(rests_on()) != before
    monkeypatch.setenv("RDVERIFY_ENVIRONMENT", "py399")
    monkeypatch.setenv("COLUMNS", "20")
    assert changes(rests_on(), rests_on()) == []


def test_names_and_contents_do_not_run_into_each_other() -> None:
    assert key_of({"a": "1", "b": "2"}) == key_of({"b": "2", "a": "1"})
    assert key_of({"a": "1\nb='2'"}) != key_of({"a": "1", "b": "2"})
