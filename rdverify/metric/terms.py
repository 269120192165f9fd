"""Do the two terms add up to the state's change, and do they cancel in it?

R compares the lengths of the two terms. How much of it comes from their sizes and how
much from their cancelling is told here.
"""

from __future__ import annotations

import numpy as np

from rdverify.gray_scott import simulate
from rdverify.lstm import LSTMConfig, as_input, build, gates
from rdverify.lstm.sequences import generate
from rdverify.metric.cancelling import cancellation, parts_of
from rdverify.metric.fields import terms
from rdverify.metric.runs import MODELS, Line, Runs, by_unit, fact, lines, ratios, traces
from rdverify.metric.systems import SPOTS, read, regime, sines
from rdverify.study import Table

# name in facts -> in MODELS
NAMES = {
    "rd": "rd.spots",
    "rd_stripes": "rd.stripes",
    "lstm.sine": "lstm.sine",
    "lstm.lorenz": "lstm.lorenz",
    "lstm.van_der_pol": "lstm.van_der_pol",
    "untrained": "control.fresh",
    "ddpm": "ddpm",
    "random": "random",
    "control.plate": "control.plate",
}


def shares(runs: Runs, name: str) -> list[float]:
    """:func:`cancellation` of a model, one for each independent run."""
    return by_unit(name, [cancellation(trace) for trace in traces(runs, name)])


@fact(
    "metric.cancel.{system}.share",
    "share of the two terms' power that cancels in the change, {system}",
    system={system: MODELS[name].label for system, name in NAMES.items()},
)
def _share(runs: Runs, system: str) -> list[float]:
    return shares(runs, NAMES[system])


def decomposition(runs: Runs) -> Table:
    """How much of R comes from the sizes of the terms and how much from cancellation."""

    def line(name: str) -> Line:
        parts = [parts_of(trace) for trace in traces(runs, name)]
        mean = {key: float(np.mean([one[key].mean() for one in parts])) for key in parts[0]}
        return {
            "system": MODELS[name].label,
            "R": float(np.mean(ratios(runs, name))),
            "cancelled share": float(np.mean(shares(runs, name))),
            "mean |R_t - 1|": mean["distance"],
            "bound, |change|/|diffusion|": mean["bound"],
            "|cos(a - b, a + b)|": mean["alignment"],
            "|a + b|/(|a| + |b|)": mean["relative"],
        }

    return Table(
        "Magnitude and cancellation. R compares the lengths of the two terms; whether "
        "they act against each other is another number, the share of their power that "
        "cancels. With a the reaction and b minus the diffusion (LSTM: the loss; DDPM: "
        "the noise), a - b is the change. |R_t - 1| is exactly the product of the last "
        "three columns at each step (columns are means over time)",
        lines(line, NAMES.values()),
    )


@fact(
    "metric.update.rd.residual",
    "largest |dv/dt - reaction - diffusion| over largest |dv/dt|, one step of Gray-Scott",
)
def _rd_residual(runs: Runs) -> float:
    rng = np.random.default_rng(2)  # off the steady state, where nothing moves
    u, v = (
        x * (1 + 0.1 * rng.random(x.shape)) for x in (runs.rd["spots"][0].u, runs.rd["spots"][0].v)
    )
    one_step = regime(SPOTS, 0, steps=1)
    moved = (simulate(one_step, (u, v)).v - v) / one_step.dt
    reaction, diffusion, _ = terms(u, v)
    return float(np.abs(moved - reaction - diffusion).max() / np.abs(moved).max())


@fact(
    "metric.update.lstm.residual",
    "largest |C_t - C_{{t-1}} - (i c~ - (1 - f) C_{{t-1}})| over largest |C_t - C_{{t-1}}|",
)
def _lstm_residual(runs: Runs) -> float:
    config = LSTMConfig(data=sines(0, 8), dtype="float64")
    model, x = build(config), generate(config.data)
    inside = gates(model.lstm, as_input(x, model))
    moved = inside.c - inside.c_prev
    left = moved - (inside.i * inside.c_tilde - inside.one_minus_f * inside.c_prev)
    same = read(model, x).react - np.linalg.norm(inside.i * inside.c_tilde, axis=2)
    return float(max(np.abs(left).max(), np.abs(same).max()) / np.abs(moved).max())


@fact(
    "metric.update.ddpm.residual",
    "relative gap in ||change||^2 = ||drift||^2 + ||noise||^2 + 2 <drift, noise>, worst step",
)
def _ddpm_residual(runs: Runs) -> float:
    return runs.chain.residual


@fact(
    "metric.update.ddpm_printed.residual",
    "| ||eps_theta|| - ||drift|| | / ||drift||, median over the steps of the same run",
)
def _printed_residual(runs: Runs) -> float:
    return runs.chain.printed_residual
