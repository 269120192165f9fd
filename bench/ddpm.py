"""What measuring costs: the norms alone, the sampler against diffusers, and growth.

    python bench/ddpm.py [--images 16] [--steps 25] [--repeats 15]

Prints the median ratio of interleaved runs, the norms' share of a sampling step
measured in isolation, and time against steps and images.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from timing import exponent, interleaved

from rdverify.ddpm import Schedule, sample
from rdverify.ddpm.sampler import norm
from rdverify.ddpm.unet import build_unet


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def norms_of_a_step(images: int, channels: int, repeats: int) -> float:
    """Median seconds of the three norms that one step records, in isolation."""
    state = torch.randn((3, images, channels, 32, 32))
    record = torch.zeros((3, images))

    def norms() -> None:
        for row in range(3):
            record[row] = norm(state[row])

    for _ in range(50):
        norms()
    return statistics.median(seconds(norms) for _ in range(40 * repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--channels", type=int, default=1)
    chosen = parser.parse_args()
    n, T, channels = chosen.images, chosen.steps, chosen.channels
    unet = build_unet(channels, seed=0)
    scheduler = DDPMScheduler(T, clip_sample=False, variance_type="fixed_large")
    pipeline = DDPMPipeline(unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    schedule = Schedule.from_scheduler(scheduler)

    def ours() -> object:
        return sample(unet, schedule, images=n, seed=1)

    def theirs() -> object:
        return pipeline(
            batch_size=n,
            num_inference_steps=T,
            output_type="np",
            generator=torch.Generator().manual_seed(1),
        )

    times = interleaved({"ours": ours, "theirs": theirs}, chosen.repeats)
    ratios = np.divide(times["ours"], times["theirs"])
    low, high = np.percentile(ratios, [25, 75])
    step = statistics.median(times["ours"]) / T
    norms = norms_of_a_step(n, channels, chosen.repeats)
    print(f"torch threads {torch.get_num_threads()}, {n} images of {channels} x 32 x 32, T = {T}")
    print(
        f"sampler / DDPMPipeline: median {np.median(ratios):.4f} of {len(ratios)} "
        f"interleaved pairs (quartiles {low:.4f} to {high:.4f})"
    )
    print(f"norms: {norms * 1e6:.1f} us of {step * 1e3:.2f} ms a step = {norms / step:.3%}")
    for name, counts, work in (
        ("steps", (T, 2 * T, 4 * T), lambda k: sample(unet, Schedule.linear(k), images=n)),
        ("images", (n, 2 * n, 4 * n), lambda k: sample(unet, schedule, images=k, batch=n)),
    ):
        taken = interleaved({str(k): functools.partial(work, k) for k in counts}, 3)
        least = [min(rounds) for rounds in taken.values()]
        shown = ", ".join(f"{k}: {t:.2f} s" for k, t in zip(counts, least, strict=True))
        print(f"time against {name}: {shown}; exponent {exponent(counts, least):.2f}")


if __name__ == "__main__":
    main()
