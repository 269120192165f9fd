"""What the metric can't tell: constructive counterexamples, each a small run or a proof.

Here those of the DDPM, and the table of all; fields are in metric_fields, LSTMs in
metric_networks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats

from rdverify.balance import balance_of
from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.ddpm.denoisers import MixtureDenoiser
from rdverify.gray_scott.patterns import classify
from rdverify.metric import fields, networks
from rdverify.metric.rows import Rows, measure_all, row, value_of
from rdverify.metric.systems import Systems
from rdverify.study import Metric, Metrics, Table
from rdverify.tools.progress import Task

NOISELESS_STARTS = 96  # all alike then means more than 96 % with 95 % confidence


def limits(metrics: Metrics, systems: Systems, task: Task) -> Table:
    """All counterexamples, as metrics and as one table."""
    rows: Rows = []
    for part in (
        fields.kinds,
        fields.walks,
        fields.plate,
        fields.regrouped,
        fields.unstable,
        _pictures,
        _blank,
        networks.networks,
        networks.bounds,
        networks.integrators,
        fields.uniform,
        _noiseless,
    ):
        part(metrics, systems, rows)
        task.advance()
    return Table("What R can't tell. Each line is a small run or an exact solution", rows)


def _pictures(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    names = {
        "metric.turing.rd.r": "R of the Gray-Scott runs (spots and stripes) that made a pattern",
        "metric.turing.ddpm.r": "R of a DDPM with the exact denoiser of those patterns",
        "metric.turing.ddpm.error": "root-mean-square distance of its images to the nearest "
        "pattern, over the patterns' own root mean square",
        "metric.turing.ddpm.same_label": "share of its images that the pattern classifier labels "
        "as it labels the nearest Gray-Scott pattern",
    }

    def compute() -> dict[str, Metric]:
        data, made = (x.flatten(1) for x in (systems.patterns, systems.images))
        distance = torch.cdist(made, data)  # (images, patterns)
        nearest = distance.argmin(1)
        error = distance.min(1).values / data[nearest].norm(dim=1)
        label = [classify(systems.patterns[k, 0].numpy()).label for k in range(len(data))]
        same = [
            classify(image.numpy(), 0.1).label == label[k]
            for image, k in zip(systems.images[:, 0], nearest.tolist(), strict=True)
        ]
        runs = [balance_of(run.trace).r for run in (*systems.rd["spots"], *systems.rd["stripes"])]
        values = (runs, balance_of(systems.ddpm).r_runs, error.numpy(), np.array(same, float))
        return {
            name: Metric.of(value, what)
            for (name, what), value in zip(names.items(), values, strict=True)
        }

    if measure_all(metrics, compute, names):
        row(
            rows,
            "Gray-Scott making spots and stripes",
            value_of(metrics, "metric.turing.rd.r"),
            "the reference",
        )
        r = value_of(metrics, "metric.turing.ddpm.r")
        error = 100 * value_of(metrics, "metric.turing.ddpm.error")
        row(
            rows,
            "DDPM making the same spots and stripes",
            r,
            f"the same patterns, to {error:.1f} %, at a ratio "
            f"{value_of(metrics, 'metric.turing.rd.r') / r:.0f} times smaller: R near 1 is no "
            "requirement",
        )


def _blank(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    what = "R of the DDPM's schedule in closed form for blank images: no data, no network"
    if measure_all(
        metrics,
        lambda: {"metric.blank.r": Metric(expected_balance(Schedule.linear(), 1024, 0.0).r, what)},
        {"metric.blank.r": what},
    ):
        row(
            rows,
            "DDPM's closed form, blank images, no network",
            value_of(metrics, "metric.blank.r"),
            "the ratio of Table 1 comes from the schedule",
        )


def _noiseless(metrics: Metrics, systems: Systems, rows: Rows) -> None:
    """R infinite in two ways, the sampler without its noise, and the deterministic sampler."""
    names = {
        "silent": (
            "metric.noiseless.silent.largest_share",
            "share of the most frequent "
            "end when the sampler's noise is left out (R infinite), eight equally "
            "likely pictures",
        ),
        "flow": (
            "metric.noiseless.flow.largest_share",
            "the same for the deterministic "
            "sampler (DDIM, the probability flow), which has no noise term either",
        ),
        "noise": ("metric.control.noise.largest_share", "the same with noise, R = 0.07"),
    }

    def compute() -> dict[str, Metric]:
        small = torch.nn.functional.avg_pool2d(systems.patterns, 4)  # (8, 1, 16, 16)
        schedule = Schedule.linear()
        denoiser = MixtureDenoiser(schedule, small)
        shape, n = tuple(small.shape[1:]), NOISELESS_STARTS
        silent, _ = sample(denoiser, schedule, shape, n, 1, variance="none", dtype=torch.float64)
        noisy, _ = sample(denoiser, schedule, shape, n, 1, dtype=torch.float64)
        x = torch.from_numpy(np.random.default_rng(8).standard_normal((n, *shape)))
        bar = schedule.alpha_bar
        for t in range(schedule.T - 1, -1, -1):
            eps = denoiser(x, torch.full((n,), t))
            clean = (x - math.sqrt(1 - bar[t]) * eps) / math.sqrt(bar[t])
            x = (
                math.sqrt(schedule.alpha_bar_before[t]) * clean
                + math.sqrt(1 - schedule.alpha_bar_before[t]) * eps
            )
        found = {}
        for key, made in (("silent", silent), ("flow", x), ("noise", noisy)):
            nearest = torch.cdist(made.flatten(1), small.flatten(1)).argmin(1)
            count = np.bincount(nearest.numpy(), minlength=len(small))
            top = int(count.max())
            low, high = (
                float(np.nan_to_num(end, nan=fallback))
                for end, fallback in (
                    (stats.beta.ppf(0.025, top, n - top + 1), 0.0),
                    (stats.beta.ppf(0.975, top + 1, n - top), 1.0),
                )
            )  # Clopper and Pearson
            found[names[key][0]] = Metric(top / n, names[key][1], low, high, n)
        return found

    if measure_all(metrics, compute, dict(names.values())):
        for key, label in (("silent", "DDPM without its noise"), ("flow", "Deterministic sampler")):
            row(
                rows,
                label,
                "infinite",
                "most frequent of eight pictures gets "
                f"{100 * value_of(metrics, names[key][0]):.0f} % of the ends",
            )
