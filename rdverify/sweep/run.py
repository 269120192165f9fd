"""Run a sweep: hand out settings, keep what comes back, go on where a stopped one left off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    wait,
)
from itertools import islice
from typing import Any

from rdverify.sweep.axes import Setting
from rdverify.sweep.pools import Pool
from rdverify.sweep.record import Record
from rdverify.tools.errors import InputError, one_line
from rdverify.tools.progress import Reporter, Task

Attempt = Callable[[Setting], dict[str, Any]]
CHANCES = 2  # a run that was alone when its worker died twice is to blame for it
DIED = "WorkerDied: the process that ran this ended without an answer (killed, or out of memory)"


def run_all(
    settings: Sequence[Setting],
    attempt: Attempt,
    pool: Pool,
    record: Record,
    progress: Reporter,
    name: str = "sweep",
) -> None:
    """Run every setting that is not recorded yet; memory does not grow with their number.

    Args:
        settings: by index; the record's own.
        attempt: setting -> columns, among them ``error``, "" where the run succeeded. It
            travels to the pool's workers.
        pool: where the runs are done. When one of its processes dies, its runs are done
            again one at a time; one that then ends its process twice has failed.
        record: what is done, and where the rest goes.
        progress: where progress is told.
        name: of the work, for the reader.

    Raises:
        InputError: if the pool's cluster can't be reached any more; what came is kept.
    """
    there = int(record.done.sum())
    if 0 < there < len(settings):
        progress.say(f"{name}: {there} of {len(settings)} found in {record.folder}, going on")
    with progress.task(name, len(settings)) as task:
        task.found(there)
        try:
            _Run(settings, attempt, pool, record, task).to_the_end()
        finally:  # also where it is interrupted
            record.write()


class _Run:
    """The runs that are out, and what happens when they come back."""

    def __init__(
        self,
        settings: Sequence[Setting],
        attempt: Attempt,
        pool: Pool,
        record: Record,
        task: Task,
    ) -> None:
        self.settings, self.attempt, self.pool = settings, attempt, pool
        self.record, self.task = record, task
        self.out: dict[Future[dict[str, Any]], int] = {}
        # of a pool that broke: each is run alone, so that it is known which one broke it
        self.suspects: deque[int] = deque()
        self.deaths: dict[int, int] = {}

    def to_the_end(self) -> None:
        """Hand out and take back until nothing is left."""
        left = (index for index in range(len(self.settings)) if not self.record.done[index])
        while True:
            self._hand_out(left)
            if not self.out:
                return
            done, _ = wait(self.out, timeout=1, return_when=FIRST_COMPLETED)
            broken = [self.out.pop(future) for future in done if not self._take(future)]
            if broken:
                broken += self.out.values()
                alone = len(broken) == 1
                self.out.clear()
                self._suspect(sorted(broken), alone)
            self.record.tick()

    def _hand_out(self, left: Iterator[int]) -> None:
        if self.suspects:
            if not self.out:
                self._submit(self.suspects.popleft())
            return
        for index in islice(left, max(0, self.pool.width() - len(self.out))):
            if not self._submit(index):
                return

    def _submit(self, index: int) -> bool:
        try:
            future = self.pool.executor.submit(self.attempt, self.settings[index])
        except BrokenExecutor:  # what is out will say so, too
            self.suspects.append(index)
            if not self.out:
                self.pool.restart()
            return False
        self.out[future] = index
        return True

    def _take(self, future: Future[dict[str, Any]]) -> bool:
        """Keep what came back; False if it did not, since a process died."""
        index = self.out[future]
        try:
            outcome = future.result()
        except BrokenExecutor:
            return False
        except CancelledError as error:
            raise InputError(
                f"{self.pool.name} is gone: what was done is kept, and the same command goes on"
            ) from error
        except (MemoryError, OSError):  # no result of a setting, and so of no row
            raise
        except Exception as error:  # of the way there, such as a cluster's worker lost for good
            outcome = {"error": one_line(error, most=10_000, kind=True)}
        del self.out[future]
        self._keep(index, outcome)
        return True

    def _keep(self, index: int, outcome: dict[str, Any]) -> None:
        self.record.add(index, outcome)
        failed = int(self.record.failed.sum())
        self.task.advance(1, f"{failed} failed" if failed else "")

    def _suspect(self, indices: list[int], alone: bool) -> None:
        """The pool broke with these out: a new one, and each of them alone."""
        self.pool.restart()
        for index in indices:
            self.deaths[index] = self.deaths.get(index, 0) + alone
            if self.deaths[index] >= CHANCES:
                self._keep(index, {"error": DIED})
            else:
                self.suspects.append(index)
