# ruff: noqa: E402  (thread counts must be set before the imports)
"""Speed of the LSTM's probe and of training side by side, all on one thread in one run.

python bench/lstm.py [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import dataclasses
from collections.abc import Callable
from functools import partial
from unittest import mock

import numpy as np
import torch
from timing import interleaved

from rdverify.lstm import LSTMConfig, gates, probe, reading
from rdverify.lstm.compiled_training import train_fast
from rdverify.lstm.sequences import SineConfig
from rdverify.lstm.training import train, train_many
from rdverify.measure import measure_network
from rdverify.trace import Trace


def least(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Least seconds of each call."""
    return {name: min(seconds) for name, seconds in interleaved(calls, repeats).items()}


@torch.no_grad()
def loop(lstm: torch.nn.LSTM, x: torch.Tensor) -> Trace:
    """What one would write without the kernel: a loop over the steps in torch."""
    h = c = torch.zeros(x.shape[0], lstm.hidden_size)
    bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
    react, diff = [], []
    w, u = lstm.weight_ih_l0, lstm.weight_hh_l0
    for x_t in x.unbind(1):
        z = torch.addmm(torch.addmm(bias, x_t, w.T), h, u.T)
        i, f, c_tilde, o = z.chunk(4, 1)
        a = torch.sigmoid(i) * torch.tanh(c_tilde)
        f = torch.sigmoid(f)
        react.append(a.norm(dim=1))
        diff.append(((1 - f) * c).norm(dim=1))
        c = f * c + a
        h = torch.sigmoid(o) * torch.tanh(c)
    return Trace(torch.stack(react, 1).double().numpy(), torch.stack(diff, 1).double().numpy())


def forced(way: str, lstm: torch.nn.LSTM, x: torch.Tensor) -> Trace:
    """The probe by one way of reading, whichever it would take."""
    with mock.patch.object(reading, "way_for", return_value=way):
        return probe(lstm, x)


def crossover(repeats: int) -> None:
    """Both kernels and a plain loop by size, over the forward pass; * is what the probe takes."""
    print("200 steps, times of the forward pass: sequences in the lanes, units in them, plain loop")
    for hidden in (16, 32, 64, 256):
        for batch in (1, 8, 32, 128, 512):
            if hidden * batch > 2**15:
                continue
            lstm, x = torch.nn.LSTM(1, hidden, batch_first=True), torch.randn(batch, 200, 1)
            taken = reading.way_for(x, hidden, False)

            calls = {way: partial(forced, way, lstm, x) for way in ("sequences", "units")}
            calls |= {"forward": partial(lstm, x), "loop": partial(loop, lstm, x)}
            best = least(calls, max(2, repeats // 6))
            ratios = [
                f"{best[way] / best['forward']:7.2f}{'*' if way == taken else ' '}"
                for way in ("sequences", "units", "loop")
            ]
            print(f"  h = {hidden:<4} batch {batch:<4} {' '.join(ratios)}")


def layered(repeats: int) -> None:
    """Several layers and directions over torch's own forward pass."""
    print("batch 512, 200 steps, measured over the forward pass")
    for hidden, layers, both in ((16, 1, False), (64, 1, False), (16, 2, False), (16, 2, True)):
        lstm = torch.nn.LSTM(1, hidden, layers, bidirectional=both, batch_first=True)
        x = torch.randn(512, 200, 1)
        best = least(
            {"forward": partial(lstm, x), "measure": partial(measure_network, lstm, x)},
            max(2, repeats // 6),
        )
        ratio = best["measure"] / best["forward"]
        name = f"h = {hidden}, {layers} layer(s){', both directions' if both else ''}"
        print(f"  {name:<36} {ratio:5.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 5 if parser.parse_args().quick else 30
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(1, 16, batch_first=True)
    x = torch.randn(512, 200, 1)

    with torch.inference_mode():
        best = least(
            {
                "nn.LSTM forward": lambda: lstm(x),
                "probe": lambda: probe(lstm, x),
                "probe, detail": lambda: probe(lstm, x, detail=True),
                "loop over steps": lambda: loop(lstm, x),
            },
            repeats,
        )
        print("batch 512, 200 steps, h = 16, float32, one thread")
        for name, seconds in best.items():
            ratio = seconds / best["nn.LSTM forward"]
            print(f"  {name:<18} {1e3 * seconds:8.2f} ms  {ratio:5.2f} of the forward pass")

        exact = gates(lstm.double(), x.double())
        lstm.float()
        terms = (exact.i * exact.c_tilde, exact.one_minus_f * exact.c_prev)
        for name, trace in (("probe", probe(lstm, x)), ("loop", loop(lstm, x))):
            worst = max(
                float(np.nanmax(np.abs(found[:, 1:] / np.linalg.norm(term, axis=2)[:, 1:] - 1)))
                for found, term in zip((trace.react, trace.diff), terms, strict=True)
            )
            print(f"  {name}: largest relative difference from float64 {worst:.1e}")

        sizes = {
            f"{b} x {t}": torch.randn(b, t, 1)
            for b, t in ((128, 200), (256, 200), (1024, 200), (512, 50), (512, 800))
        }
        times = least(
            {name: (lambda series=series: probe(lstm, series)) for name, series in sizes.items()},
            repeats,
        )
        print("time of the probe per sequence and step")
        for name, seconds in times.items():
            print(f"  {name:<18} {1e9 * seconds / sizes[name].numel():8.1f} ns")

    crossover(repeats)
    layered(repeats)

    config = LSTMConfig(data=SineConfig(sequences=32), epochs=10, batch_size=8)
    for label, chosen in (
        ("batches of 8", config),
        ("batches of 32", dataclasses.replace(config, batch_size=None)),
    ):
        ten = [chosen.with_seed(seed) for seed in range(10)]
        calls = {
            "one": lambda chosen=chosen: train(chosen),
            "one, compiled": lambda chosen=chosen: train_fast(chosen),
            "ten, threads": lambda ten=ten: train_many(ten),
        }
        times = least(calls, max(2, repeats // 10))
        print(f"training, {label}, {os.cpu_count()} processors")
        for name, seconds in times.items():
            print(f"  {name:<18} {1e3 * seconds:8.1f} ms  {seconds / times['one']:5.2f} of one")


if __name__ == "__main__":
    main()
