"""What is shipped is what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.tools.errors import InputError
from rdverify.tools.manifest import FILE, check_manifest, write_manifest
from rdverify.tools.paths import golden_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("golden")
    (found / "search").mkdir()
    (found / "a.json").write_bytes(b'{"r": 1.0107}')
    (found / "search" / "b.csv").write_bytes(bytes(range(256)))
    write_manifest(found)
    return found


def test_the_shipped_files_are_as_recorded() -> None:
    check_manifest(golden_folder())
    assert (golden_folder() / FILE).is_file()


@given(name=st.sampled_from(["a.json", "search/b.csv"]), data=st.data())
def test_no_altered_byte_passes(folder: Path, name: str, data: st.DataObject) -> None:
    path = folder / name
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytes([*whole[:place], whole[place] ^ (1 << bit), *whole[place + 1 :]])
    for wrong in (flipped, whole[:place], whole + b"x"):
        path.write_bytes(wrong)
        with pytest.raises(InputError, match=f"{name} was altered since it was recorded"):
            check_manifest(folder)
    path.write_bytes(whole)
    check_manifest(folder)


def test_a_file_that_is_missing_or_was_added_is_named_and_a_hidden_one_is_none(
    folder: Path,
) -> None:
    (folder / ".DS_Store").write_text("of a system")
    check_manifest(folder)
    for name, was in (("more.txt", "added"), ("search/c.csv", "added")):
        (folder / name).write_text("of a user")
        with pytest.raises(InputError, match=f"{name} was {was} since"):
            check_manifest(folder)
        (folder / name).unlink()
    kept = (folder / "a.json").read_bytes()
    (folder / "a.json").unlink()
    with pytest.raises(InputError, match=r"a\.json is missing since"):
        check_manifest(folder)
    (folder / "a.json").write_bytes(kept)


def test_a_manifest_that_lost_its_entries_holds_nothing_in_silence(folder: Path) -> None:
    kept = (folder / FILE).read_bytes()
    (folder / FILE).write_text("{}")
    with pytest.raises(InputError, match=r"a\.json was added"):
        check_manifest(folder)
    (folder / FILE).write_bytes(kept)


def test_without_a_manifest_nothing_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="manifest"):
        check_manifest(tmp_path)
