"""PyTorch made repeatable: sums in one order, generators from seeds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import torch

_LOCK = threading.Lock()
_GLOBAL_RANDOM = threading.Lock()
_before: list[int] = []  # the number of threads before, once for each block that is open


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in one order, whatever the machine: one thread, restored by the last to leave."""
    with _LOCK:
        _before.append(_before[0] if _before else torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _LOCK:
            before = _before.pop()
            if not _before:
                torch.set_num_threads(before)


@contextlib.contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Torch's one global generator set to ``seed`` inside the block, and as it was after it."""
    with _GLOBAL_RANDOM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def seeded(*numbers: int) -> torch.Generator:
    """A generator of its own for each tuple of numbers; on the CPU, so that devices agree."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state >> 1)


@contextlib.contextmanager
def as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Modes and buffers of every submodule are after the block as they were before it."""
    modes = [(part, part.training) for part in module.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
