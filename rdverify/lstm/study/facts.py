"""Metrics of the LSTM's claims, each beside the same metric of a negative control."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from rdverify.lstm import LSTMConfig, SequenceModel, as_input, gates, probe, sequences
from rdverify.lstm.sequences import SineConfig, frequencies, generate, shuffle_time
from rdverify.lstm.study.behaviour import (
    BEHAVIOUR,
    behaviour,
    closing,
    forced,
    gradient,
    lyapunov,
    peak_shares,
    plain_gradient,
    resting,
)
from rdverify.lstm.study.rows import START_UP, UNSEEN, Row
from rdverify.study import Metric, Metrics

FloatArray = npt.NDArray[np.float64]
RD_PRINTED = (1.0107 + 1.0093) / 2  # Table 1's two RD ratios
NEAR = 0.05  # what counts as near 1: the printed LSTM ratios lie within 0.0434
CONTROLS = {
    "untrained": "the same networks before training, on the same data",
    "noise": "the same networks trained on white noise, read on the data",
    "shuffled": "trained and read on the data in shuffled time",
    "rest": "the same networks fed each sequence's mean as a constant",
}


def per_network(values: Sequence[Mapping[str, float]], key: str, what: str) -> Metric:
    """Mean over networks with its interval."""
    return Metric.of([value[key] for value in values], f"{what}; mean over {len(values)} networks")


def add_row(
    metrics: Metrics,
    row: Row,
    networks: Mapping[str, list[SequenceModel]],
    x: FloatArray,
    variant: str,
) -> dict[str, list[dict[str, float]]]:
    """All metrics of one row; returns the behaviours of the networks and of their controls.

    Args:
        metrics: to add to.
        row: of Table 1.
        networks: kind -> networks.
        x: unseen sequences, shape (UNSEEN, 200).
        variant: how the row's runs are read.
    """
    best = networks["best"]

    def behaviours(kind: str, series: FloatArray, reading: str) -> list[dict[str, float]]:
        return [behaviour(model, series, reading) for model in networks[kind]]

    found = {
        "best": behaviours("best", x, variant),
        "untrained": behaviours("untrained", x, variant),
        "noise": behaviours("noise", x, variant),
        "shuffled": behaviours("shuffled", shuffle_time(x, 0), variant),
        "rest": behaviours("best", resting(x), "whole"),
    }
    for kind, values in found.items():
        prefix = f"lstm.{row.key}" if kind == "best" else f"lstm.control.{kind}.{row.key}"
        words = "" if kind == "best" else f" ({CONTROLS[kind]})"
        for key, what in BEHAVIOUR.items():
            metrics[f"{prefix}.{key}"] = per_network(values, key, what + words)
        metrics[f"{prefix}.r_minus_rd"] = Metric.of(
            [value["r"] - RD_PRINTED for value in values],
            f"R minus {RD_PRINTED:.4f}, the mean of the printed RD ratios{words}",
        )
    no_forget = [forced(model, f=100) for model in best]
    metrics[f"lstm.control.no_forget.{row.key}.growth"] = Metric.of(
        [growth(model, x) for model in no_forget],
        BEHAVIOUR["growth"] + " (the same networks with f = 1)",
    )
    metrics[f"lstm.{row.key}.log_gradient_50"] = Metric.of(
        [log10(gradient(model, x, 50)) for model in best],
        "log10 of ||d C_50 / d C_0|| over that of the identity, Frobenius",
    )
    metrics[f"lstm.control.plain.{row.key}.log_gradient_50"] = Metric.of(
        [log10(plain_gradient(model, x, 50)) for model in best],
        "log10 of ||d h_50 / d h_0|| of h = tanh(W_C x + U_C h + b_C), over that of the identity",
    )
    return found


def growth(model: SequenceModel, x: FloatArray) -> float:
    """Mean ||C_t|| over the last 50 steps over that of steps 50 to 100."""
    cell = probe(model.lstm, as_input(x, model)).extras["cell"]
    return float(cell[:, -50:].mean() / cell[:, 50:100].mean())


PEAK_SEQUENCES = 16  # enough: one fit each, over a grid of frequencies


def add_sines(
    metrics: Metrics, networks: Mapping[str, list[SequenceModel]], config: SineConfig
) -> None:
    """The spectral peak of R_t, on sines."""
    x = generate(config, "unseen", UNSEEN)[:PEAK_SEQUENCES]
    f = frequencies(config, "unseen", UNSEEN)[:PEAK_SEQUENCES]

    def shares(kind: str) -> list[tuple[float, float]]:
        series = shuffle_time(x, 0) if kind == "shuffled" else x
        return [peak_shares(model, series, f) for model in networks[kind]]

    for kind, prefix in (
        ("best", "lstm.sine"),
        ("untrained", "lstm.control.untrained.sine"),
        ("shuffled", "lstm.control.shuffled.sine"),
    ):
        both = shares(kind)
        for place, name in enumerate(("peak_at_input", "peak_at_double")):
            metrics[f"{prefix}.{name}"] = Metric.of(
                [pair[place] for pair in both],
                "share of sines for which the best-fitting "
                f"frequency of R_t after {START_UP} steps is the input's"
                + (", doubled" if place else "")
                + f" (networks: {kind})",
            )


START_UP_LENGTHS = (50, 100, 200, 400, 800)


def start_up(models: Sequence[SequenceModel]) -> list[dict[str, float]]:
    """R - 1 on slow sines against T: for each length R - 1 and T (1 - f) (R - 1).

    f is the mean of the forget gate weighted by |C|: 1 - f = sum (1-f)|C| / sum |C|.
    """
    config = SineConfig(
        length=max(START_UP_LENGTHS),
        sequences=32,
        normalisation="none",
        frequency_low=0.002,
        frequency_high=0.005,
        seed=0,
    )
    x = generate(config, "unseen", 32)
    lines = []
    for model in models:
        trace = probe(model.lstm, as_input(x, model))
        inside = gates(model.lstm, as_input(x, model))
        line = {}
        for steps in START_UP_LENGTHS:
            distance = float(trace.react[:, :steps].mean() / trace.diff[:, :steps].mean() - 1)
            lost = float(
                (inside.one_minus_f * np.abs(inside.c_prev))[:, :steps].sum()
                / np.abs(inside.c_prev)[:, :steps].sum()
            )
            line[f"distance_{steps}"] = distance
            line[f"law_{steps}"] = distance * steps * lost
        logs = np.log([abs(line[f"distance_{steps}"]) for steps in START_UP_LENGTHS])
        line["slope"] = float(np.polyfit(np.log(START_UP_LENGTHS), logs, 1)[0])
        lines.append(line)
    return lines


def add_identities(
    metrics: Metrics,
    networks: Mapping[str, Mapping[str, list[SequenceModel]]],
    series: Mapping[str, FloatArray],
) -> None:
    """eq11 against eq05, the bound, the decomposition, M_react <= 4, in recorded runs."""
    exact = eq11_exact(1), eq11_exact(-1)
    for name, value, words in (
        ("lstm.eq11.exact", exact[0], ""),
        ("lstm.control.eq11_sign.exact", exact[1], ", with +(1 - f) C in place of -(1 - f) C"),
    ):
        metrics[name] = Metric(
            value, f"f C + i c~ - C = -(1 - f) C + i c~ in 500 random rationals{words}", n=500
        )
    worst = {"ulp": 0.0, "wrong": 0.0, "bound": 0.0, "decomposition": 0.0, "react": 0.0}
    opposes = {"best": 1.0, "untrained": 1.0}
    imbalance = []
    runs = 0
    for key, kinds in networks.items():
        for model in kinds["best"]:
            inputs = as_input(series[key], model)
            inside = gates(model.lstm, inputs)
            a, b = inside.i * inside.c_tilde, inside.one_minus_f * inside.c_prev
            change = inside.c - inside.c_prev
            largest = np.max(np.abs([a, b, inside.c, inside.c_prev]), axis=0)
            ulp = np.spacing(largest.astype(np.float32)).astype(float)
            worst["ulp"] = max(worst["ulp"], float((np.abs(change - (a - b)) / ulp).max()))
            worst["wrong"] = max(worst["wrong"], float((np.abs(change - (a + b)) / ulp).max()))
            later = b[:, 1:]  # the first step has C_0 = 0
            imbalance.append(float((np.abs(later.sum(axis=2)) / np.abs(later).sum(axis=2)).mean()))
            trace = probe(model.lstm, inputs)
            react, diff = trace.react[:, 1:], trace.diff[:, 1:]  # step 1 has C_0 = 0: diff = 0
            worst["bound"] = max(
                worst["bound"], float((np.abs(react - diff) / trace.extras["change"][:, 1:]).max())
            )
            worst["decomposition"] = max(
                worst["decomposition"],
                float(
                    (
                        np.abs(react**2 - diff**2 - trace.extras["inner"][:, 1:])
                        / np.maximum(react, diff) ** 2
                    ).max()
                ),
            )
            worst["react"] = max(worst["react"], float(trace.react.max()))
            runs += trace.runs
        for kind in opposes:
            for model in kinds[kind]:
                inside = gates(model.lstm, as_input(series[key][:16], model))
                opposes[kind] = min(opposes[kind], float((inside.one_minus_f >= 0).mean()))
    named = {
        "ulp": (
            "lstm.eq11.ulp",
            "largest |C_t - C_(t-1) - (-(1-f) C + i c~)| in float32 "
            "units in the last place of the largest term",
        ),
        "wrong": ("lstm.control.eq11_sign.ulp", "the same with +(1 - f) C"),
        "bound": (
            "lstm.bound.worst",
            "largest |R_t - 1| ||diff_t|| / ||C_t - C_(t-1)||, which can't exceed 1",
        ),
        "decomposition": (
            "lstm.decomposition.worst",
            "largest relative error of ||a||^2 - ||b||^2 = <a - b, a + b>",
        ),
        "react": ("lstm.react.largest", "largest ||i * c~||, which can't exceed sqrt(16) = 4"),
    }
    for key, (name, what) in named.items():
        metrics[name] = Metric(worst[key], what, n=runs)
    for kind, prefix in (("best", "lstm"), ("untrained", "lstm.control.untrained")):
        metrics[f"{prefix}.decay.opposes"] = Metric(
            opposes[kind],
            "share of units and steps in which -(1 - f) C does not point along C "
            f"(networks: {kind})",
            n=runs,
        )
    metrics["lstm.decay.imbalance"] = Metric.of(
        imbalance, "|sum over units of (1 - f) C| over the sum of |(1 - f) C|"
    )
    add_coupling(metrics, networks["sine"]["best"][0], series["sine"])


def eq11_exact(sign: int, draws: int = 500) -> bool:
    """Whether f C + i c~ - C = -sign (1 - f) C + i c~ for random rationals."""
    rng = random.Random(11)

    def rational() -> Fraction:
        return Fraction(rng.randint(-(10**6), 10**6), rng.randint(1, 10**6))

    return all(
        f * c + i * g - c == -sign * (1 - f) * c + i * g
        for f, c, i, g in ([rational() for _ in range(4)] for _ in range(draws))
    )


def log10(value: float) -> float:
    """The decimal logarithm, no lower than -300."""
    return math.log10(max(value, 1e-300))


def add_coupling(metrics: Metrics, model: SequenceModel, x: FloatArray) -> None:
    """Off-diagonal share of both operators' derivatives, and the Laplacian's imbalance."""
    inside = gates(model.lstm, as_input(x[:1], model))
    keep = torch.from_numpy(inside.one_minus_f[0, 100])
    size = len(keep)
    where = torch.from_numpy(inside.c_prev[0, 100])

    def laplacian(c: torch.Tensor) -> torch.Tensor:
        return torch.roll(c, 1) + torch.roll(c, -1) - 2 * c

    operators: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "lstm.decay": lambda c: -keep * c,
        "lstm.laplacian": laplacian,
    }
    for name, operator in operators.items():
        moved = torch.autograd.functional.jacobian(operator, where)  # type: ignore[no-untyped-call]
        jacobian = np.abs(moved.numpy())
        own = float(np.trace(jacobian))
        metrics[f"{name}.coupling"] = Metric(
            (float(jacobian.sum()) - own) / own,
            f"derivatives to other units over those to its own, sums of magnitudes ({size} units)",
        )
    change = laplacian(where).numpy()
    metrics["lstm.laplacian.imbalance"] = Metric(
        float(abs(change.sum()) / np.abs(change).sum()), "|sum| over the sum of magnitudes"
    )


def add_dying(
    metrics: Metrics,
    networks: Mapping[str, Mapping[str, list[SequenceModel]]],
    series: Mapping[str, FloatArray],
) -> None:
    """R far from 1 on purpose: the input gate closed, the forget gate open."""
    alive, dying, free = [], [], []
    for key, kinds in networks.items():
        x = series[key]
        for model in kinds["best"]:
            alive.append(closing(model, x, i=None))
            dying.append(closing(model, x, i=-100))
            free.append(log10(gradient(forced(model, f=100), x, 100)))
    for name, values, words in (
        ("alive", alive, "input gate as trained"),
        ("dying", dying, "input gate closed after 100 steps of data"),
    ):
        for key, what in (
            ("r", "R over the last 100 steps"),
            ("signal", "||C_200|| / ||C_100||"),
            ("log_gradient", "log10 of ||d C_200 / d C_100|| over that of the identity"),
        ):
            metrics[f"lstm.{name}.{key}"] = per_network(values, key, f"{what}; {words}")
    metrics["lstm.no_forget.log_gradient"] = Metric.of(
        free, "log10 of ||d C_100 / d C_0|| over that of the identity; f = 1"
    )


def add_systems(metrics: Metrics, mu: float, configs: Mapping[str, LSTMConfig]) -> None:
    """Chaos and determinism of the data themselves."""
    for key in ("sine", "lorenz", "van_der_pol"):
        what = "largest Lyapunov exponent over 100 units of time"
        what += f", mu = {mu:.3g}" if key == "van_der_pol" else ""
        metrics.measure(
            f"lstm.{key}.lyapunov",
            what,
            lambda key=key, what=what: Metric.of(lyapunov(key, mu), what),
        )  # type: ignore[misc]
    for key, config in configs.items():
        first = generate(config.data, "unseen", 4)
        sequences._cached.cache_clear()  # made anew, not remembered
        again = generate(config.data, "unseen", 4)
        metrics[f"lstm.{key}.deterministic"] = Metric(
            bool(np.array_equal(first, again)),
            "sequences made twice from the same initial values are equal",
            n=4,
        )


def add_variance(metrics: Metrics, r: Mapping[str, Mapping[str, FloatArray]]) -> None:
    """Analysis of variance of R over data sets, and the order of their distances from 1.

    Args:
        metrics: to add to.
        r: "trained" and "untrained" -> row -> R of each network in the common protocol.
    """
    for kind, prefix in (("trained", "lstm"), ("untrained", "lstm.control.untrained")):
        groups = [np.asarray(values) for values in r[kind].values()]
        metrics[f"{prefix}.anova.eta2"] = eta_squared(groups, kind)
        sines = np.abs(r[kind]["sine"] - 1)
        for key in ("lorenz", "van_der_pol"):
            metrics[f"{prefix}.complexity.{key}_minus_sine"] = Metric.of(
                np.abs(r[kind][key] - 1) - sines,
                f"|R - 1| on {key} minus that on sines, one protocol ({kind} networks)",
            )


def eta_squared(groups: Sequence[FloatArray], kind: str, draws: int = 2000) -> Metric:
    """Share of the variance of R that the data set explains, bootstrap interval over seeds."""

    def share(samples: Sequence[FloatArray]) -> float:
        pooled = np.concatenate(samples)
        between = sum(len(s) * (s.mean() - pooled.mean()) ** 2 for s in samples)
        return float(between / ((pooled - pooled.mean()) ** 2).sum())

    rng = np.random.default_rng(0)
    again = [share([rng.choice(group, len(group)) for group in groups]) for _ in range(draws)]
    p = float(stats.f_oneway(*groups).pvalue)
    return Metric(
        share(groups),
        "share of the variance of R explained by the data set, one "
        f"protocol, {kind} networks (F test: p = {p:.1g})",
        float(np.quantile(again, 0.025)),
        float(np.quantile(again, 0.975)),
        sum(len(group) for group in groups),
    )


def wilson(hits: int, n: int, what: str) -> Metric:
    """A share with Wilson's 95 % interval."""
    z = float(stats.norm.ppf(0.975))
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Metric(share, what, max(0.0, middle - half), min(1.0, middle + half), n)
