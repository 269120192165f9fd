"""Where the runs of a sweep are done: here, on threads, on processes, on a Dask cluster.

Each is a ``concurrent.futures.Executor``; the sweep asks for no more than that.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from rdverify.tools.errors import InputError, one_line, require_integer

AHEAD = 4  # runs handed out for each worker, so that none waits for the next one
PATIENCE = "10s"  # for a scheduler that should answer at once


class Here(Executor):
    """In this thread, where an interruption ends a run at once."""

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """Done when it returns."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Pool:
    """An executor, and how many runs to hand to it at a time.

    Args:
        start: makes the executor; called again when a worker process has died.
        stop: ends it without waiting for the runs that it has.
        width: how many runs it should have at a time.
        name: where it is, for the reader.
    """

    def __init__(
        self,
        start: Callable[[], Executor],
        stop: Callable[[Executor], object],
        width: Callable[[], int],
        name: str,
    ) -> None:
        self._start, self._stop = start, stop
        self.width, self.name = width, name
        self.executor = start()

    def restart(self) -> None:
        """A new executor in place of one that broke."""
        self._stop(self.executor)
        self.executor = self._start()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop(self.executor)


def threads(workers: int) -> Pool:
    """Threads of this process, for runs whose heavy part releases the interpreter's lock."""
    workers = require_integer("workers", workers, 1)
    if workers == 1:
        return Pool(Here, lambda _: None, lambda: 1, "this thread")
    return Pool(
        lambda: ThreadPoolExecutor(workers),
        lambda executor: executor.shutdown(wait=True, cancel_futures=True),
        lambda: AHEAD * workers,
        f"{workers} threads",
    )


class _Processes(ProcessPoolExecutor):
    """Notices the death of every worker, one that was started just now, too.

    The standard one lists the workers to watch before it starts the one that a task needs, and
    again only when there is news of another: a worker that dies meanwhile is waited for.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        before = len(self._processes)
        future = super().submit(fn, *args, **kwargs)
        if len(self._processes) > before:
            super().submit(int)  # news: the list is made again
        return future


def processes(workers: int) -> Pool:
    """Processes of this machine."""
    workers = require_integer("workers", workers, 1)
    context = multiprocessing.get_context("spawn")  # forked, threads of BLAS may hang

    def stop(executor: Executor) -> None:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()

    return Pool(
        lambda: _Processes(workers, context, initializer=_begin),
        stop,
        lambda: AHEAD * workers,
        f"{workers} process{'es' * (workers > 1)}",
    )


def _begin() -> None:
    """A worker leaves interruptions to the one who started it, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextlib.contextmanager
def dask(address: str) -> Iterator[Pool]:
    """Workers of a running Dask scheduler, however many come and go meanwhile.

    Args:
        address: such as tcp://host:8786.

    Raises:
        InputError: if dask.distributed isn't installed, the scheduler can't be reached or has
            no workers, or they lack this package.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "scheduler needs dask.distributed: install it with pip install 'rdverify[dask]'"
        ) from error
    try:
        client: Any = Client(address, timeout=PATIENCE)
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise InputError(
            f"scheduler = {address!r} can't be reached ({one_line(error)}): must be the address of "
            "a running Dask scheduler, such as tcp://host:8786"
        ) from error
    # a worker that is lost is no news: its runs are done by the others
    logging.getLogger("distributed.client").setLevel(logging.ERROR)
    with client:
        _ready(client, address)
        counted = [0.0, 0.0]  # when the workers' threads were counted, and how many they were

        def width() -> int:
            if time.monotonic() - counted[0] > 1:
                counted[:] = time.monotonic(), sum(client.nthreads().values())
            return max(AHEAD * int(counted[1]), 2 * AHEAD)

        yield Pool(
            client.get_executor,
            lambda executor: executor.shutdown(wait=False),
            width,
            f"the cluster at {address}",
        )


def _ready(client: Any, address: str) -> None:
    """InputError unless there are workers, and they have this package."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
        found = set(client.run(_version).values())
    except TimeoutError as error:
        raise InputError(
            f"scheduler = {address!r} has no workers: start some with dask worker {address}"
        ) from error
    except Exception as error:  # whatever a worker without the package says
        raise InputError(
            f"workers of {address!r} are not allowed ({one_line(error)}): must have rdverify "
            f"{_version()} installed"
        ) from error
    if found != {_version()}:
        raise InputError(
            f"workers of {address!r} have rdverify {', '.join(sorted(found))}: must be the "
            f"{_version()} of this command, for rows to be alike"
        )


def _version() -> str:
    from rdverify import __version__

    return __version__
