"""What the schedule alone says, in closed form and without a network: the strongest controls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rdverify.ddpm import ExpectedBalance, Schedule, expected_balance
from rdverify.ddpm.study.facts import KEYS, MNIST, WORDS
from rdverify.ddpm.study.observables import early_max, fall, rise, towards_balance
from rdverify.ddpm.study.record_facts import LOW, SCALINGS
from rdverify.ddpm.study.rows import SCHEDULE
from rdverify.ddpm.study.runs import Runs, fact
from rdverify.ddpm.study.sampled import Sampled
from rdverify.trace import FloatArray

NO_NETWORK = ", a perfect network by formula, {row}"


def of_curve(read: Callable[[FloatArray], FloatArray], expected: ExpectedBalance) -> float:
    """What is read off one curve R_t."""
    return float(read(expected.r_t[None])[0])


@fact("ddpm.closed_form.{row}.r", WORDS["r"] + NO_NETWORK, row=KEYS)
def _r(runs: Runs, row: str) -> float:
    return runs.of[row].expected.r


@fact("ddpm.closed_form.{row}.inverse_r", WORDS["inverse_r"] + NO_NETWORK, row=KEYS)
def _inverse_r(runs: Runs, row: str) -> float:
    return 1 / runs.of[row].expected.r


@fact("ddpm.closed_form.{row}.final_ratio", WORDS["final_ratio"] + NO_NETWORK, row=KEYS)
def _final_ratio(runs: Runs, row: str) -> float:
    return float(runs.of[row].expected.r_t[-1])


@fact(
    "ddpm.steps.{scaling}.joint_gain",
    "R at T = 4000 of a perfect network by formula minus R at T = 1000 of the trained MNIST "
    "network, beta {scaling}",
    scaling={key: words for key, (_, words) in SCALINGS.items()},
)
def _joint_gain(runs: Runs, scaling: str) -> FloatArray:
    return more_steps(runs.of["mnist"], scaling).r - runs.of["mnist"].balance.r_runs


@fact(
    "ddpm.steps.{scaling}.{row}.final_ratio",
    WORDS["final_ratio"] + NO_NETWORK + ", T = 4000, beta {scaling}",
    scaling={key: words for key, (_, words) in SCALINGS.items()},
    row=LOW,
)
def _long_final_ratio(runs: Runs, scaling: str, row: str) -> float:
    return float(more_steps(runs.of[row], scaling).r_t[-1])


def more_steps(sampled: Sampled, scaling: str) -> ExpectedBalance:
    """The closed form of a row at T = 4000."""
    schedule = Schedule.linear(4000, scaling=SCALINGS[scaling][0])
    return expected_balance(schedule, sampled.dimension, sampled.mean_square)


@fact("ddpm.closed_form.{row}.early_max", WORDS["early_max"] + NO_NETWORK, row=MNIST)
def _early_max(runs: Runs, row: str) -> float:
    return of_curve(early_max, runs.of[row].expected)


@fact("ddpm.closed_form.{row}.r_t_fall", WORDS["r_t_fall"] + NO_NETWORK, row=MNIST)
def _r_t_fall(runs: Runs, row: str) -> float:
    return of_curve(fall, runs.of[row].expected)


@fact("ddpm.closed_form.{row}.rise", WORDS["rise"] + NO_NETWORK, row=MNIST)
def _rise(runs: Runs, row: str) -> float:
    return of_curve(rise, runs.of[row].expected)


@fact("ddpm.closed_form.{row}.towards_balance", WORDS["towards_balance"] + NO_NETWORK, row=MNIST)
def _towards_balance(runs: Runs, row: str) -> float:
    return of_curve(towards_balance, runs.of[row].expected)


def without_data(runs: Runs) -> ExpectedBalance:
    """The closed form where every pixel is 0."""
    return expected_balance(SCHEDULE, runs.rows["MNIST"].dimension, 0.0)


@fact("ddpm.control.no_data.rise", WORDS["rise"] + ", by formula with no data: every pixel 0")
def _rise_without_data(runs: Runs) -> float:
    return of_curve(rise, without_data(runs))


@fact(
    "ddpm.control.no_data.towards_balance",
    WORDS["towards_balance"] + ", by formula with no data: every pixel 0",
)
def _towards_balance_without_data(runs: Runs) -> float:
    return of_curve(towards_balance, without_data(runs))


@fact(
    "ddpm.closed_form.r_spread",
    "largest minus smallest R of the three rows, a perfect network by formula",
)
def _r_spread(runs: Runs) -> float:
    return float(np.ptp([sampled.expected.r for sampled in runs.rows.values()]))


@fact(
    "ddpm.closed_form.final.cifar10_minus_mnist",
    "final ratio of CIFAR10 minus that of MNIST, a perfect network by formula",
)
def _cifar_minus_mnist(runs: Runs) -> float:
    return float(runs.of["cifar10"].expected.r_t[-1] - runs.of["mnist"].expected.r_t[-1])


@fact(
    "ddpm.control.reversed.r_t_fall",
    WORDS["r_t_fall"] + ", the formula's curve of decreasing beta run backwards in time",
)
def _reversed_fall(runs: Runs) -> float:
    mnist = runs.rows["MNIST"]
    turned = Schedule.linear(mnist.schedule.T, direction="decreasing")
    r_t = expected_balance(turned, mnist.dimension, mnist.mean_square).r_t
    return float(fall(r_t[None, ::-1])[0])
