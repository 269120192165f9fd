"""Studies side by side, each in a process of its own, measure what they measure one by one."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from rdverify import InputError, systems
from rdverify.side_by_side import measure, measure_apart
from rdverify.study import Context
from rdverify.tools.progress import ConsoleReporter

MODULE = """
import os, signal, time
from rdverify import InputError
from rdverify.study import Facts, Study

fact = Facts()

@fact("{name}.value", "the number of workers, as samples")
def _value(runs):
    return [float(runs), 2.0]

@fact("{name}.process", "where it ran")
def _process(runs):
    return float(os.getpid())

def run(context):
    with context.progress.task("{name}", 1) as task:
        {action}
        task.advance()
    return context.workers

STUDY = Study(name="{name}", title="{name}", run=run, facts=fact)
"""
FOREVER = "time.sleep(100_000)"


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes systems of a name and what their run does."""
    monkeypatch.syspath_prepend(tmp_path)

    def declared(**actions: str) -> list[str]:
        for name, action in actions.items():
            module = f"apart_{name}"
            text = MODULE.format(name=name, action=action)
            (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
            monkeypatch.setitem(systems.SYSTEMS, name, module)
        return list(actions)

    return declared


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context("quick", tmp_path, None, tmp_path, workers=2, progress=ConsoleReporter())


@pytest.mark.twice
def test_they_give_the_same_in_the_order_asked_for(declare, context, capfd) -> None:
    names = declare(one="pass", two="pass")
    apart, here = measure_apart(names, context), measure(names, context)
    assert list(apart) == names
    for name in names:
        assert apart[name][0] is here[name][0]
        assert apart[name][1].facts[f"{name}.value"] == here[name][1].facts[f"{name}.value"]
        assert here[name][1].facts[f"{name}.process"].value == os.getpid()
    places = {apart[name][1].facts[f"{name}.process"].value for name in names}
    assert os.getpid() not in places
    assert {"one ...", "two ..."} <= set(capfd.readouterr().err.splitlines())


@pytest.mark.once
@pytest.mark.parametrize("which", ["one", "two"])
def test_one_that_fails_ends_the_other_at_once(declare, context, which: str) -> None:
    names = declare(**{"one": FOREVER, "two": FOREVER, which: "raise InputError('data = 7')"})
    with pytest.raises(InputError, match="data = 7"):
        measure_apart(names, context)


@pytest.mark.parametrize("attempt", range(5))  # what is to be noticed comes at any moment
@pytest.mark.twice
def test_a_process_that_is_killed_ends_the_others_and_is_an_error(
    declare, context, attempt: int
) -> None:
    names = declare(one=FOREVER, two="os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(BrokenProcessPool):
        measure_apart(names, context)


def test_one_worker_or_one_study_needs_no_other_process(declare, context) -> None:
    (name,) = declare(one="pass")
    assert measure_apart([name], context)[name][1].facts["one.process"].value == os.getpid()
