"""What the schedule alone says, in closed form and without a network: the strongest controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rdverify.ddpm import ExpectedBalance, Schedule, expected_balance
from rdverify.ddpm.study.facts import KEYS, MNIST, WORDS
from rdverify.ddpm.study.observables import drop, early_max, rise, towards_balance
from rdverify.ddpm.study.rows import SCHEDULE
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.trace import FloatArray

NO_NETWORK = ", closed form with the true noise, no network, {row}"
OF_ROWS: Mapping[str, Callable[[ExpectedBalance], float]] = {
    "r": lambda expected: expected.r,
    "inverse_r": lambda expected: 1 / expected.r,
    "final_ratio": lambda expected: float(expected.r_t[-1]),
}
OF_CURVE: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "early_max": early_max,
    "r_t_drop": drop,
    "rise": rise,
    "towards_balance": towards_balance,
}


@fact(
    "ddpm.closed_form.{row}.{observed}",
    "{observed}" + NO_NETWORK,
    row=KEYS,
    observed={name: WORDS[name] for name in OF_ROWS},
)
def _of_rows(runs: Runs, row: str, observed: str) -> float:
    return OF_ROWS[observed](runs.of[row].expected)


@fact(
    "ddpm.closed_form.{row}.{observed}",
    "{observed}" + NO_NETWORK,
    row=MNIST,
    observed={name: WORDS[name] for name in OF_CURVE},
)
def _of_curve(runs: Runs, row: str, observed: str) -> float:
    return float(OF_CURVE[observed](runs.of[row].expected.r_t[None])[0])


@fact(
    "ddpm.control.no_data.{observed}",
    "{observed}, closed form with no data at all: every pixel 0",
    observed={name: WORDS[name] for name in ("rise", "towards_balance")},
)
def _no_data(runs: Runs, observed: str) -> float:
    nothing = expected_balance(SCHEDULE, runs.rows["MNIST"].dimension, 0.0)
    return float(OF_CURVE[observed](nothing.r_t[None])[0])


@fact(
    "ddpm.closed_form.r_spread",
    "largest minus smallest R of the three rows in closed form, with the true noise",
)
def _r_spread(runs: Runs) -> float:
    return float(np.ptp([sampled.expected.r for sampled in runs.rows.values()]))


@fact(
    "ddpm.closed_form.final.cifar10_minus_mnist",
    "final ratio of CIFAR10 minus that of MNIST in closed form, with the true noise",
)
def _cifar_minus_mnist(runs: Runs) -> float:
    return float(runs.of["cifar10"].expected.r_t[-1] - runs.of["mnist"].expected.r_t[-1])


@fact(
    "ddpm.control.reversed.r_t_drop",
    "how far R_t falls below its first value, as a share of it, for the closed form's curve of "
    "decreasing beta run backwards in time",
)
def _reversed_drop(runs: Runs) -> float:
    mnist = runs.rows["MNIST"]
    turned = Schedule.linear(mnist.schedule.T, direction="decreasing")
    r_t = expected_balance(turned, mnist.dimension, mnist.mean_square).r_t
    return float(drop(r_t[None, ::-1])[0])
