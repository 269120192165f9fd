"""Trajectories of one model, with what was seen on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from rdverify.balance import Balance, balance_of
from rdverify.ddpm import ExpectedBalance, Schedule, expected_balance, sample
from rdverify.ddpm.study.rows import CONTROL_SEED, ROWS, SCHEDULE
from rdverify.tools.progress import Reporter
from rdverify.trace import FloatArray, Trace

EVERY = 10  # steps between two looks at the state


@dataclass(frozen=True, eq=False)
class Watched:
    """What was kept of the states on the way, every :data:`EVERY` steps.

    Attributes:
        times: normalised time u = steps done / T before the step, shape (k,).
        states: x_t, shape (k, n, C, H, W), float32.
        noise: eps_theta(x_t, t), likewise.
        steps: indices t, shape (k,).
    """

    times: FloatArray
    states: torch.Tensor
    noise: torch.Tensor
    steps: tuple[int, ...]

    def __iter__(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """(t, x_t, eps_theta) of every look."""
        return zip(self.steps, self.states, self.noise, strict=True)


@dataclass(frozen=True, eq=False)
class Sampled:
    """One sampled model.

    Attributes:
        setting: as in Table 1, or the control's name.
        key: short name in metrics.
        trace, images, watched: what sampling gave.
        mean_square: of the training pixels on [-1, 1], for the closed form.
        card: the weights' card, or empty.
        schedule: what it was sampled with.
    """

    setting: str
    key: str
    trace: Trace
    images: torch.Tensor
    watched: Watched
    mean_square: float
    card: Mapping[str, Any]
    schedule: Schedule = SCHEDULE

    @property
    def dimension(self) -> int:
        """d, pixels times channels."""
        return int(self.images[0].numel())

    @cached_property
    def balance(self) -> Balance:
        """M_react, M_diff, R and R_t."""
        return balance_of(self.trace)

    @cached_property
    def epsilon(self) -> FloatArray:
        """M_react as printed: the mean norm of epsilon_theta of each trajectory, shape (n,)."""
        return np.asarray(self.trace.extras["epsilon"].mean(axis=1))

    @cached_property
    def expected(self) -> ExpectedBalance:
        """The closed form with the true noise at the training data's mean square."""
        return expected_balance(self.schedule, self.dimension, self.mean_square)


def run_row(
    network: Any,
    setting: str,
    key: str,
    mean_square: float,
    images: int,
    progress: Reporter,
    card: Mapping[str, Any] | None = None,
    schedule: Schedule = SCHEDULE,
    shape: tuple[int, int, int] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Sampled:
    """Sample ``images`` trajectories and keep a look at every tenth state.

    ``options`` are further ones of :func:`rdverify.ddpm.sample`, such as the variance.
    """
    states: list[torch.Tensor] = []
    noise: list[torch.Tensor] = []
    steps: list[int] = []

    def observe(t: int, x: torch.Tensor, eps: torch.Tensor) -> None:
        if (schedule.T - 1 - t) % EVERY == 0 or t == 0:
            states.append(x.clone())
            noise.append(eps.clone())
            steps.append(t)

    ends, trace = sample(
        network,
        schedule,
        shape,
        images=images,
        seed=ROWS[setting].seed if setting in ROWS else CONTROL_SEED,
        observe=observe,
        progress=progress,
        name=f"sampling {setting}",
        **(options or {}),
    )
    times = np.array([(schedule.T - 1 - t) / schedule.T for t in steps])
    watched = Watched(times, torch.stack(states), torch.stack(noise), tuple(steps))
    return Sampled(setting, key, trace, ends, watched, mean_square, card or {}, schedule)
