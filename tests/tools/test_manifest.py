"""What is shipped is what was recorded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdverify.tools.errors import InputError
from rdverify.tools.manifest import FILE, check_manifest, manifest_of, write_manifest
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


def test_a_manifest_of_files_about_to_take_their_places_is_written_beside_them(
    tmp_path: Path,
) -> None:
    folder, new = tmp_path / "golden", tmp_path / "new"
    for place, names in ((folder, "a#c"), (new, "bc")):
        place.mkdir()
        for name in names:
            (place / name).write_text(place.name)
    assert write_manifest(folder, new) == new / FILE
    assert not (folder / FILE).exists()
    for path in new.iterdir():
        path.rename(folder / path.name)
    check_manifest(folder)
    assert list(manifest_of(folder)) == ["#", "a", "b", "c"]
    recorded = json.loads((folder / FILE).read_text())
    assert recorded == manifest_of(folder)
    assert recorded["a"] == hashlib.sha256(b"golden").hexdigest()
    assert list(recorded) == sorted(recorded)


def test_of_several_files_that_are_others_the_first_is_named(folder: Path) -> None:
    kept = (folder / "a.json").read_bytes()
    (folder / "a.json").write_bytes(b"")
    (folder / "0").write_bytes(b"")
    with pytest.raises(InputError, match=r"0 was added since it was recorded: restore what was"):
        check_manifest(folder)
    (folder / "0").unlink()
    (folder / "a.json").write_bytes(kept)
    check_manifest(folder)


def test_without_a_manifest_nothing_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="manifest"):
        check_manifest(tmp_path)
