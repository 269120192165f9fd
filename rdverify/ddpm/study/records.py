"""What takes too long for every run: errors near the data, and networks of other shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from rdverify.balance import balance_of
from rdverify.ddpm import q_sample, sample
from rdverify.ddpm.card_record import load_carded
from rdverify.ddpm.images import load_images
from rdverify.ddpm.study.rows import CONTROL_SEED, SCHEDULE, load_row
from rdverify.study.frames import write_frame
from rdverify.tools.progress import Reporter

HELD_OUT, COMPARED = 256, 8  # images, trajectories


def last_step(network: Any, images: torch.Tensor) -> dict[str, float]:
    """What a network makes of real images with the noise of the last step, on the marginals.

    Args:
        network: eps_theta.
        images: x_0 on the network's pixel range, shape (n, C, H, W).

    Returns:
        "error": E||eps - eps_theta||^2 / d at t = 0; "ratio": E||eps_theta|| / E||eps||,
        the last step's ratio where x_1 has the law of q(x_1 | x_0); and the standard
        error of either over the images.

    """
    generator = torch.Generator().manual_seed(CONTROL_SEED)
    eps = torch.randn(images.shape, generator=generator)
    x = q_sample(images, 0, SCHEDULE, eps)
    with torch.no_grad():
        outputs = [
            network(chunk, torch.zeros(len(chunk), dtype=torch.int64))
            for chunk in torch.split(x, 32)
        ]
    output = torch.cat([getattr(out, "sample", out) for out in outputs])
    error = (eps - output).square().flatten(1).mean(1).double()
    ratio = output.flatten(1).norm(dim=1).double() / eps.flatten(1).norm(dim=1).double().mean()
    root = len(images) ** 0.5
    return {
        "error": float(error.mean()),
        "error_se": float(error.std()) / root,
        "ratio": float(ratio.mean()),
        "ratio_se": float(ratio.std()) / root,
    }


def final_errors(
    weights: Path, path: Path, data_root: Path | None, datasets: Mapping[str, str]
) -> pd.DataFrame:
    """:func:`last_step` of each row on held-out images; written to ``path``."""
    lines = []
    for row, dataset in datasets.items():
        images = load_images(dataset, "test", root=data_root).scaled("[-1,1]")[:HELD_OUT]
        lines.append(
            {"row": row, "dataset": dataset, "n": len(images)}
            | last_step(load_row(weights, row)[0], images)
        )
    return _written(path, lines)


def compare(cards: Sequence[Path], path: Path, progress: Reporter) -> pd.DataFrame:
    """What networks of several shapes make of the same row; written to ``path``.

    Args:
        cards: of the trainings, each beside its weights.
        path: the record.
        progress: where progress is told.

    """
    lines = []
    for card in cards:
        network, told = load_carded(card.with_suffix(".safetensors"))
        images, trace = sample(
            network,
            SCHEDULE,
            images=COMPARED,
            seed=CONTROL_SEED,
            progress=progress,
            name=f"sampling {card.stem}",
        )
        balance = balance_of(trace)
        squares = images.double().square().flatten(1).mean(1)
        lines.append(
            {
                "data": told["data"],
                "norm_groups": told["architecture"]["norm_groups"],
                "training_steps": told["training"]["steps"],
                "n": COMPARED,
                "m_react": balance.m_react,
                "m_react_sd": balance.m_react_runs.std(ddof=1),
                "m_diff": balance.m_diff,
                "r": balance.r,
                "r_sd": balance.r_runs.std(ddof=1),
                "final_ratio": balance.r_t[:, -1].mean(),
                "image_mean_square": float(squares.mean()),
                "data_mean_square": told["mean_square"]["[-1,1]"],
            }
        )
    return _written(path, lines)


def _written(path: Path, lines: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(lines)
    write_frame(path, frame)
    return frame
