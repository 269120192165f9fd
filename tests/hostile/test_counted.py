"""A small part of the counted inputs, the same in every run."""

from __future__ import annotations

import pytest
from hostile.corruptions import environment_files, recorded_files
from hostile.fuzz import fuzz
from hostile.guided import guided

pytestmark = pytest.mark.end_to_end


def test_altered_bytes_of_every_format_are_refused_in_one_line_or_change_nothing() -> None:
    found = fuzz(800, seed=0)
    assert found["bad"] == []
    assert found["inputs"] == 800
    assert found["silent"] == found["unclear"] == 0
    assert found["refused"] > 400
    for name, counts in found["kinds"].items():
        assert counts.get("refused", 0) > 0, name


def test_files_altered_where_they_reach_new_code_are_refused_in_one_line() -> None:
    pytest.importorskip("atheris", reason="comes with the extra hostile, on Linux")
    found = guided(400, ["series, csv", "series, npy"])
    assert found["bad"] == []
    assert all(sum(counts.values()) >= 400 for counts in found["kinds"].values())


def test_a_corrupted_record_is_refused_whatever_file_it_is() -> None:
    found, bad = recorded_files(40, seed=0)
    assert bad == []
    assert found == {"refused": 40}


def test_malformed_environment_files_are_refused_before_anything_is_written() -> None:
    found, bad = environment_files(96, seed=0)
    assert bad == []
    assert found == {"refused": 96}
