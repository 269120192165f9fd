"""What searches and trainings show: where R lies near 1, what networks have learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from rdverify.balance import balance_of
from rdverify.lstm.study import memory
from rdverify.lstm.study.facts import fact
from rdverify.lstm.study.protocol import OTHER_RATE, READING
from rdverify.lstm.study.rows import KEYS, read
from rdverify.lstm.study.runs import Runs
from rdverify.lstm.training import train
from rdverify.study import Measured
from rdverify.study.intervals import median, share
from rdverify.trace import FloatArray

NEAR = 0.05  # what counts as near 1: the printed LSTM ratios lie within 0.0434
REQUIRED = 0.1  # the band in which R is held to be balanced wherever the paper requires it
RETRAINED = 0.02  # relative; M's of a network trained again, on another machine or version


def rows(words: str, control: str) -> dict[str, str]:
    """The rows and their untrained controls, with the words of each."""
    return dict.fromkeys(KEYS, words) | {f"control.untrained.{key}": control for key in KEYS}


@fact(
    "lstm.{run}.near_one_share",
    "share of the space-filling search's settings with |R - 1| <= "
    f"{NEAR} over all steps ({{run}} networks)",
    run=rows("trained", "untrained"),
)
def _near_one_share(runs: Runs, run: str) -> Measured:
    key = run.rpartition(".")[2]
    r = runs.first_stage(key)["r_whole" if run == key else "r_untrained"].to_numpy(float)
    return share(int((np.abs(r - 1) <= NEAR).sum()), len(r))


def near_one(runs: Runs, least: float, below: float) -> Measured:
    """R near 1 among networks whose skill lies in [least, below), all rows' searches together."""
    first = [runs.first_stage(key) for key in KEYS]
    r, skill = (
        np.concatenate([f[f["target"] == "next"][name].to_numpy(float) for f in first])
        for name in ("r_whole", "skill")
    )
    hits = np.abs(r - 1)[(skill >= least) & (skill < below)] <= REQUIRED
    return share(int(hits.sum()), len(hits))


NEAR_AMONG = f"share with |R - 1| <= {REQUIRED} among searched networks that predict"


@fact(
    "lstm.search.learned_near_one",
    f"{NEAR_AMONG} at least twice as well as the better naive prediction",
)
def _learned_near_one(runs: Runs) -> Measured:
    return near_one(runs, 2, np.inf)


@fact("lstm.search.unlearned_near_one", f"{NEAR_AMONG} worse than the better naive prediction")
def _unlearned_near_one(runs: Runs) -> Measured:
    return near_one(runs, -np.inf, 1)


PLANS = {
    "{name}": ("declared", "the declared protocol"),
    "slower.{name}": ("slower", f"Adam at {OTHER_RATE:g} instead"),
    "control.shuffled.{name}": ("shuffled", "trained and read on the data in shuffled time"),
}


def plans(name: str) -> dict[str, str]:
    """A name that is no row's, what print leaves open, and its control, with their words."""
    return {template.format(name=name): words for template, (_, words) in PLANS.items()}


def plan_of(run: str) -> str:
    """The kind of networks that a run of :func:`plans` is about."""
    template = f"{run.rpartition('.')[0]}.{{name}}".lstrip(".")
    return PLANS[template][0]


EXPLAINED = "share of the variance of R explained by the data set ({run})"


@fact("lstm.{run}.eta2", EXPLAINED, run=plans("anova"))
def _eta2(runs: Runs, run: str) -> Measured:
    groups = [runs.values(plan_of(run), key)["r"] for key in KEYS]
    words = EXPLAINED.format(run=plans("anova")[run])
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
    runs = tuple(float(value) for group in groups for value in group)
    return Measured(explained(groups), low, high, len(runs), what, runs=runs, how="bootstrap")


def farther(runs: Runs, run: str, key: str) -> FloatArray:
    """|R - 1| on a row's data minus that on sines, shape (networks,)."""
    row, sines = (runs.values(plan_of(run), k)["r"] for k in (key, "sine"))
    return np.asarray(np.abs(row - 1) - np.abs(sines - 1))


@fact(
    "lstm.{run}.lorenz_minus_sine",
    "|R - 1| on lorenz minus that on sines ({run})",
    run=plans("complexity"),
)
def _lorenz_minus_sine(runs: Runs, run: str) -> FloatArray:
    return farther(runs, run, "lorenz")


@fact(
    "lstm.{run}.van_der_pol_minus_sine",
    "|R - 1| on van_der_pol minus that on sines ({run})",
    run=plans("complexity"),
)
def _van_der_pol_minus_sine(runs: Runs, run: str) -> FloatArray:
    return farther(runs, run, "van_der_pol")


TRAININGS = {
    "": "the declared protocol",
    "slower.": f"Adam at {OTHER_RATE:g} instead",
    "skilled.": "longer, at a falling rate",
    "control.untrained.": "untrained",
}


def trainings(name: str) -> dict[str, str]:
    """A name after each way to train, with its words."""
    return {prefix + name: words for prefix, words in TRAININGS.items()}


@fact(
    "lstm.{run}.skill",
    "one-step RMSE of the better of last-value and linear prediction over the network's, unseen "
    "sequences ({run})",
    run=trainings("sine"),
)
def _skill(runs: Runs, run: str) -> FloatArray:
    return np.array([step.factor for step in runs.skills[run].steps])


@fact(
    "lstm.{run}.frequency_error",
    "|f_made / f_true - 1| over 200 free-running steps, median over sines; median over networks "
    "({run})",
    run={**trainings("sine"), "steadied.sine": "longer still, with noise on what is read"},
)
def _frequency_error(runs: Runs, run: str) -> Measured:
    return median(runs.skills[run].frequency)


@fact(
    "lstm.{run}.advantage",
    "free-running error over the data's deviation, on Lorenz minus that on the row's periodic "
    "data ({run})",
    run=trainings("sine") | trainings("van_der_pol"),
)
def _advantage(runs: Runs, run: str) -> FloatArray:
    prefix, key = run[: -len(run.rpartition(".")[2])], run.rpartition(".")[2]
    return np.asarray(runs.skills[prefix + "lorenz"].free - runs.skills[prefix + key].free)


RECALLS = {
    "lstm": "LSTM as torch starts it",
    "open": "LSTM whose forget gate starts open, bias 1",
    "chrono": "LSTM whose gates start for the lag",
    "control.tanh": "tanh network of as many weights",
}


@fact(
    "lstm.memory.{network}.recalls",
    f"share of networks that return a value after {memory.LAGS[-1]} steps of noise with less than "
    "a tenth of its variance missed ({network})",
    network=RECALLS,
)
def _recalls(runs: Runs, network: str) -> Measured:
    frame = runs.memory
    own = frame[
        (frame["network"] == network.rpartition(".")[2]) & (frame["lag"] == memory.LAGS[-1])
    ]
    return share(int((own["missed"] < memory.RECALLED).sum()), len(own))


@fact(
    "lstm.{row}.retrained",
    "largest relative difference of the M's between a recorded network and the same trained "
    f"again from scratch by torch.nn.LSTM (allowed: {RETRAINED:g})",
    serves="shows that the recorded networks can be trained again",
    row=KEYS,
)
def _retrained(runs: Runs, row: str) -> float:
    config = runs.configs[row]["declared"][0]
    models = runs.networks[row]["declared"][0], train(config).model
    old, new = (balance_of(read(model, runs.unseen[row], READING)) for model in models)
    return max(abs(new.m_react / old.m_react - 1), abs(new.m_diff / old.m_diff - 1))
