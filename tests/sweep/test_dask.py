"""A sweep on a Dask cluster: a worker killed, the command killed, and yet the same bytes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest

from rdverify.tools.paths import PACKAGE

pytest.importorskip("distributed", reason="dask.distributed is not installed")
pytestmark = pytest.mark.end_to_end

STUDY = """
system = "sweep.swept:slow_wave"
seeds = [0, 1]
[axes]
x = { low = 0.0, high = 1.0, points = 1050 }
"""
RUNS = 2100
WAIT = 120  # seconds after which a cluster that has not started is broken


@pytest.fixture
def machine(tmp_path):
    """Starts commands as a user would, where the tests' systems can be imported."""
    paths = [str(PACKAGE.parent), str(PACKAGE.parent / "tests"), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    started = []

    def start(module, *words):
        log = tmp_path / f"log-{len(started)}"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, words)],
                cwd=tmp_path,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        process.log = log
        started.append(process)
        return process

    (tmp_path / "study.toml").write_text(STUDY)
    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rows_in(folder):
    """How many rows stand in the parts."""
    files = [path for path in folder.glob("parts/*.parquet") if not path.name.startswith(".")]
    return sum(len(pd.read_parquet(path)) for path in files)


def until(condition, process):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, process.log.read_text()
        assert process.poll() is None, process.log.read_text()
        time.sleep(0.05)


def cluster(start):
    """A scheduler, two workers of one thread, and the scheduler's address."""
    address = f"tcp://127.0.0.1:{free_port()}"
    words = ("--host", "127.0.0.1", "--port", address.split(":")[-1], "--no-dashboard")
    scheduler = start("distributed.cli.dask_scheduler", *words)
    workers = [
        start("distributed.cli.dask_worker", address, "--nthreads", 1, "--no-nanny")
        for _ in range(2)
    ]
    return address, scheduler, workers


def test_killed_worker_and_killed_command_lose_nothing(machine, tmp_path):
    address, _, workers = cluster(machine)
    words = ("sweep", "study.toml", "--output", "far", "--scheduler", address)
    first = machine("rdverify", *words)
    until(lambda: rows_in(tmp_path / "far") > 100, first)
    workers[0].kill()
    known = rows_in(tmp_path / "far")
    until(lambda: rows_in(tmp_path / "far") > known, first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = rows_in(tmp_path / "far")
    assert 100 < kept < RUNS

    second = machine("rdverify", *words)
    assert second.wait() == 0, second.log.read_text()
    assert f"study: {kept} of {RUNS} found in far, going on" in second.log.read_text()
    here = machine("rdverify", "sweep", "study.toml", "--output", "near", "--workers", 2)
    assert here.wait() == 0, here.log.read_text()
    far, near = (tmp_path / where / "results.parquet" for where in ("far", "near"))
    assert far.read_bytes() == near.read_bytes()
    frame = pd.read_parquet(far)
    assert frame["index"].tolist() == list(range(RUNS))
    assert (frame["error"] != "").equals(frame["x"] > 0.9)


def test_a_scheduler_that_goes_keeps_what_was_done(machine, tmp_path):
    address, scheduler, _ = cluster(machine)
    command = machine("rdverify", "sweep", "study.toml", "--output", "far", "--scheduler", address)
    until(lambda: rows_in(tmp_path / "far") > 100, command)
    scheduler.kill()
    assert command.wait() == 2, command.log.read_text()
    assert "is gone: what was done is kept" in command.log.read_text().splitlines()[-1]
    assert rows_in(tmp_path / "far") > 100


def test_what_is_no_cluster_is_told_before_any_run(machine, tmp_path):
    address = f"tcp://127.0.0.1:{free_port()}"
    for wrong, says in ((address, "can't be reached"), ("nowhere", "missing port number")):
        command = machine("rdverify", "sweep", "study.toml", "--scheduler", wrong)
        assert command.wait() == 2
        lines = command.log.read_text().splitlines()
        assert len(lines) == 1
        assert says in lines[0]
    assert not rows_in(tmp_path / "study")


def test_a_cluster_without_workers_is_told(machine):
    port = free_port()
    machine(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"
    )
    command = machine("rdverify", "sweep", "study.toml", "--scheduler", f"tcp://127.0.0.1:{port}")
    assert command.wait() == 2
    assert "has no workers: start some with dask worker" in command.log.read_text()
