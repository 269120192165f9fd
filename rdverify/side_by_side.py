"""Studies run one after the other, or each in a process of its own, to the same bits."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from typing import Any

from rdverify import systems
from rdverify.judge.results import Studies
from rdverify.study import Context, Study, StudyResult
from rdverify.sweep.pools import processes

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
    order = sorted(names, key=lambda name: name not in LONG)  # so that no core waits at the end
    with processes(count) as pool:
        submit = pool.executor.submit
        started = {name: submit(_measured, systems.SYSTEMS[name], apart) for name in order}
        for done in as_completed(started.values()):
            done.result()
    return {name: (studies[name], started[name].result()) for name in names}


def _checked(names: Sequence[str], context: Context) -> dict[str, Study[Any]]:
    studies = {name: systems.study(name) for name in names}
    for study in studies.values():
        study.check(context)
    return studies


def _measured(module: str, context: Context) -> StudyResult:
    study: Study[Any] = importlib.import_module(module).STUDY
    return study.measure(context)
