"""What the paper's sentences on the LSTM come down to, each beside its negative control."""

from __future__ import annotations

import numpy as np

from rdverify.lstm import sequences
from rdverify.lstm.sequences import SineConfig, frequencies, generate, shuffle_time
from rdverify.lstm.study.behaviour import (
    DEAD_BAND,
    forced,
    gradient,
    growth_of,
    log10,
    peak_share,
    plain_gradient,
)
from rdverify.lstm.study.lyapunov import lyapunov
from rdverify.lstm.study.networks import SEEDS
from rdverify.lstm.study.rows import KEYS, START_UP, UNSEEN
from rdverify.lstm.study.runs import Runs
from rdverify.study import Facts, Measured
from rdverify.trace import FloatArray

CONTROLS = {
    "untrained": "the same networks before training, on the same data",
    "noise": "the same networks trained on white noise, read on the data",
    "rest": "the same networks fed each sequence's mean as a constant",
}


def beside(*controls: str) -> dict[str, str]:
    """The rows and their controls, such as "sine" and "control.rest.sine", with their words."""
    return dict.fromkeys(KEYS, "") | {
        f"control.{name}.{key}": f" ({CONTROLS[name]})" for name in controls for key in KEYS
    }


LEARNED, RESTING = beside("untrained"), beside("untrained", "rest")
EACH = f"{{run}}; mean over {len(SEEDS)} networks"
ALL = f"mean over {len(SEEDS) * len(KEYS)} networks"
OVER_TIME = "correlation over time of R_t with"
GROWTH = "mean ||C_t|| over the last 50 steps over that of steps 50 to 100"
PEAK_SEQUENCES = 16  # enough: one fit each, over a grid of frequencies
STATES = {
    "alive": "input gate as trained",
    "dying": "input gate closed after 100 steps of data",
}

fact = Facts[Runs]()


@fact("lstm.{run}.r", f"R = M_react / M_diff of the run{EACH}", run=beside("untrained", "noise"))
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


@fact(
    "lstm.{run}.gate_activity",
    f"standard deviation over time of the mean gates i and 1 - f, over their mean{EACH}",
    run=LEARNED,
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


@fact("lstm.{run}.growth", f"{GROWTH}{EACH}", run=beside())
def _growth(runs: Runs, run: str) -> FloatArray:
    return runs.behaviours[run]["growth"]


@fact("lstm.control.no_forget.{row}.growth", f"{GROWTH} (the same networks with f = 1)", row=KEYS)
def _no_forget_growth(runs: Runs, row: str) -> FloatArray:
    return runs.of_best(lambda model, x: growth_of(forced(model, f=100), x), row)


@fact(
    "lstm.{row}.log_gradient_50",
    "log10 of ||d C_50 / d C_0|| over that of the identity, Frobenius",
    row=KEYS,
)
def _log_gradient_50(runs: Runs, row: str) -> FloatArray:
    return runs.of_best(lambda model, x: log10(gradient(model, x, 50)), row)


@fact(
    "lstm.control.plain.{row}.log_gradient_50",
    "log10 of ||d h_50 / d h_0|| of h = tanh(W_C x + U_C h + b_C), over that of the identity",
    row=KEYS,
)
def _plain_log_gradient_50(runs: Runs, row: str) -> FloatArray:
    return runs.of_best(lambda model, x: log10(plain_gradient(model, x, 50)), row)


@fact(
    "lstm.{run}.peak_at_input",
    "share of sines for which the best-fitting frequency of R_t after "
    f"{START_UP} steps is the input's (networks: {{run}})",
    run={"sine": "best", "control.shuffled.sine": "shuffled"},
)
def _peak_at_input(runs: Runs, run: str) -> FloatArray:
    data = runs.data("sine", "best")
    assert isinstance(data, SineConfig)
    x = runs.unseen["sine"][:PEAK_SEQUENCES]
    f = frequencies(data, "unseen", UNSEEN)[:PEAK_SEQUENCES]
    trained = run == "sine"
    series = x if trained else shuffle_time(x, 0)
    models = runs.networks["sine"]["best" if trained else "shuffled"]
    return np.array([peak_share(model, series, f) for model in models])


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


@fact(
    "lstm.no_forget.log_gradient",
    "log10 of ||d C_100 / d C_0|| over that of the identity; f = 1",
)
def _no_forget_log_gradient(runs: Runs) -> FloatArray:
    return runs.of_best(lambda model, x: log10(gradient(forced(model, f=100), x, 100)), *KEYS)


@fact(
    "lstm.{row}.lyapunov",
    "largest Lyapunov exponent over 100 units of time{row}",
    row=dict.fromkeys(KEYS, "") | {"van_der_pol": ", mu of the row's setting"},
)
def _lyapunov(runs: Runs, row: str) -> FloatArray:
    return lyapunov(row, float(runs.choice["best"]["van_der_pol"].setting["mu"]))


@fact(
    "lstm.{row}.deterministic",
    "sequences made twice from the same initial values are equal",
    row=("sine", "lorenz"),
)
def _deterministic(runs: Runs, row: str) -> Measured:
    data = runs.data(row, "best")
    first = generate(data, "unseen", 4)
    sequences._cached.cache_clear()  # made anew, not remembered
    return Measured(bool(np.array_equal(first, generate(data, "unseen", 4))), n=4)
