"""Long work tells how far it is, on a terminal and off it."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from rdverify.tools import progress


def test_off_a_terminal_a_long_task_says_once_a_minute_how_far_it_is(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.ConsoleReporter().task("search", 8) as task:
        for _ in range(8):
            now[0] += 25
            task.advance(note="best 3 %")
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "search ...",
        "search: 3 of 8 in 75 s, 125 s left, best 3 %",
        "search: 6 of 8 in 150 s, 50 s left, best 3 %",
        "search: 8 done in 200.0 s",
    ]


def test_a_silent_reporter_counts_and_says_nothing(capsys):
    with progress.Reporter().task("search", 2) as task:
        task.advance()
        task.advance()
    assert task.done == task.total == 2
    assert not any(capsys.readouterr())


def test_work_side_by_side_advances_one_task_by_all_its_steps():
    with progress.Reporter().task("all", 4000) as whole, ThreadPoolExecutor(4) as pool:
        shared = progress.Shared(whole)

        def work(_):
            with shared.task("part", 1000) as part:
                for _ in range(1000):
                    part.advance()
            return part.done

        assert list(pool.map(work, range(4))) == [1000] * 4
    assert whole.done == 4000


def test_work_side_by_side_can_be_stopped():
    with progress.Reporter().task("all", 4) as whole:
        shared = progress.Shared(whole)
        with shared.task("part", 4) as part:
            part.advance()
            shared.stopped = True
            with pytest.raises(KeyboardInterrupt):
                part.advance()
    assert whole.done == part.done == 1


def test_what_another_process_is_sent_tells_in_lines_even_on_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    here = progress.ConsoleReporter()
    assert here.bars
    assert not pickle.loads(pickle.dumps(here.apart())).bars
