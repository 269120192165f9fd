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


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_is_told_when_a_minute_has_passed_and_not_before(clock, capsys):
    with progress.ConsoleReporter().task("a", 9) as task:
        for clock[0] in (59.9, 60.0, 119.9, 120.0):
            task.advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "a ...",
        "a: 4 of 9 in 60 s, 75 s left",
        "a: 8 of 9 in 120 s, 15 s left",
        "a: 9 done in 120.0 s",
    ]


def test_what_was_there_before_tells_nothing_of_the_pace(clock, capsys):
    with progress.ConsoleReporter().task("a", 10) as task:
        task.found(4)
        task.found(1)
        clock[0] = 60
        task.advance(0)
        clock[0] = 120
        task.advance(note="n")
    assert capsys.readouterr().err.splitlines()[1:3] == [
        "a: 5 of 10 in 60 s",
        "a: 6 of 10 in 120 s, 480 s left, n",
    ]


def test_a_message_is_one_line_as_it_is(capsys):
    progress.ConsoleReporter().say("[red]1[/red] of 2")
    assert capsys.readouterr().err == "[red]1[/red] of 2\n"


def test_a_bar_shows_what_is_done_and_a_note_and_starts_anew_after_what_was_found(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.ConsoleReporter().task("search", 8) as task:
        (shown,) = task.bars.tasks
        assert (shown.description, shown.total, shown.completed) == ("search", 8, 0)
        assert shown.fields == {"note": ""}
        begun = shown.start_time
        task.found(3)
        assert shown.completed == task.done == 3
        assert shown.start_time > begun
        task.advance()
        task.advance(2, "best 3 %")
        assert shown.completed == task.done == 6
        assert shown.total == 8
        assert shown.fields == {"note": "best 3 %"}


def test_found_steps_count_as_done_on_every_reporter():
    for reporter in (progress.Reporter(), progress.ConsoleReporter(bars=False)):
        with reporter.task("a", 5) as task:
            task.found(2)
            task.advance(3)
            assert task.done == task.total == 5


def test_lines_can_be_asked_for_on_a_terminal_and_are_what_there_is_off_it(monkeypatch):
    assert not progress.ConsoleReporter().bars
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not progress.ConsoleReporter(bars=False).bars
    assert pickle.loads(pickle.dumps(progress.ConsoleReporter())).bars
    assert type(progress.Reporter().apart()) is progress.Reporter
