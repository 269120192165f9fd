"""Every run is recorded once, whatever happens on the way, and the sorted file is the same."""

import json
import random
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sweep.swept import clashing, wave

from rdverify.sweep import record as recording
from rdverify.sweep.definition import define
from rdverify.sweep.pools import Pool, processes, threads
from rdverify.sweep.record import Record, digest
from rdverify.sweep.run import DIED, run_all
from rdverify.sweep.target import attempt, attempted
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Reporter

STUDY = {
    "system": "sweep.swept:wave",
    "seeds": [0, 1],
    "axes": {"x": {"low": 0.0, "high": 1.0, "points": 21}},
}


class Told(Reporter):
    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


class Shuffled(Executor):
    """Gives back what it was handed in any order, later."""

    def __init__(self, seed):
        self.random, self.waiting = random.Random(seed), []

    def submit(self, fn, *args):
        future = Future()
        self.waiting.append((future, fn, args))
        if len(self.waiting) >= 7:
            self.give_back()
        return future

    def give_back(self):
        self.random.shuffle(self.waiting)
        for future, fn, args in self.waiting:
            future.set_result(fn(*args))
        self.waiting.clear()


def record_of(folder, stated=None, progress=None):
    definition = define(stated or STUDY, {})
    design = definition.design
    return design, Record(folder, definition.stated, design.shown, len(design), progress or Told())


def swept(folder, pool=None, evaluate=wave, stated=None, progress=None):
    design, record = record_of(folder, stated, progress)
    with pool or threads(1) as opened:
        run_all(design, partial(attempted, evaluate), opened, record, progress or Told())
    return record.finish({"command": "test"})


def test_rows_are_the_runs(tmp_path):
    frame = pd.read_parquet(swept(tmp_path))
    assert list(frame) == ["index", "x", "seed", "r", "high", "error"]
    assert frame["index"].tolist() == list(range(42))
    sound = frame[frame["error"] == ""]
    expected = np.sin(sound["x"]) / (1 + sound["seed"])
    assert sound["r"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-15)
    assert set(frame[frame["x"] > 0.9]["error"]) == {"FloatingPointError: beyond its range"}
    assert frame[frame["x"] > 0.9]["r"].isna().all()
    said = json.loads((tmp_path / "study.json").read_text())
    assert said["study"] == STUDY
    assert said["sessions"] == [{"command": "test"}]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.twice
def test_the_sorted_file_hangs_on_no_order_and_no_parts(tmp_path, monkeypatch, seed):
    plain = swept(tmp_path / "plain").read_bytes()
    monkeypatch.setattr(recording, "ROWS", 3)
    monkeypatch.setattr(recording, "CHUNK", 5)
    small = swept(tmp_path / "small").read_bytes()
    executor = Shuffled(seed)
    mixed = Pool(lambda: executor, lambda _: None, lambda: 7, "a mixer")
    other = swept(tmp_path / "mixed", mixed)
    assert other.read_bytes() == small
    pd.testing.assert_frame_equal(
        pd.read_parquet(other), pd.read_parquet(tmp_path / "plain" / "results.parquet")
    )
    monkeypatch.undo()
    assert swept(tmp_path / "again", processes(2)).read_bytes() == plain


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path):
    calls = []

    def counted(setting):
        if len(calls) == 17:
            raise KeyboardInterrupt
        calls.append(setting)
        return wave(setting)

    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "part", evaluate=counted)
    assert not (tmp_path / "part" / "results.parquet").exists()
    later, told = [], Told()
    path = swept(tmp_path / "part", evaluate=lambda s: (later.append(s), wave(s))[1], progress=told)
    assert calls + later == list(define(STUDY, {}).design)
    assert any("17 of 42 found" in line for line in told.lines)
    assert path.read_bytes() == swept(tmp_path / "whole").read_bytes()
    swept(tmp_path / "part", evaluate=lambda s: pytest.fail("nothing is left to do"))


def test_failed_runs_are_done_again_where_asked(tmp_path):
    swept(tmp_path)
    design, record = record_of(tmp_path)
    failed = np.flatnonzero(record.failed)
    assert record.forget_failed() == len(failed) == 4
    seen = []
    with threads(1) as pool:
        run_all(
            design,
            partial(attempted, lambda s: (seen.append(s["x"]), {"r": 9.0, "high": True})[1]),
            pool,
            record,
            Told(),
        )
    frame = pd.read_parquet(record.finish())
    assert len(seen) == 4
    assert frame.loc[failed, "r"].tolist() == [9.0] * 4
    assert set(frame["error"]) == {""}
    assert not record_of(tmp_path)[1].failed.any()


@pytest.mark.parametrize("kind", ["flip", "cut", "empty", "edited", "swapped"])
def test_a_damaged_part_is_set_aside_and_its_runs_done_again(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(recording, "ROWS", 5)
    whole = swept(tmp_path / "whole").read_bytes()
    folder, calls = tmp_path / "part", []

    def stopped(setting):
        calls.append(setting)
        if len(calls) == 18:
            raise KeyboardInterrupt
        return wave(setting)

    with pytest.raises(KeyboardInterrupt):
        swept(folder, evaluate=stopped)
    part = sorted(folder.glob("parts/*.parquet"))[1]
    content = part.read_bytes()
    if kind == "flip":
        part.write_bytes(content[:200] + bytes([content[200] ^ 4]) + content[201:])
    elif kind == "cut":
        part.write_bytes(content[:-7])
    elif kind == "empty":
        part.write_bytes(b"")
    elif kind == "edited":  # a number changed, written as it should be: the name tells
        table = pq.read_table(part).to_pandas().assign(r=1.0)
        table.to_parquet(part)
    else:
        part.write_bytes(sorted(folder.glob("parts/*.parquet"))[0].read_bytes())
    told = Told()
    assert swept(folder, progress=told).read_bytes() == whole
    assert any("set aside" in line for line in told.lines)
    assert len(list(folder.glob("parts/*.damaged"))) == 1


def test_damaged_results_are_set_aside(tmp_path):
    path, told = swept(tmp_path), Told()
    content = path.read_bytes()
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    assert swept(tmp_path, progress=told).read_bytes() == content
    assert "set aside" in told.lines[0]


@pytest.mark.parametrize(
    ("column", "value"), [("index", 99), ("index", -1), ("x", 0.123), ("seed", None)]
)
def test_a_row_that_is_not_the_designs_own_does_not_count(tmp_path, column, value):
    design, record = record_of(tmp_path)
    record._rows[0] = {"index": 0, **design.shown(0), "r": 1.0, "error": ""} | {column: value}
    record.write()
    again = record_of(tmp_path)[1]
    assert not again.done.any()


def test_another_sweeps_folder_is_refused_and_left_as_it_was(tmp_path):
    swept(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="with another seeds: choose another folder"):
        record_of(tmp_path, STUDY | {"seeds": [5]})
    (tmp_path / "study.json").write_text("[" * 5000)
    with pytest.raises(InputError, match="as a sweep wrote it"):
        record_of(tmp_path)
    (tmp_path / "study.json").write_bytes(before[tmp_path / "study.json"])
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_run_that_ends_its_process_fails_and_no_other_does(tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    stated = {
        "system": "sweep.swept:deadly",
        "axes": {"x": list(range(12))},
        "fixed": {"marks": str(marks)},
    }
    design, record = record_of(tmp_path / "record", stated)
    with processes(2) as pool:
        run_all(design, partial(attempt, "sweep.swept:deadly"), pool, record, Told())
    frame = pd.read_parquet(record.finish())
    assert frame["error"].tolist() == [DIED if x == 5 else "" for x in range(12)]
    assert frame["r"].drop(5).tolist() == [float(x) for x in range(12) if x != 5]


def test_columns_of_two_kinds_or_a_settings_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a setting's name"):
        swept(tmp_path / "a", evaluate=clashing)
    mixed = iter([1.0, "text"])
    with pytest.raises(InputError, match="of one kind in all runs"):
        swept(tmp_path / "b", evaluate=lambda s: {"r": next(mixed, 2.0)})


def test_memory_does_not_grow_with_the_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "ROWS", 50)
    held = []
    stated = STUDY | {"axes": {"x": {"low": 0.0, "high": 0.5, "points": 1000}}}
    design, record = record_of(tmp_path, stated)

    def looked(setting):
        held.append(len(record._rows))
        return wave(setting)

    with threads(2) as pool:
        run_all(design, partial(attempted, looked), pool, record, Told())
    assert len(held) == 2000
    assert max(held) <= 50


def test_the_digest_names_all_that_was_stated():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
