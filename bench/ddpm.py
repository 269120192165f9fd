"""What measuring costs: the norms alone, the sampler against diffusers, and growth.

    python bench/ddpm.py [--images 16] [--steps 25] [--repeats 15]

Prints the median ratios of interleaved runs to the pipeline's own sampling (with a schedule,
and with the pipeline's scheduler, clipping its images or not; at most 1.02 is wanted), the
norms' share of a sampling step measured in isolation, and time against steps and images.
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


def pipeline_of(unet: torch.nn.Module, T: int, clip: bool) -> DDPMPipeline:
    scheduler = DDPMScheduler(T, clip_sample=clip, variance_type="fixed_large")
    pipeline = DDPMPipeline(unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def own(pipeline: DDPMPipeline, images: int, T: int) -> object:
    """The pipeline's own sampling, one generator an image as measuring has them."""
    generators = [torch.Generator().manual_seed(k) for k in range(images)]
    return pipeline(images, generators, num_inference_steps=T, output_type="np")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--channels", type=int, default=1)
    chosen = parser.parse_args()
    n, T, channels = chosen.images, chosen.steps, chosen.channels
    unet = build_unet(channels, seed=0)
    free, clipped = (pipeline_of(unet, T, clip) for clip in (False, True))
    schedule = Schedule.from_scheduler(free.scheduler)
    measured: dict[str, tuple[Callable[[], object], str]] = {
        "a schedule": (lambda: sample(unet, schedule, images=n, seed=1), "theirs"),
        "its scheduler": (lambda: sample(free, images=n, seed=1), "theirs"),
        "its scheduler, clipped": (lambda: sample(clipped, images=n, seed=1), "theirs, clipped"),
    }
    times = interleaved(
        {name: work for name, (work, _) in measured.items()}
        | {"theirs": lambda: own(free, n, T), "theirs, clipped": lambda: own(clipped, n, T)},
        chosen.repeats,
    )
    step = statistics.median(times["a schedule"]) / T
    norms = norms_of_a_step(n, channels, chosen.repeats)
    print(f"torch threads {torch.get_num_threads()}, {n} images of {channels} x 32 x 32, T = {T}")
    for name, (_, theirs) in measured.items():
        ratios = np.divide(times[name], times[theirs])
        low, high = np.percentile(ratios, [25, 75])
        print(
            f"measuring with {name} / DDPMPipeline: median {np.median(ratios):.4f} of "
            f"{len(ratios)} interleaved pairs (quartiles {low:.4f} to {high:.4f})"
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
