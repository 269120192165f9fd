"""From sampled rows and records to named metrics; no thresholds here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from rdverify.ddpm import Schedule, expected_balance, final_ratio
from rdverify.ddpm.schedule import Direction
from rdverify.ddpm.study.runs import (
    SCHEDULE,
    Row,
    detail_times,
    drift_alignment,
    neighbour_correlation,
    pairwise_correlation,
    score_alignment,
    smooth,
    time_of_crossing,
    visible,
)
from rdverify.ddpm.study.settings import OPEN
from rdverify.study import Metric, Metrics


def difference(a: npt.ArrayLike, b: npt.ArrayLike, what: str) -> Metric:
    """mean(a) - mean(b) of independent samples with Welch's 95 % interval."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    parts = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
    return welch(float(x.mean() - y.mean()), parts, (x.size, y.size), what)


def welch(value: float, parts: tuple[float, float], sizes: tuple[int, int], what: str) -> Metric:
    """A difference from its two squared standard errors and sample sizes."""
    total = sum(parts)
    if total == 0:
        return Metric(value, what, value, value, min(sizes))
    freedom = total**2 / sum(p**2 / (n - 1) for p, n in zip(parts, sizes, strict=True))
    half = float(stats.t.ppf(0.975, freedom)) * math.sqrt(total)
    return Metric(value, what, value - half, value + half, min(sizes))


def row_metrics(metrics: Metrics, row: Row) -> None:
    """Everything that is measured alike for a trained row and for a control."""
    p, b, T = f"ddpm.{row.key}", row.balance, row.trace.steps
    whose = f"{row.setting}, {row.trace.runs} trajectories"
    metrics[f"{p}.m_react"] = Metric.of(b.m_react_runs, f"M_react, drift reading, {whose}")
    metrics[f"{p}.m_diff"] = Metric.of(b.m_diff_runs, f"M_diff, {whose}")
    metrics[f"{p}.r"] = Metric.of(b.r_runs, f"R = M_react / M_diff, drift reading, {whose}")
    metrics[f"{p}.inverse_r"] = Metric.of(1 / b.r_runs, f"M_diff / M_react, {whose}")
    epsilon = row.trace.extras["epsilon"].mean(axis=1)
    metrics[f"{p}.m_react_printed"] = Metric.of(
        epsilon, f"M_react as printed, the mean norm of epsilon_theta, {whose}"
    )
    metrics[f"{p}.r_printed"] = Metric.of(
        epsilon / b.m_diff_runs, f"R with M_react as printed, {whose}"
    )
    final = b.r_t[:, -1]
    metrics[f"{p}.final_ratio"] = Metric.of(
        final, f"R_t at the last step, with sigma_1 z as drawn though not added, {whose}"
    )
    window = max(1, T // 40)
    curve = smooth(b.r_t, window)
    early = curve[:, : max(1, int(0.8 * T) - window + 1)]
    metrics[f"{p}.early_max"] = Metric.of(
        early.max(axis=1), f"largest R_t before t = 0.8, mean over {window} steps, {whose}"
    )
    metrics[f"{p}.r_t_drop"] = Metric.of(
        1 - curve.min(axis=1) / curve[:, 0],
        f"how far R_t falls below its first value, as a share of it, mean over {window} steps; "
        f"0 for a curve that never falls below, {whose}",
    )
    metrics[f"{p}.rise"] = Metric.of(
        b.r_t[:, -max(1, T // 100) :].mean(axis=1) / b.r_t[:, : int(0.8 * T)].mean(axis=1),
        f"mean R_t in the last hundredth over that before t = 0.8, {whose}",
    )
    metrics[f"{p}.departure"] = Metric.of(
        b.m_react_runs / row.expected.m_react - 1,
        f"M_react over the closed form with the true noise, minus 1, {whose}",
    )
    metrics[f"{p}.neighbour_correlation"] = Metric.of(
        neighbour_correlation(row.images),
        f"correlation of neighbouring pixels in the images; 0 for pure noise, {whose}",
    )
    metrics[f"{p}.pairwise_correlation"] = Metric.of(
        pairwise_correlation(row.images),
        f"mean correlation of an image with the others; 1 if all are one, {whose}",
    )
    curves = visible(row)
    at = int(np.searchsorted(row.watched.times, 0.8))
    metrics[f"{p}.visible_before_0.8"] = Metric.of(
        curves[min(at, len(curves) - 1)],
        f"|correlation| of x_t at t = 0.8 with its own final image, {whose}",
    )
    metrics[f"{p}.visible_time"] = Metric.of(
        time_of_crossing(row.watched.times, curves, 0.5),
        f"time from which on x_t correlates with its final image by 0.5 or more, {whose}",
    )
    cosines = drift_alignment(row)[:-1]  # the last state's way is the drift itself
    metrics[f"{p}.drift_towards_end"] = Metric.of(
        (cosines > 0).mean(axis=0),
        f"share of the steps whose drift has a positive component to the final image, {whose}",
    )
    metrics[f"{p}.drift_cosine"] = Metric.of(
        cosines.mean(axis=0), f"mean cosine of drift and way to the final image, {whose}"
    )


def network_metrics(metrics: Metrics, row: Row, network: Any) -> None:
    """What needs the network beside its samples: error, score, detail."""
    p = f"ddpm.{row.key}"
    found = score_alignment(network, row.images)
    on = "on noised images of its own, eight noise levels"
    metrics[f"{p}.score_cosine_printed"] = Metric.of(
        -found["cosine"],
        "mean cosine of epsilon_theta itself with the score of q(x_t | x_0), "
        f"{on}: the printed reading",
    )
    metrics[f"{p}.score_cosine"] = Metric.of(
        found["cosine"],
        f"mean cosine of -epsilon_theta / sqrt(1 - alpha_bar) with the same score, {on}",
    )
    metrics[f"{p}.epsilon_error"] = Metric.of(
        found["error"], f"mean ||epsilon - epsilon_theta||^2 / d, {on}; 1 for a network of zeros"
    )
    times = detail_times(row)
    for name, values in times.items():
        metrics[f"{p}.{name}_time"] = Metric.of(
            values,
            f"time from which on the {name} part (wavelengths "
            f"{'above' if name == 'coarse' else 'below'} 4 pixels) of the predicted image "
            "correlates with the end's by 0.5 or more",
        )


def comparison_metrics(metrics: Metrics, rows: Mapping[str, Row]) -> None:
    """Rows against each other and against the closed form."""
    mnist, cifar = rows["MNIST"], rows["CIFAR10"]
    last = {name: row.balance.r_t[:, -1] for name, row in rows.items()}
    metrics["ddpm.final.cifar10_minus_mnist"] = difference(
        last["CIFAR10"], last["MNIST"], "final ratio of CIFAR10 minus that of MNIST"
    )
    half = mnist.trace.runs // 2
    metrics["ddpm.control.final.mnist_halves"] = difference(
        last["MNIST"][:half],
        last["MNIST"][half:],
        "final ratio, one half of the MNIST trajectories minus the other",
    )
    trained_metrics(metrics, rows)
    for row in (mnist, cifar):
        metrics[f"ddpm.closed_form.{row.key}.r"] = Metric(
            row.expected.r, f"R in closed form with the true noise, {row.setting}"
        )
    exact = [row.expected.r for row in rows.values()]
    metrics["ddpm.closed_form.r_spread"] = Metric(
        max(exact) - min(exact),
        "largest minus smallest R of the three rows in closed form, with the true noise",
    )
    e = mnist.expected
    metrics["ddpm.closed_form.mnist.early_max"] = Metric(
        float(e.r_t[:800].max()), "largest R_t before t = 0.8 in closed form, MNIST"
    )
    metrics["ddpm.closed_form.mnist.final_ratio"] = Metric(
        float(e.r_t[-1]), "R_t at the last step in closed form, MNIST"
    )
    noise = expected_balance(SCHEDULE, mnist.dimension, 0.0)
    metrics["ddpm.control.no_data.rise"] = Metric(
        float(noise.r_t[-10:].mean() / noise.r_t[:800].mean()),
        "mean R_t in the last hundredth over that before t = 0.8, closed form with no data at all",
    )
    directions: tuple[Direction, ...] = ("increasing", "decreasing")
    for direction in directions:
        r_t = expected_balance(
            Schedule.linear(direction=direction), mnist.dimension, mnist.mean_square
        ).r_t
        metrics[f"ddpm.closed_form.{direction}.r_t_drop"] = Metric(
            float(1 - r_t.min() / r_t[0]),
            "how far R_t falls below its first value, as a share "
            f"of it, closed form, beta {direction}",
        )
    reverse = expected_balance(
        Schedule.linear(direction="decreasing"), mnist.dimension, mnist.mean_square
    ).r_t[::-1]
    metrics["ddpm.control.reversed.r_t_drop"] = Metric(
        float(1 - reverse.min() / reverse[0]),
        "the same for the curve of decreasing beta run backwards in time",
    )
    metrics["ddpm.r_t.lowest"] = Metric(
        float(min(row.balance.r_t.min() for row in rows.values())), "smallest R_t of all rows"
    )


def generates(row: Row) -> bool:
    """Whether a network's images are on the scale of its data: mean squares within a factor 2.

    A network whose images have left it is not yet a trained model, whatever its R.
    """
    own = float(row.images.double().square().mean())
    return 0.5 <= own / row.mean_square <= 2.0


def trained_metrics(metrics: Metrics, rows: Mapping[str, Row]) -> None:
    """R of the rows as trained models; unknown up to the closed form where one is not trained."""
    settled = {name: generates(row) for name, row in rows.items()}
    for name, row in rows.items():
        p = f"ddpm.{row.key}"
        metrics[f"{p}.generates"] = Metric(
            settled[name],
            f"whether the images' mean square is within a factor 2 of the training data's, {name}",
            n=row.trace.runs,
        )
        for quantity, limit in (("r", row.expected.r), ("inverse_r", 1 / row.expected.r)):
            own = metrics[f"{p}.{quantity}"]
            metrics[f"{p}.{quantity}_trained"] = own.reaching(
                [] if settled[name] else [limit],
                f"{own.what}; its interval reaches to the closed "
                f"form's {limit:.4g} if the network does not generate images on the scale of its "
                "data",
            )
    r = {name: float(row.balance.r_runs.mean()) for name, row in rows.items()}
    ideal = {name: r[name] if settled[name] else rows[name].expected.r for name in rows}
    spreads = [max(values.values()) - min(values.values()) for values in (r, ideal)]
    metrics["ddpm.r_spread"] = Metric(
        spreads[0],
        "largest minus smallest R of the three rows; the interval reaches to the "
        "closed form's R for a network that does not generate images on the scale of its data",
        min(spreads),
        max(spreads),
        len(r),
    )


def final_ratios(variants: pd.DataFrame | None, row: str) -> dict[str, float]:
    """Final ratio by setting, over the settings that MNIST's M's leave open; finite ones only."""
    if variants is None:
        return {}
    own = variants[(variants["row"] == row) & variants["variant"].isin(OPEN)]
    return {
        entry["variant"]: float(entry["final_ratio"])
        for entry in own.to_dict("records")
        if math.isfinite(float(entry["final_ratio"]))
    }


def open_difference(metrics: Metrics, variants: pd.DataFrame | None) -> None:
    """CIFAR10's final ratio minus MNIST's, over the settings that print leaves open."""
    now = metrics["ddpm.final.cifar10_minus_mnist"]
    own, other = final_ratios(variants, "CIFAR10"), final_ratios(variants, "MNIST")
    metrics["ddpm.final.cifar10_minus_mnist_open"] = now.reaching(
        (own[name] - other[name] for name in own if name in other),
        f"{now.what}; its interval covers the settings that MNIST's M's leave open, beta's "
        "direction among them",
    )


def training_metrics(
    metrics: Metrics, frame: pd.DataFrame, variants: pd.DataFrame | None = None
) -> None:
    """What more training does to R and to the final ratio, from the recorded curves."""
    for dataset, key, row in (
        ("mnist", "mnist", "MNIST"),
        ("cifar10", "cifar10", "CIFAR10"),
        ("fashionmnist", "fashion", "FashionMNIST"),
    ):

        def gain(start: int, name: str = dataset) -> Metric:
            own = frame[frame["dataset"].str.startswith(name)]
            own = own[own["weights"] == "raw"].sort_values("step")
            at = own.iloc[(own["step"] - start).abs().argmin()]
            end = own.iloc[-1]
            parts = (float(end["r_sd"]) ** 2 / end["n"], float(at["r_sd"]) ** 2 / at["n"])
            return welch(
                float(end["r"] - at["r"]),
                parts,
                (int(end["n"]), int(at["n"])),
                f"R after {int(end['step'])} training steps minus R after "
                f"{int(at['step'])}, {name}",
            )

        for start, label in ((0, "untrained"), (1000, "1000")):
            metrics.measure(
                f"ddpm.training.{key}.gain_since_{label}",
                "R at the end of training minus R before",
                partial(gain, start),
            )

        def reach(name: str = dataset, key: str = key, row: str = row) -> Metric:
            own = frame[frame["dataset"].str.startswith(name) & (frame["weights"] == "raw")]
            before, end = own.sort_values("step").iloc[-2:].to_dict("records")
            rise = welch(
                end["final_ratio"] - before["final_ratio"],
                (
                    end["final_ratio_sd"] ** 2 / end["n"],
                    before["final_ratio_sd"] ** 2 / before["n"],
                ),
                (int(end["n"]), int(before["n"])),
                "",
            )
            now = metrics[f"ddpm.{key}.final_ratio"]
            still = rise.low is not None and rise.low > 0
            return now.reaching(
                [*final_ratios(variants, row).values(), *([1.0] if still else [])],
                f"final ratio, {name}; its interval covers the settings that MNIST's M's leave "
                "open, beta's direction among them, and reaches up to 1, the true noise's, as long "
                f"as the ratio rises between the last two recorded training steps "
                f"({int(before['step'])} and {int(end['step'])}: {rise.value:+.3f}, 95 % interval "
                f"[{rise.low:+.3f}, {rise.high:+.3f}])",
            )

        metrics.measure(
            f"ddpm.{key}.final_ratio_in_reach", "final ratio and what training may still add", reach
        )


def final_metrics(metrics: Metrics, frame: pd.DataFrame, keys: Mapping[str, str]) -> None:
    """The last step on the marginals, from the record of held-out real images."""
    for entry in frame.to_dict("records"):
        p, error = f"ddpm.{keys[entry['row']]}", float(entry["error"])
        half = 1.96 * float(entry["error_se"])
        low, high = (final_ratio(min(max(error + s, 0.0), 1.0), 1) for s in (half, -half))
        metrics[f"{p}.final_ratio_predicted"] = Metric(
            final_ratio(min(error, 1.0), 1),
            f"sqrt(1 - error / d) with the error at t = 0 on held-out images of {entry['dataset']}",
            low,
            high,
            int(entry["n"]),
        )
        ratio, half = float(entry["ratio"]), 1.96 * float(entry["ratio_se"])
        metrics[f"{p}.final_ratio_marginal"] = Metric(
            ratio,
            "ratio of the last step where x_1 is a held-out image of "
            f"{entry['dataset']} with the noise of q(x_1 | x_0)",
            ratio - half,
            ratio + half,
            int(entry["n"]),
        )


def quality_metrics(metrics: Metrics, frame: pd.DataFrame) -> None:
    """How far the samples are from real images in a classifier's features, from the record."""
    entries: dict[tuple[str, str], dict[str, Any]] = {
        (entry["dataset"], entry["images"]): {str(k): v for k, v in entry.items()}
        for entry in frame.to_dict("records")
    }

    def ratio(name: str, images: str) -> Metric:
        base = float(entries[name, "untrained"]["kernel_distance"])
        own = entries[name, images]
        value, half = float(own["kernel_distance"]) / base, 1.96 * float(own["error"]) / base
        return Metric(
            value,
            f"kernel distance of {images} to real images over that of the "
            f"untrained network's, {name}",
            value - half,
            value + half,
            int(own["n"]),
        )

    def classes(name: str) -> Metric:
        own = entries[name, "samples"]
        return Metric(
            float(own["classes_hit"]), f"classes among the samples, {name}", n=int(own["n"])
        )

    what = "kernel distance to real images over the untrained network's"
    for dataset, key in (("mnist", "mnist"), ("fashionmnist", "fashion")):
        metrics.measure(
            f"ddpm.{key}.kernel_distance_ratio", what, partial(ratio, dataset, "samples")
        )
        metrics.measure(
            f"ddpm.control.untrained.{key}_kernel_distance_ratio",
            what,
            partial(ratio, dataset, "untrained"),
        )
        metrics.measure(
            f"ddpm.{key}.classes_hit", "classes among the samples", partial(classes, dataset)
        )


def record_metrics(metrics: Metrics, frame: pd.DataFrame) -> None:
    """What the recorded variants show: steps, direction, noise left out."""

    def entry(row: str, variant: str) -> Any:
        return frame[(frame["row"] == row) & (frame["variant"] == variant)].iloc[0]

    for scaling, key in (("endpoints", "endpoints"), ("1/T", "inverse_T")):

        def gain(scaling: str = scaling) -> Metric:
            many, base = entry("MNIST", f"T = 4000, {scaling}"), entry("MNIST", "as trained")
            return welch(
                float(many["r"] - base["r"]),
                (float(many["r_se"]) ** 2, float(base["r_se"]) ** 2),
                (int(many["n"]), int(base["n"])),
                f"R sampled at T = 4000 minus R at T = 1000, trained MNIST network, "
                f"beta by {scaling}",
            )

        metrics.measure(f"ddpm.steps.{key}.sampled_gain", "R at T = 4000 minus R at 1000", gain)

    def more_steps_for_cifar() -> Metric:
        gap = (
            entry("MNIST", "as trained")["final_ratio"]
            - entry("CIFAR10", "as trained")["final_ratio"]
        )
        gain = (
            entry("CIFAR10", "T = 4000, endpoints")["final_ratio"]
            - entry("CIFAR10", "as trained")["final_ratio"]
        )
        return Metric(
            float(gain / gap),
            "share of the gap between CIFAR10's and MNIST's final "
            "ratios that T = 4000 closes, trained networks",
        )

    metrics.measure("ddpm.cifar10.gap_closed_by_steps", "share closed", more_steps_for_cifar)
    metrics.measure(
        "ddpm.mnist.silent.pairwise_correlation",
        "without noise",
        lambda: Metric(
            float(entry("MNIST", "no noise")["pairwise_correlation"]),
            "mean correlation of an image with the others, trained MNIST network, sigma_t = 0",
        ),
    )
