"""What a sweep runs of the LSTM: one network, trained, beside its untrained twin."""

from __future__ import annotations

import math
from dataclasses import fields

import torch

from rdverify.balance import balance_of
from rdverify.lstm.model import LSTMConfig, SequenceModel, as_input, build
from rdverify.lstm.probing import probe
from rdverify.lstm.sequences import (
    DataConfig,
    LorenzConfig,
    SineConfig,
    VanDerPolConfig,
    generate,
)
from rdverify.lstm.skill import one_step
from rdverify.lstm.training import train
from rdverify.sweep.axes import Setting
from rdverify.sweep.target import Outcome, Target, defaults_of
from rdverify.tools.errors import require, require_integer
from rdverify.trace import FloatArray

DATA: dict[str, type[DataConfig]] = {
    "sine": SineConfig,
    "lorenz": LorenzConfig,
    "van_der_pol": VanDerPolConfig,
}
UNSEEN = 64  # sequences that training did not see, over which a network is read
SKIPPED = 20  # values that a prediction may read first, at most a quarter of a sequence
# of several data sets; which default holds depends on ``data``
DEFAULTS = {
    **{name: value for data in DATA.values() for name, value in defaults_of(data).items()},
    **defaults_of(LSTMConfig),
    "data": "sine",
    "frequency": 0.05,
    "unseen": UNSEEN,
}
del DEFAULTS["mu_high"]  # None is its default, and here would say that it must be given

SAYS = {
    "m_react": "M_react (Eq. 13), the mean over steps and unseen sequences of ||i * c~||",
    "m_diff": "M_diff (Eq. 16), likewise of ||(1 - f) * C_{t-1}||",
    "r": "R = M_react / M_diff (Eq. 18)",
    "final_ratio": "R_t at the last step, mean over sequences",
    "forget": "mean of the forget gate over steps, units and sequences",
    "r_untrained": "R of the same network before training, the control",
    "final_ratio_untrained": "final_ratio of the same network before training",
    "forget_untrained": "forget of the same network before training",
    "loss": "mean-squared error of the last epoch; NaN without training",
    "skill": "one-step error on unseen sequences of the better of x_t and 2 x_t - x_{t-1}, over "
    "the network's; NaN where the target is not the next value or a sequence has under 8 steps",
}


def config_of(setting: Setting) -> LSTMConfig:
    """The configuration of a setting; InputError if a name or value does not fit its data."""
    TARGET.known(setting)
    given = dict(setting)
    kind, frequency = given.pop("data", "sine"), given.pop("frequency", None)
    require(kind in DATA, "data", kind, f"one of {', '.join(DATA)}")
    require_integer("unseen", given.pop("unseen", UNSEEN), 1)
    if frequency is not None:  # one for all sequences: both ends of the range
        ends = {"frequency_low", "frequency_high"}
        require(not ends & given.keys(), "frequency", frequency, f"given without {sorted(ends)}")
        given |= dict.fromkeys(sorted(ends), frequency)
    own = {field.name for field in fields(LSTMConfig)}
    of_data = {field.name for field in fields(DATA[kind])}
    for name in given:
        require(name in own | of_data, name, given[name], f"left out where data = {kind!r}")
    data = DATA[kind](**{name: value for name, value in given.items() if name in of_data})
    return LSTMConfig(data, **{name: value for name, value in given.items() if name in own})


def run(setting: Setting) -> Outcome:
    """One network's numbers, see ``SAYS``; the seed is that of the network and of its data."""
    config = config_of(setting)
    x = generate(config.data, "unseen", int(setting.get("unseen", UNSEEN)))
    before = _read(build(config), x)
    trained = train(config)
    skip = min(SKIPPED, config.data.length // 4)
    skilled = config.target == "next" and skip >= 2
    return {
        **_read(trained.model, x),
        **{f"{name}_untrained": before[name] for name in ("r", "final_ratio", "forget")},
        "loss": float(trained.losses[-1]) if config.epochs else math.nan,
        "skill": one_step(trained.model, x, skip).factor if skilled else math.nan,
    }


def _read(model: SequenceModel, x: FloatArray) -> dict[str, float]:
    with torch.no_grad():
        trace = probe(model.lstm, as_input(x, model), detail=True)
    balance = balance_of(trace)
    return {
        "m_react": balance.m_react,
        "m_diff": balance.m_diff,
        "r": balance.r,
        "final_ratio": float(balance.r_t[:, -1].mean()),
        "forget": 1 - float(trace.extras["one_minus_f"].mean()),
    }


TARGET = Target(run=run, check=config_of, defaults=DEFAULTS, says=SAYS)
