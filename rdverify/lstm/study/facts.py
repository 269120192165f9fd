"""What the paper's sentences on the LSTM come down to, each beside its negative control."""

from __future__ import annotations

import numpy as np

from rdverify.lstm import sequences
from rdverify.lstm.sequences import (
    SineConfig,
    VanDerPolConfig,
    frequencies,
    shuffle_time,
)
from rdverify.lstm.study.behaviour import (
    DEAD_BAND,
    forced,
    growth_of,
    peak_share,
)
from rdverify.lstm.study.jacobians import least_gain, log10
from rdverify.lstm.study.lyapunov import lyapunov
from rdverify.lstm.study.networks import SEEDS
from rdverify.lstm.study.protocol import OTHER_RATE, RATE
from rdverify.lstm.study.rows import KEYS, START_UP, UNSEEN
from rdverify.lstm.study.runs import Runs
from rdverify.study import Facts, Measured
from rdverify.trace import FloatArray

OTHERS = {
    "slower": f"Adam at {OTHER_RATE:g} instead of {RATE:g}",
    "control.untrained": "the same networks before training, on the same data",
    "control.noise": "the same networks trained on white noise, read on the data",
    "control.shuffled": "trained and read on the data in shuffled time",
    "control.rest": "the same networks fed each sequence's mean as a constant",
}


def beside(*others: str) -> dict[str, str]:
    """The rows and what stands beside them, such as "control.rest.sine", with their words."""
    return dict.fromkeys(KEYS, "") | {
        f"{name}.{key}": f" ({OTHERS[name]})" for name in others for key in KEYS
    }


LEARNED = beside("slower", "control.untrained")
RESTING = beside("slower", "control.untrained", "control.rest")
EACH = f"{{run}}; mean over {len(SEEDS)} networks"
ALL = f"mean over {len(SEEDS) * len(KEYS)} networks"
OVER_TIME = "correlation over time of R_t with"
RISING = "correlation over time of R_t - R_(t-1) with"
GROWTH = "mean ||C_t|| over the last 50 steps over that of steps 50 to 100"
PEAK_SEQUENCES = 16  # enough: one fit each, over a grid of frequencies
STATES = {
    "alive": "input gate as trained",
    "dying": "input gate closed after 100 steps of data",
}

fact = Facts[Runs]()


@fact(
    "lstm.{run}.r",
    f"R = M_react / M_diff of the run{EACH}",
    run=beside("slower", "control.untrained", "control.noise"),
)
def _r(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["r"]


@fact("lstm.{run}.r_minus_rd", "R minus the mean of the printed RD ratios{run}", run=LEARNED)
def _r_minus_rd(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["r"] - runs.rd_ratio


@fact(
    "lstm.{run}.crossings",
    f"crossings of R_t = 1 in 100 steps after {START_UP} (|R_t - 1| > {DEAD_BAND}){EACH}",
    run=RESTING,
)
def _crossings(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["crossings"]


@fact(
    "lstm.{run}.share_above",
    f"share of steps after {START_UP} with R_t - 1 > {DEAD_BAND}{EACH}",
    run=RESTING,
)
def _share_above(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["share_above"]


@fact(
    "lstm.{run}.amplitude", f"mean of |R_t - 1| over the steps after {START_UP}{EACH}", run=RESTING
)
def _amplitude(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["amplitude"]


@fact("lstm.{run}.corr_i", f"{OVER_TIME} the mean of i_t over units{EACH}", run=LEARNED)
def _corr_i(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["corr_i"]


@fact("lstm.{run}.corr_growth", f"{OVER_TIME} ||C_t|| - ||C_(t-1)||{EACH}", run=LEARNED)
def _corr_growth(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["corr_growth"]


@fact("lstm.{run}.corr_forget", f"{OVER_TIME} the mean of 1 - f_t over units{EACH}", run=LEARNED)
def _corr_forget(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["corr_forget"]


@fact("lstm.{run}.corr_change", f"{OVER_TIME} ||C_t - C_(t-1)||{EACH}", run=LEARNED)
def _corr_change(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["corr_change"]


@fact("lstm.{run}.rise_i", f"{RISING} the mean of i_t over units{EACH}", run=LEARNED)
def _rise_i(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["rise_i"]


@fact("lstm.{run}.rise_growth", f"{RISING} ||C_t|| - ||C_(t-1)||{EACH}", run=LEARNED)
def _rise_growth(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["rise_growth"]


@fact("lstm.{run}.rise_forget", f"{RISING} the mean of 1 - f_t over units{EACH}", run=LEARNED)
def _rise_forget(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["rise_forget"]


@fact("lstm.{run}.rise_change", f"{RISING} ||C_t - C_(t-1)||{EACH}", run=LEARNED)
def _rise_change(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["rise_change"]


@fact(
    "lstm.{run}.gate_activity",
    f"deviation over time of each unit's i and 1 - f over its mean, mean over units{EACH}",
    run=RESTING,
)
def _gate_activity(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["gate_activity"]


@fact(
    "lstm.{run}.enlarges",
    f"share of units and steps in which i * c~ has the sign of C_(t-1){EACH}",
    run=LEARNED,
)
def _enlarges(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["enlarges"]


@fact("lstm.{run}.growth", f"{GROWTH}{EACH}", run=beside("slower"))
def _growth(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["growth"]


@fact("lstm.control.no_forget.{row}.growth", f"{GROWTH} (the same networks with f = 1)", row=KEYS)
def _no_forget_growth(runs: Runs, row: str) -> FloatArray:
    return runs.of_kind(lambda model, x: growth_of(forced(model, f=100), x), "declared", row)


@fact(
    "lstm.{run}.own_reaction",
    f"derivative of a unit's i_t c~_t to its own C_(t-1), through h_(t-1){EACH}",
    run=LEARNED,
)
def _own_reaction(runs: Runs, run: str) -> FloatArray:
    return runs.feedbacks[run]["own_reaction"]


@fact(
    "lstm.{run}.reaction_reach",
    "derivative of a unit's i_t c~_t to another unit's C_(t-1) over that to its own, means of "
    f"magnitudes{EACH}",
    run=LEARNED,
)
def _reaction_reach(runs: Runs, run: str) -> FloatArray:
    return runs.feedbacks[run]["reaction_reach"]


@fact(
    "lstm.{run}.reach_gap",
    "the same of -(1 - f_t) C_(t-1) less that of i_t c~_t: by how much the diffusion term reaches "
    f"farther{EACH}",
    run=LEARNED,
)
def _reach_gap(runs: Runs, run: str) -> FloatArray:
    found = runs.feedbacks[run]
    return np.asarray(found["diffusion_reach"] - found["reaction_reach"])


@fact(
    "lstm.{run}.restoring",
    f"<C, D C> / ||C||^2 with D the derivative of -(1 - f_t) C_(t-1) to C_(t-1){EACH}",
    run=LEARNED,
)
def _restoring(runs: Runs, run: str) -> FloatArray:
    return runs.feedbacks[run]["restoring"]


@fact(
    "lstm.{run}.decay_time",
    f"sum |C_(t-1)| over sum (1 - f_t) |C_(t-1)|, in steps{EACH}",
    run=LEARNED,
)
def _decay_time(runs: Runs, run: str) -> FloatArray:
    return runs.feedbacks[run]["decay_time"]


@fact(
    "lstm.{run}.peak_at_input",
    "share of sines for which the best-fitting frequency of R_t after "
    f"{START_UP} steps is the input's (networks: {{run}})",
    run={
        "sine": "declared",
        "slower.sine": "slower",
        "control.untrained.sine": "untrained",
        "control.shuffled.sine": "shuffled",
    },
)
def _peak_at_input(runs: Runs, run: str) -> FloatArray:
    data, kind = runs.data("sine", "declared"), run.split(".")[-2] if "." in run else "declared"
    assert isinstance(data, SineConfig)
    x = runs.unseen["sine"][:PEAK_SEQUENCES]
    f = frequencies(data, "unseen", UNSEEN)[:PEAK_SEQUENCES]
    series = shuffle_time(x, 0) if kind == "shuffled" else x
    return np.array([peak_share(model, series, f) for model in runs.networks["sine"][kind]])


@fact("lstm.{state}.r", f"R over the last 100 steps; {{state}}; {ALL}", state=STATES)
def _r_with_gate(runs: Runs, state: str) -> FloatArray:
    return runs.closings[state]["r"]


@fact("lstm.{state}.signal", f"||C_200|| / ||C_100||; {{state}}; {ALL}", state=STATES)
def _signal(runs: Runs, state: str) -> FloatArray:
    return runs.closings[state]["signal"]


@fact(
    "lstm.{state}.log_gradient",
    f"log10 of ||d C_200 / d C_100|| over that of the identity; {{state}}; {ALL}",
    state=STATES,
)
def _log_gradient(runs: Runs, state: str) -> FloatArray:
    return runs.closings[state]["log_gradient"]


LEAST = "log10 of the smallest singular value of"


@fact("lstm.alive.log_least_gain", f"{LEAST} d C_200 / d C_100; networks as trained; {ALL}")
def _alive_log_least_gain(runs: Runs) -> FloatArray:
    return runs.closings["alive"]["log_least_gain"]


@fact("lstm.no_forget.log_least_gain", f"{LEAST} d C_100 / d C_0; f = 1; {ALL}")
def _no_forget_log_least_gain(runs: Runs) -> FloatArray:
    return runs.of_kind(
        lambda model, x: log10(least_gain(forced(model, f=100), x, 100)), "declared", *KEYS
    )


@fact(
    "lstm.{row}.lyapunov",
    "largest Lyapunov exponent over 100 units of time{row}",
    row=dict.fromkeys(KEYS, "") | {"van_der_pol": ", unforced, mu of the declared protocol"},
)
def _lyapunov(runs: Runs, row: str) -> FloatArray:
    data = runs.data("van_der_pol", "declared")
    assert isinstance(data, VanDerPolConfig)
    return lyapunov(row, data.mu)


@fact(
    "lstm.{row}.deterministic",
    "sequences made twice from the same initial values are equal",
    row=("sine", "lorenz"),
)
def _deterministic(runs: Runs, row: str) -> Measured:
    data = runs.data(row, "declared")
    first, second = (sequences._cached.__wrapped__(data, "unseen", 4) for _ in range(2))
    return Measured(bool(np.array_equal(first, second)), n=4)  # made anew, not remembered
