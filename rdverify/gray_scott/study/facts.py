"""What the paper's sentences on reaction-diffusion come down to, measured, with controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from rdverify.balance import balance_of
from rdverify.gray_scott import Simulation, initial_state
from rdverify.gray_scott.patterns import classify
from rdverify.gray_scott.stability import (
    StateStability,
    all_states,
    jacobian,
    turing_instability_exists,
)
from rdverify.gray_scott.study.runs import Runs, until
from rdverify.gray_scott.study.settings import REGIMES, config_of
from rdverify.study import Metric, Metrics
from rdverify.trace import Trace

Series = npt.NDArray[np.float64]
EARLY, SETTLED_BY = 0.05, 0.1  # shares of the time axis of Fig. 2
BALANCED = 0.03  # the paper's own band, "1.00 ± 0.03"
ROUNDING = 1e-9  # slack for identities summed over 1e5 cells in float64


def measure_all(runs: Runs) -> Metrics:
    """Every metric of the study; see each one's ``what``."""
    metrics = Metrics()
    for regime in REGIMES:
        _ratio_metrics(metrics, runs, regime)
        _steadiness_metrics(metrics, runs, regime)
        _pattern_metrics(metrics, runs, regime)
        _state_metrics(metrics, runs, regime)
        _control_metrics(metrics, runs, regime)
    _coefficient_metrics(metrics, runs)
    _growth_metrics(metrics, runs)
    return metrics


def ratio_at(trace: Trace, step: int) -> Series:
    """||change|| / ||diffusion|| of each run at one step (from 1), shape (runs,)."""
    return np.asarray(trace.extras["change"][:, step - 1] / trace.diff[:, step - 1])


def bound_violation(trace: Trace) -> float:
    """Largest |R_t - 1| - ||change_t|| / ||diff_t|| of all steps; <= 0 by the triangle inequality.

    With a the reaction term and b minus the diffusion term, a - b is the change of the
    state, and | ||a|| - ||b|| | <= ||a - b||; divide by ||b||.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = np.abs(balance_of(trace).r_t - 1) - trace.extras["change"] / trace.diff
    return float(np.nanmax(excess))


def identity_residual(trace: Trace) -> float:
    """Largest | ||a||^2 - ||b||^2 - <a-b, a+b> | / (||a||^2 + ||b||^2); 0 in exact numbers.

    <a - b, a + b> = <a, a> + <a, b> - <b, a> - <b, b>, and the mixed terms cancel.
    """
    left = trace.react**2 - trace.diff**2 - trace.extras["inner"]
    return float(np.nanmax(np.abs(left) / (trace.react**2 + trace.diff**2)))


def explained(trace: Trace) -> dict[str, Series]:
    """Why R is as near to 1 as it is, per run: R - 1 = bound x alignment.

    bound = mean ||change|| / mean ||diff||, the most that |R - 1| could be;
    alignment = (M_react - M_diff) / mean ||change||, by the exact decomposition the
    mean over steps of <change, a + b> / (||a|| + ||b||), divided by mean ||change||:
    near 0 where the change is orthogonal to a + b.
    """
    change, diff = trace.extras["change"].mean(axis=1), trace.diff.mean(axis=1)
    weighted = (trace.extras["inner"] / (trace.react + trace.diff)).mean(axis=1)
    return {"bound": change / diff, "alignment": weighted / change, "r_minus_1": weighted / diff}


def _ratio_metrics(metrics: Metrics, runs: Runs, regime: str) -> None:
    steps = runs.setting["steps"]
    name, trace = f"rd.{regime}", Trace.stack([run.trace for run in runs.main[regime]])
    first = until(trace, steps)
    off = np.abs(balance_of(trace).r_t - 1)
    metrics.measure(
        f"{name}.r",
        "R = M_react / M_diff over T, one value per seed",
        lambda: Metric.of(balance_of(first).r_runs, metrics_what(regime, "R")),
    )
    metrics.measure(
        f"{name}.transient",
        "largest |R_t - 1| in the first 5 % of T",
        lambda: Metric.of(
            off[:, : round(EARLY * steps)].max(axis=1), "largest |R_t - 1| in the first 5 % of T"
        ),
    )
    what = "largest |R_t - 1| from 10 % of T on"
    metrics.measure(
        f"{name}.settled",
        what,
        lambda: Metric.of(off[:, round(SETTLED_BY * steps) : steps].max(axis=1), what),
    )
    for label, at in (("", steps), ("_2t", 2 * steps)):
        text = f"|R_t - 1| at t = {'2 T' if label else 'T'}"
        metrics.measure(
            f"{name}.off_at_end{label}",
            text,
            lambda text=text, at=at: Metric.of(off[:, at - 1], text),
        )  # type: ignore[misc]
    text = "|R_t - 1| at T minus |R_t - 1| at 2 T; > 0 if it goes on converging"
    metrics.measure(
        f"{name}.converges",
        text,
        lambda: Metric.of(off[:, steps - 1] - off[:, 2 * steps - 1], text),
    )
    metrics.measure(
        f"{name}.bound_holds",
        "|R_t - 1| <= ||change|| / ||diff|| at every step",
        lambda: Metric(
            bound_violation(trace) <= ROUNDING,
            "|R_t - 1| <= ||change|| / ||diff|| at every step of every run",
        ),
    )
    metrics.measure(
        f"{name}.decomposition_holds",
        "||a||^2 - ||b||^2 = <a-b, a+b>",
        lambda: Metric(
            identity_residual(trace) <= ROUNDING,
            "||a||^2 - ||b||^2 = <a - b, a + b> at every step, to rounding",
        ),
    )
    for part, text in (
        ("bound", "mean ||change|| / mean ||diff||: the most |R - 1| could be"),
        ("alignment", "(R - 1) / bound: how little of the change is along a + b"),
    ):
        metrics.measure(
            f"{name}.{part}",
            text,
            lambda part=part, text=text: Metric.of(explained(first)[part], text),
        )  # type: ignore[misc]


def metrics_what(regime: str, symbol: str) -> str:
    """The definition of the ratio, in words, with the regime's feed rate."""
    return f"{symbol} = M_react / M_diff over T steps at F = {REGIMES[regime]}, one value per seed"


def _steadiness_metrics(metrics: Metrics, runs: Runs, regime: str) -> None:
    steps = runs.setting["steps"]
    name, trace = f"rd.{regime}", Trace.stack([run.trace for run in runs.main[regime]])
    for label, at in (("", steps), ("_2t", 2 * steps)):
        text = (
            f"||change|| / ||diffusion|| at t = {'2 T' if label else 'T'}: 0 where production "
            "exactly matches diffusion"
        )
        metrics.measure(
            f"{name}.change{label}",
            text,
            lambda text=text, at=at: Metric.of(  # type: ignore[misc]
                ratio_at(trace, at), text
            ),
        )
    long = runs.controls[f"long_{regime}"].trace
    text = f"||change|| / ||diffusion|| at t = {long.steps // steps} T, one seed"
    metrics.measure(
        f"{name}.long.change", text, lambda: Metric(float(ratio_at(long, long.steps)[0]), text)
    )
    what = f"|R_t - 1| at t = {long.steps // steps} T, one seed"
    metrics.measure(
        f"{name}.long.off_at_end",
        what,
        lambda: Metric(float(abs(balance_of(long).r_t[0, -1] - 1)), what),
    )
    said = (
        f"largest ||change|| / ||diffusion|| up to T among the steps with |R_t - 1| <= {BALANCED}"
    )

    def while_balanced() -> Metric:
        shares = []
        for run in runs.main[regime]:
            one = until(run.trace, steps)
            balanced = np.abs(balance_of(one).r_t[0] - 1) <= BALANCED
            change = one.extras["change"][0] / one.diff[0]
            shares.append(change[balanced].max() if balanced.any() else np.nan)
        values = np.array(shares)
        return Metric.of(values[np.isfinite(values)], said)

    metrics.measure(f"{name}.change_when_balanced", said, while_balanced)


def agreed(
    simulations: Sequence[Simulation], which: Callable[[Simulation], npt.NDArray[np.float64]]
) -> str:
    """The label all runs share, or "mixed" if they differ."""
    labels = {classify(which(simulation)).label for simulation in simulations}
    return labels.pop() if len(labels) == 1 else "mixed"


def _pattern_metrics(metrics: Metrics, runs: Runs, regime: str) -> None:
    steps = runs.setting["steps"]
    text = "label of v at T by rdverify.gray_scott.patterns, the same for all seeds (else mixed)"
    metrics.measure(
        f"rd.{regime}.pattern",
        text,
        lambda: Metric(
            agreed(runs.main[regime], lambda run: run.snapshots[steps][1]),
            text,
            n=len(runs.main[regime]),
        ),
    )
    swapped = "label of v at T with D_u and D_v exchanged, the same for all seeds (else mixed)"
    metrics.measure(
        f"rd.{regime}.exchanged.pattern",
        swapped,
        lambda: Metric(
            agreed(runs.exchanged[regime], lambda run: run.v),
            swapped,
            n=len(runs.exchanged[regime]),
        ),
    )
    exists = "whether v at T is not uniform (contrast > 0.01) in every seed"
    metrics.measure(
        f"rd.{regime}.has_pattern",
        exists,
        lambda: Metric(
            all(classify(run.snapshots[steps][1]).label != "uniform" for run in runs.main[regime]),
            exists,
            n=len(runs.main[regime]),
        ),
    )
    metrics.measure(
        f"rd.{regime}.exchanged.has_pattern",
        exists + ", D_u and D_v exchanged",
        lambda: Metric(
            any(classify(run.v).label != "uniform" for run in runs.exchanged[regime]),
            "whether v at T is not uniform in any seed, D_u and D_v exchanged",
            n=len(runs.exchanged[regime]),
        ),
    )

    for letter, index in (("u", 0), ("v", 1)):
        # where the pattern's local maxima of that field's production are: all cells at T
        own = f"largest dR_{letter}/d{letter} over the cells of the pattern at T, per unit of time"
        metrics.measure(
            f"rd.{regime}.own_production_{letter}",
            own,
            lambda index=index, own=own: Metric.of(  # type: ignore[misc]
                [own_production(run, steps, index) for run in runs.main[regime]], own
            ),
        )


def own_production(run: Simulation, steps: int, index: int) -> float:
    """Largest dR_x/dx over all cells, x = u (index 0) or v (1): > 0 is self-enhancement."""
    u, v = run.snapshots[steps]
    feed, kill = run.trace.config["feed_rate"], run.trace.config["kill_rate"]
    field = -(v**2) - feed if index == 0 else 2 * u * v - feed - kill
    # the closed form against the Jacobian of the stability analysis, at one cell
    at = np.unravel_index(int(np.argmax(field)), field.shape)
    matrix = jacobian(float(u[at]), float(v[at]), feed, kill)
    assert np.isclose(matrix[index, index], field[at])
    return float(field.max())


def _states(runs: Runs, regime: str, exchanged: bool = False) -> list[StateStability]:
    config = config_of(runs.setting, regime, 0)
    d_u, d_v = (config.d_v, config.d_u) if exchanged else (config.d_u, config.d_v)
    return all_states(config.feed_rate, config.kill_rate, d_u, d_v)


def _state_metrics(metrics: Metrics, runs: Runs, regime: str) -> None:
    name, states = f"rd.{regime}", _states(runs, regime)
    metrics[f"{name}.turing_exists"] = Metric(
        turing_instability_exists(states),
        "whether some uniform steady state is stable without diffusion and unstable with it",
    )
    metrics[f"{name}.exchanged.turing_exists"] = Metric(
        turing_instability_exists(_states(runs, regime, True)),
        "the same with D_u and D_v exchanged",
    )
    metrics[f"{name}.trivial_growth"] = Metric(
        states[0].growth_max,
        "largest growth rate of a small perturbation of (1, 0), over all "
        "wave numbers, per unit of time",
    )
    start = config_of(runs.setting, regime, 0)
    u, v = initial_state(start)
    metrics[f"{name}.starts_turing_unstable"] = Metric(
        any(
            s.turing and np.hypot(s.u - float(np.median(u)), s.v - float(np.median(v))) < 0.05
            for s in states
        ),
        "whether the run's initial state lies, outside its square, within 0.05 of a "
        "Turing-unstable uniform state",
    )


def growth_of(simulation: Simulation) -> float:
    """Largest deviation of v from its mean at the end over that at the start."""
    config = simulation.trace.config
    start = config["noise"] * np.sqrt(2 * np.log(config["rows"] * config["cols"]))
    return float(np.ptp(simulation.v) / (2 * start))


def _growth_metrics(metrics: Metrics, runs: Runs) -> None:
    what = (
        "contrast of v at the end over that of the initial noise (0.001, no square) around "
        "the uniform state; > 1 if the fluctuation grows"
    )
    for regime in REGIMES:
        run = runs.controls[f"tiny_{regime}"]
        metrics.measure(
            f"rd.{regime}.tiny_growth",
            what + " (1, 0)",
            lambda run=run: Metric(growth_of(run), what + " (1, 0)"),
        )  # type: ignore[misc]
    turing = runs.controls["turing"]
    metrics.measure(
        "rd.turing.tiny_growth",
        what,
        lambda: Metric(growth_of(turing), what + " that is Turing-unstable, F = 0.055"),
    )
    metrics.measure(
        "rd.turing.pattern",
        "label of v at T from that state",
        lambda: Metric(
            classify(turing.v).label,
            "label of v at T, started from the Turing-unstable uniform "
            "state at F = 0.055 with noise of 0.001",
        ),
    )


def _control_metrics(metrics: Metrics, runs: Runs, regime: str) -> None:
    words = {
        "dying": "kill rate 0.08: the square dies out",
        "flat": "the square's concentrations everywhere: dies out uniformly",
        "noise": "no square, only the noise",
    }
    for control, text in words.items():
        run, name = runs.controls[f"{control}_{regime}"], f"rd.control.{control}_{regime}"
        balance = balance_of(run.trace)
        off = np.abs(balance.r_t[0] - 1)
        alive = np.flatnonzero(np.isfinite(off))
        end = int(alive[-1]) if alive.size else 0
        steps = run.trace.steps
        metrics[f"{name}.r"] = Metric(balance.r, f"R of a control: {text}")
        metrics[f"{name}.off_at_end"] = Metric(float(off[end]), f"|R_t - 1| at the end: {text}")
        metrics[f"{name}.transient"] = Metric(
            float(np.nanmax(off[: round(EARLY * steps)])), f"largest |R_t - 1| early on: {text}"
        )
        metrics[f"{name}.settled"] = Metric(
            float(np.nanmax(off[round(SETTLED_BY * steps) :])), f"largest |R_t - 1| later: {text}"
        )
        metrics[f"{name}.change"] = Metric(
            float(ratio_at(run.trace, end + 1)[0]), f"||change|| / ||diffusion|| at the end: {text}"
        )
        metrics[f"{name}.pattern"] = Metric(classify(run.v).label, f"label of v: {text}")
        metrics[f"{name}.has_pattern"] = Metric(
            classify(run.v).label != "uniform", f"whether v is not uniform: {text}"
        )


def _coefficient_metrics(metrics: Metrics, runs: Runs) -> None:
    config = config_of(runs.setting, "spot", 0)
    metrics["rd.inhibitor_faster.printed"] = Metric(
        config.d_v > config.d_u,
        "D_v > D_u in section 4.1's own coefficients, v the inhibitor as section 2.1 names it",
    )
    metrics["rd.inhibitor_faster.corrected"] = Metric(
        config.d_u > config.d_v,
        "the inhibitor's coefficient is the larger, where the field with "
        "dR/d(itself) > 0 is the activator: v, and u the inhibitor",
    )
    metrics["rd.inhibitor_faster.equal"] = Metric(
        config.d_u > config.d_u, "the same comparison for equal coefficients"
    )
    metrics["rd.homogeneous.largest_r"] = Metric(
        max(
            balance_of(runs.controls[f"{c}_{r}"].trace).r
            for r in REGIMES
            for c in ("dying", "flat", "noise")
        ),
        "largest R among the six runs that end homogeneous (dying, flat, noise; both F)",
        n=6,
    )
    metrics["rd.dominated_by_reaction.growth"] = Metric(
        max(float(np.ptp(runs.controls[f"flat_{r}"].v)) for r in REGIMES),
        "final contrast of the runs with the largest R (flat, R > 4): how much of any "
        "fluctuation was amplified",
    )
    metrics["rd.homogeneous_noise.growth"] = Metric(
        max(float(np.ptp(runs.controls[f"noise_{r}"].v)) for r in REGIMES),
        "final contrast of the runs that start from noise alone (R < 1)",
    )
