"""Long work tells how far it is, on a terminal and off it."""

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
