"""PyTorch made repeatable: sums in one order, generators from seeds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import numpy as np
import torch

from rdverify.tools.errors import InputError, require

_LOCK = threading.Lock()
_GLOBAL_RANDOM = threading.Lock()
_counts: list[int] = []  # as it was found, and that of each block that is open


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Sums in one order, whatever the machine: ``count`` threads inside the block.

    Blocks may lie within each other, and side by side if all ask for the same count.
    """
    with _LOCK:
        if not _counts:
            _counts.append(torch.get_num_threads())
        _counts.append(count)
        torch.set_num_threads(count)
    try:
        yield
    finally:
        with _LOCK:
            del _counts[-1 - _counts[::-1].index(count)]
            torch.set_num_threads(_counts[-1])
            if len(_counts) == 1:
                _counts.clear()


def one_thread() -> contextlib.AbstractContextManager[None]:
    """As :func:`threads`, of one: for what runs side by side with its like."""
    return threads(1)


@contextlib.contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Torch's one global generator set to ``seed`` inside the block, and as it was after it."""
    with _GLOBAL_RANDOM, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def seeded(*numbers: int) -> torch.Generator:
    """A generator of its own for each tuple of numbers, of which zeros at the end don't count.

    It is on the CPU, so that devices agree.
    """
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state >> 1)


def device_named(name: str) -> torch.device:
    """A device of this machine; InputError on any other name."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device = {name!r} is not allowed: must be one of this machine, such as cpu"
        ) from error
    require(device.type != "meta", "device", name, "one that holds numbers")
    return device


@contextlib.contextmanager
def random_state_kept(device: torch.device | str = "cpu") -> Iterator[None]:
    """Torch's global generators as they were after the block, whatever draws from them in it."""
    cuda = torch.device(device) if torch.device(device).type == "cuda" else None

    def states() -> list[torch.Tensor]:
        return [torch.get_rng_state()] + ([torch.cuda.get_rng_state(cuda)] if cuda else [])

    with _GLOBAL_RANDOM:  # nobody else is amid a block of seeds of its own
        before = states()
    try:
        yield
    finally:
        with _GLOBAL_RANDOM:
            if not all(map(torch.equal, before, states())):
                torch.set_rng_state(before[0])
                if cuda:
                    torch.cuda.set_rng_state(before[1], cuda)


@contextlib.contextmanager
def as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Modes and buffers of every submodule are after the block as they were before it."""
    parts = list(module.modules())
    modes = [part.training for part in parts]
    buffers = [dict(part._buffers) for part in parts]
    values = [{k: v.clone() for k, v in own.items() if v is not None} for own in buffers]
    try:
        yield
    finally:
        if modes != [part.training for part in parts]:
            for part, mode in zip(parts, modes, strict=True):
                part.train(mode)  # parents first: what lies below gets its own mode after it
        for part, own, kept in zip(parts, buffers, values, strict=True):
            part._buffers.update(own)  # a buffer may have been put in the place of another
            for name, before in kept.items():
                now = own[name]
                if now is not None and not torch.equal(now, before):
                    with torch.no_grad():
                        now.copy_(before)
