"""The one assertion of the checks, with the reason that the mutation score prints."""

from __future__ import annotations

from typing import Any

import numpy as np

# Double precision with room for an adapter that takes a difference quotient. Not a
# power of ten, so that the resolution found in powers of ten has no borderline case.
RTOL, ATOL = 3e-10, 1e-12


class Rejected(AssertionError):
    """The implementation breaks a law of its equation; ``reason`` is that law."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def expect(
    reason: str, actual: Any, expected: Any, *, rtol: float = RTOL, atol: float = ATOL
) -> None:
    """Both of one shape and equal within |actual - expected| <= atol + rtol |expected|."""
    got, want = np.asarray(actual, float), np.asarray(expected, float)
    if got.shape != want.shape:
        raise Rejected(reason, f"shape {got.shape} instead of {want.shape}")
    if not np.allclose(got, want, rtol=rtol, atol=atol):
        raise Rejected(reason, f"{got.ravel()[:8]} instead of {want.ravel()[:8]}")


def expect_true(reason: str, holds: Any, detail: Any) -> None:
    """Every entry of ``holds`` is true."""
    if not np.all(holds):
        raise Rejected(reason, str(detail))
