"""Recorder: the balance of anything that has a reaction and a diffusion, from inside its loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rdverify.tools.errors import require
from rdverify.trace import FloatArray, Trace

if TYPE_CHECKING:
    from rdverify.balance import Balance


class Recorder:
    """Both terms of an update, step by step; only their norms are kept.

    ::

        recorder = Recorder(system="mine")
        for t in range(steps):
            gain, spread = reaction(x), diffusion(x)
            recorder.record(gain, spread)
            x = x + gain + spread
        recorder.balance().r

    Args:
        batch_axis: the axis along which the vectors are runs of their own; None where each
            step's arrays are one run.
        system: what it was, for the trace.
        config: its settings, plain JSON values.
        seeds: one integer per run, or empty.

    Norms and inner products are summed in float64, whatever the arrays' dtype (in
    float32 on a device that has no float64). Torch's norms stay on the device until
    :meth:`trace`, so that no step waits for it. Nothing is changed and no gradient kept.
    """

    def __init__(
        self,
        batch_axis: int | None = None,
        system: str = "",
        config: Mapping[str, Any] | None = None,
        seeds: Sequence[int] = (),
    ) -> None:
        require(
            batch_axis is None or type(batch_axis) is int, "batch_axis", batch_axis, "None or int"
        )
        self.batch_axis, self.system, self.seeds = batch_axis, system, seeds
        self.config = dict(config or {})
        self._squares: list[Any] = []  # (3, runs) each: of reaction, diffusion, change
        self._times: list[float] = []
        self._runs: int | None = None

    @property
    def steps(self) -> int:
        """How many steps were recorded."""
        return len(self._squares)

    def record(self, reaction: Any, diffusion: Any, time: float | None = None) -> None:
        """Note one step.

        Args:
            reaction: that term with the sign with which it is added to the state: a NumPy
                array, torch tensor or nested list, with the runs along ``batch_axis``. Of
                complex terms the modulus counts.
            diffusion: likewise and of the same shape, so that the sum of both is the change.
            time: of this step, more than the one before; default 1, 2, 3 ...

        Raises:
            InputError: if shapes or the number of runs don't fit, or time doesn't grow.
        """
        squares = _torch_squares if hasattr(reaction, "detach") else _numpy_squares
        found = squares(reaction, diffusion, self.batch_axis)
        runs = int(found.shape[1])
        require(self._runs in (None, runs), "runs", runs, f"{self._runs}, as in the steps before")
        moment = float(self.steps + 1) if time is None else float(time)
        later = not self._times or moment > self._times[-1]
        require(later, "time", moment, f"more than {self._times[-1:]}, of the step before")
        self._runs = runs
        self._squares.append(found)
        self._times.append(moment)

    def trace(self) -> Trace:
        """What was recorded so far, with "change" among the extras."""
        require(self.steps > 0, "recorder", "empty", "given at least one step by record()")
        host = [one.cpu().numpy() if hasattr(one, "cpu") else one for one in self._squares]
        react, diff, change = np.sqrt(np.stack(host, axis=2, dtype=np.float64))
        return Trace(
            react,
            diff,
            np.array(self._times),
            self.system,
            self.config,
            self.seeds,
            {"change": change},
        )

    def balance(self) -> Balance:
        """R, R_t and both means of what was recorded so far."""
        from rdverify.balance import balance_of

        return balance_of(self.trace())


def _numpy_squares(reaction: Any, diffusion: Any, axis: int | None) -> FloatArray:
    a, b = np.asarray(reaction), np.asarray(diffusion)
    _fit(a, b, axis)
    for name, term in (("reaction", a), ("diffusion", b)):
        require(term.dtype.kind in "biufc", f"{name}'s dtype", term.dtype, "numbers")
    a, b = (_wide(term) for term in (a, b))
    if axis is not None:
        a, b = (np.moveaxis(term, axis, 0) for term in (a, b))
    rows = len(a) if axis is not None else 1
    flat = (term.reshape(rows, -1) for term in (a, b, a + b))
    return np.stack([np.square(np.abs(term)).sum(axis=1) for term in flat])


def _wide(term: Any) -> Any:
    return term.astype(np.promote_types(term.dtype, np.float64), copy=False)


def _torch_squares(reaction: Any, diffusion: Any, axis: int | None) -> Any:
    import torch

    require(
        isinstance(diffusion, torch.Tensor), "diffusion", type(diffusion).__name__, "a tensor too"
    )
    a, b = reaction.detach(), diffusion.detach()
    _fit(a, b, axis)
    real = torch.float32 if a.device.type == "mps" else torch.float64
    wide = torch.promote_types(a.dtype, real)
    if axis is not None:
        a, b = (term.movedim(axis, 0) for term in (a, b))
    rows = a.shape[0] if axis is not None else 1
    a, b = (term.to(wide).reshape(rows, -1) for term in (a, b))
    return torch.stack([term.abs().square().sum(1) for term in (a, b, a + b)])


def _fit(a: Any, b: Any, axis: int | None) -> None:
    require(a.shape == b.shape, "diffusion.shape", tuple(b.shape), f"reaction's {tuple(a.shape)}")
    if axis is not None:
        require(-a.ndim <= axis < a.ndim, "batch_axis", axis, f"an axis of shape {tuple(a.shape)}")
