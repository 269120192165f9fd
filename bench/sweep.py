"""What a sweep costs beside its runs: a task's overhead, and how it grows with their number."""

from __future__ import annotations

import argparse
import contextlib
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from timing import exponent

from rdverify.sweep.definition import Definition, define
from rdverify.sweep.pools import Pool, dask, processes, threads
from rdverify.sweep.record import Record
from rdverify.sweep.run import run_all
from rdverify.sweep.target import attempt
from rdverify.tools.progress import Reporter


def nothing(setting: dict[str, float]) -> dict[str, float]:
    """The shortest run that there is."""
    return {"r": setting["x"]}


def definition_of(runs: int) -> Definition:
    """A study of so many runs that do next to nothing."""
    axes = {"x": {"low": 0.0, "high": 1.0, "points": runs}}
    return define({"system": "sweep:nothing", "axes": axes}, {})


def seconds_of(runs: int, opened: Callable[[], contextlib.AbstractContextManager[Pool]]) -> float:
    """Wall time from the first run to the sorted file; the workers are started before."""
    definition = definition_of(runs)
    design = definition.design
    with tempfile.TemporaryDirectory() as folder, opened() as pool:
        pool.executor.submit(attempt, definition.place, design[0]).result()
        start = time.perf_counter()
        record = Record(Path(folder), definition.stated, design.shown, len(design), Reporter())
        run_all(design, partial(attempt, definition.place), pool, record, Reporter())
        record.finish({})
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 316, 1000, 3162, 10000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scheduler", help="also on the Dask cluster at this address")
    chosen = parser.parse_args()
    pools: dict[str, Callable[[], contextlib.AbstractContextManager[Pool]]] = {
        "this thread": lambda: threads(1),
        f"{chosen.workers} threads": lambda: threads(chosen.workers),
        f"{chosen.workers} processes": lambda: processes(chosen.workers),
    }
    if chosen.scheduler:
        pools[chosen.scheduler] = lambda: dask(chosen.scheduler)
    else:
        pools["2 workers of Dask"] = local_cluster
    for name, opened in pools.items():
        rounds = 1 if opened is local_cluster else 3
        taken = [min(seconds_of(runs, opened) for _ in range(rounds)) for runs in chosen.runs]
        shown = ", ".join(f"{n}: {t:.3f} s" for n, t in zip(chosen.runs, taken, strict=True))
        print(
            f"{name}: {shown}; a task {taken[-1] / chosen.runs[-1] * 1e3:.2f} ms, "
            f"exponent {exponent(chosen.runs, taken):.2f}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MiB")


@contextlib.contextmanager
def local_cluster():  # type: ignore[no-untyped-def]
    """Two worker processes of Dask on this machine."""
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        dask(cluster.scheduler_address) as pool,
    ):
        yield pool


if __name__ == "__main__":
    main()
