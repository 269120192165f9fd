"""The one assertion of the checks, with the reason that the mutation score prints."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

# Double precision with room for an adapter that takes a difference quotient. Not a
# power of ten, so that the resolution found in powers of ten has no borderline case.
RTOL, ATOL = 3e-10, 1e-12
# In singles, this many of their roundings: sixteen times what plain NumPy needs
ROUNDINGS = 256
SHOWN = 6  # numbers of an array in a message

coarsest = ContextVar("coarsest", default=float(np.finfo(np.float64).eps))


class Rejected(AssertionError):
    """The implementation breaks a law of its equation; ``reason`` is that law."""

    def __init__(self, reason: str, expected: str, found: str, allowed: str = "") -> None:
        super().__init__(f"{reason}: expected {expected}, found {found}")
        self.reason, self.expected, self.found = reason, expected, found
        self.allowed = allowed


def tolerance() -> tuple[float, float]:
    """(rtol, atol) at the coarsest precision of a result so far."""
    eps = coarsest.get()
    wide = 0.0 if eps <= np.finfo(np.float64).eps else ROUNDINGS * eps
    return max(RTOL, wide), max(ATOL, wide)


def expect(reason: str, actual: Any, expected: Any, *, rtol: float = 0, atol: float = 0) -> None:
    """Both of one shape and equal within |actual - expected| <= atol + rtol |expected|."""
    got, want = np.asarray(actual, float), np.asarray(expected, float)
    if got.shape != want.shape:
        raise Rejected(reason, f"shape {want.shape}", f"shape {got.shape}")
    least_rtol, least_atol = tolerance()
    rtol, atol = max(rtol, least_rtol), max(atol, least_atol)
    if np.allclose(got, want, rtol=rtol, atol=atol):
        return
    allowed = f"{rtol:.2g} of the value + {atol:.2g}"
    if got.size <= SHOWN:
        raise Rejected(reason, shown(want), shown(got), allowed)
    off = ~np.isclose(got, want, rtol=rtol, atol=atol)
    # NaN first, else the largest difference
    error = np.nan_to_num(np.where(off, np.abs(got - want), -1), nan=np.inf)
    worst = np.unravel_index(np.argmax(error), got.shape)
    place = f"at {list(map(int, worst))}"
    count = f"{np.count_nonzero(off)} of {got.size} entries differ"
    raise Rejected(
        reason, f"{want[worst]:.6g} {place}", f"{got[worst]:.6g} {place}; {count}", allowed
    )


def expect_true(reason: str, holds: Any, detail: Any) -> None:
    """Every entry of ``holds`` is true."""
    if not np.all(holds):
        raise Rejected(reason, "that it holds for every entry", shown(detail))


def shown(value: Any) -> str:
    """A value on one line, with at most ``SHOWN`` numbers of an array."""
    if callable(value):
        return "a function"
    flat = np.ravel(np.asarray(value, float)) + 0.0  # no -0
    numbers = ", ".join(f"{number:.6g}" for number in flat[:SHOWN])
    if np.ndim(value) == 0:
        return numbers
    more = f", ... ({flat.size} in all)" if flat.size > SHOWN else ""
    return f"[{numbers}{more}]"
