"""Workers side by side, each a process with its copy of the repository."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mutation.mutants import Mutant
from mutation.worker import Worker, copy

ROOT = Path(__file__).resolve().parents[2]
STUDIES = "studies.pickle"
Task = tuple[Mutant | None, list[str], float]


def _work(place: int, folder: Path, tasks: Any, results: Any) -> None:
    """One worker's loop."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    own = copy(ROOT, folder / f"copy-{place}" / "main")
    os.chdir(own)
    found = folder / STUDIES
    worker = Worker(own, found if found.is_file() else None)
    while (task := tasks.get()) is not None:
        mutant, tests, expected = task
        if mutant is None:
            results.put(worker.failing(tests, 60 + 4 * expected))
        else:
            results.put(worker.try_mutant(mutant, tests, expected))
    results.put(None)


class Crew:
    """Workers, each with its copy of the repository; what they are given comes back in any order.

    Args:
        folder: where the copies lie.
        count: number of workers.
    """

    def __init__(self, folder: Path, count: int) -> None:
        context = get_context("spawn")
        self.count, self.given, self.results = count, context.Queue(), context.Queue()
        self.processes = [
            context.Process(target=_work, args=(k, folder, self.given, self.results))
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
