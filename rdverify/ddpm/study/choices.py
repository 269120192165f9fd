"""Tables of the choices that the paper leaves out: in closed form, sampled, in the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.study.open_settings import MORE_STEPS, SETTINGS
from rdverify.ddpm.study.rows import ROWS
from rdverify.ddpm.study.runs import Runs
from rdverify.study import QUANTITIES, Table

STANDARD: dict[str, Any] = {
    "T": 1000,
    "direction": "increasing",
    "scaling": "endpoints",
    "size": 32,
    "pixels": "[-1,1]",
    "variance": "beta",
    "cosine": False,
}
CHANGES: dict[str, dict[str, Any]] = {
    "standard": {},
    "beta decreasing": {"direction": "decreasing"},
    "sigma of the posterior": {"variance": "posterior"},
    "pixels in [0,1]": {"pixels": "[0,1]"},
    "28 x 28 pixels (CIFAR10 too)": {"size": 28},
    "cosine schedule": {"cosine": True},
    **{f"T = {T}, fixed end points": {"T": T} for T in (50, 200, 500, 2000, 4000)},
    **{f"T = {T}, beta as 1/T": {"T": T, "scaling": "1/T"} for T in (50, 200, 500, 2000, 4000)},
}


def closed_form(runs: Runs) -> Table:
    """One choice at a time, closed form: nine numbers, shape of R_t, final ratio."""
    lines = []
    for label, change in CHANGES.items():
        s = STANDARD | change
        schedule = (
            Schedule.cosine(s["T"])
            if s["cosine"]
            else Schedule.linear(s["T"], direction=s["direction"], scaling=s["scaling"])
        )
        line: dict[str, Any] = {"choice": label}
        for name, sampled in runs.rows.items():
            e = expected_balance(
                schedule,
                ROWS[name].channels * s["size"] ** 2,
                float(sampled.card["mean_square"][s["pixels"]]),
                s["variance"],
            )
            line |= {
                f"{name} M_react": round(e.m_react, 4),
                f"{name} M_diff": round(e.m_diff, 4),
                f"{name} R": round(e.r, 4),
            }
            if name == "MNIST":
                r_t = e.r_t
        finite = r_t[np.isfinite(r_t)]
        line |= {
            "R_t at start": round(float(r_t[0]), 4),
            "lowest R_t": round(float(finite.min()), 4),
            "at t": round(float((finite.argmin() + 1) / schedule.T), 3),
            "final ratio": round(float(r_t[-1]), 4) if np.isfinite(r_t[-1]) else "no noise",
        }
        lines.append(line)
    return Table(
        "What each unstated choice does to a perfect network, by formula, one at a time. Number of "
        "trajectories: the standard error falls as its root. Clipping and the noise of "
        "the last step can't be seen here; they are sampled below.",
        lines,
    )


def variants(frame: pd.DataFrame) -> Table:
    """One choice at a time, sampled with the trained networks."""
    lines = []
    for entry in frame.to_dict("records"):
        lines.append(
            {
                "row": entry["row"],
                "variant": entry["variant"],
                "n": int(entry["n"]),
                **{str(q): round(float(entry[q]), 4) for q in QUANTITIES},
                "R_t at start": round(float(entry["r_t_start"]), 4),
                "lowest R_t": round(float(entry["r_t_min"]), 4),
                "at t": round(float(entry["u_min"]), 3),
                "final ratio": round(float(entry["final_ratio"]), 4),
            }
        )
    return Table(
        "Unstated choices sampled with the trained networks (recorded). A schedule or "
        "pixel range that a network was not trained with is reached by a change of "
        "variables, not by retraining.",
        lines,
    )


def open_settings(frame: pd.DataFrame) -> Table:
    """What each trajectory shows under the settings that MNIST's M's leave open."""
    shown = {
        "r": "R",
        "early_max": "largest R_t before 0.8",
        "final_ratio": "final ratio",
        "visible_time": "visible from t",
        "coarse_time": "coarse part from t",
        "fine_time": "fine part from t",
    }
    lines = [
        {
            "row": row,
            "setting": (SETTINGS | {"more_steps": MORE_STEPS})[str(setting)],
            "n": len(own),
        }
        | {
            words: round(float(own[name].mean()), 4) if np.isfinite(own[name]).all() else "no noise"
            for name, words in shown.items()
        }
        for (row, setting), own in frame.groupby(["row", "setting"], sort=False)
    ]
    return Table(
        "The settings that print leaves open, sampled with each row's own noise (recorded, one "
        "line a trajectory). From t on: the time from which x_t, or its part of wavelengths above "
        "or below four pixels, correlates with the trajectory's own end by 0.5 or more.",
        lines,
    )


def architectures(frame: pd.DataFrame) -> Table:
    """How much the CIFAR10 row depends on a choice inside the network."""
    lines = []
    for entry in frame.to_dict("records"):
        error = entry["m_react_sd"] / entry["n"] ** 0.5
        lines.append(
            {
                "normalisation groups": int(entry["norm_groups"]),
                "training steps": int(entry["training_steps"]),
                "n": int(entry["n"]),
                "M_react": f"{entry['m_react']:.4f} ± {2 * error:.4f}",
                **{
                    label: round(float(entry[key]), 4)
                    for label, key in (
                        ("R", "r"),
                        ("final ratio", "final_ratio"),
                        ("mean square of its images", "image_mean_square"),
                        ("of the data", "data_mean_square"),
                    )
                },
            }
        )
    return Table(
        "One choice inside the U-Net that the paper leaves out, CIFAR10 (recorded): in "
        "how many groups of channels its layers are normalised. A group loses its own "
        "mean over the image, and with eight small groups the network sees an image's "
        "mean brightness badly: its samples leave the data's scale, and M_react with "
        "them.",
        lines,
    )
