"""Three modes? The features of R_t on the three systems and on their controls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rdverify.balance import balance_of
from rdverify.metric.modes import Features, features, oscillates
from rdverify.metric.runs import MODELS, Line, Runs, by_unit, fact, lines, traces
from rdverify.study import Measured, Table
from rdverify.study.intervals import share

SHOWN = ("late_mean", "late_spread", "crossings", "smoothness", "rise", "late_share")
TABLE_ONLY = ("control.fresh", "control.noise")  # further controls, that no claim asks for
CASES = [name for name, model in MODELS.items() if model.mode != "none"]
NETWORKS = {name: model.label for name, model in MODELS.items() if model.mode == "dynamic"}


def share_of(runs: Runs, name: str, shows: Callable[[Features], bool]) -> Measured:
    """Share of a model's independent runs most of whose curves show something, exact binomial.

    A network reads many sequences; what was drawn independently is the network.
    """
    found = [
        [shows(features(r_t)) for r_t in balance_of(trace).r_t] for trace in traces(runs, name)
    ]
    hits = [value > 0.5 for value in by_unit(name, found)]
    return share(sum(hits), len(hits))


def shares(runs: Runs, name: str) -> Measured:
    """Share of the runs with the label of the model's mode."""
    return share_of(runs, name, lambda found: found.mode == MODELS[name].mode)


@fact(
    "metric.mode.{system}.share",
    "share of runs of {system}",
    system={
        name: f'"{MODELS[name].label}" whose R_t has the features of the mode "{MODELS[name].mode}"'
        for name in CASES
        if name not in TABLE_ONLY
    },
)
def _share(runs: Runs, system: str) -> Measured:
    return shares(runs, system)


@fact(
    "metric.oscillates.{system}.share",
    "share of networks most of whose sequences have an R_t that crosses 1 at least four times "
    "after the first fifth and does not settle, however jagged: {system}",
    system={name: label for name, label in NETWORKS.items() if name not in TABLE_ONLY},
)
def _oscillates(runs: Runs, system: str) -> Measured:
    return share_of(runs, system, oscillates)


def modes(runs: Runs) -> Table:
    """Shares of runs with each label, and what they rest on."""

    def line(name: str) -> Line:
        seen = [features(r_t) for trace in traces(runs, name) for r_t in balance_of(trace).r_t]
        labels = [one.mode for one in seen]
        return {
            "system": MODELS[name].label,
            "mode in the paper": MODELS[name].mode,
            "share": float(shares(runs, name).value or 0),
            "most frequent label": max(sorted(set(labels)), key=labels.count),
            **{
                feature.replace("_", " "): float(np.mean([getattr(one, feature) for one in seen]))
                for feature in SHOWN
            },
        }

    return Table(
        "The three modes of section 6 as features of R_t: share of runs with the "
        "label that the paper gives the system, then means over runs. A control that "
        "gets the label too says that the mode does not come from what the paper names. "
        "All on log R_t: late mean and spread over the last fifth of the time; crossings "
        "of R_t = 1 and smoothness (correlation of neighbouring steps) after the first "
        "fifth; rise, from the median of the first four fifths to the end; late share, "
        "the part of the rise made in the last fifth (any number where the rise is near "
        "0)",
        lines(line, CASES),
    )
