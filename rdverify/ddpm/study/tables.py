"""Tables of the DDPM study, and what they take from the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rdverify.ddpm import Schedule, expected_balance
from rdverify.ddpm.images import PixelRange
from rdverify.ddpm.schedule import Direction
from rdverify.ddpm.sde import FloatArray
from rdverify.ddpm.study.runs import ROWS, Row
from rdverify.ddpm.study.settings import OPEN, PRINTED
from rdverify.study import Metric, Metrics, Table, glossary
from rdverify.study.tolerance import Part, interval_of

QUANTITIES = ("m_react", "m_diff", "r")
ENOUGH_STEPS = 1000  # from here on the balance no longer follows the training


def part_settings(
    setting: str, quantity: str, variants: pd.DataFrame | None, training: pd.DataFrame | None
) -> tuple[Part, ...]:
    """How far a cell moves over settings that fit MNIST's M's as well, and over training."""
    parts = []
    if variants is not None:
        own = variants[(variants["row"] == setting) & variants["variant"].isin(OPEN)]
        base = own[own["variant"] == "as trained"]
        if len(base) and len(own) > 1:
            gap = float((own[quantity] - float(base[quantity].iloc[0])).abs().max())
            parts.append(
                Part(
                    "settings",
                    gap,
                    "direction of beta, pixel range, sigma_t and "
                    "clipping, none of which MNIST's M's decide, sampled with the "
                    "same network",
                )
            )
    if training is not None:
        own = training[
            (training["dataset"].str.lower().str.startswith(setting.lower()))
            & (training["weights"] == "raw")
            & (training["step"] >= ENOUGH_STEPS)
        ]
        if len(own) > 1:
            gap = float(
                (own[quantity] - float(own.sort_values("step")[quantity].iloc[-1])).abs().max()
            )
            parts.append(
                Part(
                    "settings",
                    gap,
                    f"number of training steps, which the paper leaves out, from {ENOUGH_STEPS} on",
                )
            )
    return tuple(parts)


DIRECTIONS: Mapping[Direction, Mapping[PixelRange, str]] = {
    "increasing": {"[-1,1]": "as trained", "[0,1]": "pixels in [0,1]"},
    "decreasing": {"[-1,1]": "beta decreasing", "[0,1]": "beta decreasing, pixels in [0,1]"},
}


def direction_gap(
    variants: pd.DataFrame, mean_squares: Mapping[str, Mapping[str, float]], draws: int = 4000
) -> Metric:
    """How much farther from print the three M_react are with beta decreasing than increasing.

    Distances are root mean squares of relative ones, and each direction takes the pixel
    range that suits it better. The interval covers two limits, the trained networks as
    sampled and the closed form, which a perfect network would come near; and in both the
    scatter of our means and of print, which is taken for one trajectory a row.

    Args:
        variants: the record, with the four entries of :data:`DIRECTIONS` for each row.
        mean_squares: per row, the training pixels' mean square by pixel range.
        draws: of the scatter.

    """
    entries = {(entry["row"], entry["variant"]): entry for entry in variants.to_dict("records")}
    rng = np.random.default_rng(30)
    ours = {row: np.append(0.0, rng.standard_normal(draws)) for row in ROWS}
    print_ = {row: np.append(0.0, rng.standard_normal(draws)) for row in ROWS}

    def distance(direction: Direction, sampled: bool) -> FloatArray:
        found = []
        for pixels, name in DIRECTIONS[direction].items():
            squares = np.zeros(1 + draws)
            for row, (_, _, channels) in ROWS.items():
                entry = entries[row, name]
                error = float(entry["m_react_se"])
                one = error * float(entry["n"]) ** 0.5  # standard deviation of one trajectory
                if sampled:
                    react = float(entry["m_react"]) + error * ours[row]
                else:
                    react = np.full(
                        1 + draws,
                        expected_balance(
                            Schedule.linear(direction=direction),
                            channels * 32**2,
                            mean_squares[row][pixels],
                        ).m_react,
                    )
                squares += (react / (PRINTED[row][0] + one * print_[row]) - 1) ** 2
            found.append(np.sqrt(squares / len(ROWS)))
        return np.asarray(np.min(found, axis=0), dtype=float)

    gaps = [
        distance("decreasing", sampled) - distance("increasing", sampled)
        for sampled in (True, False)
    ]
    ends = [float(np.quantile(gap[1:], q)) for gap in gaps for q in (0.025, 0.975)]
    value = float(gaps[0][0])
    return Metric(
        value,
        "root mean square relative distance to print of the three M_react "
        "sampled with beta decreasing minus that with beta increasing, each with its "
        f"better pixel range (in closed form {gaps[1][0]:.4f}); the interval covers both "
        "and the scatter of print",
        min(value, *ends),
        max(value, *ends),
    )


WORDS: Mapping[str, str] = {
    "M_react": "mean over t of the norm of one reverse step's drift, mu_theta(x_t, t) - x_t",
    "M_diff": "mean over t of the norm of sigma_t z, Eq. (17)",
    "closed form": "both on the forward process with the true noise in place of the network; it "
    "needs the schedule, the number of pixels and the data's mean square only",
    "beta_1, beta_T": "ends of the linear schedule; decreasing: run the other way",
    "endpoints, 1/T": "what is kept as T varies: beta's ends, or T times beta",
    "sigma": "beta: sigma_t^2 = beta_t; posterior: that of q(x_t-1 given x_t and x_0)",
    "final ratio": "R_t at the last step of generation",
    "at t": "normalised time of the lowest R_t",
    "miss": "distance from MNIST's M_react and M_diff in units of what is allowed; 1 just fits",
}


def tables(
    rows: Mapping[str, Row],
    untrained: Row,
    controls: Sequence[Row],
    grid: pd.DataFrame,
    variants: pd.DataFrame | None,
    metrics: Metrics,
) -> dict[str, Table]:
    """All tables of the report's DDPM part."""
    found = {
        "ddpm.words": glossary("DDPM", WORDS),
        "ddpm.departure": _departure(rows),
        "ddpm.readings": _readings(rows),
        "ddpm.controls": _controls(rows, untrained, controls),
        "ddpm.fit": _fit(grid),
        "ddpm.closed_form": _closed_form(rows),
        "ddpm.trajectories": _trajectories(metrics),
        "ddpm.final": _final(rows, metrics),
    }
    if variants is not None:
        found["ddpm.variants"] = _variants(variants)
    return found


def _pm(values: Any, digits: int = 4) -> str:
    """Mean and half width of its 95 % interval."""
    i = interval_of(values)
    return f"{i.mean:.{digits}f} ± {(i.high - i.low) / 2:.{digits}f}"


def _departure(rows: Mapping[str, Row]) -> Table:
    lines = []
    for name, row in rows.items():
        b, e, (react, _, r) = row.balance, row.expected, PRINTED[name]
        lines.append(
            {
                "row": name,
                "printed M_react": react,
                "network": _pm(b.m_react_runs),
                "closed form": round(e.m_react, 4),
                "departure": f"{b.m_react / e.m_react - 1:+.2%}",
                "network nearer to print": "yes"
                if abs(b.m_react - react) < abs(e.m_react - react)
                else "no",
                "printed R": r,
                "R, network": _pm(b.r_runs, 5),
                "R, closed form": round(e.r, 5),
                "M_diff, expected": round(e.m_diff, 4),
                "M_diff, network": _pm(b.m_diff_runs),
                "standard error of M_diff, one run": round(e.monte_carlo_error(1)[1], 4),
            }
        )
    seen = "; ".join(f"{name}: {row.card['data']}" for name, row in rows.items() if row.card)
    return Table(
        "What the trained network adds to the schedule: the drift's norm against the "
        "closed form with the true noise (pixels on [-1,1], 95 % intervals of the mean). "
        f"What the networks were trained on: {seen}.",
        lines,
    )


def _readings(rows: Mapping[str, Row]) -> Table:
    lines = []
    for name, row in rows.items():
        epsilon = row.trace.extras["epsilon"].mean(axis=1)
        lines.append(
            {
                "row": name,
                "print": PRINTED[name][0],
                "drift of one step": _pm(row.balance.m_react_runs),
                "norm of epsilon (as printed)": _pm(epsilon, 2),
                "R printed reading": _pm(epsilon / row.balance.m_diff_runs, 2),
                "R drift reading": _pm(row.balance.r_runs),
            }
        )
    return Table(
        "Eq. (14) read both ways: as printed, the norm of the network's output, and as "
        "Table 1 must have been made, the drift of one reverse step.",
        lines,
    )


def _controls(rows: Mapping[str, Row], untrained: Row, controls: Sequence[Row]) -> Table:
    lines = []
    for row in (*rows.values(), untrained, *controls):
        b = row.balance
        lines.append(
            {
                "network": row.setting,
                "n": row.trace.runs,
                "M_react": round(b.m_react, 4),
                "M_diff": round(b.m_diff, 4),
                "R": round(b.r, 4),
                "final ratio": round(float(b.r_t[:, -1].mean()), 4),
                "closed form R": round(row.expected.r, 4),
            }
        )
    return Table(
        "The trained networks and their controls. Exact denoisers, which no training can "
        "improve, have the same R: it "
        "belongs to the schedule. The final ratio of a chain to single "
        "images exceeds 1: with sigma_t^2 = beta_t the chain's states near the data are "
        "noisier than the forward marginals.",
        lines,
    )


def _fit(grid: pd.DataFrame) -> Table:
    columns = [
        "T",
        "beta_1",
        "beta_T",
        "direction",
        "sigma",
        "size",
        "pixels",
        "MNIST.m_react",
        "MNIST.m_diff",
        "FashionMNIST.m_react",
        "FashionMNIST.m_diff",
        "CIFAR10.m_react",
        "CIFAR10.m_diff",
        "miss",
    ]
    best = grid[columns].head(12)
    lines = [
        {
            key: (round(value, 4) if isinstance(value, float) and key != "beta_1" else value)
            for key, value in row.items()
        }
        for row in best.to_dict("records")
    ]
    return Table(
        f"The twelve best of {len(grid)} settings, fitted on MNIST's M_react (to 3 %) and "
        "M_diff (to 0.3 %) in closed form; a miss of at most 1 fits. The other rows "
        "played no part. Of those that fit the networks were trained with the setting of "
        "Ho et al. 2020, the model that the paper cites: increasing, beta, [-1,1]; the "
        "others are sampled below.",
        [{str(k): v for k, v in line.items()} for line in lines],
    )


def _trajectories(metrics: Metrics) -> Table:
    lines = []
    for name, (_, printed, _) in PRINTED.items():
        e = expected_balance(Schedule.linear(), ROWS[name][2] * 32**2, 0.0)
        error = e.monte_carlo_error(1)[1]
        lines.append(
            {
                "row": name,
                "printed M_diff": printed,
                "expected": round(e.m_diff, 4),
                "standard error, one trajectory": round(error, 4),
                "distance in standard errors of one": round((printed - e.m_diff) / error, 2),
                "of 16": round(4 * (printed - e.m_diff) / error, 2),
            }
        )
    most = metrics["ddpm.fit.most_trajectories"].value
    return Table(
        "How many trajectories are behind print: M_diff depends on neither data nor "
        "network, so its distance from the expectation is sampling error. The three "
        f"distances are those of single trajectories; means of more than {most:g} are "
        "rejected at 95 %.",
        lines,
    )


def _closed_form(rows: Mapping[str, Row]) -> Table:
    """One choice at a time, closed form: nine numbers, shape of R_t, final ratio."""
    base: dict[str, Any] = {
        "T": 1000,
        "direction": "increasing",
        "scaling": "endpoints",
        "size": 32,
        "pixels": "[-1,1]",
        "variance": "beta",
        "cosine": False,
    }
    changes: dict[str, dict[str, Any]] = {
        "standard": {},
        "beta decreasing": {"direction": "decreasing"},
        "sigma of the posterior": {"variance": "posterior"},
        "pixels in [0,1]": {"pixels": "[0,1]"},
        "28 x 28 pixels (CIFAR10 too)": {"size": 28},
        "cosine schedule": {"cosine": True},
        **{f"T = {T}, fixed end points": {"T": T} for T in (50, 200, 500, 2000, 4000)},
        **{f"T = {T}, beta as 1/T": {"T": T, "scaling": "1/T"} for T in (50, 200, 500, 2000, 4000)},
    }
    lines = []
    for label, change in changes.items():
        s = base | change
        schedule = (
            Schedule.cosine(s["T"])
            if s["cosine"]
            else Schedule.linear(s["T"], direction=s["direction"], scaling=s["scaling"])
        )
        line: dict[str, Any] = {"choice": label}
        for name, row in rows.items():
            channels = ROWS[name][2]
            e = expected_balance(
                schedule,
                channels * s["size"] ** 2,
                float(row.card["mean_square"][s["pixels"]]),
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
        "What each unstated choice does in closed form, one at a time. Number of "
        "trajectories: the standard error falls as its root. Clipping and the noise of "
        "the last step can't be seen here; they are sampled below.",
        lines,
    )


def _final(rows: Mapping[str, Row], metrics: Metrics) -> Table:
    lines = []
    for name, row in rows.items():
        p = f"ddpm.{row.key}"
        line: dict[str, Any] = {"row": name, "final ratio, sampled": _pm(row.balance.r_t[:, -1])}
        for key, label in (
            ("final_ratio_marginal", "on real images with the last step's noise"),
            ("final_ratio_predicted", "sqrt(1 - error/d) there"),
        ):
            metric = metrics.get(f"{p}.{key}")
            line[label] = "not recorded" if metric is None else round(float(metric.value or 0), 4)
        line |= {
            "closed form, true noise": round(float(row.expected.r_t[-1]), 4),
            "with the noise that the sampler adds": "no denominator",
        }
        lines.append(line)
    return Table(
        "Fig. 3: the ratio at the last step, and the denoising error that goes with it. "
        "The standard sampler adds no noise there; sigma_1 z counts as drawn.",
        lines,
    )


def _variants(variants: pd.DataFrame) -> Table:
    lines = []
    for entry in variants.to_dict("records"):
        lines.append(
            {
                "row": entry["row"],
                "variant": entry["variant"],
                "n": int(entry["n"]),
                **{q: round(float(entry[q]), 4) for q in QUANTITIES},
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
