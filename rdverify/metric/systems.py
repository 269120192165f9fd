"""The small systems of the metric's study: each with both terms, and mostly their change.

No network is trained here. The DDPM has the exact denoiser of a small set of
pictures, and the pictures are the patterns that the Gray-Scott runs of this study
end in: the same patterns are made by two systems of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rdverify.ddpm import Schedule, expected_balance, sample
from rdverify.ddpm.denoisers import MixtureDenoiser
from rdverify.gray_scott import GrayScottConfig
from rdverify.gray_scott.study.settings import REGIMES
from rdverify.lstm import LSTMConfig, SequenceModel, as_input, build, probe
from rdverify.lstm.sequences import DataConfig, SineConfig, generate
from rdverify.metric.modes import LATE
from rdverify.trace import FloatArray, Trace

SPOTS, STRIPES = REGIMES["spot"], REGIMES["stripe"]
CELLS = 64  # 0.64 of length: seven wavelengths, and the pattern fills it long before T
STEPS = 10_000
PIXELS = 1024  # of an image that is 32 x 32
WALK_STEPS, WALK_SIZE = 1000, 256


def regime(feed_rate: float, seed: int, **settings: Any) -> GrayScottConfig:
    """One run of the study; settings that the paper leaves out as in ``GrayScottConfig``."""
    plain = {"rows": CELLS, "cols": CELLS, "steps": STEPS, "inner_products": True}
    return GrayScottConfig(feed_rate=feed_rate, seed=seed, **(plain | settings))


@dataclass(frozen=True, eq=False)
class Chain:
    """What sampling with an exact denoiser leaves behind.

    Attributes:
        trace: extras "change" = ||x_{t-1} - x_t|| and "drift_noise" = <drift, noise>.
        images: what it ended in, shape (n, C, H, W).
        start: the noise that it began with.
        late: the state at t = 0.8.
        late_signal: share of the data in it, alpha_bar there.
    """

    trace: Trace
    images: torch.Tensor
    start: torch.Tensor
    late: torch.Tensor
    late_signal: float

    @property
    def residual(self) -> float:
        """What is missing in ||change||^2 = ||drift||^2 + ||noise||^2 + 2 <drift, noise>.

        Relative to the left side, at the worst step: 0 if the change is drift + noise.
        """
        squared, trace = self.trace.extras["change"] ** 2, self.trace
        product = trace.extras["drift_noise"]
        left = squared - trace.react**2 - trace.diff**2 - 2 * product
        return float((np.abs(left) / squared).max())

    @property
    def printed_residual(self) -> float:
        """Median of | ||eps_theta|| - ||drift|| | / ||drift||: Eq. (14) as it is printed."""
        drift = self.trace.react
        return float(np.median(np.abs(self.trace.extras["epsilon"] - drift) / drift))


def exact_chain(
    data: torch.Tensor, images: int, schedule: Schedule | None = None, seed: int = 0
) -> Chain:
    """Sample the exact denoiser of a finite set, with the change of every step (eq14, eq17).

    Args:
        data: the set, shape (K, C, H, W), float64, equally likely.
        images: number of trajectories.
        schedule: default linear, T = 1000.
        seed: of the noise.

    Returns:
        :class:`Chain`. The last step adds its noise here, so that what is measured is what
        is done at every step.
    """
    schedule = schedule or Schedule.linear()
    a, b = schedule.drift_coefficients()
    change, inner = [], []  # one (images,) for each step
    last: list[torch.Tensor] = []  # x_t and its drift, flat
    kept: dict[int, torch.Tensor] = {}
    late = schedule.T - round(LATE * schedule.T)  # the index of what is reached at t = 0.8

    def close(x: torch.Tensor) -> None:
        before, drift = last
        moved = x.flatten(1) - before
        change.append(moved.norm(dim=1))
        inner.append((drift * (moved - drift)).sum(1))

    def observe(t: int, x: torch.Tensor, eps: torch.Tensor) -> None:
        if last:
            close(x)
        if t in (schedule.T - 1, late - 1):
            kept[t] = x.clone()
        flat = x.flatten(1).clone()
        last[:] = [flat, float(a[t]) * flat + float(b[t]) * eps.flatten(1)]

    made, trace = sample(
        MixtureDenoiser(schedule, data),
        schedule,
        tuple(data.shape[1:]),
        images,
        seed,
        last_noise=True,
        dtype=torch.float64,
        observe=observe,
    )
    close(made)
    series = {"change": torch.stack(change, 1), "drift_noise": torch.stack(inner, 1)}
    extras = {name: values.numpy() for name, values in series.items()}  # (images, T)
    return Chain(
        replace(trace, extras={**trace.extras, **extras}),
        made,
        kept[schedule.T - 1],
        kept[late - 1],
        float(schedule.alpha_bar[late - 1]),
    )


def closed_form(
    mean_square: float, pixels: int = PIXELS, schedule: Schedule | None = None
) -> Trace:
    """Expected norms of a DDPM with the true noise, as one run; default linear, T = 1000."""
    expected = expected_balance(schedule or Schedule.linear(), pixels, mean_square)
    return Trace(expected.react_t[None], expected.diff_t[None], system="DDPM")


def ornstein_uhlenbeck(steps: int) -> Trace:
    """At rest, dx = -x dt + sqrt(2) dw over a time of 1, in one dimension, all steps alike.

    E|x| dt and sqrt(2 dt) E|z|, with x of variance 1: R = sqrt(dt / 2).
    """
    dt, size = 1 / steps, np.sqrt(2 / np.pi)  # E|x| = E|z|
    drift, noise = np.array([[size * dt]]), np.array([[size * np.sqrt(2 * dt)]])
    return Trace(drift, noise, system="Ornstein-Uhlenbeck")


def sines(seed: int, sequences: int = 32) -> SineConfig:
    """What the untrained networks of this study read."""
    return SineConfig(sequences=sequences, seed=seed)


def fresh(seed: int, hidden: int = 16, data: DataConfig | None = None) -> SequenceModel:
    """An LSTM with torch's initial weights, for ``data``, by default :func:`sines`."""
    return build(LSTMConfig(data=data or sines(seed), hidden=hidden, seed=seed, epochs=0))


def read(model: SequenceModel, x: FloatArray) -> Trace:
    """Both norms of a network that reads ``x``, shape (sequences, T) or (sequences, T, d)."""
    return probe(model.lstm, as_input(x, model))


def untrained(hidden: int, seed: int, data: DataConfig | None = None) -> Trace:
    """The norms of an LSTM with torch's initial weights on ``data``, by default :func:`sines`."""
    return read(fresh(seed, hidden, data), generate(data or sines(seed)))


def random_walk(seed: int) -> tuple[Trace, FloatArray]:
    """Two unrelated random vectors of equal length at every step, and the walk they make.

    a_t and b_t are independent and uniform on the unit sphere; x_t = sum (a - b).

    Returns:
        the trace (react = diff = 1, change = ||a - b||) and ||x_t||^2, shape (WALK_STEPS,).
    """
    rng = np.random.default_rng((17, seed))
    a, b = rng.standard_normal((2, WALK_STEPS, WALK_SIZE))
    a /= np.linalg.norm(a, axis=1, keepdims=True)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    path = np.cumsum(a - b, axis=0)
    react, diff, change = (np.linalg.norm(v, axis=1)[None] for v in (a, b, a - b))
    trace = Trace(react, diff, system="random vectors", extras={"change": change})
    return trace, (path**2).sum(axis=1)


def heated_plate(cells: int = 64, times: int = 400, seed: int = 5) -> tuple[Trace, FloatArray]:
    """A plate under a fixed, drawn heat source S: dv/dt = lap v + S, solved exactly.

    Per Fourier mode of -lap with eigenvalue q: v_q(t) = S_q / q (1 - e^(-q t)), v(0) = 0,
    S without mean. Reaction: S. Nothing feeds back on v.

    Returns:
        the trace over ``times`` equal steps of time, the slowest mode decaying by e^20
        over all, extra "change" = ||dv/dt||, and the final v, shape (cells, cells).
    """
    rng = np.random.default_rng(seed)
    k = 2 * np.pi * np.fft.fftfreq(cells)
    q = (2 - 2 * np.cos(k))[:, None] + (2 - 2 * np.cos(k))[None, :]  # of the 5-point Laplacian
    source = np.fft.fft2(rng.standard_normal((cells, cells))) * (q < 0.5)
    source[0, 0] = 0
    slowest = np.sort(q, axis=None)[1]
    t = np.linspace(0, 20 / slowest, times + 1)[1:]
    grown = -np.expm1(-q * t[:, None, None])  # (times, cells, cells)
    diff, change = (  # by Parseval
        np.sqrt((np.abs(source * part) ** 2).sum(axis=(1, 2))) / cells
        for part in (grown, 1 - grown)
    )
    react = np.full(times, np.sqrt((np.abs(source) ** 2).sum()) / cells)
    final = np.divide(source * grown[-1], q, out=np.zeros_like(source), where=q > 0)
    extras = {"change": change[None]}
    trace = Trace(react[None], diff[None], t, "heated plate", extras=extras)
    return trace, np.fft.ifft2(final).real


def white_noise(seed: int) -> Trace:
    """R_t = exp(0.1 z), z white noise: sixteen runs of the LSTM's length."""
    r_t = np.exp(0.1 * np.random.default_rng((11, seed)).standard_normal((16, 200)))
    return Trace(r_t, np.ones_like(r_t), system="white noise")
