"""Studies run one after the other, or each in a process of its own, to the same bits."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from rdverify import systems
from rdverify.judge.results import Studies
from rdverify.study import Context, Study, StudyResult

LONG = ("ddpm", "lstm")  # the studies that are started first


def measure(names: Sequence[str], context: Context) -> Studies:
    """Run the studies one after the other.

    Every study's ``check`` comes before the first one starts: InputError if one can't run.
    """
    studies = _checked(names, context)
    return {name: (study, study.measure(context)) for name, study in studies.items()}


def measure_apart(names: Sequence[str], context: Context) -> Studies:
    """As :func:`measure`, to the bit, with studies side by side: each in a process of its own.

    Raises:
        BrokenProcessPool: if a process was killed.
    """
    count = min(context.workers, len(names))
    if count < 2:
        return measure(names, context)
    studies = _checked(names, context)
    apart = replace(context, progress=context.progress.apart())
    spawn = multiprocessing.get_context("spawn")  # OpenMP's threads don't live through a fork
    ours, theirs = spawn.Pipe()
    with ours, ProcessPoolExecutor(count, spawn, _ends_with, (theirs,)) as pool:
        order = sorted(names, key=lambda name: name not in LONG)  # so that no core waits at the end
        started = {name: pool.submit(_measured, systems.SYSTEMS[name], apart) for name in order}
        try:
            for done in as_completed(started.values()):
                done.result()
        except BaseException:
            ours.close()
            raise
    return {name: (studies[name], started[name].result()) for name in names}


def _checked(names: Sequence[str], context: Context) -> dict[str, Study[Any]]:
    studies = {name: systems.study(name) for name in names}
    for study in studies.values():
        study.check(context)
    return studies


def _measured(module: str, context: Context) -> StudyResult:
    study: Study[Any] = importlib.import_module(module).STUDY
    return study.measure(context)


def _ends_with(theirs: Connection) -> None:
    """This process ends at once when the other end of the pipe is closed, or its owner dies."""

    def watch() -> None:
        theirs.poll(None)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its owner hears it too, and closes the pipe
    threading.Thread(target=watch, daemon=True).start()
