"""Workers side by side, each a process with its copy of the repository."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mutation.worker import Task, Worker, copy

ROOT = Path(__file__).resolve().parents[2]
STUDIES = "studies.pickle"


def _work(place: int, job: Job, tasks: Any, results: Any) -> None:
    """One worker's loop."""
    if job.interpreted:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    own = copy(ROOT, job.folder / f"copy-{place}" / "main")
    os.chdir(own)
    # processes that a test starts shall run the change, too
    os.environ["PYTHONPATH"] = os.pathsep.join([str(own), str(own / "tests")])
    found = job.folder / STUDIES
    worker = Worker(own, found if found.is_file() else None, job.files)
    while (task := tasks.get()) is not None:
        results.put(worker.try_mutant(task))
    worker.collected.end()


@dataclass(frozen=True)
class Job:
    """What all workers need to know.

    Args:
        folder: where their copies lie.
        files: of all tests.
        interpreted: whether Python runs what Numba would compile.
    """

    folder: Path
    files: list[str]
    interpreted: bool = False


class Crew:
    """Workers, each with its copy of the repository; what they are given comes back in any order.

    Args:
        job: what they all need to know.
        count: number of workers.
    """

    def __init__(self, job: Job, count: int) -> None:
        context = get_context("spawn")
        self.count, self.given, self.results = count, context.Queue(), context.Queue()
        self.processes = [
            context.Process(target=_work, args=(k, job, self.given, self.results))
            for k in range(count)
        ]
        for process in self.processes:
            process.start()

    def do(self, tasks: Iterable[Task], until: float) -> Iterator[Any]:
        """What comes of every task, until time is up."""
        left, under_way = iter(tasks), 0
        for task in islice(left, 2 * self.count):
            self.given.put(task)
            under_way += 1
        while under_way:
            yield self.results.get()
            under_way -= 1
            task = next(left, None) if time.monotonic() < until else None
            if task is not None:
                self.given.put(task)
                under_way += 1

    def end(self) -> None:
        """Let every worker go."""
        for _ in self.processes:
            self.given.put(None)
        for process in self.processes:
            process.join()
