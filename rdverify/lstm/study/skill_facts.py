"""What the networks that were trained for longer have learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from rdverify.balance import balance_of
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, probe
from rdverify.lstm.sequences import SineConfig, generate
from rdverify.lstm.skill import OneStep, free_run_errors, frequency_errors, one_step
from rdverify.lstm.study.rows import UNSEEN
from rdverify.study import Metric, Metrics

FloatArray = npt.NDArray[np.float64]
Line = dict[str, float | str]
WARM_UP = 100  # values that a network reads before it runs on its own


@dataclass(frozen=True)
class Skill:
    """What networks make of unseen sequences: one step ahead, and on their own.

    Attributes:
        steps: one for each network.
        free: root-mean-square error of running freely over the data's deviation, each network.
    """

    steps: list[OneStep]
    free: list[float]

    @classmethod
    def of(cls, models: Sequence[SequenceModel], x: FloatArray) -> Skill:
        """Measured on x, shape (sequences, length)."""
        return cls(
            [one_step(model, x) for model in models],
            [float(free_run_errors(model, x, WARM_UP).mean() / x.std()) for model in models],
        )

    def line(self, data: str, networks: str) -> Line:
        """A line of the report's table."""
        return {
            "Data": data,
            "Networks": networks,
            "One-step RMSE": float(np.mean([step.model for step in self.steps])),
            "Last value": self.steps[0].last_value,
            "Linear": self.steps[0].linear,
            "Times better": float(np.mean([step.factor for step in self.steps])),
            "Free-run error / deviation": float(np.mean(self.free)),
        }


def add_skill(
    metrics: Metrics,
    networks: Mapping[str, Mapping[str, list[SequenceModel]]],
    configs: Mapping[str, Sequence[LSTMConfig]],
) -> list[Line]:
    """The kind skilled beside untrained networks of the same seeds, and the kind steadied."""
    lines: list[Line] = []
    errors: dict[str, dict[str, FloatArray]] = {"trained": {}, "untrained": {}}
    for key, wanted in configs.items():
        data = wanted[0].data
        x = generate(data, "unseen", UNSEEN)
        untrained = [build(config) for config in wanted]
        for kind, models in (("trained", networks[key]["skilled"]), ("untrained", untrained)):
            prefix = f"lstm.{key}" if kind == "trained" else f"lstm.control.untrained.{key}"
            skill = Skill.of(models, x)
            metrics[f"{prefix}.skill"] = Metric.of(
                [step.factor for step in skill.steps],
                "one-step RMSE of the better of last-value "
                "and linear prediction over the network's, unseen sequences "
                f"({kind}, kind skilled)",
            )
            errors[kind][key] = np.array(skill.free)
            lines.append(skill.line(key, kind))
            if isinstance(data, SineConfig):
                error = frequency_metric(models, data, f"{kind}, kind skilled")
                metrics[f"{prefix}.frequency_error"] = error
                lines[-1]["Frequency error (median)"] = float(error.value or 0.0)
        if isinstance(data, SineConfig):
            lines.append(add_steadied(metrics, key, networks[key]["steadied"], data, x))
        metrics[f"lstm.{key}.skilled_r"] = Metric.of(
            [
                balance_of(probe(model.lstm, as_input(x, model))).r
                for model in networks[key]["skilled"]
            ],
            "R of the networks trained for longer, all steps",
        )
    for kind, prefix in (("trained", "lstm"), ("untrained", "lstm.control.untrained")):
        e = errors[kind]
        metrics[f"{prefix}.periodic.advantage"] = Metric.of(
            e["lorenz"] - (e["sine"] + e["van_der_pol"]) / 2,
            "free-running error over the data's deviation: Lorenz minus the mean of sines and "
            f"Van der Pol ({kind}, kind skilled)",
        )
    return lines


def add_steadied(
    metrics: Metrics, key: str, models: Sequence[SequenceModel], data: SineConfig, x: FloatArray
) -> Line:
    """Sines continued by networks that read noise while they learned, which print leaves open.

    The frequency's error over both ways of training is added: the kind skilled's, with an
    interval that covers the kind steadied's as well.
    """
    own = frequency_metric(models, data, "trained, kind steadied")
    plain = metrics[f"lstm.{key}.frequency_error"]
    metrics[f"lstm.{key}.frequency_error_steadied"] = own
    metrics[f"lstm.{key}.frequency_error_open"] = plain.reaching(
        own.ends,
        f"{plain.what}; its interval covers the kind steadied's as well, which read noise while "
        "it learned: the paper says nothing of either",
    )
    line = Skill.of(models, x).line(key, "trained, with noise on what is read")
    return line | {"Frequency error (median)": float(own.value or 0.0)}


def frequency_metric(models: Sequence[SequenceModel], data: SineConfig, kind: str) -> Metric:
    """How far sines that networks continue are from their frequency, median of medians."""
    return median_metric(
        [float(np.median(frequency_errors(model, data, sequences=16))) for model in models],
        "|f_made / f_true - 1| over 200 free-running steps, median over sines; median over "
        f"networks ({kind})",
    )


def median_metric(values: Sequence[float], what: str) -> Metric:
    """Median with the order statistics that cover it with at least 95 % (n = 10: 2nd to 9th)."""
    ordered = np.sort(np.asarray(values, float))
    cut = int(stats.binom.ppf(0.025, len(ordered), 0.5))
    cut = max(cut, 1)
    return Metric(
        float(np.median(ordered)), what, float(ordered[cut - 1]), float(ordered[-cut]), len(ordered)
    )
