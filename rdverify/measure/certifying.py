"""From traces to a certificate; nothing is run here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from rdverify.balance import balance_of, ratio
from rdverify.measure.certificate import (
    SCHEMA,
    Certificate,
    Control,
    Curve,
    Decomposition,
    Estimate,
    Floor,
    Kind,
    Origin,
    Part,
    Resemblance,
    Terms,
)
from rdverify.metric.cancelling import cancellation, finite_mean, parts_of
from rdverify.metric.modes import Mode, features
from rdverify.study.tolerance import CONFIDENCE
from rdverify.tools.errors import InputError
from rdverify.trace import FloatArray, Trace

SHOWN_STEPS = 1000  # of R_t that a certificate lists at most
ROUNDING = 1e-9  # relative difference below which two exact ratios are one
MODES: dict[Mode, str] = {
    "static": "R_t comes to rest within 3 % of 1",
    "dynamic": "R_t keeps crossing 1, smoothly, without settling",
    "phase transition": "R_t stays below 1/2 and rises in the last fifth of the time",
    "none": "R_t has the features of no mode",
}


@dataclass(frozen=True, eq=False)
class ControlRun:
    """A control as it was measured.

    Args:
        name, what: its name, and in a sentence what it lacks.
        trace: its runs; None for a closed form.
        groups: the runs of one seed or network as one: an integer per run, or empty where
            each run stands alone.
        scatters: what was drawn anew, such as "seeds"; "" where nothing was, as in a
            closed form or on one given input.
        r: its R where there is no trace.
    """

    name: str
    what: str
    trace: Trace | None = None
    groups: Sequence[int] = ()
    scatters: str = ""
    r: float | None = None


def certify(
    kind: Kind,
    measured: str,
    trace: Trace,
    terms: Terms,
    origin: Origin,
    *,
    scatters: str,
    controls: Sequence[ControlRun] = (),
    parts: Mapping[str, Trace] | None = None,
    floor: Floor | None = None,
    cant_tell: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Certificate:
    """A certificate of one model.

    Args:
        kind: what sort of model.
        measured: which model on what, in words.
        trace: its runs, with "change" among the extras for the decomposition.
        terms: which term counts as which.
        origin: :func:`rdverify.measure.origin.origin_of`.
        scatters: what the runs are, such as "sequences", "images" or "seeds".
        controls: what lacks the thing in question.
        parts: name -> runs of a layer, direction or field.
        floor: the smallest R possible.
        cant_tell: sentences on what R can't tell here, besides :data:`ALWAYS`.
        notes: sentences, such as of a dtype that was changed.
    """
    balance = balance_of(trace)
    found = estimate(trace, scatters)
    return Certificate(
        schema=SCHEMA,
        kind=kind,
        measured=measured,
        terms=terms,
        r=found,
        m_react=_finite(balance.m_react),
        m_diff=_finite(balance.m_diff),
        r_t=curve_of(trace),
        controls=[compared(found, control) for control in controls],
        decomposition=_decomposition(trace),
        floor=floor,
        mode=resemblance(trace),
        parts=[_part(name, part, scatters) for name, part in (parts or {}).items()],
        cant_tell=[*ALWAYS, *cant_tell],
        notes=list(notes),
        origin=origin,
    )


ALWAYS = (
    "R near 1 says that both terms are of one size. Any state that is steady and has terms at all "
    "has R = 1, whatever made it, and whether it is stable or not.",
    "R compares lengths, not directions: that the terms cancel is told by the share that cancels.",
)


def ratio_ends(
    react: FloatArray, diff: FloatArray, here: npt.NDArray[np.bool_] | None = None
) -> tuple[FloatArray, FloatArray]:
    """95 % interval of sum(react) / sum(diff) over the first axis, by Student's t.

    The ratio of means moves with its parts by (a_i - R b_i) / mean(b) to first order
    (Cochran, Sampling Techniques, section 6.4), hence R +- t s / sqrt(n) with s the
    standard deviation of these.

    Args:
        react: shape (n, ...).
        diff: of the same shape.
        here: of the same shape, truth values; elsewhere nothing counts. Default all.

    Returns:
        low, high of shape (...); NaN where fewer than two count or the ratio isn't finite.
    """
    here = np.ones(react.shape, dtype=bool) if here is None else here
    count = np.asarray(here.sum(axis=0))
    with np.errstate(all="ignore"):
        mean_a, mean_b = (np.where(here, x, 0).sum(axis=0) / count for x in (react, diff))
        r = mean_a / mean_b
        gap = np.where(here, react - r * diff, 0.0) / mean_b
        spread = np.sqrt((gap**2).sum(axis=0) / (count - 1))
        half = stats.t.ppf(0.5 + CONFIDENCE / 2, np.maximum(count - 1, 1)) * spread
        half = np.where(count > 1, half / np.sqrt(count), np.nan)
    return np.asarray(r - half), np.asarray(r + half)


def estimate(trace: Trace, scatters: str, groups: Sequence[int] = ()) -> Estimate:
    """R of all runs, and its interval from those of equal ``groups`` taken together."""
    balance = balance_of(trace)
    react, diff = _grouped(balance.m_react_runs, groups), _grouped(balance.m_diff_runs, groups)
    low, high = (float(end) for end in ratio_ends(react, diff))
    how = "ratio of means, student-t"
    if not scatters:
        how = "nothing drawn: no interval"
    elif len(react) == 1:
        how = "one of them: no interval"
    known = bool(scatters) and np.isfinite(low)
    return Estimate(
        _finite(balance.r),
        low if known else None,
        high if known else None,
        len(react),
        scatters,
        how,
    )


def compared(model: Estimate, control: ControlRun) -> Control:
    """A control beside the model: could the control, drawn once more, have the model's R?"""
    trace, one_more = control.trace, 0.0
    if trace is None:
        found = Estimate(_finite(control.r), None, None, 1, "", "closed form")
    else:
        found = estimate(trace, control.scatters, control.groups)
        balance = balance_of(trace)
        ratios = ratio(
            _grouped(balance.m_react_runs, control.groups),
            _grouped(balance.m_diff_runs, control.groups),
        )
        one_more = prediction_half_width(ratios) if control.scatters else 0.0
    gap, differs = _difference(model, found, one_more)
    mode = resemblance(trace).label if trace is not None else None
    return Control(control.name, control.what, found, gap, differs, mode)


def prediction_half_width(values: FloatArray) -> float:
    """Half width of the 95 % interval for one more value, t s sqrt(1 + 1/n); NaN for one value."""
    n = len(values)
    if n < 2 or not np.all(np.isfinite(values)):
        return float("nan")
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1))
    return quantile * float(values.std(ddof=1)) * float(np.sqrt(1 + 1 / n))


def _difference(
    model: Estimate, control: Estimate, one_more: float
) -> tuple[Estimate, bool | None]:
    """R minus the control's; half widths of independent scatters add as their squares do."""
    if model.value is None or control.value is None:
        unknown = Estimate(None, None, None, model.n, model.scatters, "an R is not finite")
        both = model.value is None and control.value is None
        return unknown, None if both else True
    gap = model.value - control.value
    half = float(np.hypot(_half(model) if model.scatters else 0.0, one_more))
    if not np.isfinite(half):
        how = "scatter not known: no interval"
        return Estimate(gap, None, None, model.n, model.scatters, how), None
    if half == 0:  # nothing was drawn: two exact numbers, equal to within rounding or not
        exact = Estimate(gap, None, None, model.n, "", "nothing drawn: no interval")
        return exact, abs(gap) > ROUNDING * abs(control.value)
    found = Estimate(gap, gap - half, gap + half, model.n, model.scatters, "scatters together")
    return found, abs(gap) > half


def _half(found: Estimate) -> float:
    if found.low is None or found.high is None:
        return float("nan")
    return (found.high - found.low) / 2


def curve_of(trace: Trace) -> Curve:
    """R_t of all runs with its interval, at most :data:`SHOWN_STEPS` of it."""
    low, high = ratio_ends(trace.react, trace.diff, trace.within)
    listed = np.unique(np.linspace(0, trace.steps - 1, SHOWN_STEPS).round().astype(int))
    return Curve(
        trace.steps,
        trace.times[listed].tolist(),
        *(
            [_finite(value) for value in values[listed]]
            for values in (balance_of(trace).r_t_pooled, low, high)
        ),
    )


def resemblance(trace: Trace) -> Resemblance:
    """The mode that most of the curves have the features of."""
    try:
        # a step at which nothing diffuses has no ratio, as where a sampler's last adds no noise
        curves = np.where(trace.diff > 0, balance_of(trace).r_t, np.nan)
        labels = [features(curve).mode for curve in curves]
    except InputError:
        what = "a curve has fewer than 20 steps at which R_t is defined: too short to tell"
        return Resemblance(None, None, trace.runs, what)
    label, hits = Counter(sorted(labels)).most_common(1)[0]
    return Resemblance(label, hits / len(labels), len(labels), MODES[label])


def _decomposition(trace: Trace) -> Decomposition | None:
    if "change" not in trace.extras:
        return None
    with np.errstate(all="ignore"):
        parts = parts_of(trace) | {"cancelled": cancellation(trace)}
        return Decomposition(**{name: _finite(float(finite_mean(v))) for name, v in parts.items()})


def _part(name: str, trace: Trace, scatters: str) -> Part:
    balance, mode = balance_of(trace), resemblance(trace).label
    means = _finite(balance.m_react), _finite(balance.m_diff)
    return Part(name, estimate(trace, scatters), *means, mode)


def _grouped(values: FloatArray, groups: Sequence[int]) -> FloatArray:
    if not len(groups):
        return values
    labels = np.asarray(groups)
    return np.array([values[labels == group].mean() for group in np.unique(labels)])


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
