"""The small systems of the metric's study: each with both terms, and their change, at every step.

No network is trained here. The DDPM has the exact denoiser of a small set of
pictures, and the pictures are the patterns that the Gray-Scott runs of this study
end in: the same patterns are made by two systems of the paper.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch

from rdverify.ddpm import Schedule, sample
from rdverify.ddpm.denoisers import MixtureDenoiser
from rdverify.gray_scott import GrayScottConfig, Simulation, run_many
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, probe
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
)
from rdverify.tools.errors import InputError
from rdverify.tools.progress import Task
from rdverify.trace import Trace

FloatArray = npt.NDArray[np.float64]
SPOTS, STRIPES = 0.029, 0.055  # section 4.1
CELLS = 64  # 0.64 of length: seven wavelengths, and the pattern fills it long before T
SEEDS = (0, 1, 2, 3)
STEPS = 10_000
DATA: Mapping[str, type[Any]] = {
    "Sine": SineConfig,
    "Lorenz": LorenzConfig,
    "VanDerPol": VanDerPolConfig,
}
LSTM_ROWS = {"sine": "lstm-sine", "lorenz": "lstm-lorenz", "van_der_pol": "lstm-van-der-pol"}
SEQUENCES = 16  # that a recorded network is read on


@dataclass(frozen=True, eq=False)
class Systems:
    """What the parts of the study share.

    Attributes:
        rd: "spots", "stripes" -> one simulation per seed, "change" among the extras.
        patterns: the final v of every run scaled to [-1, 1], shape (8, 1, CELLS, CELLS).
        ddpm: trace of the exact denoiser of ``patterns``, extras "change" = ||x_{t-1} - x_t||
            and "drift_noise" = <drift, noise>.
        images: what it ended in, shape (n, 1, CELLS, CELLS).
        residual: "corrected": largest over steps of what is missing in ||change||^2 =
            ||drift||^2 + ||noise||^2 + 2 <drift, noise>, relative; "printed": median of
            | ||eps_theta|| - ||drift|| | / ||drift||.
    """

    rd: Mapping[str, list[Simulation]]
    patterns: torch.Tensor
    ddpm: Trace
    images: torch.Tensor
    residual: Mapping[str, float]


def regime(feed_rate: float, seed: int, **settings: Any) -> GrayScottConfig:
    """One run of the study; settings that the paper leaves out as in ``GrayScottConfig``."""
    chosen: dict[str, Any] = {
        "rows": CELLS,
        "cols": CELLS,
        "steps": STEPS,
        "inner_products": True,
        **settings,
    }
    return GrayScottConfig(feed_rate=feed_rate, seed=seed, **chosen)


def run_systems(workers: int, task: Task) -> Systems:
    """Both regimes of Gray-Scott, then the DDPM on what they made."""
    configs = [regime(feed, seed) for feed in (SPOTS, STRIPES) for seed in SEEDS]
    done = run_many(configs, workers, task)
    fields = np.stack([run.v for run in done])
    low, high = fields.min(axis=(1, 2), keepdims=True), fields.max(axis=(1, 2), keepdims=True)
    patterns = torch.from_numpy(2 * (fields - low) / (high - low) - 1)[:, None]  # (8, 1, n, n)
    trace, images, residual = exact_chain(patterns, images=8)
    task.advance()
    return Systems(
        {"spots": done[: len(SEEDS)], "stripes": done[len(SEEDS) :]},
        patterns,
        trace,
        images,
        residual,
    )


def exact_chain(
    data: torch.Tensor, images: int, schedule: Schedule | None = None, seed: int = 0
) -> tuple[Trace, torch.Tensor, dict[str, float]]:
    """Sample the exact denoiser of a finite set, with the change of every step (eq14, eq17).

    Args:
        data: the set, shape (K, C, H, W), float64, equally likely.
        images: number of trajectories.
        schedule: default linear, T = 1000.
        seed: of the noise.

    Returns:
        (trace, images, residual) as in :class:`Systems`. The last step adds its noise
        here, so that what is measured is what is done at every step.
    """
    schedule = schedule or Schedule.linear()
    a, b = schedule.drift_coefficients()
    change, inner = [], []  # one (images,) for each step
    last: list[torch.Tensor] = []  # x_t and its drift, flat

    def close(x: torch.Tensor) -> None:
        before, drift = last
        moved = x.flatten(1) - before
        change.append(moved.norm(dim=1))
        inner.append((drift * (moved - drift)).sum(1))

    def observe(t: int, x: torch.Tensor, eps: torch.Tensor) -> None:
        if last:
            close(x)
        flat = x.flatten(1).clone()
        last[:] = [flat, float(a[t]) * flat + float(b[t]) * eps.flatten(1)]

    made, trace = sample(
        MixtureDenoiser(schedule, data),
        schedule,
        tuple(data.shape[1:]),
        images,
        seed,
        last_noise=True,
        dtype=torch.float64,
        observe=observe,
    )
    close(made)
    moved = torch.stack(change, 1).numpy()  # (images, T)
    product = torch.stack(inner, 1).numpy()  # (images, T), <drift, noise>
    # if change = drift + noise then ||change||^2 = ||drift||^2 + ||noise||^2 + 2 <drift, noise>
    left = np.abs(moved**2 - trace.react**2 - trace.diff**2 - 2 * product) / moved**2
    printed = np.abs(trace.extras["epsilon"] - trace.react) / trace.react
    extras = {"change": moved, "drift_noise": product}
    full = Trace(trace.react, trace.diff, trace.times, "DDPM", trace.config, trace.seeds, extras)
    return full, made, {"corrected": float(left.max()), "printed": float(np.median(printed))}


def untrained(hidden: int, seed: int, data: DataConfig | None = None) -> Trace:
    """The norms of an LSTM with torch's initial weights on ``data``, 32 sines by default."""
    config = LSTMConfig(
        data=data or SineConfig(sequences=32, seed=seed), hidden=hidden, seed=seed, epochs=0
    )
    model = build(config)
    return probe(model.lstm, as_input(generate(config.data), model))


def recorded(golden: Path, row: str, kind: str) -> list[Trace]:
    """Traces of the shipped networks of a row ("sine", ...), one per seed, on unseen data.

    Args:
        golden: folder of the recorded files.
        row: key of LSTM_ROWS.
        kind: "best" (trained) or "untrained".

    Raises:
        InputError: if the file or its card is missing or damaged.
    """
    path = golden / "weights" / f"{LSTM_ROWS[row]}.safetensors"
    try:
        tensors = safetensors.torch.load_file(path)
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        settings = dict(card["configs"][kind]["data"])
        data_type = DATA[settings.pop("kind")]
        names = [name.removeprefix(f"{kind}.") for name in tensors if name.startswith(f"{kind}.")]
        hidden = tensors[f"{kind}.lstm.weight_hh_l0"].shape[-1]
        seeds = list(card["seeds"])
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"weights = {str(path)!r} is not allowed ({reason}): must be a recorded "
            f"file with kind {kind} and its card"
        ) from error
    found = []
    for place, seed in enumerate(seeds):
        model = SequenceModel(hidden)
        model.load_state_dict({name: tensors[f"{kind}.{name}"][place] for name in names})
        x = generate(data_type(**{**settings, "seed": seed}), "unseen", SEQUENCES)
        found.append(probe(model.lstm, as_input(x, model)))
    return found
