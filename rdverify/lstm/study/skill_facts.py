"""What searches and trainings show: where R lies near 1, what networks have learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from rdverify.balance import balance_of
from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.rows import KEYS, read
from rdverify.lstm.study.runs import Runs
from rdverify.lstm.training import train
from rdverify.study import Measured
from rdverify.study.intervals import median, share
from rdverify.trace import FloatArray

NEAR = 0.05  # what counts as near 1: the printed LSTM ratios lie within 0.0434
RETRAINED = 0.02  # relative; M's of a network trained again, on another machine or version


def rows(words: str, control: str) -> dict[str, str]:
    """The rows and their untrained controls, with the words of each."""
    return dict.fromkeys(KEYS, words) | {f"control.untrained.{key}": control for key in KEYS}


def kinds(name: str) -> dict[str, str]:
    """A name that is no row's, and its untrained control."""
    return {name: "trained", f"control.untrained.{name}": "untrained"}


@fact(
    "lstm.{run}.near_one_share",
    "share of the space-filling search's settings with |R - 1| <= "
    f"{NEAR} over all steps ({{run}} networks)",
    run=rows("trained", "untrained"),
)
def _near_one_share(runs: Runs, run: str) -> Measured:
    key = run.rpartition(".")[2]
    r = runs.first_stage(key)["r_whole" if run == key else "r_untrained"].to_numpy(float)
    return share(int((np.abs(r - 1) <= NEAR).sum()), len(r), "wilson")


def near_one(runs: Runs, least: float, below: float) -> Measured:
    """R near 1 among networks whose skill lies in [least, below), all rows' searches together."""
    first = [runs.first_stage(key) for key in KEYS]
    r, skill = (
        np.concatenate([f[f["target"] == "next"][name].to_numpy(float) for f in first])
        for name in ("r_whole", "skill")
    )
    hits = np.abs(r - 1)[(skill >= least) & (skill < below)] <= NEAR
    return share(int(hits.sum()), len(hits), "wilson")


NEAR_AMONG = f"share with |R - 1| <= {NEAR} among searched networks that predict"


@fact(
    "lstm.search.learned_near_one",
    f"{NEAR_AMONG} at least twice as well as the better naive prediction",
)
def _learned_near_one(runs: Runs) -> Measured:
    return near_one(runs, 2, np.inf)


@fact("lstm.search.unlearned_near_one", f"{NEAR_AMONG} worse than the better naive prediction")
def _unlearned_near_one(runs: Runs) -> Measured:
    return near_one(runs, -np.inf, 1)


EXPLAINED = "share of the variance of R explained by the data set, one protocol, {run} networks"


@fact("lstm.{run}.eta2", EXPLAINED, run=kinds("anova"))
def _eta2(runs: Runs, run: str) -> Measured:
    trained = run == "anova"
    groups = [runs.values("common" if trained else "initial", key)["r"] for key in KEYS]
    words = EXPLAINED.format(run=kinds("anova")[run])
    p = float(stats.f_oneway(*groups).pvalue)
    return eta_squared(groups, what=f"{words} (F test: p = {p:.1g})")


def eta_squared(groups: Sequence[FloatArray], draws: int = 2000, what: str = "") -> Measured:
    """Share of the variance that the group explains, bootstrap interval over its members."""

    def explained(samples: Sequence[FloatArray]) -> float:
        pooled = np.concatenate(samples)
        between = sum(len(s) * (s.mean() - pooled.mean()) ** 2 for s in samples)
        return float(between / ((pooled - pooled.mean()) ** 2).sum())

    rng = np.random.default_rng(0)
    again = [explained([rng.choice(group, len(group)) for group in groups]) for _ in range(draws)]
    low, high = (float(np.quantile(again, q)) for q in (0.025, 0.975))
    return Measured(explained(groups), low, high, sum(len(group) for group in groups), what)


def farther(runs: Runs, run: str, key: str) -> FloatArray:
    """|R - 1| on a row's data minus that on sines, shape (networks,)."""
    what = "common" if run == "complexity" else "initial"
    row, sines = (runs.values(what, k)["r"] for k in (key, "sine"))
    return np.asarray(np.abs(row - 1) - np.abs(sines - 1))


@fact(
    "lstm.{run}.lorenz_minus_sine",
    "|R - 1| on lorenz minus that on sines, one protocol ({run} networks)",
    run=kinds("complexity"),
)
def _lorenz_minus_sine(runs: Runs, run: str) -> FloatArray:
    return farther(runs, run, "lorenz")


@fact(
    "lstm.{run}.van_der_pol_minus_sine",
    "|R - 1| on van_der_pol minus that on sines, one protocol ({run} networks)",
    run=kinds("complexity"),
)
def _van_der_pol_minus_sine(runs: Runs, run: str) -> FloatArray:
    return farther(runs, run, "van_der_pol")


@fact(
    "lstm.{run}.skill",
    "one-step RMSE of the better of last-value and linear prediction over the network's, unseen "
    "sequences ({run}, kind skilled)",
    run={**kinds("sine"), **kinds("van_der_pol")},
)
def _skill(runs: Runs, run: str) -> FloatArray:
    return np.array([step.factor for step in runs.skills[run].steps])


FREQUENCY = (
    "|f_made / f_true - 1| over 200 free-running steps, median over sines; median over networks "
)


@fact("lstm.control.untrained.sine.frequency_error", f"{FREQUENCY}(untrained, kind skilled)")
def _frequency_error(runs: Runs) -> Measured:
    return median(runs.skills["control.untrained.sine"].frequency)


@fact(
    "lstm.sine.frequency_error_open",
    f"{FREQUENCY}(trained, kind skilled); its interval covers the kind steadied's as well, which "
    "read noise while it learned: the paper says nothing of either",
)
def _frequency_error_open(runs: Runs) -> Measured:
    steadied = median(runs.skills["steadied"].frequency)
    return median(runs.skills["sine"].frequency).reaching(steadied.ends)


@fact(
    "lstm.{run}.advantage",
    "free-running error over the data's deviation: Lorenz minus the mean of sines and Van der Pol "
    "({run}, kind skilled)",
    run=kinds("periodic"),
)
def _advantage(runs: Runs, run: str) -> FloatArray:
    prefix = "" if run == "periodic" else "control.untrained."
    free = {key: runs.skills[prefix + key].free for key in KEYS}
    return np.asarray(free["lorenz"] - (free["sine"] + free["van_der_pol"]) / 2)


@fact(
    "lstm.{row}.retrained",
    "largest relative difference of the M's between a recorded network and the same trained "
    f"again from scratch (allowed: {RETRAINED:g})",
    serves="shows that the recorded networks can be trained again",
    row=KEYS,
)
def _retrained(runs: Runs, row: str) -> float:
    config = runs.configs[row]["best"][0]
    models = runs.networks[row]["best"][0], train(config).model
    old, new = (balance_of(read(model, runs.unseen[row], "whole")) for model in models)
    return max(abs(new.m_react / old.m_react - 1), abs(new.m_diff / old.m_diff - 1))
