"""Progress that a person can follow, on standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Task:
    """A piece of work of known length; ``advance`` as it gets done."""

    def __init__(self, description: str, total: int) -> None:
        self.description, self.total, self.done = description, total, 0

    def found(self, steps: int) -> None:
        """Say that ``steps`` were done before, which says nothing of how fast the rest will be."""
        self.done += steps

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say that ``steps`` more are done; ``note`` is shown beside the bar."""
        self.done += steps


class Reporter:
    """Silent; the base of the one that draws."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """Open a task of ``total`` steps, closed at the end of the block."""
        yield Task(description, total)

    def say(self, message: str) -> None:
        """One line to the reader."""

    def apart(self) -> Reporter:
        """One for another process, to which it can be sent."""
        return Reporter()


class Shared(Reporter):
    """Of work side by side: all its tasks advance the one that is given.

    Attributes:
        stopped: set it, and every task is interrupted where it advances next.
    """

    def __init__(self, whole: Task) -> None:
        self.whole, self.stopped, self.lock = whole, False, threading.Lock()

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A part of the task that all share."""
        yield _Part(description, total, self)


class _Part(Task):
    def __init__(self, description: str, total: int, shared: Shared) -> None:
        super().__init__(description, total)
        self.shared = shared

    def advance(self, steps: int = 1, note: str = "") -> None:
        if self.shared.stopped:
            raise KeyboardInterrupt
        super().advance(steps, note)
        with self.shared.lock:
            self.shared.whole.advance(steps, note)


class ConsoleReporter(Reporter):
    """Bars on a terminal; elsewhere lines: at the start, once a minute, and at the end.

    Args:
        bars: False for lines on a terminal too, which several processes can write to.
    """

    def __init__(self, bars: bool = True) -> None:
        self.console = Console(file=sys.stderr, highlight=False)
        self.bars = bars and self.console.is_terminal

    def __reduce__(self) -> tuple[type[ConsoleReporter], tuple[bool]]:
        """Sent elsewhere it is opened anew there."""
        return ConsoleReporter, (self.bars,)

    def apart(self) -> Reporter:
        """Lines, since bars of several processes would overwrite each other."""
        return ConsoleReporter(bars=False)

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """Open a bar, or say the start and the end where there is no terminal."""
        if not self.bars:
            task = _Lines(self, description, total)
            self.say(f"{description} ...")
            yield task
            self.say(f"{description}: {total} done in {task.seconds():.1f} s")
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console) as bars:
            yield _Bar(bars, description, total)

    def say(self, message: str) -> None:
        """One line on standard error."""
        self.console.print(message, markup=False)


class _Lines(Task):
    every = 60.0  # seconds between two lines of a long task

    def __init__(self, reporter: Reporter, description: str, total: int) -> None:
        super().__init__(description, total)
        self.reporter, self.start = reporter, time.monotonic()
        self.told, self.before = self.start, 0

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def found(self, steps: int) -> None:
        super().found(steps)
        self.before += steps

    def left(self) -> str:
        """How long the rest will take at the pace so far."""
        done = self.done - self.before
        return f"{self.seconds() / done * (self.total - self.done):.0f} s left" if done else ""

    def advance(self, steps: int = 1, note: str = "") -> None:
        super().advance(steps, note)
        if time.monotonic() - self.told >= self.every:
            self.told = time.monotonic()
            self.reporter.say(
                f"{self.description}: {self.done} of {self.total} in "
                f"{', '.join(filter(None, (f'{self.seconds():.0f} s', self.left(), note)))}"
            )


class _Bar(Task):
    def __init__(self, bars: Progress, description: str, total: int) -> None:
        super().__init__(description, total)
        self.bars, self.id = bars, bars.add_task(description, total=total, note="")

    def found(self, steps: int) -> None:
        super().found(steps)
        # a new start, so that the time that is left is not guessed from what was there
        self.bars.reset(self.id, completed=self.done, total=self.total)

    def advance(self, steps: int = 1, note: str = "") -> None:
        super().advance(steps, note)
        self.bars.update(self.id, advance=steps, note=note)
